import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { IfMatch, type Precondition, Tagged, type Tagging } from '../common/http/if-match.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import {
  breakerParam, breakerSchema, breakersQuery, breakersSchema, breakerVersionSchema, putBreakerSchema, resetAnswerSchema, resetBreakerSchema, toBreakerVersion,
  tripAnswerSchema, tripSchema, versionsQuery,
} from './circuit-breakers.schemas.js';
import { CircuitBreakersService } from './circuit-breakers.service.js';

type Name = z.output<typeof breakerParam>;

@Controller('circuit-breakers')
export class CircuitBreakersController {
  constructor(private readonly service: CircuitBreakersService) {}

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(breakersSchema)
  async list(@Query({ schema: breakersQuery }) { accountId }: z.output<typeof breakersQuery>, @CurrentCaller() caller: Caller) {
    return { items: await this.service.list(caller, accountId) };
  }

  @Get(':name')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(breakerSchema)
  async get(@Param({ schema: breakerParam }) { name }: Name, @CurrentCaller() caller: Caller, @Tagged() tag: Tagging) {
    return tag.answer(await this.service.get(caller, name));
  }

  @Put(':name')
  @Allow({ person: 'admin' })
  @Answers(breakerSchema)
  async put(@Param({ schema: breakerParam }) { name }: Name, @Body({ schema: putBreakerSchema }) body: z.output<typeof putBreakerSchema>, @IfMatch() match: Precondition, @CurrentCaller() caller: Caller) {
    return match.answer(await this.service.put(caller, name, match.of(await this.service.get(caller, name), body, ['states', 'statesLeftOut']).version, body));
  }

  @Get(':name/versions')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(breakerVersionSchema))
  async versions(@Param({ schema: breakerParam }) { name }: Name, @Query({ schema: versionsQuery }) { limit, cursor }: z.output<typeof versionsQuery>) {
    return pageOf(await this.service.versions(name, limit, cursor), limit, toBreakerVersion);
  }

  @Post(':name/trip')
  @HttpCode(200)
  @Allow({ person: 'operator' })
  @Answers(tripAnswerSchema)
  trip(@Param({ schema: breakerParam }) { name }: Name, @Body({ schema: tripSchema }) body: z.output<typeof tripSchema>, @CurrentCaller() caller: Caller) {
    return this.service.trip(caller, name, body);
  }

  @Post(':name/reset')
  @HttpCode(200)
  @Allow({ person: 'admin' })
  @Answers(resetAnswerSchema)
  reset(@Param({ schema: breakerParam }) { name }: Name, @Body({ schema: resetBreakerSchema }) body: z.output<typeof resetBreakerSchema>, @CurrentCaller() caller: Caller) {
    return this.service.reset(caller, name, body);
  }
}
