import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { Metrics } from '../common/metrics.js';
import { DatabaseModule } from '../database/database.module.js';
import { ArchivedTexts } from '../decisions/archive/archived-texts.js';
import { DecisionsRepository } from '../decisions/decisions.repository.js';
import { DecisionsService } from '../decisions/decisions.service.js';
import { EventsModule } from '../events/events.module.js';
import { ImportService } from '../legacy/load/import.service.js';

/** What an import needs of the application, and no more: all of it took a second to load and 80 MB beside the rows. */
@Global()
@Module({})
export class ImportModule {
  static with(env: Env): DynamicModule {
    return {
      module: ImportModule, imports: [DatabaseModule, EventsModule],
      providers: [{ provide: ENV, useValue: env }, Metrics, ArchivedTexts, DecisionsRepository, DecisionsService, ImportService], exports: [ENV, Metrics],
    };
  }
}
