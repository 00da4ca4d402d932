import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import type { HaltOnAgent } from '../halts/halt-rows.js';
import { agentSql, HALTS_OF_AGENT } from '../halts/halts.sql.js';
import { OPENINGS_SUSPENDED } from '../halts/suspensions.sql.js';
import { type AccountTold, TOLD } from './account-match.js';
import type { VersionChange } from './agent-versions.service.js';

export type Mode = 'simulation' | 'paper' | 'live';
export type Run = 'running' | 'paused' | 'stopped';
export type AgentStatus = 'stopped' | 'starting' | 'running' | 'paused' | 'stopping' | 'error';

export interface RunReason {
  code: string;
  commandId?: string;
  by?: string;
}

export interface AgentRow {
  id: string; seq: number; name: string; account_id: string; account: string; magic: number; mode: Mode; symbols: string[]; broker: string | null;
  config: Record<string, unknown>; wind_down_policy: 'keep' | 'flatten';
  wind_down_after_seconds: number; version_policy: 'alert' | 'halt'; run: Run; run_reason: RunReason | null; state_version: number;
  retired_at: string | null; created_at: string; updated_at: string;
  /** In force, strictest first; null: none. */
  halts: HaltOnAgent[] | null;
}

/** What the agent says of itself, beside what the server's clock makes of it. */
export interface AgentStateRow {
  status: AgentStatus; equity: string | null; balance: string | null; margin: string | null; margin_free: string | null;
  floating_pnl: string | null; currency: string | null; as_of: string | null; open_positions: number | null; cycle_count: number | null;
  last_cycle_at: string | null; observed_state_version: number | null; error_message: string | null; broker_connected: boolean | null;
  trade_allowed: boolean | null; last_quote_at: string | null; agent_version: string | null; config_hash: string | null; broker_account: Record<string, unknown> | null;
  instance_id: string | null; started_at: string | null; last_seen_at: string | null; holds_trading_lease: boolean;
  silent_seconds: string | null; uptime_seconds: string | null; account_mismatch: string[] | null; positions_as_of: string | null;
  /** Since the last complete report of positions, by what it says and by when it came; null: none since the agent started. */
  positions_seconds: string | null;
  /** By the system itself, of all agents. */
  openings_suspended: boolean;
}

/** Null: not said. */
export interface VersionTold {
  agentVersion: string | null;
  configHash: string | null;
}

export type AgentWithState = AgentRow & AgentStateRow;

const AGENT = `a.id, a.seq, a.name, a.account_id, c.name as account, a.magic, a.mode, a.symbols, a.broker, a.config, a.wind_down_policy, a.wind_down_after_seconds, a.version_policy,
  a.run, a.run_reason, a.state_version, a.retired_at, a.created_at, a.updated_at, ${HALTS_OF_AGENT(agentSql('a'))} as halts`;

const STATE = `s.status, s.equity, s.balance, s.margin, s.margin_free, s.floating_pnl, s.currency, s.as_of, s.open_positions,
  s.cycle_count, s.last_cycle_at, s.observed_state_version, s.error_message, s.broker_connected, s.trade_allowed, s.last_quote_at,
  s.agent_version, s.config_hash, s.broker_account, s.instance_id, s.started_at, s.last_seen_at,
  coalesce(s.trading_lease_until > app_clock(), false) as holds_trading_lease,
  extract(epoch from app_clock() - s.last_seen_at)::text as silent_seconds,
  extract(epoch from app_clock() - s.started_at)::text as uptime_seconds, s.account_mismatch, r.complete_as_of as positions_as_of,
  case when r.complete_received_at >= s.started_at
    then extract(epoch from app_clock() - least(r.complete_as_of, r.complete_received_at))::text end as positions_seconds, ${OPENINGS_SUSPENDED} as openings_suspended`;

const AGENTS = `agents a join accounts c on c.id = a.account_id join agent_state s on s.agent_id = a.id left join agent_reports r on r.agent_id = a.id`;

export interface AgentFilter {
  id?: string | undefined;
  name?: string | undefined;
  mode?: Mode | undefined;
  retired?: boolean | undefined;
}

/** Of one agent in five minutes. */
const STRANGERS_NOTED = 20;

