import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import { GRACE_SECONDS } from './liveness.js';

export interface Gap {
  began_at: string;
  ended_at: string;
}

/** When a server of this database was well. */
@Injectable()
export class UptimeRepository {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Says that a server is well. Answers the time in which none was, when that was more than `gapSeconds`: it is written down once.
   * @param sinceSeconds since this process said so last, by its own clock; null: it never did. A database's clock that was set is no time in which it was away.
   */
  async beat(tx: Tx, sinceSeconds: number | null, gapSeconds: number): Promise<Gap | null> {
    await tx.sql`insert into server_health (beat_at, well_since) values (app_clock(), app_clock()) on conflict (id) do nothing`;
    await tx.sql`select 1 from server_health for no key update`;
    const [gap = null] = await tx.sql<Gap[]>`
      with before as (
        select beat_at, app_clock() as at from server_health
      ), gap as (
        insert into server_gaps (began_at, ended_at) select beat_at, at from before
        where at - beat_at > make_interval(secs => ${gapSeconds}) and (${sinceSeconds}::float8 is null or ${sinceSeconds}::float8 > ${gapSeconds}) returning began_at, ended_at
      ), beaten as (
        update server_health set beat_at = before.at, well_since = coalesce((select ended_at from gap), well_since) from before
      ) select * from gap`;
    return gap;
  }

  /** Leases that would have lapsed while nobody could renew them, and those that have less than the grace left. Whoever gave his back has none. */
  async extendLeases(tx: Tx, { began_at: began }: Gap): Promise<number> {
    const rows: unknown[] = await tx.sql`
      with held as (
        select agent_id from agent_state
        where trading_lease_until > ${began}::timestamptz and trading_lease_until < app_clock() + make_interval(secs => ${GRACE_SECONDS}) order by agent_id for no key update
      ), extended as (
        update agent_state s set trading_lease_until = app_clock() + make_interval(secs => ${GRACE_SECONDS}) from held where s.agent_id = held.agent_id returning 1
      ) select * from extended`;
    return rows.length;
  }

  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.dataSource.transaction(work);
  }
}
