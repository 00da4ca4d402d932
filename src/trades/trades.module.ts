import { Module } from '@nestjs/common';
import { HaltsModule } from '../halts/halts.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { InstrumentsModule } from '../instruments/instruments.module.js';
import { MarketDataModule } from '../market-data/market-data.module.js';
import { BrokerTradesRepository } from './broker-trades.repository.js';
import { BrokerTradesService } from './broker-trades.service.js';
import { ClaimsService } from './claims.service.js';
import { EquityCurveController } from './equity-curve.controller.js';
import { EquityCurveRepository } from './equity-curve.repository.js';
import { EquityCurveService } from './equity-curve.service.js';
import { FillsController } from './fills.controller.js';
import { FillsRepository } from './fills.repository.js';
import { FillsService } from './fills.service.js';
import { MarksController } from './marks.controller.js';
import { MarksRepository } from './marks.repository.js';
import { MarksService } from './marks.service.js';
import { OpeningsRepository } from './openings.repository.js';
import { TradeBasis } from './trade-basis.repository.js';
import { TradeListsRepository } from './trade-lists.repository.js';
import { TradeStatisticsController } from './trade-statistics.controller.js';
import { TradeStatisticsRepository } from './trade-statistics.repository.js';
import { TradeWatch } from './trade-watch.js';
import { TradesController } from './trades.controller.js';
import { TradesRepository } from './trades.repository.js';
import { TradesService } from './trades.service.js';
import { TransitionsService } from './transitions.service.js';
import { UngatedTrades } from './ungated.service.js';

@Module({
  imports: [HaltsModule, IncidentsModule, InstrumentsModule, MarketDataModule],
  // A path that is spelt out comes before one with a parameter.
  controllers: [TradeStatisticsController, EquityCurveController, TradesController, FillsController, MarksController],
  providers: [UngatedTrades, OpeningsRepository, TradeBasis, TradeWatch, TradesRepository, TradeListsRepository, TradesService, TransitionsService, TradeStatisticsRepository, EquityCurveRepository, EquityCurveService, FillsRepository, FillsService, MarksRepository, MarksService, BrokerTradesRepository, BrokerTradesService, ClaimsService],
  exports: [ClaimsService, OpeningsRepository, UngatedTrades, TradesService, TradeWatch, TradesRepository, TransitionsService, FillsService, MarksService, BrokerTradesRepository, BrokerTradesService],
})
export class TradesModule {}
