import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { onConnection } from '../support/cluster.js';
import { type Client, clientOf } from '../support/http.js';

interface Instrument { id: string; accountId: string; symbol: string; exchange: string | null; product: string | null; version: number; brokerSymbol: string; tickValue: string; outcome: string }
interface Version { version: number; terms: Record<string, unknown>; changed: string[]; reason: string | null; actor: string; recordedAt: string }
interface Page<T> { items: T[]; nextCursor: string | null }
interface Refusal { code: string; detail: string; errors?: { path: string; message: string }[] }

let t: TestApp;
let agent: TestAgent;
let account: string;
beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  agent = await t.agent();
  account = await accountOf(agent);
});
afterAll(() => t.close());

const accountOf = async ({ id }: TestAgent) => (await t.db.query<{ account_id: string }>('select account_id from agents where id = $1', [id]))[0]?.account_id ?? '';
const FX = { symbol: 'EURUSD', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', minSize: '0.01', sizeStep: '0.01' };
const SHARE = { symbol: 'NSE:INFY', kind: 'stock', sizeUnit: 'share', contractSize: '1', tickSize: '0.05', tickValue: '0.05', minSize: '1', sizeStep: '1', quoteCurrency: 'INR' };
const upload = async (item: Record<string, unknown>, status = 201, http: Client = agent.http): Promise<Instrument> => {
  const answer = await http<Instrument>('POST', '/instruments', { body: item });
  if (answer.status !== status) throw new Error(`${answer.status} ${answer.text}`);
  return answer.body;
};
const refused = (item: unknown, path = '/instruments') => agent.http<Refusal>('POST', path, { body: item });
const keys = async (query = '', http: Client = agent.http) =>
  (await http<Page<Instrument>>('GET', `/instruments?${query}`)).body.items.map(({ symbol, exchange, product }) => [exchange, symbol, product].filter(Boolean).join(':'));
const versions = async (id: string) => (await t.http<Page<Version>>('GET', `/instruments/${id}/versions`)).body.items;
const written = async () => (await t.db.query(`select (select count(*)::int from instruments) as instruments, (select count(*)::int from instrument_versions) as versions,
  (select count(*)::int from events where type like 'instrument.%') as events`))[0];

describe('an instrument that an agent tells', () => {
  it('is stored with its terms, exactly, for its own account, under the canonical symbol', async () => {
    const made = await agent.http('POST', '/instruments', {
      body: {
        ...FX, symbol: 'EURUSD.pro', tickValue: '0.920000000000000001', tickValueCurrency: 'EUR', maxSize: 50, stopLevel: '0.00020', underlying: 'oanda:eur/usd', closesAt: '2026-12-18T21:30:00+01:00',
        sessions: { zone: 'America/New_York', windows: [{ days: ['thu', 'sun', 'mon', 'mon'], from: '17:05', to: '17:00' }], holidays: ['2026-12-25'], earlyCloses: [{ date: '2026-12-24', at: '13:00' }] },
      }, headers: { 'x-request-id': 'told-1' },
    });
    expect(made.status).toBe(201);
    const { outcome, ...stored } = made.body as unknown as Record<string, unknown>;
    expect(outcome).toBe('created');
    expect(stored).toEqual({
      id: expect.any(String), accountId: account, symbol: 'EURUSD', exchange: null, product: null, version: 1, brokerSymbol: 'EURUSD.pro', kind: 'fx', sizeUnit: 'lot',
      contractSize: '100000', tickSize: '0.00001', tickValue: '0.920000000000000001', tickValueCurrency: 'EUR', minSize: '0.01', sizeStep: '0.01', maxSize: '50', stopLevel: '0.0002',
      baseCurrency: 'EUR', quoteCurrency: 'USD', underlying: 'EURUSD', closesAt: '2026-12-18T20:30:00.000Z', createdAt: expect.any(String), updatedAt: expect.any(String),
      sessions: { zone: 'America/New_York', windows: [{ days: ['mon', 'thu', 'sun'], from: '17:05', to: '17:00' }], holidays: ['2026-12-25'], earlyCloses: [{ date: '2026-12-24', at: '13:00' }] },
    });
    const id = String(stored['id']);
    expect((await agent.http('GET', `/instruments/${id}`)).body).toEqual(stored);
    expect((await agent.http<Page<unknown>>('GET', '/instruments')).body.items).toEqual([stored]);
    const { id: _id, accountId: _account, symbol: _symbol, exchange: _exchange, product: _product, version: _version, createdAt: _created, updatedAt: _updated, ...terms } = stored;
    expect(await versions(id)).toEqual([{ version: 1, terms, changed: [], reason: null, actor: `agent:${agent.id}`, recordedAt: expect.any(String) }]);
    expect(await t.db.query('select type, agent_id, account_id, actor, correlation_id, data from events where subject_id = $1', [id])).toEqual([{
      type: 'instrument.created', agent_id: agent.id, account_id: account, actor: `agent:${agent.id}`, correlation_id: 'told-1',
      data: { symbol: 'EURUSD', exchange: null, product: null, brokerSymbol: 'EURUSD.pro', kind: 'fx' },
    }]);
  });

  it('writes nothing when it is told again, in whatever spelling and order', async () => {
    const first = await upload({ ...FX, symbol: 'EURUSD.m', maxSize: '50.0', sessions: { windows: [{ days: ['mon'], from: '00:00', to: '24:00' }] } });
    const before = await written();
    const again = [{ ...FX, symbol: 'EURUSD.m' }, FX, { ...FX, symbol: 'eur/usd', brokerSymbol: 'EURUSD.m' }, { ...FX, contractSize: 100000, tickSize: '0.000010', quoteCurrency: 'USD', baseCurrency: 'EUR' }, { maxSize: 50, ...FX }];
    for (const item of again) expect(await upload(item, 200)).toEqual({ ...first, outcome: 'unchanged' });
    expect(await written()).toEqual(before);
  });

  it('becomes a new version with other terms, and the one before is kept and told', async () => {
    const { id } = await upload({ ...FX, maxSize: '50' });
    expect(await upload({ ...FX, tickValue: '0.9', minSize: '0.1' }, 200)).toMatchObject({ id, version: 2, outcome: 'changed', tickValue: '0.9', maxSize: '50' });
    expect(await upload({ ...FX, tickValue: '0.9', minSize: '0.1', maxSize: null }, 200)).toMatchObject({ version: 3, maxSize: null });
    expect((await versions(id)).map(({ version, changed, terms }) => [version, changed, terms['tickValue'], terms['maxSize']])).toEqual([
      [3, ['maxSize'], '0.9', null], [2, ['tickValue', 'minSize'], '0.9', '50'], [1, [], '1', '50'],
    ]);
    expect(await t.db.query(`select data from events where subject_id = $1 and type = 'instrument.changed' order by seq`, [id])).toEqual([
      { data: { symbol: 'EURUSD', exchange: null, product: null, version: 2, before: { tickValue: '1', minSize: '0.01' }, after: { tickValue: '0.9', minSize: '0.1' }, reason: null } },
      { data: { symbol: 'EURUSD', exchange: null, product: null, version: 3, before: { maxSize: '50' }, after: { maxSize: null }, reason: null } },
    ]);
  });

  it('is one for an account, and each account has its own', async () => {
    const other = await t.agent();
    const [mine, theirs] = [await upload(FX), await upload({ ...FX, contractSize: '1000' }, 201, other.http)];
    expect(mine.accountId).not.toBe(theirs.accountId);
    const mate = await t.agent({ account: agent.name });
    expect(await upload(FX, 200, mate.http)).toMatchObject({ id: mine.id, outcome: 'unchanged' });
  });

  it('has its exchange and product as part of its key', async () => {
    const told = [SHARE, { ...SHARE, symbol: 'BSE:INFY' }, { ...SHARE, product: 'MIS' }, { ...SHARE, symbol: 'infy', exchange: 'nse', product: 'CNC' }, { ...SHARE, symbol: 'INFY' }];
    for (const item of told) await upload(item);
    expect((await keys()).sort()).toEqual(['BSE:INFY', 'INFY', 'NSE:INFY', 'NSE:INFY:CNC', 'NSE:INFY:MIS']);
    for (const item of [{ ...SHARE, symbol: 'nse:infy' }, { ...SHARE, symbol: 'INFY', exchange: 'Nse' }]) expect(await upload(item, 200)).toMatchObject({ exchange: 'NSE', product: null, brokerSymbol: 'INFY', outcome: 'unchanged' });
  });

  it('never becomes one with another: a second name at the broker is refused', async () => {
    await upload({ ...FX, symbol: 'EURUSD.m' });
    const micro = await refused({ ...FX, symbol: 'EURUSD.micro', contractSize: '1000' });
    expect(micro).toMatchObject({ status: 409, body: { code: 'BROKER_SYMBOL_DIFFERS', errors: [{ path: 'brokerSymbol', message: expect.stringContaining('EURUSD.m') }] } });
    const taken = await refused({ ...SHARE, brokerSymbol: 'EURUSD.m', symbol: 'EURUSD-OTC' });
    expect(taken).toMatchObject({ status: 409, body: { code: 'BROKER_SYMBOL_TAKEN', errors: [{ path: 'brokerSymbol', message: expect.stringContaining('EURUSD') }] } });
    // With a symbol of its own it is taken.
    expect(await upload({ ...FX, symbol: 'EURUSD-1K', brokerSymbol: 'EURUSD.micro', contractSize: '1000', baseCurrency: 'EUR', quoteCurrency: 'USD' })).toMatchObject({ symbol: 'EURUSD-1K' });
    expect((await keys()).sort()).toEqual(['EURUSD', 'EURUSD-1K']);
  });

  it('keeps a market of Kalshi and a dated future whole', async () => {
    for (const symbol of ['KXBTCD-25AUG0312-T114249.99', 'ESZ5', 'ESH6', 'CME_MINI:ES1!', 'M&M']) await upload({ ...SHARE, symbol, kind: 'binary' });
    expect((await keys()).sort()).toEqual(['CME_MINI:ES1!', 'ESH6', 'ESZ5', 'KXBTCD-25AUG0312-T114249.99', 'M&M']);
  });

  it('is stored once for one Idempotency-Key', async () => {
    const ask = { body: FX, headers: { 'idempotency-key': 'i-1' } };
    const [first, again] = [await agent.http('POST', '/instruments', ask), await agent.http('POST', '/instruments', ask)];
    expect([first.status, again.status, again.headers.get('idempotency-replayed'), again.body]).toEqual([201, 201, 'true', first.body]);
    expect((await agent.http('POST', '/instruments', { ...ask, body: { ...FX, tickValue: '2' } })).status).toBe(422);
  });

  it('is stored once when many tell it at the same moment', async () => {
    const mate = await t.agent({ account: agent.name });
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => (n % 2 ? agent : mate).http<Instrument>('POST', '/instruments', { body: n % 3 ? FX : { ...FX, symbol: 'eur/usd', brokerSymbol: 'EURUSD' } })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(await versions(answers[0]?.body.id ?? '')).toHaveLength(1);
  });
});

describe('a list of instruments', () => {
  const many = (n: number) => Array.from({ length: n }, (_, i) => ({ ...SHARE, symbol: `NSE:S${i}` }));

  it('is taken over in one go, in its order, with one event for what is new', async () => {
    await upload({ ...SHARE, symbol: 'NSE:S1' });
    await upload({ ...SHARE, symbol: 'NSE:S2' });
    const items = many(500).map((item) => (item.symbol === 'NSE:S2' ? { ...item, tickSize: '0.01' } : item));
    const answer = await agent.http<Page<Instrument>>('POST', '/instruments/batch', { body: { items } });
    expect(answer.status).toBe(201);
    expect(answer.body.items.map(({ symbol }) => `NSE:${symbol}`)).toEqual(items.map(({ symbol }) => symbol));
    expect(answer.body.items.slice(0, 4).map(({ outcome, version }) => [outcome, version])).toEqual([['created', 1], ['unchanged', 1], ['changed', 2], ['created', 1]]);
    expect(await t.db.query(`select data from events where type = 'instrument.batch_created' and account_id = $1`, [account])).toEqual([{ data: { count: 498 } }]);
    expect(await t.db.query(`select data->'after' as after from events where type = 'instrument.changed' and account_id = $1`, [account])).toEqual([{ after: { tickSize: '0.01' } }]);
    const before = await written();
    const again = await agent.http<Page<Instrument>>('POST', '/instruments/batch', { body: { items } });
    expect([again.status, new Set(again.body.items.map(({ outcome }) => outcome))]).toEqual([200, new Set(['unchanged'])]);
    expect(await written()).toEqual(before);
  });

  it.each<[string, (items: Record<string, unknown>[]) => void, number, string, string]>([
    ['a tick of 0', (items) => Object.assign(items[3] ?? {}, { tickSize: '0' }), 400, 'VALIDATION_FAILED', 'items.3.tickSize'],
    ['a currency that contradicts the symbol', (items) => Object.assign(items[3] ?? {}, { ...FX, quoteCurrency: 'JPY' }), 400, 'VALIDATION_FAILED', 'items.3.quoteCurrency'],
    ['the same instrument twice', (items) => Object.assign(items[3] ?? {}, { symbol: 'nse:s1' }), 400, 'INSTRUMENT_REPEATED', 'items.3.symbol'],
    ['the same name at the broker twice', (items) => Object.assign(items[3] ?? {}, { symbol: 'NSE:X', brokerSymbol: 'S1' }), 400, 'INSTRUMENT_REPEATED', 'items.3.brokerSymbol'],
    ['a name at the broker that is another\'s', (items) => Object.assign(items[3] ?? {}, { symbol: 'NSE:X', brokerSymbol: 'TAKEN' }), 409, 'BROKER_SYMBOL_TAKEN', 'items.3.brokerSymbol'],
    ['a second name at the broker', (items) => Object.assign(items[3] ?? {}, { symbol: 'NSE:TAKEN', brokerSymbol: 'OTHER' }), 409, 'BROKER_SYMBOL_DIFFERS', 'items.3.brokerSymbol'],
    ['more than 500', (items) => items.push(...many(501).slice(5)), 400, 'VALIDATION_FAILED', 'items'],
    ['none', (items) => items.splice(0), 400, 'VALIDATION_FAILED', 'items'],
  ])('is refused whole, and names what: %s', async (_what, spoil, status, code, path) => {
    await upload({ ...SHARE, symbol: 'NSE:TAKEN' });
    const before = await written();
    const items: Record<string, unknown>[] = many(5);
    spoil(items);
    const answer = await refused({ items }, '/instruments/batch');
    expect([answer.status, answer.body.code, answer.body.errors?.map((each) => each.path)]).toEqual([status, code, [path]]);
    expect(await written()).toEqual(before);
    expect(await keys()).toEqual(['NSE:TAKEN']);
  });
});

describe('what an instrument may not be', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['without a symbol', { symbol: undefined }, 'symbol'],
    ['a template that nobody filled in', { symbol: '{{exchange}}:{{ticker}}' }, 'symbol'],
    ['of points alone', { symbol: '...' }, 'symbol'],
    ['of a kind that is none', { kind: 'forex' }, 'kind'],
    ['of no size', { contractSize: '0' }, 'contractSize'],
    ['of NaN', { contractSize: 'NaN' }, 'contractSize'],
    ['without a tick', { tickSize: undefined }, 'tickSize'],
    ['worth nothing a tick', { tickValue: '-1' }, 'tickValue'],
    ['without a step', { sizeStep: null }, 'sizeStep'],
    ['smaller at most than at least', { maxSize: '0.001' }, 'maxSize'],
    ['with a stop level below nothing', { stopLevel: '-0.0001' }, 'stopLevel'],
    ['quoted in a word', { quoteCurrency: 'dollars' }, 'quoteCurrency'],
    ['of another base than its symbol says', { baseCurrency: 'GBP' }, 'baseCurrency'],
    ['of a product that is unknown', { exchange: 'NSE', product: 'NRML' }, 'product'],
    ['of a product without an exchange', { product: 'MIS' }, 'product'],
    ['at two exchanges', { symbol: 'NSE:INFY', exchange: 'BSE' }, 'exchange'],
    ['closing at a time without a zone', { closesAt: '2026-12-18T21:30:00' }, 'closesAt'],
    ['in a zone that is none', { sessions: { zone: 'Mars/Olympus', windows: [{ days: ['mon'], from: '09:15', to: '15:30' }] } }, 'sessions.zone'],
    ['in an offset, which has no summer time', { sessions: { zone: '+05:30', windows: [{ days: ['mon'], from: '09:15', to: '15:30' }] } }, 'sessions.zone'],
    ['open on no day', { sessions: { windows: [{ days: [], from: '09:15', to: '15:30' }] } }, 'sessions.windows.0.days'],
    ['open for no time', { sessions: { windows: [{ days: ['mon'], from: '09:15', to: '09:15' }] } }, 'sessions.windows.0.to'],
    ['open at 25 o\'clock', { sessions: { windows: [{ days: ['mon'], from: '25:00', to: '15:30' }] } }, 'sessions.windows.0.from'],
    ['closed on 30 February', { sessions: { windows: [{ days: ['mon'], from: '09:15', to: '15:30' }], holidays: ['2026-02-30'] } }, 'sessions.holidays.0'],
  ])('%s', async (_what, more, path) => {
    const { status, body } = await refused({ ...FX, ...more });
    expect([status, body.errors?.map((each) => each.path)]).toEqual([400, [path]]);
    expect(await keys()).toEqual([]);
  });

  it('of coins or at an exchange without saying its currencies', async () => {
    expect((await refused({ ...FX, symbol: 'BTCUSD', kind: 'crypto' })).body.errors?.map(({ path }) => path)).toEqual(['baseCurrency', 'quoteCurrency', 'symbol']);
    expect((await refused({ ...SHARE, quoteCurrency: null })).body.errors?.map(({ path }) => path)).toEqual(['quoteCurrency', 'symbol']);
    expect(await upload({ ...FX, symbol: 'BTCUSD', kind: 'crypto', baseCurrency: 'BTC', quoteCurrency: 'USD' })).toMatchObject({ symbol: 'BTCUSD' });
  });
});

