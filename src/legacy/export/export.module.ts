import { Module } from '@nestjs/common';
import { ExportIds } from '../shapes/export-ids.repository.js';
import { OursRepository } from '../shapes/ours.repository.js';
import { ExportRepository } from './export.repository.js';
import { ExportService } from './export.service.js';
import { TableExport } from './table-export.js';

@Module({ providers: [ExportService, ExportRepository, TableExport, OursRepository, ExportIds], exports: [ExportService, ExportRepository, TableExport, OursRepository, ExportIds] })
export class ExportModule {}
