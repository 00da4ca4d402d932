import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type DataSource, EntityManager } from 'typeorm';
import { type Overview, overviewSchema } from '../../src/overview/overview.schemas.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { clientOf } from '../support/http.js';
import { storeTrades } from '../support/trade-rows.js';

type Agent = Overview['agents'][number];

let t: TestApp;
let viewer: string;
let agent: TestAgent;
let accounts = 0;

beforeAll(async () => {
  t = await startTestApp();
  viewer = await t.person('viewer');
  // What is limited stands in the tests.
  await t.db.query(`update risk_config set ai_trading_enabled = true, daily_loss_limit_fraction = null, daily_loss_limit_amount = null, max_drawdown_fraction = null, max_drawdown_amount = null, max_trades_per_symbol = null, max_concurrent_trades = null`);
});
beforeEach(async () => {
  await t.db.query(`update halts set released_at = app_clock(), released_by = 'system', release_reason = 'the test is over' where released_at is null`);
  agent = await traderOn();
});
afterAll(() => t.close());

/** Twelve hours from its rollover, whenever the test runs. */
const farFromRollover = () => ({ zone: 'UTC', rollover: `${String((new Date().getUTCHours() + 12) % 24).padStart(2, '0')}:00` });
async function traderOn(account: Record<string, unknown> = {}, of: Record<string, unknown> = {}): Promise<TestAgent> {
  const name = `overview ${++accounts}`;
  const made = await t.http('POST', '/accounts', { body: { name, kind: 'demo', currency: 'USD', marginMode: 'hedging', tradingDay: farFromRollover(), initialBalance: '10000', ...account } });
  expect(made.status).toBe(201);
  return t.agent({ account: name, ...of });
}
const look = async (): Promise<Overview> => {
  const answer = await clientOf(t.base, viewer)<Overview>('GET', '/overview');
  if (answer.status !== 200) throw new Error(answer.text);
  // What the contract promises, field by field.
  expect(overviewSchema.safeParse(answer.body).error?.issues ?? []).toEqual([]);
  return answer.body;
};
function only<T>(list: readonly T[], is: (each: T) => boolean): T {
  const found = list.filter(is);
  expect(found).toHaveLength(1);
  return found[0] as T;
}
const book = (seen: Overview, of = agent, mode = 'paper') => only(seen.accounts, (each) => each.id === of.accountId && each.mode === mode);
const agentIn = (seen: Overview, of = agent): Agent => only(seen.agents, ({ id }) => id === of.id);
const problemsOf = (seen: Overview, tradeId: string) => seen.problems.filter((each) => each.tradeId === tradeId);
const beat = async (body: Record<string, unknown> = {}, of = agent) => {
  const answer = await of.http('POST', '/agents/me/heartbeat', { body: { status: 'running', asOf: new Date().toISOString(), ...body }, headers: { 'x-instance-id': 'one' } });
  if (answer.status !== 200) throw new Error(answer.text);
};
/** Limits of an account, as an administrator's change leaves them. */
const limit = (columns: Record<string, string | number | boolean>, currency = 'USD', of = agent) => t.db.query(
  `insert into risk_limits (account_id, version, currency, updated_by, ${Object.keys(columns).join(', ')}) values ($1, 1, $2, 'system', ${Object.keys(columns).map((_, n) => `$${n + 3}`).join(', ')})`,
  [of.accountId, currency, ...Object.values(columns)]);
