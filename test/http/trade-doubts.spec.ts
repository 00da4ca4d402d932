import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';

interface Trade { id: string; doubts?: { code: string; path: string; message: string }[]; repeated?: true }

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

let counter = 0;
const tell = (more: Record<string, unknown>) => agent.http<Trade>('POST', '/trades', {
  body: { clientOrderId: `c${++counter}`, symbol: 'INFY', direction: 'long', lotSize: '1', entryPrice: '0.4', entryTime: new Date(Date.now() - 5_000).toISOString(), ...more },
});
const instrument = (symbol: string, kind: string, more: Record<string, unknown> = {}) => agent.http('POST', '/instruments', {
  body: { symbol, brokerSymbol: symbol, kind, sizeUnit: 'contract', contractSize: '1', tickSize: '0.01', tickValue: '0.01', minSize: '1', sizeStep: '1', quoteCurrency: 'USD', ...more },
});
const incidents = () => t.db.query<{ summary: string; occurrences: number }>(`select summary, occurrences from incidents where kind = 'TRADE_DOUBTFUL' and subject_id = $1`, [agent.id]);

it.each([
  ['an unknown product', { exchange: 'NSE', product: 'XYZ' }, 'PRODUCT_UNKNOWN', 'product'],
  ['a short in CNC', { exchange: 'NSE', product: 'CNC', direction: 'short' }, 'PRODUCT_CNC_SHORT', 'direction'],
  ['an outcome of a pair of currencies', { symbol: 'EURUSD', outcome: 'yes' }, 'OUTCOME_UNEXPECTED', 'outcome'],
  ['an outcome of what is listed as a share', { symbol: 'ACME', outcome: 'no' }, 'OUTCOME_UNEXPECTED', 'outcome'],
  ['a binary contract without its side', { symbol: 'KXONE' }, 'OUTCOME_MISSING', 'outcome'],
  ['a binary contract above 1', { symbol: 'KXONE', outcome: 'yes', entryPrice: '1.4' }, 'PRICE_INVALID', 'entryPrice'],
])('keeps %s as it was told, says what is wrong with it, and calls a person once', async (_what, told, code, path) => {
  await instrument('ACME', 'stock');
  await instrument('KXONE', 'binary');
  const first = await tell(told);
  expect([first.status, first.body]).toMatchObject([201, { ...told, doubts: [{ code, path }] }]);
  await tell(told);
  expect(await incidents()).toEqual([{ summary: expect.stringContaining(`${path}: ${first.body.doubts?.[0]?.message}`), occurrences: 2 }]);
  expect((await t.http('GET', `/trades/${first.body.id}`)).body).toMatchObject({ ...told, status: 'open' });
});

it('has no doubts of what may be', async () => {
  await instrument('KXONE', 'binary');
  const fine = [{ symbol: 'KXONE', outcome: 'no' }, { exchange: 'NSE', product: 'MIS', direction: 'short' }, { exchange: 'NSE', product: 'CNC' }, { symbol: 'EURUSD' }, { symbol: 'UNLISTED-EVENT', outcome: 'yes' }];
  for (const told of fine) expect([told, (await tell(told)).body.doubts]).toEqual([told, undefined]);
  expect(await incidents()).toEqual([]);
});
