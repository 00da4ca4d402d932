import { Module } from '@nestjs/common';
import { IncidentsController } from './incidents.controller.js';
import { IncidentsRepository } from './incidents.repository.js';
import { Incidents } from './incidents.service.js';

@Module({ controllers: [IncidentsController], providers: [IncidentsRepository, Incidents], exports: [Incidents, IncidentsRepository] })
export class IncidentsModule {}
