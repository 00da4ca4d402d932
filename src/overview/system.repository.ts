import { Injectable } from '@nestjs/common';
import { askAside } from '../database/aside.js';
import { DatabaseService } from '../database/database.service.js';

export interface ScheduleRow {
  name: string;
  last_run_at: string | null;
  next_run_at: string;
  is_running: boolean;
  /** Behind the time at which it is due; below zero before it. */
  overdue_seconds: number;
  last_error: string | null;
}

export interface Sizes {
  asOf: string;
  bytes: number;
  tables: { name: string; bytes: number }[];
}

const SIZES_KEPT_MS = 60_000;
const TABLES_MOST = 20;

const UTC = (time: string) => `to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const SCHEDULES = `select name, ${UTC('last_finished_at')} as last_run_at, ${UTC('next_run_at')} as next_run_at, coalesce(lease_until > app_clock(), false) as is_running,
    extract(epoch from app_clock() - next_run_at)::float8 as overdue_seconds, last_error
  from schedules where isfinite(next_run_at) order by name`;
const DATABASE_BYTES = `select pg_database_size(current_database())::text as bytes`;
const TABLES = `select coalesce(pg_partition_root(c.oid), c.oid)::regclass::text as name, sum(pg_total_relation_size(c.oid))::text as bytes
  from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' group by 1 order by sum(pg_total_relation_size(c.oid)) desc, 1 limit ${TABLES_MOST}`;

/** Asks beside the pool, 0.9 s at most: what does not answer in time is not known. */
@Injectable()
export class SystemRepository {
  private sizesKept: Sizes | null = null;
  private sizesAt = -Infinity;
  private sizing: Promise<Sizes | null> | null = null;

  constructor(private readonly database: DatabaseService) {}

  async schedules(): Promise<ScheduleRow[] | null> {
    return this.ask((query) => query<ScheduleRow>(SCHEDULES));
  }

  /** Those that ask together share one look; each file of a table is looked at, so once a minute is enough. */
  sizes(): Promise<Sizes | null> {
    if (performance.now() - this.sizesAt < SIZES_KEPT_MS) return Promise.resolve(this.sizesKept);
    this.sizing ??= this.measure().finally(() => (this.sizing = null));
    return this.sizing;
  }

  private async measure(): Promise<Sizes | null> {
    const asOf = new Date().toISOString();
    const found = await this.ask(async (query) => {
      const [whole] = await query<{ bytes: string }>(DATABASE_BYTES);
      const tables = await query<{ name: string; bytes: string }>(TABLES);
      return { asOf, bytes: Number(whole?.bytes), tables: tables.map(({ name, bytes }) => ({ name, bytes: Number(bytes) })) };
    });
    if (found) [this.sizesKept, this.sizesAt] = [found, performance.now()];
    return found;
  }

  private async ask<T>(work: (query: <Row extends object>(text: string) => Promise<Row[]>) => Promise<T>): Promise<T | null> {
    const { url } = this.database;
    if (url === undefined) return null;
    try {
      return await askAside(url, 'tradewarden-system', (client) => work(async <Row extends object>(text: string) => (await client.query<Row>(text)).rows));
    } catch {
      return null;
    }
  }
}
