import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { Caller } from '../common/http/caller.js';
import { actorOf, type Scope } from '../common/principal.js';
import { notFound } from '../common/problem.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { AuthAudit, type Origin } from './audit.js';
import { newApiKey, sha256 } from './secrets.js';

export interface ApiKeyRow {
  id: string; seq: number; agent_id: string; name: string; prefix: string; scopes: Scope[]; expires_at: string | null;
  revoked_at: string | null; last_used_at: string | null; created_at: string; created_by: string;
}

/** A key that may act now, with what every answer to its agent says. */
export interface KeyHolder {
  key_id: string; agent_id: string; scopes: Scope[]; mode: 'simulation' | 'paper' | 'live';
  run: string; state_version: number; stale_use: boolean;
  /** Whole hours since 1970. */
  hour: number;
}

const COLUMNS = 'id, seq, agent_id, name, prefix, scopes, expires_at, revoked_at, last_used_at, created_at, created_by';

@Injectable()
export class ApiKeysService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly events: Events,
    private readonly audit: AuthAudit,
  ) {}

  /** The only moment at which the key is known. */
  async create(tx: Tx, caller: Caller | null, agentId: string, wanted: { name: string; scopes: readonly Scope[]; expiresAt?: string | null | undefined }, origin: Origin) {
    const { key, hash, prefix } = newApiKey();
    const actor = caller ? actorOf(caller.principal) : 'system';
    const [row] = await tx.sql<ApiKeyRow[]>`
      insert into api_keys (id, agent_id, name, key_hash, prefix, scopes, expires_at, created_by)
      values (${uuidv7()}, ${agentId}, ${wanted.name}, ${hash}, ${prefix}, ${wanted.scopes}, ${wanted.expiresAt ?? null}, ${actor})
      returning ${() => COLUMNS}`;
    if (!row) throw new Error('the key was not stored');
    await this.events.append(tx, caller, [{ type: 'key.created', subjectId: row.id, agentId, data: { name: row.name, scopes: row.scopes } }]);
    await this.audit.record({ kind: 'key_created', actor, keyId: row.id, agentId, origin }, tx);
    return { row, key };
  }

  list(agentId: string, limit: number, after: string | undefined): Promise<ApiKeyRow[]> {
    return this.dataSource.sql`
      select ${() => COLUMNS} from api_keys where agent_id = ${agentId} and seq > ${after ?? 0} order by seq limit ${limit + 1}`;
  }

  /** Ends one key, or all of an agent. A key that was ended before stays as it was. */
  async revoke(tx: Tx, caller: Caller, agentId: string, keyId: string | null, origin: Origin): Promise<void> {
    const revoked: { id: string }[] = await tx.sql`
      with revoked as (
        update api_keys set revoked_at = app_clock()
        where agent_id = ${agentId} and (${keyId}::uuid is null or id = ${keyId}::uuid) and revoked_at is null returning id
      ) select id from revoked order by id`;
    if (keyId !== null && revoked.length === 0) {
      const known: unknown[] = await tx.sql`select 1 from api_keys where agent_id = ${agentId} and id = ${keyId}`;
      if (known.length === 0) throw notFound('key');
    }
    await this.events.append(tx, caller, revoked.map(({ id }) => ({ type: 'key.revoked', subjectId: id, agentId })));
    const actor = actorOf(caller.principal);
    for (const { id } of revoked) await this.audit.record({ kind: 'key_revoked', actor, keyId: id, agentId, origin }, tx);
  }

  /** Looked up for every request, by an index: a revoked key stops at the next one, on every instance. */
  async holderOf(key: string, origin: Origin): Promise<KeyHolder | null> {
    const [holder] = await this.dataSource.sql<KeyHolder[]>`
      select k.id as key_id, k.agent_id, k.scopes, a.mode, a.run, a.state_version,
        (k.last_used_at is null or k.last_used_at < app_clock() - interval '1 minute') as stale_use,
        floor(extract(epoch from app_clock()) / 3600)::int as hour
      from api_keys k join agents a on a.id = k.agent_id
      where k.key_hash = ${sha256(key)} and k.revoked_at is null and (k.expires_at is null or k.expires_at > app_clock())
        and a.retired_at is null`;
    if (!holder) return null;
    if (holder.stale_use) await this.dataSource.sql`update api_keys set last_used_at = app_clock() where id = ${holder.key_id}`;
    await this.audit.recordUse({ keyId: holder.key_id, agentId: holder.agent_id, origin }, holder.hour);
    return holder;
  }
}
