import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { cli, type CliRun } from '../support/cli.js';

interface Table { name: string; read: number; imported: number; unchanged: number; archived: number; rejected: number }
interface Report { runId: string; status: string; source: { shape: string }; tables: Table[]; sums: Record<string, Record<string, { source: string; target: string }>>; notes: Record<string, number>; rejects: { table: string; oldId: string; code: string }[]; secrets: { table: string; column: string; count: number }[]; secretsLeft: number; proof: { ok: boolean } | null }

let t: TestApp;
let env: Record<string, string>;
const folder = mkdtempSync(join(tmpdir(), 'tradewarden-ai-'));
beforeAll(async () => {
  t = await startTestApp();
  env = { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl };
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await t.close();
});

function database(name: string, sql: string): string {
  const path = join(folder, name);
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
  return path;
}
function files(name: string, contents: Record<string, string>): string {
  for (const [file, text] of Object.entries(contents)) {
    const path = join(folder, name, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return join(folder, name);
}
const run = (path: string, ...flags: string[]): Promise<CliRun<Report>> => cli<Report>(['import', path, '--json', ...flags], env);
const counts = ({ tables }: Report) => Object.fromEntries(tables.map(({ name, read, imported, unchanged, archived, rejected }) => [name, [read, imported, unchanged, archived, rejected]]));
const codes = ({ rejects }: Report) => rejects.map(({ table, oldId, code }) => `${table} ${oldId} ${code}`);

/** As the agent's own tables are, written to SQLite by a tool that declares no keys. */
const AGENT = `
  create table predictions as select 5 as id, '2026-01-21T07:00:00+00:00' as timestamp, 'EURUSD' as symbol, 'long' as direction, 0.71 as confidence, 0.71 as prob_up, 0.29 as prob_down, 1 as pred_1h, 0.7 as conf_1h, null as pred_4h, null as conf_4h, null as pred_d, null as conf_d,
    3 as agreement_count, 1.0 as agreement_score, null as market_regime, null as market_price, null as vix_value, 't' as trade_executed, 't' as should_trade, 't' as used_by_agent, 17 as agent_cycle_number, 0.62 as dynamic_threshold_used, '2026-01-21 07:00:30.5' as created_at, 'x' as later_column;
  create table trades (id, prediction_id, symbol, direction, entry_price, entry_time, exit_price, exit_time, exit_reason, lot_size, position_value, take_profit, stop_loss, max_holding_bars, pips, pnl_usd, is_winner, confidence, risk_percentage_used, status, execution_mode, broker, mt5_ticket, explanation_id, created_at, updated_at);
  insert into trades values
    (11, 5, 'EURUSD', 'long', 1.1, '2026-01-21 07:01:00', 1.2, '2026-01-21 09:00:00', 'take_profit', 0.1, null, 1.2, 1.05, 24, 1000, 0.1, 't', 0.71, 1.5, 'closed', 'live', 'mt5', 9007199254740993, 1, '2026-01-21 07:01:01', '2026-01-21 09:00:01'),
    (12, 5, 'EURUSD', 'short', 1.1, '2026-01-21 10:01:00', 1.11, '2026-01-21 11:00:00', 'agent_stopped', 0.1, null, null, null, null, -100, -0.2, 'f', null, null, 'closed', 'paper', 'mt5', 13, null, '2026-01-21 10:01:01', null),
    (13, 99, 'EURUSD', 'long', 1.1, '2026-01-21 12:00:00', null, null, null, 0.2, null, 1.2, 1.0, null, null, null, null, null, null, 'open', 'live', 'mt5', 14, null, '2026-01-21 12:00:01', null);
  create table trade_explanations as select 1 as id, 11 as trade_id, 5 as prediction_id, 'it rose' as explanation, '{"trend": 0.9}' as confidence_factors, '["news"]' as risk_factors, 'gpt' as llm_model, '2026-01-21 07:01:02' as created_at;
  create table market_data (id integer primary key, symbol, timestamp, open, high, low, close, volume, timeframe);
  insert into market_data values (1, 'EURUSD', '2026-01-21 07:00:00', 1.1, 1.2, 1.0, 1.15, 5, '5min'), (2, 'EURUSD', '2026-01-21 07:05:00', 1.1, 1.2, 1.0, 1.15, null, '5min'), (3, 'EURUSD', '2026-01-21 07:00:00', 1.1, 1.2, 1.0, 1.16, 5, '5min');
  create table circuit_breaker_events (id integer primary key, breaker_type, severity, action, reason, value, threshold, triggered_at, event_metadata, created_at);
  insert into circuit_breaker_events values (1, 'daily_loss_limit', 'critical', 'triggered', 'too much', null, 5, '2026-01-21 08:00:00', null, null);
  create table agent_commands (id integer primary key, command, payload, status, created_at, processed_at, result, error_message);
  insert into agent_commands values (1, 'start', '{"mode": "live"}', 'pending', '2026-01-21 08:00:00', null, null, null), (2, 'kill', '{"reason": "x", "authorization": "a1b2c3d4"}', 'completed', '2026-01-21 08:00:00', '2026-01-21 08:00:00', '{}', null);
  create table agent_state (id integer primary key, status, mode, cycle_count, last_cycle_at, kill_switch_active, config, updated_at);
  insert into agent_state values (1, 'running', 'live', 17, '2026-01-21 08:00:00', 1, '{"mt5_login": "88112233", "mt5_password": "hunter2-of-the-broker", "interval": 60}', '2026-01-21 08:00:00');
  create table configuration_settings (id integer primary key, category, key, value, value_type, updated_at, version);
  insert into configuration_settings values (1, 'system', 'ADMIN_API_KEY', '"top-secret-of-admin"', 'string', '2026-01-21 08:00:00', 1), (2, 'risk', 'max_trades_per_day', '50', 'int', '2026-01-21 08:00:00', 1);
  create table risk_reduction_state (id integer primary key, consecutive_losses, risk_reduction_factor, last_trade_id, updated_at);
  insert into risk_reduction_state values (1, 3, 1.0, 12, '2026-01-21 08:00:00');
  create table positions (id integer primary key, what);
  insert into positions values (1, 'nobody knows this table');
`;

describe('AI Trader as its agent left it', () => {
  let report: Report;
  beforeAll(async () => {
    const done = await run(database('agent.db', AGENT), '--source', 'agent');
    if (done.code !== 0) throw new Error(done.stdout + done.stderr);
    report = done.json;
  });

  it('comes over with every table accounted for', () => {
    expect(report.source.shape).toBe('agent');
    expect(counts(report)).toEqual({
      predictions: [1, 1, 0, 0, 0], trades: [3, 3, 0, 0, 0], trade_explanations: [1, 1, 0, 0, 0], market_data: [3, 2, 0, 1, 0], circuit_breaker_events: [1, 1, 0, 0, 0], agent_commands: [2, 0, 0, 2, 0], agent_state: [1, 0, 0, 1, 0],
      configuration_settings: [2, 0, 0, 2, 0], risk_reduction_state: [1, 0, 0, 1, 0], positions: [1, 0, 0, 1, 0],
    });
    expect(report.sums.trades).toEqual({ pnl_usd: { source: '-0.1', target: '-0.1' } });
    expect(report.notes).toMatchObject({ DUPLICATE: 1, REFERENCE_MISSING: 1, TRADE_OPEN: 1, COMMAND_NOT_RUN: 1, KILL_SWITCH_WAS_ACTIVE: 1 });
    expect(report).toMatchObject({ secretsLeft: 0, proof: { ok: true } });
  });

  it('keeps trades with their predictions, tickets and modes; what was open is unknown', async () => {
    const rows = await t.db.query(`select t.execution_mode as mode, t.status, t.exit_reason as ended, t.broker_ticket as ticket, p.agent_cycle_number::int as cycle, t.gross_profit as profit, a.kind, g.retired_at is not null as retired, x.explanation
      from trades t join accounts a on a.id = t.account_id join agents g on g.id = t.agent_id left join predictions p on p.id = t.prediction_id left join trade_explanations x on x.trade_id = t.id where t.origin = 'imported' order by t.entry_time`);
    expect(rows).toEqual([
      { mode: 'live', status: 'closed', ended: 'target', ticket: '9007199254740993', cycle: 17, profit: '0.1', kind: 'live', retired: true, explanation: 'it rose' },
      { mode: 'paper', status: 'closed', ended: 'flatten', ticket: '13', cycle: 17, profit: '-0.2', kind: 'paper', retired: true, explanation: null },
      { mode: 'live', status: 'unknown', ended: null, ticket: '14', cycle: null, profit: null, kind: 'live', retired: true, explanation: null },
    ]);
  });

  it('puts no command into a queue', async () => expect(await t.db.query('select 1 from agent_commands')).toEqual([]));

  it('leaves none of its secrets', async () => {
    for (const secret of ['hunter2', '88112233', 'top-secret', 'a1b2c3d4']) expect(await t.db.query('select old_id from import_archive where original::text like $1', [`%${secret}%`])).toEqual([]);
    expect(report.secrets.length).toBeGreaterThanOrEqual(4);
  });

  it('fails as a whole by one row that is wrong, and says which', async () => {
    const path = database('broken.db', `${AGENT} insert into trades (id, symbol, direction, entry_price, entry_time, lot_size, status) values (14, 'EURUSD', 'sideways', 1, '2026-01-21 12:00:00', 1, 'open')`);
    const before = await t.db.query('select count(*)::int as n from import_rows');
    const done = await run(path, '--source', 'broken');
    expect([done.code, codes(done.json)]).toEqual([1, ['trades 14 VALUE_UNKNOWN']]);
    expect(await t.db.query('select count(*)::int as n from import_rows')).toEqual(before);
  });
});

const IDEA = (change: object) => JSON.stringify({ id: 'EURUSD_H1_20251028_100000', timestamp: '2025-10-28T10:00:00', symbol: 'EURUSD', timeframe: 'H1', confidence: 75, action: 'open_or_scale', direction: 'long', entry_price: 1.1, stop_loss: 1.09, take_profit: 1.12, volume: 0.01, rr_ratio: 2.0, emnr_flags: {}, execution_plan: {}, status: 'pending_approval', ...change });

describe('the AI Trading Platform as it ran', () => {
  let report: Report;
  beforeAll(async () => {
    const path = files('platform', {
      'config/risk_limits.csv': 'key,value,notes\ndaily_loss_limit_r,0,off\n', 'config/accounts.json': JSON.stringify({ accounts: [{ id: 'a', name: 'Demo', login: 55667788, password_encrypted: 'gAAAAA-of-the-broker', server: 'S', is_active: true }], active_account_id: 'a' }),
      'data/trade_ideas/EURUSD_H1_20251028_100000.json': IDEA({}), 'data/trade_ideas/EURUSD_H1_20251028_110000.json': IDEA({ id: 'EURUSD_H1_20251028_110000', status: 'approved', approved_by: 'ann', approved_at: '2025-10-28T13:30:00+02:00', rejected_by: 'bob', rejected_at: '2025-10-28T12:00:00Z' }),
      'data/account/account.csv': 'timestamp,balance,equity,margin,profit\n2025-10-28T10:00:00Z,100.10,99.5,1,-0.6\n2025-10-28T10:00:05Z,100.10,99.5,1,-0.6\n2025-10-28T10:00:05Z,100.10,99.5,1,-0.6\n',
      'data/evaluations/evaluation_20251028.json': '[{"symbol": "EURUSD", "result": null}, {"symbol": "XAUUSD", "result": null}]', 'logs/orders.csv': 'ts_utc,symbol,side,retcode\n2025-10-28T10:00:00Z,EURUSD,buy,10019\n', 'logs/app.log': 'started\n',
    });
    const done = await run(path, '--source', 'platform');
    if (done.code !== 0) throw new Error(done.stdout + done.stderr);
    report = done.json;
  });

  it('comes over with every file accounted for', () => {
    expect(counts(report)).toEqual({
      risk_limits: [1, 0, 0, 1, 0], accounts: [1, 0, 0, 1, 0], 'config/accounts.json': [1, 0, 0, 1, 0], trade_ideas: [2, 2, 0, 0, 0], 'data/account/account.csv': [3, 2, 0, 1, 0], evaluations: [2, 0, 0, 2, 0], orders: [1, 0, 0, 1, 0], 'logs/app.log': [1, 0, 0, 1, 0],
    });
    expect(report).toMatchObject({ notes: { LIMIT_OFF: 1, IDEA_PENDING: 1, IDEA_NOT_EXECUTED: 1, DUPLICATE: 1 }, secretsLeft: 0, proof: { ok: true } });
    expect(report.secrets.map(({ table, column }) => `${table}.${column}`).sort()).toEqual(['accounts.login', 'accounts.password_encrypted']);
  });

  it('tells each step of its ideas in the stream of the run, sealed, and makes no idea that could be approved', async () => {
    const rows = await t.db.query<{ type: string; at: string; reason: string }>(`select type, canonical::jsonb ->> 'reason' as reason from decision_history where canonical like '%Imported: %' order by number`);
    expect(rows.map(({ type, reason }) => [type, /(was \w+|by \w+|pending)/.exec(reason)?.[0]])).toEqual([['ai_proposed', 'was pending'], ['ai_proposed', 'was approved'], ['human_approved', 'was approved'], ['human_rejected', 'was rejected']]);
    expect(await t.db.query('select 1 from trade_ideas')).toEqual([]);
    expect(await t.db.query('select 1 from risk_limits')).toEqual([]);
    expect((await cli(['audit:verify'], env)).code).toBe(0);
  });

  it('of its tables in SQLite takes decisions, snapshots and strategies, and of what is repeated the first', async () => {
    const done = await run(database('tables.db', `
      create table strategies as select '7b0c' as id, 'Old breakout' as name, 1 as is_active, '{EURUSD}' as allowed_symbols, '[{"start":"07:00Z","end":"11:00Z","days":["Mon"]}]' as session_windows, '{}' as entry_conditions, '{}' as exit_rules, '{}' as forbidden_conditions, '{"max_lot_size": 0}' as risk_caps, 2 as rr_expectation, '2025-10-28 10:00:00+00' as created_at, '2025-10-28 10:00:00+00' as updated_at;
      create table decision_history (id text primary key, occurred_at, symbol, action, rationale, confidence_score, risk_check_result, strategy_id, trade_idea_id, snapshot_ref, human_override);
      insert into decision_history values ('d1', '2025-10-28 10:00:00+00', 'EURUSD', 'AI_PROPOSED', 'up', 91, 'pass', null, null, null, 0), ('d2', '2025-10-28 11:00:00+00', null, 'ai_halted', 'deep', null, 'fail:max_drawdown', null, null, null, 0), ('d3', '2025-10-28 12:00:00+00', null, 'admin_note', 'hello', null, null, null, null, null, 0);
      create table snapshot_calendar (id text primary key, event_time, currency, impact_level, title, previous_value, forecast_value, actual_value, captured_at);
      insert into snapshot_calendar values ('c1', '2025-10-28 12:30:00', 'USD', 'high', 'CPI', '3%', null, null, '2025-10-28 10:00:00'), ('c2', '2025-10-28 12:30:00', 'USD', 'high', 'CPI', '3%', null, '3.1%', '2025-10-28 13:00:00');
      create table snapshot_market (id text primary key, symbol, timeframe, open, high, low, close, volume, captured_at);
      insert into snapshot_market values ('m', 'EURUSD', 'H1', 1, 1, 1, 1, 1, '2025-10-28 10:00:00');
      create table risk_config (id, ai_trading_enabled, min_confidence_threshold, max_lot_size, halt_on_drawdown, max_drawdown_amount, stop_after_target);
      insert into risk_config values (1, 0, 90.0, 0, 1, 1000, 1);
      create table users (id text primary key, email, hashed_password, is_active);
      insert into users values ('u', 'ann@example.org', '$2b$12$abcdefghijklmnopqrstuv', 1);
    `), '--source', 'tables');
    expect([done.code, counts(done.json)]).toEqual([0, { strategies: [1, 1, 0, 0, 0], decision_history: [3, 2, 0, 1, 0], snapshot_calendar: [2, 1, 0, 1, 0], snapshot_market: [1, 0, 0, 1, 0], risk_config: [1, 0, 0, 1, 0], users: [1, 0, 0, 1, 0] }]);
    expect(done.json).toMatchObject({ source: { shape: 'tables with decisions' }, notes: { LIMIT_OFF: 2, DECISION_NOTE: 1, DUPLICATE: 1 }, secretsLeft: 0, proof: { ok: true } });
    expect(await t.db.query(`select is_active, risk_caps from strategies where name = 'Old breakout'`)).toEqual([{ is_active: true, risk_caps: {} }]);
  });
});
