import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SupervisionService } from '../../src/supervisor/supervision.service.js';
import { WatchService } from '../../src/supervisor/watch.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { Closing, leaseOne, openTrade, type Trade } from '../support/closures.js';
import { stopClock } from '../support/frozen-clock.js';
import { held, reportOf } from '../support/positions.js';

interface ExitRules {
  version: number; override: Record<string, unknown> | null; effective: Record<string, unknown>;
  rules: { rule: string; state: string; since: string | null; why: string | null; closureId: string | null }[];
}
type Told = Record<string, unknown>;

let t: TestApp;
let other: TestApp;
let closing: Closing;
let agent: TestAgent;
let now = 0;
let goOn = async () => undefined as void;
beforeAll(async () => {
  t = await startTestApp();
  other = await t.second();
  closing = new Closing(t);
});
// What is judged by some seconds is so many seconds old, however long a test takes.
beforeEach(async () => {
  await goOn();
  goOn = await stopClock(t.db);
  now = Math.floor((await t.db.query<{ at: number }>('select extract(epoch from app_clock())::float8 * 1000 as at'))[0]?.at ?? 0);
  agent = await t.agent();
  await agent.http('POST', '/agents/me/heartbeat', { body: { status: 'running' } });
});
afterAll(async () => {
  await other.close();
  await t.close();
});

let strategies = 0;
const strategy = async (exitRules: Told): Promise<string> => {
  const made = await t.http<{ id: string }>('POST', '/strategies', { body: { name: `s-${++strategies}`, exitRules } });
  if (made.status !== 201) throw new Error(made.text);
  return made.body.id;
};
const mark = (ago: number, bid: string, more: Told = {}) => ({ quotedAt: new Date(now - ago * 1_000).toISOString(), bid, ask: bid, ...more });
const idle = async () => {
  for (const each of [t, other]) await each.app.get(SupervisionService).idle();
};
const tell = async (trade: Trade, marks: Told[], http = agent.http): Promise<void> => {
  const answer = await http('POST', `/trades/${trade.id}/marks`, { body: { items: marks } });
  if (answer.status !== 200) throw new Error(answer.text);
  await idle();
};
const watch = (on = t) => on.app.get(SupervisionService).watch();
const closures = (trade: Trade) => closing.list(`tradeId=${trade.id}`);
const rulesOf = async (trade: Trade) => (await t.http<ExitRules>('GET', `/trades/${trade.id}/exit-rules`)).body;
const put = (trade: Trade, rules: Told, token: string | null = t.adminToken) => t.http<ExitRules & { code: string; errors: { path: string }[] }>('PUT', `/trades/${trade.id}/exit-rules`, { body: { rules }, token });
const incidents = async (kind: string, subject = agent.id) => (await t.http<{ items: { subject: { id: string }; data: Told; summary: string }[] }>('GET', `/incidents?agentId=${agent.id}&kind=${kind}&status=open`)).body.items.filter(({ subject: { id } }) => id === subject);

