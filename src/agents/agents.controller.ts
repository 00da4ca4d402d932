import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { ApiKeysService } from '../auth/api-keys.service.js';
import { originOf } from '../auth/origin.js';
import { Answers, nothing } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import { inTransaction } from '../database/transaction.js';
import { AgentsRepository } from './agents.repository.js';
import {
  agentParam, agentSchema, agentsQuery, agentStateSchema, apiKeySchema, changeAgentSchema, createAgentSchema, createKeySchema,
  heartbeatAnswerSchema, heartbeatSchema, keyParam, keysQuery, newAgentSchema, newApiKeySchema, toAgent, toAgentState, toApiKey,
} from './agents.schemas.js';
import { AgentsService } from './agents.service.js';
import { HEARTBEAT_SECONDS, TRADING_LEASE_SECONDS } from './liveness.js';

type AgentParam = z.output<typeof agentParam>;

/** A replay of an answer that showed a secret. */
const withoutKey = <T extends object>(body: T) => ({ ...body, apiKey: null, secretAlreadyShown: true });

@Controller('agents')
export class AgentsController {
  constructor(
    private readonly service: AgentsService,
    private readonly agents: AgentsRepository,
    private readonly keys: ApiKeysService,
    private readonly idempotency: Idempotency,
    private readonly dataSource: DataSource,
  ) {}

  @Post()
  @Allow({ person: 'admin' })
  @Answers(newAgentSchema, 201)
  create(@Body({ schema: createAgentSchema }) body: z.output<typeof createAgentSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation, @Req() request: FastifyRequest) {
    return once.run(this.idempotency, async (tx) => {
      const { agent, apiKey } = await this.service.create(tx, caller, body, originOf(request));
      return { ...toAgent(agent), apiKey };
    }, { withoutSecrets: withoutKey });
  }

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(agentSchema))
  async list(@Query({ schema: agentsQuery }) { limit, cursor, ...filter }: z.output<typeof agentsQuery>, @CurrentCaller() { principal }: Caller) {
    const own = principal.kind === 'agent' ? principal.agentId : undefined;
    return pageOf(await this.agents.list({ ...filter, id: own }, limit, cursor), limit, toAgent);
  }

  @Get(':agentId')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(agentSchema)
  async get(@Param({ schema: agentParam }) { agentId }: AgentParam) {
    return toAgent(await this.service.get(agentId));
  }

  @Patch(':agentId')
  @Allow({ person: 'operator' })
  @Answers(agentSchema)
  async change(@Param({ schema: agentParam }) { agentId }: AgentParam, @Body({ schema: changeAgentSchema }) body: z.output<typeof changeAgentSchema>, @CurrentCaller() caller: Caller, @Req() request: FastifyRequest) {
    return toAgent(await this.service.change(caller, agentId, body, originOf(request)));
  }

  @Get(':agentId/state')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(agentStateSchema)
  async state(@Param({ schema: agentParam }) { agentId }: AgentParam) {
    return toAgentState(await this.service.get(agentId));
  }

  @Post(':agentId/heartbeat')
  @HttpCode(200)
  @Allow({ agent: 'any', unlimited: true })
  @Answers(heartbeatAnswerSchema)
  async heartbeat(@Param({ schema: agentParam }) { agentId }: AgentParam, @Body({ schema: heartbeatSchema }) body: z.output<typeof heartbeatSchema>, @CurrentCaller() caller: Caller) {
    return {
      desiredState: await this.service.heartbeat(caller, agentId, body), tradingLeaseSeconds: TRADING_LEASE_SECONDS, heartbeatSeconds: HEARTBEAT_SECONDS,
      serverTime: new Date().toISOString(),
    };
  }

  @Post(':agentId/keys')
  @Allow({ person: 'admin' })
  @Answers(newApiKeySchema, 201)
  createKey(@Param({ schema: agentParam }) { agentId }: AgentParam, @Body({ schema: createKeySchema }) body: z.output<typeof createKeySchema>, @CurrentCaller() caller: Caller, @Once() once: Creation, @Req() request: FastifyRequest) {
    return once.run(this.idempotency, async (tx) => {
      const { row, key } = await this.service.createKey(tx, caller, agentId, body, originOf(request));
      return { ...toApiKey(row), apiKey: key };
    }, { withoutSecrets: withoutKey });
  }

  @Get(':agentId/keys')
  @Allow({ person: 'admin' })
  @Answers(pageSchema(apiKeySchema))
  async listKeys(@Param({ schema: agentParam }) { agentId }: AgentParam, @Query({ schema: keysQuery }) { limit, cursor }: z.output<typeof keysQuery>) {
    await this.service.get(agentId);
    return pageOf(await this.keys.list(agentId, limit, cursor), limit, toApiKey);
  }

  @Delete(':agentId/keys/:keyId')
  @Allow({ person: 'admin' })
  @Answers(nothing)
  async revokeKey(@Param({ schema: keyParam }) { agentId, keyId }: z.output<typeof keyParam>, @CurrentCaller() caller: Caller, @Req() request: FastifyRequest) {
    await inTransaction(this.dataSource, (tx) => this.keys.revoke(tx, caller, agentId, keyId, originOf(request)));
    return {};
  }
}