const store = async (more: Record<string, unknown> = {}, of = agent): Promise<string> => {
  const [id = ''] = await storeTrades(t.db, [{ agentId: of.id, accountId: of.accountId, status: 'open', entryTime: new Date(Date.now() - 3_600_000).toISOString(), ...more }]);
  return id;
};
/** With a stop and a price of now: nothing is wrong with it. */
const sound = async (more: Record<string, unknown> = {}, of = agent): Promise<string> => {
  const id = await store(more, of);
  await t.db.query(`update trades set stop_loss = 0.9 where id = $1`, [id]);
  await quote('EURUSD', 1, of);
  return id;
};
const quote = (symbol: string, secondsAgo: number, of = agent) => t.db.query(
  `insert into quotes (account_id, symbol, agent_id, bid, ask, quoted_at, received_at) values ($1, $2, $3, 1.1, 1.1002, app_clock() - make_interval(secs => $4), app_clock() - make_interval(secs => $4))
   on conflict (account_id, symbol) do update set quoted_at = excluded.quoted_at, received_at = excluded.received_at`, [of.accountId, symbol, of.id, secondsAgo]);
const closeCommand = (tradeId: string, status: string, more: Record<string, unknown> = {}) => t.db.query(
  `insert into agent_commands (id, agent_id, type, class, payload, priority, status, trade_id, actor, failures, error, finished_at)
   values (gen_random_uuid(), $1, 'close_trade', 'reduces', jsonb_build_object('tradeId', $2::text), 1, $3, $2::uuid, 'system', $4, $5::jsonb, case when $3 in ('failed', 'dead', 'succeeded') then app_clock() end)`,
  [agent.id, tradeId, status, more['failures'] ?? 0, more['error'] === undefined ? null : JSON.stringify(more['error'])]);
const halt = async (scope: string, id: string | null, mode: string, more: { breaker?: string; executionMode?: string } = {}): Promise<string> => {
  const [row] = await t.db.query<{ id: string }>(`insert into halts (scope_type, scope_id, mode, reason, source, breaker, imposed_by, execution_mode) values ($1, $2, $3, 'because', $4, $5, 'system', $6) returning id`,
    [scope, id, mode, more.breaker ? 'breaker' : 'person', more.breaker ?? null, more.executionMode ?? null]);
  return row?.id ?? '';
};