describe('a rule that fires', () => {
  it("has the trade closed by the supervisor, with the trade's own stop, and says on what", async () => {
    const trade = await openTrade(agent, { stopLoss: '1.09' });
    await tell(trade, [mark(2, '1.0901')]);
    expect(await closures(trade)).toEqual([]);
    await tell(trade, [mark(1.2, '1.09')]);
    expect((await rulesOf(trade)).rules).toMatchObject([{ rule: 'stop', state: 'pending', closureId: null }]);
    await tell(trade, [mark(0, '1.0899')]);
    const [closure] = await closures(trade);
    expect(closure).toMatchObject({ cause: 'supervisor', rule: 'stop', detail: { stopLoss: '1.09', bid: '1.0899' } });
    expect((await rulesOf(trade)).rules).toMatchObject([{ rule: 'stop', state: 'fired', closureId: closure?.id }]);
    await closing.work();
    expect(await leaseOne(agent)).toMatchObject({ type: 'close_trade', payload: { tradeId: trade.id, reason: 'supervisor stop' } });
  });

  it('fires once for a trade, whatever marks come on two instances at once, and each trade by itself', async () => {
    const trades = await Promise.all(Array.from({ length: 4 }, () => openTrade(agent, { stopLoss: '1.09' })));
    await Promise.all(trades.flatMap(({ id }) => Array.from({ length: 20 }, (_each, n) => {
      const body = mark(4 - n / 10, '1.08');
      return n % 2 === 0 ? agent.http('POST', `/trades/${id}/marks`, { body }) : other.http('POST', `/trades/${id}/marks`, { body });
    })));
    await Promise.all([watch(t), watch(other), watch(t), watch(other)]);
    await idle();
    await Promise.all([closing.work(t), closing.work(other)]);
    for (const trade of trades) {
      expect(await closures(trade)).toHaveLength(1);
      expect(await closing.commands(trade.id)).toHaveLength(1);
    }
  });

  it('closes the trade that it was judged for, and no other in the same symbol', async () => {
    const [one, two] = [await openTrade(agent, { stopLoss: '1.09' }), await openTrade(agent, { stopLoss: '1.05' })];
    for (const trade of [one, two]) await tell(trade, [mark(2, '1.08'), mark(0, '1.08')]);
    expect([(await closures(one)).length, (await closures(two)).length]).toEqual([1, 0]);
  });

  it('is found by the clock when the server was killed after the marks were stored', async () => {
    const trade = await openTrade(agent, { stopLoss: '1.09' });
    await tell(trade, [mark(5, '1.2')]);
    for (const ago of [2, 0]) {
      await t.db.query(`insert into trade_marks (trade_id, quoted_at, bid, ask, recorded_at) values ($1, app_clock() - make_interval(secs => $2), 1.08, 1.08, app_clock())`, [trade.id, ago]);
    }
    await watch(other);
    expect(await closures(trade)).toMatchObject([{ rule: 'stop' }]);
  });

  it('stays quiet for a trade of which a person took it back, where another rule still fires', async () => {
    const trade = await openTrade(agent, { stopLoss: '1.09', strategyId: await strategy({ trailingDistance: '0.5' }) });
    await tell(trade, [mark(3.6, '1.08'), mark(2.5, '1.08')]);
    const [closure] = await closures(trade);
    await t.http('POST', `/closures/${closure?.id}/withdraw`, { body: { reason: 'I hold it' } });
    await tell(trade, [mark(2.4, '1.07'), mark(1.3, '1.07')]);
    await watch();
    expect(await closures(trade)).toMatchObject([{ endedAs: 'withdrawn' }]);
    await tell(trade, [mark(1.2, '0.6'), mark(0, '0.6')]);
    expect(await closures(trade)).toMatchObject([{ rule: 'trailing', endedAs: null }, { rule: 'stop', endedAs: 'withdrawn' }]);
  });

  it.each<[string, Told, () => Told[]]>([
    ['trailing', { trailingDistance: '0.02' }, () => [mark(9, '1.2'), mark(2, '1.18'), mark(0, '1.18')]],
    ['probability_floor', { probabilityFloor: { below: '0.4', verifySeconds: 5 } }, () => [mark(6, '1', { probability: '0.39' }), mark(0, '1', { probability: '0.1' })]],
    ['momentum_spike', { momentumSpike: '36' }, () => [mark(2, '1.1', { momentum: '-36' }), mark(0, '1.1', { momentum: '-40' })]],
  ])('may be %s of the strategy', async (rule, exitRules, marks) => {
    const trade = await openTrade(agent, { strategyId: await strategy(exitRules) });
    await tell(trade, marks());
    expect(await closures(trade)).toMatchObject([{ cause: 'supervisor', rule }]);
  });

  it('of a target closes its part, and the next one the rest', async () => {
    const trade = await openTrade(agent, { takeProfit: [{ price: '1.2', sizeFraction: '0.5' }, { price: '1.3', sizeFraction: '0.5' }] });
    await tell(trade, [mark(3.6, '1.2'), mark(2.5, '1.2')]);
    expect(await closures(trade)).toMatchObject([{ rule: 'target_1', size: '0.5' }]);
    await closing.work();
    await agent.http('POST', `/trades/${trade.id}/fills`, { body: { items: [
      { brokerDealId: `in-${trade.id}`, role: 'entry', price: '1.1', size: '1', at: new Date(now - 3_600_000).toISOString() },
      { brokerDealId: `out-${trade.id}`, role: 'exit', price: '1.2', size: '0.5', at: new Date(now).toISOString() },
    ] } });
    await closing.work();
    await tell(trade, [mark(2.4, '1.25'), mark(1.3, '1.25')]);
    expect(await closures(trade)).toMatchObject([{ rule: 'target_1', endedAs: 'reduced' }]);
    await tell(trade, [mark(1.2, '1.3'), mark(0, '1.3')]);
    expect(await closures(trade)).toMatchObject([{ rule: 'target', size: null }, { rule: 'target_1' }]);
  });
});

