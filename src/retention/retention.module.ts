import { Module } from '@nestjs/common';
import { DecisionsModule } from '../decisions/decisions.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { DecisionsArchive } from './decisions-archive.js';
import { RetentionShown } from './retention-shown.js';
import { RetentionService } from './retention.service.js';
import { RunsRepository } from './runs.repository.js';

@Module({ imports: [DecisionsModule, IncidentsModule], providers: [DecisionsArchive, RetentionService, RetentionShown, RunsRepository], exports: [RetentionService, RetentionShown] })
export class RetentionModule {}
