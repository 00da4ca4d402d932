import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { AccountsService } from '../accounts/accounts.service.js';
import { AgentsService } from '../agents/agents.service.js';
import type { Caller } from '../common/http/caller.js';
import { mustMatch } from '../common/http/if-match.js';
import { actorOf } from '../common/principal.js';
import { Problem } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { type EffectiveLimits, effectiveLimits, type LimitLayer, type LooserThan, looserThan } from '../limits/effective-limits.js';
import { effectOf, limitChanges, type LimitValues, valuesOf } from '../limits/limit-fields.js';
import { StrategiesService } from '../strategies/strategies.service.js';
import { RiskConfigRepository } from './risk-config.repository.js';
import type { HistoryRow } from './risk-config.repository.js';
import { type LimitedBy, RiskLimitsRepository, type RiskLimitsRow, type Scope } from './risk-limits.repository.js';
import { type effectiveSchema, type limitsSchema, type putLimitsSchema, toLimits } from './risk-limits.schemas.js';

type Limits = z.output<typeof limitsSchema>;

/** Whose limits they are: that it is there, what its amounts are in, and whose limits stand above beside those for everybody. */
interface Subject {
  scope: Scope;
  id: string;
  currency: string;
  above: LimitedBy;
}

@Injectable()
export class RiskLimitsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly config: RiskConfigRepository,
    private readonly limits: RiskLimitsRepository,
    private readonly accounts: AccountsService,
    private readonly agents: AgentsService,
    private readonly strategies: StrategiesService,
    private readonly events: Events,
    @Inject(ENV) private readonly env: Env,
  ) {}

  /** @throws {Problem} 404 */
  async get(scope: Scope, id: string): Promise<Limits> {
    const { currency } = await this.subject(scope, id);
    const [row] = await this.limits.of({ [scope]: id });
    return toLimits(scope, id, row ?? null, currency);
  }

  /** In which amounts are put here. @throws {Problem} 404 */
  async currencyOf(scope: Scope, id: string): Promise<string> {
    return (await this.subject(scope, id)).currency;
  }

  /**
   * Puts other limits in place of the version that was read; 0 is the version of none.
   * @throws {Problem} 404, 409 LIMIT_NOT_TIGHTER naming each field that is looser than what stands above, 412
   */
  async put(caller: Caller, scope: Scope, id: string, version: number, { reason, ...values }: z.output<typeof putLimitsSchema>): Promise<Limits> {
    const { currency, above } = await this.subject(scope, id);
    return inTransaction(this.dataSource, async (tx) => {
      // In the order of a decision: risk_config, then risk_limits.
      const config = await this.config.forShare(tx);
      await this.limits.lock(tx);
      const [before] = await this.limits.of({ [scope]: id }, tx);
      mustMatch(version, before?.version ?? 0);
      const wider = effectiveLimits({ global: layerOf(config), account: layerOf((await this.rows(above, tx)).account) });
      const looser = looserThan(wider, { values, currency });
      if (looser.length > 0) throw notTighter(looser);
      return this.write(tx, caller, { scope, id, currency, above }, before ?? null, values, reason ?? null);
    });
  }

  /** @throws {Problem} 404 */
  async history(scope: Scope, id: string, limit: number, cursor: string | undefined): Promise<HistoryRow[]> {
    await this.subject(scope, id);
    return this.limits.history(id, limit, cursor);
  }

  /** What holds for an agent, a strategy, both, or (neither) everybody. Not locked: for reading. @throws {Problem} 404 */
  async effective(agentId: string | null, strategyId: string | null): Promise<z.output<typeof effectiveSchema>> {
    const accountId = agentId === null ? null : (await this.agents.get(agentId)).account_id;
    const strategy = strategyId === null ? null : await this.strategies.get(strategyId);
    const rows = await this.rows({ account: accountId, agent: agentId, strategy: strategyId });
    const limits: EffectiveLimits = effectiveLimits({
      global: layerOf(await this.config.get()), account: layerOf(rows.account), agent: layerOf(rows.agent), strategy: layerOf(rows.strategy),
      riskCaps: strategy && { values: strategy.risk_caps, currency: strategy.currency },
    });
    return { agentId, accountId, strategyId, limits };
  }

  private async write(tx: Tx, caller: Caller, { scope, id, currency, above }: Subject, before: RiskLimitsRow | null, values: LimitValues, reason: string | null): Promise<Limits> {
    const changed = limitChanges(valuesOf(before ?? {}), values);
    const effect = effectOf(changed);
    const version = (before?.version ?? 0) + 1;
    const row = await this.limits.write(tx, scope, id, version, { values, changed, effect, currency, reason, actor: actorOf(caller.principal), correlationId: caller.correlationId });
    await this.events.append(tx, caller, [{
      type: 'limits.changed', subjectId: id, agentId: scope === 'agent' ? id : null, accountId: scope === 'account' ? id : (above.account ?? null), data: { scope, version, effect, changed, reason },
    }]);
    return toLimits(scope, id, row, currency);
  }

  private async subject(scope: Scope, id: string): Promise<Subject> {
    const subject = { scope, id, currency: this.env.BASE_CURRENCY, above: {} };
    switch (scope) {
      case 'account': return { ...subject, currency: (await this.accounts.get(id)).currency };
      case 'agent': return { ...subject, above: { account: (await this.agents.get(id)).account_id } };
      case 'strategy': return { ...subject, id: (await this.strategies.get(id)).id };
    }
  }

  private async rows(by: LimitedBy, tx?: Tx): Promise<{ [S in Scope]: RiskLimitsRow | null }> {
    const rows = await this.limits.of(by, tx);
    const find = (column: 'account_id' | 'agent_id' | 'strategy_id') => rows.find((row) => row[column] !== null) ?? null;
    return { account: find('account_id'), agent: find('agent_id'), strategy: find('strategy_id') };
  }
}

const layerOf = (row: { currency: string } | null): LimitLayer | null => row && { values: valuesOf(row), currency: row.currency };

function notTighter(looser: LooserThan[]): Problem {
  const errors = looser.map(({ field, asked, bound }) => ({ path: field, message: `${String(asked)} is looser than ${String(bound.value)} of ${bound.from === 'global' ? '/risk-config' : `the ${bound.from}`}` }));
  return new Problem(409, 'LIMIT_NOT_TIGHTER', `${errors[0]?.path}: ${errors[0]?.message}`, { errors });
}
