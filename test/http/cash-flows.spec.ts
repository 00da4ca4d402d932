import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import type { Client } from '../support/http.js';

interface Flow { id: string; accountId: string; kind: string; amount: string; brokerDealId: string | null; at: string; recordedBy: string; createdAt: string }
interface Refusal { code: string; errors?: { path: string }[] }
interface Page { items: Flow[]; nextCursor: string | null }

let t: TestApp;
let account: string;
beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  account = (await t.http<{ id: string }>('POST', '/accounts', { body: { name: crypto.randomUUID(), kind: 'demo', currency: 'USD', marginMode: 'hedging' } })).body.id;
});
afterAll(() => t.close());

const at = (minute: number) => new Date(Date.parse('2026-01-05T10:00:00Z') + minute * 60_000).toISOString();
const told = (more: Record<string, unknown> = {}) => ({ amount: '1000', kind: 'deposit', at: at(0), ...more });
const record = (more: Record<string, unknown> = {}, headers: Record<string, string> = {}) => t.http<Flow & Refusal>('POST', `/accounts/${account}/cash-flows`, { body: told(more), headers });
const list = async (query = '', http: Client = t.http) => (await http<Page>('GET', `/accounts/${account}/cash-flows?${query}`)).body;
const count = async () => (await t.db.query('select 1 from account_cash_flows where account_id = $1', [account])).length;
const events = () => t.db.query<{ data: object }>(`select data from events where account_id = $1 and type = 'account.cash_flow'`, [account]);

describe('a cash flow', () => {
  it('comes back as it was told, with an event', async () => {
    const answer = await record({ amount: '1234.560000000000000001', brokerDealId: '  4711 ', at: '2026-01-05T12:00:00.5+02:00' });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      id: expect.any(String), accountId: account, kind: 'deposit', amount: '1234.560000000000000001', brokerDealId: '4711', at: '2026-01-05T10:00:00.500Z',
      recordedBy: expect.stringMatching(/^user:/), createdAt: expect.any(String),
    });
    expect((await list()).items).toEqual([answer.body]);
    expect(await events()).toEqual([{ data: { kind: 'deposit', amount: '1234.560000000000000001', brokerDealId: '4711', at: '2026-01-05T10:00:00.500Z' } }]);
  });

  it.each([['deposit', 5, '5'], ['withdrawal', 5, '-5'], ['withdrawal', '-5', '-5'], ['credit', -5, '-5'], ['credit', 5, '5'], ['correction', '-0.01', '-0.01'], ['bonus', 5, '5'], ['transfer', -5, '-5']])(
    'as a %s of %s adds %s', async (kind, amount, adds) => expect((await record({ kind, amount })).body).toMatchObject({ kind, amount: adds }));

  it('is stored once for one deal of the broker, whatever the spelling', async () => {
    const first = await record({ kind: 'withdrawal', amount: '10.50', brokerDealId: 'D1' });
    const again = await record({ kind: 'withdrawal', amount: -10.5, brokerDealId: 'D1', at: '2026-01-05T12:00:00+02:00' });
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.body).toEqual(first.body);
    expect([await count(), (await events()).length]).toEqual([1, 1]);
  });

  it('of the same deal told otherwise is refused, and the first stays', async () => {
    await record({ brokerDealId: 'D1' });
    const answer = await record({ brokerDealId: 'D1', amount: '1001', at: at(1) });
    expect([answer.status, answer.body.code, answer.body.errors?.map(({ path }) => path)]).toEqual([409, 'CASH_FLOW_DIFFERS', ['amount', 'at']]);
    expect((await list()).items.map(({ amount }) => amount)).toEqual(['1000']);
  });

  it('of the same deal on another account is another one', async () => {
    await record({ brokerDealId: 'D1' });
    const other = (await t.http<{ id: string }>('POST', '/accounts', { body: { name: crypto.randomUUID(), kind: 'demo', currency: 'USD', marginMode: 'hedging' } })).body.id;
    expect((await t.http('POST', `/accounts/${other}/cash-flows`, { body: told({ brokerDealId: 'D1' }) })).status).toBe(201);
  });

  it('is stored once for one Idempotency-Key, and without either each is one more', async () => {
    const key = { 'idempotency-key': crypto.randomUUID() };
    const [first, again] = [await record({}, key), await record({}, key)];
    expect([first.status, again.status, again.headers.get('idempotency-replayed'), again.body.id]).toEqual([201, 201, 'true', first.body.id]);
    expect((await record({ amount: 2 }, key)).status).toBe(422);
    await record();
    await record();
    expect(await count()).toBe(3);
  });

  it('of twenty tellings at once on two servers is one', async () => {
    const second = await t.second();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? t : second).http<Flow>('POST', `/accounts/${account}/cash-flows`, { body: told({ brokerDealId: 'D9' }) })));
    await second.close();
    expect([answers.filter(({ status }) => status === 201).length, answers.filter(({ status }) => status === 200).length]).toEqual([1, 19]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect([await count(), (await events()).length]).toEqual([1, 1]);
  });

  it('is a fact: nobody changes it, also not the owner', async () => {
    const { body } = await record();
    for (const statement of ['update account_cash_flows set amount = 1 where id = $1', 'delete from account_cash_flows where id = $1']) {
      await expect(t.db.query(statement, [body.id])).rejects.toMatchObject({ code: '42501' });
    }
    await expect(t.db.query('truncate account_cash_flows')).rejects.toMatchObject({ code: '42501' });
  });
});

