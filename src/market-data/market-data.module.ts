import { Module } from '@nestjs/common';
import { Months } from './months.js';
import { QuotesController } from './quotes.controller.js';
import { QuotesRepository } from './quotes.repository.js';
import { QuotesService } from './quotes.service.js';
import { SnapshotRefsController } from './snapshot-refs.controller.js';
import { SnapshotRefsRepository } from './snapshot-refs.repository.js';
import { SnapshotRefsService } from './snapshot-refs.service.js';
import { SnapshotsController } from './snapshots.controller.js';
import { SnapshotsRepository } from './snapshots.repository.js';
import { SnapshotsService } from './snapshots.service.js';

@Module({
  controllers: [SnapshotsController, SnapshotRefsController, QuotesController],
  providers: [Months, SnapshotsRepository, SnapshotsService, SnapshotRefsRepository, SnapshotRefsService, QuotesRepository, QuotesService],
  exports: [Months, QuotesService],
})
export class MarketDataModule {}
