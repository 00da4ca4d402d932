import { Module } from '@nestjs/common';
import { PositionsModule } from '../positions/positions.module.js';
import { TradesModule } from '../trades/trades.module.js';
import { AskedAccount } from './asked-account.js';
import { CurveMarksController } from './curve-marks.controller.js';
import { CurveMarksRepository } from './curve-marks.repository.js';
import { PerformanceController } from './performance.controller.js';
import { PerformanceRepository } from './performance.repository.js';
import { TradeExportController } from './trade-export.controller.js';
import { TradeExport } from './trade-export.service.js';

@Module({
  imports: [PositionsModule, TradesModule],
  controllers: [PerformanceController, CurveMarksController, TradeExportController],
  providers: [AskedAccount, CurveMarksRepository, PerformanceRepository, TradeExport],
})
export class ReportsModule {}