describe('an account', () => {
  it('shows what was reported, and the money left to each floor as the breakers measure it', async () => {
    await limit({ daily_loss_limit_amount: 500, max_drawdown_amount: 1_000, halt_on_drawdown: true });
    await beat({ equity: '10000', balance: '10000' });
    await beat({ equity: '9800', balance: '9900', floatingPnl: '-100', margin: '200', marginFree: '9600' });
    const seen = book(await look());
    expect(seen).toMatchObject({
      currency: 'USD', mode: 'paper', kind: 'demo', word: 'TRADING', equity: { value: '9800', why: null }, balance: { value: '9900' }, floatingProfit: { value: '-100' }, marginUsed: { value: '200' }, marginFree: { value: '9600' },
      dayProfit: { value: '-200' }, isStale: false, isAssumed: false, nearestFloorMoneyLeft: { value: '300' }, openTrades: 0, openRisk: { value: '0' },
      floors: [
        { name: 'day', status: 'known', limit: { value: '500' }, floorEquity: { value: '9500' }, moneyLeft: { value: '300' }, isNearest: true },
        { name: 'drawdown', status: 'known', limit: { value: '1000' }, floorEquity: { value: '9000' }, moneyLeft: { value: '800' }, isNearest: false },
      ],
    });
    expect(seen.ageSeconds).toBeLessThan(60);
    expect(seen.minutesToRollover).toBeGreaterThan(600);
    const breakers = (await t.http<{ items: { name: string; states: { accountId: string; value: string; limit: string }[] }[] }>('GET', `/circuit-breakers?accountId=${agent.accountId}`)).body.items;
    expect(only(breakers, ({ name }) => name === 'daily_loss').states).toMatchObject([{ value: '200', limit: '500' }]);
  });

  it('says why a figure is not known, and never 0 in its place', async () => {
    await limit({ daily_loss_limit_fraction: '0.05' });
    const live = await traderOn({ kind: 'live' }, { mode: 'live' });
    await limit({ daily_loss_limit_amount: 100 }, 'USD', live);
    const seen = await look();
    expect(book(seen)).toMatchObject({
      isAssumed: true, isStale: true, asOf: null, ageSeconds: null, equity: { value: null, why: expect.stringContaining('assumed') }, balance: { value: null, why: expect.any(String) }, floatingProfit: { value: null, why: 'no agent reports it' },
      floors: [{ name: 'day', status: 'known', moneyLeft: { value: '500' }, floorEquity: { value: null } }, { name: 'drawdown', status: 'no_limit', moneyLeft: { value: null, why: expect.stringContaining('no limit') } }],
    });
    expect(book(seen, live, 'live')).toMatchObject({
      isAssumed: false, dayProfit: { value: null, why: expect.any(String) }, equity: { value: null, why: expect.stringContaining('nobody') },
      floors: [{ name: 'day', status: 'unknown', moneyLeft: { value: null, why: 'the equity is not known' }, isNearest: false }, { name: 'drawdown', status: 'no_limit' }], nearestFloorMoneyLeft: { value: null, why: expect.stringContaining('equity') },
    });
  });

  it('does not know its room while one limit is in a currency without a rate, though the breaker goes by the others', async () => {
    await limit({ daily_loss_limit_amount: 500 }, 'EUR');
    await beat({ equity: '9900', balance: '9900' });
    expect(book(await look()).floors[0]).toMatchObject({ status: 'unknown', moneyLeft: { value: null, why: expect.stringContaining('no rate of EUR in USD') } });
    await quote('EURUSD', 1);
    expect(book(await look()).floors[0]).toMatchObject({ status: 'known', limit: { value: '550.05' } });
  });

  it('stands by itself in each currency and mode: nothing is summed', async () => {
    const euros = await traderOn({ currency: 'EUR' });
    const { body } = await t.http<{ name: string }>('GET', `/accounts/${agent.accountId}`);
    const simulated = await t.agent({ account: body.name, mode: 'simulation' });
    for (const [of, equity] of [[agent, '9000'], [euros, '7000'], [simulated, '5000']] as const) await beat({ equity, balance: equity }, of);
    const seen = await look();
    expect([book(seen).equity.value, book(seen, euros).equity.value, book(seen, simulated, 'simulation').equity.value]).toEqual(['9000', '7000', '5000']);
    expect([book(seen).currency, book(seen, euros).currency]).toEqual(['USD', 'EUR']);
    expect(JSON.stringify(seen)).not.toMatch(/"(21000|16000|14000|12000)"/);
  });

  it('is stale when nobody has reported for 90 s, and is not shown once nobody works in it', async () => {
    await beat({ equity: '9000', balance: '9000' });
    await t.db.query(`update account_days set last_reported_at = last_reported_at - interval '2 minutes', first_reported_at = first_reported_at - interval '2 minutes', last_balance_at = last_balance_at - interval '2 minutes' where account_id = $1`, [agent.accountId]);
    expect(book(await look())).toMatchObject({ isStale: true, equity: { value: '9000' } });
    await t.http('PATCH', `/agents/${agent.id}`, { body: { retired: true } });
    expect((await look()).accounts.filter(({ id }) => id === agent.accountId)).toEqual([]);
  });

  it('holds what is open against each limit, with the next end of a session or a contract of it', async () => {
    await limit({ max_concurrent_trades: 3, max_gross_exposure_amount: 1_000_000 });
    const made = await agent.http('POST', '/instruments', {
      body: {
        symbol: 'EURUSD', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', minSize: '0.01', sizeStep: '0.01', closesAt: '2031-01-02T03:04:05Z',
        sessions: { zone: 'UTC', windows: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '00:00', to: '24:00' }], holidays: [], earlyCloses: [] },
      },
    });
    expect(made.status).toBe(201);
    await Promise.all([sound(), sound()]);
    const seen = book(await look());
    expect(seen).toMatchObject({ openTrades: 2, nextEnd: { symbol: 'EURUSD', what: 'expiry', at: '2031-01-02T03:04:05.000Z' } });
    const of = (name: string) => only(seen.exposure, (each) => each.name === name);
    expect(of('maxConcurrentTrades')).toMatchObject({ actual: { value: '2' }, limit: '3', unit: 'count' });
    expect(of('maxTradesPerSymbol')).toMatchObject({ of: 'EURUSD', actual: { value: '2' }, limit: null, limitWhy: 'no limit is set' });
    expect(of('maxGrossExposureAmount')).toMatchObject({ actual: { value: '220000' }, limit: '1000000', unit: 'currency' });
    const exposure = (await t.http<{ items: { grossNotional: string; openRisk: string }[] }>('GET', `/risk/exposure?accountId=${agent.accountId}`)).body.items[0];
    expect([of('maxGrossExposureAmount').actual.value, seen.openRisk.value]).toEqual([exposure?.grossNotional, exposure?.openRisk]);
  });
});

