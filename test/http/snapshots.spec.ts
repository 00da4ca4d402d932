import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Client, clientOf } from '../support/http.js';

type Row = Record<string, unknown> & { id: string; revision: number; outcome: string; differs: string[]; agentId: string | null };
interface Page { items: Row[]; nextCursor: string | null }
interface Refusal { code: string; errors?: { path: string; message: string }[] }

let t: TestApp;
let second: TestApp;
let agent: TestAgent;
let made = 0;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
});
beforeEach(async () => {
  agent = await t.agent();
  made++;
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const START = Date.parse('2026-01-05T10:00:00Z');
const at = (minute: number) => new Date(START + minute * 60_000).toISOString();
/** Of each kind one that is another in each test, by the minute. */
const sample: Record<string, (minute?: number, more?: object) => Record<string, unknown>> = {
  indicators: (minute = 0, more = {}) => ({ symbol: `I${made}`, timeframe: 'H1', rsi14: '55.5', sma50: '1.1', sma200: '1.05', macd: { macd: '-0.001', signal: '0.002', hist: '-0.003' }, atr: '0.0012', capturedAt: at(minute), ...more }),
  calendar: (minute = 0, more = {}) => ({ eventTime: at(minute), currency: 'USD', impactLevel: 'high', title: `Payrolls ${made}`, previousValue: '215K', forecastValue: '<0.10%', actualValue: null, capturedAt: at(0), ...more }),
  news: (minute = 0, more = {}) => ({ headline: `Rates rise ${made}`, source: `Wire ${made}`, symbols: ['EURUSD', 'XAUUSD'], publishedAt: at(minute), capturedAt: at(minute), ...more }),
  account: (minute = 0, more = {}) => ({ balance: '1000.01', equity: '999.99', marginUsed: '10', marginFree: '989.99', openPl: '-0.02', openPositions: 1, capturedAt: at(minute), ...more }),
};
const KINDS = Object.keys(sample);
const of = (kind: string, minute = 0, more: object = {}) => sample[kind]?.(minute, more) ?? {};
const post = async (kind: string, body: object, http: Client = agent.http) => {
  const answer = await http<Row>('POST', `/snapshots/${kind}`, { body });
  if (answer.status !== 201 && answer.status !== 200) throw new Error(answer.text);
  return { ...answer.body, status: answer.status };
};
const list = async (kind: string, query = '', http: Client = t.http): Promise<Page> => {
  const answer = await http<Page>('GET', `/snapshots/${kind}?${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
};
/** What each kind is found by, so that tests do not see each other's. */
const mine = (kind: string) => ({ indicators: `symbol=I${made}`, calendar: `from=${at(-60)}&to=${at(100_000)}`, news: `source=Wire%20${made}`, account: `agentId=${agent.id}` })[kind] ?? '';
const own = async (kind: string, http: Client = t.http) => (await list(kind, `${mine(kind)}&limit=500`, http)).items.filter(({ title }) => title === undefined || title === `Payrolls ${made}`);
const told = ({ status: _status, outcome: _outcome, differs: _differs, ...rest }: Row & { status: number }) => rest;
const TIME: Record<string, string> = { indicators: 'capturedAt', calendar: 'eventTime', news: 'publishedAt', account: 'capturedAt' };

describe.each(KINDS)('a snapshot of %s', (kind) => {
  it('comes back as it was sent, and is an event', async () => {
    const first = await post(kind, of(kind));
    expect(first).toMatchObject({ ...of(kind), status: 201, outcome: 'created', agentId: agent.id, revision: 1 });
    expect(await own(kind)).toEqual([told(first)]);
    const [event] = await t.db.query('select type, agent_id, data from events where subject_id = $1', [first.id]);
    expect(event).toMatchObject({ type: 'snapshot.created', agent_id: agent.id, data: { kind, [TIME[kind] ?? '']: at(0) } });
  });

  it('is answered when it is repeated, and stored once, from many requests at once on two servers too', async () => {
    const askers = [agent.http, clientOf(second.base, agent.apiKey)];
    const answers = await Promise.all(Array.from({ length: 16 }, (_, i) => post(kind, of(kind), askers[i % 2])));
    expect(answers.filter(({ status, outcome }) => status === 201 && outcome === 'created')).toHaveLength(1);
    expect(answers.filter(({ status, outcome }) => status === 200 && outcome === 'repeated')).toHaveLength(15);
    expect(await own(kind)).toHaveLength(1);
  });

  it('comes in batches: new ones and repeats told apart, with one event, all or none', async () => {
    await post(kind, of(kind, 1));
    const items = [2, 1, 0, 2].map((minute) => of(kind, minute));
    const answer = await agent.http<{ items: Row[] }>('POST', `/snapshots/${kind}`, { body: { items } });
    expect([answer.status, answer.body.items.map(({ outcome }) => outcome)]).toEqual([201, ['created', 'repeated', 'created', 'repeated']]);
    expect(await own(kind)).toHaveLength(3);
    expect(await t.db.query(`select data from events where agent_id = $1 and type = 'snapshot.batch_stored'`, [agent.id])).toEqual([{ data: { kind, created: 2, corrected: 0, repeated: 1, kept: 0, from: expect.any(String), to: expect.any(String) } }]);
    const wrong = await agent.http<Refusal>('POST', `/snapshots/${kind}`, { body: { items: [of(kind, 7), of(kind, 8, { [TIME[kind] ?? '']: 'soon' })] } });
    expect([wrong.status, wrong.body.errors?.map(({ path }) => path)]).toEqual([400, [`items.1.${TIME[kind]}`]]);
    expect(await own(kind)).toHaveLength(3);
  });

  it('is listed newest first by its own time, in pages without gap or repeat, over months, however late it came', async () => {
    const minutes = [50_000, 0, 100, 1, 45_000, 2, 99_000];
    await agent.http('POST', `/snapshots/${kind}`, { body: { items: minutes.map((minute) => of(kind, minute)) } });
    const seen: Row[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Page = await list(kind, `${mine(kind)}&limit=3${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...page.items);
      cursor = page.nextCursor;
    }
    const shown = seen.filter(({ title }) => title === undefined || title === `Payrolls ${made}`).map((row) => row[TIME[kind] ?? '']);
    expect(shown).toEqual([...minutes].sort((a, b) => b - a).map(at));
  });

  it('may not lie before 1990, nor in a time without a zone', async () => {
    for (const time of ['1989-12-31T23:59:59Z', '2026-01-05T10:00:00', 'NaN']) {
      const answer = await agent.http<Refusal>('POST', `/snapshots/${kind}`, { body: of(kind, 0, { [TIME[kind] ?? '']: time }) });
      expect([time, answer.status, answer.body.errors?.[0]?.path]).toEqual([time, 400, TIME[kind]]);
    }
    expect((await post(kind, of(kind, 0, { [TIME[kind] ?? '']: '1990-01-01T00:00:00Z', capturedAt: '1990-01-01T00:00:00Z' }))).status).toBe(201);
  });

  it('may lie 60 s ahead of the server and not 180, but for what a calendar plans', async () => {
    const ahead = (seconds: number) => of(kind, 0, { [TIME[kind] ?? '']: new Date(Date.now() + seconds * 1_000).toISOString() });
    expect((await post(kind, ahead(60))).status).toBe(201);
    const answer = await agent.http<Refusal>('POST', `/snapshots/${kind}`, { body: ahead(180) });
    if (kind === 'calendar') expect(answer.status).toBe(201);
    else expect([answer.status, answer.body.code]).toEqual([400, 'TIME_IN_FUTURE']);
    const far = await agent.http<Refusal>('POST', `/snapshots/${kind}`, { body: ahead(367 * 86_400) });
    expect([far.status, far.body.errors?.[0]?.path]).toEqual([400, TIME[kind]]);
  });

  it('without its sender being told to other agents', async () => {
    const { id } = await post(kind, of(kind));
    const other = await t.agent();
    const isPrivate = kind === 'indicators' || kind === 'account';
    const seen = (await list(kind, isPrivate ? 'limit=500' : `${mine(kind)}&limit=500`, other.http)).items.filter((row) => row.id === id);
    expect(seen.map(({ agentId }) => agentId)).toEqual(isPrivate ? [] : [null]);
  });
});

