import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { Attempted } from '../common/http/once.js';
import { CLAIMED_KEYS, type Claim } from '../database/idempotency.js';
import { Merged } from '../database/merged.js';
import { type Statement, Statements } from '../database/statements.js';
import type { NewCommand } from './commands.repository.js';
import type { commandSchema } from './commands.schemas.js';

type CommandAnswer = z.output<typeof commandSchema>;

export interface Enqueue {
  command: NewCommand;
  claim: Claim | null;
  /** The answer as the caller will see it, but for the payload and what the database's clock decides. */
  answer: object;
  /** Of the event. */
  data: object;
}

const STAMP = `to_char(date_trunc('milliseconds', q.at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** Commands of agents that nobody is changing: key, command and event in one statement for all who ask. */
const ENQUEUE: Statement = {
  name: 'enqueue',
  text: `
    with asked as materialized (
      select q.*, clock.at from (select app_clock() as at) clock, jsonb_to_recordset($1::jsonb) as q (n int, id uuid, agent uuid, type text, class text,
        once boolean, payload jsonb, priority smallint, not_before timestamptz, expires_at timestamptz, max_attempts int, actor text, correlation text,
        caller text, key text, hash text, answer jsonb, data jsonb)
    ), agent as materialized (
      -- Held to the end of the statement, so that a retirement waits or goes first.
      select id, retired_at from agents where id in (select agent from asked) order by id for share skip locked
    ), allowed as materialized (
      select q.*, 201 as status, q.answer || jsonb_build_object('payload', q.payload, 'createdAt', ${STAMP}) ||
        case when q.not_before is null then jsonb_build_object('notBefore', ${STAMP}) else '{}' end as body
      from asked q join agent a on a.id = q.agent where a.retired_at is null
    ), claimed as (${CLAIMED_KEYS('allowed')}), made as (
      insert into agent_commands (id, agent_id, type, class, once, payload, priority, not_before, expires_at, max_attempts, actor, correlation_id, created_at)
      select id, agent, type, class, once, payload, priority, coalesce(not_before, at), expires_at, max_attempts, actor, correlation, at
      from allowed q where key is null or exists (select 1 from claimed c where c.caller = q.caller and c.key = q.key)
      order by id returning id
    ), logged as (
      insert into events (type, subject_id, agent_id, actor, correlation_id, data)
      select 'command.created', q.id, q.agent, q.actor, q.correlation, q.data from made join allowed q on q.id = made.id order by q.id
    )
    select q.n, m.id is not null as made, w.body from asked q left join allowed w on w.n = q.n left join made m on m.id = q.id`,
};

@Injectable()
export class EnqueueRepository {
  private readonly merged = new Merged((asks: readonly Enqueue[]) => this.enqueueAll(asks), {
    keyOf: ({ claim, command }) => (claim ? `${claim.caller} ${claim.key}` : command.id),
  });

  constructor(private readonly statements: Statements) {}

  /** `alone` when the agent is missing, retired or held by somebody else. */
  enqueue(ask: Enqueue): Promise<Attempted<CommandAnswer>> {
    return this.merged.do(ask);
  }

  private async enqueueAll(asks: readonly Enqueue[]): Promise<Attempted<CommandAnswer>[]> {
    const items = asks.map(({ command: c, claim, answer, data }, n) => ({
      n, id: c.id, agent: c.agentId, type: c.type, class: c.class, once: c.once, payload: c.payload, priority: c.priority, not_before: c.notBefore,
      expires_at: c.expiresAt, max_attempts: c.maxAttempts, actor: c.actor, correlation: c.correlationId, ...claim, answer, data,
    }));
    const rows = await this.statements.run<{ n: number; made: boolean; body: CommandAnswer | null }>(ENQUEUE, [JSON.stringify(items)]);
    const answers: Attempted<CommandAnswer>[] = asks.map(() => ({ outcome: 'alone' }));
    for (const { n, made, body } of rows) {
      if (made && body) answers[n] = { outcome: 'made', answer: body };
      else if (body) answers[n] = { outcome: 'taken' };
    }
    return answers;
  }
}
