import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';

interface Sync { replayed: boolean; results: { element: string; clientRef: string | null; status: string; code?: string; detail?: string }[]; code: string }

let t: TestApp;
let second: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const START = Date.parse('2026-01-05T10:00:00Z');
const at = (seconds: number) => new Date(START + seconds * 1_000).toISOString();
const sync = (body: Record<string, unknown>, by: TestAgent = agent, app: TestApp = t) =>
  app.http<Sync>('POST', '/agents/me/sync', { token: by.apiKey, body, headers: { 'x-instance-id': 'one' } });
const quote = (more: Record<string, unknown> = {}) => ({ symbol: 'EURUSD', bid: '1.1', ask: '1.1001', quotedAt: at(0), ...more });
const bids = async () => Object.fromEntries((await t.db.query('select q.symbol, q.bid::text from quotes q join agents a using (account_id) where a.id = $1', [agent.id])).map(({ symbol, bid }) => [symbol, bid]));

describe('quotes in a sync', () => {
  it('are the last ones of the account, as those that come by themselves', async () => {
    const { status, body } = await sync({ syncSeq: 1, quotes: [quote({ clientRef: 'q1', quotedAt: at(2) }), quote({ symbol: 'XAUUSD#', bid: '2000.1', ask: 2000.5 }), quote({ bid: '1.05', quotedAt: at(1) })] });
    expect([status, body.results]).toEqual([200, [
      { element: 'quotes[0]', clientRef: 'q1', status: 'ok' }, { element: 'quotes[1]', clientRef: null, status: 'ok' }, { element: 'quotes[2]', clientRef: null, status: 'ok' },
    ]]);
    expect(await bids()).toEqual({ EURUSD: '1.1', 'XAUUSD#': '2000.1' });
    await sync({ syncSeq: 2, quotes: [quote({ bid: '1.09', quotedAt: at(3) })] });
    expect(await bids()).toEqual({ EURUSD: '1.09', 'XAUUSD#': '2000.1' });
  });

  it('fail each alone, and keep nothing else from being done', async () => {
    const { body } = await sync({
      syncSeq: 1, trades: [{ clientRef: 't', clientOrderId: 'a', symbol: 'EURUSD', direction: 'long', lotSize: '1' }],
      quotes: [quote({ clientRef: 'a', bid: '2' }), quote({ clientRef: 'b', quotedAt: undefined }), 7, quote({ clientRef: 'c', last: '1' }), quote({ clientRef: 'x'.repeat(33) }), quote({ clientRef: 'd', bid: 'NaN' }), quote({ clientRef: 'e', symbol: 'GOOD' })],
    });
    expect(body.results.map(({ element, clientRef, status, code }) => [element, clientRef, status, code])).toEqual([
      ['trades[0]', 't', 'ok', undefined], ['quotes[0]', 'a', 'refused', 'VALIDATION_FAILED'], ['quotes[1]', 'b', 'refused', 'VALIDATION_FAILED'], ['quotes[2]', null, 'refused', 'VALIDATION_FAILED'],
      ['quotes[3]', 'c', 'refused', 'VALIDATION_FAILED'], ['quotes[4]', null, 'refused', 'VALIDATION_FAILED'], ['quotes[5]', 'd', 'refused', 'VALIDATION_FAILED'], ['quotes[6]', 'e', 'ok', undefined],
    ]);
    expect(body.results[1]?.detail).toMatch(/^ask: lies below/);
    expect(await bids()).toEqual({ GOOD: '1.1' });
  });

  it('count among the elements that one sync may have', async () => {
    const answer = await sync({ syncSeq: 1, trades: [{}], acks: [{}], quotes: Array.from({ length: 23 }, () => quote()) });
    expect([answer.status, answer.body.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(await bids()).toEqual({});
  });

  it('need the scope of records', async () => {
    const { apiKey } = (await t.http<{ apiKey: string }>('POST', `/agents/${agent.id}/keys`, { body: { name: 'commands only', scopes: ['commands'] } })).body;
    expect(await t.http<Sync>('POST', '/agents/me/sync', { token: apiKey, body: { syncSeq: 1, quotes: [quote()] } })).toMatchObject({ status: 200, body: { results: [{ element: 'quotes[0]', status: 'refused', code: 'SCOPE_MISSING' }] } });
    expect(await bids()).toEqual({});
  });

  it('are not taken again when the sync is repeated, and belong to what its number stands for', async () => {
    const body = { syncSeq: 4, quotes: [quote({ clientRef: 'q' })] };
    const first = await sync(body);
    await t.db.query('delete from quotes where account_id = (select account_id from agents where id = $1)', [agent.id]);
    const again = await sync(body);
    expect(again.body).toMatchObject({ replayed: true, results: first.body.results });
    expect(await bids()).toEqual({});
    expect((await sync({ syncSeq: 4, quotes: [quote({ clientRef: 'q', bid: '1.05' })] })).body.code).toBe('SYNC_SEQ_REUSED');
    expect((await sync({ syncSeq: 4 })).body.code).toBe('SYNC_SEQ_REUSED');
  });

  it('are not taken by a sync that is refused', async () => {
    await sync({ syncSeq: 5 });
    expect((await sync({ syncSeq: 4, quotes: [quote()] })).status).toBe(409);
    expect(await bids()).toEqual({});
  });

  it('of many agents of one account, in any order, on two servers and beside others that come by themselves, end with the newest', async () => {
    const agents = [agent, ...(await Promise.all(Array.from({ length: 5 }, () => t.agent({ account: agent.name }))))];
    const symbols = Array.from({ length: 12 }, (_, n) => `S${n}`);
    const moments: number[] = [];
    const chain = async (by: TestAgent, a: number) => {
      for (let round = 0; round < 6; round++) {
        const moment = (round * 7 + a * 5) % 36;
        moments.push(moment);
        const items = (a % 2 === 0 ? symbols : [...symbols].reverse()).map((symbol) => quote({ symbol, bid: '1', ask: String(moment + 1), quotedAt: at(moment) }));
        const app = (a + round) % 2 === 0 ? t : second;
        const answer = round % 3 === 2 ? await app.http('POST', '/quotes', { token: by.apiKey, body: { items } }) : await sync({ syncSeq: round + 1, quotes: items }, by, app);
        expect([answer.status, answer.text]).toEqual([200, answer.text]);
      }
    };
    await Promise.all(agents.map(chain));
    const stored = await t.db.query('select distinct q.ask::int from quotes q join agents a using (account_id) where a.id = $1', [agent.id]);
    expect([moments.length, stored]).toEqual([36, [{ ask: Math.max(...moments) + 1 }]]);
  });
});
