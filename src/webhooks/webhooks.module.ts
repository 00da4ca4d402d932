import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { StrategiesModule } from '../strategies/strategies.module.js';
import { AlertsController } from './alerts.controller.js';
import { AlertsRepository } from './alerts.repository.js';
import { AlertsService } from './alerts.service.js';
import { Duplicates } from './intake/duplicates.js';
import { WebhooksController } from './intake/intake.controller.js';
import { AlertEnds } from './inbox/alert-ends.service.js';
import { FinishedRepository } from './inbox/finished.repository.js';
import { Inbox } from './inbox/inbox.service.js';
import { MappingRepository } from './inbox/mapping.repository.js';
import { AlertMapping } from './inbox/mapping.service.js';
import { SilenceRepository } from './inbox/silence.repository.js';
import { SilenceWatch } from './inbox/silence.service.js';
import { StreamsRepository } from './inbox/streams.repository.js';
import { AlertTurns } from './inbox/turns.service.js';
import { IntakeRepository } from './intake/intake.repository.js';
import { IntakeService } from './intake/intake.service.js';
import { KnownSources } from './sources/known-sources.js';
import { PreviewService } from './sources/preview.service.js';
import { AlertRoutingModule } from './routing/routing.module.js';
import { WebhookSourcesController } from './sources/sources.controller.js';
import { SourcesRepository } from './sources/sources.repository.js';
import { SourcesService } from './sources/sources.service.js';
import { StoredAlerts } from './intake/stored-alerts.js';

@Module({
  imports: [AgentsModule, AlertRoutingModule, IncidentsModule, StrategiesModule],
  controllers: [AlertsController, WebhookSourcesController, WebhooksController],
  providers: [SourcesRepository, SourcesService, KnownSources, PreviewService, IntakeRepository, IntakeService, Duplicates, StoredAlerts,
    AlertsRepository, AlertsService, AlertEnds, FinishedRepository, Inbox, MappingRepository, AlertMapping, SilenceRepository, SilenceWatch, StreamsRepository, AlertTurns],
})
export class WebhooksModule {}
