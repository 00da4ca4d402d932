import { Injectable } from '@nestjs/common';
import { Merged } from '../database/merged.js';
import { type Run, type Statement, Statements } from '../database/statements.js';
import { agentSql, HALTS_OF_AGENT } from '../halts/halts.sql.js';
import type { AccountTold } from './account-match.js';
import type { AgentRow, AgentStatus } from './agents.repository.js';
import { TRADING_LEASE_SECONDS } from './liveness.js';

/** A heartbeat with every absent field null, except the message: there null clears. */
export interface ReportedState {
  status: AgentStatus | null; equity: string | null; balance: string | null; margin: string | null; marginFree: string | null;
  floatingPnl: string | null; currency: string | null; asOf: string | null; openPositions: number | null; cycleCount: number | null;
  lastCycleAt: string | null; observedStateVersion: number | null; errorMessage: string | null | undefined; brokerConnected: boolean | null;
  tradeAllowed: boolean | null; lastQuoteAt: string | null; agentVersion: string | null; configHash: string | null; brokerAccount: Record<string, unknown> | null;
}

export interface Heartbeat {
  agentId: string;
  instanceId: string | null;
  reported: ReportedState;
  actor: string;
  correlationId: string;
}

/** What an agent is told: its row's part of the desired state, or who else speaks for it. */
export interface HeartbeatAnswer extends Pick<AgentRow, 'run' | 'run_reason' | 'state_version' | 'retired_at' | 'account_id' | 'mode' | 'halts'> {
  /** The copy that holds the trading lease; null when it is the one that asks. */
  other_instance: string | null;
  /** Of which time the figures are news of the account, to the microsecond; null when they are old, or the broker is not connected. */
  figures_at: string | null;
  currency: string | null;
  /** That it runs other code, or another configuration, than is stored: to be taken over with what follows from it. */
  version_changed: boolean;
  /** Null: another copy holds the lease, and this one's word is not taken. */
  told: AccountTold | null;
}

type AnswerRow = HeartbeatAnswer & { n: number; reached: boolean };

/** The copy of the agent that trades, when it is not the one that asks. @param state a row of agent_state */
export const otherInstance = (state: string, instance: string, at: string) =>
  `case when ${state}.instance_id <> ${instance} and ${state}.trading_lease_until > ${at} then ${state}.instance_id end`;

/** Reports may be two minutes ahead of this process's clock, which may be off from the database's. */
const AHEAD_MOST = '5 minutes';

/**
 * Takes reports over. Absent fields keep their value. Heartbeats may overtake each other: one that is older than the
 * last only proves that the agent lives; unless the last lies ahead of the clock, which was set back then: state would
 * stand still until it has caught up. One without a time is of now, by the clock of its agent: where that runs ahead, as
 * its last report shows, it would else be older than what was told before it, and a broker that went away would pass
 * unheard for up to two minutes. A state version that was never given out was not observed either. Who stops
 * gives the trading lease back; another running copy changes nothing as long as the first holds it.
 * @param locked rows that another transaction holds are waited for, or left out
 */
