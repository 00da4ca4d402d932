import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { otherInstance } from '../agents/heartbeat.repository.js';
import type { Attempted } from '../common/http/once.js';
import { timeText } from '../database/answer-text.js';
import { CLAIMED_KEYS, type Claim } from '../database/idempotency.js';
import { Merged } from '../database/merged.js';
import { type Statement, Statements } from '../database/statements.js';
import { agentSql, HALTS_OF_AGENT, OPENING_HALTED } from '../halts/halts.sql.js';
import type { CommandRow, NewCommand } from './commands.repository.js';
import type { commandSchema } from './commands.schemas.js';
import { type HandedOut, isDue, type LeaseAsk, mayStill } from './hand-out.repository.js';
import { Parking, type Poll } from './parking.js';

type CommandAnswer = z.output<typeof commandSchema>;

export interface Enqueue {
  command: NewCommand;
  claim: Claim | null;
  /** The answer as the caller will see it, but for the payload and what the database's clock decides. */
  answer: object;
  /** Of the event. */
  data: object;
}

/** Also says whether a poll has it already: then nobody else has to be told. */
export type Enqueued = Attempted<CommandAnswer> & { handedOut?: boolean };

type EnqueuedRow = CommandRow & HandedOut['agent'] & { n: number; made: boolean; body: CommandAnswer };

const STAMP = timeText("date_trunc('milliseconds', q.at)");

/**
 * Commands of agents that nobody is changing: key, command and event in one statement for all who ask. A command goes
 * straight to a poll that waits for it, under the conditions of a lease, unless something else is due for that agent:
 * queueing, waking and leasing takes two statements and two commits.
 */
const ENQUEUE: Statement = {
  name: 'enqueue',
  text: `
    with clock as materialized (select app_clock() as at),
    asked as materialized (
      select q.*, clock.at from clock, jsonb_to_recordset($1::jsonb) as q (n int, id uuid, agent uuid, type text, class text,
        once boolean, payload jsonb, priority smallint, not_before timestamptz, expires_at timestamptz, max_attempts int, actor text, correlation text,
        caller text, key text, hash text, answer jsonb, data jsonb, poll jsonb)
    ), agent as materialized (
      -- Held to the end of the statement, so that a retirement waits or goes first.
      select id, account_id, mode, retired_at, run, run_reason, state_version from agents where id in (select agent from asked) order by id for share skip locked
    ), allowed as materialized (
      select q.*, a.run, a.run_reason, a.state_version, a.retired_at, ${HALTS_OF_AGENT(agentSql('a'))} as halts, 201 as status, q.answer || jsonb_build_object('payload', q.payload, 'createdAt', ${STAMP}) ||
        case when q.not_before is null then jsonb_build_object('notBefore', ${STAMP}) else '{}' end as body
      -- An agent that changed between the statement's snapshot and its lock may have been halted meanwhile, unseen by this statement.
      from asked q join agent a on a.id = q.agent join agents seen on seen.id = a.id and seen.state_version = a.state_version
      where a.retired_at is null and (q.class <> 'opens' or not ${OPENING_HALTED(agentSql('a'), 'q.payload')})
    ), claimed as (${CLAIMED_KEYS('allowed')}), polls as materialized (
      select q.n, p.* from allowed q join agent_state s on s.agent_id = q.agent,
        jsonb_to_record(q.poll) as p (seconds int, instance text, key uuid, actor text, correlation text)
      where q.poll is not null and ${otherInstance('s', 'p.instance', 'q.at')} is null and ${mayStill('p.key', 'q.at')} and (q.expires_at is null or q.expires_at > q.at)
        and not exists (select 1 from agent_commands where agent_id = q.agent and ${isDue('q.at')})
    ), wanted as materialized (
      select q.*, p.seconds, p.instance, p.key as poll_key, p.actor as poll_actor, p.correlation as poll_correlation, p.n is not null as handed_out
      from allowed q left join polls p on p.n = q.n
      where q.key is null or exists (select 1 from claimed c where c.caller = q.caller and c.key = q.key)
    ), made as (
      insert into agent_commands (id, agent_id, type, class, once, payload, priority, not_before, expires_at, max_attempts, actor, correlation_id, created_at,
        status, attempt, lease_token, lease_expires_at)
      select id, agent, type, class, once, payload, priority, coalesce(not_before, at), expires_at, max_attempts, actor, correlation, at,
        case when handed_out then 'leased' else 'queued' end, handed_out::int, case when handed_out then gen_random_uuid() end, at + make_interval(secs => seconds)
      from wanted order by id returning *
    ), attempts as (
      insert into command_attempts (command_id, attempt, lease_token, instance_id, key_id, leased_at)
      select m.id, m.attempt, m.lease_token, q.instance, q.poll_key, q.at from made m join wanted q on q.id = m.id where q.handed_out
    ), logged as (
      insert into events (type, subject_id, agent_id, actor, correlation_id, data)
      select case step when 1 then 'command.created' else 'command.leased' end, id, agent, case step when 1 then actor else poll_actor end,
        case step when 1 then correlation else poll_correlation end, case step when 1 then data else jsonb_build_object('type', type, 'attempt', 1) end
      from wanted, generate_series(1, 1 + handed_out::int) as step order by id, step
    )
    select w.n, m.id is not null as made, w.body, w.run, w.run_reason, w.state_version, w.retired_at, w.halts, m.* from allowed w left join made m on m.id = w.id`,
};