describe('what is held', () => {
  it('has what is wrong first, each with why, and the rest behind it', async () => {
    const fine = await sound();
    const [unknown, external, stopless, stale, mine] = [await sound({ status: 'unknown' }), await sound({ origin: 'external' }), await sound(), await sound({ symbol: 'GBPUSD' }), await sound()];
    await t.db.query(`update trades set stop_loss = null where id = $1`, [stopless]);
    await t.db.query(`update trades set missing_since = app_clock(), status = 'unknown' where id = $1`, [mine]);
    await quote('GBPUSD', 300);
    const seen = await look();
    const kinds = (id: string) => problemsOf(seen, id).map(({ kind }) => kind);
    expect([fine, unknown, external, stopless, stale, mine].map(kinds)).toEqual([[], ['UNKNOWN'], ['EXTERNAL'], ['NO_STOP'], ['STALE_PRICE'], ['MISSING']]);
    expect(problemsOf(seen, stale)[0]?.detail).toMatch(/^no price for 30\d s$/);
    const own = seen.openPositions.filter(({ agentId }) => agentId === agent.id).map(({ tradeId }) => tradeId);
    expect(own).toEqual([unknown, stopless, mine, external, stale, fine]);
    expect(only(seen.openPositions, ({ tradeId }) => tradeId === fine)).toMatchObject({ problems: [], detail: null, canClose: true, whyNot: null, openLots: '1', symbol: 'EURUSD', accountId: agent.accountId, currency: 'USD' });
  });

  it('knows a live trade\'s stop by what its broker shows, and another size by what it differs', async () => {
    const live = await traderOn({ kind: 'live' }, { mode: 'live' });
    const id = await sound({ executionMode: 'live' }, live);
    const position = (stop: string | null, mismatch: boolean) => t.db.query(`insert into positions (account_id, book_id, execution_mode, key, reported_by, trade_id, symbol, broker_symbol, direction, size, stop_loss, as_of, entry_price, floating_profit, mismatch_since, differs_since)
      values ($1, $1, 'live', 'k', $2, $3, 'EURUSD', 'EURUSD', 'long', 1, $4, app_clock(), 1.1, '12.5', case when $5 then app_clock() end, case when $5 then app_clock() end)
      on conflict (book_id, execution_mode, key) do update set stop_loss = excluded.stop_loss, mismatch_since = excluded.mismatch_since`, [live.accountId, live.id, id, stop, mismatch]);
    expect(problemsOf(await look(), id)).toEqual([]);
    await position(null, true);
    const seen = await look();
    expect(problemsOf(seen, id).map(({ kind, detail }) => [kind, detail])).toEqual([['NO_STOP', 'its stop is not at the broker'], ['MISMATCH', expect.any(String)]]);
    expect(only(seen.openPositions, ({ tradeId }) => tradeId === id).profit).toEqual({ value: '12.5', why: null });
    await position('1.05', false);
    expect(problemsOf(await look(), id)).toEqual([]);
  });

  it('shows a position that no trade claims, which only its broker can close', async () => {
    await t.db.query(`insert into positions (account_id, book_id, execution_mode, key, reported_by, symbol, broker_symbol, direction, size, as_of, entry_price) values ($1, $1, 'paper', 'k', $2, 'XAUUSD', 'XAUUSD', 'short', 2, app_clock(), 1.1)`, [agent.accountId, agent.id]);
    const found = only((await look()).openPositions, ({ agentId }) => agentId === agent.id);
    expect(found).toMatchObject({ tradeId: null, symbol: 'XAUUSD', openLots: '2', canClose: false, whyNot: expect.stringContaining('broker'), profit: { value: null, why: expect.any(String) } });
    expect(found.problems).toEqual(['EXTERNAL', 'STALE_PRICE']);
  });

  it('tells what is being closed from what could not be', async () => {
    await beat();
    const [queued, rejected, failed, wanted] = [await sound(), await sound(), await sound(), await sound()];
    await closeCommand(queued, 'queued');
    await closeCommand(rejected, 'queued', { failures: 2, error: { code: 'X', message: 'no money' } });
    await closeCommand(failed, 'failed', { error: { code: 'X', message: 'market away' } });
    await t.db.query(`insert into closures (trade_id, agent_id, account_id, cause, open_size_before, exit_reason, actor) values ($1, $2, $3, 'operator', 1, 'operator', 'system')`, [wanted, agent.id, agent.accountId]);
    const seen = await look();
    const of = (id: string) => problemsOf(seen, id).map(({ kind, detail, canClose }) => [kind, detail, canClose]);
    expect(of(queued)).toEqual([['CLOSING', 'it is being closed', false]]);
    expect(of(rejected)).toEqual([['CLOSE_FAILED', 'it is to be closed, and 2 tries failed, the last: no money', false]]);
    expect(of(failed)).toEqual([['CLOSE_FAILED', 'it is to be closed, and the last try failed: market away', true]]);
    expect(of(wanted)).toEqual([['CLOSING', 'it is being closed: operator', true]]);
    await t.db.query(`update agent_state set last_seen_at = app_clock() - interval '5 minutes' where agent_id = $1`, [agent.id]);
    expect(problemsOf(await look(), queued)).toMatchObject([{ kind: 'CLOSE_FAILED', detail: 'it is to be closed, and its agent is offline' }]);
  });
});

