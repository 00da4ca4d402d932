import { Module } from '@nestjs/common';
import { OverviewController } from './overview.controller.js';
import { SearchController } from './search.controller.js';
import { SystemController } from './system.controller.js';

@Module({ controllers: [OverviewController, SearchController, SystemController] })
export class OverviewModule {}
