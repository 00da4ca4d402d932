import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Agent } from './agent.js';
import { FakeServer } from './testing/fake-server.js';
import { changeMemory } from './testing/stored-memory.js';
import { TestAgents, until } from './testing/test-agent.js';

let server: FakeServer;
let agents: TestAgents;
beforeEach(async () => {
  server = new FakeServer();
  await server.listen();
  agents = new TestAgents(server);
});
afterEach(async () => {
  await agents.cleanUp();
  await server.close();
});

type Opening = ReturnType<FakeServer['queue']>;
const answerOf = async (opening: Opening) => {
  await until('an answer to the opening', () => opening.answers.length > 0);
  return opening.answers.at(-1) as Record<string, unknown>;
};
const failBody = (opening: Opening) => server.seen.findLast(({ path }) => path === `/commands/${opening.id}/fail`)!.body;

/** A market that stands still, an agent that holds nothing, and prices around 1.1. */
async function standing(): Promise<Agent> {
  const agent = agents.make({ maxCandles: null, onStep: () => agent.pace(0.001) });
  void agents.run(agent);
  await until('a price', () => agent.link.isUp && agent.trader.run.cycleCount > 60);
  return agent;
}

/** An opening that somebody else has proposed: a long at the present price, with stop and target two cents away. */
function opening(agent: Agent, change: Record<string, unknown> = {}): Record<string, unknown> {
  const price = (from: number) => (agent.trader.broker.state.quote!.ask / 1e6 + from).toFixed(5);
  return {
    orderTag: 'ABCDEFGH12345678', symbol: 'EURUSD', direction: 'long', lotSize: '0.10', limitPrice: price(0), stopLoss: price(-0.02),
    takeProfit: [{ price: price(0.02), sizeFraction: '1' }], validForSeconds: 30, ...change,
  };
}

describe('an opening', () => {
  it('of an idea that this agent has not had is carried out too, with stop and target as they were decided', async () => {
    const agent = await standing();
    const payload = opening(agent);
    expect(await answerOf(server.queue('open_trade', payload))).toMatchObject({ orderTag: payload.orderTag, fill: { size: '0.10', price: payload.limitPrice } });
    expect(server.trades).toMatchObject([{ stopLoss: payload.stopLoss, takeProfit: payload.takeProfit, clientOrderId: payload.orderTag }]);
    expect(agent.trader.broker.state.positions).toHaveLength(1);
  });

  it.each([
    ['PRICE_MOVED', 'a limit that the price has passed', { limitPrice: '1.00000' }],
    ['PRICE_MOVED', 'more slippage than is allowed', { limitPrice: '1.00000', maxSlippage: '0.00500' }],
    ['PRICE_MOVED', 'a stop on the wrong side of the price', { stopLoss: '1.50000' }],
    ['PRICE_MOVED', 'a target that the price has passed', { takeProfit: [{ price: '1.00000', sizeFraction: '1' }] }],
    ['IDEA_EXPIRED', 'a validity that is over', { validForSeconds: 0 }],
    ['SYMBOL_UNKNOWN', 'a symbol that this agent does not trade', { symbol: 'GBPUSD' }],
    ['PAYLOAD_INVALID', 'a tag that is none', { orderTag: 'abc' }],
    ['PAYLOAD_INVALID', 'a size that is none', { lotSize: 'NaN' }],
  ])('is answered as not sent (%s) with %s', async (code, _what, change) => {
    const agent = await standing();
    const command = server.queue('open_trade', opening(agent, change));
    expect(await answerOf(command)).toMatchObject({ code, message: expect.any(String) });
    expect(failBody(command)).toMatchObject({ outcome: 'not_sent', retryable: false });
    expect([agent.trader.broker.state.positions, server.trades]).toEqual([[], []]);
  });

  it('goes through within the slippage that is allowed', async () => {
    const agent = await standing();
    const limit = (agent.trader.broker.state.quote!.ask / 1e6 - 0.0001).toFixed(5);
    expect(await answerOf(server.queue('open_trade', opening(agent, { limitPrice: limit, maxSlippage: '0.0001' })))).toHaveProperty('fill');
  });

  it.each([
    ['HALTED', { state: 'reducing' }],
    ['HALTED', { state: 'halted' }],
    ['HALTED', { state: 'flatten' }],
    ['NOT_RUNNING', { run: 'paused' }],
    ['NOT_RUNNING', { run: 'stopped' }],
  ] as const)('is answered as not sent (%s) when %p has come meanwhile', async (code, change) => {
    const agent = await standing();
    server.setDesired(change);
    const command = server.queue('open_trade', opening(agent));
    expect(await answerOf(command)).toMatchObject({ code });
    expect([failBody(command).outcome, server.trades]).toEqual(['not_sent', []]);
  });

  it('is answered as not sent without the trading lease', async () => {
    server.tradingLeaseSeconds = 0;
    const agent = await standing();
    expect(await answerOf(server.queue('open_trade', opening(agent)))).toMatchObject({ code: 'NO_TRADING_LEASE' });
    expect(server.trades).toEqual([]);
  });

  it('is not sent once its command lease is over, since another may have been allowed in its place', async () => {
    const agent = await standing();
    server.commandLeaseMs = -1;
    expect(await answerOf(server.queue('open_trade', opening(agent)))).toMatchObject({ code: 'IDEA_EXPIRED' });
    expect(server.trades).toEqual([]);
  });

  it('that was handed over before a longer wait is judged by when it came', async () => {
    const agent = await standing();
    server.commandLeaseMs = 300;
    let slow = true;
    // The command in front of it, in the same lease, is answered first, by a server that takes its time.
    server.fault = ({ path }) => (slow && path.endsWith('/complete') ? ((slow = false), { status: 503, headers: { 'retry-after': '1' } }) : undefined);
    server.queue('cancel_order', {});
    expect(await answerOf(server.queue('open_trade', opening(agent)))).toMatchObject({ code: 'IDEA_EXPIRED' });
    expect(server.trades).toEqual([]);
  });

  it('that is handed out again, or comes with a tag that the broker knows, is answered and not sent again', async () => {
    const agent = await standing();
    const command = server.queue('open_trade', opening(agent));
    const first = await answerOf(command);
    server.lapse(command);
    await until('the second answer', () => command.answers.length === 2);
    expect(command.answers[1]).toEqual(first);
    expect(await answerOf(server.queue('open_trade', opening(agent)))).toEqual(first);
    expect([agent.trader.broker.state.positions.length, server.trades.length, server.fills.length]).toEqual([1, 1, 1]);
  });

  it('whose refusal was lost is refused again, also when it could be sent by then', async () => {
    const agent = await standing();
    let drops = 1;
    server.fault = ({ path }) => (path.endsWith('/fail') && drops-- > 0 ? { drop: 'after' } : undefined);
    const command = server.queue('open_trade', opening(agent, { symbol: 'GBPUSD' }));
    await until('the lost answer', () => command.answers.length === 1);
    command.payload.symbol = 'EURUSD';
    server.lapse(command);
    await until('the second answer', () => command.answers.length >= 2);
    expect(command.answers.at(-1)).toMatchObject({ code: 'SYMBOL_UNKNOWN' });
    expect(server.trades).toEqual([]);
  });
});

