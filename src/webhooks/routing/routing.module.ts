import { Module } from '@nestjs/common';
import { ClosuresModule } from '../../closures/closures.module.js';
import { CommandsModule } from '../../commands/commands.module.js';
import { IncidentsModule } from '../../incidents/incidents.module.js';
import { InstrumentsModule } from '../../instruments/instruments.module.js';
import { RiskModule } from '../../risk/risk.module.js';
import { TradeIdeasModule } from '../../trade-ideas/trade-ideas.module.js';
import { AlertCloses } from './closing.service.js';
import { AlertRouter } from './router.service.js';
import { RoutingRepository } from './routing.repository.js';

@Module({
  imports: [ClosuresModule, CommandsModule, IncidentsModule, InstrumentsModule, RiskModule, TradeIdeasModule],
  providers: [AlertCloses, AlertRouter, RoutingRepository],
  exports: [AlertRouter],
})
export class AlertRoutingModule {}
