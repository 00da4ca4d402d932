import { Injectable } from '@nestjs/common';
import { askAside } from '../database/aside.js';
import type { WatchedClient } from '../database/client.js';
import { DatabaseService } from '../database/database.service.js';
import { type TopStatement, topStatements } from '../health/top-statements.js';

export interface ScheduleRow {
  name: string;
  last_run_at: string | null;
  next_run_at: string;
  is_running: boolean;
  /** Behind the time at which it is due; below zero before it. */
  overdue_seconds: number;
  last_error: string | null;
}

const UTC = (time: string) => `to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const SCHEDULES = `select name, ${UTC('last_finished_at')} as last_run_at, ${UTC('next_run_at')} as next_run_at, coalesce(lease_until > app_clock(), false) as is_running,
    extract(epoch from app_clock() - next_run_at)::float8 as overdue_seconds, last_error
  from schedules where isfinite(next_run_at) order by name`;
/** Asks beside the pool, 0.9 s at most: what does not answer in time is not known. */
@Injectable()
export class SystemRepository {
  constructor(private readonly database: DatabaseService) {}

  async schedules(): Promise<ScheduleRow[] | null> {
    return this.ask((query) => query<ScheduleRow>(SCHEDULES));
  }

  /** Null: not there, or not known. */
  statements(): Promise<TopStatement[] | null> {
    return this.ask((_query, client) => topStatements(client));
  }

  private async ask<T>(work: (query: <Row extends object>(text: string) => Promise<Row[]>, client: WatchedClient) => Promise<T>): Promise<T | null> {
    const { url } = this.database;
    if (url === undefined) return null;
    try {
      return await askAside(url, 'tradewarden-system', (client) => work(async <Row extends object>(text: string) => (await client.query<Row>(text)).rows, client));
    } catch {
      return null;
    }
  }
}
