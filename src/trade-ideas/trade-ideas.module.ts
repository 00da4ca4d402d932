import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { CommandsModule } from '../commands/commands.module.js';
import { DecisionsModule } from '../decisions/decisions.module.js';
import { InstrumentsModule } from '../instruments/instruments.module.js';
import { MarketDataModule } from '../market-data/market-data.module.js';
import { RiskModule } from '../risk/risk.module.js';
import { AgentCheckController } from './agent-check.controller.js';
import { AgentCheckRepository } from './agent-check.repository.js';
import { AgentCheckService } from './agent-check.service.js';
import { ApprovalsService } from './approvals.service.js';
import { ExecutorsController } from './executors.controller.js';
import { ExecutorsRepository } from './executors.repository.js';
import { ExecutorsService } from './executors.service.js';
import { IdeasRepository } from './ideas.repository.js';
import { IdeasService } from './ideas.service.js';
import { IdeaOutcomes } from './outcomes.service.js';
import { RiskCheckController } from './risk-check.controller.js';
import { TradeIdeasController } from './trade-ideas.controller.js';
import { WaitingIdeas } from './waiting.service.js';

@Module({
  imports: [AgentsModule, CommandsModule, DecisionsModule, InstrumentsModule, MarketDataModule, RiskModule],
  controllers: [TradeIdeasController, RiskCheckController, ExecutorsController, AgentCheckController],
  providers: [AgentCheckRepository, AgentCheckService, ApprovalsService, ExecutorsRepository, ExecutorsService, IdeaOutcomes, IdeasRepository, IdeasService, WaitingIdeas],
  exports: [ApprovalsService, IdeasService, WaitingIdeas],
})
export class TradeIdeasModule {}