describe('the ids of a batch', () => {
  it('are each their own, also of one moment', async () => {
    const items = Array.from({ length: 20 }, (_, n) => of('news', 0, { headline: `At once ${n}` }));
    const { body } = await agent.http<{ items: Row[] }>('POST', '/snapshots/news', { body: { items } });
    expect(new Set(body.items.map(({ id }) => id)).size).toBe(20);
  });
});

describe('two agents at one moment', () => {
  it.each(['indicators', 'account'])('have %s of their own each, which neither corrects', async (kind) => {
    const other = await t.agent();
    const [first, theirs] = [await post(kind, of(kind)), await post(kind, of(kind), other.http)];
    expect([theirs.status, theirs.id === first.id]).toEqual([201, false]);
    const differing = await post(kind, of(kind, 0, kind === 'account' ? { equity: '1', openPositions: null } : { atr: '9', macd: { hist: '1' } }));
    expect(differing).toMatchObject({ status: 200, outcome: 'kept', id: first.id, differs: kind === 'account' ? ['equity', 'openPositions'] : ['atr', 'macd', 'macdSignal', 'macdHist'] });
    expect(await t.db.query(`select data->'sent' as sent from events where subject_id = $1 and type = 'snapshot.differed'`, [first.id]))
      .toEqual([{ sent: expect.objectContaining(kind === 'account' ? { equity: '1', openPositions: null } : { atr: '9', macdHist: '1' }) }]);
    expect(told({ ...differing })).toEqual(told(first));
  });

  it.each(['calendar', 'news'])('have one row of %s, and the later capture holds', async (kind) => {
    const other = await t.agent();
    const first = await post(kind, of(kind, 5, { capturedAt: at(1) }));
    const change = kind === 'calendar' ? { actualValue: '230K' } : { symbols: ['XAUUSD', 'GBPUSD', 'XAUUSD'] };
    const next = await post(kind, of(kind, 5, { capturedAt: at(3), ...change }), other.http);
    expect(next).toMatchObject({ status: 200, outcome: 'corrected', id: first.id, revision: 2, agentId: other.id, ...(kind === 'calendar' ? change : { symbols: ['GBPUSD', 'XAUUSD'] }) });
    expect(await post(kind, of(kind, 5, { capturedAt: at(2) }))).toMatchObject({ outcome: 'kept', revision: 2, differs: [kind === 'calendar' ? 'actualValue' : 'symbols'] });
    expect(await post(kind, of(kind, 5, { capturedAt: at(9), ...change }))).toMatchObject({ outcome: 'repeated', revision: 2, capturedAt: at(3), lastCapturedAt: at(9), agentId: null });
    expect(await own(kind)).toEqual([expect.objectContaining({ id: first.id, revision: 2, agentId: other.id })]);
  });
});

