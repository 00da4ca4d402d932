import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomMarket, replayMarket, type Market } from './market.js';
import { FakeServer } from './testing/fake-server.js';
import { EURUSD, TestAgents, until } from './testing/test-agent.js';

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

/** The first 600 candles of a random market, as a file would give them. */
function replay(): Market {
  const market = randomMarket(1, EURUSD, 1_100_000, 60);
  const candles = [];
  let position = market.begin();
  while (candles.length < 600) {
    const next = market.next(position)!;
    candles.push(next.candle);
    position = next.position;
  }
  return replayMarket(candles, 'replay');
}

const pathsSince = (index: number) => server.seen.slice(index).map(({ path }) => path.replace(/[0-9a-f-]{36}/, 'ID'));
const isFact = (path: string) => /^\/(trades|predictions)/.test(path);

describe('a run', () => {
  it('ends with every trade closed, predicted and explained, and the books of both sides equal', async () => {
    const agent = agents.make();
    expect(await agents.run(agent)).toBe('market');
    expect(server.trades.length).toBeGreaterThan(2);
    for (const trade of server.trades) {
      expect(trade).toMatchObject({ status: 'closed', executionMode: 'paper', predictionId: expect.stringMatching(/-/) });
      expect(server.explanations.filter(({ tradeId }) => tradeId === trade.id).map(({ kind }) => kind)).toEqual(['entry', 'exit']);
      expect(server.predictions.find(({ id }) => id === trade.predictionId)).toMatchObject({ usedByAgent: true });
    }
    const net = server.trades.reduce((sum, { netProfit }) => sum + Math.round(Number(netProfit) * 100), 0);
    expect(agent.trader.broker.state.balance).toBe(((1_000_000 + net) / 100).toFixed(2));
    expect(server.seen.at(-1)).toMatchObject({ path: '/agents/me/heartbeat', body: { status: 'stopped', openPositions: 0 } });
  });

  it('begins with a heartbeat and its positions, and asks for work after that', async () => {
    await agents.run(agents.make());
    expect(pathsSince(0).slice(0, 2)).toEqual(['/agents/me/heartbeat', '/agents/me/positions']);
    expect(server.seen[0]!.body).toMatchObject({ status: 'starting', balance: '10000.00', equity: '10000.00', openPositions: 0 });
  });

  it('is paused until the first answer: without a server not one candle is taken', async () => {
    server.fault = () => ({ drop: 'before' });
    const agent = agents.make();
    const ended = agents.run(agent);
    await until('three attempts', () => server.seen.length >= 3);
    expect([agent.status, agent.trader.run.cycleCount]).toEqual(['starting', 0]);
    server.fault = () => undefined;
    expect(await ended).toBe('market');
  });

  it('ends with a clear message when the key is refused', async () => {
    server.fault = () => ({ status: 401, body: { code: 'CREDENTIALS_INVALID' } });
    await expect(agents.run(agents.make())).rejects.toThrow('does not accept the agent key');
  });

  it('goes on where it was stopped, and comes to the same trades as one that was not', async () => {
    await agents.run(agents.make());
    const whole = server.trades.map(({ direction, entryPrice, exitPrice, netProfit }) => ({ direction, entryPrice, exitPrice, netProfit }));
    const second = new FakeServer();
    await second.listen();
    const others = new TestAgents(second);
    try {
      for (const stopAt of [70, 200, 201, 430]) {
        const agent = others.make({ onStep: () => agent.trader.run.cycleCount >= stopAt && agent.stop() });
        expect(await others.run(agent)).toBe('stopped');
      }
      expect(await others.run(others.make())).toBe('market');
      expect(second.trades.map(({ direction, entryPrice, exitPrice, netProfit }) => ({ direction, entryPrice, exitPrice, netProfit }))).toEqual(whole);
    } finally {
      await others.cleanUp();
      await second.close();
    }
  });

  it('over the same market again is a run of its own, once its summary has been seen', async () => {
    const first = agents.make({ market: replay() });
    await agents.run(first);
    const trades = server.trades.length;
    expect(trades).toBeGreaterThan(2);
    // As after a crash between the last candle and the summary.
    await agents.run(agents.make({ market: replay() }));
    expect(server.trades).toHaveLength(trades);
    first.trader.acknowledge();
    await agents.run(agents.make({ market: replay() }));
    expect(server.trades).toHaveLength(2 * trades);
    expect(new Set(server.trades.map(({ clientOrderId }) => clientOrderId)).size).toBe(2 * trades);
  });

  it('over another market squares off first what the run before left open', async () => {
    const { agent, ended } = await agents.holding();
    agent.stop();
    await ended;
    await agents.run(agents.make({ market: replay(), maxCandles: 60 }));
    expect(server.trades[0]).toMatchObject({ status: 'closed', exitReason: 'square_off' });
  });
});

describe('the running copy', () => {
  const copies = () => new Set(server.seen.map(({ headers }) => headers['x-instance-id']));

  it('is the same one after a restart in its folder, and another one in another folder or on another machine', async () => {
    await agents.run(agents.make({ maxCandles: 5 }));
    await agents.run(agents.make({ maxCandles: 5 }));
    expect(copies().size).toBe(1);
    await agents.run(agents.make({ maxCandles: 5, folder: join(agents.folder, 'copy') }));
    expect(copies().size).toBe(2);
    const file = join(agents.folder, 'instance-id');
    writeFileSync(file, `${readFileSync(file, 'utf8').split(' ')[0]} another-machine`);
    await agents.run(agents.make({ maxCandles: 5 }));
    expect(copies().size).toBe(3);
  });

  it('waits while another one holds the trading lease, and then goes on', async () => {
    let refusals = 0;
    server.fault = ({ path }) => (path.endsWith('/heartbeat') && refusals++ < 1 ? { status: 409, body: { code: 'AGENT_INSTANCE_CONFLICT', retryable: false } } : undefined);
    expect(await agents.run(agents.make())).toBe('market');
    expect(agents.said.filter((line) => line.includes('another copy'))).toHaveLength(1);
    expect(pathsSince(0).slice(0, 2)).toEqual(['/agents/me/heartbeat', '/agents/me/heartbeat']);
  });
});

