import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiProduces } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown, requesterOf } from '../auth/own-rows.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { eventSchema, eventsQuery, fromOf, typesOf } from './events.schemas.js';
import { Streams } from './streams.js';

@Controller('events')
export class EventsController {
  constructor(private readonly streams: Streams) {}

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @ApiProduces('text/event-stream')
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'the last id that was seen: the stream goes on behind it' })
  @Answers(eventSchema)
  async stream(@Query({ schema: eventsQuery }) query: z.output<typeof eventsQuery>, @CurrentCaller() caller: Caller, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const filter = { agentId: agentShown(caller, query.agentId), ...typesOf(query.type) };
    const from = fromOf(request.headers['last-event-id'], query.lastEventId);
    await this.streams.check(from);
    if (request.method === 'HEAD') void reply.type('text/event-stream').send();
    else this.streams.start(reply, requesterOf(caller), filter, from);
  }
}