describe('whose account a snapshot is of', () => {
  const accountOf = async ({ id }: TestAgent) => String((await t.db.query('select account_id from agents where id = $1', [id]))[0]?.['account_id']);

  it("is the agent's own, whether it says so or not; another is refused by name", async () => {
    const [account, theirs] = [await accountOf(agent), await accountOf(await t.agent())];
    expect(await post('account', of('account'))).toMatchObject({ accountId: account });
    expect(await post('account', of('account', 0, { accountId: account }))).toMatchObject({ outcome: 'repeated' });
    for (const [body, path] of [[of('account', 1, { accountId: theirs }), 'accountId'], [{ items: [of('account', 2), of('account', 1, { accountId: theirs })] }, 'items.1.accountId']] as const) {
      const answer = await agent.http<Refusal>('POST', '/snapshots/account', { body });
      expect([answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([403, 'NOT_YOUR_ACCOUNT', path]);
    }
    expect(await own('account')).toHaveLength(1);
  });

  it('is said by a person', async () => {
    const account = await accountOf(agent);
    const nameless = await t.http<Refusal>('POST', '/snapshots/account', { body: { items: [of('account', 0, { accountId: account }), of('account')] } });
    expect([nameless.status, nameless.body.code, nameless.body.errors?.[0]?.path]).toEqual([400, 'ACCOUNT_REQUIRED', 'items.1.accountId']);
    const unknown = await t.http<Refusal>('POST', '/snapshots/account', { body: of('account', 0, { accountId: '019a0000-0000-7000-8000-00000000dead' }) });
    expect([unknown.status, unknown.body.errors?.[0]?.path]).toEqual([404, 'accountId']);
    const byHand = await post('account', of('account', 0, { accountId: account }), t.http);
    expect(byHand).toMatchObject({ status: 201, agentId: null, accountId: account });
    expect((await list('account', `accountId=${account}`)).items.map(({ id }) => id)).toEqual([byHand.id]);
    expect((await list('account', `accountId=${account}`, agent.http)).items).toEqual([]);
  });
});

describe('filters', () => {
  it('find each by what it is of', async () => {
    await agent.http('POST', '/snapshots/calendar', { body: { items: [of('calendar', 90_001, { currency: 'JPY', impactLevel: 'low' }), of('calendar', 90_002, { currency: 'JPY' })] } });
    const calendar = async (query: string) => (await list('calendar', `${query}&from=${at(90_000)}&to=${at(90_100)}`)).items.map(({ eventTime }) => eventTime);
    expect(await calendar('currency=JPY')).toEqual([at(90_002), at(90_001)]);
    expect(await calendar('currency=JPY&impactLevel=low')).toEqual([at(90_001)]);
    expect(await calendar('currency=CHF')).toEqual([]);
    const news = await post('news', of('news', 0, { symbols: ['ONLYHERE'] }));
    expect((await list('news', 'symbol=ONLYHERE')).items.map(({ id }) => id)).toEqual([news.id]);
    expect((await list('news', `symbol=EURUSD&source=Wire%20${made}`)).items).toEqual([]);
    const hourly = await post('indicators', of('indicators'));
    await post('indicators', of('indicators', 0, { timeframe: 'M5' }));
    expect((await list('indicators', `symbol=I${made}&timeframe=60m`)).items.map(({ id }) => id)).toEqual([hourly.id]);
    expect((await list('indicators', `symbol=I${made}&timeframe=H1&agentId=${agent.id}`, agent.http)).items.map(({ id }) => id)).toEqual([hourly.id]);
  });

  it.each(KINDS)('of %s refuse swapped ends, unknown names and foreign cursors', async (kind) => {
    for (const [query, path] of [[`from=${at(1)}&to=${at(0)}`, 'to'], ['cursor=czE', 'cursor'], ['offset=1', 'offset'], ['limit=1e2', 'limit']]) {
      const answer = await t.http<Refusal>('GET', `/snapshots/${kind}?${query}`);
      expect([query, answer.status, answer.body.errors?.[0]?.path]).toEqual([query, 400, path]);
    }
  });

  it.each<[string, object, string]>([
    ['indicators', { rsi14: '100.000000000000000001' }, 'rsi14'], ['indicators', { rsi14: -1 }, 'rsi14'], ['indicators', { atr: '-0.1' }, 'atr'], ['indicators', { macd: { hist: 'NaN' } }, 'macd.hist'],
    ['indicators', { macd: '1' }, 'macd'], ['calendar', { currency: 'usd' }, 'currency'], ['calendar', { impactLevel: 'huge' }, 'impactLevel'], ['calendar', { title: 'x'.repeat(301) }, 'title'],
    ['calendar', { title: 'two\nlines' }, 'title'], ['news', { headline: 'x'.repeat(501) }, 'headline'], ['news', { source: '' }, 'source'], ['news', { symbols: Array(51).fill('A') }, 'symbols'],
    ['news', { symbols: ["'"] }, 'symbols.0'], ['account', { equity: 'Infinity' }, 'equity'], ['account', { balance: undefined }, 'balance'], ['account', { openPositions: 1.5 }, 'openPositions'],
  ])('and %s refuses %j', async (kind, more, path) => {
    const answer = await agent.http<Refusal>('POST', `/snapshots/${kind}`, { body: of(kind, 0, more) });
    expect([answer.status, answer.body.code, answer.body.errors?.map((error) => error.path)]).toEqual([400, 'VALIDATION_FAILED', [path]]);
  });

  it('take the longest headline there may be, in the widest letters', async () => {
    expect((await post('news', of('news', 0, { headline: '漢'.repeat(500), source: '漢'.repeat(100) }))).status).toBe(201);
  });
});

describe('what a decision saw', () => {
  interface Ref { id: string; agentId: string | null; market: Row[]; indicators: Row[]; calendar: Row[]; news: Row[]; account: Row[] }
  const candle = (more: object = {}) => ({ symbol: `R${made}`, timeframe: 'M5', openTime: at(0), open: '1.1', high: '1.2', low: '1.05', close: '1.1', capturedAt: at(1), ...more });
  const named = (kind: string, { id, revision }: Row, isExact = true) => ({ kind, id, ...(isExact ? { revision } : {}) });
  const refer = async (items: object[], http: Client = agent.http) => {
    const answer = await http<Ref>('POST', '/snapshots/refs', { body: { items } });
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.body;
  };

  it('is read whole under one id, by its agent and every person', async () => {
    const rows: [string, Row & { status: number }][] = [];
    for (const kind of KINDS) rows.push([kind, await post(kind, of(kind))]);
    const candles = [await post('market', candle()), await post('market', candle({ openTime: at(5), capturedAt: at(10) }))];
    const ref = await refer([...candles.map((row) => named('market', row)), ...rows.map(([kind, row]) => named(kind, row, false))]);
    expect(ref).toEqual({
      id: expect.any(String), agentId: agent.id, createdAt: expect.any(String), market: candles.map(told), ...Object.fromEntries(rows.map(([kind, row]) => [kind, [told(row)]])),
    });
    for (const http of [agent.http, t.http, clientOf(second.base, await t.person('viewer'))]) expect((await http<Ref>('GET', `/snapshots/refs/${ref.id}`)).body).toEqual(ref);
    expect(await t.db.query('select type, agent_id, data from events where subject_id = $1', [ref.id]))
      .toEqual([{ type: 'snapshot.ref_created', agent_id: agent.id, data: { market: 2, indicators: 1, calendar: 1, news: 1, account: 1 } }]);
  });

  it('stays as it was seen, also when it is corrected before the reference is made, or after', async () => {
    const seen = await post('market', candle({ close: '1.100000000000000009' }));
    await post('market', candle({ capturedAt: at(2), close: '1.15' }));
    const [before, present] = [await refer([named('market', seen)]), await refer([named('market', seen, false)])];
    await post('market', candle({ capturedAt: at(5), close: '1.2' }));
    const later = await refer([{ kind: 'market', id: seen.id, revision: 2 }]);
    const read = async ({ id }: Ref) => (await t.http<Ref>('GET', `/snapshots/refs/${id}`)).body.market;
    expect(await read(before)).toEqual([told(seen)]);
    for (const ref of [present, later]) expect(await read(ref)).toEqual([expect.objectContaining({ id: seen.id, revision: 2, close: '1.15', capturedAt: at(2) })]);
  });

  it('names nothing that is not there, nor what other agents keep for themselves', async () => {
    const other = await t.agent();
    const theirs = await post('account', of('account'), other.http);
    const ours = await post('market', candle());
    for (const wrong of [
      { kind: 'market', id: ours.id, revision: 2 }, { kind: 'calendar', id: ours.id }, { kind: 'account', id: theirs.id }, { kind: 'market', id: '019a0000-0000-7000-8000-00000000dead' },
      { kind: 'market', id: crypto.randomUUID() }, { kind: 'market', id: 'ffffffff-ffff-7fff-bfff-ffffffffffff' },
    ]) {
      const answer = await agent.http<Refusal>('POST', '/snapshots/refs', { body: { items: [named('market', ours), wrong] } });
      expect([wrong, answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([wrong, 409, 'SNAPSHOT_NOT_FOUND', 'items.1.id']);
    }
    expect(await t.db.query('select 1 from snapshot_refs where agent_id = $1', [agent.id])).toEqual([]);
    expect((await refer([named('account', theirs)], t.http)).account).toEqual([expect.objectContaining({ agentId: other.id })]);
  });

  it('names candles of others without naming who sent them', async () => {
    const row = await post('market', candle(), (await t.agent()).http);
    expect((await refer([named('market', row)])).market).toEqual([expect.objectContaining({ id: row.id, agentId: null })]);
  });

  it("is shown to no other agent, and a person's to none", async () => {
    const row = await post('market', candle());
    const [mineOnly, byHand] = [await refer([named('market', row)]), await refer([named('market', row)], t.http)];
    const other = await t.agent();
    for (const { id } of [mineOnly, byHand]) {
      const answer = await other.http<Refusal>('GET', `/snapshots/refs/${id}`);
      expect([answer.status, answer.body.code]).toEqual([403, 'NOT_YOUR_AGENT']);
    }
    expect((await t.http('GET', '/snapshots/refs/019a0000-0000-7000-8000-00000000dead')).status).toBe(404);
  });

  it('takes a thousand, from months far apart, once for one Idempotency-Key', async () => {
    const items = Array.from({ length: 1_000 }, (_, n) => candle({ timeframe: 'D1', openTime: new Date(Date.UTC(2023, 0, n)).toISOString(), capturedAt: undefined }));
    const { body } = await agent.http<{ items: Row[] }>('POST', '/snapshots/market', { body: { items } });
    const ask = { body: { items: body.items.map((row) => named('market', row)) }, headers: { 'idempotency-key': 'ref-1' } };
    const first = await agent.http<Ref>('POST', '/snapshots/refs', ask);
    const again = await agent.http<Ref>('POST', '/snapshots/refs', ask);
    expect([first.status, again.headers.get('idempotency-replayed'), again.body.id]).toEqual([201, 'true', first.body.id]);
    expect(first.body.market.map(({ id }) => id)).toEqual(body.items.map(({ id }) => id));
    const tooMany = await agent.http<Refusal>('POST', '/snapshots/refs', { body: { items: Array(1_001).fill({ kind: 'market', id: body.items[0]?.id }) } });
    expect([tooMany.status, tooMany.body.errors?.[0]?.path]).toEqual([400, 'items']);
  });

  it('outlives the months of its snapshots', async () => {
    const row = await post('market', candle({ openTime: '1995-05-05T00:00:00Z', capturedAt: undefined }));
    const ref = await refer([named('market', row)]);
    await t.db.query('drop table snapshot_market_y1995m05');
    expect((await t.http<Ref>('GET', `/snapshots/refs/${ref.id}`)).body.market).toEqual([told(row)]);
  });
});
