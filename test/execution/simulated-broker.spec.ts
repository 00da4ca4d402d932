import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Exact } from '../../src/common/decimal.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { seeded } from '../support/random.js';
import { SimulatedAgent } from '../support/simulated-agent.js';
import { SimulatedBroker } from '../support/simulated-broker.js';

/** On each kind of account, for one agent and for two; every day a tenth of 5,000 for one agent and for two, half of them on each kind. */
const STEPS = process.env['FULL_FIGURES'] ? 5_000 : 250;
/** One walk every day, another one with each fuzzing. */
const seed = () => Number(process.env['SEED'] ?? (process.env['FULL_FIGURES'] ? Math.floor(Math.random() * 1e9) : 31));
/** After so many steps everybody falls silent, and both books are laid side by side. */
const QUIET_EVERY = 50;
const STEP_MS = 20_000;
const SYMBOLS = ['EURUSD', 'GBPUSD'];

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

interface Held { brokerPositionId: string; symbol: string; direction: string; size: string }
interface Trade { id: string; status: string; origin: string; symbol: string; direction: string; openSize: string; grossProfit: string | null; commission: string | null; swap: string | null }

const all = async <T>(path: string): Promise<T[]> => {
  const items: T[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const answer: { status: number; text: string; body: { items: T[]; nextCursor: string | null } } = await t.http('GET', `${path}&limit=500${cursor && `&cursor=${cursor}`}`);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.text}`);
    items.push(...answer.body.items);
    cursor = answer.body.nextCursor;
  }
  return items;
};

/** A world of one broker account and the agents that share it. */
class World {
  readonly broker: SimulatedBroker;
  readonly agents: SimulatedAgent[] = [];
  readonly random: () => number;
  accountId = '';

  constructor(readonly margin: 'hedging' | 'netting', private readonly agentsCount: number, readonly seed: number) {
    this.random = seeded(seed);
    // Facts may be seven days old: all of it lies in the days behind us.
    this.broker = new SimulatedBroker(margin, '10000', SYMBOLS, this.random, Date.now() - STEP_MS * (STEPS + STEPS / QUIET_EVERY * 4) - 60_000);
  }

  async begin(): Promise<void> {
    const name = `simulated ${this.margin} ${this.agentsCount}`;
    const account = await t.http<{ id: string }>('POST', '/accounts', { body: { name, kind: 'demo', broker: 'Simulated', server: 'Simulated-Demo', currency: 'USD', marginMode: this.margin, initialBalance: '10000' } });
    if (account.status !== 201) throw new Error(account.text);
    this.accountId = account.body.id;
    for (let n = 0; n < this.agentsCount; n++) {
      const agent = await t.agent({ account: name });
      const { body } = await t.http<{ magic: number }>('GET', `/agents/${agent.id}`);
      this.agents.push(new SimulatedAgent(agent, body.magic, this.broker, this.random));
    }
  }

  async step(): Promise<void> {
    const { broker, random } = this;
    broker.now += STEP_MS;
    const agent = this.agents[Math.floor(random() * this.agents.length)]!;
    const symbol = SYMBOLS[Math.floor(random() * SYMBOLS.length)]!;
    const direction = random() < 0.5 ? 'long' : 'short';
    const dice = random();
    // On a netting account one agent owns an instrument.
    const mayOpen = agent.connected && (this.margin === 'hedging' || this.agents.indexOf(agent) === SYMBOLS.indexOf(symbol) % this.agents.length)
      && (this.margin === 'hedging' || broker.positions.every((held) => held.symbol !== symbol || held.side === direction));
    if (dice < 0.25 && mayOpen) await agent.open(symbol, direction, ['0.1', '0.25', '1'][Math.floor(random() * 3)]!, (['fill', 'fill', 'parts', 'reject', 'wait', 'lost'] as const)[Math.floor(random() * 6)]!);
    else if (dice < 0.35 && this.margin === 'hedging') agent.close(random() < 0.5 ? 1 : 0.4);
    else if (dice < 0.42) broker.fill({ symbol, side: direction, size: '0.3', tag: null, magic: null });
    else if (dice < 0.48) this.closeByHand();
    else if (dice < 0.5) broker.rollover();
    else if (dice < 0.505) broker.stopOut();
    else if (dice < 0.52) agent.connected = !agent.connected;
    else if (dice < 0.53) agent.cancelOrders();
    else if (dice < 0.54) await this.cashFlow(random() < 0.5 ? '250' : '-100');
    broker.tick();
    agent.look();
    if (random() < 0.5) await agent.send(false);
    if (random() < 0.4) await agent.report();
    if (random() < 0.3) await agent.obey();
  }

  private closeByHand(): void {
    const { positions } = this.broker;
    const position = positions[Math.floor(this.random() * positions.length)];
    if (position) this.broker.close(position, this.random() < 0.5 ? position.size : Exact.max('0.01', position.size.times('0.5').toDecimalPlaces(2)), 'external', { tag: null, magic: null });
  }

  private async cashFlow(amount: string): Promise<void> {
    this.broker.cashFlow(amount);
    const kind = amount.startsWith('-') ? 'withdrawal' : 'deposit';
    await t.http('POST', `/accounts/${this.accountId}/cash-flows`, { body: { amount, kind, brokerDealId: this.broker.nextId('B'), at: new Date(this.broker.now).toISOString() } });
  }

  /** Everybody is connected again, says all, and answers what is asked. */
  async fallSilent(): Promise<void> {
    for (let round = 0; round < 4; round++) {
      this.broker.now += STEP_MS;
      for (const agent of this.agents) {
        agent.connected = true;
        agent.look();
        await agent.send(true);
        if (round === 1) await agent.reconcile();
        await agent.report();
        await agent.obey();
      }
    }
  }

  async compare(): Promise<void> {
    const trades = await all<Trade>(`/trades?accountId=${this.accountId}`);
    const held = await all<Held>(`/positions?account=${this.accountId}`);
    const live = trades.filter(({ status }) => ['open', 'closing', 'unknown'].includes(status));
    expect({ seed: this.seed, held: bySymbolAndId(held) }).toEqual({
      seed: this.seed, held: bySymbolAndId(this.broker.positions.map(({ id, symbol, side, size }) => ({ brokerPositionId: id, symbol, direction: side, size: size.toFixed() }))),
    });
    for (const symbol of SYMBOLS) {
      const ours = net(live.filter((trade) => trade.symbol === symbol).map(({ direction, openSize }) => ({ direction, size: openSize })));
      const theirs = net(this.broker.positions.filter((position) => position.symbol === symbol).map(({ side, size }) => ({ direction: side, size: size.toFixed() })));
      expect({ seed: this.seed, symbol, open: ours }).toEqual({ seed: this.seed, symbol, open: theirs });
    }
    expect({ seed: this.seed, deals: await this.dealsThatAreNoFills() }).toEqual({ seed: this.seed, deals: [] });
    const booked = trades.reduce((sum, { grossProfit, commission, swap }) => sum.plus(grossProfit ?? 0).plus(commission ?? 0).plus(swap ?? 0), new Exact(0));
    expect({ seed: this.seed, net: booked.toFixed() }).toEqual({ seed: this.seed, net: this.broker.balance.minus(this.broker.initialBalance).minus(this.broker.flows).toFixed() });
    expect(trades.filter(({ openSize }) => openSize !== null && Number(openSize) < 0)).toEqual([]);
    await this.everyDifferenceWasAnIncident(trades);
  }

  /** Every deal of the broker is a fill, or the parts of it are. */
  private async dealsThatAreNoFills(): Promise<string[]> {
    const fills = await t.db.query<{ deal: string; size: string }>(`select role || ' ' || split_part(broker_deal_id, ' #', 1) as deal, sum(size)::text as size from fills where account_id = $1 group by 1`, [this.accountId]);
    const stored = new Map(fills.map(({ deal, size }) => [deal, size]));
    return this.broker.deals.filter(({ role, id, size }) => !new Exact(stored.get(`${role} ${id}`) ?? 0).eq(size))
      .map(({ role, id, size, side, symbol, tag, magic, positionId, exitReason }) => `${role} ${id} ${side} ${size.toFixed()} ${symbol} tag ${tag} magic ${magic} position ${positionId} ${exitReason}: ${stored.get(`${role} ${id}`) ?? 'none'}`);
  }

  private async everyDifferenceWasAnIncident(trades: Trade[]): Promise<void> {
    const incidents = await all<{ kind: string; subject: { id: string }; data: { tradeId?: string } }>(`/incidents?accountId=${this.accountId}`);
    const told = new Set(incidents.flatMap(({ subject, data }) => [subject.id, data.tradeId ?? '']));
    expect(trades.filter(({ origin, id }) => origin === 'external' && !told.has(id))).toEqual([]);
  }
}

const net = (held: { direction: string; size: string }[]) => held.reduce((sum, { direction, size }) => (direction === 'long' ? sum.plus(size) : sum.minus(size)), new Exact(0)).toFixed();
const bySymbolAndId = (held: Held[]) => held.map(({ brokerPositionId, symbol, direction, size }) => [symbol, brokerPositionId, direction, new Exact(size).toFixed()].join(' ')).sort();

describe('whatever a broker does, at every quiet point what is held equals what it holds', () => {
  it.each([['hedging', 1], ['hedging', 2], ['netting', 1], ['netting', 2]] as const)('on a %s account with %d agent(s)', async (margin, agents) => {
    const world = new World(margin, agents, seed());
    await world.begin();
    for (let n = 1; n <= STEPS; n++) {
      await world.step();
      if (n % QUIET_EVERY !== 0) continue;
      await world.fallSilent();
      await world.compare();
    }
  });
});
