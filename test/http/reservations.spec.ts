import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Sweeper } from '../../src/commands/sweeper.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Idea, ideaOf, limit, limitAll, propose, quote, trader } from '../support/ideas.js';

interface Book {
  executionMode: string; trades: number; reservations: number; grossNotional: string | null; openRisk: string | null; reservedRisk: string | null; netByCurrency: Record<string, string> | null;
  unknown: { code: string }[]; symbols: { symbol: string; trades: number; reservations: number; openRisk: string | null }[]; held: { kind: string; id: string; size: string; agentId: string; external: boolean; stop: string | null }[];
  limits: Record<string, { value: string | number; from: string }[]>;
}
interface Trade { id: string; origin: string; orderTag: string; ideaId: string | null; commandId: string | null }

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  await limitAll(t);
});
afterAll(() => t.close());
beforeEach(async () => {
  agent = await trader(t);
  await limit(t, 'account', agent.accountId, { maxConcurrentTrades: 1 });
});

const book = async (who = agent, query = '') => (await t.http<{ items: Book[] }>('GET', `/risk/exposure?accountId=${who.accountId}${query}`)).body.items[0] as Book;
const trade = (more: object, who = agent) => who.http<Trade & { code?: string }>('POST', '/trades', {
  body: { clientOrderId: `c-${Math.random()}`, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1', entryTime: new Date().toISOString(), stopLoss: '1.09', ...more },
});
const held = async () => (await book()).held.map(({ kind, id }) => ({ kind, id }));
const opened = async (more: object = {}): Promise<Idea> => {
  const { body } = await propose(agent, more, '?lease=1');
  expect(body).toMatchObject({ status: 'auto_executed', command: { leaseToken: expect.any(String) } });
  return body;
};
const fail = (idea: Idea, outcome: string) => agent.http('POST', `/commands/${idea.commandId}/fail`, { body: { leaseToken: idea.command?.leaseToken, outcome, error: { code: 'X' } } });
const complete = (idea: Idea) => agent.http('POST', `/commands/${idea.commandId}/complete`, { body: { leaseToken: idea.command?.leaseToken } });
const isRefused = async () => expect((await propose(agent)).body).toMatchObject({ status: 'rejected', decision: { reasons: [{ code: 'TRADES_CONCURRENT', actual: '2', limit: '1' }] } });
const written = (idea: Idea) => t.db.query<{ ended_as: string | null; trade_id: string | null }>(`select ended_as, trade_id from reservations where command_id = $1`, [idea.commandId]);

describe('what is reserved for an opening', () => {
  it.each(['not_sent', 'rejected'])('is free again when the agent says %s', async (outcome) => {
    const idea = await opened();
    await isRefused();
    await fail(idea, outcome);
    expect(await ideaOf(t, idea.id)).toMatchObject({ reservation: { held: false, endedAs: 'released', tradeId: null } });
    await opened();
    expect(await written(idea)).toEqual([{ ended_as: 'released', trade_id: null }]);
  });

  it('is free again when its command expires or is cancelled in the queue', async () => {
    const { body: first } = await propose(agent);
    await t.db.query(`update agent_commands set expires_at = app_clock() where id = $1`, [first.commandId]);
    await t.app.get(Sweeper).sweep();
    expect(await held()).toEqual([]);
    const { body: second } = await propose(agent);
    await t.http('POST', `/commands/${second.commandId}/cancel`, { body: { reason: 'no' } });
    expect(await held()).toEqual([]);
    await opened();
  });

  it('stays while nobody knows: said unknown, or not heard of again; a person settles it', async () => {
    const idea = await opened();
    await fail(idea, 'unknown');
    await isRefused();
    await t.http('POST', `/commands/${idea.commandId}/settle`, { body: { outcome: 'not_sent', reason: 'looked at the terminal' } });
    const silent = await opened();
    await t.db.query(`update agent_commands set lease_expires_at = app_clock() where id = $1`, [silent.commandId]);
    await t.app.get(Sweeper).sweep();
    expect((await t.http('GET', `/commands/${silent.commandId}`)).body).toMatchObject({ status: 'unknown' });
    await isRefused();
  });

  it('stays when it was done and no trade was told, until a person has looked', async () => {
    const idea = await opened();
    const release = (id = idea.id) => t.http<Idea>('POST', `/trade-ideas/${id}/release`, { body: { reason: 'nothing at the broker' } });
    expect((await release()).body).toMatchObject({ code: 'RESERVATION_NOT_STUCK' });
    await complete(idea);
    await isRefused();
    expect((await release()).status).toBe(200);
    expect((await release()).body).toMatchObject({ code: 'RESERVATION_NOT_STUCK' });
    await opened();
  });

  it('becomes the trade that names its command, and nothing counts twice', async () => {
    const idea = await opened();
    const { body } = await trade({ commandId: idea.commandId });
    expect(body).toMatchObject({ origin: 'gated', orderTag: idea.command?.payload['orderTag'], ideaId: idea.id, commandId: idea.commandId });
    expect(await held()).toEqual([{ kind: 'trade', id: body.id }]);
    await isRefused();
    expect(await written(idea)).toEqual([{ ended_as: 'converted', trade_id: body.id }]);
    await expect(t.db.query(`update reservations set ended_at = null, ended_as = null, trade_id = null where command_id = $1`, [idea.commandId])).rejects.toThrow(/append-only/);
    await complete(idea);
    await agent.http('POST', `/trades/${body.id}/transitions`, { body: { to: 'closed', version: 1, exitPrice: '1.1', exitReason: 'signal' } });
    expect(await held()).toEqual([]);
    await opened();
  });

  it('becomes a trade that names the idea', async () => {
    const idea = await opened();
    expect((await trade({ ideaId: idea.id })).body).toMatchObject({ origin: 'gated', commandId: idea.commandId, orderTag: idea.command?.payload['orderTag'] });
    expect((await held()).map(({ kind }) => kind)).toEqual(['trade']);
  });

  it('counts what may still enter of a pending trade, and of one that was filled in part, while the command goes on', async () => {
    const idea = await opened({ lotSize: '1' });
    const { body } = await trade({ commandId: idea.commandId, lotSize: '0.4', entryPrice: '1.1', entryTime: null, status: 'pending' });
    expect((await book()).held).toMatchObject([{ kind: 'trade', size: '1' }]);
    await agent.http('POST', `/trades/${body.id}/fills`, { body: { brokerDealId: `d-${idea.id}`, role: 'entry', price: '1.1', size: '0.3', at: new Date().toISOString() } });
    expect((await book()).held).toMatchObject([{ kind: 'trade', size: '1' }]);
    await complete(idea);
    expect((await book()).held).toMatchObject([{ kind: 'trade', size: '0.3' }]);
  });
});

describe('a trade that names what was let through', () => {
  it.each([['larger', { lotSize: '0.11' }], ['the other way', { direction: 'short', stopLoss: '1.11' }], ['of another symbol', { symbol: 'GBPUSD' }]])('and is %s, did not pass the gate', async (_what, more) => {
    const idea = await opened();
    const { body } = await trade({ commandId: idea.commandId, ...more });
    expect(body).toMatchObject({ origin: 'ungated', commandId: idea.commandId });
    expect(body.orderTag).not.toBe(idea.command?.payload['orderTag']);
  });

  it('a second time, did not pass the gate', async () => {
    const idea = await opened();
    const told = await Promise.all(Array.from({ length: 4 }, () => trade({ commandId: idea.commandId })));
    expect(told.map(({ status, body }) => [status, body.origin]).sort()).toEqual([[201, 'gated'], [201, 'ungated'], [201, 'ungated'], [201, 'ungated']]);
  });

  it('is of the agent that executes it', async () => {
    const idea = await opened();
    const other = await trader(t);
    expect((await trade({ ideaId: idea.id }, other)).body).toMatchObject({ code: 'IDEA_OF_ANOTHER_AGENT' });
    expect((await trade({ commandId: idea.commandId }, other)).body).toMatchObject({ code: 'COMMAND_OF_ANOTHER_AGENT' });
    expect((await trade({}, other)).body).toMatchObject({ origin: 'ungated', ideaId: null });
  });
});

describe('the exposure of a book', () => {
  it('sums what is held and reserved, by currency and symbol, beside its limits', async () => {
    await limit(t, 'account', agent.accountId, { maxConcurrentTrades: 5, maxOpenRiskAmount: '900' });
    await opened();
    await trade({ lotSize: '0.2' });
    await quote(agent, '1.2', '1.2002', 'GBPUSD');
    await propose(agent, { symbol: 'GBPUSD', direction: 'short', stopLoss: '1.21', takeProfit: '1.17', lotSize: '0.3' });
    const seen = await book();
    expect(seen).toMatchObject({
      executionMode: 'paper', trades: 1, reservations: 2, openRisk: '602', reservedRisk: '402', unknown: [],
      netByCurrency: { EUR: '33003', GBP: '-36003', USD: expect.any(String) },
      limits: { maxConcurrentTrades: [{ value: 5, from: 'account' }], maxOpenRiskAmount: [{ value: '900', from: 'account' }], maxGrossExposureAmount: [] },
    });
    expect(seen.symbols.map(({ symbol, trades, reservations }) => [symbol, trades, reservations]).sort()).toEqual([['EURUSD', 1, 1], ['GBPUSD', 0, 1]]);
    expect((await t.http<{ items: Book[] }>('GET', `/risk/exposure?accountId=${agent.accountId}&executionMode=live`)).body.items).toEqual([]);
  });

  it('says what it does not know, instead of leaving it out of a sum', async () => {
    await trade({ stopLoss: null });
    expect(await book()).toMatchObject({ openRisk: null, unknown: [{ code: 'STOP_MISSING' }] });
  });

  it('shows a key its own account, and of others in it the sums only', async () => {
    const { account } = (await t.http<{ account: string }>('GET', `/agents/${agent.id}`)).body;
    const other = await trader(t, { account });
    await opened();
    const { items } = (await other.http<{ items: Book[] }>('GET', '/risk/exposure')).body;
    expect(items).toMatchObject([{ accountId: agent.accountId, reservations: 1, held: [] }]);
    expect((await other.http('GET', `/risk/exposure?accountId=${(await trader(t)).accountId}`)).body).toMatchObject({ code: 'NOT_YOUR_ACCOUNT' });
  });

  it('is paged by account', async () => {
    const seen: unknown[] = [];
    for (let cursor = ''; ;) {
      const { items, nextCursor } = (await t.http<{ items: { accountId: string }[]; nextCursor: string | null }>('GET', `/risk/exposure?limit=3${cursor}`)).body;
      seen.push(...items.map(({ accountId }) => accountId));
      if (nextCursor === null) break;
      cursor = `&cursor=${nextCursor}`;
    }
    expect([seen.length, seen.includes(agent.accountId)]).toEqual([new Set(seen).size, true]);
  });
});
