import { randomUUID } from 'node:crypto';
import { Decimal } from 'decimal.js';

export interface Row extends Record<string, unknown> {
  id: string;
}

type Body = Record<string, unknown>;
type Answer = { status: number; body: unknown };

const sumOf = (rows: readonly Body[], field: string) => rows.reduce((sum, row) => sum.plus(String(row[field] ?? 0)), new Decimal(0));
const TAG_CHARACTERS = 16;
const originOf = ({ ideaId }: Body) => (ideaId === undefined ? 'ungated' : 'gated');

/** Trades as a server keeps them: what follows from fills, and what the broker's reports make of them. */
export class FakeBook {
  readonly trades: Row[] = [];
  readonly fills: Row[] = [];
  /** Every one that was opened, also those that are over. */
  readonly incidents: (Row & { kind: string; subject: { id: string } })[] = [];
  /** Trades that were adopted first and told afterwards. */
  readonly claimed: string[] = [];
  private positions: Row[] = [];
  private asOf = '';

  told(body: Body): Answer {
    const known = this.trades.find(({ clientOrderId }) => clientOrderId === body.clientOrderId);
    if (known) return { status: 200, body: known };
    const adopted = this.trades.find(({ origin, status, brokerPositionId }) => origin === 'external' && status === 'open' && brokerPositionId === body.brokerPositionId);
    if (adopted) {
      this.claimed.push(adopted.id);
      return { status: 201, body: Object.assign(adopted, body, { origin: originOf(body) }) };
    }
    return { status: 201, body: this.add({ ...body, origin: originOf(body) }) };
  }

  /** A deal is one fact, however often it is told. */
  fill(tradeId: string, body: Body): Answer {
    const trade = this.trades.find(({ id }) => id === tradeId);
    if (!trade) return { status: 404, body: { code: 'NOT_FOUND' } };
    const known = this.fills.find(({ brokerDealId, role }) => brokerDealId === body.brokerDealId && role === body.role);
    if (known && known.tradeId !== tradeId) return { status: 409, body: { code: 'FILL_DEAL_TAKEN' } };
    if (!known) {
      this.fills.push({ ...body, id: randomUUID(), tradeId });
      this.follow(trade);
    }
    return { status: known ? 200 : 201, body: { trade } };
  }

  report(body: Body): Body {
    const { asOf, positions } = body as { asOf: string; positions: Body[] };
    if (asOf < this.asOf) return { applied: false, code: 'REPORT_STALE', adopted: [], missing: [], differing: [] };
    this.asOf = asOf;
    const adopted: Body[] = [];
    const differing: Body[] = [];
    this.positions = positions.map((position) => {
      let trade = this.trades.find(({ brokerPositionId }) => brokerPositionId === position.brokerPositionId);
      if (!trade) {
        trade = this.adopt(position);
        adopted.push({ tradeId: trade.id, brokerPositionId: trade.brokerPositionId });
      } else if (trade.status === 'open' && !new Decimal(String(trade.openSize)).eq(String(position.size))) {
        differing.push({ tradeId: trade.id, brokerPositionId: trade.brokerPositionId, held: position.size, ours: trade.openSize });
      }
      return { ...position, id: randomUUID(), tradeId: trade.id };
    });
    const shown = new Set(this.positions.map(({ tradeId }) => tradeId));
    const missing = this.trades.filter(({ id, status, entryTime }) => status === 'open' && String(entryTime) <= asOf && !shown.has(id));
    for (const { id } of missing) this.incident('POSITION_MISSING', id);
    for (const row of differing) this.incident('POSITION_MISMATCH', String(row.tradeId));
    return { applied: true, adopted, differing, missing: missing.map(({ id, brokerPositionId }) => ({ tradeId: id, brokerPositionId })) };
  }

  reconcile(body: Body): Body {
    const { deals, ...report } = body as { deals: Body[] };
    for (const deal of deals) {
      const trade = this.trades.find(({ brokerPositionId }) => brokerPositionId === deal.brokerPositionId);
      this.fill((trade ?? this.adopt({ ...deal, size: deal.size, entryPrice: deal.price, openedAt: deal.at })).id, deal);
    }
    return { ...this.report(report), deals: { stored: deals.length, known: 0, tooOld: 0, adopted: [] }, settled: [] };
  }

  read(path: string): Answer {
    const [what, id] = path.split('?')[0]!.split('/').slice(1);
    if (what === 'positions') return { status: 200, body: { items: this.positions, nextCursor: null } };
    if (what === 'incidents') return { status: 200, body: { items: this.incidents, nextCursor: null } };
    if (id === undefined) return { status: 200, body: { items: this.trades, nextCursor: null } };
    const trade = this.trades.find((row) => row.id === id);
    return trade ? { status: 200, body: trade } : { status: 404, body: {} };
  }

  private adopt({ size, openedAt, brokerPositionId, symbol, direction, entryPrice }: Body): Row {
    const names = { clientOrderId: `external:${String(brokerPositionId)}`, brokerPositionId, origin: 'external' };
    const trade = this.add({ ...names, symbol, direction, lotSize: size, entryPrice, entryTime: openedAt });
    this.incident('EXTERNAL_POSITION', trade.id);
    return trade;
  }

  private add(body: Body): Row {
    const orderTag = body.commandId === undefined ? randomUUID().replaceAll('-', '').slice(0, TAG_CHARACTERS).toUpperCase() : body.clientOrderId;
    const row = { ...body, id: randomUUID(), orderTag, status: 'open', exitPrice: null, openSize: String(body.lotSize) };
    this.trades.push(row);
    return row;
  }

  private incident(kind: string, id: string): void {
    if (this.incidents.some((each) => each.kind === kind && each.subject.id === id)) return;
    this.incidents.push({ id: randomUUID(), kind, subject: { id }, summary: `${kind} of ${id}` });
  }

  private follow(trade: Row): void {
    const mine = this.fills.filter(({ tradeId }) => tradeId === trade.id);
    const [entries, exits] = [mine.filter(({ role }) => role === 'entry'), mine.filter(({ role }) => role === 'exit')];
    const entered = entries.length === 0 ? new Decimal(String(trade.lotSize)) : sumOf(entries, 'size');
    const exited = sumOf(exits, 'size');
    trade.openSize = entered.minus(exited).toFixed();
    if (exits.length === 0) return;
    const paid = exits.reduce((sum, { price, size }) => sum.plus(new Decimal(String(price)).mul(String(size))), new Decimal(0));
    trade.exitPrice = paid.div(exited).toFixed();
    trade.commission = sumOf(mine, 'commission').toFixed(2);
    trade.netProfit = sumOf(mine, 'profit').plus(String(trade.commission)).toFixed(2);
    if (exited.lt(entered)) return;
    trade.status = 'closed';
    trade.exitReason = exits.at(-1)!.exitReason;
  }
}
