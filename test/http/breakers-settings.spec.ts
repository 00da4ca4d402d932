import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BREAKER_NAMES, BREAKERS, type BreakerName } from '../../src/circuit-breaker/breakers.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Breaker, Breakers } from '../support/breakers.js';

let t: TestApp;
let b: Breakers;
beforeAll(async () => {
  t = await startTestApp();
  b = new Breakers(t);
  await b.begin();
});
afterAll(() => t.close());

/** What has happened, and who it happened to. Answers the id of the scope, if that is not the account or agent. */
type Happened = (agent: TestAgent) => Promise<string | void>;

interface Case {
  /** What else must stand so that the parameter decides. */
  settings?: Record<string, unknown>;
  parameters?: Record<string, unknown>;
  happened: Happened;
  /** With the one the breaker stays as it is, with the other it trips. */
  holds: unknown;
  trips: unknown;
}

const NO_MINIMUM = { minimumSamples: 1, warningFraction: null };
const told = (agent: TestAgent, equity: number, balance = equity) => b.beat(agent, { equity, balance });
const peak = async (agent: TestAgent, equity: number) => {
  for (let n = 0; n < 3; n++) await told(agent, equity);
};
const entered = async (agent: TestAgent, price: string) => {
  const id = await b.open(agent, { entryPrice: undefined, entryTime: undefined });
  await agent.http('POST', `/trades/${id}/fills`, { body: { brokerDealId: randomUUID(), role: 'entry', price, size: '0.1', requestedPrice: '100', at: await b.clock() } });
};
const order = (agent: TestAgent, outcome: 'complete' | 'rejected') => b.command(agent, 'cancel_order', outcome, { brokerOrderId: randomUUID() });
const initial = (agent: TestAgent, balance: number) => t.http('PATCH', `/accounts/${agent.accountId}`, { body: { initialBalance: balance } });
const scored = async (agent: TestAgent, ...right: boolean[]) => {
  await b.beat(agent);
  for (const [n, isRight] of right.entries()) {
    const body = { model: 'm', symbol: 'EURUSD', timestamp: await b.ago(1_000 - n), horizonSeconds: 1, direction: 'long', confidence: '0.8', marketPrice: '1.1' };
    const { body: made } = await agent.http<{ id: string }>('POST', '/predictions', { body });
    await t.db.query(`update prediction_scores set outcome = $2, start_price = 1, start_at = starts_at, start_source = 'told', end_price = 2, end_at = horizon_at, end_source = 'quote', move = 1, costs = 0,
      costs_source = 'assumed', look_at = null, scored_at = app_clock() where prediction_id = $1`, [made.id, isRight ? 'right' : 'wrong']);
  }
};
const lossesOf = (...profits: string[]): Happened => (agent) => b.trades(agent, ...profits);
const symbolLosses = (...profits: string[]): Happened => async (agent) => {
  const symbol = `S${randomUUID().slice(0, 8)}`.toUpperCase();
  for (const profit of profits) await b.trade(agent, profit, { symbol });
  return symbol;
};
const openings = (count: number): Happened => async (agent) => {
  for (let n = 0; n < count; n++) await b.open(agent);
};
/** 10,000 of balance and 9,700 of equity at the beginning of the day. */
const began: Happened = async (agent) => {
  await told(agent, 9_700, 10_000);
  await told(agent, 9_450, 10_000);
};
const won: Happened = async (agent) => {
  await limit(agent, { dailyProfitTarget: '300' });
  await told(agent, 9_700, 10_000);
  await told(agent, 10_100, 10_000);
};
const limit = async (agent: TestAgent, change: Record<string, unknown>) => {
  const { body } = await t.http<Record<string, unknown> & { version: number }>('GET', `/limits/account/${agent.accountId}`);
  const { scope: _scope, id: _id, currency: _currency, version, updatedAt: _at, updatedBy: _by, warnings: _warnings, ...values } = body;
  const answer = await t.http('PUT', `/limits/account/${agent.accountId}`, { body: { ...values, ...change }, headers: { 'if-match': `"${version}"` } });
  if (answer.status !== 200) throw new Error(answer.text);
};
/** Initial 10,000, a peak of 10,500, and 9,850 now: 150 below the one and 650 below the other. */
const fell: Happened = async (agent) => {
  await initial(agent, 10_000);
  await limit(agent, { maxDrawdownAmount: '600' });
  await peak(agent, 10_000);
  await peak(agent, 10_500);
  await told(agent, 9_850);
};
/** Silent for 100 s with an open trade. */
const silent: Happened = async (agent) => {
  await b.open(agent);
  await b.beat(agent);
  await t.db.advance(100);
};
const unquoted: Happened = async (agent) => {
  const symbol = 'EURUSD';
  await agent.http('POST', '/quotes', { body: { items: [{ symbol, bid: '1.1', ask: '1.1', quotedAt: await b.clock() }] } });
  await b.open(agent);
  await t.db.advance(100);
  return symbol;
};
const slow: Happened = async () => {
  await t.db.query('delete from database_latencies');
  await t.db.query('insert into database_latencies (milliseconds) values (1), (1), (1), (90000)');
};

