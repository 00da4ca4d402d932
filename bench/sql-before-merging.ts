import { createHash, randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { Contender } from './contenders.js';
import type { BenchAgent } from './fixtures.js';
import { operatorOf } from './tokens.js';

/**
 * What the server did for one command before its statements were merged, word for word: one
 * request for each statement, bound parameters, a transaction where it had one. Kept here because the server no longer
 * sends it: this is what merging is compared with. The tables are the server's own, so what the two write is the same.
 */
interface Caller {
  agentId: string;
  keyHash: string;
  operator: ReturnType<typeof operatorOf>;
}

type Row = Record<string, unknown>;
type Connection = Pick<Pool | PoolClient, 'query'>;

const SESSION = `
  select u.* from users u where u.id = $1 and u.disabled_at is null and u.session_version = $2
    and exists (select 1 from refresh_tokens t where t.family_id = $3 and t.user_id = u.id and t.revoked_at is null)`;

const KEY_HOLDER = `
  select k.id as key_id, k.agent_id, k.scopes, a.mode, a.run, a.state_version,
    (k.last_used_at is null or k.last_used_at < app_clock() - interval '1 minute') as stale_use,
    floor(extract(epoch from app_clock()) / 3600)::int as hour
  from api_keys k join agents a on a.id = k.agent_id
  where k.key_hash = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > app_clock())
    and a.retired_at is null`;

const KEY_USED = 'update api_keys set last_used_at = app_clock() where id = $1';

const LOCK_IDEMPOTENCY_KEY = 'select pg_try_advisory_xact_lock(hashtextextended($1, 1)) as got';

const STORED_ANSWER = `
  select request_hash, status, body from idempotency_keys
  where caller = $1 and key = $2 and created_at > app_clock() - make_interval(hours => $3)`;

const AGENT_TAKES_COMMANDS = 'select retired_at is not null as retired from agents where id = $1 for share';

const INSERT_COMMAND = `
  insert into agent_commands (id, agent_id, type, class, once, payload, priority, not_before, expires_at, max_attempts, trade_id, actor, correlation_id)
  values ($1, $2, $3, $4, $5, $6::jsonb, $7, coalesce($8::timestamptz, app_clock()), $9::timestamptz, $10::int, $11::uuid, $12, $13)
  returning *`;

const INSERT_EVENTS = `
  insert into events (type, subject_id, agent_id, account_id, data, actor, correlation_id)
  select e.type, e."subjectId", e."agentId", e."accountId", coalesce(e.data, '{}'), $1, $2::text
  from jsonb_to_recordset($3::jsonb)
    as e (type text, "subjectId" uuid, "agentId" uuid, "accountId" uuid, data jsonb)`;

const STORE_ANSWER = `
  insert into idempotency_keys (caller, key, request_hash, status, body)
  values ($1, $2, $3, $4, $5::jsonb)
  on conflict (caller, key) do update
  set request_hash = excluded.request_hash, status = excluded.status, body = excluded.body, created_at = app_clock()`;

const LAPSE = `
  with late as materialized (
    select id, lease_token as token, once, cancel_requested, expires_at, failures, max_attempts from agent_commands
    where status = 'leased' and lease_expires_at <= app_clock() and ($1::uuid is null or agent_id = $1::uuid)
    order by seq limit $2 for update skip locked
  ), decided as (
    select id, token, case
        when once then 'unknown'
        when cancel_requested then 'cancelled'
        when expires_at <= app_clock() then 'expired'
        when failures + 1 >= max_attempts then 'dead'
        else 'queued' end as status
    from late
  ), lapsed as (
    update agent_commands c set status = d.status, failures = c.failures + 1, lease_token = null, lease_expires_at = null,
      not_before = app_clock(), finished_at = case when d.status in ('cancelled', 'expired', 'dead') then app_clock() end
    from decided d where c.id = d.id returning c.*
  ), attempts as (
    update command_attempts t set outcome = 'lapsed', ended_at = app_clock() from decided d where t.lease_token = d.token and t.outcome is null
  ), logged as (
    insert into events (type, subject_id, agent_id, actor, data)
    select 'command.lapsed', id, agent_id, 'system', jsonb_build_object('type', type, 'status', status, 'attempt', attempt) from lapsed
  )
  select id, agent_id, status from lapsed order by seq`;

const LEASE = `
  with due as materialized (
    select id from agent_commands
    where agent_id = $1 and status in ('queued', 'waiting_for_market') and not_before <= app_clock() and not cancel_requested
      and (expires_at is null or expires_at > app_clock())
      and ($2::uuid is null or exists (select 1 from api_keys k join agents a on a.id = k.agent_id
        where k.id = $2::uuid and a.retired_at is null and k.revoked_at is null and (k.expires_at is null or k.expires_at > app_clock())))
    order by priority, seq limit $3 for update skip locked
  ), leased as (
    update agent_commands c set status = 'leased', attempt = c.attempt + 1, lease_token = gen_random_uuid(),
      lease_expires_at = app_clock() + make_interval(secs => $4)
    from due where c.id = due.id returning c.*
  ), attempts as (
    insert into command_attempts (command_id, attempt, lease_token, instance_id, key_id)
    select id, attempt, lease_token, $5::text, $2::uuid from leased
  ), logged as (
    insert into events (type, subject_id, agent_id, actor, correlation_id, data)
    select 'command.leased', id, agent_id, $6, $7, jsonb_build_object('type', type, 'attempt', attempt) from leased
  )
  select * from leased order by priority, seq`;

const AGENT_WITH_STATE = `
  select a.id, a.seq, a.name, a.account_id, c.name as account, a.mode, a.symbols, a.broker, a.config, a.wind_down_policy,
    a.run, a.run_reason, a.state_version, a.retired_at, a.created_at, a.updated_at,
    s.status, s.equity, s.balance, s.margin, s.margin_free, s.floating_pnl, s.currency, s.as_of, s.open_positions,
    s.cycle_count, s.last_cycle_at, s.observed_state_version, s.error_message, s.broker_connected, s.trade_allowed, s.last_quote_at,
    s.agent_version, s.broker_account, s.instance_id, s.started_at, s.last_seen_at,
    coalesce(s.trading_lease_until > app_clock(), false) as holds_trading_lease,
    extract(epoch from app_clock() - s.last_seen_at)::text as silent_seconds,
    extract(epoch from app_clock() - s.started_at)::text as uptime_seconds
  from agents a join accounts c on c.id = a.account_id join agent_state s on s.agent_id = a.id
  where a.id = $1`;

const AGENT_OF_COMMAND = 'select agent_id from agent_commands where id = $1';

const COMPLETE = `
  with done as (
    update agent_commands set status = 'succeeded', result = $1::jsonb, lease_token = null, lease_expires_at = null, finished_at = app_clock()
    where id = $2 and agent_id = $3 and status = 'leased' and lease_token = $4 and lease_expires_at > app_clock()
    returning *
  ), attempts as (
    update command_attempts t set outcome = 'succeeded', ended_at = app_clock() from done where t.lease_token = $4
  ), logged as (
    insert into events (type, subject_id, agent_id, actor, correlation_id, data)
    select 'command.succeeded', id, agent_id, $5, $6, jsonb_build_object('type', type, 'attempt', attempt) from done
  )
  select * from done`;

const COMMAND_WITH_ATTEMPTS = `
  select c.*, (select coalesce(jsonb_agg(jsonb_build_object('attempt', t.attempt, 'instanceId', t.instance_id,
      'leasedAt', to_char(t.leased_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'endedAt', to_char(t.ended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'outcome', t.outcome, 'detail', t.detail) order by t.attempt), '[]')
    from (select * from command_attempts where command_id = c.id order by attempt desc limit 20) t) as attempts
  from agent_commands c where id = $1`;

/** The three requests of a cycle, statement by statement. */
class SqlBeforeMerging {
  /** @param named prepares each statement once for a connection, which the server did not do then */
  constructor(
    private readonly pool: Pool,
    private readonly named: boolean,
  ) {}

  async enqueue(caller: Caller, command: { id: string; key: string; hash: string; payload: unknown; correlationId: string }): Promise<void> {
    const { sub, sid, sv } = caller.operator;
    const actor = `user:${sub}`;
    if (!(await this.one(this.pool, 'session', SESSION, [sub, sv, sid]))) throw new Error('the session is not known');
    const client = await this.pool.connect();
    try {
      await client.query('START TRANSACTION');
      const lock = await this.one(client, 'lock', LOCK_IDEMPOTENCY_KEY, [`${actor} ${command.key}`]);
      if (lock?.['got'] !== true || (await this.one(client, 'stored', STORED_ANSWER, [actor, command.key, 24]))) throw new Error('the key is in use');
      await this.one(client, 'takes', AGENT_TAKES_COMMANDS, [caller.agentId]);
      const row = await this.one(client, 'insert', INSERT_COMMAND, [
        command.id, caller.agentId, 'custom', 'opens', false, JSON.stringify(command.payload), 2, null, null, 5, null, actor, command.correlationId,
      ]);
      const event = { type: 'command.created', subjectId: command.id, agentId: caller.agentId, data: { type: 'custom', class: 'opens', priority: 'normal' } };
      await this.one(client, 'events', INSERT_EVENTS, [actor, command.correlationId, JSON.stringify([event])]);
      await this.one(client, 'store', STORE_ANSWER, [actor, command.key, command.hash, 201, JSON.stringify(row)]);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
  }

  /** The token that leases the oldest command of the agent. */
  async lease(caller: Caller, correlationId: string): Promise<{ id: string; token: string }> {
    const keyId = await this.keyOf(caller);
    await this.one(this.pool, 'lapse', LAPSE, [caller.agentId, 500]);
    const row = await this.one(this.pool, 'lease', LEASE, [caller.agentId, keyId, 1, 30, null, `agent:${caller.agentId}`, correlationId]);
    if (!row) throw new Error('nothing was leased');
    await this.one(this.pool, 'agent', AGENT_WITH_STATE, [caller.agentId]);
    return { id: String(row['id']), token: String(row['lease_token']) };
  }

  async complete(caller: Caller, { id, token }: { id: string; token: string }, result: unknown, correlationId: string): Promise<void> {
    await this.keyOf(caller);
    await this.one(this.pool, 'owner', AGENT_OF_COMMAND, [id]);
    const client = await this.pool.connect();
    try {
      await client.query('START TRANSACTION');
      const done = await this.one(client, 'complete', COMPLETE, [JSON.stringify(result), id, caller.agentId, token, `agent:${caller.agentId}`, correlationId]);
      if (!done) throw new Error('the lease was lost');
      await client.query('COMMIT');
    } finally {
      client.release();
    }
    await this.one(this.pool, 'read', COMMAND_WITH_ATTEMPTS, [id]);
  }

  private async keyOf({ keyHash }: Caller): Promise<string> {
    const holder = await this.one(this.pool, 'key', KEY_HOLDER, [keyHash]);
    if (!holder) throw new Error('the key is not known');
    if (holder['stale_use'] === true) await this.one(this.pool, 'used', KEY_USED, [holder['key_id']]);
    return String(holder['key_id']);
  }

  /** The name has a prefix, since the server's own statements are prepared on the same connections. */
  private async one(connection: Connection, name: string, text: string, values: unknown[]): Promise<Row | undefined> {
    const { rows } = await connection.query<Row>(this.named ? { name: `before_${name}`, text, values } : { text, values });
    return rows[0];
  }
}

export function sqlBeforeMerging(name: string, pool: Pool, named: boolean, agents: readonly BenchAgent[], tokens: readonly string[]): Contender {
  const sql = new SqlBeforeMerging(pool, named);
  const callers = agents.map(({ id, apiKey }, i) => ({
    agentId: id, keyHash: createHash('sha256').update(apiKey).digest('hex'), operator: operatorOf(tokens[i % tokens.length] ?? ''),
  }));
  return {
    name, loops: callers.length,
    cycle: async (loop) => {
      const caller = callers[loop] as Caller;
      const hash = createHash('sha256').update(caller.agentId).digest('hex');
      await sql.enqueue(caller, { id: uuidv7(), key: randomUUID(), hash, payload: { note: 'bench', n: 1 }, correlationId: randomUUID() });
      const lease = await sql.lease(caller, randomUUID());
      await sql.complete(caller, lease, { done: true }, randomUUID());
    },
  };
}
