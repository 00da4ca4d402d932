import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Answer, type Client, clientOf } from '../support/http.js';

interface Trade {
  id: string; status: string; version: number; entryPrice: string | null; entryTime: string | null; exitPrice: string | null; exitTime: string | null;
  exitReason: string | null; netProfit: string | null; grossProfit: string | null; finishedAt: string | null; repeated?: boolean; differs?: string[];
}
interface Step {
  version: number; from: string | null; to: string; occurredAt: string; late: boolean; brokerDealId: string | null; facts: Record<string, unknown>;
  reason: string | null; actor: string;
}
interface Refusal { code: string; detail: string; errors?: { path: string; message: string }[] }

let t: TestApp;
let other: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  other = await t.second();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterEach(() => t.db.query(`update test_clock set shift = '0'`));
afterAll(async () => {
  await other.close();
  await t.close();
});

let orders = 0;
const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();
const opened = async (more: Record<string, unknown> = {}): Promise<Trade> => {
  const body = { clientOrderId: `o-${++orders}`, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', ...more };
  return (await agent.http<Trade>('POST', '/trades', { body })).body;
};
const open = (more: Record<string, unknown> = {}) => opened({ entryPrice: '1.1', entryTime: ago(600), ...more });
const move = (id: string, body: Record<string, unknown>, http: Client = agent.http): Promise<Answer<Trade & Refusal>> =>
  http('POST', `/trades/${id}/transitions`, { body });
const history = async (id: string): Promise<Step[]> => (await t.http<{ items: Step[] }>('GET', `/trades/${id}/transitions`)).body.items;
const read = async (id: string): Promise<Trade> => (await t.http<Trade>('GET', `/trades/${id}`)).body;
const eventsOf = async (id: string) => (await t.db.query('select type from events where subject_id = $1 order by seq', [id])).map((row) => row['type']);
const refused = ({ status, body }: Answer<Trade & Refusal>) => [status, body.code];
const exit = { exitPrice: '1.2', exitReason: 'target' };

describe('a transition by version', () => {
  it('moves the trade, writes a line of history and an event, and ends with the exact sum', async () => {
    const trade = await open();
    expect((await move(trade.id, { to: 'closing', version: 1, exitReason: 'operator', reason: 'asked to' })).body).toMatchObject({ status: 'closing', version: 2, finishedAt: null });
    const closed = await move(trade.id, {
      to: 'closed', version: 2, ...exit, occurredAt: ago(5), grossProfit: '100.10', commission: '-0.7', swap: '0.05', fee: '-0.000000000000000001', netProfit: '99.449999999999999999',
    });
    expect(closed.status).toBe(200);
    expect(closed.body).toMatchObject({
      status: 'closed', version: 3, exitPrice: '1.2', exitReason: 'target', grossProfit: '100.1', netProfit: '99.449999999999999999', finishedAt: expect.any(String),
    });
    expect(await history(trade.id)).toEqual([
      expect.objectContaining({ version: 1, from: null, to: 'open' }),
      expect.objectContaining({ version: 2, from: 'open', to: 'closing', reason: 'asked to', facts: { exitReason: 'operator' }, late: false }),
      expect.objectContaining({ version: 3, from: 'closing', to: 'closed', actor: `agent:${agent.id}`, facts: expect.objectContaining({ exitPrice: '1.2', grossProfit: '100.1' }) }),
    ]);
    expect(await eventsOf(trade.id)).toEqual(['trade.opened', 'trade.closing', 'trade.closed']);
    const [event] = await t.db.query(`select agent_id, account_id, data from events where subject_id = $1 and type = 'trade.closed'`, [trade.id]);
    expect(event).toMatchObject({ agent_id: agent.id, account_id: expect.any(String), data: { netProfit: '99.449999999999999999', exitReason: 'target' } });
  });

  it('is refused on another version, which the answer names', async () => {
    const trade = await open();
    await move(trade.id, { to: 'closing', version: 1 });
    const late = await move(trade.id, { to: 'closed', version: 1, ...exit });
    expect(refused(late)).toEqual([409, 'TRADE_VERSION_CONFLICT']);
    expect(late.body.detail).toContain('version 2 (closing)');
    expect(await history(trade.id)).toHaveLength(2);
  });

  it('is won by exactly one of many at the same version, through two instances', async () => {
    for (let round = 0; round < 5; round++) {
      const trade = await open();
      const answers = await Promise.all(Array.from({ length: 16 }, (_, i) => {
        const http = clientOf(i % 2 ? t.base : other.base, agent.apiKey);
        return move(trade.id, i % 3 ? { to: 'closing', version: 1 } : { to: 'closed', version: 1, ...exit }, http);
      }));
      expect(answers.map((answer) => answer.status).sort()).toEqual([200, ...Array<number>(15).fill(409)]);
      expect(await history(trade.id)).toHaveLength(2);
      expect(await eventsOf(trade.id)).toHaveLength(2);
    }
  });

  it('needs the version, or a dated deal; a date or a deal alone is nothing', async () => {
    const trade = await open();
    for (const guard of [{}, { occurredAt: ago(5) }, { brokerDealId: 'd1' }]) {
      expect(refused(await move(trade.id, { to: 'closed', ...exit, ...guard }))).toEqual([409, 'TRADE_GUARD_MISSING']);
    }
    expect((await read(trade.id)).status).toBe('open');
  });

  it('follows the states: what is closed stays closed', async () => {
    const trade = await open();
    expect(refused(await move(trade.id, { to: 'pending', version: 1 }))).toEqual([409, 'TRADE_TRANSITION_INVALID']);
    expect(refused(await move(trade.id, { to: 'rejected', version: 1 }))).toEqual([409, 'TRADE_TRANSITION_INVALID']);
    await move(trade.id, { to: 'closed', version: 1, ...exit });
    for (const to of ['open', 'closing', 'unknown', 'closed']) {
      expect(refused(await move(trade.id, { to, version: 2, ...(to === 'closed' ? exit : {}) }))).toEqual([409, 'TRADE_TRANSITION_INVALID']);
    }
    const pending = await opened();
    expect(refused(await move(pending.id, { to: 'closing', version: 1, entryPrice: '1' }))).toEqual([409, 'TRADE_TRANSITION_INVALID']);
    expect((await move(pending.id, { to: 'expired', version: 1 })).body).toMatchObject({ status: 'expired', finishedAt: expect.any(String) });
  });

  it('opens at the price that was got, not the one asked for', async () => {
    const trade = await opened({ entryPrice: '1.1' });
    const without = await move(trade.id, { to: 'open', version: 1 });
    expect([without.status, without.body.errors?.[0]?.path]).toEqual([400, 'entryPrice']);
    const at = ago(3);
    expect((await move(trade.id, { to: 'open', version: 1, entryPrice: '1.1002', occurredAt: at })).body)
      .toMatchObject({ entryPrice: '1.1002', entryTime: at, version: 2 });
    expect(await eventsOf(trade.id)).toEqual(['trade.pending', 'trade.opened']);
  });

  it('goes back to open when a close failed, which opens nothing', async () => {
    const trade = await open();
    await move(trade.id, { to: 'closing', version: 1, exitReason: 'signal' });
    expect((await move(trade.id, { to: 'open', version: 2 })).body).toMatchObject({ status: 'open', exitReason: null, entryPrice: '1.1' });
    expect(await eventsOf(trade.id)).toEqual(['trade.opened', 'trade.closing', 'trade.reopened']);
  });

  it('is replayed for one Idempotency-Key, and adds no line', async () => {
    const trade = await open();
    const ask = { body: { to: 'closing', version: 1 }, headers: { 'idempotency-key': `t-${trade.id}` } };
    const first = await agent.http('POST', `/trades/${trade.id}/transitions`, ask);
    const again = await agent.http('POST', `/trades/${trade.id}/transitions`, ask);
    expect([again.status, again.headers.get('idempotency-replayed'), again.body]).toEqual([200, 'true', first.body]);
    expect(await history(trade.id)).toHaveLength(2);
  });
});

describe('what a transition may not say', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['closed without a price', { to: 'closed', version: 1, exitReason: 'stop' }, 'exitPrice'],
    ['closed without a reason', { to: 'closed', version: 1, exitPrice: '1' }, 'exitReason'],
    ['a reason that is none', { to: 'closed', version: 1, exitPrice: '1', exitReason: 'tp' }, 'exitReason'],
    ['an exit price while it closes', { to: 'closing', version: 1, exitPrice: '1' }, 'exitPrice'],
    ['a negative exit price', { to: 'closed', version: 1, exitPrice: '-1', exitReason: 'stop' }, 'exitPrice'],
    ['a profit of NaN', { to: 'closed', version: 1, ...exit, grossProfit: 'NaN' }, 'grossProfit'],
    ['a swap of Infinity', { to: 'closed', version: 1, ...exit, swap: '-Infinity' }, 'swap'],
    ['a time without a zone', { to: 'closing', version: 1, occurredAt: '2026-01-05T10:00:00' }, 'occurredAt'],
    ['a version of 0', { to: 'closing', version: 0 }, 'version'],
    ['a version that is text', { to: 'closing', version: '1' }, 'version'],
    ['no state', { version: 1 }, 'to'],
    ['a state that is none', { to: 'done', version: 1 }, 'to'],
    ['a field that is none', { to: 'closing', version: 1, pnl: 1 }, ''],
    ['a deal id that is too long', { to: 'closing', occurredAt: ago(1), brokerDealId: 'd'.repeat(101) }, 'brokerDealId'],
  ])('%s', async (_name, body, path) => {
    const trade = await open();
    const answer = await move(trade.id, body);
    expect(refused(answer)).toEqual([400, 'VALIDATION_FAILED']);
    if (path) expect(answer.body.errors?.map((error) => error.path)).toContain(path);
    expect(await history(trade.id)).toHaveLength(1);
  });

  it('a time more than 120 s ahead: usually broker time sent as UTC', async () => {
    const trade = await open();
    const answer = await move(trade.id, { to: 'closed', ...exit, occurredAt: ago(-7_200), brokerDealId: 'd1' });
    expect([...refused(answer), answer.body.errors?.[0]?.path]).toEqual([400, 'TIME_IN_FUTURE', 'occurredAt']);
    expect((await move(trade.id, { to: 'closed', ...exit, occurredAt: ago(-60), brokerDealId: 'd1' })).status).toBe(200);
  });
});

