import { Injectable } from '@nestjs/common';
import { Merged } from '../database/merged.js';
import { type Run, type Statement, Statements } from '../database/statements.js';
import { type CommandWithAttempts, shownBeside } from './commands.repository.js';

export interface Completion {
  id: string;
  agentId: string;
  token: string;
  result: unknown;
  actor: string;
  correlationId: string;
}

/**
 * Ends commands, fenced by the lease's token. The answer is made from the same rows: the attempt shows here as it will
 * be, since the statement does not see its own changes.
 * @param locked rows that another transaction holds are waited for, or left out
 * @param rows which commands at all
 */
const completions = (name: string, locked: '' | 'skip locked', rows: string): Statement => ({
  name,
  text: `
    with clock as materialized (select app_clock() as at),
    asked as materialized (
      select q.* from jsonb_to_recordset($1::jsonb) as q (n int, id uuid, agent uuid, token uuid, result jsonb, actor text, correlation text)
    ), held as materialized (
      select c.id, q.n, q.token, q.result, q.actor, q.correlation from agent_commands c join asked q on q.id = c.id
      where c.agent_id = q.agent and c.status = 'leased' and c.lease_token = q.token and c.lease_expires_at > (select at from clock) and ${rows}
      order by c.id for no key update of c ${locked}
    ), done as (
      update agent_commands c set status = 'succeeded', result = held.result, lease_token = null, lease_expires_at = null, finished_at = clock.at
      from held, clock where c.id = held.id returning c.*, held.n, held.token
    ), attempts as (
      update command_attempts t set outcome = 'succeeded', ended_at = clock.at from held, clock where t.lease_token = held.token
    ), logged as (
      insert into events (type, subject_id, agent_id, actor, correlation_id, data)
      select 'command.succeeded', d.id, d.agent_id, h.actor, h.correlation, jsonb_build_object('type', d.type, 'attempt', d.attempt)
      from done d join held h on h.n = d.n order by d.seq
    )
    select c.*, ${shownBeside(`case when t.lease_token = c.token then clock.at else t.ended_at end`, `case when t.lease_token = c.token then 'succeeded' else t.outcome end`)}
    from done c, clock`,
});

/** What the result of an opening may say of the trade that it made. */
export const OPENED_FIELDS = ['orderTag', 'clientOrderId', 'brokerOrderId', 'brokerPositionId', 'fill'] as const;

/**
 * A configuration that was taken over is stored with the agent, what the broker shows with its account, and the trade of an
 * opening with both: that takes a transaction of its own.
 */
const MERGED = completions('completions', 'skip locked', `c.type not in ('update_config', 'reconcile')
        and not (c.type = 'open_trade' and jsonb_typeof(q.result) = 'object' and q.result ?| array[${OPENED_FIELDS.map((name) => `'${name}'`).join(',')}])`);
const ALONE = completions('completion', '', 'true');

@Injectable()
export class CompletionRepository {
  private readonly merged = new Merged((asks: readonly Completion[]) => complete(this.statements.run, MERGED, asks), { keyOf: ({ id }) => id });

  constructor(private readonly statements: Statements) {}

  /** Null when the lease is not the caller's, or when somebody else is changing the command right now. */
  complete(completion: Completion): Promise<CommandWithAttempts | null> {
    return this.merged.do(completion);
  }

  /** Waits for whoever changes the command. Null when the lease is not, or no longer, the caller's. */
  async completeWithin(run: Run, completion: Completion): Promise<CommandWithAttempts | null> {
    const [row = null] = await complete(run, ALONE, [completion]);
    return row;
  }
}

async function complete(run: Run, statement: Statement, asks: readonly Completion[]): Promise<(CommandWithAttempts | null)[]> {
  const items = asks.map(({ id, agentId, token, result, actor, correlationId }, n) => ({ n, id, agent: agentId, token, result: result ?? null, actor, correlation: correlationId }));
  const rows = await run<CommandWithAttempts & { n: number }>(statement, [JSON.stringify(items)]);
  const done = new Map(rows.map((row) => [row.n, row]));
  return asks.map((_ask, n) => done.get(n) ?? null);
}
