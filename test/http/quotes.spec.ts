import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Client, clientOf } from '../support/http.js';

interface Quote { accountId: string; symbol: string; bid: string; ask: string; quotedAt: string; receivedAt: string }
interface Page { items: Quote[]; nextCursor: string | null }
interface Taken { items: { symbol: string; stored: boolean }[] }
interface Refusal { code: string; errors?: { path: string; message: string }[] }

let t: TestApp;
let second: TestApp;
let agent: TestAgent;
let account: string;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
});
beforeEach(async () => {
  agent = await t.agent();
  account = await accountOf(agent);
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const START = Date.parse('2026-01-05T10:00:00Z');
const at = (second_: number) => new Date(START + second_ * 1_000).toISOString();
const accountOf = async ({ id }: TestAgent) => String((await t.db.query('select account_id from agents where id = $1', [id]))[0]?.['account_id']);
const quote = (more: Record<string, unknown> = {}) => ({ symbol: 'EURUSD', bid: '1.1', ask: '1.1001', quotedAt: at(0), ...more });
const post = async (items: object[], http: Client = agent.http, more: object = {}) => {
  const answer = await http<Taken>('POST', '/quotes', { body: { items, ...more } });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body.items;
};
const list = async (query = '', http: Client = agent.http): Promise<Page> => {
  const answer = await http<Page>('GET', `/quotes?${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
};

describe('a quote', () => {
  it('is the last of its account and symbol, exact to the last digit', async () => {
    expect(await post([quote({ bid: 1.1, ask: '1.100000000000000001' }), quote({ symbol: 'XAUUSD', quotedAt: START })])).toEqual([{ symbol: 'EURUSD', stored: true }, { symbol: 'XAUUSD', stored: true }]);
    await post([quote({ bid: '1.2', ask: '1.2', quotedAt: at(1) })]);
    expect((await list()).items).toEqual([
      { accountId: account, symbol: 'XAUUSD', bid: '1.1', ask: '1.1001', quotedAt: at(0), receivedAt: expect.any(String) },
      { accountId: account, symbol: 'EURUSD', bid: '1.2', ask: '1.2', quotedAt: at(1), receivedAt: expect.any(String) },
    ]);
  });

  it('that is older, or of the same moment, changes nothing, and the answer says so', async () => {
    await post([quote({ quotedAt: at(5) })]);
    expect(await post([quote({ bid: '1', quotedAt: at(4) }), quote({ bid: '1', quotedAt: at(5) })])).toEqual([{ symbol: 'EURUSD', stored: false }, { symbol: 'EURUSD', stored: false }]);
    expect((await list()).items).toEqual([expect.objectContaining({ bid: '1.1', quotedAt: at(5) })]);
  });

  it('of one symbol several times in a request ends with the newest, in whatever order', async () => {
    for (const times of [[3, 1, 2], [6, 7, 5]]) await post(times.map((time) => quote({ bid: `1.0${time}`, quotedAt: at(time) })));
    expect((await list()).items).toEqual([expect.objectContaining({ bid: '1.07', quotedAt: at(7) })]);
  });

  it('takes the place of one that lies far ahead of the clock, which was set back', async () => {
    await post([quote()]);
    await t.db.query(`update quotes set quoted_at = app_clock() + interval '1 hour' where account_id = $1`, [account]);
    expect(await post([quote()])).toEqual([{ symbol: 'EURUSD', stored: true }]);
  });

  it('is no event', async () => {
    const before = await t.db.query('select count(*)::int as n from events');
    await post([quote()]);
    expect(await t.db.query('select count(*)::int as n from events')).toEqual(before);
  });

  it('of two agents of one account, in many requests at once on two servers, ends with the newest', async () => {
    const colleague = await t.agent({ account: agent.name });
    expect(await accountOf(colleague)).toBe(account);
    const askers = [agent.http, colleague.http, clientOf(second.base, agent.apiKey), clientOf(second.base, colleague.apiKey)];
    const symbols = ['A', 'B', 'C', 'D', 'E'];
    const sent = Array.from({ length: 60 }, (_, i) => post((i % 2 ? symbols : [...symbols].reverse()).map((symbol) => quote({ symbol, bid: '1', ask: String(i + 1), quotedAt: at((i * 37) % 60) })), askers[i % 4]));
    const answers = (await Promise.all(sent)).flat();
    const newest = Array.from({ length: 60 }, (_, i) => i).find((i) => (i * 37) % 60 === 59) ?? -1;
    const { items } = await list(`accountId=${account}`, t.http);
    expect(items.map(({ symbol }) => symbol).sort()).toEqual(symbols);
    for (const item of items) expect(item).toMatchObject({ ask: String(newest + 1), quotedAt: at(59) });
    expect(answers).toHaveLength(300);
    for (const symbol of symbols) expect(answers.filter((each) => each.symbol === symbol && each.stored).length).toBeGreaterThanOrEqual(1);
  });
});

describe('what quotes may not say', () => {
  it.each<[string, object, string]>([
    ['a bid above the ask', quote({ bid: '1.100100000000000001' }), 'items.1.ask'],
    ['a bid of 0', quote({ bid: 0 }), 'items.1.bid'],
    ['NaN', quote({ ask: 'NaN' }), 'items.1.ask'],
    ['no time', quote({ quotedAt: undefined }), 'items.1.quotedAt'],
    ['a time without a zone', quote({ quotedAt: '2026-01-05T10:00:00' }), 'items.1.quotedAt'],
    ['no symbol', quote({ symbol: ' ' }), 'items.1.symbol'],
    ['a field that nobody knows', quote({ last: '1.1' }), 'items.1.last'],
  ])('%s: none of them is stored', async (_name, wrong, path) => {
    const answer = await agent.http<Refusal>('POST', '/quotes', { body: { items: [quote(), wrong] } });
    expect([answer.status, answer.body.code, answer.body.errors?.map((error) => error.path)]).toEqual([400, 'VALIDATION_FAILED', [path]]);
    expect((await list()).items).toEqual([]);
  });

  it('a time more than 120 s ahead', async () => {
    const answer = await agent.http<Refusal>('POST', '/quotes', { body: { items: [quote({ quotedAt: new Date(Date.now() + 180_000).toISOString() })] } });
    expect([answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([400, 'TIME_IN_FUTURE', 'items.0.quotedAt']);
  });

  it.each([0, 1_001])('%s at once', async (length) => {
    const answer = await agent.http<Refusal>('POST', '/quotes', { body: { items: Array.from({ length }, () => quote()) } });
    expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, 'items']);
  });

  it('but a thousand symbols at once are fine, and are read in pages without gap or repeat', async () => {
    const symbols = Array.from({ length: 1_000 }, (_, i) => `S${i}`);
    expect((await post(symbols.map((symbol) => quote({ symbol })))).filter(({ stored }) => stored)).toHaveLength(1_000);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Page = await list(`limit=300${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...page.items.map(({ symbol }) => symbol));
      cursor = page.nextCursor;
    }
    expect(seen.sort()).toEqual([...symbols].sort());
  });
});

