import type { Gauge } from 'prom-client';
import { OFFLINE_AFTER_SECONDS, SUSPECT_AFTER_SECONDS } from '../agents/liveness.js';
import { SEVERITIES } from '../incidents/incident-kinds.js';
import { EXECUTION_MODES } from '../trades/trade-fields.js';
import type { GaugeOf } from './gauges.js';

/** What holds trading, who is there to trade, and what a person must see. Of the whole database. */
export interface TradingFigures {
  breakers: Record<string, number>;
  /** By `mode scope`. */
  halts: Record<string, number>;
  /** By `mode run liveness`, without the retired. */
  agents: Record<string, number>;
  /** By `severity acknowledged`. */
  incidents: Record<string, number>;
  /** By mode. */
  openTrades: Record<string, number>;
  /** Ideas that nobody has decided, by status. */
  ideas: Record<string, number>;
  schedulesLate: number;
  schedulesFailing: number;
}

interface KnownSchedule {
  name: string;
  lateSeconds: number;
}

const BREAKER_STATES = ['active', 'warning', 'tripped', 'cooling_down', 'testing'];
const HALT_MODES = ['reduce', 'halt', 'flatten'];
const HALT_SCOPES = ['global', 'account', 'agent', 'strategy', 'symbol'];
const RUNS = ['running', 'paused', 'stopped'];
const LIVENESS = ['online', 'suspect', 'offline'];
const IDEAS = ['needs_approval', 'waiting'];

const counts = (key: string, from: string) => `(select coalesce(jsonb_object_agg(key, n), '{}') from (select ${key} as key, count(*) as n from ${from} group by 1) counted)`;

/** All of it by what is open or now: however long the history. Schedules that never ran are late once the server has been up for two minutes. */
const FIGURES = (schedules: string, upSeconds: number) => `
  select ${counts('state', 'breaker_states')} as breakers,
    ${counts(`mode || ' ' || scope_type`, 'halts where released_at is null and (expires_at is null or expires_at > app_clock())')} as halts,
    ${counts(`a.mode || ' ' || a.run || ' ' || case when s.last_seen_at > app_clock() - interval '${SUSPECT_AFTER_SECONDS} seconds' then 'online' when s.last_seen_at > app_clock() - interval '${OFFLINE_AFTER_SECONDS} seconds' then 'suspect' else 'offline' end`,
    'agents a left join agent_state s on s.agent_id = a.id where a.retired_at is null')} as agents,
    ${counts(`severity || ' ' || case when acknowledged_at is null then 'no' else 'yes' end`, 'incidents where resolved_at is null')} as incidents,
    ${counts('execution_mode', `trades where finished_at is null and status in ('open', 'closing', 'unknown')`)} as "openTrades",
    ${counts('status', `trade_ideas where decided_at is null and status in ('needs_approval', 'waiting')`)} as ideas, late.*
  from (
    select count(*) filter (where case when s.last_finished_at is null and s.lease_until is null then ${upSeconds} > 120 else s.next_run_at < app_clock() - make_interval(secs => k.late) end)::int as "schedulesLate",
      count(*) filter (where s.last_error is not null)::int as "schedulesFailing"
    from jsonb_to_recordset('${schedules}'::jsonb) as k (name text, late int) left join schedules s on s.name = k.name) late`;

/** @param query as node-postgres answers several statements at once */
export async function tradingFigures(query: (text: string) => Promise<unknown>, schedules: readonly KnownSchedule[], upSeconds: number): Promise<TradingFigures> {
  // Names come from the code; several statements at once take no parameters.
  const known = JSON.stringify(schedules.map(({ name, lateSeconds }) => ({ name, late: lateSeconds }))).replaceAll(`'`, `''`);
  const results = (await query(`begin read only; set local jit = off; set local statement_timeout = '500ms'; ${FIGURES(known, Math.floor(upSeconds))}; commit`)) as { command: string; rows: TradingFigures[] }[];
  const row = results.find(({ command }) => command === 'SELECT')?.rows[0];
  if (!row) throw new Error('the figures of trading were not read');
  return row;
}

const OF_DATABASE = 'of the database, the same on every instance: take max(), not sum()';

export function describeTrading(gauge: GaugeOf, figures: TradingFigures): void {
  const { breakers, halts, agents, incidents, openTrades, ideas } = figures;
  all(gauge('tradewarden_breakers', `Circuit breakers by state, one for each scope that one has looked at; ${OF_DATABASE}.`, ['state']), breakers, [BREAKER_STATES]);
  all(gauge('tradewarden_halts', `Halts in force by mode and scope; ${OF_DATABASE}.`, ['mode', 'scope']), halts, [HALT_MODES, HALT_SCOPES]);
  all(gauge('tradewarden_agents', `Agents that are not retired by execution mode, by what they are told to do (run), and by whether they are heard of: online, suspect after three missed heartbeats, offline after six; ${OF_DATABASE}.`,
    ['mode', 'run', 'liveness']), agents, [EXECUTION_MODES, RUNS, LIVENESS]);
  all(gauge('tradewarden_incidents', `Incidents that are not over, by severity and by whether somebody has acknowledged them (yes, no); ${OF_DATABASE}.`, ['severity', 'acknowledged']), incidents, [SEVERITIES, ['yes', 'no']]);
  all(gauge('tradewarden_open_trades', `Trades that are open, closing or unknown, by execution mode; ${OF_DATABASE}.`, ['mode']), openTrades, [EXECUTION_MODES]);
  all(gauge('tradewarden_ideas_undecided', `Ideas that wait for a person's approval (needs_approval) or for their price (waiting); ${OF_DATABASE}.`, ['status']), ideas, [IDEAS]);
  gauge('tradewarden_schedules_late', `Schedules of this version that are late, on whichever instance they run; ${OF_DATABASE}.`).set(figures.schedulesLate);
  gauge('tradewarden_schedules_failing', `Schedules of this version whose last run failed; ${OF_DATABASE}.`).set(figures.schedulesFailing);
}

/** Also those of which there are none: that is known. */
function all(gauge: Gauge, found: Record<string, number>, vocabularies: readonly (readonly string[])[]): void {
  const names = (gauge as unknown as { labelNames: string[] }).labelNames;
  const keys = vocabularies.reduce<string[][]>((made, values) => made.flatMap((before) => values.map((value) => [...before, value])), [[]]);
  for (const key of keys) gauge.set(Object.fromEntries(key.map((value, i) => [names[i] ?? '', value])), found[key.join(' ')] ?? 0);
}
