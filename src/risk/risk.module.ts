import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { AgentsModule } from '../agents/agents.module.js';
import { CircuitBreakerModule } from '../circuit-breaker/circuit-breaker.module.js';
import { HaltsModule } from '../halts/halts.module.js';
import { StrategiesModule } from '../strategies/strategies.module.js';
import { GateRepository } from './gate/gate.repository.js';
import { GateService } from './gate/gate.service.js';
import { ExposureController } from './exposure.controller.js';
import { ExposureRepository } from './exposure.repository.js';
import { ExposureService } from './exposure.service.js';
import { ReservationsRepository } from './reservations.repository.js';
import { RiskConfigController } from './risk-config.controller.js';
import { RiskConfigRepository } from './risk-config.repository.js';
import { RiskConfigService } from './risk-config.service.js';
import { RiskLimitsController } from './risk-limits.controller.js';
import { RiskLimitsRepository } from './risk-limits.repository.js';
import { RiskLimitsService } from './risk-limits.service.js';

@Module({
  imports: [AccountsModule, AgentsModule, CircuitBreakerModule, HaltsModule, StrategiesModule],
  controllers: [RiskConfigController, RiskLimitsController, ExposureController],
  providers: [ExposureRepository, ExposureService, GateRepository, GateService, ReservationsRepository, RiskConfigRepository, RiskConfigService, RiskLimitsRepository, RiskLimitsService],
  exports: [ExposureService, GateService, ReservationsRepository, RiskConfigRepository, RiskLimitsRepository],
})
export class RiskModule {}
