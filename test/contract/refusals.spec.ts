import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import type { Document } from '../support/census.js';
import type { Ask } from '../support/http.js';

const NOBODY = randomUUID();
const NOW = new Date().toISOString();
const IDEA = { symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1', stopLoss: '1.09', takeProfit: ['1.13'], rationale: 'r', confidence: '0.9' };
const TERMS = { symbol: 'EURUSD', kind: 'fx', sizeUnit: 'lots', contractSize: '100000', tickSize: '0.00001', tickValue: '1', minSize: '0.01', sizeStep: '0.01', baseCurrency: 'EUR', quoteCurrency: 'USD' };

let t: TestApp;
let agent: TestAgent;
let document: Document;
beforeAll(async () => {
  t = await startTestApp();
  agent = await t.agent();
  document = (await t.http<Document>('GET', '/api/docs-json')).body;
});
afterAll(() => t.close());

/** The statuses that the document names for a route. */
const documented = (method: string, route: string) => Object.keys(document.paths[route]?.[method.toLowerCase()]?.responses ?? {}).map(Number);

async function expectAnswer(status: number, as: 'person' | 'agent', method: string, path: string, ask: Ask = {}): Promise<void> {
  const answer = await (as === 'agent' ? agent.http : t.http)<{ code?: string }>(method, path, ask);
  expect([path, answer.status, answer.body.code]).toEqual([path, status, expect.anything()]);
  const route = `/api/v1${path.replace(/\?.*$/, '').replace('/me/', '/{agentId}/')}`;
  expect([route, documented(method, route)]).toEqual([route, expect.arrayContaining([status])]);
}

describe('what the OpenAPI document says of refusals', () => {
  it.each<['person' | 'agent', string, string, object | null]>([
    ['person', 'GET', `/limits/effective?agentId=${NOBODY}`, null],
    ['person', 'GET', '/positions?account=nobody', null],
    ['person', 'GET', '/positions/orders?account=nobody', null],
    ['person', 'GET', '/predictions/latest?symbol=EURUSD', null],
    ['person', 'GET', '/reports/curve-marks?account=nobody&mode=paper', null],
    ['person', 'GET', '/reports/performance?account=nobody', null],
    ['person', 'GET', `/trades/equity-curve?agentId=${NOBODY}`, null],
    ['person', 'POST', '/instruments', { ...TERMS, accountId: NOBODY }],
    ['person', 'POST', '/instruments/batch', { accountId: NOBODY, items: [TERMS] }],
    ['person', 'POST', '/kill-switch', { scope: { type: 'account', id: 'nobody' }, mode: 'halt', reason: 'r' }],
    ['person', 'POST', '/quotes', { accountId: NOBODY, items: [{ symbol: 'EURUSD', bid: '1.1', ask: '1.2', quotedAt: NOW }] }],
    ['agent', 'POST', '/explanations', { kind: 'skip', explanation: 'e', predictionId: NOBODY }],
    ['agent', 'POST', '/risk/check', { ...IDEA, predictionId: NOBODY }],
    ['agent', 'POST', '/trade-ideas', { ...IDEA, predictionId: NOBODY }],
    ['agent', 'POST', '/trades', { clientOrderId: 'a', symbol: 'EURUSD', direction: 'long', lotSize: '0.1', predictionId: NOBODY }],
    ['agent', 'POST', '/trades/marks/batch', { items: [{ tradeId: NOBODY, bid: '1.1', ask: '1.2', quotedAt: NOW }] }],
  ])('what a body or query names may not be there: %s %s %s', async (as, method, path, body) => {
    await expectAnswer(404, as, method, path, body === null ? {} : { body });
  });

  it('a number of a sync that was used for another one', async () => {
    expect((await agent.http('POST', '/agents/me/sync', { body: { syncSeq: 1 } })).status).toBe(200);
    await expectAnswer(422, 'agent', 'POST', '/agents/me/sync', { body: { syncSeq: 1, quotes: [{ symbol: 'EURUSD', bid: '1.1', ask: '1.2', quotedAt: NOW }] } });
  });

  it('a parameter where none is asked for', async () => {
    await expectAnswer(400, 'person', 'GET', '/overview?limit=2');
  });
});

describe('what the OpenAPI document says of repetitions', () => {
  it.each<['person' | 'agent', string, () => [string, object]]>([
    ['person', '/api/v1/accounts/{accountId}/cash-flows', () => [`/accounts/${agent.accountId}/cash-flows`, { amount: '10', kind: 'deposit', brokerDealId: 'd1', at: NOW }]],
    ['agent', '/api/v1/instruments', () => ['/instruments', TERMS]],
    ['agent', '/api/v1/instruments/batch', () => ['/instruments/batch', { items: [{ ...TERMS, symbol: 'GBPUSD', baseCurrency: 'GBP' }] }]],
  ])('200 with the first: %s %s', async (as, route, ask) => {
    const [path, body] = ask();
    const http = as === 'agent' ? agent.http : t.http;
    expect([(await http('POST', path, { body })).status, (await http('POST', path, { body })).status]).toEqual([201, 200]);
    expect(documented('POST', route)).toEqual(expect.arrayContaining([200, 201]));
  });
});
