import { Module } from '@nestjs/common';
import { PositionsModule } from '../positions/positions.module.js';
import { AskedAccount } from './asked-account.js';
import { PerformanceController } from './performance.controller.js';
import { PerformanceRepository } from './performance.repository.js';

@Module({
  imports: [PositionsModule],
  controllers: [PerformanceController],
  providers: [AskedAccount, PerformanceRepository],
})
export class ReportsModule {}
