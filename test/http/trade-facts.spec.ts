import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
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

describe('a dated fact with its deal', () => {
  const deal = (more: Record<string, unknown> = {}) => ({ to: 'closed', ...exit, occurredAt: ago(5), brokerDealId: 'd1', grossProfit: '3', ...more });

  it('needs no version, and told again changes nothing', async () => {
    const trade = await open();
    await move(trade.id, { to: 'closing', version: 1 });
    const fact = deal();
    const first = await move(trade.id, fact);
    expect(first.body).toMatchObject({ status: 'closed', version: 3, exitTime: fact.occurredAt });
    const again = await move(trade.id, fact);
    expect(again.status).toBe(200);
    expect(again.body).toEqual({ ...first.body, repeated: true });
    expect(await history(trade.id)).toHaveLength(3);
    expect(await eventsOf(trade.id)).toHaveLength(3);
  });

  it('says in what it differs from what was told first, and keeps the first', async () => {
    const trade = await open();
    await move(trade.id, deal());
    const { status, body } = await move(trade.id, deal({ exitPrice: '1.3', occurredAt: ago(50) }));
    expect(status).toBe(200);
    expect(body).toMatchObject({ exitPrice: '1.2', version: 2, repeated: true, differs: ['exitPrice', 'occurredAt'] });
  });

  it('makes one thing of the trade, not another', async () => {
    const trade = await opened();
    await move(trade.id, { to: 'open', entryPrice: '1.1', occurredAt: ago(9), brokerDealId: 'd1' });
    expect(refused(await move(trade.id, deal()))).toEqual([409, 'TRADE_DEAL_REUSED']);
  });

  it('is one line, however many tell it at once through two instances', async () => {
    const trade = await open();
    const fact = deal();
    const answers = await Promise.all(Array.from({ length: 16 }, (_, i) => move(trade.id, fact, clientOf(i % 2 ? t.base : other.base, agent.apiKey))));
    expect(answers.map((answer) => answer.status)).toEqual(Array(16).fill(200));
    expect(answers.filter((answer) => answer.body.repeated)).toHaveLength(15);
    expect(await history(trade.id)).toHaveLength(2);
  });

  it('is marked late from a minute on, by the server\'s clock', async () => {
    const [soon, late] = [await open(), await open()];
    const fact = deal({ occurredAt: new Date().toISOString() });
    await t.db.advance(50);
    await move(soon.id, fact);
    await t.db.advance(20);
    await move(late.id, fact);
    expect((await history(soon.id))[1]).toMatchObject({ late: false });
    expect((await history(late.id))[1]).toMatchObject({ late: true });
  });

  it('may be 7 days old, and older only with the version', async () => {
    const [inTime, tooLate] = [await open(), await open()];
    const fact = deal({ occurredAt: new Date().toISOString() });
    await t.db.advance(7 * 86_400 - 60);
    expect((await move(inTime.id, fact)).status).toBe(200);
    await t.db.advance(120);
    expect(refused(await move(tooLate.id, fact))).toEqual([409, 'TRADE_FACT_TOO_OLD']);
    expect((await move(inTime.id, fact)).body).toMatchObject({ repeated: true });
    expect((await move(tooLate.id, { ...fact, version: 1 })).status).toBe(200);
  });

  it('finds its place when the entry is told after the exit', async () => {
    const trade = await opened();
    const [entryAt, exitAt] = [ago(300), ago(100)];
    await move(trade.id, deal({ occurredAt: exitAt, brokerDealId: 'out' }));
    expect(await read(trade.id)).toMatchObject({ status: 'closed', entryPrice: null, entryTime: null });
    const entry = { to: 'open', entryPrice: '1.1', commission: '-1', grossProfit: '0', occurredAt: entryAt, brokerDealId: 'in' };
    const told = await move(trade.id, entry);
    expect(told.body).toMatchObject({ status: 'closed', version: 3, entryPrice: '1.1', entryTime: entryAt, exitTime: exitAt, grossProfit: '3', netProfit: '2' });
    expect((await move(trade.id, entry)).body).toMatchObject({ version: 3, repeated: true });
    expect((await history(trade.id)).map(({ from, to, late }) => [from, to, late])).toEqual([
      [null, 'pending', false], ['pending', 'closed', true], ['pending', 'open', true],
    ]);
    expect(await eventsOf(trade.id)).toEqual(['trade.pending', 'trade.closed', 'trade.past_fact']);
    expect(refused(await move(trade.id, { ...entry, brokerDealId: 'in2', occurredAt: ago(50) }))).toEqual([409, 'TRADE_TRANSITION_INVALID']);
  });
});
