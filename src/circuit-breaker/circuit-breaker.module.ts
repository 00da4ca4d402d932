import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { HaltsModule } from '../halts/halts.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { TradesModule } from '../trades/trades.module.js';
import { AgentFiguresRepository } from './agent-figures.repository.js';
import { BreakerActions } from './breaker-actions.service.js';
import { BreakerBooksRepository } from './breaker-books.repository.js';
import { BreakerConfigRepository } from './breaker-config.repository.js';
import { BreakerScopes } from './breaker-scopes.service.js';
import { BreakerStatesRepository } from './breaker-states.repository.js';
import { BreakerTests } from './breaker-tests.service.js';
import { CircuitBreakerEventsController } from './circuit-breaker-events.controller.js';
import { CircuitBreakerEventsRepository } from './circuit-breaker-events.repository.js';
import { CircuitBreakerEventsService } from './circuit-breaker-events.service.js';
import { CircuitBreakersController } from './circuit-breakers.controller.js';
import { CircuitBreakersService } from './circuit-breakers.service.js';
import { BreakerEvaluation } from './evaluation.service.js';
import { FiguresService } from './figures.service.js';
import { Hearing } from './hearing.js';
import { BreakerLooks } from './looks.service.js';
import { LossBasesService } from './loss-bases.service.js';
import { LossFloorsService } from './loss-floors.service.js';
import { LossFactsRepository } from './loss-facts.repository.js';
import { BreakerStanding } from './standing.service.js';
import { TradeFiguresRepository } from './trade-figures.repository.js';

@Module({
  imports: [AccountsModule, HaltsModule, IncidentsModule, TradesModule],
  // A path that is spelt out comes before one with a parameter.
  controllers: [CircuitBreakerEventsController, CircuitBreakersController],
  providers: [
    CircuitBreakerEventsRepository, CircuitBreakerEventsService, CircuitBreakersService, BreakerConfigRepository, BreakerStatesRepository, BreakerBooksRepository, BreakerScopes, BreakerTests,
    BreakerActions, BreakerEvaluation, BreakerLooks, Hearing, FiguresService, LossBasesService, LossFactsRepository, TradeFiguresRepository, AgentFiguresRepository, LossFloorsService, BreakerStanding,
  ],
  exports: [BreakerEvaluation, BreakerStanding, BreakerTests, LossBasesService, LossFloorsService],
})
export class CircuitBreakerModule {}
