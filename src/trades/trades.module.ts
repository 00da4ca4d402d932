import { Module } from '@nestjs/common';
import { TradesController } from './trades.controller.js';
import { TradesRepository } from './trades.repository.js';
import { TradesService } from './trades.service.js';
import { TransitionsService } from './transitions.service.js';

@Module({
  controllers: [TradesController],
  providers: [TradesRepository, TradesService, TransitionsService],
  exports: [TradesService, TransitionsService],
})
export class TradesModule {}
