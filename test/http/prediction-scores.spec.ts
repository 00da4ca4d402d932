import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Schedules } from '../../src/database/schedules.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { scoreByHand, scoreDue } from '../support/scoring.js';

interface Score {
  outcome: string; reason: string | null; startPrice: string | null; startAt: string | null; startSource: string | null; endPrice: string | null; endAt: string | null;
  endSource: string | null; move: string | null; costs: string | null; costsSource: string | null; scoredAt: string;
}
interface Prediction { id: string; symbol: string; score: Score | null; calibratedProbability: string | null }
interface Class { from: string; to: string; count: number; right: number; averageConfidence: string | null; accuracy: string | null }
interface Statistics { predictions: number; scored: number; right: number; accuracy: string | null; brierScore: string | null; waiting: number; unscored: number; calibration: Class[] }

let t: TestApp;
let second: TestApp;
let agent: TestAgent;
let symbol: string;
let made = 0;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
  await scoreByHand(t, second);
});
beforeEach(async () => {
  agent = await t.agent();
  symbol = `SYM${++made}`;
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const START = Date.parse('2026-01-05T10:00:00Z');
const at = (seconds: number) => new Date(START + seconds * 1_000).toISOString();
const scores = (app: TestApp = t) => scoreDue(app);
/** At 10:00 of something an hour later, at a price of 100. */
const predict = async (more: Record<string, unknown> = {}, by: TestAgent = agent): Promise<string> => {
  const answer = await by.http<Prediction>('POST', '/predictions', {
    body: { model: 'm', symbol, timestamp: at(0), horizonSeconds: 3_600, direction: 'long', confidence: '0.8', marketPrice: '100', ...more },
  });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body.id;
};
const candle = async (openSeconds: number, timeframe: string, close: string, more: Record<string, unknown> = {}) => {
  const answer = await agent.http('POST', '/snapshots/market', {
    body: { symbol, timeframe, openTime: at(openSeconds), open: '100', high: '1000', low: '0.1', close, ...more },
  });
  if (answer.status >= 300) throw new Error(answer.text);
};
const quote = async (bid: string, ask: string, seconds: number, more: Record<string, unknown> = {}) => {
  const answer = await agent.http('POST', '/quotes', { body: { items: [{ symbol, bid, ask, quotedAt: at(seconds), ...more }] } });
  if (answer.status !== 200) throw new Error(answer.text);
};
const shown = async (id: string, by: TestAgent = agent) => {
  const answer = await t.http<{ items: Prediction[] }>('GET', `/predictions?agentId=${by.id}&limit=500`);
  return answer.body.items.find((each) => each.id === id) as Prediction;
};
const scoreOf = async (id: string) => (await shown(id)).score;
const eventsOf = () => t.db.query(`select actor, data from events where agent_id = $1 and type = 'prediction.batch_scored' order by seq`, [agent.id]);
const stats = async () => (await t.http<Statistics>('GET', `/predictions/stats?agentId=${agent.id}`)).body;

describe('a prediction whose horizon is over', () => {
  it('is scored by the close of the candle that ends there, and keeps what it was scored by', async () => {
    await candle(3_540, 'M1', '101.5');
    const id = await predict();
    expect(await scoreOf(id)).toBeNull();
    await scores();
    expect(await scoreOf(id)).toEqual({
      outcome: 'right', reason: null, startPrice: '100', startAt: at(0), startSource: 'told', endPrice: '101.5', endAt: at(3_600), endSource: 'candle', move: '1.5', costs: '0',
      costsSource: 'assumed', scoredAt: expect.any(String),
    });
    expect(await eventsOf()).toEqual([{ actor: 'system', data: { right: 1, wrong: 0, unscored: 0 } }]);
    expect((await t.http<Prediction>('GET', `/predictions/latest?symbol=${symbol}`)).body.score).toMatchObject({ outcome: 'right' });
  });

  it('is not scored before it, nor without a horizon', async () => {
    await candle(3_540, 'M1', '101');
    const now = new Date();
    const ahead = await predict({ timestamp: now.toISOString(), horizonSeconds: 600 });
    const without = await predict({ horizonSeconds: null });
    await scores();
    expect([await scoreOf(ahead), await scoreOf(without)]).toEqual([null, null]);
    expect(await stats()).toMatchObject({ predictions: 2, scored: 0, waiting: 1, unscored: 1 });
  });

  it.each([
    ['long', '100.2', 'wrong'], ['long', '100.200000000000000001', 'right'], ['short', '99.8', 'wrong'], ['short', '99.799999999999999999', 'right'],
    ['hold', '100.2', 'right'], ['hold', '99.799999999999999999', 'wrong'],
  ])('of %s that ends at %s is %s at a spread of 0.2', async (direction, close, outcome) => {
    await candle(3_540, 'M1', close);
    await quote('100.1', '100.3', 3_605);
    const id = await predict({ direction });
    await scores();
    expect(await scoreOf(id)).toMatchObject({ outcome, endPrice: close, endSource: 'candle', costs: '0.2', costsSource: 'spread' });
  });

  it("is scored by the middle of the account's own quote where no candle is nearer", async () => {
    const other = await t.agent();
    await other.http('POST', '/quotes', { body: { items: [{ symbol, bid: '1', ask: '1', quotedAt: at(3_600) }] } });
    await candle(3_300, 'M10', '103');
    await quote('101', '102', 3_630);
    const id = await predict();
    await scores();
    expect(await scoreOf(id)).toMatchObject({ endPrice: '101.5', endAt: at(3_630), endSource: 'quote', costs: '1', costsSource: 'spread' });
  });

  it('prefers the price nearest in time, and of two at the same moment the shorter candle', async () => {
    await candle(0, 'H1', '105');
    await candle(3_300, 'M5', '104');
    await candle(3_600, 'M1', '103');
    const id = await predict();
    await scores();
    expect(await scoreOf(id)).toMatchObject({ endPrice: '104', endAt: at(3_600) });
    const between = await predict({ timestamp: at(10) });
    await scores();
    expect(await scoreOf(between)).toMatchObject({ endPrice: '100', endAt: at(3_600) });
    await candle(7_200, 'M2', '107');
    const middle = await predict({ timestamp: at(3_660) });
    await scores();
    expect(await scoreOf(middle)).toMatchObject({ endPrice: '100', endAt: at(7_200) });
    const nearEnd = await predict({ timestamp: at(50) });
    await scores();
    expect(await scoreOf(nearEnd)).toMatchObject({ endPrice: '103', endAt: at(3_660) });
  });

  it('takes no price that lies farther away than half its horizon', async () => {
    await quote('101', '101', 1_831);
    const id = await predict({ horizonSeconds: 60, timestamp: at(1_740) });
    await scores();
    expect(await scoreOf(id)).toBeNull();
    await quote('102', '102', 1_832);
    const other = await predict({ horizonSeconds: 64, timestamp: at(1_736) });
    await scores();
    expect(await scoreOf(other)).toMatchObject({ endPrice: '102' });
  });

  it('takes no price from a candle that was still forming when it was seen', async () => {
    await candle(3_060, 'M10', '103', { capturedAt: at(3_590) });
    const id = await predict();
    await scores();
    expect(await scoreOf(id)).toBeNull();
    await candle(3_060, 'M10', '104', { capturedAt: at(3_660) });
    await t.db.advance(61);
    await scores();
    expect(await scoreOf(id)).toMatchObject({ endPrice: '104', endAt: at(3_660) });
  });

  it('begins with the price of its own moment where it told none', async () => {
    await candle(-60, 'M1', '99');
    await candle(3_540, 'M1', '98');
    const id = await predict({ marketPrice: null, direction: 'short' });
    await scores();
    expect(await scoreOf(id)).toMatchObject({ outcome: 'right', startPrice: '99', startAt: at(0), startSource: 'candle', move: '-1' });
  });

  it('of a replay is scored by the time of the candles that it saw', async () => {
    const day = Date.parse('2019-06-03T10:00:00Z') - START;
    await candle(day / 1_000 + 3_540, 'M1', '90');
    await quote('200', '200', 3_600);
    const id = await predict({ sourceTime: new Date(START + day).toISOString(), direction: 'short' });
    await scores();
    expect(await scoreOf(id)).toMatchObject({ outcome: 'right', startAt: '2019-06-03T10:00:00.000Z', endPrice: '90', endAt: '2019-06-03T11:00:00.000Z', costsSource: 'assumed' });
  });

  it('keeps its score when the candle is corrected', async () => {
    await candle(3_300, 'M5', '101', { capturedAt: at(3_600) });
    const id = await predict();
    await scores();
    const before = await scoreOf(id);
    await t.db.query(`update snapshot_market set close = 50, revision = revision + 1 where symbol = $1`, [symbol]);
    await t.db.advance(8 * 86_400);
    await scores();
    expect(await scoreOf(id)).toEqual(before);
    await expect(t.db.query(`update prediction_scores set outcome = 'wrong' where prediction_id = $1`, [id])).rejects.toMatchObject({ code: '42501' });
    expect(await stats()).toMatchObject({ scored: 1, right: 1 });
  });
});

describe('a price that is not there', () => {
  it('is waited for: a candle of three days ago scores its prediction', async () => {
    const id = await predict();
    await scores();
    expect(await scoreOf(id)).toBeNull();
    await t.db.advance(3 * 86_400);
    await scores();
    await candle(3_540, 'M1', '101');
    await t.db.advance(6 * 3_600 + 1);
    await scores();
    expect(await scoreOf(id)).toMatchObject({ outcome: 'right' });
    expect(await eventsOf()).toHaveLength(1);
  });

  it('for seven days, and then no more, with the reason', async () => {
    const [end, start] = [await predict(), await predict({ marketPrice: null })];
    await scores();
    expect(await stats()).toMatchObject({ waiting: 2, unscored: 0 });
    await t.db.advance(7 * 86_400 - 60);
    await scores();
    expect(await scoreOf(end)).toBeNull();
    await t.db.advance(61);
    await scores();
    expect(await scoreOf(end)).toEqual({
      outcome: 'unscored', reason: 'NO_PRICE_AT_HORIZON', startPrice: null, startAt: null, startSource: null, endPrice: null, endAt: null, endSource: null, move: null, costs: null,
      costsSource: null, scoredAt: expect.any(String),
    });
    expect(await scoreOf(start)).toMatchObject({ outcome: 'unscored', reason: 'NO_PRICE_AT_START' });
    expect(await stats()).toMatchObject({ predictions: 2, scored: 0, waiting: 0, unscored: 2, accuracy: null, brierScore: null });
    expect(await eventsOf()).toEqual([{ actor: 'system', data: { right: 0, wrong: 0, unscored: 2 } }]);
    await candle(3_540, 'M1', '101');
    await t.db.advance(86_400);
    await scores();
    expect(await scoreOf(end)).toMatchObject({ outcome: 'unscored' });
  });

  it('does not keep others from being scored', async () => {
    await agent.http('POST', '/predictions/batch', { body: { items: Array.from({ length: 450 }, () => ({ model: 'm', symbol: 'NOWHERE', timestamp: at(0), horizonSeconds: 60, direction: 'long', confidence: '0.5' })) } });
    await candle(3_540, 'M1', '101');
    const id = await predict();
    await scores();
    expect(await scoreOf(id)).toMatchObject({ outcome: 'right' });
    expect(await stats()).toMatchObject({ predictions: 451, scored: 1, waiting: 450 });
  });
});

describe('many who score at once', () => {
  it('need not be told: a schedule does it', async () => {
    await candle(3_540, 'M1', '101');
    const id = await predict();
    await t.db.query(`update schedules set next_run_at = app_clock() where name = 'predictions.score'`);
    await t.app.get(Schedules).runDue();
    await scoreByHand(t, second);
    expect(await scoreOf(id)).toMatchObject({ outcome: 'right' });
  });

  it('score each prediction once: in the counts, in the statistics and in the events', async () => {
    await candle(3_540, 'M1', '101');
    const items = Array.from({ length: 900 }, (_, i) => ({
      model: `m${i % 3}`, symbol, timestamp: at(0), horizonSeconds: 3_600, direction: i % 3 === 0 ? 'long' : 'short', confidence: `0.${i % 10}`, marketPrice: '100',
    }));
    expect((await agent.http('POST', '/predictions/batch', { body: { items } })).status).toBe(201);
    await Promise.all([scores(), scores(second), scores(), scores(second)]);
    await scores();
    expect(await stats()).toMatchObject({ predictions: 900, scored: 900, right: 300, waiting: 0, accuracy: '0.333333333333333333' });
    const [counted] = await t.db.query('select sum(scored)::int as scored, sum(came_true)::int as came_true from prediction_calibrations where agent_id = $1', [agent.id]);
    expect(counted).toEqual({ scored: 900, came_true: 300 });
    const told = (await eventsOf()).map(({ data }) => data as { right: number; wrong: number });
    expect(told.reduce((sum, { right, wrong }) => ({ right: sum.right + right, wrong: sum.wrong + wrong }), { right: 0, wrong: 0 })).toEqual({ right: 300, wrong: 600 });
    // One for a batch, however the servers share them out.
    expect(told.length).toBeLessThan(100);
  });
});

describe('how far a confidence can be believed', () => {
  const many = async (count: number, more: Record<string, unknown>) => {
    const items = Array.from({ length: count }, () => ({ model: 'm', symbol, timestamp: at(0), horizonSeconds: 3_600, direction: 'long', confidence: '0.8', marketPrice: '100', ...more }));
    const answer = await agent.http('POST', '/predictions/batch', { body: { items } });
    if (answer.status !== 201) throw new Error(answer.text);
    await scores();
  };

  it('is not said of 99 scored predictions, and is of 100: of this agent, model, version and class of confidence', async () => {
    await candle(3_540, 'M1', '101');
    await many(66, { confidence: '0.8' });
    await many(33, { confidence: '0.899999999999999999', direction: 'short' });
    const early = await predict();
    expect((await shown(early)).calibratedProbability).toBeNull();
    await scores();
    expect((await shown(early)).calibratedProbability).toBe('0.67');
    const post = async (more: Record<string, unknown> = {}, by: TestAgent = agent) =>
      (await by.http<Prediction>('POST', '/predictions', { body: { model: 'm', symbol, timestamp: at(9_000), direction: 'hold', confidence: '0.85', ...more } })).body.calibratedProbability;
    expect(await post()).toBe('0.67');
    expect((await agent.http<Prediction>('GET', `/predictions/latest?symbol=${symbol}`)).body.calibratedProbability).toBe('0.67');
    expect([await post({ confidence: '0.9' }), await post({ confidence: '0.79' }), await post({ model: 'n' }), await post({ modelVersion: '1' }), await post({}, await t.agent())])
      .toEqual([null, null, null, null, null]);
  });

  it('stands in the statistics, exact, by tenths', async () => {
    await candle(3_540, 'M1', '101');
    await many(2, { confidence: '0.8' });
    await many(1, { confidence: '0.9', direction: 'short' });
    await many(1, { confidence: '1', direction: 'hold' });
    await many(1, { confidence: '0' });
    const { scored, right, accuracy, brierScore, calibration } = await stats();
    // (2 × 0.2² + 0.9² + 1² + 1²) ÷ 5
    expect({ scored, right, accuracy, brierScore }).toEqual({ scored: 5, right: 3, accuracy: '0.6', brierScore: '0.578' });
    expect(calibration.filter(({ count }) => count > 0)).toEqual([
      { from: '0', to: '0.1', count: 1, right: 1, averageConfidence: '0', accuracy: '1' },
      { from: '0.8', to: '0.9', count: 2, right: 2, averageConfidence: '0.8', accuracy: '1' },
      { from: '0.9', to: '1', count: 2, right: 0, averageConfidence: '0.95', accuracy: '0' },
    ]);
    expect(calibration).toHaveLength(10);
  });
});
