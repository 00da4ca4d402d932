import { Injectable } from '@nestjs/common';
import type { Run } from '../database/statements.js';
import type { Tx } from '../database/transaction.js';
import type { Sessions } from '../instruments/terms.js';
import { BOOKS, type Book, figure, type Measured, watermark } from './trade-figures.repository.js';
import type { Settings } from './breaker-settings.js';

/** A symbol with open trades, and how long ago its last quote came. */
export interface QuotedSymbol extends Measured {
  sessions: Sessions | null;
}

const AGENTS = `${BOOKS} join agents g on g.account_id = b.account_id and g.mode = b.execution_mode and g.retired_at is null`;
const AGENT = 'g.id::text';
const PREDICTIONS_READ = 2_000;
const COMMANDS_READ = 500;

/** Each model in the version that its newest prediction names: what was replaced has had its say. */
const MODELS = `
  select b.account_id, b.execution_mode, ${AGENT} as scope_id, made.value, made.samples
  from ${AGENTS} cross join lateral (select ${watermark('model_degradation', 'agent', AGENT)} as at) since cross join lateral (
    select trim_scale(round(avg(came_true), 18))::text as value, count(*)::int as samples from (
      select last.model, (s.outcome = 'right')::int as came_true, row_number() over (partition by last.model order by last.predicted_at desc, last.seq desc) as n from (
        select p.id, p.model, p.predicted_at, p.seq, p.model_version is not distinct from first_value(p.model_version) over (partition by p.model order by p.predicted_at desc, p.seq desc) as is_current
        from (select * from predictions where agent_id = any(array[g.id]) order by agent_id desc, predicted_at desc, seq desc limit ${PREDICTIONS_READ}) p
      ) last join prediction_scores s on s.prediction_id = last.id and s.outcome in ('right','wrong') and s.scored_at > since.at
      where last.is_current
    ) scored where n <= $2::int group by model having count(*) >= $3::int order by avg(came_true), model limit 1
  ) made`;

const REJECTED = `
  select b.account_id, b.execution_mode, ${AGENT} as scope_id, made.value, made.samples
  from ${AGENTS} cross join lateral (select ${watermark('reject_rate', 'agent', AGENT)} as at) since cross join lateral (
    select trim_scale(round(avg(rejected), 18))::text as value, count(*)::int as samples from (
      select (x.outcome = 'rejected')::int as rejected from (
        select id from agent_commands c where c.agent_id = any(array[g.id]) and c.type in ('open_trade','close_trade','modify_trade','cancel_order') order by c.agent_id desc, c.seq desc limit ${COMMANDS_READ}
      ) c join command_attempts x on x.command_id = c.id
      where x.outcome in ('succeeded','rejected') and x.ended_at > since.at order by x.ended_at desc, x.command_id, x.attempt desc limit $2::int
    ) last
  ) made where made.samples > 0`;

/** $2: since when this server can hear; a silence that it could not have heard the end of is none. */
const SILENT = `
  select b.account_id, b.execution_mode, ${AGENT} as scope_id,
    trunc(greatest(extract(epoch from clock.now - greatest(h.last_seen_at, ${watermark('stale_heartbeat', 'agent', AGENT)}, least($2::timestamptz, clock.now))), 0), 3)::text as value, 1 as samples
  from ${AGENTS} join agent_state h on h.agent_id = g.id and h.last_seen_at is not null cross join (select app_clock() as now) clock
  where exists (select from trades t where t.agent_id = g.id and t.execution_mode = b.execution_mode and t.status in ('open','closing','unknown') and t.open_size > 0)`;

