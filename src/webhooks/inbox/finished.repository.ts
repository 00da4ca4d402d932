import { Injectable } from '@nestjs/common';
import { Statements } from '../../database/statements.js';
import type { Tx } from '../../database/transaction.js';

export const FINISHED_STATUSES = ['processed', 'ignored', 'expired', 'quarantined', 'failed'] as const;
export type FinishedStatus = (typeof FINISHED_STATUSES)[number];

export interface FinishedAlert {
  id: string;
  run: number;
  status: FinishedStatus;
  code: string | null;
  detail: string | null;
  outcome: Record<string, unknown> | null;
  /** With what it was found in the mapping step; undefined: they stand already. */
  mapped?: { signal: unknown; isExit: boolean | null; symbol: string };
}

const FINISH = {
  name: 'alerts_finish',
  text: `
    with done as (
      select * from jsonb_to_recordset($1::jsonb)
        as d (id uuid, run int, status text, code text, detail text, outcome jsonb, "isMapped" boolean, signal jsonb, "isExit" boolean, symbol text)
    ), ended as (
      update alerts a set status = d.status, code = d.code, detail = d.detail, outcome = coalesce(nullif(d.outcome, 'null'), a.outcome), finished_at = app_clock(),
        signal = case when d."isMapped" then nullif(d.signal, 'null') else a.signal end, is_exit = case when d."isMapped" then d."isExit" else a.is_exit end,
        symbol = case when d."isMapped" then d.symbol else a.symbol end
      from done d where a.id = d.id and a.run = d.run and a.status = 'received'
      returning a.*
    ), told as (
      insert into alert_runs (alert_id, run, status, code, detail, outcome, actor, correlation_id)
      select id, run, status, code, detail, outcome, coalesce(redriven_by, 'webhook:' || source_id), correlation_id from ended order by seq
    ), logged as (
      insert into events (type, subject_id, agent_id, account_id, actor, correlation_id, data)
      select 'alert.finished', e.id, s.executor_agent_id, g.account_id, coalesce(e.redriven_by, 'webhook:' || e.source_id), e.correlation_id,
        jsonb_build_object('status', e.status, 'code', e.code, 'detail', e.detail, 'sourceId', e.source_id, 'symbol', e.symbol, 'run', e.run)
      from ended e join webhook_sources s on s.id = e.source_id left join agents g on g.id = s.executor_agent_id order by e.seq
    ) select id from ended`,
};

@Injectable()
export class FinishedRepository {
  constructor(private readonly statements: Statements) {}

  /**
   * Ends runs of alerts: the alert, a line of its history, an event, in one statement.
   * @returns the ids that ended; others are not waiting in that run any more, and nothing was done to them
   */
  async finish(tx: Tx, alerts: readonly FinishedAlert[]): Promise<Set<string>> {
    if (alerts.length === 0) return new Set();
    const rows = alerts.map(({ mapped, ...rest }) => ({ ...rest, ...mapped, isMapped: mapped !== undefined }));
    const ended = await this.statements.within(tx)<{ id: string }>(FINISH, [JSON.stringify(rows)]);
    return new Set(ended.map(({ id }) => id));
  }

  /** Of these, those that still have an alert in quarantine. */
  async withQuarantined(tx: Tx, sourceIds: readonly string[]): Promise<string[]> {
    const rows: { id: string }[] = await tx.sql`
      select s.id from unnest(${sourceIds}::uuid[]) as s (id) where exists (select from alerts a where a.source_id = s.id and a.status = 'quarantined')`;
    return rows.map(({ id }) => id);
  }
}
