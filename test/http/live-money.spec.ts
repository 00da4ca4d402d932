import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Decision, LONG, limitAll, quote, trader } from '../support/ideas.js';

let t: TestApp;
let live: TestAgent;
const headers = { 'x-instance-id': 'one' };
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());
beforeEach(async () => {
  await limitAll(t, { maxGrossExposureAmount: '100000' });
  const name = `live ${randomUUID()}`;
  await t.http('POST', '/accounts', { body: { name, kind: 'live', currency: 'EUR', marginMode: 'hedging' } });
  live = await t.agent({ account: name, mode: 'live' });
});

const sendQuote = async (symbol: string, bid: string, ask: string) =>
  expect((await live.http('POST', '/quotes', { headers, body: { items: [{ symbol, bid, ask, quotedAt: new Date().toISOString() }] } })).status).toBe(200);

describe('what live money is converted with', () => {
  const grossOf = async () => {
    const { body } = await live.http<Decision>('POST', '/risk/check', { headers, body: { ...LONG, symbol: 'GBPJPY', lotSize: '1', stopLoss: '189', takeProfit: '195' } });
    return body.rules.find(({ rule }) => rule === 'gross_exposure');
  };
  beforeEach(async () => {
    await live.http('POST', '/instruments', { headers, body: {
      symbol: 'GBPJPY', brokerSymbol: 'GBPJPY', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.001', tickValue: '100', tickValueCurrency: 'JPY', minSize: '0.01', sizeStep: '0.01',
      baseCurrency: 'GBP', quoteCurrency: 'JPY',
    } });
    await sendQuote('GBPJPY', '190', '190.01');
  });

  it('is never what a replay quotes on another account: without a rate it is refused', async () => {
    const replay = await trader(t, { mode: 'simulation' });
    await quote(replay, '5000', '5001', 'EURJPY');
    await quote(replay, '1.1', '1.1002', 'EURUSD');
    expect(await grossOf()).toMatchObject({ outcome: 'rejected', reasons: [{ code: 'RATE_MISSING' }] });
  });

  it('is what its own account quotes', async () => {
    await sendQuote('EURJPY', '165', '165.01');
    await sendQuote('EURUSD', '1.1', '1.1002');
    expect(await grossOf()).toMatchObject({ outcome: 'rejected', reasons: [{ code: 'EXPOSURE_GROSS' }] });
  });
});
