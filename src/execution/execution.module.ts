import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { CommandsModule } from '../commands/commands.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { MarketDataModule } from '../market-data/market-data.module.js';
import { PositionsModule } from '../positions/positions.module.js';
import { RiskModule } from '../risk/risk.module.js';
import { TradeIdeasModule } from '../trade-ideas/trade-ideas.module.js';
import { TradesModule } from '../trades/trades.module.js';
import { DealsRepository } from './deals.repository.js';
import { DealsService } from './deals.service.js';
import { OpenedService } from './opened.service.js';
import { ReconcileController } from './reconcile.controller.js';
import { ReconcileService } from './reconcile.service.js';
import { SyncController } from './sync.controller.js';
import { SyncElements } from './sync-elements.js';
import { SyncRepository } from './sync.repository.js';
import { SyncService } from './sync.service.js';
import { UnknownCommandsRepository } from './unknown-commands.repository.js';
import { UnknownCommandsService } from './unknown-commands.service.js';

@Module({
  imports: [AgentsModule, CommandsModule, IncidentsModule, MarketDataModule, PositionsModule, RiskModule, TradeIdeasModule, TradesModule],
  controllers: [SyncController, ReconcileController],
  providers: [SyncElements, SyncRepository, SyncService, DealsRepository, DealsService, OpenedService, ReconcileService, UnknownCommandsRepository, UnknownCommandsService],
})
export class ExecutionModule {}