describe('what is in force', () => {
  it('is one word: of everything, or of each account by itself', async () => {
    expect((await look()).light).toEqual({ word: 'TRADING', reasons: [], since: null });
    await halt('agent', agent.id, 'halt');
    await halt('symbol', 'EURUSD', 'flatten');
    const narrow = await look();
    expect([narrow.light.word, book(narrow).word, narrow.light.reasons.length]).toEqual(['TRADING', 'TRADING', 2]);
    await halt('account', agent.accountId, 'reduce');
    const one = await look();
    expect([one.light.word, book(one).word]).toEqual([one.accounts.length === 1 ? 'REDUCING' : 'TRADING', 'REDUCING']);
    const id = await halt('global', null, 'reduce');
    const all = await look();
    expect([all.light.word, all.light.reasons[0]]).toEqual(['REDUCING', 'everything opens nothing, by system: because']);
    expect(all.light.since).toBe(only(all.halts, (each) => each.id === id).since);
    await halt('global', null, 'flatten');
    expect((await look()).light.word).toBe('HALTED');
  });

  it('is never TRADING while trading is turned off in the limits, and HALTED stays HALTED', async () => {
    await t.db.query('update risk_config set ai_trading_enabled = false');
    const off = await look();
    expect(off.light).toEqual({ word: 'REDUCING', reasons: ['agents open nothing: trading is turned off in the limits for everybody'], since: null });
    expect(book(off).word).toBe('REDUCING');
    await halt('global', null, 'halt');
    expect((await look()).light.word).toBe('HALTED');
    await t.db.query('update risk_config set ai_trading_enabled = true');
  });

  it('is not of another mode, and is HALTED where each account in use is', async () => {
    await halt('account', agent.accountId, 'halt', { executionMode: 'live' });
    expect(book(await look()).word).toBe('TRADING');
    for (const { id } of (await look()).accounts) await halt('account', id, 'halt');
    const seen = await look();
    expect([seen.light.word, seen.accounts.every(({ word }) => word === 'HALTED'), seen.light.since !== null]).toEqual(['HALTED', true, true]);
  });

  it('says how many agents have observed a halt, and what ends it', async () => {
    await beat({ observedStateVersion: 0 });
    const id = await halt('agent', agent.id, 'halt');
    await t.db.query(`update agents set state_version = state_version + 1 where id = $1`, [agent.id]);
    expect(only((await look()).halts, (each) => each.id === id)).toMatchObject({ scope: { type: 'agent', name: agent.name }, observed: { agents: 1, seen: 0 }, endsBy: 'an administrator releasing it', by: 'system' });
    await t.db.query(`update agent_state set observed_state_version = (select state_version from agents where id = agent_id) where agent_id = $1`, [agent.id]);
    const seen = await look();
    expect([only(seen.halts, (each) => each.id === id).observed.seen, agentIn(seen).hasObserved]).toEqual([1, true]);
    const shown = (await t.http<{ agents: { observed: number } }>('GET', `/kill-switch/${id}`)).body;
    expect(shown.agents.observed).toBe(1);
    expect(only((await look()).halts, ({ breaker }) => breaker === null).id).toBe(id);
    const tripped = await halt('account', agent.accountId, 'halt', { breaker: 'daily_loss' });
    expect(only((await look()).halts, (each) => each.id === tripped).endsBy).toContain('resetting the circuit breaker daily_loss');
  });

  it('names breakers that are not as they should be, and what would reset them', async () => {
    const held = await halt('account', agent.accountId, 'halt', { breaker: 'daily_loss', executionMode: 'paper' });
    await t.db.query(`insert into breaker_states (name, account_id, execution_mode, scope_type, scope_id, state, value, limit_value, unit, since, halt_id) values
      ('daily_loss', $1::uuid, 'paper', 'account', $1::uuid::text, 'tripped', 600, 500, 'USD', app_clock(), $2), ('slippage', $1::uuid, 'paper', 'account', $1::uuid::text, 'warning', 0.1, 0.2, 'fraction', app_clock(), null),
      ('drawdown', $1::uuid, 'paper', 'account', $1::uuid::text, 'active', null, null, null, app_clock(), null)`, [agent.accountId, held]);
    const seen = await look();
    const own = seen.breakers.filter(({ accountId }) => accountId === agent.accountId);
    expect(own.map(({ name, state, value, unit }) => [name, state, value, unit])).toEqual([['daily_loss', 'tripped', '600', 'USD'], ['slippage', 'warning', '0.1', 'fraction']]);
    expect([own[0]?.resets.sentence, own[0]?.account]).toEqual([expect.stringContaining('by hand'), book(seen).name]);
    expect(book(seen).breakers.map(({ name }) => name)).toEqual(['daily_loss', 'slippage']);
  });
});

