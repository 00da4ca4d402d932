import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { GRACE_SECONDS } from '../agents/liveness.js';
import type { Tx } from '../database/transaction.js';

export interface SilentAgent {
  id: string;
  name: string;
  silent_seconds: number;
  /** Those that were not wanted closed since it was last heard. */
  trade_ids: string[];
}

@Injectable()
export class WindDownRepository {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Agents whose policy is to be flattened, silent for long enough by the time in which a server was well, and for three heartbeats
   * since one is. Who was never heard has no silence of its own, and who was told to stop or to end is to leave its trades with their stops.
   * @param gapSeconds without a beat for so long, the time is one in which none was well, though nobody has written it down yet
   */
  silent(gapSeconds: number): Promise<SilentAgent[]> {
    return this.dataSource.sql`
      with clock as materialized (select app_clock() as at)
      select a.id, a.name, quiet.seconds::int as silent_seconds, array_agg(t.id::text order by t.id) as trade_ids
      from clock cross join server_health h cross join agents a join agent_state s on s.agent_id = a.id join trades t on t.agent_id = a.id
        cross join lateral (
          select extract(epoch from clock.at - s.last_seen_at) - coalesce((select sum(extract(epoch from g.ended_at - greatest(g.began_at, s.last_seen_at)))
            from server_gaps g where g.ended_at > s.last_seen_at), 0) as seconds offset 0) quiet
      where a.wind_down_policy = 'flatten' and a.run <> 'stopped' and a.retired_at is null and s.last_seen_at is not null and t.finished_at is null and t.open_size > 0
        and clock.at - s.last_seen_at >= make_interval(secs => a.wind_down_after_seconds)
        and quiet.seconds >= a.wind_down_after_seconds and h.beat_at > clock.at - make_interval(secs => ${gapSeconds})
        and clock.at - h.well_since >= make_interval(secs => ${GRACE_SECONDS})
        and not exists (select from closures c where c.trade_id = t.id and (c.ended_at is null and c.size is null or c.cause = 'wind_down' and c.created_at >= s.last_seen_at))
      group by a.id, a.name, quiet.seconds order by a.id`;
  }

  /** Locked against its heartbeats; false: it was just heard. */
  async isSilentStill(tx: Tx, { id, silent_seconds: seconds }: SilentAgent): Promise<boolean> {
    const rows: unknown[] = await tx.sql`
      select 1 from agent_state where agent_id = ${id} and last_seen_at <= app_clock() - make_interval(secs => ${Math.max(seconds - 1, 0)}) for no key update`;
    return rows.length > 0;
  }

  /** Agents that were wound down and have nothing open any more. */
  async over(): Promise<string[]> {
    const rows = await this.dataSource.sql<{ id: string }[]>`
      select i.subject_id as id from incidents i where i.kind = 'WIND_DOWN' and i.resolved_at is null and not exists (
        select from closures c where c.agent_id = i.subject_id::uuid and c.cause = 'wind_down' and c.ended_at is null)`;
    return rows.map(({ id }) => id);
  }
}