/** Every parameter there is. A new one asks for a line here, with two values that a breaker treats differently. */
const CASES: { [N in BreakerName]: Record<string, Case> } = {
  daily_loss: { baseline: { happened: began, holds: 'equity', trips: 'balance' } },
  daily_target: { baseline: { happened: won, holds: 'higher', trips: 'equity' } },
  drawdown: {
    reference: { happened: fell, parameters: { lockAtInitial: false }, holds: 'initial', trips: 'peak_equity' },
    lockAtInitial: {
      // The floor would be 10,200 and locks at 10,000.
      happened: async (agent) => {
        await initial(agent, 10_000);
        await limit(agent, { maxDrawdownAmount: '600' });
        await peak(agent, 10_000);
        await peak(agent, 10_800);
        await told(agent, 10_100);
      },
      parameters: { reference: 'peak_equity' }, holds: true, trips: false,
    },
  },
  consecutive_losses: { lossesMost: { settings: NO_MINIMUM, happened: lossesOf('-1', '-1'), holds: 3, trips: 2 } },
  losing_streak_symbol: { lossesMost: { settings: NO_MINIMUM, happened: symbolLosses('-1', '-1'), holds: 3, trips: 2 } },
  low_profit_symbol: {
    windowTrades: { settings: NO_MINIMUM, parameters: { lossAmountMost: '10' }, happened: symbolLosses('-9', '5', '-6'), holds: 2, trips: 3 },
    lossAmountMost: { settings: NO_MINIMUM, parameters: { windowTrades: 5 }, happened: symbolLosses('-10'), holds: '10.01', trips: '10' },
  },
  trades_per_hour: { openingsMost: { happened: openings(2), holds: 3, trips: 2 } },
  trades_per_day: { openingsMost: { happened: openings(2), holds: 3, trips: 2 } },
  model_degradation: {
    windowPredictions: { settings: NO_MINIMUM, parameters: { hitRateFractionLeast: '0.6' }, happened: (agent) => scored(agent, false, false, true, true), holds: 2, trips: 4 },
    hitRateFractionLeast: { settings: NO_MINIMUM, parameters: { windowPredictions: 10 }, happened: (agent) => scored(agent, false, true), holds: '0.5', trips: '0.51' },
  },
  reject_rate: {
    windowCommands: {
      settings: NO_MINIMUM, parameters: { rejectedFractionMost: '0.6' }, holds: 2, trips: 3,
      happened: async (agent) => {
        for (const outcome of ['rejected', 'rejected', 'complete'] as const) await order(agent, outcome);
      },
    },
    rejectedFractionMost: {
      settings: NO_MINIMUM, parameters: { windowCommands: 10 }, holds: '0.51', trips: '0.5',
      happened: async (agent) => {
        for (const outcome of ['rejected', 'complete'] as const) await order(agent, outcome);
      },
    },
  },
  slippage: {
    windowTrades: {
      settings: NO_MINIMUM, parameters: { slippageFractionMost: '0.06' }, holds: 2, trips: 1,
      happened: async (agent) => {
        for (const price of ['100', '110']) await entered(agent, price);
      },
    },
    slippageFractionMost: { settings: NO_MINIMUM, parameters: { windowTrades: 5 }, happened: (agent) => entered(agent, '125'), holds: '0.21', trips: '0.2' },
  },
  stale_heartbeat: { silenceSeconds: { happened: silent, holds: 200, trips: 99 } },
  stale_prices: { silenceSeconds: { happened: unquoted, holds: 200, trips: 99 } },
  agent_errors: {
    windowSeconds: {
      parameters: { failuresMost: 1, tripOnErrorStatus: false }, holds: 60, trips: 3_600,
      happened: async (agent) => {
        await b.command(agent, 'reconcile', 'not_sent');
        await t.db.advance(100);
      },
    },
    failuresMost: { parameters: { windowSeconds: 3_600, tripOnErrorStatus: false }, happened: (agent) => b.command(agent, 'reconcile', 'not_sent'), holds: 2, trips: 1 },
    tripOnErrorStatus: { parameters: { windowSeconds: 3_600, failuresMost: 5 }, happened: (agent) => b.beat(agent, { status: 'error' }), holds: false, trips: true },
  },
  database_latency: {
    windowLooks: { settings: NO_MINIMUM, parameters: { millisecondsMost: 40_000 }, happened: slow, holds: 5, trips: 2 },
    millisecondsMost: { settings: NO_MINIMUM, parameters: { windowLooks: 2 }, happened: slow, holds: 60_000, trips: 20_000 },
  },
};

