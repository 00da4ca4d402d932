import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { AgentsRepository } from '../../agents/agents.repository.js';
import { canonicalJson } from '../../common/canonical-json.js';
import type { Caller } from '../../common/http/caller.js';
import { actorOf } from '../../common/principal.js';
import { badRequest, conflict, notFound } from '../../common/problem.js';
import type { Env } from '../../config/env.js';
import { ENV } from '../../config/env.token.js';
import { inTransaction, type Tx } from '../../database/transaction.js';
import { Events } from '../../events/events.service.js';
import { StrategiesRepository } from '../../strategies/strategies.repository.js';
import { KnownSources } from './known-sources.js';
import { newSourceToken } from './source-token.js';
import { type SourceContent, type SourceRow, SourcesRepository, toSource } from './sources.repository.js';
import type { changeSourceSchema, createSourceSchema } from './sources.schemas.js';

type NewSource = z.output<typeof createSourceSchema>;
type SourceChange = z.output<typeof changeSourceSchema>;

/** A source and the only sight of its token. */
export interface SourceAndToken {
  row: SourceRow;
  token: string;
}

const MAX_AGE_SECONDS = 60;

const NEW: Omit<SourceContent, 'name' | 'mapping'> = {
  symbols: {}, action: 'store', executorAgentId: null, strategyId: null, maxAgeSeconds: MAX_AGE_SECONDS, expectSignalWithinSeconds: null, bodySecretHash: null, allowedAddresses: null,
  defaults: { lotSize: null, riskRule: null, stopDistance: null, rewardToRisk: null, confidence: null, product: null },
};

