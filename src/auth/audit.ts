import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { hmac } from './secrets.js';

export type AuditKind =
  | 'signed_in' | 'sign_in_failed' | 'sign_in_slowed' | 'signed_out' | 'refresh_reused' | 'credential_refused'
  | 'key_created' | 'key_revoked' | 'user_created' | 'user_changed' | 'password_changed';

export interface AuditEntry {
  kind: AuditKind;
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

export interface AuditRow {
  seq: number; at: string; kind: AuditKind; user_id: string | null; key_id: string | null; agent_id: string | null;
  email: string | null; address: string | null; user_agent: string | null; presented_digest: string | null; correlation_id: string | null;
}

/** Who came in, who did not, and who changed credentials. It survives the deletion of key and user: no foreign keys. */
@Injectable()
export class AuthAudit {
  constructor(
    private readonly dataSource: DataSource,
    @Inject(ENV) private readonly env: Env,
  ) {}

  async record(entry: AuditEntry, tx: EntityManager = this.dataSource.manager): Promise<void> {
    const digest = entry.presented === undefined ? null : hmac(this.env.AUDIT_KEY, entry.presented).slice(0, 32);
    await tx.sql`
      insert into auth_audit (kind, user_id, key_id, agent_id, email, address, user_agent, presented_digest, correlation_id)
      values (${entry.kind}, ${entry.userId ?? null}, ${entry.keyId ?? null}, ${entry.agentId ?? null}, ${entry.email ?? null},
        ${entry.origin.address}, ${entry.origin.userAgent?.slice(0, 300) ?? null}, ${digest}, ${entry.origin.correlationId})`;
  }

  list(limit: number, before: string | undefined): Promise<AuditRow[]> {
    return this.dataSource.sql`
      select * from auth_audit where (${before ?? null}::bigint is null or seq < ${before ?? null}::bigint) order by seq desc limit ${limit + 1}`;
  }
}
