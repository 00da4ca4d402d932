import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown, mustOwn } from '../auth/own-rows.js';
import { idParam } from '../common/fields.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { IncidentsRepository } from './incidents.repository.js';
import { acknowledgeSchema, incidentSchema, incidentsQuery, toIncident } from './incidents.schemas.js';
import { Incidents } from './incidents.service.js';

@Controller('incidents')
export class IncidentsController {
  constructor(
    private readonly service: Incidents,
    private readonly incidents: IncidentsRepository,
  ) {}

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(incidentSchema))
  async list(@Query({ schema: incidentsQuery }) { limit, cursor, agentId, ...filter }: z.output<typeof incidentsQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.incidents.list({ ...filter, agentId: agentShown(caller, agentId) ?? undefined }, limit, cursor), limit, toIncident);
  }

  @Get(':id')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(incidentSchema)
  async get(@Param({ schema: idParam() }) { id }: { id: string }, @CurrentCaller() caller: Caller) {
    const incident = await this.service.get(id);
    mustOwn(caller, incident.agent_id ?? '');
    return toIncident(incident);
  }

  @Post(':id/ack')
  @HttpCode(200)
  @Allow({ person: 'operator' })
  @Answers(incidentSchema)
  async acknowledge(@Param({ schema: idParam() }) { id }: { id: string }, @Body({ schema: acknowledgeSchema }) { note }: z.output<typeof acknowledgeSchema>, @CurrentCaller() caller: Caller) {
    return toIncident(await this.service.acknowledge(caller, id, note ?? null));
  }
}
