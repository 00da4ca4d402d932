import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { AgentsController } from './agents.controller.js';
import { AgentsRepository } from './agents.repository.js';
import { AgentsService } from './agents.service.js';
import { HeartbeatRepository } from './heartbeat.repository.js';
import { UptimeRepository } from './uptime.repository.js';
import { Uptime } from './uptime.service.js';

@Module({
  imports: [AccountsModule, IncidentsModule],
  controllers: [AgentsController],
  providers: [AgentsRepository, AgentsService, HeartbeatRepository, UptimeRepository, Uptime],
  exports: [AgentsService, AgentsRepository],
})
export class AgentsModule {}
