import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadMemory, type AgentMemory } from './agent-memory.js';
import { FakeServer } from './testing/fake-server.js';
import { configHashOf } from './strategy.js';
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

async function answered(command: ReturnType<FakeServer['queue']>): Promise<Record<string, unknown>> {
  await until(`an answer to ${command.type}`, () => command.answers.length > 0);
  return command.answers[0] as Record<string, unknown>;
}

describe('the desired state', () => {
  it('of paused ends openings, while exits go on', async () => {
    const { agent } = await agents.holding({ maxCandles: 3_000 });
    server.setDesired({ run: 'paused' });
    await answered(server.queue('pause'));
    expect(agent.status).toBe('paused');
    const before = server.trades.length;
    // The market goes on by hand, with the permission that the agent has now.
    for (let i = 0; i < 1_000; i++) agent.trader.step({ decide: true, against: { code: 'NOT_RUNNING' } });
    await until('the exit is told', () => server.trades.every(({ status }) => status === 'closed'));
    expect(server.trades).toHaveLength(before);
  });

  it('of stopped wins over a start that arrives late', async () => {
    const { agent } = await agents.holding();
    server.setDesired({ run: 'stopped' });
    expect(await answered(server.queue('start'))).toEqual({ applied: false, run: 'stopped', stateVersion: 2 });
    expect(agent.status).toBe('stopped');
  });

  it('of running is taken up again without a new process', async () => {
    const { agent } = await agents.holding();
    server.setDesired({ run: 'stopped' });
    await answered(server.queue('stop'));
    server.setDesired({ run: 'running' });
    expect(await answered(server.queue('start'))).toMatchObject({ applied: true });
    expect(agent.status).toBe('running');
  });

  it('is followed when it comes as a header of any answer, and said to have been seen', async () => {
    await agents.holding();
    server.headerDesired = 'flatten;run=running;v=9';
    server.queue('custom');
    await until('the position is closed', () => server.trades[0]?.status === 'closed');
    expect(server.exits[0]).toMatchObject({ exitReason: 'flatten' });
    await until('it is reported', () => server.seen.some(({ body }) => body.observedStateVersion === 9));
  });

  it('that is older than the known one changes nothing', async () => {
    server.desired.version = 5;
    const { agent } = await agents.holding();
    server.headerDesired = 'halted;run=stopped;v=4';
    await answered(server.queue('custom'));
    expect(agent.link.desired).toMatchObject({ state: 'active', run: 'running', version: 5 });
  });
});

describe('a close', () => {
  it('leaves the trade at the present price, and is told before it is answered', async () => {
    const { tradeId } = await agents.holding();
    const before = server.seen.length;
    const result = await answered(server.queue('close_trade', { tradeId }));
    expect(result).toMatchObject({ closedSize: '0.1', openSize: '0' });
    expect(server.trades[0]).toMatchObject({ status: 'closed', exitReason: 'operator', exitPrice: result.price });
    const order = server.seen.slice(before).map(({ path }) => path.split('/').at(-1)).filter((name) => name === 'fills' || name === 'complete');
    expect(order).toEqual(['fills', 'complete']);
  });

  it('may be of a part, and never of more than is open', async () => {
    const { agent, tradeId } = await agents.holding();
    expect(await answered(server.queue('close_trade', { tradeId, size: '0.04' }))).toMatchObject({ closedSize: '0.04', openSize: '0.06' });
    expect(agent.trader.broker.state.positions[0]).toMatchObject({ openLots: '0.06' });
    expect(server.trades[0]).toMatchObject({ status: 'open', openSize: '0.06' });
    expect(await answered(server.queue('close_trade', { tradeId, size: 5 }))).toMatchObject({ closedSize: '0.06', openSize: '0' });
    expect(server.trades[0]).toMatchObject({ status: 'closed', openSize: '0' });
    expect(server.exits.map(({ size, exitReason }) => [size, exitReason])).toEqual([['0.04', 'operator'], ['0.06', 'operator']]);
  });

  it.each(['NaN', '-1', 0, 'x', {}])('of size %p is refused, and changes nothing', async (size) => {
    const { agent, tradeId } = await agents.holding();
    expect(await answered(server.queue('close_trade', { tradeId, size }))).toMatchObject({ code: 'SIZE_INVALID' });
    expect(agent.trader.broker.state.positions[0]).toMatchObject({ openLots: '0.10' });
  });

  it('of a trade that is not open is done already', async () => {
    await agents.holding();
    expect(await answered(server.queue('close_trade', { tradeId: '00000000-0000-0000-0000-000000000000' }))).toMatchObject({ closedSize: '0' });
  });
});

