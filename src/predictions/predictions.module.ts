import { Module } from '@nestjs/common';
import { MergedPredictions } from './merged-predictions.js';
import { PredictionStatisticsController } from './prediction-statistics.controller.js';
import { PredictionStatisticsRepository } from './prediction-statistics.repository.js';
import { PredictionsController } from './predictions.controller.js';
import { PredictionsRepository } from './predictions.repository.js';
import { PredictionsService } from './predictions.service.js';

@Module({
  controllers: [PredictionsController, PredictionStatisticsController],
  providers: [MergedPredictions, PredictionsRepository, PredictionsService, PredictionStatisticsRepository],
})
export class PredictionsModule {}
