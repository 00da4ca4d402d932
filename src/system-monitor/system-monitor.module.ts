import { Module } from '@nestjs/common';
import { HaltsModule } from '../halts/halts.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { LiveModule } from '../live/live.module.js';
import { MonitorConnection } from './monitor-connection.js';
import { SystemMonitorController } from './system-monitor.controller.js';
import { SystemMonitor } from './system-monitor.service.js';
import { SystemStatusRepository } from './system-status.repository.js';

@Module({
  imports: [HaltsModule, IncidentsModule, LiveModule],
  controllers: [SystemMonitorController],
  providers: [MonitorConnection, SystemMonitor, SystemStatusRepository],
  exports: [SystemMonitor],
})
export class SystemMonitorModule {}
