import { Module } from '@nestjs/common';
import { IncidentsModule } from '../../incidents/incidents.module.js';
import { RiskModule } from '../../risk/risk.module.js';
import { StrategiesModule } from '../../strategies/strategies.module.js';
import { ExportModule } from '../export/export.module.js';
import { MirrorWatch } from './mirror-watch.service.js';
import { MirrorsRepository } from './mirrors.repository.js';
import { OldRows } from './old-rows.js';
import { OwnFiles } from './own-files.js';

@Module({ imports: [ExportModule, IncidentsModule, RiskModule, StrategiesModule], providers: [MirrorWatch, MirrorsRepository, OldRows, OwnFiles] })
export class MirrorModule {}
