import { Decimal } from 'decimal.js';
import type { Api } from './api.js';
import { cents, parsePoints, profitOf, type Instrument } from './instrument.js';

/** The fields of a trade, as the server answers them, from which every figure of a summary can be computed again. */
export interface TradeRow {
  id: string;
  clientOrderId: string;
  brokerPositionId?: string | null;
  origin?: string;
  status: string;
  direction: 'long' | 'short';
  lotSize: string;
  entryPrice: string;
  exitPrice: string | null;
  netProfit?: string | null;
  commission?: string | null;
}

/** Money in US dollars as decimal texts, to the cent. */
export interface TradeSums {
  trades: number;
  wins: number;
  losses: number;
  even: number;
  gross: string;
  costs: string;
  net: string;
  openTrades: number;
  /** What was traded by hand at the broker is in the figures above, and here by itself. */
  external: { trades: number; net: string };
  /** Trades whose profit on the server is not what its prices say. */
  mismatches: string[];
}

/** Every trade of one run that the server has, over all pages, with those that it adopted from the run's paper broker. */
export async function fetchTrades(api: Api, agentId: string, tag: string): Promise<TradeRow[]> {
  const rows = await allOf<TradeRow>(api, `/trades?agentId=${agentId}`);
  return rows.filter(({ brokerPositionId }) => brokerPositionId?.startsWith(`paper-${tag}-`));
}

/** What became of the ideas of one run, and why those were refused that were. */
export interface IdeaSums {
  ideas: number;
  byStatus: Record<string, number>;
  refusals: Record<string, number>;
}

interface IdeaRow {
  status: string;
  createdAt: string;
  reasons?: { code: string }[];
}

/** @param beganAt of the run, as the server counts time */
export async function fetchIdeas(api: Api, agentId: string, beganAt: string | null): Promise<IdeaSums> {
  const rows = beganAt === null ? [] : await allOf<IdeaRow>(api, `/trade-ideas?agentId=${agentId}`, ({ createdAt }) => createdAt >= beganAt);
  const sums: IdeaSums = { ideas: rows.length, byStatus: {}, refusals: {} };
  for (const { status, reasons = [] } of rows) {
    sums.byStatus[status] = (sums.byStatus[status] ?? 0) + 1;
    if (!['rejected', 'halted_by_risk'].includes(status)) continue;
    for (const { code } of reasons) sums.refusals[code] = (sums.refusals[code] ?? 0) + 1;
  }
  return sums;
}

/** Newest first over all pages, as long as they are wanted. */
async function allOf<T>(api: Api, path: string, wanted: (row: T) => boolean = () => true): Promise<T[]> {
  const rows: T[] = [];
  let cursor: string | null = null;
  do {
    const page: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { body }: { body: { items: T[]; nextCursor: string | null } } = await api.get(`${path}&limit=500${page}`);
    const taken = body.items.filter(wanted);
    rows.push(...taken);
    cursor = taken.length < body.items.length ? null : body.nextCursor;
  } while (cursor !== null);
  return rows;
}

/** Adds up trades from their prices alone, and compares each with the profit that stands on the server. */
export function sumTrades(rows: readonly TradeRow[], instrument: Instrument): TradeSums {
  let [gross, costs] = [new Decimal(0), new Decimal(0)];
  let [wins, losses, even, open] = [0, 0, 0, 0];
  const external = { trades: 0, net: new Decimal(0) };
  const mismatches: string[] = [];
  for (const row of rows) {
    if (row.status !== 'closed' || row.exitPrice === null) {
      open += 1;
      continue;
    }
    const entry = parsePoints(row.entryPrice, instrument);
    const exit = new Decimal(row.exitPrice).mul(new Decimal(10).pow(instrument.digits + 1));
    const profit = cents(profitOf(instrument, row.direction, row.lotSize, entry, exit));
    const commission = new Decimal(row.commission ?? 0).abs();
    const net = profit.minus(commission);
    if (row.netProfit !== undefined && row.netProfit !== null && !net.eq(row.netProfit)) {
      mismatches.push(`${row.id}: ${row.netProfit} on the server, ${net.toFixed(2)} by its prices`);
    }
    gross = gross.plus(profit);
    costs = costs.plus(commission);
    if (row.origin === 'external') {
      external.trades += 1;
      external.net = external.net.plus(net);
    }
    if (net.gt(0)) wins += 1;
    else if (net.lt(0)) losses += 1;
    else even += 1;
  }
  const money = { gross: gross.toFixed(2), costs: costs.toFixed(2), net: gross.minus(costs).toFixed(2) };
  const byHand = { trades: external.trades, net: external.net.toFixed(2) };
  return { trades: wins + losses + even, wins, losses, even, ...money, openTrades: open, external: byHand, mismatches };
}