describe('people', () => {
  it('tell instruments of an account that they name', async () => {
    expect(await upload({ ...FX, accountId: account }, 201, t.http)).toMatchObject({ accountId: account });
    expect((await t.http<Refusal>('POST', '/instruments', { body: FX }))).toMatchObject({ status: 400, body: { code: 'ACCOUNT_REQUIRED', errors: [{ path: 'accountId' }] } });
    expect((await t.http('POST', '/instruments', { body: { ...FX, accountId: agent.id } })).status).toBe(404);
    expect((await t.http('POST', '/instruments/batch', { body: { accountId: account, items: [SHARE] } })).status).toBe(201);
  });

  it('change terms, with a reason that is kept; the same again writes nothing', async () => {
    const { id } = await upload(FX);
    const operator = clientOf(t.base, await t.person('operator'));
    const change = { tickValue: '2', underlying: 'BSE:EUR', reason: 'as the broker wrote, password=hunter2' };
    expect(await operator('PATCH', `/instruments/${id}`, { body: change })).toMatchObject({ status: 200, body: { version: 2, tickValue: '2', underlying: 'BSE:EUR', contractSize: '100000' } });
    const before = await written();
    expect(await operator('PATCH', `/instruments/${id}`, { body: change })).toMatchObject({ status: 200, body: { version: 2 } });
    expect(await operator('PATCH', `/instruments/${id}`, { body: {} })).toMatchObject({ status: 200, body: { version: 2 } });
    expect(await written()).toEqual(before);
    expect((await versions(id))[0]).toMatchObject({ changed: ['tickValue', 'underlying'], reason: 'as the broker wrote, password=***', actor: expect.stringMatching(/^user:/) });
    expect(await operator('PATCH', `/instruments/${id}`, { body: { brokerSymbol: 'EURUSD.x' } })).toMatchObject({ status: 200, body: { brokerSymbol: 'EURUSD.x', symbol: 'EURUSD' } });
  });

  it('cannot change a key, take another\'s name, or leave terms that contradict each other', async () => {
    const [{ id }] = [await upload(FX), await upload(SHARE), await upload({ ...SHARE, symbol: 'TCS' })];
    const patch = (body: object) => t.http<Refusal>('PATCH', `/instruments/${id}`, { body });
    for (const body of [{ symbol: 'GBPUSD' }, { exchange: 'NSE' }, { product: 'MIS' }, { accountId: account }, { kind: null }, { maxSize: '0.001' }, { quoteCurrency: 'JPY' }, { kind: 'stock', quoteCurrency: 'EUR' }]) {
      expect([body, (await patch(body)).status]).toEqual([body, 400]);
    }
    expect(await patch({ brokerSymbol: 'TCS' })).toMatchObject({ status: 409, body: { code: 'BROKER_SYMBOL_TAKEN' } });
    // At another exchange it is another name.
    expect((await patch({ brokerSymbol: 'INFY' })).status).toBe(200);
    expect((await t.http('PATCH', `/instruments/${agent.id}`, { body: {} })).status).toBe(404);
    expect((await agent.http('PATCH', `/instruments/${id}`, { body: {} })).status).toBe(403);
  });

  it('who change terms at the same moment make a version each, and lose none', async () => {
    const { id } = await upload(FX);
    const changes = [{ tickValue: '2' }, { minSize: '0.1' }, { sizeStep: '0.1' }, { maxSize: '9' }, { sizeUnit: 'coin' }];
    const answers = await Promise.all(changes.map((body) => t.http('PATCH', `/instruments/${id}`, { body })));
    expect(answers.map(({ status }) => status)).toEqual(changes.map(() => 200));
    expect((await t.http('GET', `/instruments/${id}`)).body).toMatchObject(Object.assign({ version: 6 }, ...changes));
    expect((await versions(id)).map(({ version }) => version)).toEqual([6, 5, 4, 3, 2, 1]);
  });
});

