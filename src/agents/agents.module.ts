import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { AgentsController } from './agents.controller.js';
import { AgentsRepository } from './agents.repository.js';
import { AgentsService } from './agents.service.js';
import { HeartbeatRepository } from './heartbeat.repository.js';

@Module({
  imports: [AccountsModule, IncidentsModule],
  controllers: [AgentsController],
  providers: [AgentsRepository, AgentsService, HeartbeatRepository],
  exports: [AgentsService, AgentsRepository],
})
export class AgentsModule {}
