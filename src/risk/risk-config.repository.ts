import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import { type Effect, LIMIT_COLUMNS, type LimitChange, type LimitValues, rowOf } from '../limits/limit-fields.js';

/** With the columns of the limits: `valuesOf` reads them. */
export interface RiskConfigRow {
  version: number;
  /** Of the amounts: BASE_CURRENCY as it was when they were written. */
  currency: string;
  /** Of the last halt there was, whether or not it is released. */
  last_halt_reason: string | null;
  updated_at: string;
  updated_by: string;
}

/** What was written, and by whom. */
export interface WrittenLimits {
  values: LimitValues;
  changed: LimitChange[];
  effect: Effect | 'none';
  currency: string;
  reason: string | null;
  actor: string;
  correlationId: string;
}

export interface HistoryRow {
  seq: number;
  version: number;
  content: LimitValues;
  changed: LimitChange[];
  effect: Effect | 'none';
  currency: string;
  reason: string | null;
  actor: string;
  recorded_at: string;
}

/** Made from the halts: a row that decisions hold FOR SHARE would make a halt wait, and under load for ever. */
const WITH_HALT = `r.*, (select reason from halts order by seq desc limit 1) as last_halt_reason`;

@Injectable()
export class RiskConfigRepository {
  constructor(private readonly dataSource: DataSource) {}

  async get(tx: Tx = this.dataSource.manager): Promise<RiskConfigRow> {
    return there(await tx.sql<RiskConfigRow[]>`select ${() => WITH_HALT} from risk_config r`);
  }

  /**
   * For a decision: nobody changes it before the transaction ends, so a change that was answered holds for every
   * decision after it. First this, then risk_limits, then the strategy: who gives a strategy its first limits holds risk_limits and looks at strategies.
   */
  async forShare(tx: Tx): Promise<RiskConfigRow> {
    return there(await tx.sql<RiskConfigRow[]>`select ${() => WITH_HALT} from risk_config r for share of r`);
  }

  /**
   * Waits for the transactions that have read it FOR SHARE, and lets no more of them begin; plain reads go on. A lock on
   * the row would wait for ever while decisions overlap, since each new sharer passes those who wait for the row.
   */
  async lock(tx: Tx): Promise<RiskConfigRow> {
    await tx.sql`lock table risk_config in exclusive mode`;
    return this.get(tx);
  }

  async update(tx: Tx, { values, changed, effect, currency, reason, actor, correlationId }: WrittenLimits): Promise<RiskConfigRow> {
    return there(await tx.sql<RiskConfigRow[]>`
      with written as (
        update risk_config set (${() => LIMIT_COLUMNS}) = (select ${() => LIMIT_COLUMNS} from jsonb_populate_record(null::risk_config, ${JSON.stringify(rowOf(values))}::jsonb)),
          version = version + 1, currency = ${currency}, updated_at = app_clock(), updated_by = ${actor}
        returning *
      ), kept as (
        insert into risk_config_history (version, content, changed, effect, currency, reason, actor, correlation_id)
        select version, ${JSON.stringify(values)}::jsonb, ${JSON.stringify(changed)}::jsonb, ${effect}, ${currency}, ${reason}, ${actor}, ${correlationId} from written
      ) select ${() => WITH_HALT} from written r`);
  }

  /** Newest first. */
  history(limit: number, before: string | undefined): Promise<HistoryRow[]> {
    return this.dataSource.sql`
      select * from risk_config_history where ${before ?? null}::bigint is null or seq < ${before ?? null}::bigint order by seq desc limit ${limit + 1}`;
  }
}

/** Without it nothing would limit: whoever reads it fails instead. */
function there([row]: RiskConfigRow[]): RiskConfigRow {
  if (!row) throw new Error('the row of risk_config is gone');
  return row;
}
