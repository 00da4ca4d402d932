import { Module } from '@nestjs/common';
import { EventsController } from './events.controller.js';
import { Streams } from './streams.js';

@Module({ controllers: [EventsController], providers: [Streams], exports: [Streams] })
export class LiveModule {}
