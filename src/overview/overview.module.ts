import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { BackupModule } from '../backup/backup.module.js';
import { CircuitBreakerModule } from '../circuit-breaker/circuit-breaker.module.js';
import { HealthModule } from '../health/health.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { KillSwitchModule } from '../kill-switch/kill-switch.module.js';
import { LiveModule } from '../live/live.module.js';
import { RestoreModule } from '../restore/restore.module.js';
import { RetentionModule } from '../retention/retention.module.js';
import { RiskModule } from '../risk/risk.module.js';
import { SystemMonitorModule } from '../system-monitor/system-monitor.module.js';
import { HeldRepository } from './held.repository.js';
import { OverviewController } from './overview.controller.js';
import { OverviewRepository } from './overview.repository.js';
import { OverviewService } from './overview.service.js';
import { PoolHistory } from './pool-history.js';
import { SearchController } from './search.controller.js';
import { SearchRepository } from './search.repository.js';
import { SearchService } from './search.service.js';
import { SystemController } from './system.controller.js';
import { SystemRepository } from './system.repository.js';
import { SystemService } from './system.service.js';

@Module({
  imports: [AgentsModule, BackupModule, CircuitBreakerModule, HealthModule, IncidentsModule, KillSwitchModule, LiveModule, RestoreModule, RetentionModule, RiskModule, SystemMonitorModule],
  controllers: [OverviewController, SearchController, SystemController],
  providers: [HeldRepository, OverviewRepository, OverviewService, PoolHistory, SearchRepository, SearchService, SystemRepository, SystemService],
})
export class OverviewModule {}
