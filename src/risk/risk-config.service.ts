import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import type { Caller } from '../common/http/caller.js';
import { mustMatch } from '../common/http/if-match.js';
import { actorOf } from '../common/principal.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { inTransaction } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { effectOf, limitChanges, valuesOf } from '../limits/limit-fields.js';
import { RiskConfigRepository } from './risk-config.repository.js';
import { type putRiskConfigSchema, type riskConfigSchema, toRiskConfig } from './risk-config.schemas.js';

type RiskConfig = z.output<typeof riskConfigSchema>;

@Injectable()
export class RiskConfigService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly config: RiskConfigRepository,
    private readonly events: Events,
    @Inject(ENV) private readonly env: Env,
  ) {}

  async get(): Promise<RiskConfig> {
    return toRiskConfig(await this.config.get(), this.env.BASE_CURRENCY);
  }

  /**
   * Puts other limits in place of the version that was read. What was sent is a version of its own, also when it is the same.
   * @throws {Problem} 412 when another version is there
   */
  put(caller: Caller, version: number, { reason, ...values }: z.output<typeof putRiskConfigSchema>): Promise<RiskConfig> {
    return inTransaction(this.dataSource, async (tx) => {
      const before = await this.config.lock(tx);
      mustMatch(version, before.version);
      const changed = limitChanges(valuesOf(before), values);
      const effect = effectOf(changed);
      const row = await this.config.update(tx, {
        values, changed, effect, currency: this.env.BASE_CURRENCY, reason: reason ?? null, actor: actorOf(caller.principal), correlationId: caller.correlationId,
      });
      await this.events.append(tx, caller, [{ type: 'risk_config.changed', data: { version: row.version, effect, changed, reason: reason ?? null } }]);
      return toRiskConfig(row, this.env.BASE_CURRENCY);
    });
  }
}