const heartbeats = (name: string, locked: '' | 'skip locked'): Statement => ({
  name,
  text: `
    with clock as materialized (select app_clock() as at),
    asked as materialized (
      select * from jsonb_to_recordset($1::jsonb) as q (n int, agent uuid, instance text, actor text, correlation text, status text, equity numeric,
        balance numeric, margin numeric, margin_free numeric, floating_pnl numeric, currency text, as_of timestamptz, open_positions int,
        cycle_count bigint, last_cycle_at timestamptz, observed bigint, says_error boolean, error_message text, broker_connected boolean,
        trade_allowed boolean, last_quote_at timestamptz, agent_version text, config_hash text, broker_account jsonb, has_figures boolean)
    ), before as materialized (
      select agent_id, status, instance_id, trading_lease_until, reported_as_of, agent_version, config_hash from agent_state
      where agent_id in (select agent from asked) order by agent_id for no key update ${locked}
    ), judged as materialized (
      select q.*, r.reported_at, a.state_version, b.status as old_status, b.agent_version as old_version, b.config_hash as old_config, coalesce(r.reported_at >= b.reported_as_of or b.reported_as_of > clock.at + interval '${AHEAD_MOST}', true) as newer,
        ${otherInstance('b', 'q.instance', 'clock.at')} as other_instance
      from clock, asked q join before b on b.agent_id = q.agent join agents a on a.id = q.agent
        cross join lateral (select coalesce(q.as_of, greatest(clock.at, case when b.reported_as_of <= clock.at + interval '${AHEAD_MOST}' then b.reported_as_of end)) as reported_at) r
    ), written as (
      update agent_state s set
        status = case when newer then coalesce(j.status, s.status) else s.status end,
        reported_as_of = case when newer then j.reported_at else s.reported_as_of end,
        equity = case when newer then coalesce(j.equity, s.equity) else s.equity end,
        balance = case when newer then coalesce(j.balance, s.balance) else s.balance end,
        margin = case when newer then coalesce(j.margin, s.margin) else s.margin end,
        margin_free = case when newer then coalesce(j.margin_free, s.margin_free) else s.margin_free end,
        floating_pnl = case when newer then coalesce(j.floating_pnl, s.floating_pnl) else s.floating_pnl end,
        open_positions = case when newer then coalesce(j.open_positions, s.open_positions) else s.open_positions end,
        as_of = case when newer and j.has_figures then j.reported_at else s.as_of end,
        currency = case when newer then coalesce(j.currency, s.currency) else s.currency end,
        cycle_count = case when newer then coalesce(j.cycle_count, s.cycle_count) else s.cycle_count end,
        last_cycle_at = greatest(j.last_cycle_at, s.last_cycle_at),
        observed_state_version = case when j.observed <= j.state_version then greatest(j.observed, s.observed_state_version) else s.observed_state_version end,
        error_message = case when newer and j.says_error then j.error_message else s.error_message end,
        broker_connected = case when newer then coalesce(j.broker_connected, s.broker_connected) else s.broker_connected end,
        trade_allowed = case when newer then coalesce(j.trade_allowed, s.trade_allowed) else s.trade_allowed end,
        last_quote_at = greatest(j.last_quote_at, s.last_quote_at),
        -- Its first word; another one is stored with what follows from it, or not at all.
        agent_version = case when newer then coalesce(s.agent_version, j.agent_version) else s.agent_version end,
        config_hash = case when newer then coalesce(s.config_hash, j.config_hash) else s.config_hash end,
        broker_account = case when newer then coalesce(j.broker_account, s.broker_account) else s.broker_account end,
        -- A copy keeps its name when it is started again; its first words are that it starts, until it has an answer.
        started_at = case when s.started_at is null or s.instance_id is distinct from coalesce(j.instance, s.instance_id)
          or (newer and j.status = 'starting' and s.status <> 'starting') then clock.at else s.started_at end,
        instance_id = coalesce(j.instance, s.instance_id),
        last_seen_at = clock.at, updated_at = clock.at,
        trading_lease_until = case when newer and j.status = 'stopped' then clock.at else clock.at + make_interval(secs => ${TRADING_LEASE_SECONDS}) end
      from judged j, clock where s.agent_id = j.agent and j.other_instance is null
      returning j.n, s.status, s.currency, s.broker_account, s.account_mismatch, case when j.newer and s.broker_connected is not false then j.reported_at::text end as figures_at
    ), logged as (
      insert into events (type, subject_id, agent_id, actor, correlation_id, data)
      select 'agent.status_changed', j.agent, j.agent, j.actor, j.correlation, jsonb_build_object('from', j.old_status, 'to', w.status)
      from written w join judged j on j.n = w.n where w.status <> j.old_status
    )
    select q.n, a.run, a.run_reason, a.state_version, a.retired_at, a.account_id, a.mode, ${HALTS_OF_AGENT(agentSql('a'))} as halts, j.other_instance, w.figures_at, w.currency, j.n is not null as reached,
      w.n is not null and j.newer and (coalesce(j.agent_version <> j.old_version, false) or coalesce(j.config_hash <> j.old_config, false)) as version_changed,
      case when w.broker_account is not null or w.currency is not null or w.account_mismatch is not null then jsonb_build_object('mode', a.mode, 'told_account', w.broker_account,
        'told_currency', w.currency, 'login_hash', c.login_hash, 'server', c.server, 'kind', c.kind, 'account_currency', c.currency, 'margin_mode', c.margin_mode,
        'account_mismatch', w.account_mismatch) end as told
    from asked q join agents a on a.id = q.agent join accounts c on c.id = a.account_id left join judged j on j.n = q.n left join written w on w.n = q.n order by q.n`,
});

const MERGED = heartbeats('heartbeats_2', 'skip locked');
const ALONE = heartbeats('heartbeat_2', '');

@Injectable()
export class HeartbeatRepository {
  private readonly merged = new Merged((asks: readonly Heartbeat[]) => report(this.statements.run, MERGED, asks), { keyOf: ({ agentId }) => agentId });

  constructor(private readonly statements: Statements) {}

  /** Null when there is no such agent. A row that somebody else holds is waited for outside the merged statement. */
  async take(heartbeat: Heartbeat): Promise<HeartbeatAnswer | null> {
    return (await this.merged.do(heartbeat)) ?? this.takeWithin(this.statements.run, heartbeat);
  }

  async takeWithin(run: Run, heartbeat: Heartbeat): Promise<HeartbeatAnswer | null> {
    const [answer = null] = await report(run, ALONE, [heartbeat]);
    return answer;
  }
}

/** In the order of the asks; null for a row that could not be had. */
async function report(run: Run, statement: Statement, asks: readonly Heartbeat[]): Promise<(HeartbeatAnswer | null)[]> {
  const rows = await run<AnswerRow>(statement, [JSON.stringify(asks.map(toRow))]);
  const answers = new Map(rows.filter(({ reached }) => reached).map((row) => [row.n, row]));
  return asks.map((_ask, n) => answers.get(n) ?? null);
}

function toRow({ agentId, instanceId, reported: r, actor, correlationId }: Heartbeat, n: number) {
  const figures = [r.equity, r.balance, r.margin, r.marginFree, r.floatingPnl, r.openPositions];
  return {
    n, agent: agentId, instance: instanceId, actor, correlation: correlationId, status: r.status, equity: r.equity, balance: r.balance, margin: r.margin,
    margin_free: r.marginFree, floating_pnl: r.floatingPnl, currency: r.currency, as_of: r.asOf, open_positions: r.openPositions, cycle_count: r.cycleCount,
    last_cycle_at: r.lastCycleAt, observed: r.observedStateVersion, says_error: r.errorMessage !== undefined, error_message: r.errorMessage ?? null,
    broker_connected: r.brokerConnected, trade_allowed: r.tradeAllowed, last_quote_at: r.lastQuoteAt, agent_version: r.agentVersion, config_hash: r.configHash,
    broker_account: r.brokerAccount, has_figures: figures.some((figure) => figure !== null),
  };
}
