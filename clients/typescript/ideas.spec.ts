import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Agent, AgentOptions } from './agent.js';
import { loadMemory } from './agent-memory.js';
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

const skips = () => server.explanations.filter(({ kind }) => kind === 'skip') as unknown as { explanation: string; predictionId: string; riskFactors: Record<string, string> }[];
const ideaRequests = () => server.seen.filter(({ path }) => path.startsWith('/trade-ideas'));
const isIdea = (path: string) => path.startsWith('/trade-ideas');

/** An agent whose market stands still after its first signal, whatever came of it. */
async function asked(change: Partial<AgentOptions> = {}): Promise<{ agent: Agent; ended: Promise<string> }> {
  const agent: Agent = agents.make({ maxCandles: null, onStep: () => agent.trader.run.proposals > 0 && agent.pace(0.001), ...change });
  const ended = agents.run(agent);
  await until('an idea', () => agent.trader.run.proposals > 0 && agent.trader.gate.proposal === null);
  return { agent, ended };
}

describe('a signal', () => {
  it('asks the gate once, with its prices, its prediction and a key, after the quote and what went before', async () => {
    await asked();
    const [request] = ideaRequests();
    const { direction, lotSize, stopLoss, takeProfit, ...rest } = request!.body;
    expect([request!.path, request!.headers['idempotency-key'], ideaRequests().length]).toEqual(['/trade-ideas?lease=1', expect.stringMatching(/^idea-[0-9a-f]{8}-\d+-(long|short)$/), 1]);
    const quote = server.quotes.at(-1) as { bid: string; ask: string };
    const [entry, stop, target] = [direction === 'long' ? quote.ask : quote.bid, stopLoss, (takeProfit as { price: string }[])[0]!.price].map(Number) as [number, number, number];
    expect(Math.sign(entry - stop)).toBe(direction === 'long' ? 1 : -1);
    expect((target - entry) / (entry - stop)).toBeCloseTo(2, 1);
    expect([lotSize, rest]).toEqual(['0.10', {
      symbol: 'EURUSD', confidence: server.predictions.at(-1)!.confidence, predictionId: server.predictions.at(-1)!.id, validForSeconds: 30, rationale: expect.stringContaining('crossed'),
    }]);
  });

  it('tells the exit that makes room before it asks for what takes it', async () => {
    server.gate.verdict = () => {
      expect(server.trades.filter(({ origin, status }) => origin === 'gated' && status !== 'closed')).toEqual([]);
      return {};
    };
    // So far away that only the opposite crossing ends a trade.
    await agents.run(agents.make({ maxCandles: 1_200, config: { stopAtr: '20', rewardToRisk: '20' } }));
    expect(server.trades.filter(({ exitReason }) => exitReason === 'signal').length).toBeGreaterThan(2);
    expect(server.gate.ideas).toHaveLength(server.trades.length);
  });

  it('that is allowed is opened, told as a trade of its idea, filled, and only then answered', async () => {
    const { agent } = await asked();
    const [opening] = server.openings;
    await until('the answer', () => opening!.status === 'succeeded');
    const [trade] = server.trades;
    const [position] = agent.trader.broker.state.positions;
    const { orderTag } = opening!.payload;
    expect(trade).toMatchObject({ origin: 'gated', ideaId: server.gate.ideas[0]!.id, commandId: opening!.id, clientOrderId: orderTag, predictionId: server.predictions.at(-1)!.id });
    expect(opening!.answers).toEqual([{
      orderTag, brokerOrderId: position!.brokerOrderId, brokerPositionId: position!.brokerPositionId,
      fill: { brokerDealId: server.fills[0]!.brokerDealId, price: trade!.entryPrice, size: '0.10', at: trade!.entryTime },
    }]);
    const order = server.seen.map(({ path }) => path.split('/').at(-1)).filter((name) => ['trades', 'fills', 'complete'].includes(name!));
    expect(order).toEqual(['trades', 'fills', 'complete']);
    expect(server.explanations).toMatchObject([{ kind: 'entry', tradeId: trade!.id }]);
    const shown = server.seen.findLast(({ path }) => path === '/agents/me/positions')!.body as { positions: object[] };
    expect(shown.positions).toMatchObject([{ orderTag }]);
  });

  it.each(['rejected', 'halted_by_risk'])('that is %s opens nothing, and the explanation names the codes', async (status) => {
    server.gate.verdict = () => ({ status, codes: ['MAX_TRADES', 'DAILY_LOSS'] });
    const { agent } = await asked();
    await until('the explanation', () => skips().length === 1);
    expect([server.trades, server.commands, agent.trader.broker.state.positions]).toEqual([[], [], []]);
    expect(skips()[0]).toMatchObject({ predictionId: server.predictions.at(-1)!.id, riskFactors: { codes: 'MAX_TRADES DAILY_LOSS', ideaId: server.gate.ideas[0]!.id, ideaStatus: status } });
    expect(skips()[0]!.explanation).toMatch(`the gate answered ${status}: MAX_TRADES (It is MAX_TRADES), DAILY_LOSS`);
  });

  it('that is refused as malformed opens nothing, is said, and stops nobody', async () => {
    server.fault = ({ path }) => (isIdea(path) ? { status: 400, body: { code: 'VALIDATION_FAILED', detail: 'lotSize' } } : undefined);
    expect(await agents.run(agents.make())).toBe('market');
    expect(server.trades).toEqual([]);
    expect(skips().length).toBe(ideaRequests().length);
    expect(skips()[0]!.riskFactors.codes).toBe('VALIDATION_FAILED');
  });

  it('that needs approval waits for a person, and is opened and explained when its command comes', async () => {
    server.gate.verdict = () => ({ status: 'needs_approval', codes: ['CONFIDENCE_LOW'] });
    await asked();
    expect([server.trades, skips()]).toEqual([[], []]);
    const opening = server.approve(server.gate.ideas[0]!);
    await until('the answer', () => opening.status === 'succeeded');
    expect(server.trades).toMatchObject([{ ideaId: server.gate.ideas[0]!.id, commandId: opening.id, predictionId: server.predictions.at(-1)!.id }]);
    expect(server.explanations).toMatchObject([{ kind: 'entry' }]);
  });

  it('whose command is left for a lease is opened all the same', async () => {
    server.gate.verdict = () => ({ later: true });
    await asked();
    await until('the answer', () => server.openings[0]?.status === 'succeeded');
    expect(server.trades).toHaveLength(1);
  });

  it.each(['before', 'after'] as const)('that cannot be told (dropped %s it was decided) opens nothing, is not told again, and says so', async (drop) => {
    let drops = 1;
    server.fault = ({ path }) => (isIdea(path) && drops-- > 0 ? { drop } : undefined);
    const { agent } = await asked();
    await until('the explanation', () => skips().length === 1);
    expect(ideaRequests()).toHaveLength(1);
    expect(skips()[0]!.riskFactors.codes).toBe('SERVER_AWAY');
    expect([server.trades, agent.trader.broker.state.positions]).toEqual([[], []]);
  });

  it('without a server or a trading lease asks nobody, now or later, and says so when it can', async () => {
    let away = false;
    server.fault = () => (away ? { drop: 'before' } : undefined);
    const agent = agents.make({ maxCandles: 900, onStep: () => (away ||= agent.trader.run.cycleCount > 60) });
    const ended = agents.run(agent);
    await until('the end of the market', () => agent.trader.run.finished);
    away = false;
    expect(await ended).toBe('market');
    expect([ideaRequests().length, server.trades.length]).toEqual([0, 0]);
    expect(skips().length).toBeGreaterThan(2);
    expect(new Set(skips().map(({ riskFactors }) => riskFactors.codes))).toEqual(new Set(['SERVER_AWAY']));
    const lease = new FakeServer();
    await lease.listen();
    lease.tradingLeaseSeconds = 0;
    const others = new TestAgents(lease);
    try {
      await others.run(others.make());
      expect(lease.explanations.map(({ riskFactors }) => (riskFactors as { codes: string }).codes)).toEqual(lease.explanations.map(() => 'NO_TRADING_LEASE'));
      expect([lease.explanations.length > 2, lease.trades, lease.gate.ideas]).toEqual([true, [], []]);
    } finally {
      await others.cleanUp();
      await lease.close();
    }
  });

  it('under a halt that lets it decide is asked for and refused on record, and one that does not silences it', async () => {
    server.gate.verdict = () => (server.desired.state === 'active' ? {} : { status: 'halted_by_risk', codes: ['HALT_AGENT'] });
    server.setDesired({ state: 'reducing' });
    const agent = agents.make({ maxCandles: 1_200, onStep: () => {
      if (agent.trader.run.cycleCount !== 600) return;
      server.setDesired({ state: 'halted' });
      agent.link.see({ ...server.desired } as never);
    } });
    await agents.run(agent);
    expect(server.gate.ideas.length).toBeGreaterThan(1);
    expect([server.trades.length, skips().length]).toEqual([0, server.gate.ideas.length]);
    const last = Math.max(...server.predictions.map(({ agentCycleNumber }) => Number(agentCycleNumber)));
    expect(last).toBeLessThanOrEqual(600);
  });
});

