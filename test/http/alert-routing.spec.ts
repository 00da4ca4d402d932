import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mapSignal } from '../../src/webhooks/mapping/map-signal.js';
import { templateOf } from '../../src/webhooks/mapping/template.js';
import type { RoutingSource } from '../../src/webhooks/routing/routed.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { Closing, openTrade } from '../support/closures.js';
import { type Idea, ideaOf, limitAll, quote, trader } from '../support/ideas.js';
import { again, NO_DEFAULTS, Routing } from '../support/routing.js';

interface Lease { id: string; leaseToken: string; type: string; payload: Record<string, string> }

let t: TestApp;
let closing: Closing;
let agent: TestAgent;
let source: Routing;
beforeAll(async () => {
  t = await startTestApp();
  closing = new Closing(t);
});
afterAll(() => t.close());
beforeEach(async () => {
  await limitAll(t);
  agent = await trader(t);
  source = await Routing.of(t, agent);
});

const sourceWith = (more: Partial<Omit<RoutingSource, 'defaults'>> & { defaults?: Partial<RoutingSource['defaults']> }) => Routing.of(t, agent, more as Partial<RoutingSource>);
const ideas = async (who = agent) => (await t.http<{ items: (Idea & { alertId: string | null })[] }>('GET', `/trade-ideas?agentId=${who.id}`)).body.items;
const lease = async (who = agent) => (await who.http<{ commands: Lease[] }>('POST', '/agents/me/commands/lease', { body: {} })).body.commands;
const commands = (type: string) => t.db.query<{ id: string; status: string; payload: Record<string, unknown>; actor: string; trade_id: string | null }>(
  'select id, status, payload, actor, trade_id from agent_commands where agent_id = $1 and type = $2 order by seq', [agent.id, type]);
const closures = (alertId: string) => t.db.query<{ id: string; trade_id: string; size: string | null; cause: string; exit_reason: string; actor: string }>(
  'select id, trade_id, size::text, cause, exit_reason, actor from closures where alert_id = $1 order by seq', [alertId]);
const mismatches = async (status: string) => (await t.http<{ items: { subject: { type: string; id: string }; summary: string; data: Record<string, unknown> }[] }>('GET', `/incidents?kind=SIGNAL_POSITION_MISMATCH&agentId=${agent.id}&status=${status}`)).body.items;
let deals = 0;
const fill = (tradeId: string, role: 'entry' | 'exit', size: string, more: object = {}) => agent.http('POST', `/trades/${tradeId}/fills`, { body: { items: [
  { brokerDealId: `d-${tradeId}-${++deals}`, role, price: '1.1', size, at: new Date(Date.now() - (role === 'entry' ? 60_000 : 0)).toISOString(), ...more },
] } });
/** The broker has closed it. */
const flat = (tradeId: string, size = '1') => agent.http('POST', `/trades/${tradeId}/fills`, { body: { items: [
  { brokerDealId: `in-${tradeId}`, role: 'entry', price: '1.1', size, at: new Date(Date.now() - 3_600_000).toISOString() },
  { brokerDealId: `out-${tradeId}`, role: 'exit', price: '1.2', size, at: new Date().toISOString(), exitReason: 'signal' },
] } });
/** What the agent has taken is a trade now, pending at the broker. */
const told = (command: Lease | undefined, more: object = {}) => agent.http<{ id: string }>('POST', '/trades', { body: {
  clientOrderId: `k-${command?.id}`, commandId: command?.id, symbol: 'EURUSD', direction: command?.payload['direction'], lotSize: command?.payload['lotSize'], ...more,
} });