@Injectable()
export class AgentsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async withState(id: string, tx: Tx = this.dataSource.manager): Promise<AgentWithState | null> {
    const [row] = await tx.sql<AgentWithState[]>`
      select ${() => AGENT}, ${() => STATE} from ${() => AGENTS}
      where a.id = ${id}`;
    return row ?? null;
  }

  list(filter: AgentFilter, limit: number, after: string | undefined, tx: Tx = this.dataSource.manager): Promise<AgentWithState[]> {
    const { id = null, name = null, mode = null, retired = null } = filter;
    return tx.sql`
      select ${() => AGENT}, ${() => STATE} from ${() => AGENTS}
      where a.seq > ${after ?? 0} and (${id}::uuid is null or a.id = ${id}::uuid) and (${name}::text is null or a.name = ${name}::text)
        and (${mode}::text is null or a.mode = ${mode}::text) and (${retired}::boolean is null or (a.retired_at is not null) = ${retired}::boolean)
      order by a.seq limit ${limit + 1}`;
  }

  /** Taken first by everything that changes what the agent should do, so that such changes have an order. */
  async lock(tx: Tx, id: string): Promise<AgentRow | null> {
    const [row] = await tx.sql<AgentRow[]>`
      select ${() => AGENT} from agents a join accounts c on c.id = a.account_id where a.id = ${id} for no key update of a`;
    return row ?? null;
  }

  /** Null when the name is taken. */
  async insert(tx: Tx, agent: Pick<AgentRow, 'id' | 'name' | 'account_id' | 'mode' | 'symbols' | 'broker' | 'config' | 'wind_down_policy' | 'wind_down_after_seconds' | 'version_policy' | 'run'>): Promise<{ id: string } | null> {
    const [row] = await tx.sql<{ id: string }[]>`
      insert into agents (id, name, account_id, mode, symbols, broker, config, wind_down_policy, wind_down_after_seconds, version_policy, run)
      values (${agent.id}, ${agent.name}, ${agent.account_id}, ${agent.mode}, ${agent.symbols}, ${agent.broker},
        ${JSON.stringify(agent.config)}::jsonb, ${agent.wind_down_policy}, ${agent.wind_down_after_seconds}, ${agent.version_policy}, ${agent.run})
      on conflict (name) do nothing returning id`;
    if (row) await tx.sql`insert into agent_state (agent_id) values (${row.id})`;
    return row ?? null;
  }

  async update(tx: Tx, agent: AgentRow): Promise<void> {
    await tx.sql`
      update agents set account_id = ${agent.account_id}, mode = ${agent.mode}, symbols = ${agent.symbols}, broker = ${agent.broker},
        config = ${JSON.stringify(agent.config)}::jsonb, wind_down_policy = ${agent.wind_down_policy}, wind_down_after_seconds = ${agent.wind_down_after_seconds},
        version_policy = ${agent.version_policy}, retired_at = ${agent.retired_at}::timestamptz, updated_at = app_clock()
      where id = ${agent.id}`;
  }

  async setRun(tx: Tx, id: string, run: Run, reason: RunReason): Promise<void> {
    await tx.sql`
      update agents set run = ${run}, run_reason = ${JSON.stringify(reason)}::jsonb, state_version = state_version + 1, updated_at = app_clock()
      where id = ${id}`;
  }

  /** Takes over which code and which configuration it runs; what was otherwise. Its state is locked. */
  async setVersion(tx: Tx, id: string, { agentVersion, configHash }: VersionTold): Promise<VersionChange[]> {
    const [was] = await tx.sql<VersionTold[]>`select agent_version as "agentVersion", config_hash as "configHash" from agent_state where agent_id = ${id} for no key update`;
    if (!was) return [];
    await tx.sql`update agent_state set agent_version = coalesce(${agentVersion}::text, agent_version), config_hash = coalesce(${configHash}::text, config_hash) where agent_id = ${id}`;
    return ([['agentVersion', was.agentVersion, agentVersion], ['configHash', was.configHash, configHash]] as const)
      .flatMap(([field, from, to]) => (from === null || to === null || from === to ? [] : [{ field, from, to }]));
  }

  /** What the terminal is logged in to, and what of it differs from the account. */
  async setAccountMatch(tx: Tx, id: string, differs: readonly string[]): Promise<void> {
    await tx.sql`update agent_state set account_mismatch = ${differs.length > 0 ? [...differs] : null}::text[] where agent_id = ${id}`;
  }

  async setBrokerAccount(tx: Tx, id: string, told: Record<string, unknown>): Promise<void> {
    await tx.sql`update agent_state set broker_account = ${JSON.stringify(told)}::jsonb where agent_id = ${id}`;
  }

  /** What the agent says that it trades on, beside what it should. Its state is locked. */
  async accountTold(tx: Tx, id: string): Promise<AccountTold | null> {
    const [row] = await tx.sql<AccountTold[]>`
      select ${() => TOLD} from agent_state s join agents a on a.id = s.agent_id join accounts c on c.id = a.account_id where s.agent_id = ${id} for no key update of s`;
    return row ?? null;
  }

  /**
   * Once for each stranger in five minutes: a copy that is refused keeps asking, and there may be several. Their names,
   * which have no blanks, stand side by side until the time is over; more than 20 of them are a copy with a new name each time.
   */
  async noteRefusedInstance(tx: Tx, id: string, instanceId: string): Promise<boolean> {
    const rows: unknown[] = await tx.sql`
      with noted as (
        update agent_state set
          refused_instance_id = case when refused_at > app_clock() - interval '5 minutes' then refused_instance_id || ' ' else '' end || ${instanceId}::text,
          refused_at = case when refused_at > app_clock() - interval '5 minutes' then refused_at else app_clock() end
        where agent_id = ${id} and (refused_at is null or refused_at <= app_clock() - interval '5 minutes'
          or (${instanceId}::text <> all(string_to_array(refused_instance_id, ' ')) and cardinality(string_to_array(refused_instance_id, ' ')) < ${STRANGERS_NOTED}))
        returning 1
      ) select * from noted`;
    return rows.length > 0;
  }
}