describe('a crash around an idea', () => {
  let copy: string;
  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), 'agent-'));
  });
  afterEach(async () => {
    await agents.cleanUp();
    rmSync(copy, { recursive: true, force: true });
  });

  /** Leaves a folder as it was when the gate had decided and nobody had heard of it. */
  async function crashed(): Promise<string> {
    let cut = false;
    server.fault = ({ path }) => {
      if (cut) return { drop: 'before' };
      if (!isIdea(path)) return undefined;
      cut = true;
      cpSync(agents.folder, copy, { recursive: true });
      return { drop: 'after' };
    };
    const { agent, ended } = await asked();
    agent.stop();
    await ended;
    server.fault = () => undefined;
    return copy;
  }

  it('asks again, under the same key, while the signal is new: the same idea, opened once', async () => {
    void agents.run(agents.make({ candlesPerSecond: 0.001, maxCandles: null, folder: await crashed() }));
    await until('the answer', () => server.openings[0]?.status === 'succeeded');
    const keys = ideaRequests().map(({ headers }) => headers['idempotency-key']);
    expect([keys.length, new Set(keys).size, server.gate.ideas.length, server.trades.length]).toEqual([2, 1, 1, 1]);
  });

  it('does not ask again for a signal that has become old', async () => {
    const folder = await crashed();
    changeMemory(folder, ({ proposal }) => (proposal!.madeAt = new Date(Date.parse(proposal!.madeAt) - 31_000).toISOString()));
    void agents.run(agents.make({ candlesPerSecond: 0.001, maxCandles: null, folder }));
    await until('the explanation', () => skips().length === 1);
    expect([ideaRequests().length, skips()[0]!.riskFactors.codes]).toEqual([1, 'IDEA_EXPIRED']);
  });
});

