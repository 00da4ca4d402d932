import { Global, Module } from '@nestjs/common';
import { EventFeed } from './event-feed.js';
import { EventLog } from './event-log.repository.js';
import { Events } from './events.service.js';

@Global()
@Module({ providers: [EventFeed, EventLog, Events], exports: [EventFeed, EventLog, Events] })
export class EventsModule {}
