import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction.js';
import { MonitorConnection } from './monitor-connection.js';
import type { Level, PartName } from './parts.js';
import type { PartStanding, Picture } from './picture.js';

export interface StatusRow {
  looked_at: string;
  level: Level;
  /** Since when it is at this level. */
  since: string;
  cause: PartName | null;
  /** Since when anything has been critical without a quiet minute; null: nothing is. */
  trouble_since: string | null;
  /** Within trouble, since when nothing has been critical. */
  quiet_since: string | null;
  parts: PartStanding[];
}

export interface Beat {
  id: string;
  name: string;
  version: string;
  loopDelayMs: number;
  poolWaiting: number;
  eventsBehindSeconds: number | null;
}

const COLUMNS = `looked_at, level, since, cause, trouble_since, quiet_since, parts`;
/** One server looks for all, and another at once when that one is gone. */
const LOOK_AFTER_SECONDS = 9;
const FORGOTTEN_AFTER = `interval '1 day'`;

@Injectable()
export class SystemStatusRepository {
  constructor(private readonly own: MonitorConnection) {}

  /** This server is there. A server that was killed and started again under its name is the same one. */
  async beat({ id, name, version, loopDelayMs, poolWaiting, eventsBehindSeconds }: Beat): Promise<void> {
    await (await this.own.get()).sql`
      with gone as (
        delete from server_instances where id <> ${id} and (seen_at < app_clock() - ${() => FORGOTTEN_AFTER} or (name = ${name} and seen_at < app_clock() - interval '35 seconds'))
      ), beaten as (
        insert into server_instances (id, name, version, loop_delay_ms, pool_waiting, events_behind_seconds) values (${id}, ${name}, ${version}, ${loopDelayMs}, ${poolWaiting}, ${eventsBehindSeconds}::int)
        on conflict (id) do update set seen_at = app_clock(), loop_delay_ms = excluded.loop_delay_ms, pool_waiting = excluded.pool_waiting, events_behind_seconds = excluded.events_behind_seconds returning 1
      ) select * from beaten`;
  }

  /** It ends as it should: nobody misses it. */
  async leave(id: string): Promise<void> {
    await (await this.own.get()).sql`delete from server_instances where id = ${id}`;
  }

  async get(): Promise<StatusRow | null> {
    const [row] = await (await this.own.get()).sql<StatusRow[]>`select ${() => COLUMNS} from system_status`;
    return row ?? null;
  }

  /** Whose turn it is to look: at most one server in nine seconds. A clock that was set back holds nobody up. */
  async claim(): Promise<boolean> {
    const rows: unknown[] = await (await this.own.get()).sql`
      with claimed as (
        insert into system_status as s (looked_at) values (app_clock())
        on conflict (id) do update set looked_at = app_clock()
        where s.looked_at < app_clock() - make_interval(secs => ${LOOK_AFTER_SECONDS}) or s.looked_at > app_clock() + interval '1 minute' returning 1
      ) select * from claimed`;
    return rows.length > 0;
  }

  /** How often it was over within the hour: the failing, or the holding of openings, but for what a person let through. */
  async overLately(tx: Tx): Promise<number> {
    const [row] = await tx.sql<{ times: number }[]>`select greatest(
      (select count(*) from incidents where kind = 'SYSTEM_FAILING' and resolved_at > app_clock() - interval '1 hour'),
      (select count(*) from opening_suspensions where ended_by = 'system' and ended_at > app_clock() - interval '1 hour'))::int as times`;
    return row?.times ?? 0;
  }

  /** Held until the transaction ends. */
  async hold(tx: Tx): Promise<StatusRow & { at: string }> {
    const [row] = await tx.sql<(StatusRow & { at: string })[]>`select ${() => COLUMNS}, app_clock() as at from system_status for no key update`;
    if (!row) throw new Error('the row of system_status is gone');
    return row;
  }

  async save(tx: Tx, { level, cause, parts }: Picture, times: Pick<StatusRow, 'since' | 'trouble_since' | 'quiet_since'>): Promise<void> {
    await tx.sql`update system_status set level = ${level}, cause = ${cause}, parts = ${JSON.stringify(parts)}::jsonb, since = ${times.since}::timestamptz, trouble_since = ${times.trouble_since}::timestamptz, quiet_since = ${times.quiet_since}::timestamptz`;
  }
}