describe('agents', () => {
  it('say whether they can trade and why not, as the list of agents does', async () => {
    const why = async () => {
      const { canTrade, whyNot } = agentIn(await look());
      expect((await t.http<{ canTrade: boolean }>('GET', `/agents/${agent.id}`)).body.canTrade).toBe(canTrade);
      return whyNot;
    };
    expect(await why()).toBe('it was never heard of');
    await beat();
    expect(await why()).toBeNull();
    await t.db.query(`insert into opening_suspensions (cause, reason, lapses_at) values ('disk', 'a test', app_clock() + interval '2 minutes')`);
    expect(await why()).toBe('the system holds openings until it is well again');
    expect((await t.http('GET', `/agents/${agent.id}/state`)).body).toMatchObject({ openingsSuspended: true, canTrade: false });
    await t.db.query(`update opening_suspensions set lapses_at = app_clock()`);
    expect(await why()).toBeNull();
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'pause' } });
    expect(await why()).toBe('it is told to be paused');
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'resume' } });
    await beat({ brokerConnected: false });
    expect(await why()).toBe('it is not connected to its broker');
    await beat({ brokerConnected: true });
    await halt('agent', agent.id, 'reduce');
    expect(await why()).toBe('it is held: reducing');
  });

  it('show positions, the profit of today, and the command that they work at', async () => {
    await beat({ agentVersion: '1.2' });
    const now = new Date().toISOString();
    const trades = [{ grossProfit: '10', commission: '-1' }, { grossProfit: '5' }, { grossProfit: '99', exitTime: new Date(Date.now() - 2 * 86_400_000).toISOString() }];
    await storeTrades(t.db, trades.map((each) => ({ agentId: agent.id, accountId: agent.accountId, status: 'closed', exitTime: now, ...each })));
    await sound();
    const first = agentIn(await look());
    expect(first).toMatchObject({ openPositions: 1, profitToday: { value: '14', why: null }, commandInFlight: null, commandsOpen: 0, agentVersion: '1.2', liveness: 'online' });
    expect(Date.parse(first.tradingLeaseEndsAt ?? '')).toBeGreaterThan(Date.now());
    await storeTrades(t.db, [{ agentId: agent.id, accountId: agent.accountId, status: 'closed', exitTime: now }]);
    expect(agentIn(await look()).profitToday).toEqual({ value: null, why: 'the result of 1 trade closed today is not known' });
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' } });
    expect(agentIn(await look())).toMatchObject({ commandInFlight: { type: 'custom', status: 'queued' }, commandsOpen: 1 });
    await agent.http('POST', '/agents/me/commands/lease', { body: { max: 1 }, headers: { 'x-instance-id': 'one' } });
    expect(agentIn(await look())).toMatchObject({ commandInFlight: { type: 'custom', status: 'leased' }, commandsOpen: 1 });
  });
});