describe('a command', () => {
  it('flatten closes everything', async () => {
    const { tradeId } = await agents.holding();
    expect(await answered(server.queue('flatten'))).toEqual({ closed: [tradeId] });
    expect(server.trades[0]).toMatchObject({ status: 'closed', exitReason: 'flatten' });
  });

  it('has its answer on the disk, together with its effect, before anybody hears of either', async () => {
    const { agent } = await agents.holding();
    let stored: AgentMemory | null = null;
    server.fault = ({ path }) => {
      if (path.endsWith('/fills') && server.commands.some(({ type }) => type === 'flatten')) stored ??= loadMemory(agents.folder);
      return undefined;
    };
    const flatten = server.queue('flatten');
    await answered(flatten);
    expect(stored).toMatchObject({ done: [{ id: server.openings[0]!.id }, { id: flatten.id, answer: { kind: 'complete' } }], run: { broker: { positions: [] } } });
    expect(agent.trader.answerOf(flatten.id)).toBeDefined();
  });

  it('flatten of another symbol closes nothing', async () => {
    await agents.holding();
    expect(await answered(server.queue('flatten', { symbol: 'GBPUSD' }))).toEqual({ closed: [] });
    expect(server.trades[0]).toMatchObject({ status: 'open' });
  });

  it('kill is answered, leaves the position with its stop, and ends the process', async () => {
    const { agent, ended } = await agents.holding();
    const kill = server.queue('kill');
    expect(await ended).toBe('killed');
    expect(kill).toMatchObject({ status: 'succeeded', answers: [{ ending: true, openPositions: 1 }] });
    expect(server.trades[0]).toMatchObject({ status: 'open' });
    expect(agent.trader.broker.state.positions).toHaveLength(1);
  });

  it('kill that comes again after a restart is answered without ending the new process', async () => {
    const { ended } = await agents.holding();
    const kill = server.queue('kill');
    await ended;
    server.setDesired({ run: 'stopped' });
    server.lapse(kill);
    const again = agents.make({ candlesPerSecond: 0.001 });
    void agents.run(again);
    await until('the second answer', () => kill.answers.length === 2);
    expect(kill.answers[1]).toEqual(kill.answers[0]);
    expect(again.status).toBe('stopped');
  });

  it('update_config is taken over as a whole or not at all, and outlives a restart', async () => {
    const { agent, ended } = await agents.holding();
    expect(await answered(server.queue('update_config', { config: { lotSize: '0.3', fastPeriod: 0 } }))).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(agent.trader.config.lotSize).toBe('0.10');
    const hashes = () => server.seen.flatMap(({ path, body }) => (path === '/agents/me/heartbeat' ? [(body as { configHash?: string }).configHash] : []));
    const before = configHashOf(agent.trader.config);
    expect([...new Set(hashes())]).toEqual([before]);
    expect(await answered(server.queue('update_config', { config: { lotSize: '0.3' } }))).toMatchObject({ config: { lotSize: '0.30' } });
    agent.stop();
    await ended;
    expect(agents.make().trader.config.lotSize).toBe('0.30');
    expect(hashes().at(-1)).toBe(configHashOf(agent.trader.config));
    expect(hashes().at(-1)).not.toBe(before);
  });

  it('reconcile shows positions, orders and deals', async () => {
    const { agent, tradeId } = await agents.holding();
    const { brokerPositionId } = agent.trader.broker.state.positions[0]!;
    expect(await answered(server.queue('reconcile'))).toMatchObject({
      asOf: expect.stringMatching(/Z$/), positions: [{ brokerPositionId, size: '0.10', orderTag: expect.stringMatching(/^[A-Z0-9]{16}$/), floatingProfit: expect.any(String) }], orders: [],
      deals: [{ role: 'entry', brokerPositionId, symbol: 'EURUSD', orderTag: expect.any(String), commission: '0.00', swap: '0.00' }],
    });
    // What was told as facts is told again in the same words: a deal is one fact.
    expect(await answered(server.queue('close_trade', { tradeId }))).toMatchObject({ openSize: '0' });
    const { deals } = (await answered(server.queue('reconcile'))) as { deals: Record<string, unknown>[] };
    for (const { symbol: _symbol, direction: _direction, orderTag: _tag, clientOrderId: _order, ...deal } of deals) {
      expect(server.fills.find(({ brokerDealId }) => brokerDealId === deal.brokerDealId)).toMatchObject(deal);
    }
    expect(deals.map(({ role, profit, exitReason }) => [role, typeof profit, exitReason])).toEqual([['entry', 'undefined', undefined], ['exit', 'string', 'operator']]);
  });

  it('reconcile that comes again is answered with the present', async () => {
    const { tradeId } = await agents.holding();
    const reconcile = server.queue('reconcile');
    await answered(reconcile);
    await answered(server.queue('close_trade', { tradeId }));
    server.lapse(reconcile);
    await until('the second answer', () => reconcile.answers.length === 2);
    expect(reconcile.answers).toMatchObject([{ positions: [{}] }, { positions: [] }]);
  });

  it('modify_trade moves the stop, but not to the wrong side of the price', async () => {
    const { agent, tradeId } = await agents.holding();
    const position = agent.trader.broker.state.positions[0]!;
    const nearer = ((position.entry + 3 * position.stop!) / 4 / 1e6).toFixed(5);
    expect(await answered(server.queue('modify_trade', { tradeId, stopLoss: nearer }))).toMatchObject({ stopLoss: nearer });
    expect(await answered(server.queue('modify_trade', { tradeId: '00000000-0000-0000-0000-000000000000', stopLoss: '1' }))).toMatchObject({ changed: false });
    const target = (position.target! / 1e6).toFixed(5);
    expect(await answered(server.queue('modify_trade', { tradeId, stopLoss: target }))).toMatchObject({ code: 'PRICE_INVALID' });
  });

  it('cancel_order is answered although there is nothing to do', async () => {
    await agents.holding();
    expect(await answered(server.queue('cancel_order', { brokerOrderId: '1' }))).toHaveProperty('note');
  });

  it('custom is refused, since nothing was done', async () => {
    await agents.holding();
    expect(await answered(server.queue('custom', { anything: 1 }))).toMatchObject({ code: 'CUSTOM_UNKNOWN' });
  });

  it('that is not known is given back as not done', async () => {
    await agents.holding();
    expect(await answered(server.queue('dance'))).toMatchObject({ code: 'COMMAND_UNKNOWN' });
  });
});

