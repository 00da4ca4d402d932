import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { CommandsModule } from '../commands/commands.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { TradesModule } from '../trades/trades.module.js';
import { PlanService } from './plan.service.js';
import { PositionsController } from './positions.controller.js';
import { PositionsRepository } from './positions.repository.js';
import { PositionsService } from './positions.service.js';
import { ReportsRepository } from './reports.repository.js';
import { ReportsService } from './reports.service.js';

@Module({
  imports: [AgentsModule, CommandsModule, IncidentsModule, TradesModule],
  controllers: [PositionsController],
  providers: [PlanService, PositionsRepository, PositionsService, ReportsRepository, ReportsService],
  exports: [PositionsRepository, ReportsRepository, ReportsService],
})
export class PositionsModule {}
