import { Module } from '@nestjs/common';
import { DecisionsModule } from '../decisions/decisions.module.js';
import { ImportsController } from './imports.controller.js';
import { ImportsRepository } from './imports.repository.js';
import { ImportService } from './load/import.service.js';

@Module({ imports: [DecisionsModule], controllers: [ImportsController], providers: [ImportsRepository, ImportService], exports: [ImportService] })
export class LegacyModule {}
