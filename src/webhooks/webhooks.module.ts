import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { StrategiesModule } from '../strategies/strategies.module.js';
import { Duplicates } from './duplicates.js';
import { WebhooksController } from './intake.controller.js';
import { IntakeRepository } from './intake.repository.js';
import { IntakeService } from './intake.service.js';
import { KnownSources } from './known-sources.js';
import { PreviewService } from './preview.service.js';
import { WebhookSourcesController } from './sources.controller.js';
import { SourcesRepository } from './sources.repository.js';
import { SourcesService } from './sources.service.js';
import { StoredAlerts } from './stored-alerts.js';

@Module({
  imports: [AgentsModule, StrategiesModule],
  controllers: [WebhookSourcesController, WebhooksController],
  providers: [SourcesRepository, SourcesService, KnownSources, PreviewService, IntakeRepository, IntakeService, Duplicates, StoredAlerts],
})
export class WebhooksModule {}
