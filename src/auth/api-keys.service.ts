import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { Caller } from '../common/http/caller.js';
import { actorOf, type Scope } from '../common/principal.js';
import { notFound } from '../common/problem.js';
import { Merged } from '../database/merged.js';
import { type Statement, Statements } from '../database/statements.js';
import { afterCommit, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { AuthAudit, type Origin } from './audit.js';
import { Recent } from './recent.js';
import { newApiKey, sha256 } from './secrets.js';

export interface ApiKeyRow {
  id: string; seq: number; agent_id: string; name: string; prefix: string; scopes: Scope[]; expires_at: string | null;
  revoked_at: string | null; last_used_at: string | null; created_at: string; created_by: string;
  rate_limit_per_second: number | null;
}

/** `rateLimitPerSecond` absent or null: as many requests as there are. */
export interface NewKey {
  name: string;
  scopes: readonly Scope[];
  expiresAt?: string | null | undefined;
  rateLimitPerSecond?: number | null | undefined;
}

/** A key that may act now, with what every answer to its agent says. */
export interface KeyHolder {
  key_hash: string; key_id: string; agent_id: string; scopes: Scope[]; mode: 'simulation' | 'paper' | 'live'; run: string; state: string; state_version: number;
  rate_limit_per_second: number | null;
  /** Whole hours since 1970. */
  hour: number;
}

const COLUMNS = 'id, seq, agent_id, name, prefix, scopes, expires_at, revoked_at, last_used_at, created_at, created_by, rate_limit_per_second';

/** Of a row `k` of api_keys: neither revoked nor run out at this time. */
export const keyIsGood = (at: string) => `k.revoked_at is null and (k.expires_at is null or k.expires_at > ${at})`;

/** Notes the use of a key once a minute, where nobody else is noting it. */
const HOLDERS: Statement = {
  name: 'key_holders',
  text: `
    with clock as materialized (select app_clock() as at),
    found as materialized (
      select k.key_hash, k.id as key_id, k.agent_id, k.scopes, a.mode, a.run, halt_state(a.id, a.account_id, a.mode) as state, a.state_version, k.rate_limit_per_second, clock.at,
        (k.last_used_at is null or k.last_used_at < clock.at - interval '1 minute') as stale_use
      from clock, api_keys k join agents a on a.id = k.agent_id
      where k.key_hash = any($1::text[]) and ${keyIsGood('clock.at')} and a.retired_at is null
    ), stale as materialized (
      select id from api_keys where id in (select key_id from found where stale_use) order by id for no key update skip locked
    ), used as (
      update api_keys k set last_used_at = clock.at from stale, clock where k.id = stale.id
    )
    select key_hash, key_id, agent_id, scopes, mode, run, state, state_version, rate_limit_per_second, floor(extract(epoch from at) / 3600)::int as hour from found`,
};

@Injectable()
export class ApiKeysService {
  private readonly recent = new Recent<KeyHolder>();
  private readonly holders = new Merged((hashes: readonly string[]) => this.holdersOf(hashes), { keyOf: (hash) => hash, sharesAnswers: true });

  constructor(
    private readonly dataSource: DataSource,
    private readonly statements: Statements,
    private readonly events: Events,
    private readonly audit: AuthAudit,
  ) {}

  /** The only moment at which the key is known. */
  async create(tx: Tx, caller: Caller | null, agentId: string, wanted: NewKey, origin: Origin) {
    const { key, hash, prefix } = newApiKey();
    const actor = caller ? actorOf(caller.principal) : 'system';
    const [row] = await tx.sql<ApiKeyRow[]>`
      insert into api_keys (id, agent_id, name, key_hash, prefix, scopes, expires_at, created_by, rate_limit_per_second)
      values (${uuidv7()}, ${agentId}, ${wanted.name}, ${hash}, ${prefix}, ${wanted.scopes}, ${wanted.expiresAt ?? null}, ${actor},
        ${wanted.rateLimitPerSecond ?? null})
      returning ${() => COLUMNS}`;
    if (!row) throw new Error('the key was not stored');
    await this.events.append(tx, caller, [{ type: 'key.created', subjectId: row.id, agentId, data: { name: row.name, scopes: row.scopes, rateLimitPerSecond: row.rate_limit_per_second } }]);
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
    this.forgetAfter(tx);
    const actor = actorOf(caller.principal);
    for (const { id } of revoked) await this.audit.record({ kind: 'key_revoked', actor, keyId: id, agentId, origin }, tx);
  }

  /** Which of these keys `holderOf` would refuse by now: for what goes on after its request was let in. */
  async ended(keyIds: readonly string[]): Promise<string[]> {
    if (keyIds.length === 0) return [];
    const rows = await this.dataSource.sql<{ id: string }[]>`
      select asked.id from unnest(${keyIds}::uuid[]) as asked (id)
      where not exists (select 1 from api_keys k join agents a on a.id = k.agent_id
        where k.id = asked.id and ${() => keyIsGood('app_clock()')} and a.retired_at is null)`;
    return rows.map(({ id }) => id);
  }

  /** A key that is revoked here stops at the next request, on other instances within half a second. */
  async holderOf(key: string, origin: Origin): Promise<KeyHolder | null> {
    const hash = sha256(key);
    const holder = await this.recent.get(hash, () => this.holders.do(hash));
    if (holder) await this.audit.recordUse({ keyId: holder.key_id, agentId: holder.agent_id, origin }, holder.hour);
    return holder;
  }

  /** For everything that changes what a key may do or what its agent is told. */
  forgetAfter(tx: Tx): void {
    afterCommit(tx, () => this.recent.forget());
  }

  private async holdersOf(hashes: readonly string[]): Promise<(KeyHolder | null)[]> {
    const found = new Map((await this.statements.run<KeyHolder>(HOLDERS, [hashes])).map((holder) => [holder.key_hash, holder]));
    return hashes.map((hash) => found.get(hash) ?? null);
  }
}
