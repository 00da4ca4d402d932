import { Injectable } from '@nestjs/common';
import { timeText } from '../database/answer-text.js';
import { type KeptLook, Looks } from '../database/kept-look.js';
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

const SCHEDULES = `select name, ${timeText('last_finished_at')} as last_run_at, ${timeText('next_run_at')} as next_run_at, coalesce(lease_until > app_clock(), false) as is_running,
    extract(epoch from app_clock() - next_run_at)::float8 as overdue_seconds, last_error
  from schedules where isfinite(next_run_at) order by name`;

/** What does not answer in time is not known. */
@Injectable()
export class SystemRepository {
  private readonly ofSchedules: KeptLook<ScheduleRow[]>;
  private readonly ofStatements: KeptLook<TopStatement[] | null>;

  constructor(looks: Looks) {
    this.ofSchedules = looks.of(async (client) => (await client.query<ScheduleRow & object>(SCHEDULES)).rows);
    this.ofStatements = looks.of(topStatements);
  }

  schedules(): Promise<ScheduleRow[] | null> {
    return this.ofSchedules.get();
  }

  /** Null: not there, or not known. */
  statements(): Promise<TopStatement[] | null> {
    return this.ofStatements.get();
  }
}