describe('the list', () => {
  it('is filtered by account, symbol in any spelling, exchange, product, kind and the name at the broker', async () => {
    await agent.http('POST', '/instruments/batch', { body: { items: [{ ...FX, symbol: 'EURUSD.m' }, SHARE, { ...SHARE, product: 'MIS' }, { ...SHARE, symbol: 'BSE:INFY' }, { ...SHARE, symbol: 'TCS' }] } });
    const expected: [string, string[]][] = [
      ['', ['TCS', 'BSE:INFY', 'NSE:INFY:MIS', 'NSE:INFY', 'EURUSD']], ['symbol=eur/usd', ['EURUSD']], ['symbol=EURUSD.pro', ['EURUSD']], ['symbol=INFY', ['BSE:INFY', 'NSE:INFY:MIS', 'NSE:INFY']],
      ['symbol=nse:infy', ['NSE:INFY:MIS', 'NSE:INFY']], ['symbol=INFY&exchange=bse', ['BSE:INFY']], ['exchange=NSE', ['NSE:INFY:MIS', 'NSE:INFY']], ['product=MIS', ['NSE:INFY:MIS']],
      ['kind=fx', ['EURUSD']], ['brokerSymbol=EURUSD.m', ['EURUSD']], ['brokerSymbol=EURUSD', []], ['symbol=GBPUSD', []],
    ];
    for (const [query, found] of expected) {
      expect([query, await keys(query)]).toEqual([query, found]);
      expect([query, await keys(`${query}&accountId=${account}`, t.http)]).toEqual([query, found]);
    }
    for (const query of ['symbol={{ticker}}', 'kind=forex', 'account=x', 'accountId=x', 'product=mis', 'symbol=NSE:INFY&exchange=BSE', 'limit=501']) expect([query, (await agent.http('GET', `/instruments?${query}`)).status]).toEqual([query, 400]);
  });

  it('is walked in pages without a gap or a repetition while terms change', async () => {
    await agent.http('POST', '/instruments/batch', { body: { items: Array.from({ length: 25 }, (_, i) => ({ ...SHARE, symbol: `S${i}` })) } });
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Page<Instrument> = (await agent.http<Page<Instrument>>('GET', `/instruments?limit=10${cursor ? `&cursor=${cursor}` : ''}`)).body;
      seen.push(...page.items.map(({ symbol }) => symbol));
      cursor = page.nextCursor;
      await upload({ ...SHARE, symbol: 'S3', tickValue: String(seen.length) }, 200);
    }
    expect(seen.sort()).toEqual(Array.from({ length: 25 }, (_, i) => `S${i}`).sort());
  });

  it('and all that is in it are closed to agents of another account', async () => {
    const { id } = await upload(FX);
    const stranger = await t.agent();
    expect(await keys('', stranger.http)).toEqual([]);
    for (const path of [`/instruments?accountId=${account}`, `/instruments/${id}`, `/instruments/${id}/versions`]) {
      expect(await stranger.http('GET', path)).toMatchObject({ status: 403, body: { code: 'NOT_YOUR_ACCOUNT' } });
    }
    expect(await stranger.http('POST', '/instruments', { body: { ...FX, accountId: account } })).toMatchObject({ status: 403, body: { code: 'NOT_YOUR_ACCOUNT' } });
    const mate = await t.agent({ account: agent.name });
    expect((await mate.http('GET', `/instruments/${id}`)).status).toBe(200);
  });
});

describe('the versions', () => {
  it('are walked in pages, and nobody rewrites them or removes an instrument', async () => {
    const { id } = await upload(FX);
    for (let n = 2; n <= 5; n++) await upload({ ...FX, tickValue: String(n) }, 200);
    const first = (await agent.http<Page<Version>>('GET', `/instruments/${id}/versions?limit=3`)).body;
    const rest = (await agent.http<Page<Version>>('GET', `/instruments/${id}/versions?limit=3&cursor=${first.nextCursor}`)).body;
    expect([...first.items, ...rest.items].map(({ version }) => version)).toEqual([5, 4, 3, 2, 1]);
    expect(rest.nextCursor).toBeNull();
    for (const statement of [`update instrument_versions set reason = 'x'`, 'delete from instrument_versions', 'truncate instrument_versions', 'delete from instruments']) {
      await expect(onConnection(t.db.url, (writer) => writer.query(statement))).rejects.toThrow(/permission denied/);
    }
    for (const statement of [`update instrument_versions set reason = 'x'`, 'truncate instrument_versions']) await expect(t.db.query(statement)).rejects.toThrow(/append-only/);
  });
});
