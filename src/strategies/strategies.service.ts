import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { canonicalJson } from '../common/canonical-json.js';
import type { Caller } from '../common/http/caller.js';
import { mustMatch } from '../common/http/if-match.js';
import { actorOf } from '../common/principal.js';
import { conflict, notFound } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { StrategiesRepository, type StrategyRow } from './strategies.repository.js';
import { type createStrategySchema, type putStrategySchema, type StrategyContent, toContent } from './strategies.schemas.js';

@Injectable()
export class StrategiesService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly strategies: StrategiesRepository,
    private readonly events: Events,
    @Inject(ENV) private readonly env: Env,
  ) {}

  /** In which amounts are put here. */
  get currency(): string {
    return this.env.BASE_CURRENCY;
  }

  /** @throws {Problem} 409 STRATEGY_NAME_TAKEN */
  async create(tx: Tx, caller: Caller, { reason, ...body }: z.output<typeof createStrategySchema>): Promise<StrategyRow> {
    const content: StrategyContent = {
      name: body.name, isActive: body.isActive, allowedSymbols: body.allowedSymbols ?? null, sessionWindows: body.sessionWindows ?? null, holidays: body.holidays ?? [],
      entryConditions: body.entryConditions ?? {}, exitRules: body.exitRules ?? {}, forbiddenConditions: body.forbiddenConditions ?? {}, riskCaps: body.riskCaps ?? {},
      rrExpectation: body.rrExpectation ?? null,
    };
    const row = await this.strategies.insert(tx, uuidv7(), content, this.env.BASE_CURRENCY, actorOf(caller.principal));
    if (!row) throw nameTaken();
    await this.record(tx, caller, 'strategy.created', row, [], reason ?? null);
    return row;
  }

  async get(id: string): Promise<StrategyRow> {
    const row = await this.strategies.byId(id);
    if (!row) throw notFound('strategy');
    return row;
  }

  /**
   * Puts other content in place of the version that was read. What was sent is a version of its own, also when it is the same.
   * @throws {Problem} 404, 409 STRATEGY_RETIRED or STRATEGY_NAME_TAKEN, 412 when another version is there
   */
  put(caller: Caller, id: string, version: number, { reason, holidays, ...body }: z.output<typeof putStrategySchema>): Promise<StrategyRow> {
    return inTransaction(this.dataSource, async (tx) => {
      const before = await this.strategies.lock(tx, id);
      if (!before) throw notFound('strategy');
      mustMatch(version, before.version);
      if (before.retired_at !== null) throw conflict('STRATEGY_RETIRED', 'A retired strategy stays as it was. Make another one.');
      if (await this.strategies.isNameTaken(tx, body.name, id)) throw nameTaken();
      const row = await this.strategies.update(tx, id, { ...body, holidays: holidays ?? before.holidays }, this.env.BASE_CURRENCY, actorOf(caller.principal));
      await this.record(tx, caller, 'strategy.changed', row, changedFields(toContent(before), toContent(row)), reason ?? null);
      return row;
    });
  }

  /** For ever; again, it changes nothing. The name is free for another one. @throws {Problem} 404 */
  retire(caller: Caller, id: string, reason: string | null): Promise<StrategyRow> {
    return inTransaction(this.dataSource, async (tx) => {
      const before = await this.strategies.lock(tx, id);
      if (!before) throw notFound('strategy');
      if (before.retired_at !== null) return before;
      const row = await this.strategies.retire(tx, id, actorOf(caller.principal));
      await this.record(tx, caller, 'strategy.retired', row, [...changedFields(toContent(before), toContent(row)), 'retired'], reason);
      return row;
    });
  }

  private async record(tx: Tx, caller: Caller, type: string, row: StrategyRow, changed: string[], reason: string | null): Promise<void> {
    const content = { ...toContent(row), currency: row.currency, retired: row.retired_at !== null };
    await this.strategies.addVersion(tx, row.id, row.version, content, changed, reason, actorOf(caller.principal), caller.correlationId);
    await this.events.append(tx, caller, [{ type, subjectId: row.id, data: { name: row.name, version: row.version, changed, reason } }]);
  }
}

const nameTaken = () => conflict('STRATEGY_NAME_TAKEN', 'A strategy with this name exists.');

const changedFields = (before: StrategyContent, after: StrategyContent): string[] =>
  (Object.keys(after) as (keyof StrategyContent)[]).filter((field) => canonicalJson(before[field]) !== canonicalJson(after[field]));
