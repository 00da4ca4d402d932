import type { TestAgent } from './app.js';
import type { SimulatedBroker, SimulatedDeal, SimulatedOrder, SimulatedPosition } from './simulated-broker.js';

/** What the agent keeps of a trade that it told the server of. */
interface Known {
  id: string;
  tag: string;
  clientOrderId: string;
  direction: 'long' | 'short';
  sentAt: number;
  /** All the ids that its position was seen under. */
  positionIds: Set<string>;
}

interface Fact {
  path: string;
  body: Record<string, unknown>;
}

const iso = (ms: number) => new Date(ms).toISOString();
const ASK_OF_DEALS = 300;

/**
 * A client of both sides: it trades at the simulated broker and tells the server, over a network that repeats, delays and
 * shuffles what it says. What it has not sent yet survives; what the broker did while it was away it finds out later.
 */
export class SimulatedAgent {
  connected = true;
  readonly known = new Map<string, Known>();
  private readonly facts: Fact[] = [];
  private readonly queued = new Set<string>();
  private lastNumber = 0;

  constructor(
    readonly agent: TestAgent,
    readonly magic: number,
    private readonly broker: SimulatedBroker,
    private readonly random: () => number,
  ) {}

  /** Tells the server first, since the order carries the tag that the answer gives it. */
  async open(symbol: string, direction: 'long' | 'short', lotSize: string, how: 'fill' | 'parts' | 'reject' | 'wait' | 'lost'): Promise<void> {
    this.lastNumber += 1;
    const clientOrderId = `${this.agent.name}-${this.lastNumber}`;
    const made = await this.agent.http<{ id: string; orderTag: string }>('POST', '/trades', { body: { clientOrderId, symbol, direction, lotSize, status: 'pending' } });
    if (made.status !== 201) throw new Error(made.text);
    const trade: Known = { id: made.body.id, tag: made.body.orderTag, clientOrderId, direction, sentAt: this.broker.now, positionIds: new Set() };
    this.known.set(trade.tag, trade);
    const wanted = { symbol, side: direction, size: lotSize, stopDistance: '0.003', tag: trade.tag, magic: this.magic };
    if (how === 'fill') this.broker.fill(wanted);
    if (how === 'parts') for (const part of halves(lotSize)) this.broker.fill({ ...wanted, size: part });
    if (how === 'wait') {
      const { bid, ask } = this.broker.quote(symbol);
      this.broker.place(wanted, direction === 'long' ? bid.minus('0.0004') : ask.plus('0.0004'));
    }
    // A refusal is told at once; an order whose answer was lost may have been carried out or not: the broker knows.
    if (how === 'reject') this.facts.push({ path: `/trades/${trade.id}/transitions`, body: { to: 'rejected', version: 1, reason: 'no money' } });
    if (how === 'lost' && this.random() < 0.5) this.broker.fill(wanted);
  }

  /** Closes a part of what it holds, or all of it. */
  close(part: number): void {
    const own = this.broker.positions.filter(({ magic }) => magic === this.magic);
    const position = own[Math.floor(this.random() * own.length)];
    if (!position || !this.connected) return;
    this.closePosition(position, part < 1 ? position.size.times(part).toDecimalPlaces(2) : position.size, position.tag);
  }

  private closePosition(position: SimulatedPosition, size: SimulatedPosition['size'], tag: string | null): void {
    if (size.lte(0)) return;
    this.broker.close(position, size, 'signal', { tag, magic: this.magic });
  }

  cancelOrders(): void {
    for (const order of this.broker.orders.filter(({ magic }) => magic === this.magic)) this.broker.cancel(order);
  }

  /** Reads what the broker has done for it. */
  look(): void {
    if (!this.connected) return;
    for (const { tag, id } of this.broker.positions) if (tag) this.known.get(tag)?.positionIds.add(id);
    for (const deal of this.broker.deals) {
      const trade = this.tradeOf(deal);
      const key = `${deal.id} ${deal.role}`;
      if (!trade || this.queued.has(key)) continue;
      this.queued.add(key);
      this.facts.push({ path: `/trades/${trade.id}/fills`, body: fillOf(deal) });
    }
    this.giveUpLost();
  }

  private tradeOf(deal: SimulatedDeal): Known | undefined {
    const tagged = deal.tag ? this.known.get(deal.tag) : undefined;
    // An order against what is held bears its own tag and leaves somebody else's position.
    if (tagged) return tagged.direction === deal.side ? tagged : undefined;
    // A pool of several trades: which of them was left is for the server to say.
    if (this.broker.margin === 'netting') return undefined;
    return [...this.known.values()].find(({ positionIds }) => positionIds.has(deal.positionId));
  }

