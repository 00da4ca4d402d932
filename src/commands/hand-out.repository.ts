import { Injectable } from '@nestjs/common';
import type { Desired } from '../agents/desired-state.js';
import { otherInstance } from '../agents/heartbeat.repository.js';
import { keyIsGood } from '../auth/api-keys.service.js';
import { Merged } from '../database/merged.js';
import { type Run, type Statement, Statements } from '../database/statements.js';
import { agentSql, ANY_HALT, HALTS_OF_AGENT, OPENING_HALTED, PROPOSER_HALTED } from '../halts/halts.sql.js';
import { beingClosed } from '../trades/being-closed.sql.js';
import type { CommandRow } from './commands.repository.js';
import { asciiBytes } from './lease.repository.js';
import { OPENING_FORBIDDEN } from './opening-forbidden.sql.js';

export interface LeaseAsk {
  agentId: string;
  max: number;
  leaseSeconds: number;
  /** Of a payload, as ASCII JSON; commands with larger ones are passed over. Null: any. */
  bytesMost: number | null;
  /** This command and no other; null: what is due. */
  only: string | null;
  instanceId: string | null;
  keyId: string;
  actor: string;
  correlationId: string;
}

/** What is handed out, and what the agent is told with it. */
export interface HandedOut {
  agent: Desired;
  /** The copy of the agent that holds the trading lease, when it is not the one that asks. */
  otherInstance: string | null;
  /** Leases of this agent have run out and are not taken back yet: what they held may be due. */
  hasLapsed: boolean;
  rows: CommandRow[];
}

type LeaseRow = CommandRow & HandedOut['agent'] & { n: number; other_instance: string | null; has_lapsed: boolean };

/** Whether a key is still good: a poll may have waited since before it was revoked. */
export const mayStill = (key: string, at: string) => `exists (select 1 from api_keys k where k.id = ${key} and ${keyIsGood(at)})`;
/** Of agent_commands: what may be handed out at this time. */
export const isDue = (at: string) => `status in ('queued', 'waiting_for_market') and not_before <= ${at} and not cancel_requested and (expires_at is null or expires_at > ${at})`;

const CLOSES_BEFORE = `k.id <> c.id and (k.status = 'leased' or k.status in ('queued', 'waiting_for_market') and (k.priority, k.seq) < (c.priority, c.seq))`;
/**
 * Of a close: how much is open beside what closes before it take, those that are leased and those that are handed out first; null when its trade has
 * ended. What is open may have become less since it was queued, and on a netting account a close of more opens the opposite.
 */
const LEFT_TO_CLOSE = `(select t.open_size - ${beingClosed('t.id', CLOSES_BEFORE)} from trades t where t.id = c.trade_id and t.finished_at is null)`;
/** One of all that is open takes what is left by itself; one of a part waits for those before it to end, and is made smaller. */
const CLOSES_SOMETHING = `(c.type <> 'close_trade' or c.trade_id is null or case when c.payload ? 'size' then l.size > 0 else l.size is not null end)`;

const ASKED = { id: 'q.agent', account: 'q.account_id', mode: 'q.mode', run: 'q.run' };

/**
 * Hands out what is due, most urgent first; rows that another request holds are skipped, not waited for. One statement
 * for every agent that asks: claim and lease in separate statements would be two round trips and two commits. What opens
 * stays where a halt holds it; one that is imposed after this statement began waits for its end and marks what it leased.
 */