/** Only this one is on: nothing else holds back what is tried. */
const only = async (name: BreakerName) => {
  for (const other of BREAKER_NAMES) if ((await b.get(other)).enabled !== (other === name)) await b.set(other, { enabled: other === name });
};
const scopeOf = (name: BreakerName, agent: TestAgent, symbol: string | void) => {
  const { scope } = BREAKERS[name];
  return scope === 'global' ? null : scope === 'agent' ? agent.id : scope === 'symbol' ? (symbol ?? '') : agent.accountId;
};
const holds = (state: string) => state === 'tripped' || state === 'cooling_down';
const parametersOf = Object.entries(CASES).flatMap(([name, cases]) => Object.entries(cases).map(([parameter, given]) => [name as BreakerName, parameter, given] as const));

describe('no parameter is dead', () => {
  it('and none is missing here', async () => {
    const { body } = await t.http<{ items: Breaker[] }>('GET', '/circuit-breakers');
    expect(body.items.map(({ name, parameters }) => [name, Object.keys(parameters).sort()])).toEqual(BREAKER_NAMES.map((name) => [name, Object.keys(CASES[name]).sort()]));
  });

  it('and each says what a change of its settings may say, so that a form can be made of it', async () => {
    const { body } = await t.http<{ items: Breaker[] }>('GET', '/circuit-breakers');
    expect(body.items.map(({ name, takes: { samples, resetRules, parameters } }) => [name, samples, resetRules, Object.keys(parameters.properties).sort()]))
      .toEqual(BREAKER_NAMES.map((name) => [name, BREAKERS[name].samples, BREAKERS[name].resets, Object.keys(CASES[name]).sort()]));
  });

  it.each(parametersOf)('%s: %s decides whether it trips', async (name, parameter, { settings = {}, parameters = {}, happened, holds: calm, trips }) => {
    await only(name);
    const agent = await t.agent();
    await b.set(name, { ...settings, enabled: true }, { ...parameters, [parameter]: calm });
    const symbol = await happened(agent);
    const state = async () => (await b.state(name, scopeOf(name, agent, symbol), name === 'database_latency' ? undefined : agent.accountId)).state;
    if (name !== 'database_latency') await b.lookAt(agent);
    expect(holds(await state())).toBe(false);
    await b.set(name, { ...settings, enabled: true }, { ...parameters, [parameter]: trips });
    if (name === 'database_latency') await b.look();
    expect(holds(await state())).toBe(true);
    await t.http('POST', `/circuit-breakers/${name}/reset`, { body: { reason: 'the next case' } });
  });
});

describe('no other setting is dead', () => {
  it.each(['reduce', 'halt', 'flatten'])('haltMode %s is what each breaker imposes', async (haltMode) => {
    const agent = await t.agent();
    for (const name of BREAKER_NAMES) {
      await b.set(name, { haltMode });
      const { scope: type } = BREAKERS[name];
      const book = { accountId: agent.accountId, executionMode: 'paper' };
      const scope = type === 'global' ? { type } : type === 'agent' ? { type, id: agent.id } : type === 'account' ? { type, id: agent.accountId, executionMode: 'paper' } : { type, id: 'XAUUSD', ...book };
      const tripped = await t.http('POST', `/circuit-breakers/${name}/trip`, { body: { scope, reason: 'a test' } });
      expect([name, tripped.status]).toEqual([name, 200]);
      expect([name, (await b.halts(name, scopeOf(name, agent, 'XAUUSD')))[0]?.mode]).toEqual([name, haltMode]);
      await t.http('POST', `/circuit-breakers/${name}/reset`, { body: { reason: 'a test' } });
    }
  });

  it('of minimumSamples, one too few trips nothing, and enough do', async () => {
    await only('consecutive_losses');
    const agent = await t.agent();
    await b.set('consecutive_losses', { minimumSamples: 4, warningFraction: null }, { lossesMost: 2 });
    await b.trades(agent, '1', '-1', '-1');
    expect((await b.state('consecutive_losses', agent.accountId)).state).toBe('active');
    await b.trades(agent, '-1');
    expect((await b.state('consecutive_losses', agent.accountId)).state).toBe('cooling_down');
  });

  it('enabled and warningFraction decide whether it trips and warns', async () => {
    await only('consecutive_losses');
    const agent = await t.agent();
    await b.set('consecutive_losses', { enabled: false, minimumSamples: 1, warningFraction: '0.5' }, { lossesMost: 4 });
    await b.trades(agent, '-1', '-1');
    expect((await b.state('consecutive_losses', agent.accountId)).state).toBe('active');
    await b.set('consecutive_losses', { enabled: true, warningFraction: '0.51' });
    expect((await b.state('consecutive_losses', agent.accountId)).state).toBe('active');
    await b.set('consecutive_losses', { warningFraction: '0.5' });
    expect((await b.state('consecutive_losses', agent.accountId)).state).toBe('warning');
  });
});