describe('what a cash flow may not say', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['no amount', { amount: undefined }, 'amount'], ['an amount of zero', { amount: '0.00' }, 'amount'], ['an amount of NaN', { amount: 'NaN' }, 'amount'],
    ['a deposit below zero', { amount: -1 }, 'amount'], ['no kind', { kind: undefined }, 'kind'], ['a kind that is none', { kind: 'commission' }, 'kind'],
    ['no time', { at: undefined }, 'at'], ['a time without a zone', { at: '2026-01-05T10:00:00' }, 'at'], ['an empty deal', { brokerDealId: ' ' }, 'brokerDealId'],
    ['another account', { accountId: '019a0000-0000-7000-8000-00000000dead' }, 'accountId'],
  ])('%s', async (_name, more, path) => {
    const answer = await record(more);
    expect([answer.status, answer.body.code, answer.body.errors?.map((error) => error.path)]).toEqual([400, 'VALIDATION_FAILED', [path]]);
    expect(await count()).toBe(0);
  });

  it('a time that is still to come', async () => {
    expect((await record({ at: new Date(Date.now() + 180_000).toISOString() })).body).toMatchObject({ status: 400, code: 'TIME_IN_FUTURE' });
  });

  it.each([['amount of NaN', 'NaN', 'credit'], ['amount of Infinity', 'Infinity', 'credit'], ['amount of zero', '0', 'credit'], ['withdrawal above zero', '1', 'withdrawal'], ['deposit below', '-1', 'deposit']])(
    'to the table: %s', async (_name, amount, kind) => {
      await expect(t.db.query(`insert into account_cash_flows (id, account_id, kind, amount, at, recorded_by) values ($1, $2, $3, $4, app_clock(), 'x')`,
        [crypto.randomUUID(), account, kind, amount])).rejects.toMatchObject({ code: '23514' });
    });
});

describe('the list of cash flows', () => {
  it('is newest first by the broker\'s time, in pages without gap or repeat, and by kind and time', async () => {
    for (const [minute, kind] of [[1, 'deposit'], [2, 'withdrawal'], [2, 'deposit'], [5, 'credit'], [0, 'deposit']] as const) await record({ at: at(minute), amount: minute + 1, kind });
    const first = await list('limit=2');
    await record({ at: at(9) });
    const second = await list(`limit=2&cursor=${first.nextCursor}`);
    const third = await list(`limit=2&cursor=${second.nextCursor}`);
    expect([first, second, third].flatMap(({ items }) => items.map(({ amount }) => amount))).toEqual(['6', '3', '-3', '2', '1']);
    expect(third.nextCursor).toBeNull();
    expect((await list('kind=deposit')).items).toHaveLength(4);
    expect((await list(`from=${at(2)}&to=${at(5)}`)).items.map(({ amount }) => amount)).toEqual(['3', '-3']);
    const foreign = (await t.http<{ id: string }>('POST', '/accounts', { body: { name: crypto.randomUUID(), kind: 'demo', currency: 'USD', marginMode: 'hedging' } })).body.id;
    expect((await t.http('GET', `/accounts/${foreign}/cash-flows?cursor=${first.nextCursor}`)).status).toBe(400);
  });

  it('is told by administrators, read by all, and by a key for its own account only', async () => {
    const agent = await t.agent();
    expect((await t.http('POST', `/accounts/${account}/cash-flows`, { token: await t.person('operator'), body: told() })).status).toBe(403);
    expect((await agent.http('POST', `/accounts/${agent.accountId}/cash-flows`, { body: told() })).status).toBe(403);
    expect((await t.http('GET', `/accounts/${account}/cash-flows`, { token: await t.person('viewer') })).status).toBe(200);
    expect((await agent.http('GET', `/accounts/${agent.accountId}/cash-flows`)).status).toBe(200);
    expect((await agent.http('GET', `/accounts/${account}/cash-flows`)).body).toMatchObject({ status: 403, code: 'NOT_YOUR_AGENT' });
    const nowhere = '/accounts/01930000-0000-7000-8000-00000000dead/cash-flows';
    expect([(await t.http('GET', nowhere)).status, (await t.http('POST', nowhere, { body: told() })).status]).toEqual([404, 404]);
  });
});
