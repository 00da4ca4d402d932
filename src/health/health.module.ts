import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { SystemMonitorModule } from '../system-monitor/system-monitor.module.js';
import { BackupModule } from '../backup/backup.module.js';
import { Disks } from './disks.service.js';
import { HealthController } from './health.controller.js';
import { LongTransactions } from './long-transactions.service.js';
import { MetricsController } from './metrics.controller.js';
import { MirrorsShown } from './mirrors-shown.js';
import { ReplicaWatch } from './replica-watch.service.js';
import { Scrape } from './scrape.js';
import { Shutdown } from './shutdown.js';
import { SizesShown } from './sizes.service.js';

@Module({
  // Terminus would log a failing check as an error at every probe; the log line that matters is DatabaseService's.
  imports: [BackupModule, IncidentsModule, SystemMonitorModule, TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController, MetricsController],
  providers: [Disks, LongTransactions, MirrorsShown, ReplicaWatch, Scrape, Shutdown, SizesShown],
  exports: [Disks, MirrorsShown, Shutdown, SizesShown],
})
export class HealthModule {}