describe('what waits', () => {
  it('is counted: incidents by severity, ideas, alerts and the queue', async () => {
    const before = await look();
    const incident = ([severity, acknowledged]: readonly [string, boolean]) => t.db.query(`insert into incidents (kind, severity, subject_type, subject_id, agent_id, account_id, summary, acknowledged_at, acknowledged_by, repeat_at) values
      ('STOP_MISSING', $1, 'trade', $2, $3, $4, 'no stop', case when $5 then app_clock() end, case when $5 then 'system' end, case when not $5 then app_clock() + interval '1 hour' end)`, [severity, randomUUID(), agent.id, agent.accountId, acknowledged]);
    for (const each of [['critical', false], ['critical', false], ['warning', true]] as const) await incident(each);
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' } });
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' } });
    await t.db.query(`update agent_commands set status = 'unknown' where id = (select id from agent_commands where agent_id = $1 limit 1)`, [agent.id]);
    await t.db.query(`update agent_commands set not_before = app_clock() - interval '90 seconds' where agent_id = $1 and status = 'queued'`, [agent.id]);
    const { incidents, waiting, queue } = await look();
    expect([incidents.open.critical - before.incidents.open.critical, incidents.acknowledged.warning - before.incidents.acknowledged.warning]).toEqual([2, 1]);
    expect(incidents.newest.slice(0, 2)).toMatchObject([{ severity: 'critical', status: 'open', agentId: agent.id }, { status: 'open' }]);
    expect([waiting.unknownCommands - before.waiting.unknownCommands, queue.depth - before.queue.depth]).toEqual([1, 1]);
    expect(queue.oldestSeconds).toBeGreaterThanOrEqual(90);
  });
});

