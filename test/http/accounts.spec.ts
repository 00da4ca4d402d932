import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { holding, whenWaiting } from '../support/locks.js';

interface Account {
  id: string; name: string; kind: string; currency: string; marginMode: string; broker: string | null; server: string | null; loginMasked: string | null;
  loginHash: string | null; tradingDay: { zone: string; rollover: string }; initialBalance: string | null; createdAt: string; updatedAt: string;
}
interface Refusal { code: string; detail: string; errors?: { path: string }[] }
type Answered = Account & Refusal;

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

let made = 0;
const body = (more: Record<string, unknown> = {}) => ({ name: `account ${++made}`, kind: 'demo', currency: 'USD', marginMode: 'hedging', ...more });
const create = (more: Record<string, unknown> = {}) => t.http<Answered>('POST', '/accounts', { body: body(more) });
const change = (id: string, body: Record<string, unknown>) => t.http<Answered>('PATCH', `/accounts/${id}`, { body });
const events = (id: string) => t.db.query<{ type: string; data: Record<string, unknown> }>('select type, data from events where account_id = $1 and subject_id = $1 order by seq', [id]);
const hash = (text: string) => createHash('sha256').update(text).digest('hex');

describe('an account', () => {
  it('comes back as it was made, with its login as a hash and a mask', async () => {
    const answer = await create({
      name: 'challenge', kind: 'live', currency: 'EUR', marginMode: 'netting', broker: 'A Broker', server: 'ABroker-Live 3', login: '51234678',
      tradingDay: { zone: 'europe/prague', rollover: '00:00' }, initialBalance: 100000,
    });
    expect(answer.status).toBe(201);
    const { body: account } = answer;
    expect(account).toEqual({
      id: expect.any(String), name: 'challenge', kind: 'live', currency: 'EUR', marginMode: 'netting', broker: 'A Broker', server: 'ABroker-Live 3',
      loginMasked: '*****678', loginHash: hash('ABroker-Live 3:51234678'), tradingDay: { zone: 'Europe/Prague', rollover: '00:00' }, initialBalance: '100000',
      createdAt: expect.any(String), updatedAt: expect.any(String),
    });
    expect((await t.http<Account>('GET', `/accounts/${account.id}`)).body).toEqual({ ...account, books: [] });
    expect((await t.http<{ items: Account[] }>('GET', '/accounts?name=challenge&kind=live')).body.items).toEqual([account]);
    expect(await events(account.id)).toEqual([{ type: 'account.created', data: { name: 'challenge', kind: 'live' } }]);
  });

  it('keeps its login nowhere', async () => {
    const login = '77001234999';
    await t.http('POST', '/accounts', { body: body({ server: 's', login }), headers: { 'idempotency-key': 'with-login' } });
    const { body: later } = await create({ server: 's2' });
    await change(later.id, { login });
    const tables = await t.db.query<{ name: string }>(`select tablename as name from pg_tables where schemaname = 'public'`);
    for (const { name } of tables) expect([name, (await t.db.query(`select 1 from ${name} x where x::text like '%' || $1 || '%'`, [login])).length]).toEqual([name, 0]);
  });

  it.each([['1', '*'], ['12', '**'], ['123', '**3'], ['12345', '***45'], ['1234567', '****567']])('shows less than half of the login %s', async (login, mask) => {
    expect((await create({ server: `of ${login}`, login })).body.loginMasked).toBe(mask);
  });

  it('takes a number for a login, or a hash in place of it, and knows both for the same', async () => {
    expect((await create({ server: 'x', login: 900100 })).body).toMatchObject({ loginHash: hash('x:900100'), loginMasked: '****00' });
    expect((await create({ server: 'x', loginHash: hash('x:900100') })).body).toMatchObject({ status: 409, code: 'ACCOUNT_LOGIN_TAKEN' });
    expect((await create({ server: 'x', loginHash: hash('x:900101'), loginMasked: '****01' })).body).toMatchObject({ loginHash: hash('x:900101'), loginMasked: '****01' });
  });

  it('begins its day at midnight UTC unless said, and says null for what nobody said', async () => {
    expect((await create()).body).toMatchObject({ broker: null, server: null, loginMasked: null, loginHash: null, initialBalance: null, tradingDay: { zone: 'UTC', rollover: '00:00' } });
  });

  it('is made once for one Idempotency-Key', async () => {
    const ask = { body: body(), headers: { 'idempotency-key': 'account-1' } };
    const [first, again] = [await t.http<Account>('POST', '/accounts', ask), await t.http<Account>('POST', '/accounts', ask)];
    expect([first.status, again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 201, 'true']);
    expect(again.body).toEqual(first.body);
  });

  it('has a name of its own', async () => {
    const { body: first } = await create();
    expect((await create({ name: first.name })).body).toMatchObject({ status: 409, code: 'ACCOUNT_NAME_TAKEN' });
    const { body: second } = await create();
    expect((await change(second.id, { name: first.name })).body).toMatchObject({ status: 409, code: 'ACCOUNT_NAME_TAKEN' });
  });

  it('lets a live agent in, which could not be made before', async () => {
    const { body: account } = await create({ kind: 'live' });
    const answer = await t.http<{ accountId: string }>('POST', '/agents', { body: { name: 'live one', mode: 'live', account: account.name } });
    expect([answer.status, answer.body.accountId]).toEqual([201, account.id]);
  });

  it('made by an agent is a paper account in dollars, whose day begins at midnight UTC', async () => {
    const agent = await t.agent();
    expect((await agent.http<Account>('GET', `/accounts/${agent.accountId}`)).body).toMatchObject({
      name: agent.name, kind: 'paper', currency: 'USD', marginMode: 'hedging', tradingDay: { zone: 'UTC', rollover: '00:00' }, loginHash: null, initialBalance: null,
    });
  });
});

