import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the servers see of the system, and what holds openings while too much of it fails: apart from whatever people switch on and off. */
export class SystemMonitor1763600000048 implements MigrationInterface {
  name = 'SystemMonitor1763600000048';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table server_instances (
      id uuid constraint server_instances_pk primary key,
      name text not null constraint server_instances_name check (length(name) between 1 and 300),
      version text not null constraint server_instances_version check (length(version) between 1 and 50),
      started_at timestamptz not null default app_clock(),
      seen_at timestamptz not null default app_clock(),
      loop_delay_ms int not null constraint server_instances_loop_delay check (loop_delay_ms >= 0),
      pool_waiting int not null constraint server_instances_pool_waiting check (pool_waiting >= 0),
      events_behind_seconds int constraint server_instances_events_behind check (events_behind_seconds >= 0)
    )`);
    await db.query(`create table system_status (
      id boolean constraint system_status_pk primary key default true constraint system_status_one check (id),
      looked_at timestamptz not null,
      level text not null default 'none' constraint system_status_level check (level in ('none','warning','critical','cascading')),
      since timestamptz not null default app_clock(),
      cause text constraint system_status_cause check (length(cause) between 1 and 50),
      trouble_since timestamptz,
      quiet_since timestamptz,
      parts jsonb not null default '[]'
    )`);
    // A row for each time: that openings were held, and why, is asked for later.
    await db.query(`create table opening_suspensions (
      id uuid constraint opening_suspensions_pk primary key default gen_random_uuid(),
      cause text not null constraint opening_suspensions_cause check (length(cause) between 1 and 50),
      reason text not null constraint opening_suspensions_reason check (length(reason) between 1 and 1000),
      began_at timestamptz not null default app_clock(),
      lapses_at timestamptz not null,
      ended_at timestamptz,
      ended_by text constraint opening_suspensions_ended_by check (length(ended_by) between 1 and 200),
      end_reason text constraint opening_suspensions_end_reason check (length(end_reason) between 1 and 1000),
      constraint opening_suspensions_ended check (num_nonnulls(ended_at, ended_by, end_reason) in (0, 3))
    )`);
    await db.query(`create unique index opening_suspensions_one on opening_suspensions ((true)) where ended_at is null`);
    await db.query(`create index opening_suspensions_began on opening_suspensions (began_at desc)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table opening_suspensions, system_status, server_instances`);
  }
}
