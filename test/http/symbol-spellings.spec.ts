import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Client } from '../support/http.js';
import { scoreByHand, scoreDue } from '../support/scoring.js';

interface Named { id: string; symbol: string; brokerSymbol: string | null; exchange?: string | null }

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  await scoreByHand(t);
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

const START = Date.parse('2026-01-05T10:00:00Z');
const at = (minute: number) => new Date(START + minute * 60_000).toISOString();
const claim = (symbol: string, more: Record<string, unknown> = {}) => ({ model: 'm', symbol, timestamp: at(0), direction: 'long', confidence: '0.5', ...more });
const make = async (http: Client, path: string, body: Record<string, unknown>): Promise<Named> => {
  const answer = await http<Named>('POST', path, { body });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body;
};
const predict = (symbol: string, more: Record<string, unknown> = {}, by: TestAgent = agent) => make(by.http, '/predictions', claim(symbol, more));
let orders = 0;
const trade = (symbol: string, more: Record<string, unknown> = {}, by: TestAgent = agent) =>
  make(by.http, '/trades', { clientOrderId: `s-${++orders}`, symbol, direction: 'long', lotSize: '1', ...more });
const list = (symbol: string, brokerSymbol: string, more: Record<string, unknown> = {}, by: TestAgent = agent) => make(by.http, '/instruments', {
  symbol, brokerSymbol, kind: 'stock', sizeUnit: 'share', contractSize: '1', tickSize: '0.01', tickValue: '0.01', minSize: '1', sizeStep: '1', quoteCurrency: 'USD', ...more,
});
const found = async (path: string, symbol: string, more = '', http: Client = t.http) => {
  const answer = await http<{ items: Named[] }>('GET', `${path}?symbol=${encodeURIComponent(symbol)}${more}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body.items.map(({ id }) => id);
};

const SPELLINGS: [string, string, string | null][] = [
  ['EURUSD', 'EURUSD', null], ['EURUSD.m', 'EURUSD', 'EURUSD.m'], ['eur/usd', 'EURUSD', 'eur/usd'], ['XAUUSD#', 'XAUUSD', 'XAUUSD#'], ['M&M', 'M&M', null], ['ES1!', 'ES1!', null],
  ['BTC/USDT:USDT', 'BTC/USDT:USDT', null], ['^GSPC', '^GSPC', null], ['US30.cash', 'US30.cash', null],
];

describe('an instrument that no list knows', () => {
  it.each(SPELLINGS)('is told as %s and stands under %s', async (told, symbol, brokerSymbol) => {
    expect(await predict(told)).toMatchObject({ symbol, brokerSymbol });
    expect(await trade(told)).toMatchObject({ symbol, brokerSymbol });
    const key = { headers: { 'idempotency-key': `k-${told}` }, body: claim(told) };
    expect((await agent.http<Named>('POST', '/predictions', key)).body).toMatchObject({ symbol, brokerSymbol });
    expect((await agent.http<Named>('POST', '/predictions', key)).body).toMatchObject({ symbol, brokerSymbol });
  });

  it('stands under one symbol also in a batch, and in the events', async () => {
    const { body } = await agent.http<{ items: Named[] }>('POST', '/predictions/batch', { body: { items: SPELLINGS.map(([told]) => claim(told)) } });
    expect(body.items).toHaveLength(SPELLINGS.length);
    const rows = await t.db.query('select symbol, broker_symbol from predictions where agent_id = $1 order by seq', [agent.id]);
    expect(rows).toEqual(SPELLINGS.map(([, symbol, broker_symbol]) => ({ symbol, broker_symbol })));
    const { id } = await predict('EURUSD.m');
    expect(await t.db.query(`select data ->> 'symbol' as symbol from events where subject_id = $1`, [id])).toEqual([{ symbol: 'EURUSD' }]);
  });

  it('keeps the exchange that its name says, for a trade in a field of its own', async () => {
    expect(await trade('nse:infy')).toMatchObject({ symbol: 'INFY', exchange: 'NSE', brokerSymbol: 'nse:infy' });
    expect(await trade('INFY', { exchange: 'NSE' })).toMatchObject({ symbol: 'INFY', exchange: 'NSE', brokerSymbol: null });
    expect(await predict('nse:infy')).toMatchObject({ symbol: 'NSE:INFY', brokerSymbol: 'nse:infy' });
  });
});

describe("the account's own list of instruments", () => {
  it('decides what its broker calls so, for this account only', async () => {
    const other = await t.agent();
    await list('XAUUSD', 'GOLD');
    expect([await predict('GOLD'), await trade('GOLD')]).toEqual([expect.objectContaining({ symbol: 'XAUUSD', brokerSymbol: 'GOLD' }), expect.objectContaining({ symbol: 'XAUUSD', brokerSymbol: 'GOLD' })]);
    expect(await predict('GOLD', {}, other)).toMatchObject({ symbol: 'GOLD', brokerSymbol: null });
    const { body } = await agent.http<{ items: Named[] }>('POST', '/predictions/batch', { body: { items: [claim('GOLD')] } });
    expect(await t.db.query('select symbol, broker_symbol from predictions where id = $1', [body.items[0]?.id])).toEqual([{ symbol: 'XAUUSD', broker_symbol: 'GOLD' }]);
  });

  it('decides nothing where one name stands for two instruments', async () => {
    await list('INFY', 'INFY-EQ', { exchange: 'NSE' });
    await list('INFYB', 'INFY-EQ', { exchange: 'BSE' });
    expect(await predict('INFY-EQ')).toMatchObject({ symbol: 'INFY-EQ', brokerSymbol: null });
    expect(await trade('INFY-EQ', { exchange: 'BSE' })).toMatchObject({ symbol: 'INFYB', exchange: 'BSE', brokerSymbol: 'INFY-EQ' });
  });

  it('does not change what was told before it came, nor the repetition of a trade', async () => {
    const body = { clientOrderId: 'before', symbol: 'SILVER', direction: 'long', lotSize: '1' };
    const first = await agent.http<Named>('POST', '/trades', { body });
    await list('XAGUSD', 'SILVER');
    const again = await agent.http<Named & { repeated: boolean; differs?: string[] }>('POST', '/trades', { body });
    expect([first.status, again.status, again.body.symbol, again.body.repeated, again.body.differs]).toEqual([201, 200, 'SILVER', true, undefined]);
  });
});

describe('a filter by symbol', () => {
  it('finds an instrument under either spelling, newest first, in pages without gap or repeat', async () => {
    const [before, told] = [await predict('WHEAT', { timestamp: at(3) }), await predict('WHEAT', { timestamp: at(1) })];
    await list('ZW=F', 'WHEAT');
    const after = await predict('WHEAT', { timestamp: at(2) });
    const ids = [before.id, after.id, told.id];
    for (const http of [t.http, agent.http]) expect(await found('/predictions', 'WHEAT', `&agentId=${agent.id}`, http)).toEqual(ids);
    expect(await found('/predictions', 'WHEAT')).toEqual(ids);
    expect(await found('/predictions', 'ZW=F')).toEqual([after.id]);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: { body: { items: Named[]; nextCursor: string | null } } = await t.http('GET', `/predictions?symbol=WHEAT&limit=1${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...page.body.items.map(({ id }) => id));
      cursor = page.body.nextCursor;
    }
    expect(seen).toEqual(ids);
    expect((await t.http<Named>('GET', '/predictions/latest?symbol=WHEAT')).body.id).toBe(before.id);
    expect((await t.http<{ predictions: number }>('GET', '/predictions/stats?symbol=WHEAT')).body.predictions).toBe(3);
  });

  it('finds EURUSD by EURUSD.m, among trades too', async () => {
    const [plain, marked] = [await predict('EURUSD', { timestamp: at(1) }), await predict('EURUSD.m')];
    const trades = [await trade('EURUSD.pro'), await trade('EURUSD')].map(({ id }) => id).reverse();
    for (const symbol of ['EURUSD', 'EURUSD.m', 'eur/usd']) {
      expect(await found('/predictions', symbol, `&agentId=${agent.id}`)).toEqual([plain.id, marked.id]);
      expect(await found('/trades', symbol, `&agentId=${agent.id}`)).toEqual(trades);
    }
  });

  it('of a person finds what one account lists and what another calls so', async () => {
    const other = await t.agent();
    await list('OIL-USD', 'CRUDE');
    const [listed, named] = [await predict('CRUDE', { timestamp: at(1) }), await predict('CRUDE', {}, other)];
    expect(await found('/predictions', 'CRUDE')).toEqual([listed.id, named.id]);
    expect(await found('/predictions', 'CRUDE', '', other.http)).toEqual([named.id]);
  });
});

describe('a prediction that was told under a broker\'s name', () => {
  it('is scored by candles and quotes under any name that the account has for it', async () => {
    await list('COPPER-X', 'HGspot');
    const score = async (symbol: string) => {
      const { id } = await predict(symbol, { horizonSeconds: 3_600, marketPrice: '100' });
      await scoreDue(t);
      const [row] = await t.db.query('select outcome, end_source, costs::text from prediction_scores where prediction_id = $1', [id]);
      return row;
    };
    await agent.http('POST', '/snapshots/market', { body: { symbol: 'HGspot', timeframe: 'M1', openTime: at(59), open: '100', high: '102', low: '100', close: '101' } });
    await agent.http('POST', '/quotes', { body: { items: [{ symbol: 'HGspot', bid: '100', ask: '100.5', quotedAt: at(61) }] } });
    for (const symbol of ['HGspot', 'COPPER-X']) expect(await score(symbol)).toEqual({ outcome: 'right', end_source: 'candle', costs: '0.5' });
  });
});
