import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeServer } from './testing/fake-server.js';
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

interface Report {
  asOf: string;
  positions: Record<string, unknown>[];
}

const HAND = { opensAt: 70, heldCandles: 60, lots: '0.05' };
const reports = () => server.seen.filter(({ path }) => path === '/agents/me/positions').map(({ body }) => body as unknown as Report);
const externals = () => server.trades.filter(({ origin }) => origin === 'external');
/** What of each side is open, by the broker's name. */
const sizes = (rows: Record<string, unknown>[], size: string) => Object.fromEntries(rows.map((row) => [row.brokerPositionId, Number(row[size])]));

describe('a positions report', () => {
  it('comes after each change, with what the broker shows and the tag that the server gave', async () => {
    const { agent, tradeId } = await agents.holding();
    await until('a report that shows it', () => reports().some(({ positions }) => positions.length > 0));
    const [position] = agent.trader.broker.state.positions;
    const trade = server.trades.find(({ id }) => id === tradeId);
    expect(reports().at(-1)).toMatchObject({
      complete: true,
      positions: [{ brokerPositionId: position!.brokerPositionId, size: '0.10', orderTag: trade!.orderTag, stopLoss: expect.any(String), floatingProfit: expect.stringMatching(/^-?\d+\.\d\d$/) }],
    });
    server.queue('close_trade', { tradeId, size: '0.04' });
    await until('a report of the rest', () => reports().at(-1)?.positions[0]?.size === '0.06');
    server.queue('flatten');
    await until('an empty report', () => reports().at(-1)?.positions.length === 0);
    expect(server.book.incidents).toEqual([]);
  });

  it('comes with each heartbeat', async () => {
    server.heartbeatSeconds = 0.02;
    await agents.holding();
    const before = reports().length;
    await until('five more', () => reports().length >= before + 5);
    const times = reports().map(({ asOf }) => asOf);
    expect(times).toEqual([...times].sort());
  });

  it('never shows a position before its trade is told, nor lacks one before its exit is, however fast the market goes', async () => {
    server.heartbeatSeconds = 0.001;
    await agents.run(agents.make({ maxCandles: 1_500 }));
    expect(reports().length).toBeGreaterThan(5);
    expect([server.book.incidents, server.book.claimed]).toEqual([[], []]);
    expect(reports().at(-1)?.positions).toEqual([]);
  });

  it('waits for the facts that made it, however long they take', async () => {
    const slow = new Set(['entry', 'exit']);
    server.fault = ({ path }) => {
      const what = path === '/trades' ? 'entry' : path.endsWith('/fills') && server.fills.length > 0 ? 'exit' : '';
      return slow.delete(what) ? { status: 429, headers: { 'retry-after': '1' } } : undefined;
    };
    const { tradeId } = await agents.holding();
    await until('a report that shows it', () => reports().at(-1)?.positions.length === 1);
    server.queue('close_trade', { tradeId });
    await until('a report that does not', () => reports().at(-1)?.positions.length === 0);
    expect([slow.size, server.book.incidents, server.book.claimed]).toEqual([0, [], []]);
  });

  it('after an outage shows the present first; what was opened just before is claimed, and sizes are equal on both sides', async () => {
    let away = false;
    // The gate has allowed it, the broker has filled it, and then nobody can be told.
    server.fault = ({ path }) => {
      away ||= path === '/trades';
      return away ? { drop: 'before' } : undefined;
    };
    const agent = agents.make({ maxCandles: null, onStep: () => agent.trader.broker.state.positions.length > 0 && agent.pace(0.001) });
    void agents.run(agent);
    await until('the outage is noticed', () => away && !agent.link.isUp);
    const { trader } = agent;
    trader.closePosition(trader.broker.state.positions[0]!, '0.04', 'operator', 'c', { kind: 'complete', result: {} });
    server.fault = () => undefined;
    await until('everything told', () => agent.spool.size === 0 && server.trades.length > 0);
    const shown = trader.broker.state.positions;
    expect(sizes(server.trades.filter(({ status }) => status === 'open'), 'openSize')).toEqual(sizes(shown as never, 'openLots'));
    expect([server.book.claimed.length, externals()]).toEqual([1, []]);
    expect(new Set(server.fills.map(({ brokerDealId }) => brokerDealId)).size).toBe(server.fills.length);
  });

  it('that is refused is said once, and holds nothing up', async () => {
    server.heartbeatSeconds = 0.01;
    server.fault = ({ path }) => (path === '/agents/me/positions' ? { status: 400, body: { code: 'VALIDATION_FAILED', detail: 'no' } } : undefined);
    expect(await agents.run(agents.make({ maxCandles: 300 }))).toBe('market');
    expect(agents.said.filter((line) => line.includes('REFUSED positions report'))).toHaveLength(1);
    expect(server.trades.length).toBeGreaterThan(0);
  });
});

