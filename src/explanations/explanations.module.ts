import { Module } from '@nestjs/common';
import { ExplanationsController } from './explanations.controller.js';
import { ExplanationsRepository } from './explanations.repository.js';
import { ExplanationsService } from './explanations.service.js';

@Module({ controllers: [ExplanationsController], providers: [ExplanationsRepository, ExplanationsService] })
export class ExplanationsModule {}
