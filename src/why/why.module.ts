import { Module } from '@nestjs/common';
import { DecisionsModule } from '../decisions/decisions.module.js';
import { WhyController } from './why.controller.js';
import { WhyRepository } from './why.repository.js';
import { WhyService } from './why.service.js';

@Module({ imports: [DecisionsModule], controllers: [WhyController], providers: [WhyRepository, WhyService], exports: [WhyService] })
export class WhyModule {}