const LEASE: Statement = {
  name: 'lease',
  text: `
    with clock as materialized (select app_clock() as at),
    lapsed as materialized (
      select distinct agent_id from agent_commands where status = 'leased' and lease_expires_at <= (select at from clock)
    ), asked as materialized (
      select q.*, a.run, a.run_reason, a.state_version, a.retired_at, a.account_id, a.mode, ${HALTS_OF_AGENT(agentSql('a'))} as halts, ${ANY_HALT(agentSql('a'))} as is_halted, exists (select 1 from lapsed where lapsed.agent_id = q.agent) as has_lapsed,
        ${otherInstance('s', 'q.instance', 'clock.at')} as other_instance, ${mayStill('q.key', 'clock.at')} as may
      from clock, jsonb_to_recordset($1::jsonb) as q (n int, agent uuid, max int, bytes int, command uuid, seconds int, instance text, key uuid, actor text, correlation text)
        join agents a on a.id = q.agent join agent_state s on s.agent_id = q.agent
    ), due as materialized (
      select q.n, c.id, c.size from asked q cross join lateral (
        select c.id, l.size from agent_commands c cross join lateral (select case when c.type = 'close_trade' then ${LEFT_TO_CLOSE} end as size) l
        where agent_id = q.agent and ${isDue('(select at from clock)')} and (not q.is_halted or class <> 'opens' or not (${OPENING_HALTED(ASKED, 'payload')} or ${PROPOSER_HALTED('c.id')}))
          and (not once or not ${OPENING_FORBIDDEN(ASKED, 'c')})
          and (q.bytes is null or ${asciiBytes('payload')} <= q.bytes) and (q.command is null or id = q.command) and ${CLOSES_SOMETHING}
        order by priority, seq limit q.max for update of c skip locked
      ) c where q.may and q.other_instance is null and q.retired_at is null
    ), leased as (
      update agent_commands c set status = 'leased', attempt = c.attempt + 1, lease_token = gen_random_uuid(),
        lease_expires_at = clock.at + make_interval(secs => q.seconds),
        payload = case when due.size < (c.payload ->> 'size')::numeric then c.payload || jsonb_build_object('size', trim_scale(due.size)::text) else c.payload end
      from clock, due join asked q on q.n = due.n where c.id = due.id returning c.*, q.n
    ), attempts as (
      insert into command_attempts (command_id, attempt, lease_token, instance_id, key_id, leased_at)
      select l.id, l.attempt, l.lease_token, q.instance, q.key, clock.at from clock, leased l join asked q on q.n = l.n
    ), logged as (
      insert into events (type, subject_id, agent_id, actor, correlation_id, data)
      select 'command.leased', l.id, l.agent_id, q.actor, q.correlation, jsonb_build_object('type', l.type, 'attempt', l.attempt)
      from leased l join asked q on q.n = l.n order by l.seq
    )
    select l.*, q.n, q.run, q.run_reason, q.state_version, q.retired_at, q.halts, q.has_lapsed, q.other_instance
    from asked q left join leased l on l.n = q.n order by q.n, l.priority, l.seq`,
};

@Injectable()
export class HandOutRepository {
  private readonly merged = new Merged((asks: readonly LeaseAsk[]) => handOut(this.statements.run, asks), { keyOf: ({ agentId }) => agentId });

  constructor(private readonly statements: Statements) {}

  /** Null when there is no such agent. */
  lease(ask: LeaseAsk): Promise<HandedOut | null> {
    return this.merged.do(ask);
  }

  async leaseWithin(run: Run, ask: LeaseAsk): Promise<HandedOut | null> {
    const [answer = null] = await handOut(run, [ask]);
    return answer;
  }
}

async function handOut(run: Run, asks: readonly LeaseAsk[]): Promise<(HandedOut | null)[]> {
  const items = asks.map((ask, n) => ({
    n, agent: ask.agentId, max: ask.max, bytes: ask.bytesMost, command: ask.only, seconds: ask.leaseSeconds, instance: ask.instanceId, key: ask.keyId, actor: ask.actor, correlation: ask.correlationId,
  }));
  const answers: (HandedOut | null)[] = asks.map(() => null);
  for (const { n, run: wanted, run_reason, state_version, retired_at, halts, other_instance, has_lapsed, ...command } of await run<LeaseRow>(LEASE, [JSON.stringify(items)])) {
    const answer = (answers[n] ??= { agent: { run: wanted, run_reason, state_version, retired_at, halts }, otherInstance: other_instance, hasLapsed: has_lapsed, rows: [] });
    if (command.id !== null) answer.rows.push(command);
  }
  return answers;
}
