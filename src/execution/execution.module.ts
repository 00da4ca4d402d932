import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { CommandsModule } from '../commands/commands.module.js';
import { MarketDataModule } from '../market-data/market-data.module.js';
import { TradesModule } from '../trades/trades.module.js';
import { SyncController } from './sync.controller.js';
import { SyncElements } from './sync-elements.js';
import { SyncRepository } from './sync.repository.js';
import { SyncService } from './sync.service.js';

@Module({ imports: [AgentsModule, CommandsModule, MarketDataModule, TradesModule], controllers: [SyncController], providers: [SyncElements, SyncRepository, SyncService] })
export class ExecutionModule {}
