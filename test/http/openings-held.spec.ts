import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Idea, limit, limitAll, propose, trader } from '../support/ideas.js';

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());
beforeEach(async () => {
  await limitAll(t);
  agent = await trader(t);
});

const handedOut = async (): Promise<string[]> =>
  (await agent.http<{ commands: { type: string }[] }>('POST', '/agents/me/commands/lease', { body: { max: 10 } })).body.commands.map(({ type }) => type);
const command = (type: string) => t.http('POST', `/agents/${agent.id}/commands`, { body: { type } });
const change = (body: object) => t.http('PATCH', `/agents/${agent.id}`, { body });
const trade = (more: object) => agent.http<{ origin: string }>('POST', '/trades', { body: {
  clientOrderId: crypto.randomUUID(), symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1002', entryTime: new Date().toISOString(), stopLoss: '1.09', ...more,
} });

describe('an opening that was let through and waits to be handed out', () => {
  beforeEach(async () => expect((await propose(agent, { validForSeconds: 3_600 })).body.status).toBe('auto_executed'));

  it.each<[string, () => Promise<unknown>]>([
    ['trading is switched off for everybody', () => limitAll(t, { aiTradingEnabled: false })],
    ['trading is switched off on the account', () => limit(t, 'account', agent.accountId, { aiTradingEnabled: false })],
    ['trading is switched off for the agent', () => limit(t, 'agent', agent.id, { aiTradingEnabled: false })],
    ['the agent trades in another mode', () => change({ mode: 'simulation' })],
    ['the agent trades on another account', () => change({ account: `another ${agent.id}` })],
  ])('stays where it is when %s', async (_what, prepare) => {
    await prepare();
    expect(await handedOut()).toEqual([]);
  });

  it('is handed out while trading is on', async () => expect(await handedOut()).toEqual(['open_trade']));

  it.each(['pause', 'stop', 'kill', 'flatten'])('ends when the agent is told to %s, and does not come back with it', async (type) => {
    expect((await command(type)).status).toBe(201);
    expect(await handedOut()).toEqual([type]);
    await command('start');
    expect(await handedOut()).toEqual(['start']);
  });
});

describe('of a strategy that is not to trade any more', () => {
  it.each<[string, (id: string) => Promise<unknown>]>([
    ['trading is switched off for it', (id) => limit(t, 'strategy', id, { aiTradingEnabled: false })],
    ['it is retired', (id) => t.http('POST', `/strategies/${id}/retire`, { body: { reason: 'a test' } })],
  ])('an opening stays where it is when %s', async (_what, prepare) => {
    const { body: { id } } = await t.http<{ id: string }>('POST', '/strategies', { body: { name: `s ${agent.id}`, isActive: true } });
    expect((await propose(agent, { strategyId: id, validForSeconds: 3_600 })).body.status).toBe('auto_executed');
    await prepare(id);
    expect(await handedOut()).toEqual([]);
  });
});

describe('an idea of a mode that the agent has left', () => {
  it('is refused when it is approved, and promises nothing in either book', async () => {
    const { body } = await propose(agent, { confidence: '0.1' });
    await change({ mode: 'simulation' });
    const approved = await t.http<Idea & { reasons: { code: string }[] }>('POST', `/trade-ideas/${body.id}/approve`, { body: { digest: body.digest } });
    expect(approved.body).toMatchObject({ status: 'rejected', commandId: null, reasons: [{ code: 'MODE_MISMATCH' }] });
    expect(await t.db.query(`select 1 from reservations where idea_id = $1`, [body.id])).toEqual([]);
  });
});

describe('a trade that names its command', () => {
  const idea = (more: object = {}, query = '') => propose(agent, { validForSeconds: 3_600, ...more }, query).then(({ body }) => body);

  it('is what was let through when the command was handed out', async () => {
    const { commandId } = await idea({}, '?lease=1');
    expect((await trade({ commandId })).body.origin).toBe('gated');
  });

  it('is not when the command was never handed out: nothing let the agent send it', async () => {
    const { commandId, id } = await idea();
    await t.http('POST', '/kill-switch', { body: { scope: { type: 'agent', id: agent.id }, mode: 'halt', reason: 'a test' } });
    expect((await trade({ commandId })).body.origin).toBe('ungated');
    expect((await trade({ ideaId: id })).body.origin).toBe('ungated');
  });

  it('does not take the place of one that may still be handed out: both count', async () => {
    const { commandId, id } = await idea();
    await limit(t, 'account', agent.accountId, { maxConcurrentTrades: 2 });
    expect((await trade({ commandId })).body).toMatchObject({ origin: 'ungated', commandId: null, ideaId: id });
    expect((await idea()).decision.reasons).toMatchObject([{ code: 'TRADES_CONCURRENT', actual: '3' }]);
    expect(await handedOut()).toEqual(['open_trade']);
  });

  it('is not under another product', async () => {
    const { commandId } = await idea({ product: 'CNC' }, '?lease=1');
    expect((await trade({ commandId, product: 'MIS' })).body.origin).toBe('ungated');
    expect((await trade({ commandId, product: 'CNC' })).body.origin).toBe('gated');
  });
});
