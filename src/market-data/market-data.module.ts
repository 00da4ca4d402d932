import { Module } from '@nestjs/common';
import { Months } from './months.js';
import { QuotesController } from './quotes.controller.js';
import { QuotesRepository } from './quotes.repository.js';
import { QuotesService } from './quotes.service.js';
import { SnapshotsController } from './snapshots.controller.js';
import { SnapshotsRepository } from './snapshots.repository.js';
import { SnapshotsService } from './snapshots.service.js';

@Module({
  controllers: [SnapshotsController, QuotesController],
  providers: [Months, SnapshotsRepository, SnapshotsService, QuotesRepository, QuotesService],
})
export class MarketDataModule {}