@Injectable()
export class EnqueueRepository {
  private readonly merged = new Merged((asks: readonly Enqueue[]) => this.enqueueAll(asks), {
    keyOf: ({ claim, command }) => (claim ? `${claim.caller} ${claim.key}` : command.id),
  });

  constructor(
    private readonly statements: Statements,
    private readonly parking: Parking,
  ) {}

  /** `alone` when the agent is missing, retired, halted for what opens, or held by somebody else. */
  enqueue(ask: Enqueue): Promise<Enqueued> {
    return this.merged.do(ask);
  }

  private async enqueueAll(asks: readonly Enqueue[]): Promise<Enqueued[]> {
    const polls = this.pollsFor(asks);
    const handedOut: (HandedOut | null)[] = asks.map(() => null);
    try {
      const rows = await this.statements.run<EnqueuedRow>(ENQUEUE, [JSON.stringify(asks.map((ask, n) => itemOf(ask, n, polls[n]?.ask)))]);
      const answers: Enqueued[] = asks.map(() => ({ outcome: 'alone' }));
      for (const { n, made, body, run, run_reason, state_version, retired_at, halts, ...command } of rows) {
        const isHandedOut = command.status === 'leased';
        answers[n] = made ? { outcome: 'made', answer: body, handedOut: isHandedOut } : { outcome: 'taken' };
        if (isHandedOut) handedOut[n] = { agent: { run, run_reason, state_version, retired_at, halts }, otherInstance: null, hasLapsed: false, rows: [command] };
      }
      return answers;
    } finally {
      // Those that got nothing look for themselves, also after a failure.
      polls.forEach((poll, n) => poll?.leave(handedOut[n] ?? null));
    }
  }

  /** For what is due at once, alone for its agent: of several, the most urgent has to be the first. */
  private pollsFor(asks: readonly Enqueue[]): (Poll | null)[] {
    const counts = new Map<string, number>();
    for (const { command } of asks) counts.set(command.agentId, (counts.get(command.agentId) ?? 0) + 1);
    return asks.map(({ command }) => (command.notBefore === null && counts.get(command.agentId) === 1 ? this.parking.take(command.agentId) : null));
  }
}

function itemOf({ command: c, claim, answer, data }: Enqueue, n: number, poll: LeaseAsk | undefined) {
  return {
    n, id: c.id, agent: c.agentId, type: c.type, class: c.class, once: c.once, payload: c.payload, priority: c.priority, not_before: c.notBefore,
    expires_at: c.expiresAt, max_attempts: c.maxAttempts, actor: c.actor, correlation: c.correlationId, ...claim, answer, data,
    poll: poll && { seconds: poll.leaseSeconds, instance: poll.instanceId, key: poll.keyId, actor: poll.actor, correlation: poll.correlationId },
  };
}