  /** An order that is nowhere at the broker was never there. */
  private giveUpLost(): void {
    for (const trade of this.known.values()) {
      const isThere = [...this.broker.positions, ...this.broker.orders, ...this.broker.deals].some(({ tag }) => tag === trade.tag);
      if (isThere || this.queued.has(trade.id) || this.broker.now - trade.sentAt < 60_000) continue;
      this.queued.add(trade.id);
      this.facts.push({ path: `/trades/${trade.id}/transitions`, body: { to: 'cancelled', version: 1, reason: 'the broker has no such order' } });
    }
  }

  /** Sends some of the facts in any order, some of them twice. @param all nothing is kept back */
  async send(all: boolean): Promise<void> {
    if (this.facts.length > 1 && this.random() < 0.5) this.facts.reverse();
    for (const fact of [...this.facts]) {
      if (!all && this.random() < 0.4) continue;
      for (let n = this.random() < 0.2 ? 2 : 1; n > 0; n--) await this.tell(fact);
      this.facts.splice(this.facts.indexOf(fact), 1);
    }
  }

  private async tell({ path, body }: Fact): Promise<void> {
    const { status, text } = await this.agent.http('POST', path, { body });
    // What the trade has become since wins over a guarded change; everything else must be taken.
    if (status === 200 || status === 201 || (status === 409 && path.endsWith('/transitions'))) return;
    throw new Error(`${path} ${JSON.stringify(body)}: ${status} ${text}`);
  }

  async report(): Promise<Record<string, never>> {
    const { status, text, body } = await this.agent.http('POST', '/agents/me/positions', { body: this.picture() });
    if (status !== 200) throw new Error(`positions: ${status} ${text}`);
    return body;
  }

  private picture(): Record<string, unknown> {
    const { broker, connected } = this;
    return {
      asOf: iso(broker.now), complete: true, brokerConnected: connected,
      positions: connected ? broker.positions.map(positionOf) : [], orders: connected ? broker.orders.map(orderOf) : [],
    };
  }

  /** Does what the server asks for. */
  async obey(): Promise<void> {
    const { body } = await this.agent.http<{ commands: { id: string; type: string; leaseToken: string }[] }>('POST', '/agents/me/commands/lease', { body: { max: 20 } });
    for (const { id, type, leaseToken } of body.commands) {
      const isReconcile = type === 'reconcile' && this.connected;
      const answer = isReconcile
        ? await this.agent.http('POST', `/commands/${id}/complete`, { body: { leaseToken, result: this.reconciliation() } })
        : await this.agent.http('POST', `/commands/${id}/fail`, { body: { leaseToken, outcome: 'not_sent', error: { code: 'BROKER_DISCONNECTED', message: '' }, retryable: true } });
      if (answer.status !== 200) throw new Error(`${type}: ${answer.status} ${answer.text}`);
    }
  }

  /** Unasked. */
  async reconcile(): Promise<void> {
    const { status, text } = await this.agent.http('POST', '/agents/me/reconcile', { body: this.reconciliation() });
    if (status !== 200) throw new Error(`reconcile: ${status} ${text}`);
  }

  private reconciliation(): Record<string, unknown> {
    const { brokerConnected: _connected, complete: _complete, ...picture } = this.picture();
    return {
      ...picture,
      deals: this.broker.deals.slice(-ASK_OF_DEALS).map((deal) => ({
        ...fillOf(deal), symbol: deal.symbol, direction: deal.side,
        ...(deal.tag ? { orderTag: deal.tag } : {}), ...(deal.magic === null ? {} : { magic: deal.magic }),
      })),
    };
  }
}

function halves(size: string): string[] {
  const half = (Number(size) / 2).toFixed(2);
  return Number(half) > 0 ? [half, (Number(size) - Number(half)).toFixed(2)] : [size];
}

const fillOf = (deal: SimulatedDeal) => ({
  brokerDealId: deal.id, role: deal.role, price: deal.price.toFixed(), size: deal.size.toFixed(), profit: deal.profit.toFixed(), commission: deal.commission.toFixed(),
  swap: deal.swap.toFixed(), at: iso(deal.at), brokerPositionId: deal.positionId, brokerOrderId: deal.orderId, ...(deal.exitReason ? { exitReason: deal.exitReason } : {}),
});

const positionOf = (position: SimulatedPosition) => ({
  symbol: position.symbol, direction: position.side, size: position.size.toFixed(), entryPrice: position.price.toFixed(), brokerPositionId: position.id, openedAt: iso(position.openedAt),
  swap: position.swap.toFixed(), ...(position.stop ? { stopLoss: position.stop.toFixed() } : {}), ...(position.tag ? { orderTag: position.tag } : {}),
  ...(position.magic === null ? {} : { magic: position.magic }),
});

const orderOf = (order: SimulatedOrder) => ({
  brokerOrderId: order.id, symbol: order.symbol, role: 'entry', type: 'limit', direction: order.side, size: order.size.toFixed(), price: order.price.toFixed(), placedAt: iso(order.placedAt),
  ...(order.tag ? { orderTag: order.tag } : {}), ...(order.magic === null ? {} : { magic: order.magic }),
});
