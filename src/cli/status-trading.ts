import { OFFLINE_AFTER_SECONDS } from '../agents/liveness.js';
import { timeText } from '../database/answer-text.js';
import { withClient } from '../database/client.js';
import { OPENINGS_SUSPENDED } from '../halts/suspensions.sql.js';
import { scopeName } from '../halts/scope-name.js';

/** What a person should look at, beside whether the system is safe. Each list is of 50 at most. */
export interface Trading {
  /** Tripped, or cooling down after it, or letting a little through. */
  breakers: { breaker: string; scope: string; state: string; since: string; resetsAt: string | null; haltId: string | null }[];
  /** Trades that are wanted closed, and of which nobody has seen that they are. */
  closures: { closureId: string; tradeId: string; agent: string; account: string; symbol: string; cause: string; why: string; wantedAt: string; tries: number }[];
  agents: { agent: string; agentId: string; canTrade: boolean; why: string | null; lastSeenSeconds: number | null; positionsSeconds: number | null }[];
}

export const NOTHING_KNOWN: Trading = { breakers: [], closures: [], agents: [] };

const MOST = 50;

const BREAKERS = `select b.name as breaker, concat_ws(' ', b.scope_type, coalesce(${scopeName('b.scope_type', 'b.scope_id')}, b.scope_id), b.execution_mode) as scope,
    b.state, ${timeText('b.since', 's')} as since, ${timeText('b.resets_at', 's')} as "resetsAt", b.halt_id as "haltId"
  from breaker_states b where b.state in ('tripped', 'cooling_down', 'testing') order by b.since limit ${MOST}`;

/** In control: a command is on its way to an agent that is there. */
const CLOSURES = `select c.id as "closureId", c.trade_id as "tradeId", a.name as agent, n.name as account, t.symbol, c.cause, ${timeText('c.created_at', 's')} as "wantedAt", c.tries,
    case when coalesce(s.last_seen_at < app_clock() - interval '${OFFLINE_AFTER_SECONDS} seconds', true) then 'its agent is offline' when a.retired_at is not null then 'its agent is retired'
      when k.status = 'unknown' then 'nobody knows what became of its command' when k.status is null then 'it has no command yet' else 'its command is ' || k.status end as why
  from closures c join trades t on t.id = c.trade_id join agents a on a.id = c.agent_id join accounts n on n.id = c.account_id join agent_state s on s.agent_id = c.agent_id
    left join agent_commands k on k.id = c.command_id
  where c.ended_at is null and (coalesce(s.last_seen_at < app_clock() - interval '${OFFLINE_AFTER_SECONDS} seconds', true) or a.retired_at is not null or k.status is null or k.status not in ('queued', 'leased'))
  order by c.seq limit ${MOST}`;

/** The first of what stands in the way, as the gate sees it. */
const AGENTS = `select agent, "agentId", why is null as "canTrade", why, "lastSeenSeconds", "positionsSeconds" from (
    select a.name as agent, a.id as "agentId", a.seq, floor(extract(epoch from app_clock() - s.last_seen_at))::int as "lastSeenSeconds",
      floor(extract(epoch from app_clock() - least(r.complete_as_of, r.complete_received_at)))::int as "positionsSeconds",
      case when s.last_seen_at is null then 'never heard of' when s.last_seen_at < app_clock() - interval '${OFFLINE_AFTER_SECONDS} seconds' then 'offline'
        when halt_state(a.id, a.account_id, a.mode) <> 'active' then halt_state(a.id, a.account_id, a.mode) when ${OPENINGS_SUSPENDED} then 'the system holds openings until it is well again' when a.run <> 'running' then 'told to be ' || a.run when s.status <> 'running' then 'says ' || s.status
        when s.account_mismatch <> '{}' then 'its terminal is on another account' when coalesce(s.trading_lease_until <= app_clock(), true) then 'has no trading lease'
        when s.broker_connected is false or (a.mode = 'live' and s.broker_connected is null) then 'not connected to its broker'
        when s.trade_allowed is false or (a.mode = 'live' and s.trade_allowed is null) then 'its broker does not allow trading'
        when a.mode = 'live' and coalesce(least(r.complete_as_of, r.complete_received_at) < app_clock() - interval '60 seconds' or r.complete_received_at < s.started_at, true) then 'no report of positions within 60 s' end as why
    from agents a join agent_state s on s.agent_id = a.id left join agent_reports r on r.agent_id = a.id where a.retired_at is null
  ) each order by why is null, seq limit ${MOST}`;

export function tradingOf(url: string): Promise<Trading> {
  return withClient(url, async (client) => ({
    breakers: (await client.query<Trading['breakers'][number]>(BREAKERS)).rows, closures: (await client.query<Trading['closures'][number]>(CLOSURES)).rows,
    agents: (await client.query<Trading['agents'][number]>(AGENTS)).rows,
  }));
}

const age = (seconds: number | null): string => (seconds === null ? 'never' : `${seconds} s ago`);

export const linesOf = ({ breakers, closures, agents }: Trading): string[] => [
  ...breakers.map(({ breaker, scope, state, since, resetsAt }) => `breaker  ${breaker} of ${scope}: ${state} since ${since}${resetsAt === null ? '' : `, until ${resetsAt}`}`),
  ...closures.map(({ account, symbol, agent, cause, why, wantedAt, tries, tradeId }) => `closing  ${symbol} of ${agent} on ${account}, wanted by ${cause} since ${wantedAt}, ${tries} command(s), not under control: ${why} [${tradeId}]`),
  ...agents.map(({ agent, why, lastSeenSeconds, positionsSeconds }) => `agent    ${agent}: ${why === null ? 'can trade' : `cannot trade: ${why}`}; heard ${age(lastSeenSeconds)}, positions ${age(positionsSeconds)}`),
];