describe('the desired state', () => {
  it.each(['reducing', 'halted', 'flatten'])('of %s is said to have been seen when a positions report has shown what came of it', async (state) => {
    const { agent } = await agents.holding();
    let held = true;
    server.fault = ({ path }) => (held && path === '/agents/me/positions' ? { status: 429 } : undefined);
    server.setDesired({ state });
    const { version } = server.desired;
    server.queue('custom');
    await until('it is known', () => agent.link.desired?.version === version);
    await until('a heartbeat since', () => server.seen.at(-1)!.path === '/agents/me/heartbeat' || server.seen.filter(({ path }) => path === '/agents/me/positions').length > 3);
    expect(server.seen.some(({ body }) => body.observedStateVersion === version)).toBe(false);
    held = false;
    agent.link.heartbeatSoon();
    await until('it is said', () => server.seen.some(({ body }) => body.observedStateVersion === version));
    const said = server.seen.findIndex(({ body }) => body.observedStateVersion === version);
    const reported = server.seen.slice(0, said).findLast(({ path, outcome }) => path === '/agents/me/positions' && outcome === 200);
    expect((reported!.body as { positions: object[] }).positions).toHaveLength(state === 'flatten' ? 0 : 1);
  });
});

describe('what survives', () => {
  it('of an opening is on the disk before the order is sent, and its answer with its effect', async () => {
    const { agent } = await asked();
    await until('the answer', () => server.openings[0]?.status === 'succeeded' && agent.trader.gate.owed.length === 0);
    expect(loadMemory(agents.folder)).toMatchObject({ proposal: null, asked: [], sent: [], done: [{ id: server.openings[0]!.id }], run: { proposals: 1 } });
  });
});