describe('a server that is away', () => {
  it('is told everything afterwards, in order: heartbeat, positions, facts, and only then work is asked for', async () => {
    let away = false;
    server.fault = () => (away ? { drop: 'before' } : undefined);
    const agent = agents.make({
      onStep: () => {
        const { cycleCount } = agent.trader.run;
        if (cycleCount === 150) away = true;
      },
    });
    const ended = agents.run(agent);
    await until('the market at its end, with unsent facts', () => agent.trader.run.finished && agent.spool.size > 5);
    const back = server.seen.length;
    away = false;
    expect(await ended).toBe('market');
    const paths = pathsSince(back);
    const firstHeartbeat = paths.indexOf('/agents/me/heartbeat');
    expect(paths[firstHeartbeat + 1]).toBe('/agents/me/positions');
    const lastFact = paths.findLastIndex(isFact);
    expect(paths.findIndex(isFact)).toBeGreaterThan(firstHeartbeat);
    expect(paths.slice(firstHeartbeat, lastFact)).not.toContain('/agents/me/commands/lease');
    expect(server.trades.every(({ status }) => status === 'closed')).toBe(true);
    expect(agents.said.join('\n')).toMatch(/server is away[^]*server is back/);
  });

  it.each(['before', 'after'] as const)('in the middle of any fact (dropped %s it was recorded) makes no difference', async (drop) => {
    let count = 0;
    server.fault = ({ path }) => (isFact(path) && count++ % 7 === 0 ? { drop } : undefined);
    await agents.run(agents.make({ maxCandles: 300 }));
    expect(server.trades.length).toBeGreaterThan(0);
    expect(new Set(server.trades.map(({ clientOrderId }) => clientOrderId)).size).toBe(server.trades.length);
    expect(server.fills).toHaveLength(2 * server.trades.length);
    expect(server.explanations.filter(({ tradeId }) => tradeId)).toHaveLength(2 * server.trades.length);
    const replayed = server.seen.filter(({ outcome, path }) => typeof outcome === 'string' && isFact(path));
    expect(replayed.length).toBeGreaterThan(0);
    for (const { headers } of replayed) {
      const key = headers['idempotency-key'];
      expect(server.seen.filter((seen) => seen.headers['idempotency-key'] === key)).toHaveLength(2);
    }
  });

  it.each([503, 429])('for a while (%i with Retry-After) is left alone for that long', async (status) => {
    let at = 0;
    const again: number[] = [];
    server.fault = ({ path }) => {
      const concerned = isFact(path) || (status === 503 && path.endsWith('/heartbeat'));
      if (at !== 0 && concerned) again.push(performance.now() - at);
      if (path !== '/trades' || at !== 0) return undefined;
      at = performance.now();
      // Something to do in the meantime must not tempt the agent to look in earlier; it comes behind this answer.
      setTimeout(() => server.queue('custom'), 50);
      return { status, headers: { 'retry-after': '1' } };
    };
    await agents.run(agents.make({ maxCandles: 200 }));
    expect(again[0]).toBeGreaterThanOrEqual(990);
    expect(server.trades.every((trade) => trade.status === 'closed')).toBe(true);
  });

  it('does not keep the exits waiting', async () => {
    const { agent } = await agents.holding();
    server.fault = () => ({ drop: 'before' });
    for (let i = 0; i < 500 && agent.trader.broker.state.positions.length > 0; i++) agent.trader.step({ decide: false, against: null });
    expect(agent.trader.broker.state.positions).toEqual([]);
  });

  it('gives no permission to open once the trading lease has run out', async () => {
    server.tradingLeaseSeconds = 0;
    await agents.run(agents.make());
    expect(server.trades).toEqual([]);
    expect(server.predictions.length).toBeGreaterThan(10);
  });
});

describe('a fact that the server refuses', () => {
  it('is put aside with its reason, said, counted, and holds nothing up but what depends on it', async () => {
    let refused = 0;
    server.fault = ({ method, path }) =>
      method === 'POST' && path === '/trades' && refused++ === 0 ? { status: 400, body: { code: 'VALIDATION_FAILED', detail: 'no' } } : undefined;
    await agents.run(agents.make());
    const rejected = readFileSync(join(agents.folder, 'rejected.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { reason: string });
    // The trade itself, its entry, the explanation of that, its exit, and the explanation of that.
    expect(rejected.map(({ reason }) => reason)).toEqual([expect.stringContaining('VALIDATION_FAILED'), ...Array<unknown>(4).fill(expect.stringContaining('needs the id'))]);
    expect(server.trades.length).toBeGreaterThan(1);
    expect(server.seen.at(-1)!.body.errorMessage).toMatch('5 facts were rejected');
    expect(agents.said.filter((line) => line.startsWith('REJECTED'))).toHaveLength(5);
  });

  it('as a prediction leaves its trade standing', async () => {
    server.fault = ({ path }) => (path === '/predictions' ? { status: 422 } : undefined);
    await agents.run(agents.make({ maxCandles: 300 }));
    expect(server.trades.length).toBeGreaterThan(0);
    expect(server.trades[0]).not.toHaveProperty('predictionId');
  });
});