describe('an answer that is lost', () => {
  it('on its way is given again at the next delivery, and nothing is done twice', async () => {
    const { agent, tradeId } = await agents.holding();
    let drops = 4;
    server.fault = ({ path }) => (path.endsWith('/complete') && drops-- > 0 ? { drop: 'before' } : undefined);
    const close = server.queue('close_trade', { tradeId, size: '0.04' });
    await until('four attempts', () => drops === 0);
    server.lapse(close);
    expect(await answered(close)).toMatchObject({ closedSize: '0.04', openSize: '0.06' });
    expect(close.attempt).toBe(2);
    expect(agent.trader.broker.state.positions[0]).toMatchObject({ openLots: '0.06', parts: [{ lots: '0.04' }] });
    expect(agents.said.some((line) => line.includes('came again, answered as before'))).toBe(true);
  });

  it('because the lease was lost is kept, and given with the new token', async () => {
    const { agent, tradeId } = await agents.holding();
    let lapsed = false;
    server.fault = ({ path }) => {
      const command = server.commands.find(({ type }) => type === 'close_trade');
      if (path.endsWith('/complete') && command && !lapsed) {
        lapsed = true;
        server.lapse(command);
      }
      return undefined;
    };
    const close = server.queue('close_trade', { tradeId, size: '0.04' });
    expect(await answered(close)).toMatchObject({ closedSize: '0.04' });
    expect(close).toMatchObject({ attempt: 2, status: 'succeeded' });
    expect(server.seen.filter(({ path, outcome }) => path.endsWith('/complete') && outcome === 409)).toHaveLength(1);
    expect(agent.trader.broker.state.positions[0]).toMatchObject({ openLots: '0.06' });
  });

  it('to a second delivery of the same command carries the answer of the first', async () => {
    const { tradeId } = await agents.holding();
    const close = server.queue('close_trade', { tradeId });
    const first = await answered(close);
    server.lapse(close);
    await until('the second answer', () => close.answers.length === 2);
    expect(close.answers[1]).toEqual(first);
    expect(server.exits).toHaveLength(1);
  });
});
