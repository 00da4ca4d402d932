import { Module } from '@nestjs/common';
import { PredictionsController } from './predictions.controller.js';
import { PredictionsRepository } from './predictions.repository.js';
import { PredictionsService } from './predictions.service.js';

@Module({ controllers: [PredictionsController], providers: [PredictionsRepository, PredictionsService] })
export class PredictionsModule {}
