import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { HaltsModule } from '../halts/halts.module.js';
import { AgentVersions } from './agent-versions.service.js';
import { AgentsController } from './agents.controller.js';
import { AgentsRepository } from './agents.repository.js';
import { AgentsService } from './agents.service.js';
import { HeartbeatRepository } from './heartbeat.repository.js';
import { UptimeRepository } from './uptime.repository.js';
import { Uptime } from './uptime.service.js';

@Module({
  imports: [AccountsModule, HaltsModule, IncidentsModule],
  controllers: [AgentsController],
  providers: [AgentVersions, AgentsRepository, AgentsService, HeartbeatRepository, UptimeRepository, Uptime],
  exports: [AgentVersions, AgentsService, AgentsRepository],
})
export class AgentsModule {}
