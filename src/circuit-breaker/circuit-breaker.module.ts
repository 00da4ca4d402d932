import { Module } from '@nestjs/common';
import { CircuitBreakerEventsController } from './circuit-breaker-events.controller.js';
import { CircuitBreakerEventsRepository } from './circuit-breaker-events.repository.js';
import { CircuitBreakerEventsService } from './circuit-breaker-events.service.js';

@Module({ controllers: [CircuitBreakerEventsController], providers: [CircuitBreakerEventsRepository, CircuitBreakerEventsService] })
export class CircuitBreakerModule {}
