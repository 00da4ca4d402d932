import type { MigrationInterface, QueryRunner } from 'typeorm';

const KINDS = [
  'signed_in', 'sign_in_failed', 'sign_in_slowed', 'signed_out', 'refresh_reused', 'credential_refused', 'key_used',
  'key_created', 'key_revoked', 'user_created', 'user_changed', 'password_changed',
];

/** Who did it and which keys are in use, in the audit trail; the order of heartbeats that overtake each other. */
export class SignIn1763600000005 implements MigrationInterface {
  name = 'SignIn1763600000005';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table auth_audit add column actor text`);
    await db.query(`alter table auth_audit drop constraint auth_audit_kind`);
    await db.query(`alter table auth_audit add constraint auth_audit_kind check (kind in (${KINDS.map((kind) => `'${kind}'`).join(',')}))`);
    // The hour is the row's time: instances that see the same key in the same hour write one row between them.
    await db.query(`create unique index auth_audit_key_use on auth_audit (key_id, address, at) where kind = 'key_used'`);
    await db.query(`create index refresh_tokens_user on refresh_tokens (user_id)`);
    await db.query(`create index sign_in_throttles_updated on sign_in_throttles (updated_at)`);
    await db.query(`alter table agent_state add column reported_as_of timestamptz`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table agent_state drop column reported_as_of`);
    await db.query(`drop index sign_in_throttles_updated, refresh_tokens_user, auth_audit_key_use`);
    await db.query(`alter table auth_audit drop constraint auth_audit_kind`);
    // History stays as it is: rows of a kind that is unknown again are not looked at.
    await db.query(`alter table auth_audit add constraint auth_audit_kind
      check (kind in (${KINDS.filter((kind) => kind !== 'key_used').map((kind) => `'${kind}'`).join(',')})) not valid`);
    await db.query(`alter table auth_audit drop column actor`);
  }
}