describe('the times of a trade', () => {
  const before1990 = (answer: Answer<Trade & Refusal>) => [...refused(answer), answer.body.errors?.[0]?.path, answer.body.errors?.[0]?.message];

  it.each(['1970-01-01T00:00:00.000Z', 0, '1989-12-31T23:59:59.999Z'])('begin in 1990: %p of an exit is refused, and nothing has changed', async (occurredAt) => {
    const trade = await open();
    expect(before1990(await move(trade.id, { to: 'closed', version: 1, ...exit, occurredAt }))).toEqual([400, 'VALIDATION_FAILED', 'occurredAt', 'must be 1990 or later']);
    expect(await history(trade.id)).toHaveLength(1);
  });

  it.each(['1970-01-01T00:00:00.000Z', 0])('begin in 1990: %p of an entry is refused', async (entryTime) => {
    const body = { clientOrderId: `o-${++orders}`, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1', entryTime };
    expect(before1990(await agent.http<Trade & Refusal>('POST', '/trades', { body }))).toEqual([400, 'VALIDATION_FAILED', 'entryTime', 'must be 1990 or later']);
  });
});

describe('the profit of a trade', () => {
  it.each([
    ['0.1', '0.2', null, null, '0.3'],
    ['0.1', '0.2', '-0.3', null, '0'],
    ['1234567890.123456789012345678', '-0.000000000000000001', null, null, '1234567890.123456789012345677'],
    ['9999999999.999999999999999999', '0.000000000000000001', null, null, '10000000000'],
    ['-5', '-1.50', '-0.25', '-0.25', '-7'],
    ['0', null, null, null, '0'],
    [null, '-1', '-2', '-3', null],
  ])('%s with costs %s, %s, %s is %s', async (grossProfit, commission, swap, fee, netProfit) => {
    const trade = await open();
    const { body } = await move(trade.id, { to: 'closed', version: 1, ...exit, grossProfit, commission, swap, fee });
    expect(body.netProfit).toBe(netProfit);
    expect((await read(trade.id)).netProfit).toBe(netProfit);
  });

  it('may be told as a check, and a cost with the wrong sign is found', async () => {
    const trade = await open();
    const wrong = await move(trade.id, { to: 'closed', version: 1, ...exit, grossProfit: '10', commission: '1', netProfit: '9' });
    expect([wrong.status, wrong.body.errors?.[0]?.path]).toEqual([400, 'netProfit']);
    const alone = await move(trade.id, { to: 'closed', version: 1, ...exit, netProfit: '9' });
    expect([alone.status, alone.body.errors?.[0]?.path]).toEqual([400, 'grossProfit']);
    expect(await read(trade.id)).toMatchObject({ status: 'open', version: 1, grossProfit: null });
    expect((await move(trade.id, { to: 'closed', version: 1, ...exit, grossProfit: '10', commission: '-1', netProfit: '9.00' })).status).toBe(200);
  });
});

describe('the history of trades', () => {
  it.each(['writer', 'owner'] as const)('cannot be changed, emptied or deleted by the %s', async (role) => {
    const trade = await open();
    const client = new pg.Client({ connectionString: role === 'writer' ? t.db.url : t.db.ownerUrl });
    await client.connect();
    try {
      for (const statement of [
        `update trade_transitions set reason = 'x' where trade_id = '${trade.id}'`, `delete from trade_transitions where trade_id = '${trade.id}'`,
        `update trade_transitions set reason = 'x' where false`, 'truncate trade_transitions',
      ]) {
        await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
      }
    } finally {
      await client.end();
    }
    expect(await history(trade.id)).toHaveLength(1);
  });

  it('is told oldest first, in pages', async () => {
    const trade = await open();
    await move(trade.id, { to: 'closing', version: 1 });
    await move(trade.id, { to: 'open', version: 2 });
    const page = async (cursor = '') => (await t.http<{ items: Step[]; nextCursor: string | null }>('GET', `/trades/${trade.id}/transitions?limit=2${cursor}`)).body;
    const first = await page();
    const second = await page(`&cursor=${first.nextCursor}`);
    expect([...first.items, ...second.items].map((step) => step.version)).toEqual([1, 2, 3]);
    expect(second.nextCursor).toBeNull();
  });
});

describe('who may move a trade', () => {
  it('its agent with the scope "records", and an operator with a reason', async () => {
    const trade = await open();
    const [viewer, operator] = [await t.person('viewer'), await t.person('operator')];
    const as = (token: string, body: Record<string, unknown>) => move(trade.id, body, clientOf(t.base, token));
    expect((await as(viewer, { to: 'unknown', version: 1, reason: 'lost' })).status).toBe(403);
    const silent = await as(operator, { to: 'unknown', version: 1 });
    expect([silent.status, silent.body.errors?.[0]?.path]).toEqual([400, 'reason']);
    expect((await as(operator, { to: 'unknown', version: 1, reason: 'the terminal is gone' })).body).toMatchObject({ status: 'unknown', version: 2 });
    expect((await history(trade.id))[1]).toMatchObject({ reason: 'the terminal is gone', actor: expect.stringMatching(/^user:/) });
    const { body: key } = await t.http<{ apiKey: string }>('POST', `/agents/${agent.id}/keys`, { body: { name: 'commands only', scopes: ['commands'] } });
    expect((await as(key.apiKey, { to: 'open', version: 2 })).status).toBe(403);
    expect((await move(trade.id, { to: 'open', version: 2 })).status).toBe(200);
  });

  it('no other agent, and nobody a trade that is not there', async () => {
    const trade = await open();
    const stranger = await t.agent();
    expect(refused(await move(trade.id, { to: 'closing', version: 1 }, stranger.http))).toEqual([403, 'NOT_YOUR_AGENT']);
    expect(refused(await move(trade.id, { to: 'closed', ...exit, occurredAt: ago(1), brokerDealId: 'd' }, stranger.http))).toEqual([403, 'NOT_YOUR_AGENT']);
    expect((await move('019a0000-0000-7000-8000-00000000dead', { to: 'closing', version: 1 })).status).toBe(404);
    expect(await history(trade.id)).toHaveLength(1);
  });
});
