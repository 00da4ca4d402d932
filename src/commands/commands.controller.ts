import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { agentParam } from '../agents/agents.schemas.js';
import { Allow } from '../auth/access.js';
import { agentShown } from '../auth/own-rows.js';
import { idParam } from '../common/fields.js';
import { DESIRED_STATE_HEADER, desiredStateHeader } from '../common/http/desired-state-header.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { rowsThatFit } from '../common/page-bytes.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import { CommandsRepository } from './commands.repository.js';
import {
  cancelSchema, commandSchema, commandsQuery, commandTypes, commandTypesSchema, commandWithAttemptsSchema, completeSchema, createCommandSchema,
  extendAnswerSchema, extendSchema, failSchema, leaseAnswerSchema, leaseSchema, requeueSchema, settleSchema, toCommand, toCommandWithAttempts,
} from './commands.schemas.js';
import { CommandsService } from './commands.service.js';
import { LeaseService } from './lease.service.js';

type Id = { id: string };

@Controller()
export class CommandsController {
  constructor(
    private readonly service: CommandsService,
    private readonly leases: LeaseService,
    private readonly commands: CommandsRepository,
    private readonly idempotency: Idempotency,
  ) {}

  @Post('agents/:agentId/commands')
  @Allow({ person: 'operator' })
  @Answers(commandSchema, 201)
  create(@Param({ schema: agentParam }) { agentId }: z.output<typeof agentParam>, @Body({ schema: createCommandSchema }) body: z.output<typeof createCommandSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return once.runMerged(
      this.idempotency,
      (claim) => this.service.enqueue(caller, agentId, body, claim),
      async (tx) => toCommand(await this.service.create(tx, caller, agentId, body)),
    );
  }

  @Post('agents/:agentId/commands/lease')
  @HttpCode(200)
  @Allow({ agent: 'commands' })
  @Answers(leaseAnswerSchema)
  async lease(@Param({ schema: agentParam }) { agentId }: z.output<typeof agentParam>, @Body({ schema: leaseSchema }) body: z.output<typeof leaseSchema>, @CurrentCaller() caller: Caller, @Res({ passthrough: true }) reply: FastifyReply) {
    const gone = new AbortController();
    // Any reason but none: without one, every answer would make an exception with its stack.
    reply.raw.once('close', () => gone.abort('closed'));
    const { rows, answer } = await this.leases.lease(caller, agentId, body, gone.signal);
    if (rows.length > 0) {
      if (reply.raw.destroyed) await this.leases.giveBack(rows, true);
      else reply.raw.once('close', () => void (reply.raw.writableFinished || this.leases.giveBack(rows, false).catch(() => undefined)));
    }
    // The guard looked when the request came; this may be 25 s later.
    void reply.header(DESIRED_STATE_HEADER, desiredStateHeader(answer.desiredState));
    return answer;
  }

  @Get('commands')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(commandWithAttemptsSchema))
  async list(@Query({ schema: commandsQuery }) { limit, cursor, agentId, ...filter }: z.output<typeof commandsQuery>, @CurrentCaller() caller: Caller) {
    const shown = agentShown(caller, agentId) ?? undefined;
    const rows = await this.commands.list({ ...filter, agentId: shown }, limit, cursor);
    return pageOf(rows, rowsThatFit(rows, limit), toCommandWithAttempts);
  }

  @Get('commands/:id')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(commandWithAttemptsSchema)
  async get(@Param({ schema: idParam() }) { id }: Id, @CurrentCaller() caller: Caller) {
    return toCommandWithAttempts(await this.service.get(caller, id));
  }

  @Get('command-types')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(commandTypesSchema)
  types() {
    return commandTypes;
  }

  @Post('commands/:id/complete')
  @HttpCode(200)
  @Allow({ agent: 'commands', unlimited: true })
  @Answers(commandWithAttemptsSchema)
  async complete(@Param({ schema: idParam() }) { id }: Id, @Body({ schema: completeSchema }) body: z.output<typeof completeSchema>, @CurrentCaller() caller: Caller) {
    return toCommandWithAttempts(await this.leases.complete(caller, id, body.leaseToken, body.result));
  }

  @Post('commands/:id/fail')
  @HttpCode(200)
  @Allow({ agent: 'commands', unlimited: true })
  @Answers(commandWithAttemptsSchema)
  async fail(@Param({ schema: idParam() }) { id }: Id, @Body({ schema: failSchema }) body: z.output<typeof failSchema>, @CurrentCaller() caller: Caller) {
    return toCommandWithAttempts(await this.leases.fail(caller, id, body));
  }

  @Post('commands/:id/extend')
  @HttpCode(200)
  @Allow({ agent: 'commands', unlimited: true })
  @Answers(extendAnswerSchema)
  extend(@Param({ schema: idParam() }) { id }: Id, @Body({ schema: extendSchema }) body: z.output<typeof extendSchema>, @CurrentCaller() caller: Caller) {
    return this.leases.extend(caller, id, body);
  }

  @Post('commands/:id/cancel')
  @HttpCode(200)
  @Allow({ person: 'operator' })
  @Answers(commandWithAttemptsSchema)
  async cancel(@Param({ schema: idParam() }) { id }: Id, @Body({ schema: cancelSchema }) { reason }: z.output<typeof cancelSchema>, @CurrentCaller() caller: Caller) {
    return toCommandWithAttempts(await this.service.cancel(caller, id, reason));
  }

  @Post('commands/:id/requeue')
  @HttpCode(200)
  @Allow({ person: 'operator' })
  @Answers(commandWithAttemptsSchema)
  async requeue(@Param({ schema: idParam() }) { id }: Id, @Body({ schema: requeueSchema }) { reason }: z.output<typeof requeueSchema>, @CurrentCaller() caller: Caller) {
    return toCommandWithAttempts(await this.service.requeue(caller, id, reason));
  }

  @Post('commands/:id/settle')
  @HttpCode(200)
  @Allow({ person: 'operator' })
  @Answers(commandWithAttemptsSchema)
  async settle(@Param({ schema: idParam() }) { id }: Id, @Body({ schema: settleSchema }) body: z.output<typeof settleSchema>, @CurrentCaller() caller: Caller) {
    return toCommandWithAttempts(await this.service.settle(caller, id, body));
  }
}
