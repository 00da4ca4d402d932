import { Module } from '@nestjs/common';
import { DecisionVerifier } from './decision-verifier.js';
import { DecisionsController } from './decisions.controller.js';
import { DecisionsRepository } from './decisions.repository.js';
import { DecisionsService } from './decisions.service.js';

@Module({ controllers: [DecisionsController], providers: [DecisionsRepository, DecisionsService, DecisionVerifier], exports: [DecisionsService] })
export class DecisionsModule {}
