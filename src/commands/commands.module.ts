import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { HaltsModule } from '../halts/halts.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { TradesModule } from '../trades/trades.module.js';
import { CommandIncidents } from './command-incidents.js';
import { CommandsController } from './commands.controller.js';
import { CommandsRepository } from './commands.repository.js';
import { CommandsService } from './commands.service.js';
import { CompletionRepository } from './completion.repository.js';
import { EnqueueRepository } from './enqueue.repository.js';
import { HandOutRepository } from './hand-out.repository.js';
import { LeaseRepository } from './lease.repository.js';
import { LeaseService } from './lease.service.js';
import { Parking } from './parking.js';
import { ServerCommands } from './server-commands.service.js';
import { Sweeper } from './sweeper.js';

@Module({
  imports: [AgentsModule, HaltsModule, IncidentsModule, TradesModule],
  controllers: [CommandsController],
  providers: [CommandIncidents, CommandsRepository, CommandsService, CompletionRepository, EnqueueRepository, HandOutRepository, LeaseRepository, LeaseService, Parking, ServerCommands, Sweeper],
  exports: [CommandsService, LeaseService, ServerCommands],
})
export class CommandsModule {}