describe('marks by sync and by batch', () => {
  it('are judged like those that come alone', async () => {
    const [one, two] = [await openTrade(agent, { stopLoss: '1.09' }), await openTrade(agent, { stopLoss: '1.09' })];
    await agent.http('POST', '/trades/marks/batch', { body: { items: [2, 0].map((ago) => ({ tradeId: one.id, ...mark(ago, '1.08') })) } });
    const sync = await agent.http<{ results: { status: string }[] }>('POST', '/agents/me/sync', { body: { syncSeq: 1, state: {}, marks: [2, 0].map((ago) => ({ tradeId: two.id, ...mark(ago, '1.08') })) } });
    expect(sync.body.results).toMatchObject([{ status: 'ok' }, { status: 'ok' }]);
    await idle();
    for (const trade of [one, two]) expect(await closures(trade)).toMatchObject([{ rule: 'stop' }]);
  });
});

describe('rules by the clock', () => {
  const seconds = (n: number) => new Date(now + n * 1_000).toISOString();

  it('close MIS of yesterday, which no strategy says and no person takes off, and leave what is delivered', async () => {
    const of = (product: string) => openTrade(agent, { symbol: 'INFY', exchange: 'NSE', product, entryTime: seconds(-90_000) });
    const [mis, cnc] = [await of('MIS'), await of('CNC')];
    await put(mis, { flatBy: null });
    expect((await rulesOf(mis)).rules).toMatchObject([{ rule: 'flat_by' }]);
    await watch();
    expect(await closures(mis)).toMatchObject([{ cause: 'supervisor', rule: 'flat_by', detail: { time: '15:15', zone: 'Asia/Kolkata' } }]);
    expect(await closures(cnc)).toEqual([]);
  });

  it('leave what an import brought for a retired agent: nobody can close it, and it may be taken back', async () => {
    const gone = await t.agent();
    const trades = await Promise.all([gone, agent].map((of) => openTrade(of, { symbol: 'INFY', exchange: 'NSE', product: 'MIS', entryTime: seconds(-90_000) })));
    await t.db.query(`update trades set origin = 'imported' where id = any($1)`, [trades.map(({ id }) => id)]);
    await t.db.query('update agents set retired_at = app_clock() where id = $1', [gone.id]);
    await watch();
    expect((await Promise.all(trades.map(closures))).map(({ length }) => length)).toEqual([0, 1]);
  });

  it('close what was held for so long, though no mark ever came', async () => {
    const strategyId = await strategy({ maxHoldingSeconds: 600 });
    const [old, young] = [await openTrade(agent, { strategyId, entryTime: seconds(-601) }), await openTrade(agent, { strategyId, entryTime: seconds(-500) })];
    await watch();
    expect(await closures(old)).toMatchObject([{ rule: 'max_holding' }]);
    expect(await closures(young)).toEqual([]);
  });

  it('close before the instrument does, however long a trade is open; entered a minute ago or a day ago makes no difference', async () => {
    const symbol = `KX${agent.name.slice(-5)}`;
    await agent.http('POST', '/instruments', { body: { symbol, kind: 'binary', sizeUnit: 'contract', contractSize: '1', tickSize: '0.01', tickValue: '0.01', minSize: '1', sizeStep: '1', quoteCurrency: 'USD', closesAt: seconds(600) } });
    const strategyId = await strategy({ minSecondsToClose: 60 });
    const trades = await Promise.all([-60, -86_400].map((ago) => openTrade(agent, { symbol, outcome: 'yes', entryPrice: '0.5', strategyId, entryTime: seconds(ago) })));
    const closesIn = (left: number) => t.db.query(`update instruments set closes_at = app_clock() + make_interval(secs => $2) where account_id = $1`, [agent.accountId, left]);
    await closesIn(75);
    await watch();
    for (const trade of trades) expect(await closures(trade)).toEqual([]);
    await closesIn(-1);
    await watch();
    for (const trade of trades) expect(await closures(trade)).toEqual([]);
    await closesIn(55);
    await watch();
    for (const trade of trades) expect(await closures(trade)).toMatchObject([{ rule: 'seconds_to_close' }]);
  });

  it('close by a time of day what was entered before it', async () => {
    const ago = (minutes: number) => new Date(now - minutes * 60_000);
    const time = ago(2).toISOString().slice(11, 16);
    const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
    const strategyId = await strategy({ flatBy: { time, zone: 'UTC', days } });
    const [before, after] = [await openTrade(agent, { strategyId, entryTime: ago(4).toISOString() }), await openTrade(agent, { strategyId, entryTime: ago(0.5).toISOString() })];
    await watch();
    expect(await closures(before)).toMatchObject([{ rule: 'flat_by', detail: { time } }]);
    expect(await closures(after)).toEqual([]);
  });
});

