import { Module } from '@nestjs/common';
import { DecisionsModule } from '../decisions/decisions.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { DecisionsArchive } from './decisions-archive.js';
import { RetentionService } from './retention.service.js';
import { RunsRepository } from './runs.repository.js';

@Module({ imports: [DecisionsModule, IncidentsModule], providers: [DecisionsArchive, RetentionService, RunsRepository], exports: [RetentionService] })
export class RetentionModule {}
