import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { priceText } from './instrument.js';
import { randomMarket } from './market.js';
import { DemoProcess } from './testing/demo-process.js';
import { FakeServer } from './testing/fake-server.js';
import { EURUSD, until } from './testing/test-agent.js';

let server: FakeServer;
let demo: DemoProcess;
let candles: string;
beforeEach(async () => {
  server = new FakeServer();
  await server.listen();
  demo = new DemoProcess();
  candles = join(demo.folder, 'EURUSD_test.csv');
  writeFileSync(candles, csv(700));
});
afterEach(async () => {
  demo.cleanUp();
  await server.close();
});

function csv(count: number): string {
  const market = randomMarket(11, EURUSD, 1_100_000, 60);
  let text = 'timestamp,open,high,low,close,volume,spread\n';
  let position = market.begin();
  for (let i = 0; i < count; i++) {
    const next = market.next(position)!;
    position = next.position;
    const { time, open, high, low, close, spread } = next.candle;
    const prices = [open, high, low, close].map((points) => priceText(points, EURUSD));
    text += `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')},${prices.join(',')},1,${priceText(spread, EURUSD)}\n`;
  }
  return text;
}

const start = (...args: string[]) => demo.start(['--json', ...args], { TRADEWARDEN_URL: server.url, TRADEWARDEN_API_KEY: 'tw_test' });
const replay = (...args: string[]) => start('--candles', candles, '--speed', 'max', ...args);
const isFact = (path: string) => /^\/(trades|predictions)/.test(path);
/** Of the agent's own trades, whichever came first: after a crash, what is open is shown before what was closed is told. */
const ownOf = (fake: FakeServer) => fake.trades.filter(({ origin }) => origin !== 'external');
const textsOf = (trades: Record<string, unknown>[]) => trades.map(({ direction, entryPrice, exitPrice, netProfit }) => [direction, entryPrice, exitPrice, netProfit].join(' '));
const resultsOf = (fake: FakeServer) => textsOf(ownOf(fake)).sort();

/** Adopted once, closed by a deal that came with a reconciliation. */
function expectOneByHand({ trades }: FakeServer): void {
  expect(trades.filter(({ origin }) => origin === 'external')).toMatchObject([{ status: 'closed', lotSize: '0.05', openSize: '0', exitReason: 'external', netProfit: expect.any(String) }]);
}

