import { Module } from '@nestjs/common';
import { ClosuresModule } from '../closures/closures.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { TradesModule } from '../trades/trades.module.js';
import { ExitRulesController } from './exit-rules.controller.js';
import { ExitRulesService } from './exit-rules.service.js';
import { SupervisionRepository } from './supervision.repository.js';
import { SupervisionService } from './supervision.service.js';
import { WatchService } from './watch.service.js';
import { WindDownRepository } from './wind-down.repository.js';
import { WindDownService } from './wind-down.service.js';

@Module({
  imports: [ClosuresModule, IncidentsModule, TradesModule],
  controllers: [ExitRulesController],
  providers: [ExitRulesService, SupervisionRepository, SupervisionService, WatchService, WindDownRepository, WindDownService],
})
export class SupervisorModule {}