describe('rules of one trade', () => {
  it("stand in place of its strategy's; null takes one off", async () => {
    const trade = await openTrade(agent, { strategyId: await strategy({ maxHoldingSeconds: 600, trailingDistance: '0.5' }) });
    expect(await rulesOf(trade)).toMatchObject({ version: 0, override: null, effective: { maxHoldingSeconds: 600, trailingDistance: '0.5' } });
    expect((await put(trade, { maxHoldingSeconds: null, momentumSpike: '5' })).body).toMatchObject({ version: 1, override: { maxHoldingSeconds: null, momentumSpike: '5' } });
    expect((await rulesOf(trade)).effective).toEqual({ trailingDistance: '0.5', momentumSpike: '5' });
    await watch();
    expect(await closures(trade)).toEqual([]);
    expect((await put(trade, { maxHoldingSeconds: 60 })).body).toMatchObject({ version: 2, effective: { maxHoldingSeconds: 60, trailingDistance: '0.5' } });
    await watch();
    expect(await closures(trade)).toMatchObject([{ rule: 'max_holding' }]);
    expect(await t.db.query(`select data->'to'->>'maxHoldingSeconds' as seconds from events where type = 'trade.exit_rules_changed' and subject_id = $1 order by seq`, [trade.id])).toEqual([{ seconds: null }, { seconds: '60' }]);
  });

  it.each<[string, Told, string]>([
    ['hour 24', { flatBy: { time: '24:00', zone: 'UTC', days: ['mon'] } }, 'rules.flatBy.time'],
    ['a zone that is none', { flatBy: { time: '15:15', zone: 'Mars/Base', days: ['mon'] } }, 'rules.flatBy.zone'],
    ['no day', { flatBy: { time: '15:15', zone: 'UTC', days: [] } }, 'rules.flatBy.days'],
    ['a distance of zero', { trailingDistance: '0' }, 'rules.trailingDistance'],
    ['a probability above 1', { probabilityFloor: { below: '1.1', verifySeconds: 1 } }, 'rules.probabilityFloor.below'],
    ['half a second', { maxHoldingSeconds: 0.5 }, 'rules.maxHoldingSeconds'],
    ['NaN', { momentumSpike: 'NaN' }, 'rules.momentumSpike'],
  ])('are refused with %s, by the name of the field', async (_what, rules, path) => {
    expect(await put(await openTrade(agent), rules)).toMatchObject({ status: 400, body: { errors: [{ path }] } });
  });

  it('are tightened by a key, never loosened; a trade that has ended has none', async () => {
    const trade = await openTrade(agent, { strategyId: await strategy({ maxHoldingSeconds: 90_000 }) });
    expect((await put(trade, { maxHoldingSeconds: 80_000, trailingDistance: '0.5' }, agent.apiKey)).status).toBe(200);
    for (const rules of [{ maxHoldingSeconds: 80_001, trailingDistance: '0.5' }, { maxHoldingSeconds: null, trailingDistance: '0.5' }, {}]) {
      expect(await put(trade, rules, agent.apiKey)).toMatchObject({ status: 409, body: { code: 'EXIT_RULES_LOOSER' } });
    }
    expect(await rulesOf(trade)).toMatchObject({ version: 1, effective: { maxHoldingSeconds: 80_000 } });
    expect((await put(trade, {}, (await t.agent()).apiKey)).status).toBe(403);
    expect((await put(trade, {}, await t.person('viewer'))).status).toBe(403);
    expect((await put(trade, {}, await t.person('operator'))).body).toMatchObject({ effective: { maxHoldingSeconds: 90_000 } });
    await agent.http('POST', `/trades/${trade.id}/transitions`, { body: { to: 'closed', version: trade.version, exitPrice: '1', exitReason: 'signal' } });
    expect(await put(trade, {})).toMatchObject({ status: 409, body: { code: 'TRADE_FINISHED' } });
  });

  it('may come from a strategy that is there only', async () => {
    const made = await agent.http('POST', '/trades', { body: { clientOrderId: 'x', symbol: 'EURUSD', direction: 'long', lotSize: '1', strategyId: '01930000-0000-7000-8000-00000000dead' } });
    expect(made.status).toBe(404);
  });
});

