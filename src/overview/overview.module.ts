import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { CircuitBreakerModule } from '../circuit-breaker/circuit-breaker.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { KillSwitchModule } from '../kill-switch/kill-switch.module.js';
import { RiskModule } from '../risk/risk.module.js';
import { HeldRepository } from './held.repository.js';
import { OverviewController } from './overview.controller.js';
import { OverviewRepository } from './overview.repository.js';
import { OverviewService } from './overview.service.js';
import { SearchController } from './search.controller.js';
import { SystemController } from './system.controller.js';

@Module({
  imports: [AgentsModule, CircuitBreakerModule, IncidentsModule, KillSwitchModule, RiskModule],
  controllers: [OverviewController, SearchController, SystemController],
  providers: [HeldRepository, OverviewRepository, OverviewService],
})
export class OverviewModule {}