/** Quotes stand under the names that their senders have for a symbol. */
const UNQUOTED = `
  select b.account_id, b.execution_mode, held.symbol as scope_id, quoted.sessions,
    trunc(greatest(extract(epoch from clock.now - greatest(quoted.at, ${watermark('stale_prices', 'symbol', 'held.symbol')}, least($2::timestamptz, clock.now))), 0), 3)::text as value, 1 as samples
  from ${BOOKS} cross join (select app_clock() as now) clock cross join lateral (
    select t.symbol, array_agg(distinct t.broker_symbol) filter (where t.broker_symbol is not null) as named from trades t
    where t.account_id = b.account_id and t.execution_mode = b.execution_mode and t.finished_at is null and t.status in ('open','closing','unknown') and t.open_size > 0 group by t.symbol
  ) held cross join lateral (
    select max(q.received_at) as at, (select i.sessions from instruments i where i.account_id = b.account_id and i.symbol = held.symbol and i.sessions is not null order by i.seq limit 1) as sessions
    from quotes q where q.account_id = b.account_id and (q.symbol = held.symbol or q.symbol = any(held.named)
      or q.symbol in (select i.broker_symbol from instruments i where i.account_id = b.account_id and i.symbol = held.symbol))
  ) quoted where quoted.at is not null`;

/** What a status said before the watermark is not held against the agent. */
const ERRORS = `
  select b.account_id, b.execution_mode, ${AGENT} as scope_id,
    ((select count(*) from (select * from agent_commands c where c.agent_id = any(array[g.id]) order by c.agent_id desc, c.seq desc limit ${COMMANDS_READ}) c
      where c.status in ('failed','dead') and c.finished_at > greatest(clock.now - make_interval(secs => $2::int), since.at))
      + case when $4::boolean and h.status = 'error' and h.last_seen_at > since.at then $3::int else 0 end)::text as value, 1 as samples
  from ${AGENTS} cross join (select app_clock() as now) clock cross join lateral (select ${watermark('agent_errors', 'agent', AGENT)} as at) since
    left join agent_state h on h.agent_id = g.id`;

const LATENCY = `
  select trim_scale(round(avg(milliseconds), 3))::text as value, count(*)::int as samples from (
    select milliseconds from database_latencies where at > coalesce((select watermark_at from breaker_states where name = 'database_latency' and scope_type = 'global'), '-infinity')
    order by seq desc limit $1::int
  ) last`;

/** What is known of agents, their models, the broker's answers and the prices of books. */
@Injectable()
export class AgentFiguresRepository {
  hitRates(run: Run, books: readonly Book[], { parameters, minimumSamples }: Settings<'model_degradation'>): Promise<Measured[]> {
    return run(figure('models', MODELS), [JSON.stringify(books), parameters.windowPredictions, minimumSamples ?? 1]);
  }

  rejections(run: Run, books: readonly Book[], { parameters }: Settings<'reject_rate'>): Promise<Measured[]> {
    return run(figure('rejected', REJECTED), [JSON.stringify(books), parameters.windowCommands]);
  }

  silences(run: Run, books: readonly Book[], wellSince: string): Promise<Measured[]> {
    return run(figure('silent', SILENT), [JSON.stringify(books), wellSince]);
  }

  unquoted(run: Run, books: readonly Book[], wellSince: string): Promise<QuotedSymbol[]> {
    return run(figure('unquoted', UNQUOTED), [JSON.stringify(books), wellSince]);
  }

  failures(run: Run, books: readonly Book[], { parameters }: Settings<'agent_errors'>): Promise<Measured[]> {
    return run(figure('errors', ERRORS), [JSON.stringify(books), parameters.windowSeconds, parameters.failuresMost, parameters.tripOnErrorStatus]);
  }

  async latency(tx: Tx, { parameters }: Settings<'database_latency'>): Promise<{ value: string; samples: number } | null> {
    const [row] = await tx.query<{ value: string | null; samples: number }[]>(LATENCY, [parameters.windowLooks]);
    return row?.value == null ? null : { value: row.value, samples: row.samples };
  }

  /** Only what one window can ask for is kept. */
  async keepLatency(tx: Tx, milliseconds: string): Promise<void> {
    await tx.sql`insert into database_latencies (milliseconds) values (${milliseconds}::numeric)`;
    await tx.sql`delete from database_latencies where seq < (select max(seq) - 1000 from database_latencies)`;
  }
}
