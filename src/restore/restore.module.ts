import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { CommandsModule } from '../commands/commands.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { KillSwitchModule } from '../kill-switch/kill-switch.module.js';
import { TradeIdeasModule } from '../trade-ideas/trade-ideas.module.js';
import { TradesModule } from '../trades/trades.module.js';
import { ArrivalRepository } from './arrival.repository.js';
import { Arrival } from './arrival.service.js';
import { DrillSchedule } from './drill-schedule.service.js';
import { DrillsRepository } from './drills.repository.js';
import { Drills } from './drills.service.js';
import { DrillsShown } from './drills-shown.js';

@Module({
  imports: [AuthModule, CommandsModule, IncidentsModule, KillSwitchModule, TradeIdeasModule, TradesModule],
  providers: [Arrival, ArrivalRepository, Drills, DrillSchedule, DrillsRepository, DrillsShown],
  exports: [Arrival, Drills, DrillsShown],
})
export class RestoreModule {}
