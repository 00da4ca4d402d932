import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transaction.js';

export interface SilentSource {
  id: string;
  name: string;
  executor_agent_id: string | null;
  expect_signal_within_seconds: number;
  /** Null: it has never sent anything. */
  last_at: string | null;
}

const LAST_ALERT = `left join lateral (select received_at as at from alerts where source_id = s.id order by seq desc limit 1) last on true`;
/** The last word of a source, counted from its last change where it has sent nothing since: whoever sets an expectation gives it its time. */
const HEARD_AT = `greatest(s.updated_at, s.created_at, last.at)`;

@Injectable()
export class SilenceRepository {
  /** Sources that have been silent for longer than was expected, and of which nobody is told. */
  silent(tx: Tx): Promise<SilentSource[]> {
    return tx.sql`
      with clock as materialized (select app_clock() as at)
      select s.id, s.name, s.executor_agent_id, s.expect_signal_within_seconds, last.at as last_at
      from clock cross join webhook_sources s ${() => LAST_ALERT}
      where s.expect_signal_within_seconds is not null and s.retired_at is null and ${() => HEARD_AT} + make_interval(secs => s.expect_signal_within_seconds) <= clock.at
        and not exists (select from incidents i where i.kind = 'SIGNAL_SILENCE' and i.subject_type = 'webhook_source' and i.subject_id = s.id::text and i.resolved_at is null)
      order by s.id limit 500`;
  }

  /** Those of which people are told that they are silent, though they no longer are, or nobody expects anything of them any more. */
  async heardAgain(tx: Tx): Promise<string[]> {
    const rows: { id: string }[] = await tx.sql`
      with clock as materialized (select app_clock() as at)
      select s.id from clock cross join incidents i join webhook_sources s on s.id::text = i.subject_id
        ${() => LAST_ALERT}
      where i.kind = 'SIGNAL_SILENCE' and i.subject_type = 'webhook_source' and i.resolved_at is null
        and (s.expect_signal_within_seconds is null or s.retired_at is not null or ${() => HEARD_AT} + make_interval(secs => s.expect_signal_within_seconds) > clock.at)
      order by s.id limit 500`;
    return rows.map(({ id }) => id);
  }
}
