import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Schedules } from '../../src/database/schedules.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Idea, ideaOf, limit, limitAll, propose, quote, trader } from '../support/ideas.js';

/** What systems before this one did wrong, and no other spec shows. */
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

interface Told { id: string; type: string; leaseToken: string }
const codes = ({ body }: { body: Idea }) => body.decision.reasons.map(({ code }) => code);
const lease = async () => (await agent.http<{ commands: Told[] }>('POST', '/agents/me/commands/lease', { body: { max: 10 } })).body.commands;
const due = async (...names: string[]) => {
  await t.db.query(`update schedules set next_run_at = clock_timestamp() where name = any($1)`, [names]);
  await t.app.get(Schedules).runDue();
};
const order = (type: string, payload?: object) => t.http<{ id: string; code?: string }>('POST', `/agents/${agent.id}/commands`, { body: { type, ...(payload && { payload }) } });
const impose = (mode: string) => t.http('POST', '/kill-switch', { body: { scope: { type: 'agent', id: agent.id }, mode, reason: 'a test' } });
const openTrade = async (more: object = {}) => {
  const { body: idea } = await propose(agent, {}, '?lease=1');
  const { body } = await agent.http<{ id: string; origin: string; version: number }>('POST', '/trades', { body: {
    clientOrderId: randomUUID(), symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1002', entryTime: new Date().toISOString(), stopLoss: '1.09', commandId: idea.commandId, ...more,
  } });
  await agent.http('POST', `/commands/${idea.commandId}/complete`, { body: { leaseToken: idea.command?.leaseToken } });
  expect(body.origin).toBe('gated');
  return body;
};

describe('an exit', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['trading is off for everybody', () => limitAll(t, { aiTradingEnabled: false, maxConcurrentTrades: 0, maxLotSize: '0' })],
    ['the agent is paused', async () => { await order('pause'); await lease(); }],
    ['the agent is told to stop', async () => { await order('stop'); await lease(); }],
    ['only reducing', () => impose('reduce')],
    ['halted', () => impose('halt')],
  ])('reaches the agent while %s', async (_what, prepare) => {
    const trade = await openTrade();
    await prepare();
    expect((await order('close_trade', { tradeId: trade.id })).status).toBe(201);
    expect((await lease()).map(({ type }) => type)).toEqual(['close_trade']);
    expect(codes(await propose(agent))).not.toEqual([]);
  });

  it('without a position is no order: nothing is queued, and nothing opens the other way', async () => {
    const trade = await openTrade();
    await agent.http('POST', `/trades/${trade.id}/transitions`, { body: { to: 'closed', version: trade.version, exitPrice: '1.1', exitReason: 'stop', occurredAt: new Date().toISOString() } });
    expect((await order('close_trade', { tradeId: trade.id })).body.code).toBe('TRADE_NOT_OPEN');
    expect(await lease()).toEqual([]);
  });

  it('of another agent on the same account, in another mode, is nobody else\'s', async () => {
    const trade = await openTrade();
    const other = await t.agent({ account: agent.name, mode: 'simulation' });
    const closed = await other.http('POST', `/trades/${trade.id}/transitions`, { body: { to: 'closed', version: trade.version, exitPrice: '1.1', exitReason: 'signal', occurredAt: new Date().toISOString() } });
    expect(closed.status).toBe(403);
  });
});

describe('an order of which nobody knows whether it was sent', () => {
  it('is not sent again by anybody: not by the clock, not by a person, and not as a new idea beyond a limit', async () => {
    await limit(t, 'account', agent.accountId, { maxConcurrentTrades: 1 });
    const { body } = await propose(agent, {}, '?lease=1');
    const failed = await agent.http('POST', `/commands/${body.commandId}/fail`, { body: { leaseToken: body.command?.leaseToken, outcome: 'unknown', error: { code: 'TIMEOUT', message: 'no answer' } } });
    expect(failed).toMatchObject({ status: 200, body: { status: 'unknown' } });
    expect((await t.http<{ code: string }>('POST', `/commands/${body.commandId}/requeue`, { body: { reason: 'try again' } })).body.code).toBe('COMMAND_NOT_DEAD');
    expect(codes(await propose(agent))).toEqual(['TRADES_CONCURRENT']);
    await t.db.query(`update agent_commands set lease_expires_at = null, expires_at = clock_timestamp() - interval '1 hour' where id = $1`, [body.commandId]);
    await due('ideas.look', 'reservations.compact');
    expect((await lease()).filter(({ type }) => type === 'open_trade')).toEqual([]);
    expect((await ideaOf(t, body.id)).reservation).toMatchObject({ held: true });
  });
});

describe('one intent that comes many times', () => {
  it('is one order, whoever sends it and with whatever keys', async () => {
    await limit(t, 'account', agent.accountId, { duplicateIntentSeconds: 60 });
    const answers = await Promise.all(Array.from({ length: 8 }, () => propose(agent, {}, '', { 'idempotency-key': randomUUID() })));
    expect(answers.map(({ body }) => body.status).sort()).toEqual(['auto_executed', ...Array.from({ length: 7 }, () => 'rejected')]);
    expect(answers.flatMap(codes).filter((code) => code !== 'INTENT_DUPLICATE')).toEqual([]);
    expect(await lease()).toHaveLength(1);
  });
});

describe('ideas that are open when everything is stopped', () => {
  it('are kept, and open nothing: neither approved, nor when their price comes', async () => {
    const { body: asked } = await propose(agent, { confidence: '0.1' });
    const { body: waits } = await propose(agent, { entryRange: { low: '1.2', high: '1.21' }, stopLoss: '1.19', takeProfit: '1.3', validForSeconds: 3_600 });
    expect([asked.status, waits.status]).toEqual(['needs_approval', 'waiting']);
    await impose('reduce');
    expect((await t.http<Idea>('POST', `/trade-ideas/${asked.id}/approve`, { body: { digest: asked.digest } })).body).toMatchObject({ status: 'halted_by_risk', commandId: null });
    await quote(agent, '1.205', '1.2051');
    await due('ideas.look');
    for (const id of [asked.id, waits.id]) expect(await ideaOf(t, id)).toMatchObject({ status: 'halted_by_risk', commandId: null, reservation: null });
    expect(await lease()).toEqual([]);
  });
});