describe('what an account may not say', () => {
  it.each<[string, Record<string, unknown>, string, string?]>([
    ['no name', { name: undefined }, 'name'],
    ['no kind', { kind: undefined }, 'kind'],
    ['no currency', { currency: undefined }, 'currency'],
    ['no margin mode', { marginMode: undefined }, 'marginMode'],
    ['a kind that is none', { kind: 'real' }, 'kind'],
    ['a currency in another spelling', { currency: 'usd' }, 'currency'],
    ['a login without its server', { login: '1' }, 'login'],
    ['a hash without its server', { loginHash: 'a'.repeat(64) }, 'loginHash'],
    ['a login with a colon, which would read two ways', { server: 's', login: '1:2' }, 'login'],
    ['a login and a hash', { server: 's', login: '1', loginHash: 'a'.repeat(64) }, 'loginHash'],
    ['a hash that is none', { server: 's', loginHash: 'A'.repeat(64) }, 'loginHash'],
    ['a mask that hides nothing', { server: 's', loginHash: 'a'.repeat(64), loginMasked: '12345*' }, 'loginMasked'],
    ['a mask of nothing', { loginMasked: '***' }, 'loginMasked'],
    ['a password', { server: 'password=hunter2' }, 'server'],
    ['an initial balance below zero', { initialBalance: '-1' }, 'initialBalance'],
    ['an initial balance of NaN', { initialBalance: 'NaN' }, 'initialBalance'],
    ['a day without its zone', { tradingDay: { rollover: '00:00' } }, 'tradingDay.zone'],
    ['a rollover at 24:00', { tradingDay: { zone: 'UTC', rollover: '24:00' } }, 'tradingDay.rollover'],
    ['a rollover with seconds', { tradingDay: { zone: 'UTC', rollover: '17:00:00' } }, 'tradingDay.rollover'],
    ...['Europe/Nowhere', 'posix/Europe/Prague', 'right/UTC', 'localtime', 'Factory', 'posixrules', 'UTC+2', '+02', 'EST5EDT4', 'CEST', "x' at time zone 'UTC"]
      .map((zone) => [`the zone ${zone}`, { tradingDay: { zone, rollover: '00:00' } }, 'tradingDay.zone', 'ZONE_UNKNOWN'] as [string, Record<string, unknown>, string, string]),
  ])('%s', async (_name, more, path, code = 'VALIDATION_FAILED') => {
    const before = await t.db.query('select count(*) from accounts');
    const answer = await create(more);
    expect([answer.status, answer.body.code, answer.body.errors?.map((error) => error.path)]).toEqual([400, code, [path]]);
    expect(await t.db.query('select count(*) from accounts')).toEqual(before);
  });
});