describe('the demo as a process', () => {
  it('replays a file, ends with 0, and sums up what anybody can add up from the trades', async () => {
    const { code, out } = await replay().ended;
    expect(code).toBe(0);
    const summary = JSON.parse(out) as Record<string, unknown>;
    const centsOf = ({ direction, entryPrice, exitPrice, lotSize }: Record<string, unknown>) => {
      const [entry, exit] = [entryPrice, exitPrice].map((price) => Math.round(Number(price) * 1e5));
      return Math.round((direction === 'long' ? exit! - entry! : entry! - exit!) * Number(lotSize) * 100);
    };
    const total = server.trades.reduce((sum, trade) => sum + centsOf(trade), 0);
    expect(summary).toMatchObject({ complete: true, candles: 700, trades: server.trades.length, net: (total / 100).toFixed(2), unsentFacts: 0, rejectedFacts: 0, openTrades: 0 });
    expect(server.trades.length).toBeGreaterThan(4);
    expect(server.trades[0]).toHaveProperty('sourceTime');
    expect(server.fills.every((fill) => 'sourceTime' in fill || server.trades.some(({ id, origin }) => id === fill.tradeId && origin === 'external'))).toBe(true);
  });

  it('shows a position that a person opens at the broker: adopted, seen as an incident, closed by its deal, and counted to the cent', async () => {
    const { code, out, err } = await replay().ended;
    expect(code).toBe(0);
    expectOneByHand(server);
    const [external] = server.trades.filter(({ origin }) => origin === 'external');
    expect(err).toMatch(/opened by hand at the broker: long 0.05 EURUSD at [\d.]+ \(position paper-/);
    expect(err).toContain(`is trade ${external!.id}, origin external; incident EXTERNAL_POSITION`);
    expect(err).toMatch(/closed by hand at the broker: long left at/);
    const summary = JSON.parse(out) as { net: string; finalBalance: string; external: { trades: number; net: string } };
    expect(summary.external).toEqual({ trades: 1, net: external!.netProfit });
    expect((10_000 + Number(summary.net)).toFixed(2)).toBe(summary.finalBalance);
  });

  it('gives nobody anything to look at but that one position: its own trades are told before they are shown, and ended before they are missed', async () => {
    expect((await replay().ended).code).toBe(0);
    const { incidents, claimed } = server.book;
    expect(incidents.map(({ kind, subject }) => [kind, server.trades.find(({ id }) => id === subject.id)?.origin])).toEqual([['EXTERNAL_POSITION', 'external']]);
    expect(claimed).toEqual([]);
  });

  it('killed again and again with a fact, an idea or an answer on the wire, on either side of its being recorded, loses and doubles nothing', async () => {
    expect((await replay().ended).code).toBe(0);
    const expected = resultsOf(server);
    const other = new FakeServer();
    await other.listen();
    demo.forget();
    let running: ChildProcess | null = null;
    const seen = new Map<string, number>();
    const kills: string[] = [];
    // Each kind of step for itself, by turns before it is recorded and after: the first, fourth, ninth, sixteenth. The gaps grow, so that what is repeated together comes through.
    other.fault = ({ method, path }) => {
      const step = isFact(path) || path.startsWith('/trade-ideas') || /^\/commands\/.*\/complete$/.test(path);
      if (method !== 'POST' || !step) return undefined;
      const kind = path.split(/[/?]/).filter((part) => !/^[0-9a-f-]{36}$/.test(part)).join('/');
      const nth = (seen.get(kind) ?? 0) + 1;
      seen.set(kind, nth);
      if (!Number.isInteger(Math.sqrt(nth))) return undefined;
      running!.kill('SIGKILL');
      const drop = nth % 2 === 1 ? 'before' : 'after';
      kills.push(`${kind} ${drop}`);
      return { drop };
    };
    try {
      for (let told = false; !told; ) {
        const started = demo.start(['--json', '--candles', candles, '--speed', 'max'], { TRADEWARDEN_URL: other.url, TRADEWARDEN_API_KEY: 'tw_test' });
        running = started.child;
        const ended = await started.ended;
        if (ended.code !== null) expect(ended).toMatchObject({ code: 0 });
        told = ended.out.includes('"complete":true');
      }
      const steps = ['/trade-ideas/lease=1', '/trades', '/trades/fills', '/commands/complete'];
      expect(kills).toEqual(expect.arrayContaining(steps.flatMap((step) => [`${step} before`, `${step} after`])));
      // Each idea came to the gate once, each opening to the broker once, and the server was told of each.
      expect(other.openings.map(({ status, attempt }) => [status, attempt])).toEqual(other.gate.ideas.map(() => ['succeeded', 1]));
      expect(ownOf(other).map(({ commandId }) => commandId).sort()).toEqual(other.openings.map(({ id }) => id).sort());
      expect(resultsOf(other)).toEqual(expected);
      expectOneByHand(other);
      expect(other.fills).toHaveLength(2 * other.trades.length);
      expect(other.trades.every(({ openSize }) => openSize === '0')).toBe(true);
      expect(other.explanations.map(({ kind }) => kind).sort()).toEqual([...expected.map(() => 'entry'), ...expected.map(() => 'exit')]);
      expect(other.predictions).toHaveLength(server.predictions.length);
    } finally {
      await other.close();
    }
  });

  it('killed at any moment opens nothing twice, and comes to the same trades unless an order was on its way', async () => {
    expect((await replay().ended).code).toBe(0);
    const expected = resultsOf(server);
    const [before, openings] = [expected.length, server.openings.length];
    demo.forget();
    let told = false;
    for (let delayMs = 5; !told; delayMs += 60) {
      const answered = server.seen.length;
      // Slower than "max", so that the kills fall between candles and saves too.
      const { child, ended } = start('--candles', candles, '--speed', '500');
      await until('its first request', () => server.seen.length > answered);
      setTimeout(() => child.kill('SIGKILL'), delayMs);
      // A kill can also fall between the summary and the end of the process: then the run is over all the same.
      told = (await ended).out.includes('"complete":true');
    }
    const own = ownOf(server).slice(before);
    expect(new Set(own.map(({ commandId }) => commandId)).size).toBe(own.length);
    expect(server.trades.every(({ openSize }) => openSize === '0')).toBe(true);
    // Between sending an order and hearing of it there are some milliseconds, in which only the broker knows.
    const lost = server.openings.slice(openings).filter(({ status }) => status === 'unknown');
    if (lost.length === 0) expect(textsOf(own).sort()).toEqual(expected);
    else expect(own.some(({ commandId }) => lost.some(({ id }) => id === commandId))).toBe(false);
  });

  it('killed while it answers a command carries the command out once', async () => {
    let running: ChildProcess | null = null;
    let killed = false;
    server.fault = ({ path }) => {
      if (!path.endsWith('/complete') || killed) return undefined;
      killed = true;
      running!.kill('SIGKILL');
      return { drop: 'before' };
    };
    // Slowly: the market must not end before the command comes.
    const first = start('--candles', candles, '--speed', '50');
    running = first.child;
    await until('an open trade', () => server.trades.some(({ status }) => status === 'open'));
    const flatten = server.queue('flatten');
    expect((await first.ended).code).toBeNull();
    server.lapse(flatten);
    expect((await replay().ended).code).toBe(0);
    expect(flatten).toMatchObject({ attempt: 2, status: 'succeeded' });
    const deals = server.exits.map(({ brokerDealId }) => brokerDealId);
    expect(new Set(deals).size).toBe(deals.length);
    expect(server.trades.every(({ status }) => status === 'closed')).toBe(true);
    const closedByIt = (flatten.answers[0] as { closed: string[] }).closed;
    const flattened = server.exits.filter(({ exitReason }) => exitReason === 'flatten').map(({ tradeId }) => tradeId);
    expect(flattened).toEqual(closedByIt);
  });

  it('stops by SIGTERM with its word said, and goes on from there', async () => {
    const first = start('--candles', candles, '--speed', '50');
    await until('an open trade', () => server.trades.length > 0);
    first.child.kill('SIGTERM');
    const { code, out } = await first.ended;
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ complete: false, ending: 'stopped', unsentFacts: 0 });
    expect(server.seen.filter(({ path }) => path === '/agents/me/heartbeat').at(-1)!.body.status).toBe('stopped');
    const second = await replay().ended;
    expect(second.err).toContain('going on at candle');
    expect(JSON.parse(second.out)).toMatchObject({ complete: true, candles: 700 });
  });

  it('lets no second one onto the same folder', async () => {
    const first = start('--candles', candles, '--speed', '1');
    await until('its first request', () => server.seen.length > 0);
    expect(await replay().ended).toMatchObject({ code: 1, err: expect.stringContaining(`process ${first.child.pid} already works here`) });
  });

  it.each([
    [['--candles', 'nowhere.csv'], 'ENOENT'],
    [['--speed', 'fast'], 'candles a second'],
    [['--seed', '-1'], 'whole number'],
    [['--symbol', 'EURGBP'], 'no US dollar'],
    [['--nonsense'], 'unknown option'],
  ])('says what is wrong with %p and ends with 2, before anything is started', async (args, message) => {
    const { code, err } = await start(...args).ended;
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
    expect(server.seen).toEqual([]);
  });

  it('says which line of a candle file is wrong', async () => {
    const lines = csv(50).split('\n');
    [lines[20], lines[21]] = [lines[21]!, lines[20]!];
    writeFileSync(candles, lines.join('\n'));
    expect(await replay().ended).toMatchObject({ code: 2, err: expect.stringContaining('line 22: timestamp earlier than that of line 21') });
  });
});
