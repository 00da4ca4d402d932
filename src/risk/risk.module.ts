import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { AgentsModule } from '../agents/agents.module.js';
import { StrategiesModule } from '../strategies/strategies.module.js';
import { RiskConfigController } from './risk-config.controller.js';
import { RiskConfigRepository } from './risk-config.repository.js';
import { RiskConfigService } from './risk-config.service.js';
import { RiskLimitsController } from './risk-limits.controller.js';
import { RiskLimitsRepository } from './risk-limits.repository.js';
import { RiskLimitsService } from './risk-limits.service.js';

@Module({
  imports: [AccountsModule, AgentsModule, StrategiesModule],
  controllers: [RiskConfigController, RiskLimitsController],
  providers: [RiskConfigRepository, RiskConfigService, RiskLimitsRepository, RiskLimitsService],
  exports: [RiskConfigRepository, RiskLimitsRepository],
})
export class RiskModule {}
