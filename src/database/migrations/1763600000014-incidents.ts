import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a person must see, until it is acknowledged and over. */
export class Incidents1763600000014 implements MigrationInterface {
  name = 'Incidents1763600000014';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table incidents (
      id uuid not null default gen_random_uuid() constraint incidents_pk primary key,
      seq bigint generated always as identity,
      kind text not null,
      severity text not null,
      subject_type text not null,
      subject_id text not null,
      agent_id uuid,
      account_id uuid,
      summary text not null,
      data jsonb not null default '{}',
      quiet_seconds integer,
      opened_at timestamptz not null default app_clock(),
      last_seen_at timestamptz not null default app_clock(),
      occurrences integer not null default 1,
      repeats integer not null default 0,
      repeat_at timestamptz,
      acknowledged_at timestamptz,
      acknowledged_by text,
      note text,
      resolved_at timestamptz,
      resolved_by text,
      resolution text,
      constraint incidents_kind check (kind ~ '^[A-Z][A-Z0-9_]{2,63}$'),
      constraint incidents_severity check (severity in ('info','warning','critical')),
      constraint incidents_counts check (occurrences >= 1 and repeats >= 0),
      constraint incidents_acknowledged check ((acknowledged_at is null) = (acknowledged_by is null)),
      constraint incidents_resolved check ((resolved_at is null) = (resolved_by is null)),
      -- Told again exactly as long as nobody has acknowledged it and it is not over.
      constraint incidents_repeat check ((repeat_at is null) = (acknowledged_at is not null or resolved_at is not null))
    )`);
    await db.query(`create unique index incidents_seq on incidents (seq)`);
    // Once for its cause, from however many requests and instances.
    await db.query(`create unique index incidents_unresolved on incidents (kind, subject_type, subject_id) where resolved_at is null`);
    await db.query(`create index incidents_unresolved_seq on incidents (seq) where resolved_at is null`);
    await db.query(`create index incidents_repeats on incidents (repeat_at) where repeat_at is not null`);
    await db.query(`create index incidents_agent on incidents (agent_id, seq)`);
    await db.query(`create index incidents_account on incidents (account_id, seq)`);
    await db.query(`create index incidents_by_kind on incidents (kind, seq)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table incidents`);
  }
}
