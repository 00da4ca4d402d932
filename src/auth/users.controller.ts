import { Body, Controller, Get, Param, Patch, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { idParam } from '../common/fields.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import { Allow } from './access.js';
import { changeUserSchema, createUserSchema, namesSchema, toUser, userSchema, usersQuery } from './auth.schemas.js';
import { originOf } from './origin.js';
import { UsersRepository } from './users.repository.js';
import { UsersService } from './users.service.js';

@Controller('users')
@Allow({ person: 'admin' })
export class UsersController {
  constructor(
    private readonly service: UsersService,
    private readonly users: UsersRepository,
    private readonly idempotency: Idempotency,
  ) {}

  @Get()
  @Answers(pageSchema(userSchema))
  async list(@Query({ schema: usersQuery }) query: z.output<typeof usersQuery>) {
    return pageOf(await this.users.list(query.limit, query.cursor), query.limit, toUser);
  }

  @Get('names')
  @Allow({ person: 'viewer' })
  @Answers(namesSchema)
  async names() {
    return { items: await this.users.names() };
  }

  @Post()
  @Answers(userSchema, 201)
  create(@Body({ schema: createUserSchema }) body: z.output<typeof createUserSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation, @Req() request: FastifyRequest) {
    return once.run(this.idempotency, async (tx) => toUser(await this.service.create(tx, caller, { ...body, name: body.name ?? body.email }, originOf(request))));
  }

  @Patch(':id')
  @Answers(userSchema)
  async change(@Param({ schema: idParam() }) { id }: { id: string }, @Body({ schema: changeUserSchema }) body: z.output<typeof changeUserSchema>, @CurrentCaller() caller: Caller, @Req() request: FastifyRequest) {
    return toUser(await this.service.change(caller, id, body, originOf(request)));
  }
}
