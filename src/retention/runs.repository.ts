import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { timeText } from '../database/answer-text.js';
import type { Tx } from '../database/transaction.js';

/** What became of a table. */
export interface TableResult {
  table: string;
  /** Rows that went; of alerts, bodies. In a dry run, that would go, as far as that is known. */
  rows: number;
  months: string[];
  /** Months of marks of which one a minute is left. */
  thinned: string[];
  /** Months that were due and stay, with the reason. */
  held: { month: string; why: string }[];
  /** The first month or moment that is still there; null: there is none, or it was not looked up. */
  oldest: string | null;
}

export interface RunRow {
  id: string;
  as_of: string;
  actor: string;
  status: 'running' | 'finished' | 'failed';
  tables: TableResult[];
  error: string | null;
  started_at: string;
  finished_at: string | null;
}

const LEASE_SECONDS = 120;

@Injectable()
export class RunsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** The database's clock, to the microsecond. */
  async clock(): Promise<string> {
    const [row] = await this.dataSource.sql<{ now: string }[]>`select ${() => timeText('app_clock()', 'us')} as now`;
    return row?.now ?? '';
  }

  /** False: another run is under way. One whose process has died is given up two minutes later, one of a clock that was ahead at once. */
  async begin(tx: Tx, id: string, asOf: string, actor: string): Promise<boolean> {
    await tx.sql`
      with lost as (
        update retention_runs set status = 'failed', error = 'its process ended', finished_at = app_clock(), lease_until = null where status = 'running' and (lease_until < app_clock() or lease_until > app_clock() + make_interval(secs => ${2 * LEASE_SECONDS})) returning 1
      ) select * from lost`;
    const made: unknown[] = await tx.sql`
      with made as (
        insert into retention_runs (id, as_of, actor, lease_until) values (${id}, ${asOf}::timestamptz, ${actor}, app_clock() + make_interval(secs => ${LEASE_SECONDS}))
        on conflict (status) where status = 'running' do nothing returning 1
      ) select * from made`;
    return made.length > 0;
  }

  async renew(id: string): Promise<void> {
    await this.dataSource.sql`update retention_runs set lease_until = app_clock() + make_interval(secs => ${LEASE_SECONDS}) where id = ${id} and status = 'running'`;
  }

  async finish(tx: Tx, id: string, tables: readonly TableResult[], error: string | null): Promise<void> {
    await tx.sql`
      with done as (
        update retention_runs set status = ${error === null ? 'finished' : 'failed'}, tables = ${JSON.stringify(tables)}::jsonb, error = ${error?.slice(0, 2000) ?? null}::text, finished_at = app_clock(), lease_until = null
        where id = ${id} and status = 'running' returning 1
      ) select * from done`;
  }

  /** Days since one was begun last, of whatever end; null: none was. */
  async daysSinceLast(): Promise<number | null> {
    const [row] = await this.dataSource.sql<{ days: number }[]>`select (extract(epoch from app_clock() - started_at) / 86400)::float8 as days from retention_runs order by seq desc limit 1`;
    return row?.days ?? null;
  }

  /** Hours since a run last ended well; null: none has. */
  async hoursSinceSuccess(): Promise<number | null> {
    const [row] = await this.dataSource.sql<{ hours: number | null }[]>`
      select (extract(epoch from app_clock() - max(finished_at)) / 3600)::float8 as hours from retention_runs where status = 'finished'`;
    return row?.hours ?? null;
  }
}
