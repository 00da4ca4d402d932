import { Module } from '@nestjs/common';
import { CommandsModule } from '../commands/commands.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { ClosuresController } from './closures.controller.js';
import { ClosuresRepository } from './closures.repository.js';
import { ClosuresService } from './closures.service.js';

@Module({
  imports: [CommandsModule, IncidentsModule],
  controllers: [ClosuresController],
  providers: [ClosuresRepository, ClosuresService],
  exports: [ClosuresService, ClosuresRepository],
})
export class ClosuresModule {}