describe('marks that have stopped', () => {
  const stale = () => t.app.get(WatchService).staleMarks();

  it('close nothing and are told, for trades under rules on prices only, until they come again', async () => {
    const trade = await openTrade(agent, { strategyId: await strategy({ trailingDistance: '0.5' }) });
    await openTrade(agent, { stopLoss: '1' });
    await stale();
    expect(await incidents('MARKS_STALE')).toMatchObject([{ data: { count: 1, tradeIds: [trade.id] } }]);
    await tell(trade, [mark(20, '0.1'), mark(15, '0.1')]);
    await watch();
    await stale();
    expect([await closures(trade), await incidents('MARKS_STALE')]).toMatchObject([[], [{ data: { count: 1 } }]]);
    expect((await rulesOf(trade)).rules).toMatchObject([{ rule: 'trailing', state: 'unknown', why: 'MARKS_STALE' }]);
    await tell(trade, [mark(0, '1.1')]);
    await stale();
    expect(await incidents('MARKS_STALE')).toEqual([]);
  });

  it('that were there are missed where only a stop is to be judged', async () => {
    const trade = await openTrade(agent, { stopLoss: '1' });
    await tell(trade, [mark(5, '1.1')]);
    await stale();
    expect(await incidents('MARKS_STALE')).toEqual([]);
    await t.db.query(`update trades set mark_high_at = mark_high_at - interval '1 hour' where id = $1`, [trade.id]);
    const silent = await openTrade(agent, { stopLoss: '1' });
    await tell(silent, [mark(20, '1.1')]);
    await stale();
    expect(await incidents('MARKS_STALE')).toMatchObject([{ data: { count: 1, tradeIds: [silent.id] } }]);
  });

  it('are not missed while the instrument does not trade', async () => {
    const symbol = `OFF${agent.name.slice(-4)}`;
    const [today] = [['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][new Date(now).getUTCDay()]];
    const sessions = { zone: 'UTC', windows: [{ days: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'].filter((day) => day !== today), from: '01:00', to: '02:00' }] };
    const made = await agent.http('POST', '/instruments', { body: { symbol, kind: 'stock', sizeUnit: 'share', contractSize: '1', tickSize: '0.01', tickValue: '0.01', minSize: '1', sizeStep: '1', quoteCurrency: 'USD', sessions } });
    expect(made.status).toBe(201);
    await openTrade(agent, { symbol, strategyId: await strategy({ trailingDistance: '1' }) });
    await stale();
    expect(await incidents('MARKS_STALE')).toEqual([]);
  });
});

describe('a wide spread', () => {
  it('does not close a trade, and a person is told', async () => {
    const trade = await openTrade(agent, { stopLoss: '1.09' });
    const usual = [9, 8, 7, 6, 5].map((ago) => mark(ago, '1.1', { ask: '1.1001' }));
    await tell(trade, [...usual, mark(2, '1.08', { ask: '1.12' }), mark(0, '1.08', { ask: '1.12' })]);
    expect([await closures(trade), await incidents('SPREAD_WIDE', trade.id)]).toMatchObject([[], [{ data: { rules: ['stop'] } }]]);
  });
});

describe('a live trade', () => {
  it('without a stop at the broker 10 s after its fill is told, until the broker shows one', async () => {
    const name = `sup-${agent.name}`;
    await t.http('POST', '/accounts', { body: { name, kind: 'live', currency: 'USD', marginMode: 'hedging' } });
    agent = await t.agent({ mode: 'live', account: name });
    const copy = { 'x-instance-id': 'copy' };
    const open = async (ago: number, brokerPositionId: string) => (await agent.http<Trade>('POST', '/trades', { headers: copy, body: {
      clientOrderId: brokerPositionId, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1', entryTime: new Date(now - ago * 1_000).toISOString(), brokerPositionId, stopLoss: '1',
    } })).body;
    const [bare, fresh] = [await open(60, 'bare'), await open(0, 'fresh')];
    const report = (stops: Told) => agent.http('POST', '/agents/me/positions', { headers: copy, body: reportOf({ positions: [held({ brokerPositionId: 'bare', ...stops }), held({ brokerPositionId: 'fresh' })] }) });
    const look = () => t.app.get(WatchService).missingStops();
    await report({});
    await look();
    expect(await incidents('STOP_MISSING', bare.id)).toHaveLength(1);
    expect(await incidents('STOP_MISSING', fresh.id)).toEqual([]);
    await report({ stopLoss: '1.0' });
    await look();
    expect(await incidents('STOP_MISSING', bare.id)).toEqual([]);
  });
});