describe('a crash while an order is on its way', () => {
  /** An agent that ended when the order had been sent and nothing was heard of it, and another one on its memory. */
  async function restarted(orderTag: (known: string) => string): Promise<{ agent: Agent; command: Opening }> {
    const first = await standing();
    const known = server.queue('open_trade', opening(first));
    await answerOf(known);
    await until('it is taken note of', () => first.trader.gate.owed.length === 0);
    first.stop();
    await until('the end', () => server.seen.at(-1)!.body.status === 'stopped');
    const command = server.queue('open_trade', opening(first));
    Object.assign(command, { status: 'leased', leaseToken: 'token', attempt: 1 });
    await agents.ended();
    changeMemory(agents.folder, (memory) => memory.sent.push({ commandId: command.id, leaseToken: 'token', orderTag: orderTag(String(known.payload.orderTag)) }));
    const agent = agents.make({ maxCandles: null, candlesPerSecond: 0.001 });
    void agents.run(agent);
    return { agent, command };
  }

  it('is answered with what the broker shows under its tag', async () => {
    const { command } = await restarted((known) => known);
    expect(await answerOf(command)).toMatchObject({ fill: { size: '0.10' } });
    expect([command.status, server.trades.length]).toEqual(['succeeded', 1]);
  });

  it('and that the broker does not know is unknown: not sent again, and not called failed', async () => {
    const { agent, command } = await restarted(() => 'ZZZZZZZZZZZZZZZZ');
    expect(await answerOf(command)).toMatchObject({ code: 'ANSWER_LOST' });
    expect([command.status, failBody(command).outcome]).toEqual(['unknown', 'unknown']);
    server.lapse(command);
    await until('the second answer', () => command.answers.length === 2);
    expect(failBody(command).outcome).toBe('unknown');
    expect(agent.trader.broker.state.positions).toHaveLength(1);
    const shown = server.queue('reconcile', { orderTag: 'ZZZZZZZZZZZZZZZZ' });
    expect(JSON.stringify(await answerOf(shown))).not.toContain('ZZZZ');
  });
});

describe('a close', () => {
  it.each([
    [{ exitReason: 'supervisor' }, 'supervisor'],
    [{ reason: 'supervisor' }, 'supervisor'],
    [{ reason: 'supervisor maxHoldingSeconds' }, 'supervisor'],
    [{ reason: 'wind_down' }, 'flatten'],
    [{ reason: 'stop this please' }, 'operator'],
    [{ reason: 'momentum', exitReason: 'trailing' }, 'trailing'],
    [{ reason: 'the news' }, 'operator'],
    [{ exitReason: 7 }, 'operator'],
    [{}, 'operator'],
  ])('with %p is told as %s', async (words, exitReason) => {
    const { tradeId } = await agents.holding();
    server.queue('close_trade', { tradeId, ...words });
    await until('the end of it', () => server.trades[0]?.status === 'closed');
    expect(server.exits).toMatchObject([{ exitReason }]);
    await until('its explanation', () => server.explanations.some(({ kind }) => kind === 'exit'));
  });
});
