import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { hmac } from './secrets.js';

export const AUDIT_KINDS = [
  'signed_in', 'sign_in_failed', 'sign_in_slowed', 'signed_out', 'refresh_reused', 'credential_refused', 'key_used',
  'key_created', 'key_revoked', 'user_created', 'user_changed', 'password_changed', 'restored',
] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

export interface AuditEntry {
  kind: AuditKind;
  /** Who did it: `user:<id>` or `system`; absent where nobody is known, as in a failed sign-in. */
  actor?: string | null;
  /** Whom it is about. */
  userId?: string | null;
  keyId?: string | null;
  agentId?: string | null;
  email?: string | null;
  origin: Origin;
  /** A wrong credential; kept only as a keyed digest, so that its repetitions can be counted and it cannot be read. */
  presented?: string;
}

/** Where a request came from. */
export interface Origin {
  address: string | null;
  userAgent: string | null;
  correlationId: string | null;
}

/** Uses of the hour that an instance remembers. One key can be used from as many addresses as an IPv6 network has. */
export const USES_REMEMBERED = 50_000;

/** What the server does by itself, or the command line on its machine. */
export const NOWHERE: Origin = { address: null, userAgent: null, correlationId: null };

export interface AuditRow {
  seq: number; at: string; kind: AuditKind; actor: string | null; user_id: string | null; key_id: string | null; agent_id: string | null;
  email: string | null; address: string | null; user_agent: string | null; presented_digest: string | null; correlation_id: string | null;
}

/** Who came in, who did not, and who changed credentials. It survives the deletion of key and user: no foreign keys. */
@Injectable()
export class AuthAudit {
  /** Uses of this hour that are written already, so that they are not tried again with every request. */
  private written = { hour: 0, uses: new Set<string>() };

  constructor(
    private readonly dataSource: DataSource,
    @Inject(ENV) private readonly env: Env,
  ) {}

  async record(entry: AuditEntry, tx: EntityManager = this.dataSource.manager): Promise<void> {
    const digest = entry.presented === undefined ? null : hmac(this.env.AUDIT_KEY, entry.presented).slice(0, 32);
    await tx.sql`
      insert into auth_audit (kind, actor, user_id, key_id, agent_id, email, address, user_agent, presented_digest, correlation_id)
      values (${entry.kind}, ${entry.actor ?? null}, ${entry.userId ?? null}, ${entry.keyId ?? null}, ${entry.agentId ?? null},
        ${entry.email ?? null}, ${entry.origin.address}, ${shortened(entry.origin)}, ${digest}, ${entry.origin.correlationId})`;
  }

  /**
   * A key that was accepted: one row for the key, the address and the hour, whichever instances it was used on.
   * @param hour whole hours since 1970, by the database's clock
   */
  async recordUse(use: { keyId: string; agentId: string; origin: Origin }, hour: number): Promise<void> {
    if (this.written.hour !== hour) this.written = { hour, uses: new Set() };
    const { uses } = this.written;
    const name = `${use.keyId} ${use.origin.address}`;
    if (uses.has(name)) return;
    await this.dataSource.sql`
      insert into auth_audit (at, kind, actor, key_id, agent_id, address, user_agent, correlation_id)
      values (to_timestamp(${hour * 3_600}::double precision), 'key_used', ${`agent:${use.agentId}`}, ${use.keyId}, ${use.agentId},
        ${use.origin.address ?? ''}, ${shortened(use.origin)}, ${use.origin.correlationId})
      on conflict do nothing`;
    if (uses.size >= USES_REMEMBERED) uses.clear();
    uses.add(name);
  }

  list(limit: number, before: string | undefined): Promise<AuditRow[]> {
    return this.dataSource.sql`
      select * from auth_audit where (${before ?? null}::bigint is null or seq < ${before ?? null}::bigint) order by seq desc limit ${limit + 1}`;
  }
}

const shortened = ({ userAgent }: Origin) => userAgent?.slice(0, 300) ?? null;
