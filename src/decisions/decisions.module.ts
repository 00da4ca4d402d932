import { Module } from '@nestjs/common';
import { ArchivedTexts } from './archive/archived-texts.js';
import { ArchivesRepository } from './archive/archives.repository.js';
import { DecisionVerifier } from './decision-verifier.js';
import { DecisionsController } from './decisions.controller.js';
import { DecisionsRepository } from './decisions.repository.js';
import { DecisionsService } from './decisions.service.js';

@Module({ controllers: [DecisionsController], providers: [ArchivedTexts, ArchivesRepository, DecisionsRepository, DecisionsService, DecisionVerifier], exports: [ArchivedTexts, ArchivesRepository, DecisionsService] })
export class DecisionsModule {}