@Injectable()
export class SourcesService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly sources: SourcesRepository,
    private readonly known: KnownSources,
    private readonly agents: AgentsRepository,
    private readonly strategies: StrategiesRepository,
    private readonly events: Events,
    @Inject(ENV) private readonly env: Env,
  ) {}

  /** @throws {Problem} 400 where the route lacks what it needs, 409 SOURCE_NAME_TAKEN */
  async create(tx: Tx, caller: Caller, body: NewSource): Promise<SourceAndToken> {
    const content = this.merged({ ...NEW, name: body.name, mapping: body.mapping }, body);
    await this.check(tx, content);
    const { token, hash } = newSourceToken();
    const row = await this.sources.insert(tx, uuidv7(), content, hash, actorOf(caller.principal));
    if (!row) throw nameTaken();
    await this.append(tx, caller, 'webhook_source.created', row, { action: row.action });
    return { row, token };
  }

  /** Where its alerts go: PUBLIC_URL, or as the caller reached this server. */
  urlOf(token: string, reachedAt: string): string {
    return `${this.env.PUBLIC_URL ?? reachedAt}/webhooks/tradingview/${token}`;
  }

  async get(id: string): Promise<SourceRow> {
    return found(await this.sources.byId(id));
  }

  /** @throws {Problem} 400, 404, 409 SOURCE_RETIRED or SOURCE_NAME_TAKEN */
  change(caller: Caller, id: string, body: SourceChange): Promise<SourceRow> {
    return inTransaction(this.dataSource, async (tx) => {
      const before = await this.lockActive(tx, id);
      const content = this.merged(contentOf(before), body);
      await this.check(tx, content);
      if (await this.sources.isNameTaken(tx, content.name, id)) throw nameTaken();
      const row = await this.sources.update(tx, id, content, actorOf(caller.principal));
      this.known.forgetAfter(tx);
      await this.append(tx, caller, 'webhook_source.changed', row, { fields: changedFields(contentOf(before), contentOf(row)) });
      return row;
    });
  }

  /** @throws {Problem} 404, 409 SOURCE_RETIRED */
  async rotate(tx: Tx, caller: Caller, id: string, overlapSeconds: number): Promise<SourceAndToken> {
    await this.lockActive(tx, id);
    const { token, hash } = newSourceToken();
    const row = await this.sources.rotate(tx, id, hash, overlapSeconds, actorOf(caller.principal));
    this.known.forgetAfter(tx);
    await this.append(tx, caller, 'webhook_source.rotated', row, { overlapSeconds });
    return { row, token };
  }

  /** For ever; again, it changes nothing. What it has sent is still worked through. @throws {Problem} 404 */
  retire(caller: Caller, id: string): Promise<SourceRow> {
    return inTransaction(this.dataSource, async (tx) => {
      const before = found(await this.sources.lock(tx, id));
      if (before.retired_at !== null) return before;
      const row = await this.sources.retire(tx, id, actorOf(caller.principal));
      this.known.forgetAfter(tx);
      await this.append(tx, caller, 'webhook_source.retired', row, {});
      return row;
    });
  }

  private async lockActive(tx: Tx, id: string): Promise<SourceRow> {
    const row = found(await this.sources.lock(tx, id));
    if (row.retired_at !== null) throw conflict('SOURCE_RETIRED', 'A retired source stays as it was. Make another one.');
    return row;
  }

  private merged(before: SourceContent, { name, mapping, symbols, route = {}, defaults = {}, bodySecret, allowedAddresses }: SourceChange): SourceContent {
    const { expectSignalWithin, ...routed } = without(route);
    return {
      ...before, ...without({ name, mapping, symbols, allowedAddresses }), ...routed,
      ...(expectSignalWithin === undefined ? {} : { expectSignalWithinSeconds: expectSignalWithin }),
      ...(bodySecret === undefined ? {} : { bodySecretHash: bodySecret && this.known.secrets.hashOf(bodySecret) }),
      defaults: { ...before.defaults, ...without(defaults) },
    };
  }

  /** Without an executor, a size and a stop it can only store: said now, and not by every alert. */
  private async check(tx: Tx, { action, executorAgentId, strategyId, defaults }: SourceContent): Promise<void> {
    if (action !== 'store' && executorAgentId === null) throw badRequest('EXECUTOR_MISSING', `is needed for the action ${action}`, 'route.executorAgentId');
    if (action === 'idea' && defaults.lotSize === null && defaults.riskRule === null) throw badRequest('SIZE_MISSING', 'or defaults.riskRule is needed for the action idea', 'defaults.lotSize');
    if (action === 'idea' && defaults.stopDistance === null) throw badRequest('STOP_MISSING', 'is needed for the action idea', 'defaults.stopDistance');
    if (executorAgentId !== null) {
      const agent = await this.agents.withState(executorAgentId, tx);
      if (!agent || agent.retired_at !== null) throw badRequest('EXECUTOR_UNKNOWN', 'is no agent, or a retired one', 'route.executorAgentId');
    }
    if (strategyId !== null) {
      const strategy = await this.strategies.byId(strategyId, tx);
      if (!strategy || strategy.retired_at !== null) throw badRequest('STRATEGY_UNKNOWN', 'is no strategy, or a retired one', 'route.strategyId');
    }
  }

  private append(tx: Tx, caller: Caller, type: string, row: SourceRow, data: object): Promise<void> {
    return this.events.append(tx, caller, [{ type, subjectId: row.id, agentId: row.executor_agent_id, data: { name: row.name, version: row.version, ...data } }]);
  }
}

const nameTaken = () => conflict('SOURCE_NAME_TAKEN', 'A webhook source with this name exists.');

function found(row: SourceRow | null): SourceRow {
  if (!row) throw notFound('webhook source');
  return row;
}

type Said<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** What was said; null was. */
const without = <T extends object>(values: T): Said<T> => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Said<T>;

const contentOf = (row: SourceRow): SourceContent => ({ ...toSource(row), bodySecretHash: row.body_secret_hash, allowedAddresses: row.allowed_addresses });

function changedFields(before: SourceContent, after: SourceContent): string[] {
  const fields = ['name', 'mapping', 'symbols', 'action', 'executorAgentId', 'strategyId', 'maxAgeSeconds', 'expectSignalWithinSeconds', 'defaults', 'bodySecretHash', 'allowedAddresses'] as const;
  return fields.filter((field) => canonicalJson(before[field]) !== canonicalJson(after[field])).map((field) => field.replace('Hash', ''));
}