describe('a change of an account', () => {
  it('is an event that says from what to what, and none when nothing changed', async () => {
    const { body: account } = await create();
    const answer = await change(account.id, { name: 'renamed', broker: 'B', tradingDay: { zone: 'America/New_York', rollover: '17:00' }, initialBalance: '50000', marginMode: 'exchange' });
    expect(answer.body).toMatchObject({ name: 'renamed', broker: 'B', tradingDay: { zone: 'America/New_York', rollover: '17:00' }, initialBalance: '50000', marginMode: 'exchange' });
    expect(await change(account.id, { name: 'renamed', initialBalance: '50000.00' })).toMatchObject({ status: 200, body: { updatedAt: answer.body.updatedAt } });
    expect((await events(account.id)).slice(1)).toEqual([{ type: 'account.changed', data: {
      name: { from: account.name, to: 'renamed' }, broker: { from: null, to: 'B' }, zone: { from: 'UTC', to: 'America/New_York' }, rollover: { from: '00:00', to: '17:00' },
      initialBalance: { from: null, to: '50000' }, marginMode: { from: 'hedging', to: 'exchange' },
    } }]);
  });

  it('of anything is allowed while nothing is built on it', async () => {
    const { body: account } = await create({ server: 'a', login: '111111' });
    expect((await change(account.id, { kind: 'live', currency: 'EUR', marginMode: 'netting', server: 'b', login: '222222' })).body)
      .toMatchObject({ kind: 'live', currency: 'EUR', marginMode: 'netting', server: 'b', loginHash: hash('b:222222'), loginMasked: '****22' });
  });

  it.each<[string, Record<string, unknown>, string[]]>([
    ['kind', { kind: 'paper' }, ['kind']], ['currency', { currency: 'EUR' }, ['currency']], ['margin mode', { marginMode: 'netting' }, ['marginMode']],
    ['server and login', { server: 'other', login: '1' }, ['server', 'loginHash']], ['login', { login: '99' }, ['loginHash']],
  ])('of %s is refused once an agent is there', async (_name, body, paths) => {
    const { body: account } = await create({ server: 'used', login: `${++made}-used` });
    await t.agent({ account: account.name });
    const answer = await change(account.id, { ...body, broker: 'not taken either' });
    expect([answer.status, answer.body.code, answer.body.errors?.map(({ path }) => path)]).toEqual([409, 'ACCOUNT_IN_USE', paths]);
    expect(answer.body.detail).toContain('agents');
    expect((await t.http<Account>('GET', `/accounts/${account.id}`)).body).toEqual({ ...account, books: [] });
  });

  it('of what is not understood by anything stays possible, and so does saying the login for the first time', async () => {
    const { body: account } = await create();
    await t.agent({ account: account.name });
    const said = { server: 's', login: 'first-said', initialBalance: '1', broker: null, tradingDay: { zone: 'Asia/Kolkata', rollover: '15:30' }, name: 'said later' };
    expect(await change(account.id, said)).toMatchObject({ status: 200, body: { loginHash: hash('s:first-said'), tradingDay: { zone: 'Asia/Kolkata', rollover: '15:30' } } });
    expect((await change(account.id, { login: 'second-said' })).body).toMatchObject({ status: 409, code: 'ACCOUNT_IN_USE' });
  });

  it('is refused for trades and cash flows too, when their agent has gone elsewhere', async () => {
    const { body: account } = await create({ kind: 'paper' });
    const agent = await t.agent({ account: account.name });
    await agent.http('POST', '/trades', { body: { clientOrderId: 'one', symbol: 'EURUSD', direction: 'long', lotSize: '1' } });
    await t.http('PATCH', `/agents/${agent.id}`, { body: { account: 'elsewhere' } });
    expect((await change(account.id, { currency: 'EUR' })).body).toMatchObject({ code: 'ACCOUNT_IN_USE', detail: expect.stringContaining('trades') });
    const { body: other } = await create();
    await t.http('POST', `/accounts/${other.id}/cash-flows`, { body: { amount: 1, kind: 'deposit', at: '2026-01-02T03:04:05Z' } });
    expect((await change(other.id, { currency: 'EUR' })).body).toMatchObject({ code: 'ACCOUNT_IN_USE', detail: expect.stringContaining('cash flows') });
  });

  it('of the server alone is refused where the login was hashed with it', async () => {
    const { body: account } = await create({ server: 'a', login: 'with-server' });
    expect((await change(account.id, { server: 'b' })).body).toMatchObject({ status: 400, errors: [{ path: 'server' }] });
    const { body: plain } = await create();
    expect((await change(plain.id, { login: '5' })).body).toMatchObject({ status: 400, errors: [{ path: 'login' }] });
  });

  it('does not pass an agent that is being put on the account', async () => {
    const { body: account } = await create({ kind: 'paper' });
    // The new agent has read the account, and waits for its name, which another transaction is about to take.
    const name = 'waits for its name';
    let agent: Promise<{ status: number }> | undefined;
    let changing: Promise<{ body: Refusal }> | undefined;
    await holding(t.db, `insert into agents (id, name, account_id, mode, run) values ($1, $2, $3, 'paper', 'running')`, [crypto.randomUUID(), name, (await t.agent()).accountId], async () => {
      agent = t.http('POST', '/agents', { body: { name, mode: 'paper', account: account.name } });
      await whenWaiting(t.db, 1);
      changing = t.http('PATCH', `/accounts/${account.id}`, { body: { kind: 'live' } });
      await whenWaiting(t.db, 2);
    });
    expect((await agent)?.status).toBe(201);
    expect((await changing)?.body).toMatchObject({ status: 409, code: 'ACCOUNT_IN_USE' });
  });

  it('is for administrators, and an unknown account is nobody\'s', async () => {
    const { body: account } = await create();
    for (const role of ['viewer', 'operator'] as const) {
      const token = await t.person(role);
      expect((await t.http('PATCH', `/accounts/${account.id}`, { token, body: {} })).status).toBe(403);
      expect((await t.http('POST', '/accounts', { token, body: body() })).status).toBe(403);
      expect((await t.http('GET', '/accounts', { token })).status).toBe(200);
    }
    for (const method of ['GET', 'PATCH']) expect((await t.http(method, '/accounts/01930000-0000-7000-8000-00000000dead', method === 'PATCH' ? { body: {} } : {})).status).toBe(404);
  });
});

describe('the list of accounts', () => {
  it('goes on where a page ended, oldest first', async () => {
    const all = (await t.http<{ items: Account[] }>('GET', '/accounts?limit=500')).body.items.map(({ id }) => id);
    const shown: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body: page }: { body: { items: Account[]; nextCursor: string | null } } = await t.http('GET', `/accounts?limit=7${cursor && `&cursor=${cursor}`}`);
      shown.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(shown).toEqual(all);
  });

  it('shows a key the account of its own agent only', async () => {
    const [mine, other] = [await t.agent(), await t.agent()];
    expect((await mine.http<{ items: Account[] }>('GET', '/accounts')).body.items.map(({ id }) => id)).toEqual([mine.accountId]);
    expect((await mine.http<Refusal>('GET', `/accounts/${other.accountId}`)).body).toMatchObject({ status: 403, code: 'NOT_YOUR_AGENT' });
    expect((await mine.http<Refusal>('GET', '/accounts/01930000-0000-7000-8000-00000000dead')).status).toBe(403);
    expect((await mine.http('PATCH', `/accounts/${mine.accountId}`, { body: {} })).status).toBe(403);
  });
});
