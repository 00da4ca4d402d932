import { Module } from '@nestjs/common';
import { StrategiesController } from './strategies.controller.js';
import { StrategiesRepository } from './strategies.repository.js';
import { StrategiesService } from './strategies.service.js';

@Module({ controllers: [StrategiesController], providers: [StrategiesRepository, StrategiesService], exports: [StrategiesService, StrategiesRepository] })
export class StrategiesModule {}