describe('the overview', () => {
  it('is for people only', async () => {
    expect((await agent.http('GET', '/overview')).status).toBe(403);
    expect((await clientOf(t.base)('GET', '/overview')).status).toBe(401);
  });

  it('reads of a long history what is open and what is of today, by indexes', async () => {
    await beat({ equity: '1000', balance: '1000' });
    await sound();
    await t.db.query(`insert into trades (id, agent_id, account_id, client_order_id, symbol, direction, lot_size, entry_price, entry_time, execution_mode, origin, status, exit_price, exit_time, exit_reason, gross_profit, finished_at, request_hash)
      select gen_random_uuid(), $1, $2, 'old-' || n, 'EURUSD', 'long', 1, 1, app_clock() - interval '9 days', 'paper', 'ungated', 'closed', 1, app_clock() - interval '8 days', 'signal', 1, app_clock(), 'x' from generate_series(1, 30000) n`, [agent.id, agent.accountId]);
    await t.db.query(`insert into agent_commands (id, agent_id, type, class, priority, status, actor, finished_at) select gen_random_uuid(), $1, 'custom', 'neutral', 2, 'succeeded', 'system', app_clock() from generate_series(1, 20000)`, [agent.id]);
    await t.db.query('analyze trades');
    await t.db.query('analyze agent_commands');
    const sent: [string, unknown[]][] = [];
    const spy = jest.spyOn(EntityManager.prototype, 'query').mockImplementation(function (this: EntityManager, text: string, values?: unknown[]) {
      sent.push([text, values ?? []]);
      return (this as unknown as { queryRunner?: { query(text: string, values?: unknown[]): Promise<unknown> }; connection: DataSource }).queryRunner?.query(text, values) ?? this.connection.query(text, values);
    } as never);
    await look();
    spy.mockRestore();
    const reads = sent.filter(([text]) => /from (picked|agents|jsonb_to_recordset)|join accounts/.test(text));
    expect(reads.length).toBeGreaterThan(3);
    expect(sent.length).toBeLessThan(30);
    for (const [text, values] of reads) {
      const [row] = await t.db.query(`explain (format json) ${text}`, values);
      const whole = JSON.stringify(row).match(/"Node Type": ?"(Seq Scan|Index Scan|Bitmap Heap Scan|Index Only Scan)"[^}]*?"Relation Name": ?"(trades|agent_commands)"/g) ?? [];
      expect(whole.filter((each) => each.includes('Seq Scan'))).toEqual([]);
    }
  });

  it('adds up in itself while trades end and begin', async () => {
    for (let n = 0; n < 6; n++) await sound();
    let [stop, moved] = [false, 0];
    /** What is open is another number with each commit: two looks would not say the same. */
    const trader = async (): Promise<void> => {
      while (!stop) {
        await sound();
        await t.db.query(`update trades set status = 'closed', exit_price = 1, exit_time = app_clock(), exit_reason = 'signal', gross_profit = 1, finished_at = app_clock()
          where id = (select id from trades where agent_id = $1 and status = 'open' order by seq limit 1 for update skip locked)`, [agent.id]);
        moved += 1;
      }
    };
    const traders = [trader(), trader()];
    const answers = await Promise.all(Array.from({ length: 4 }, async () => {
      const seen: Overview[] = [];
      for (let n = 0; n < 8; n++) seen.push(await look());
      return seen;
    })).finally(() => (stop = true));
    await Promise.all(traders);
    expect(moved).toBeGreaterThan(0);
    for (const seen of answers.flat()) {
      const shown = seen.openPositions.filter(({ agentId }) => agentId === agent.id);
      expect([shown.length, agentIn(seen).openPositions]).toEqual([book(seen).openTrades, book(seen).openTrades]);
      const rest = seen.agents.reduce((sum, { openPositions }) => sum + openPositions, 0);
      expect(seen.openPositions.filter(({ tradeId }) => tradeId !== null).length).toBe(rest);
    }
    for (const seen of answers) {
      const profits = seen.map((each) => Number(agentIn(each).profitToday.value));
      expect([...profits].sort((one, other) => one - other)).toEqual(profits);
    }
  });
});
