import { Module } from '@nestjs/common';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { BackupIncidents } from './backup-incidents.js';
import { BackupSchedule } from './backup-schedule.service.js';
import { Backups } from './backups.service.js';
import { BackupsRepository } from './backups.repository.js';
import { BackupsShown } from './backups-shown.js';

@Module({ imports: [IncidentsModule], providers: [BackupIncidents, Backups, BackupSchedule, BackupsRepository, BackupsShown], exports: [Backups, BackupsShown] })
export class BackupModule {}
