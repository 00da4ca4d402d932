import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { MirrorsShown } from './mirrors-shown.js';
import { Scrape } from './scrape.js';
import { Shutdown } from './shutdown.js';
import { SystemMonitorModule } from '../system-monitor/system-monitor.module.js';

@Module({
  // Terminus would log a failing check as an error at every probe; the log line that matters is DatabaseService's.
  imports: [TerminusModule.forRoot({ logger: false }), SystemMonitorModule],
  controllers: [HealthController, MetricsController],
  providers: [MirrorsShown, Shutdown, Scrape],
  exports: [MirrorsShown, Shutdown],
})
export class HealthModule {}
