import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';

/** A run that says nothing for so long has ended without a word. Renewed three times as often. */
export const LEASE_SECONDS = 120;

export interface BackupRun {
  id: string;
  status: 'running' | 'verified' | 'failed' | 'interrupted';
  name: string | null;
  started_at: string;
  error: string | null;
}

/** What is judged by; ages are seconds by the database's clock, null: never. */
export interface Standing {
  last: BackupRun | null;
  verifiedAge: number | null;
  offsiteAge: number | null;
  offsiteError: string | null;
  /** Since there is anything to lose. */
  systemAge: number | null;
  runs: number;
}

@Injectable()
export class BackupsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Ends what its process can no longer end. */
  async endLapsed(tx: Tx): Promise<BackupRun[]> {
    return tx.sql`
      with lapsed as (
        update backups set status = 'failed', finished_at = app_clock(), lease_until = null, error = 'the process that ran it has ended, or did not reach the database any more'
        where status = 'running' and lease_until <= app_clock() returning id, status, name, started_at, error
      ) select * from lapsed`;
  }

  /** Null while another one runs. */
  async claim(tx: Tx, origin: 'schedule' | 'command', folder: string): Promise<string | null> {
    const [row] = await tx.sql<{ id: string }[]>`
      with claimed as (
        insert into backups (origin, folder, lease_until) values (${origin}, ${folder}, app_clock() + make_interval(secs => ${LEASE_SECONDS}))
        on conflict (status) where status = 'running' do nothing returning id
      ) select id from claimed`;
    return row?.id ?? null;
  }

  async running(tx: Tx = this.dataSource.manager): Promise<BackupRun | null> {
    const [row] = await tx.sql<BackupRun[]>`select id, status, name, started_at, error from backups where status = 'running'`;
    return row ?? null;
  }

  /** False: the claim lapsed, and the run is over for everybody else. */
  async renew(id: string): Promise<boolean> {
    const rows: unknown[] = await this.dataSource.sql`
      with renewed as (update backups set lease_until = app_clock() + make_interval(secs => ${LEASE_SECONDS}) where id = ${id} and status = 'running' returning 1) select * from renewed`;
    return rows.length > 0;
  }

  async written(tx: Tx, id: string, about: { kind: string; name: string; bytes: number; snapshotAt: string }): Promise<void> {
    await tx.sql`update backups set kind = ${about.kind}, name = ${about.name}, bytes = ${about.bytes}, snapshot_at = ${about.snapshotAt} where id = ${id} and status = 'running'`;
  }

  /** False when its claim had lapsed. */
  async finish(tx: Tx, id: string, status: 'verified' | 'failed' | 'interrupted', error: string | null): Promise<boolean> {
    const rows: unknown[] = await tx.sql`
      with finished as (
        update backups set status = ${status}::text, error = ${error}, finished_at = app_clock(), lease_until = null, verified_at = case when ${status}::text = 'verified' then app_clock() end
        where id = ${id} and status = 'running' returning 1
      ) select * from finished`;
    return rows.length > 0;
  }

  /** The newest proven one, where it was not copied elsewhere, and nothing was tried of that for so long. */
  async uncopied(seconds: number): Promise<{ id: string; folder: string; name: string } | null> {
    const [row] = await this.dataSource.sql<{ id: string; folder: string; name: string }[]>`
      select id, folder, name from (select * from backups where verified_at is not null order by seq desc limit 1) newest
      where offsite_at is null and removed_at is null and not exists (select 1 from backups where status = 'running')
        and greatest(finished_at, (select max(at) from events where subject_id = newest.id and type = 'backup.copy_failed')) <= app_clock() - make_interval(secs => ${seconds})`;
    return row ?? null;
  }

  async copied(tx: Tx, id: string, error: string | null): Promise<void> {
    await tx.sql`update backups set offsite_at = case when ${error}::text is null then app_clock() else offsite_at end, offsite_error = ${error}::text where id = ${id} and verified_at is not null`;
  }

  /** Of runs that were written and not proven, newest first. */
  async unproven(): Promise<string[]> {
    const rows = await this.dataSource.sql<{ name: string }[]>`select name from backups where status in ('failed', 'interrupted') and name is not null and removed_at is null order by seq desc`;
    return rows.map(({ name }) => name);
  }

  async removed(tx: Tx, names: readonly string[]): Promise<void> {
    await tx.sql`update backups set removed_at = app_clock() where name = any(${names}::text[]) and removed_at is null`;
  }

  /** By the database's clock. */
  async clock(): Promise<Date> {
    const [row] = await this.dataSource.sql<{ now: string }[]>`select app_clock() as now`;
    return new Date(row?.now ?? Number.NaN);
  }

  /** The newest is the one that was begun last: a clock that was ahead once would be for ever. */
  async standing(tx: Tx): Promise<Standing> {
    const [last] = await tx.sql<BackupRun[]>`select id, status, name, started_at, error from backups order by seq desc limit 1`;
    const [row] = await tx.sql<Omit<Standing, 'last'>[]>`
      select extract(epoch from app_clock() - (select snapshot_at from backups where verified_at is not null order by seq desc limit 1))::float8 as "verifiedAge",
        extract(epoch from app_clock() - (select snapshot_at from backups where offsite_at is not null order by seq desc limit 1))::float8 as "offsiteAge",
        (select offsite_error from backups where verified_at is not null order by seq desc limit 1) as "offsiteError",
        extract(epoch from app_clock() - (select min(created_at) from users))::float8 as "systemAge",
        (select count(*) from (select 1 from backups limit 1) b)::int as runs`;
    return { last: last ?? null, ...(row ?? { verifiedAge: null, offsiteAge: null, offsiteError: null, systemAge: null, runs: 0 }) };
  }

  /** The last end that says how it went: an interrupted one says nothing. */
  async lastOutcome(tx: Tx): Promise<BackupRun | null> {
    const [row] = await tx.sql<BackupRun[]>`select id, status, name, started_at, error from backups where status in ('verified', 'failed') order by seq desc limit 1`;
    return row ?? null;
  }
}