describe('what a person opens at the broker', () => {
  it('is adopted from a report, left alone by the strategy, and ended by its deals', async () => {
    const agent = agents.make({ byHand: HAND });
    expect(await agents.run(agent)).toBe('market');
    expect(externals()).toMatchObject([{ status: 'closed', openSize: '0', lotSize: '0.05' }]);
    const own = server.trades.length - 1;
    const alone = new FakeServer();
    await alone.listen();
    const others = new TestAgents(alone);
    try {
      await others.run(others.make());
      expect(alone.trades).toHaveLength(own);
    } finally {
      await others.cleanUp();
      await alone.close();
    }
    const net = server.trades.reduce((sum, { netProfit }) => sum + Math.round(Number(netProfit) * 100), 0);
    expect(agent.trader.broker.state.balance).toBe(((1_000_000 + net) / 100).toFixed(2));
    expect(agent.trader.run.closedTrades).toBe(own);
  });

  it('is found again where the answer that named it was lost', async () => {
    let drops = 0;
    const agent = agents.make({ byHand: HAND, onStep: () => agent.trader.unadopted.length > 0 && agent.pace(0.001) });
    server.fault = ({ path }) => (path === '/agents/me/positions' && agent.trader.unadopted.length > 0 && drops++ < 2 ? { drop: 'after' } : undefined);
    void agents.run(agent);
    await until('the adoption is known', () => agents.said.some((line) => line.includes('adopted by the server')));
    expect(drops).toBeGreaterThan(2);
    expect(agent.trader.broker.state.positions.find(({ byHand }) => byHand)?.adoptedAs).toBe(externals()[0]!.id);
    expect(externals()).toHaveLength(1);
  });

  it('can be closed by a command, since the agent knows which trade it is; a flatten closes it too', async () => {
    const { agent } = await agents.holding({ byHand: { ...HAND, opensAt: 1 } });
    await until('the adoption', () => agent.trader.broker.state.positions.some(({ adoptedAs }) => adoptedAs !== undefined));
    const { adoptedAs } = agent.trader.broker.state.positions.find(({ byHand }) => byHand)!;
    server.queue('close_trade', { tradeId: adoptedAs, size: '0.02' });
    await until('the part', () => externals()[0]?.openSize === '0.03');
    server.queue('flatten');
    await until('the rest', () => server.trades.every(({ status }) => status === 'closed'));
    expect(server.exits.filter(({ tradeId }) => tradeId === adoptedAs).map(({ size, exitReason }) => [size, exitReason])).toEqual([['0.02', 'operator'], ['0.03', 'flatten']]);
  });

  it('and whose deals come while another copy counts, is told by them as soon as this one does', async () => {
    let refusals = 0;
    const { agent } = await agents.holding({ byHand: { ...HAND, opensAt: 1 } });
    await until('the adoption', () => agent.trader.unadopted.length === 0);
    server.fault = ({ path }) => (path === '/agents/me/reconcile' && refusals++ === 0 ? { status: 409, body: { code: 'AGENT_INSTANCE_CONFLICT' } } : undefined);
    server.queue('flatten');
    await until('the end of it', () => externals()[0]?.status === 'closed');
    expect(agents.said.filter((line) => line.includes('REJECTED'))).toEqual([]);
  });

  it('and closes while the server is away, is told afterwards by its deals', async () => {
    let away = false;
    server.fault = () => (away ? { drop: 'before' } : undefined);
    const agent = agents.make({ byHand: HAND, onStep: () => agent.trader.run.cycleCount === 65 && (away = true) });
    const ended = agents.run(agent);
    await until('the end of the market', () => agent.trader.run.finished);
    away = false;
    expect(await ended).toBe('market');
    expect(externals()).toMatchObject([{ status: 'closed', openSize: '0', exitReason: 'external', netProfit: expect.any(String) }]);
  });
});

describe('a quote', () => {
  it('is told before a trade is, and is the present one', async () => {
    const { agent } = await agents.holding();
    const paths = server.seen.map(({ path }) => path);
    expect(paths.indexOf('/quotes')).toBeGreaterThan(0);
    expect(paths.indexOf('/quotes')).toBeLessThan(paths.indexOf('/trades'));
    expect(server.quotes.at(-1)).toMatchObject({ symbol: 'EURUSD', bid: expect.stringMatching(/^1\.\d{5}$/), ask: expect.stringMatching(/^1\.\d{5}$/) });
    expect(String(server.quotes.at(-1)!.quotedAt) <= agent.trader.run.lastCycleAt!).toBe(true);
  });

  it('that could not be told is never told later', async () => {
    let away = false;
    server.fault = () => (away ? { drop: 'before' } : undefined);
    const { agent } = await agents.holding();
    away = true;
    for (let n = 0; n < 300; n++) agent.trader.step({ decide: true, against: { code: 'SERVER_AWAY' } });
    await until('the outage is noticed', () => !agent.link.isUp);
    const before = server.quotes.length;
    const seen = agent.trader.run.lastCycleAt!;
    away = false;
    await until('the facts', () => agent.spool.size === 0);
    expect(readFileSync(join(agents.folder, 'facts.jsonl'), 'utf8')).not.toContain('/quotes');
    for (const { quotedAt } of server.quotes.slice(before)) expect(String(quotedAt) >= seen).toBe(true);
  });

  it('that is refused is said once, and holds nothing up', async () => {
    server.fault = ({ path }) => (path === '/quotes' ? { status: 403, body: { code: 'FORBIDDEN' } } : undefined);
    expect(await agents.run(agents.make({ maxCandles: 300 }))).toBe('market');
    expect(agents.said.filter((line) => line.includes('REFUSED quote'))).toHaveLength(1);
    expect(server.trades.length).toBeGreaterThan(0);
  });
});