describe('an entry', () => {
  it('is one idea of the executor, and its command, with the alert in both answers', async () => {
    const { id, ...done } = await source.done({ quantity: '0.3', stopLoss: '1.09', takeProfit: '1.13', confidence: '0.8', comment: 'breakout' });
    expect(done).toMatchObject({ status: 'processed', code: null, outcome: { plan: 'entry', applied: {}, ideaStatus: 'auto_executed', reasons: [] } });
    const idea = (await t.http<Idea & { alertId: string; proposedBy: string; rationale: string }>('GET', `/trade-ideas/${String(done.outcome['ideaId'])}`)).body;
    expect(idea).toMatchObject({ alertId: id, proposerAgentId: null, executorAgentId: agent.id, proposedBy: `webhook:${source.source.id}`, lotSize: '0.3', stopLoss: '1.09', confidence: '0.8', commandId: done.outcome['commandId'] });
    expect(idea.rationale).toContain('breakout');
    expect(await lease()).toMatchObject([{ id: idea.commandId, type: 'open_trade', payload: { symbol: 'EURUSD', direction: 'long', lotSize: '0.3', ideaId: idea.id } }]);
  });

  it('has what its source adds, and says what that was', async () => {
    const with2 = await sourceWith({ defaults: { ...NO_DEFAULTS, riskRule: { amount: '100' }, stopDistance: { price: '0.005' }, rewardToRisk: '2', confidence: '0.75' } });
    const done = await with2.done();
    // A risk of 100 over 0.005 x 100,000 is a size of 0.2; the quote is 1.1 to 1.1002.
    expect(done).toMatchObject({ status: 'processed', outcome: { applied: { lotSize: { value: '0.2', amount: '100' }, stopLoss: { value: '1.0952', distance: '0.005', priceFrom: 'quote' }, takeProfit: { value: '1.1102' }, confidence: { value: '0.75' } } } });
    const idea = await ideaOf(t, String(done.outcome['ideaId']));
    expect(idea).toMatchObject({ lotSize: '0.2', stopLoss: '1.0952', confidence: '0.75', rationale: expect.stringContaining('Defaults of the source: stopLoss 1.0952, takeProfit 1.1102, lotSize 0.2, confidence 0.75.') });
  });

  it('of a strategy that holds 10,000 of its own is sized by its source, also where it adds and turns round', async () => {
    const { text } = templateOf('sigmatrader', 'strategy', { hasBodySecret: false, hasOwnSize: true });
    const values: Record<string, string> = {
      ticker: 'EURUSD', exchange: 'FX', interval: '60', timenow: new Date().toISOString(), time: new Date().toISOString(), 'strategy.order.action': 'buy', 'strategy.order.id': 'Long', 'strategy.order.price': '1.1',
      'strategy.position_size': '10000', 'strategy.market_position': 'long', 'strategy.market_position_size': '10000',
    };
    const signalFrom = (before: string, sizeBefore: string) => {
      const all: Record<string, string> = { ...values, 'strategy.prev_market_position': before, 'strategy.prev_market_position_size': sizeBefore };
      const mapped = mapSignal(JSON.parse(text.replace(/\{\{([^}]+)\}\}/g, (_all, name: string) => all[name] ?? '')) as Record<string, unknown>, 'sigmatrader', {});
      if (!('signal' in mapped)) throw new Error(JSON.stringify(mapped));
      return mapped.signal;
    };
    const byRisk = await sourceWith({ defaults: { ...NO_DEFAULTS, riskRule: { amount: '100' }, stopDistance: { price: '0.005' }, confidence: '0.9' } });
    for (const [signal, plan] of [[signalFrom('flat', '0'), 'entry'], [signalFrom('long', '4000'), 'addition'], [signalFrom('short', '5000'), 'entry']] as const) {
      const done = await byRisk.done(signal);
      expect([plan, done.outcome]).toMatchObject([plan, { plan, applied: { lotSize: { amount: '100' } } }]);
      expect(Number((await ideaOf(t, String(done.outcome['ideaId']))).lotSize)).toBeLessThan(1);
    }
  });

  it('waits for a person below the threshold, and without a confidence', async () => {
    const unsure = await sourceWith({ defaults: { confidence: null } });
    expect(await unsure.done({ confidence: '0.2' })).toMatchObject({ status: 'processed', outcome: { ideaStatus: 'needs_approval', commandId: null } });
    expect(await unsure.done()).toMatchObject({ status: 'processed', outcome: { ideaStatus: 'needs_approval' } });
    expect(await commands('open_trade')).toEqual([]);
  });

  it('that the gate refuses was processed, and says why nothing came of it', async () => {
    await limitAll(t, { maxLotSize: '0.01' });
    expect(await source.done({ quantity: '5' })).toMatchObject({
      status: 'processed', code: 'SIZE_LIMIT', detail: expect.stringMatching(/^The idea is rejected: A size of 5 is above/), outcome: { ideaStatus: 'rejected', reasons: expect.arrayContaining(['SIZE_LIMIT']) },
    });
  });

  it('is too old after its seconds, from when it was fired, and is taken when a person sends it again', async () => {
    const late = await source.done({ firedAt: new Date(Date.now() - 61_000).toISOString() });
    expect(late).toMatchObject({ status: 'expired', code: 'ENTRY_EXPIRED' });
    const id = await source.alert();
    await source.age(id, 61);
    expect(await source.turn(id)).toMatchObject({ status: 'expired' });
    expect(await ideas()).toEqual([]);
    await source.redrive(id);
    expect(await source.turn(id)).toMatchObject({ status: 'processed', outcome: { ideaStatus: 'auto_executed' } });
    await source.redrive(id);
    expect(await source.turn(id)).toMatchObject({ status: 'processed' });
    expect((await ideas()).map(({ alertId }) => alertId)).toEqual([id, id]);
  });

  it('that cannot be priced has failed, and nothing was made up', async () => {
    const noQuote = await t.agent();
    const done = await (await Routing.of(t, noQuote)).done();
    expect(done).toMatchObject({ status: 'failed', code: 'NO_PRICE' });
    expect(await ideas(noQuote)).toEqual([]);
  });

  it('does nothing for a source that stores, or sends commands only', async () => {
    expect(await (await sourceWith({ action: 'store', executorAgentId: null })).done()).toMatchObject({ status: 'processed', outcome: { plan: 'store' } });
    expect(await (await sourceWith({ action: 'command' })).done()).toMatchObject({ status: 'ignored', code: 'ENTRY_NOT_ROUTED' });
    expect(await ideas()).toEqual([]);
  });

  it('leaves nothing when its transaction is rolled back, and is done once after that', async () => {
    const id = await source.alert();
    await expect(source.turn(id, t, true)).rejects.toThrow('dies');
    expect([await ideas(), await commands('open_trade')]).toEqual([[], []]);
    expect(await source.turn(id)).toMatchObject({ status: 'processed' });
    // What happens once more all the same, is refused by the table.
    await expect(source.turn(id)).rejects.toThrow('trade_ideas_alert_once');
    expect(await ideas()).toHaveLength(1);
  });

  it('of a retired executor fails', async () => {
    const { body: { version } } = await t.http<{ version: number }>('GET', `/agents/${agent.id}`);
    expect((await t.http('PATCH', `/agents/${agent.id}`, { body: { retired: true }, headers: { 'if-match': `"${version}"` } })).status).toBe(200);
    expect(await source.done()).toMatchObject({ status: 'failed', code: 'EXECUTOR_RETIRED' });
    expect(await source.done({ intent: 'exit' })).toMatchObject({ status: 'failed', code: 'EXECUTOR_RETIRED' });
  });

  it('is sized exactly as told, and a size off the step is refused and not mended', async () => {
    await agent.http('POST', '/instruments', { body: { symbol: 'EURUSD', brokerSymbol: 'EURUSD', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', minSize: '0.01', sizeStep: '0.01' } });
    const done = await source.done({ quantity: '0.123' });
    expect(done).toMatchObject({ status: 'processed', outcome: { ideaStatus: 'rejected' } });
    expect((await ideas())[0]).toMatchObject({ lotSize: '0.123' });
  });
});

describe('an exit', () => {
  it('queues the close of an open trade, and is over for the trade when that is flat', async () => {
    const { id: tradeId } = await openTrade(agent);
    const done = await source.done({ intent: 'exit', side: 'long', quantity: '5000', firedAt: '2001-01-01T00:00:00.000Z' });
    expect(done).toMatchObject({ status: 'processed', code: null, outcome: { plan: 'exit' } });
    expect(await closures(done.id)).toMatchObject([{ id: (done.outcome['closureIds'] as string[])[0], trade_id: tradeId, size: null, cause: 'signal', exit_reason: 'signal', actor: `webhook:${source.source.id}` }]);
    await closing.work();
    expect(await closing.commands(tradeId)).toMatchObject([{ status: 'queued', payload: { tradeId } }]);
    await flat(tradeId);
    await closing.work();
    expect(await closing.list(`tradeId=${tradeId}`)).toMatchObject([{ cause: 'signal', alertId: done.id, endedAs: 'flat' }]);
    expect(await ideas()).toEqual([]);
  });

  it('never opens: without a position it is ignored, however large and however often', async () => {
    for (const side of ['long', 'short', null] as const) expect(await source.done({ intent: 'exit', side, quantity: '5000' })).toMatchObject({ status: 'ignored', code: 'NO_POSITION' });
    await openTrade(agent);
    expect(await source.done({ intent: 'exit', side: 'short', quantity: '5000' })).toMatchObject({ status: 'ignored', code: 'NO_POSITION' });
    expect([await ideas(), await commands('close_trade'), await commands('open_trade')]).toEqual([[], [], []]);
  });

  it('cancels an opening that nobody has taken, and ends an idea that waits for a person', async () => {
    await source.done();
    await (await sourceWith({})).done({ confidence: '0.1' });
    const asked = await source.done({ confidence: '0.1' });
    const done = await source.done({ intent: 'exit', side: 'long' });
    expect(done).toMatchObject({ status: 'processed', outcome: { cancelledCommandIds: [expect.any(String)], endedIdeaIds: [asked.outcome['ideaId']] } });
    expect(await commands('open_trade')).toMatchObject([{ status: 'cancelled' }]);
    expect(await ideaOf(t, String(asked.outcome['ideaId']))).toMatchObject({ status: 'rejected', decidedBy: `webhook:${source.source.id}`, endedReason: expect.stringContaining(done.id) });
    // Of another source it is not.
    expect((await ideas()).map(({ status }) => status).sort()).toEqual(['auto_executed', 'needs_approval', 'rejected']);
  });

  it('waits for an opening that an agent has, and closes what comes of it and nothing else', async () => {
    await source.done();
    const [command] = await lease();
    const { id, routed } = await source.send({ intent: 'exit', side: 'long' });
    expect(again(routed)).toBe('OPENING_IN_FLIGHT');
    expect(routed).toMatchObject({ again: { counts: false, inSeconds: 1 } });
    expect(again(await source.turn(id))).toBe('OPENING_IN_FLIGHT');
    const later = await openTrade(agent);
    const { body: trade } = await told(command);
    expect(await source.turn(id)).toMatchObject({ status: 'processed', outcome: { closureIds: [expect.any(String)], tradeIds: [trade.id] } });
    expect((await closures(id)).map(({ trade_id }) => trade_id)).toEqual([trade.id]);
    expect(await closing.list(`tradeId=${later.id}`)).toEqual([]);
  });

  it('that waits for an opening closes what comes of it, also when its source only stores meanwhile', async () => {
    await source.done();
    const [command] = await lease();
    const { id, routed } = await source.send({ intent: 'exit', side: 'long' });
    expect(again(routed)).toBe('OPENING_IN_FLIGHT');
    Object.assign(source.source, { action: 'store', executorAgentId: null });
    const { body: trade } = await told(command);
    expect(await source.turn(id)).toMatchObject({ status: 'processed', outcome: { closureIds: [expect.any(String)], tradeIds: [trade.id] } });
  });

  it('is done when the opening that an agent had came to nothing', async () => {
    await source.done();
    const [command] = await lease();
    const { id, routed } = await source.send({ intent: 'exit', side: 'long' });
    expect(again(routed)).toBe('OPENING_IN_FLIGHT');
    await agent.http('POST', `/commands/${command?.id}/fail`, { body: { leaseToken: command?.leaseToken, outcome: 'not_sent', error: { code: 'X', message: 'x' } } });
    expect(await source.turn(id)).toMatchObject({ status: 'processed' });
  });

  it('cancels an entry order that works, and wants what it may have bought closed', async () => {
    await source.done();
    const [command] = await lease();
    const { body: trade } = await told(command);
    const done = await source.done({ intent: 'exit', side: 'long' });
    expect(await commands('cancel_order')).toMatchObject([{ id: (done.outcome['commandIds'] as string[])[0], payload: { tradeId: trade.id }, actor: `webhook:${source.source.id}` }]);
    expect(await closures(done.id)).toHaveLength(1);
  });

  it('takes the part that the sender took, of all that is held, the oldest first, down to the step', async () => {
    await agent.http('POST', '/instruments', { body: { symbol: 'EURUSD', brokerSymbol: 'EURUSD', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', minSize: '0.1', sizeStep: '0.1' } });
    const first = await openTrade(agent, { lotSize: '0.5' });
    const second = await openTrade(agent, { lotSize: '0.5' });
    const done = await source.done({ intent: 'exit', side: 'long', quantity: '2', position: { before: 'long', now: 'long', sizeBefore: '3', size: '1' } });
    expect(done).toMatchObject({ status: 'processed', outcome: { plan: 'partial_exit', tradeIds: [first.id, second.id] } });
    // Two thirds of 1 are 0.6 on the step.
    expect((await closures(done.id)).map(({ trade_id, size }) => [trade_id, size])).toEqual([[first.id, null], [second.id, '0.1']]);
    expect(await (await sourceWith({})).done({ symbol: 'EURUSD', intent: 'exit', side: 'long', quantity: '0.01' }).catch((error: Error) => error.message)).toContain('PARTIAL_CLOSE_UNDER_WAY');
  });

  it('of a second part waits for the first, and none is lost; of all it takes the part over', async () => {
    const { id: tradeId } = await openTrade(agent);
    const first = await source.done({ intent: 'exit', side: 'long', quantity: '0.4' });
    const { id, routed } = await source.send({ intent: 'exit', side: 'long', quantity: '0.2' });
    expect([again(routed), (await closures(first.id)).map(({ size }) => size), await closures(id)]).toEqual(['PARTIAL_CLOSE_UNDER_WAY', ['0.4'], []]);
    await fill(tradeId, 'entry', '1');
    await fill(tradeId, 'exit', '0.4');
    await closing.work();
    expect(await source.turn(id)).toMatchObject({ status: 'processed' });
    expect((await closures(id)).map(({ size }) => size)).toEqual(['0.2']);
    const all = await source.done({ intent: 'exit', side: 'long' });
    expect((await closures(all.id)).map(({ trade_id, size }) => [trade_id, size])).toEqual([[tradeId, null]]);
    expect(await source.done({ intent: 'exit', side: 'long' })).toMatchObject({ status: 'processed', code: 'CLOSING_ALREADY' });
  });

  it('is of its symbol however that is spelled, of its executor and of its strategy', async () => {
    const strategy = (await t.http<{ id: string }>('POST', '/strategies', { body: { name: `s-${agent.id}`, description: 'x' } })).body.id;
    const { body: account } = await t.http<{ name: string }>('GET', `/accounts/${agent.accountId}`);
    const other = await trader(t, { account: account.name });
    const mine = await openTrade(agent, { symbol: 'EURUSD.m', strategyId: strategy });
    const none = await openTrade(agent);
    const foreign = await openTrade(other);
    const pound = await openTrade(agent, { symbol: 'GBPUSD' });
    const stocks = await openTrade(agent, { symbol: 'INFY', exchange: 'BSE' });
    const withStrategy = await sourceWith({ strategyId: strategy });
    const done = await withStrategy.done({ intent: 'exit', side: null, symbol: 'eur/usd', exchange: 'OANDA' });
    expect((await closures(done.id)).map(({ trade_id }) => trade_id)).toEqual([mine.id, none.id]);
    expect(await source.done({ intent: 'exit', side: null, symbol: 'INFY', exchange: 'NSE' })).toMatchObject({ code: 'NO_POSITION' });
    expect(await source.done({ intent: 'exit', side: null, symbol: '' })).toMatchObject({ status: 'quarantined', code: 'SYMBOL_MISSING' });
    for (const { id } of [foreign, pound, stocks]) expect(await closing.list(`tradeId=${id}`)).toEqual([]);
  });

  it('is one close, when 12 alerts want it at once on two instances', async () => {
    const other = await t.second();
    const { id: tradeId } = await openTrade(agent);
    const ids = await Promise.all(Array.from({ length: 12 }, () => source.alert({ intent: 'exit', side: 'long' })));
    const routed = await Promise.all(ids.map((id, n) => source.turn(id, n % 2 === 0 ? t : other)));
    expect(routed.map((each) => ('again' in each ? again(each) : each.status))).toEqual(ids.map(() => 'processed'));
    expect(await closing.list(`tradeId=${tradeId}`)).toHaveLength(1);
    await other.close();
  });
});

describe('an order that buys or sells', () => {
  it('adds to what is held when its sender does', async () => {
    await openTrade(agent);
    expect(await source.done({ intent: 'order', side: 'long', quantity: '0.2', position: { before: 'long', now: 'long', sizeBefore: '1', size: '1.2' } })).toMatchObject({ outcome: { plan: 'addition', ideaStatus: 'auto_executed' } });
    expect((await ideas())[0]).toMatchObject({ direction: 'long', lotSize: '0.2' });
  });

  it('closes what is held against it, and does not sell what is not held of a delivery', async () => {
    const done = await source.done({ intent: 'order', side: 'short', product: 'CNC', symbol: 'INFY', exchange: 'NSE', quantity: '5' });
    expect(done).toMatchObject({ status: 'ignored', code: 'CNC_SELL_WITHOUT_POSITION' });
    const { id } = await openTrade(agent, { symbol: 'INFY', exchange: 'NSE', product: 'CNC', lotSize: '3' });
    const sold = await source.done({ intent: 'order', side: 'short', product: 'CNC', symbol: 'INFY', exchange: 'NSE', quantity: '5' });
    expect(sold).toMatchObject({ status: 'processed', outcome: { plan: 'exit', tradeIds: [id] } });
    expect(await ideas()).toEqual([]);
  });

  it('reverses: it closes, waits until that is flat, and then opens the rest, once, also after a restart in between', async () => {
    const { id: tradeId } = await openTrade(agent);
    const reversal = { intent: 'order' as const, side: 'short' as const, quantity: '1.5', position: { before: 'long' as const, now: 'short' as const, sizeBefore: '1', size: '0.5' } };
    const { id, routed } = await source.send(reversal);
    expect([again(routed), await closures(id), await ideas()]).toEqual(['WAITS_FOR_FLAT', [expect.objectContaining({ trade_id: tradeId, size: null })], []]);
    const next = await t.second();
    expect(again(await source.turn(id, next))).toBe('WAITS_FOR_FLAT');
    await expect(source.turn(id, next, true)).rejects.toThrow('dies');
    await flat(tradeId);
    await expect(source.turn(id, next, true)).rejects.toThrow('dies');
    const done = await source.turn(id, next);
    expect(done).toMatchObject({ status: 'processed', outcome: { plan: 'reversal', closureIds: [expect.any(String)], tradeIds: [tradeId], ideaStatus: 'auto_executed' } });
    expect(await closures(id)).toHaveLength(1);
    expect(await ideas()).toMatchObject([{ direction: 'short', lotSize: '0.5', alertId: id }]);
    await next.close();
  });

  it('that reverses opens nothing when it is flat too late; the close is done all the same', async () => {
    const { id: tradeId } = await openTrade(agent);
    const { id, routed } = await source.send({ intent: 'entry', side: 'short', quantity: '1' });
    expect(again(routed)).toBe('WAITS_FOR_FLAT');
    await source.age(id, 61);
    expect(await source.turn(id)).toMatchObject({ status: 'expired', code: 'ENTRY_EXPIRED', outcome: { plan: 'reversal', tradeIds: [tradeId] } });
    expect([(await closures(id)).length, await ideas()]).toEqual([1, []]);
    // Also one that was too old when it came closes what it is against.
    const late = await source.alert({ intent: 'entry', side: 'short' });
    await source.age(late, 61);
    expect(await source.turn(late)).toMatchObject({ status: 'expired' });
  });

  it.each<[string, (other: string) => Partial<RoutingSource>]>([
    ['only stores', () => ({ action: 'store', executorAgentId: null })], ['sends exits only', () => ({ action: 'command' })], ['trades by another agent', (other) => ({ executorAgentId: other })],
  ])('that reverses while its source is changed, and now %s, opens nothing; what it closes is closed where it began', async (_how, change) => {
    const { id: tradeId } = await openTrade(agent);
    const { id } = await source.send({ intent: 'entry', side: 'short', quantity: '1' });
    const other = await trader(t);
    Object.assign(source.source, change(other.id));
    await flat(tradeId);
    expect(await source.turn(id)).toMatchObject({ status: 'ignored', code: 'ROUTE_CHANGED', outcome: { plan: 'reversal', tradeIds: [tradeId] } });
    expect([await ideas(), await ideas(other)]).toEqual([[], []]);
  });

  it('whose rest is refused by the gate has closed', async () => {
    const { id: tradeId } = await openTrade(agent);
    const { id } = await source.send({ intent: 'order', side: 'short', quantity: '3' });
    await flat(tradeId);
    await limitAll(t, { maxLotSize: '0.01' });
    expect(await source.turn(id)).toMatchObject({ status: 'processed', outcome: { ideaStatus: 'rejected', closureIds: [expect.any(String)] } });
    expect((await ideas())[0]).toMatchObject({ lotSize: '2', direction: 'short' });
  });
});

describe('a command', () => {
  it.each(['pause', 'stop', 'flatten', 'kill'] as const)('%s goes to the executor, at any age', async (command) => {
    const of = await sourceWith({ action: 'command' });
    const done = await of.done({ intent: 'command', side: null, command, firedAt: '2001-01-01T00:00:00.000Z' });
    expect(done).toMatchObject({ status: 'processed', outcome: { plan: command } });
    expect(await commands(command)).toMatchObject([{ id: (done.outcome['commandIds'] as string[])[0], status: 'queued', actor: `webhook:${of.source.id}`, payload: { reason: `alert ${done.id}` } }]);
  });

  it('cancel_orders ends what would open in its symbol, and leaves positions', async () => {
    const { id: open } = await openTrade(agent);
    await source.done();
    expect(await source.done({ intent: 'command', side: null, command: 'cancel_orders', symbol: 'GBPUSD' })).toMatchObject({ status: 'ignored', code: 'NO_ORDERS' });
    const [command] = await lease();
    const { body: trade } = await told(command);
    await quote(agent, '1.1', '1.1002');
    await source.done();
    expect(await source.done({ intent: 'command', side: null, command: 'cancel_orders' })).toMatchObject({ status: 'processed', outcome: { cancelledCommandIds: [expect.any(String)], commandIds: [expect.any(String)] } });
    expect((await commands('cancel_order')).map(({ payload }) => payload['tradeId'])).toEqual([trade.id]);
    expect(await closing.list(`tradeId=${open}`)).toEqual([]);
  });
});

describe('a position that the sender tells otherwise', () => {
  it('is an incident once, until a later alert agrees', async () => {
    const signal = { intent: 'exit' as const, side: 'long' as const, position: { before: 'long' as const, now: 'flat' as const, sizeBefore: '1', size: '0' } };
    await source.done(signal);
    await source.done(signal);
    expect(await mismatches('open')).toMatchObject([{ subject: { type: 'webhook_source', id: `${source.source.id} EURUSD` }, data: { before: 'long', long: '0', short: '0', symbol: 'EURUSD' } }]);
    await source.done({ ...signal, symbol: 'GBPUSD', position: { ...signal.position, before: 'flat' } });
    expect(await mismatches('open')).toHaveLength(1);
    await openTrade(agent);
    await source.done(signal);
    expect([await mismatches('open'), (await mismatches('resolved')).length]).toEqual([[], 1]);
  });

  it('is none where nothing is told, or something is under way', async () => {
    await source.done();
    await source.done({ position: { before: 'flat', now: 'long', sizeBefore: '0', size: '1' } });
    expect(await mismatches('open')).toEqual([]);
  });
});