describe('whose quotes they are', () => {
  it("an agent's own account's: another is refused by name, to tell and to read", async () => {
    const other = await t.agent();
    const theirs = await accountOf(other);
    const told = await agent.http<Refusal>('POST', '/quotes', { body: { accountId: theirs, items: [quote()] } });
    expect([told.status, told.body.code]).toEqual([403, 'NOT_YOUR_ACCOUNT']);
    expect((await list('', other.http)).items).toEqual([]);
    expect(await post([quote()], agent.http, { accountId: account })).toEqual([{ symbol: 'EURUSD', stored: true }]);
    const read = await agent.http<Refusal>('GET', `/quotes?accountId=${theirs}`);
    expect([read.status, read.body.code]).toEqual([403, 'NOT_YOUR_ACCOUNT']);
    expect((await list('symbol=EURUSD')).items.map(({ accountId }) => accountId)).toEqual([account]);
  });

  it('a person names the account; viewers read', async () => {
    const operator = clientOf(t.base, await t.person('operator'));
    const nameless = await operator<Refusal>('POST', '/quotes', { body: { items: [quote()] } });
    expect([nameless.status, nameless.body.code, nameless.body.errors?.[0]?.path]).toEqual([400, 'ACCOUNT_REQUIRED', 'accountId']);
    const unknown = await operator<Refusal>('POST', '/quotes', { body: { accountId: '019a0000-0000-7000-8000-00000000dead', items: [quote()] } });
    expect([unknown.status, unknown.body.code]).toEqual([404, 'NOT_FOUND']);
    expect(await post([quote({ symbol: 'BYHAND' })], operator, { accountId: account })).toEqual([{ symbol: 'BYHAND', stored: true }]);
    const viewer = clientOf(t.base, await t.person('viewer'));
    expect((await viewer('POST', '/quotes', { body: { accountId: account, items: [quote()] } })).status).toBe(403);
    expect((await list('symbol=BYHAND', viewer)).items).toEqual([expect.objectContaining({ accountId: account })]);
    expect((await list(`accountId=${account}&symbol=NONE`, viewer)).items).toEqual([]);
  });

  it.each([['accountId=1', 'accountId'], ['symbol=%27', 'symbol'], ['limit=0', 'limit'], ['cursor=abc', 'cursor'], ['agentId=x', 'agentId']])('refuses ?%s with 400', async (query, path) => {
    const answer = await t.http<Refusal>('GET', `/quotes?${query}`);
    expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, path]);
  });
});

describe('the table of quotes', () => {
  it.each([['a bid above the ask', `bid = ask + 1`], ['NaN', `ask = 'NaN'`], ['a price of 0', 'bid = 0']])('keeps out %s', async (_name, change) => {
    await post([quote()]);
    await expect(t.db.query(`update quotes set ${change} where account_id = $1`, [account])).rejects.toMatchObject({ code: '23514' });
  });
});
