import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Client } from '../support/http.js';

interface Figures {
  predictions: number; byDirection: Record<string, number>; averageConfidence: string | null; minConfidence: string | null; maxConfidence: string | null;
  shouldTrade: number; usedByAgent: number; traded: number; executionRate: string | null; scored: number; right: number; accuracy: string | null;
  brierScore: string | null; waiting: number; unscored: number;
}
interface Statistics extends Figures { calibration: unknown[]; models: (Figures & { model: string; modelVersion: string | null })[]; modelsTotal: number }
interface Refusal { code: string; errors?: { path: string; message: string }[] }

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

const START = Date.parse('2026-01-05T10:00:00Z');
const at = (minute: number) => new Date(START + minute * 60_000).toISOString();
const predict = async (more: Record<string, unknown> = {}, by: TestAgent = agent): Promise<string> => {
  const made = await by.http<{ id: string }>('POST', '/predictions', { body: { model: 'm', symbol: 'EURUSD', timestamp: at(0), direction: 'long', confidence: '0.5', ...more } });
  if (made.status !== 201) throw new Error(made.text);
  return made.body.id;
};
let orders = 0;
const trade = async (predictionId: string) => {
  const made = await agent.http<{ id: string }>('POST', '/trades', { body: { clientOrderId: `p-${++orders}`, symbol: 'EURUSD', direction: 'long', lotSize: '1', predictionId } });
  if (made.status !== 201) throw new Error(made.text);
  return made.body.id;
};
const stats = async (query: string, http: Client = t.http): Promise<Statistics> => {
  const answer = await http<Statistics>('GET', `/predictions/stats?${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
};

const NOTHING = {
  predictions: 0, byDirection: { long: 0, short: 0, hold: 0 }, averageConfidence: null, minConfidence: null, maxConfidence: null, shouldTrade: 0, usedByAgent: 0,
  traded: 0, executionRate: null, scored: 0, right: 0, accuracy: null, brierScore: null, waiting: 0, unscored: 0,
};
const NO_SCORES = { scored: 0, right: 0, accuracy: null, brierScore: null, waiting: 0 };
const TENTHS = ['0', '0.1', '0.2', '0.3', '0.4', '0.5', '0.6', '0.7', '0.8', '0.9', '1'];
const UNCALIBRATED = TENTHS.slice(0, 10).map((from, n) => ({ from, to: TENTHS[n + 1], count: 0, right: 0, averageConfidence: null, accuracy: null }));

describe('the statistics of predictions', () => {
  it('are right to the last digit, overall and by model and version, the most used first', async () => {
    await predict({ model: 'a', modelVersion: '1', confidence: '0.9', usedByAgent: true });
    await predict({ model: 'a', modelVersion: '1', confidence: '0.7', direction: 'short' });
    const traded = await predict({ model: 'a', modelVersion: '1', confidence: '0.100000000000000001', direction: 'hold' });
    const twice = await predict({ model: 'a', modelVersion: '2', confidence: '0.8' });
    await predict({ model: 'a', confidence: '1', direction: 'hold' });
    await predict({ model: 'b', modelVersion: '1', confidence: '0', usedByAgent: true });
    await trade(traded);
    await trade(twice);
    const rejected = await trade(twice);
    await agent.http('POST', `/trades/${rejected}/transitions`, { body: { to: 'rejected', version: 1 } });

    expect(await stats(`agentId=${agent.id}`)).toEqual({
      predictions: 6, byDirection: { long: 3, short: 1, hold: 2 }, averageConfidence: '0.583333333333333334', minConfidence: '0', maxConfidence: '1',
      shouldTrade: 3, usedByAgent: 2, traded: 2, executionRate: '0.333333333333333333', modelsTotal: 4, ...NO_SCORES, unscored: 6, calibration: UNCALIBRATED,
      models: [
        {
          model: 'a', modelVersion: '1', predictions: 3, byDirection: { long: 1, short: 1, hold: 1 }, averageConfidence: '0.566666666666666667',
          minConfidence: '0.100000000000000001', maxConfidence: '0.9', shouldTrade: 2, usedByAgent: 1, traded: 1, executionRate: '0.333333333333333333', ...NO_SCORES, unscored: 3,
        },
        { ...NOTHING, model: 'a', modelVersion: null, predictions: 1, byDirection: { long: 0, short: 0, hold: 1 }, averageConfidence: '1', minConfidence: '1', maxConfidence: '1', executionRate: '0', unscored: 1 },
        { ...NOTHING, model: 'a', modelVersion: '2', predictions: 1, byDirection: { long: 1, short: 0, hold: 0 }, averageConfidence: '0.8', minConfidence: '0.8', maxConfidence: '0.8', shouldTrade: 1, traded: 1, executionRate: '1', unscored: 1 },
        { ...NOTHING, model: 'b', modelVersion: '1', predictions: 1, byDirection: { long: 1, short: 0, hold: 0 }, averageConfidence: '0', minConfidence: '0', maxConfidence: '0', usedByAgent: 1, executionRate: '0', unscored: 1 },
      ],
    });
  });

  it('count zero and say null where there is nothing', async () => {
    expect(await stats(`agentId=${agent.id}`)).toEqual({ ...NOTHING, calibration: UNCALIBRATED, models: [], modelsTotal: 0 });
    expect(await stats(`agentId=${crypto.randomUUID()}`)).toEqual({ ...NOTHING, calibration: UNCALIBRATED, models: [], modelsTotal: 0 });
  });

  it('also count predictions without a price, which one of the originals never showed', async () => {
    await predict({ marketPrice: null });
    await predict({ marketPrice: '1.1' });
    expect(await stats(`agentId=${agent.id}`)).toMatchObject({ predictions: 2 });
  });

  it('end after 500 models, and say that there are more', async () => {
    const items = Array.from({ length: 502 }, (_, i) => ({ model: 'm', modelVersion: `v${i}`, symbol: 'EURUSD', timestamp: at(0), direction: 'long', confidence: '0.5' }));
    expect((await agent.http('POST', '/predictions/batch', { body: { items } })).status).toBe(201);
    await predict({ model: 'last', modelVersion: null });
    await predict({ model: 'last', modelVersion: null });
    const { predictions, models, modelsTotal } = await stats(`agentId=${agent.id}`);
    expect([predictions, models.length, modelsTotal, models[0]?.model]).toEqual([504, 500, 503, 'last']);
  });

  it('are of what the filters leave; the time is the prediction\'s own, with its beginning and without its end', async () => {
    await predict({ timestamp: at(1) });
    await predict({ timestamp: at(2), symbol: 'XAUUSD' });
    await predict({ timestamp: at(3), model: 'n' });
    await predict({ timestamp: at(4), model: 'n', modelVersion: '2', symbol: 'XAUUSD' });
    const count = async (query: string) => {
      const { predictions, models } = await stats(`agentId=${agent.id}&${query}`);
      expect(models.reduce((sum, each) => sum + each.predictions, 0)).toBe(predictions);
      return predictions;
    };
    expect(await count('')).toBe(4);
    expect(await count('symbol=XAUUSD')).toBe(2);
    expect(await count('model=n')).toBe(2);
    expect(await count('modelVersion=2')).toBe(1);
    expect(await count('model=m&modelVersion=2')).toBe(0);
    expect(await count(`from=${at(2)}&to=${at(4)}`)).toBe(2);
    expect(await count(`from=${START + 240_000}&symbol=XAUUSD&model=n&modelVersion=2`)).toBe(1);
    expect((await stats('')).predictions).toBe(Number((await t.db.query('select count(*) from predictions'))[0]?.['count']));
  });

  it.each([['agentId=1', 'agentId'], ['symbol=%27', 'symbol'], ['model=', 'model'], ['from=today', 'from'], ['direction=long', 'direction'], ['limit=5', 'limit']])('refuse ?%s with 400', async (query, path) => {
    const answer = await t.http<Refusal>('GET', `/predictions/stats?${query}`);
    expect([answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([400, 'VALIDATION_FAILED', path]);
  });

  it('are shown to nobody without credentials, to every person, and to an agent of its own', async () => {
    await predict({}, await t.agent());
    await predict();
    expect((await t.http('GET', '/predictions/stats', { token: null })).status).toBe(401);
    expect((await t.http('GET', '/predictions/stats', { token: await t.person('viewer') })).status).toBe(200);
    expect(await stats('', agent.http)).toMatchObject({ predictions: 1, modelsTotal: 1 });
    const foreign = await agent.http<Refusal>('GET', `/predictions/stats?agentId=${(await t.agent()).id}`);
    expect([foreign.status, foreign.body.code]).toEqual([403, 'NOT_YOUR_AGENT']);
  });
});
