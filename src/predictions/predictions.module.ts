import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { InstrumentsModule } from '../instruments/instruments.module.js';
import { AgentModels } from './agent-models.service.js';
import { AgentModelsRepository } from './agent-models.repository.js';
import { MergedPredictions } from './merged-predictions.js';
import { PredictionScoresRepository } from './prediction-scores.repository.js';
import { PredictionScoresService } from './prediction-scores.service.js';
import { PredictionStatisticsController } from './prediction-statistics.controller.js';
import { PredictionStatisticsRepository } from './prediction-statistics.repository.js';
import { PredictionsController } from './predictions.controller.js';
import { PredictionsRepository } from './predictions.repository.js';
import { PredictionsService } from './predictions.service.js';

@Module({
  imports: [AgentsModule, InstrumentsModule],
  controllers: [PredictionsController, PredictionStatisticsController],
  providers: [AgentModels, AgentModelsRepository, MergedPredictions, PredictionScoresRepository, PredictionScoresService, PredictionsRepository, PredictionsService, PredictionStatisticsRepository],
})
export class PredictionsModule {}
