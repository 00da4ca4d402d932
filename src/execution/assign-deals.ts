import type { Decimal } from 'decimal.js';
import { Exact } from '../common/decimal.js';

/** A broker's execution under the name that everybody here knows its instrument by. Decimals are text, times RFC 3339 in UTC. */
export interface Deal {
  brokerDealId: string;
  role: 'entry' | 'exit';
  /** Of the position, also where it is left. */
  direction: 'long' | 'short';
  /** Of a binary contract; absent: not told. */
  outcome?: 'yes' | 'no' | null | undefined;
  symbol: string;
  exchange: string | null;
  product: string | null;
  size: string;
  price: string;
  at: string;
  profit?: string | null | undefined;
  commission?: string | null | undefined;
  swap?: string | null | undefined;
  fee?: string | null | undefined;
  orderTag?: string | null | undefined;
  clientOrderId?: string | null | undefined;
  brokerPositionId?: string | null | undefined;
  brokerOrderId?: string | null | undefined;
}

/** What a trade is known by, and what of it the fills that are known make. */
export interface DealTrade {
  id: string;
  origin: 'gated' | 'ungated' | 'external';
  symbol: string;
  exchange: string | null;
  product: string | null;
  direction: 'long' | 'short';
  outcome: 'yes' | 'no' | null;
  finished: boolean;
  order_tag: string;
  client_order_id: string;
  broker_order_id: string | null;
  /** All that its positions were called, by trade and fills. */
  position_ids: readonly string[];
  /** What was told or shown to be entered; null: not entered. */
  shown_size: string | null;
  /** By fills. */
  entered_size: string;
  exited_size: string;
  entry_time: string | null;
}

export interface Assigned<D extends Deal> {
  /** By trade, in the order of time. */
  fills: Map<string, D[]>;
  /** Deals of nobody: trades that nobody told of, with their first deal; an exit where not even the entry is known. */
  adopted: { id: string; deal: D }[];
}

interface Candidate extends Omit<DealTrade, 'entered_size' | 'exited_size'> {
  entered: Decimal;
  exited: Decimal;
}

const MONEY = ['profit', 'commission', 'swap', 'fee'] as const;
/** As fills keep it; what the parts lose by it the last one has. */
const PART_DIGITS = 8;

const leftOf = ({ origin, shown_size, entered, exited }: Candidate): Decimal => {
  const shown = new Exact(shown_size ?? 0);
  return Exact.max((origin === 'external' ? Exact.max(shown, entered) : entered.isZero() ? shown : entered).minus(exited), 0);
};

/** Of an adopted trade only what deals have entered. */
const dealtOf = (trade: Candidate): Decimal => (trade.origin === 'external' ? Exact.max(trade.entered.minus(trade.exited), 0) : leftOf(trade));

/**
 * Says whose deals these are. A tag says it, a client's order id, the broker's ids; likeness never. On netting and exchange
 * accounts the broker knows one sum, so what nobody's tag claims enters the trade that was adopted there, and leaves the
 * oldest trades first, a deal in parts where it has to. What is left of an exit ends a trade of its own, whose entry nobody
 * knows: the money that it made is on the account. Nothing here writes; told again in any order, it says the same of
 * deals that are not known yet.
 * @param newId of a trade to be adopted
 */
export function assignDeals<D extends Deal>(deals: readonly D[], trades: readonly DealTrade[], netting: boolean, newId: () => string): Assigned<D> {
  const candidates = trades.map(({ entered_size, exited_size, ...trade }): Candidate => ({ ...trade, entered: new Exact(entered_size), exited: new Exact(exited_size) }));
  const found: Assigned<D> = { fills: new Map(), adopted: [] };
  const give = (to: Candidate, deal: D) => {
    found.fills.set(to.id, [...(found.fills.get(to.id) ?? []), deal]);
    if (deal.brokerPositionId != null && !to.position_ids.includes(deal.brokerPositionId)) to.position_ids = [...to.position_ids, deal.brokerPositionId];
    if (deal.role === 'entry') to.entered = to.entered.plus(deal.size);
    else to.exited = to.exited.plus(deal.size);
  };
  const adopt = (deal: D) => {
    const trade = adoptedOf(deal, newId());
    candidates.push(trade);
    found.adopted.push({ id: trade.id, deal });
    give(trade, deal);
  };
  for (const deal of inOrder(deals)) {
    const fitting = candidates.filter((trade) => trade.direction === deal.direction && isIn(trade, deal));
    const named = namedBy(deal, fitting);
    // One market, and on each side of it a position of its own.
    const alike = fitting.filter(({ outcome }) => outcome === null || deal.outcome == null || outcome === deal.outcome);
    if (deal.role === 'entry') {
      const pool = netting ? alike.find((trade) => trade.origin === 'external' && !trade.finished && !isOver(trade)) : undefined;
      // On a netting account a position's id is that of all trades in it.
      const owner = (netting ? named.sure : (named.sure ?? named.position)) ?? pool;
      if (owner) give(owner, deal);
      else adopt(deal);
    } else if (!netting) {
      const owner = named.sure ?? named.position;
      if (owner) give(owner, deal);
      else adopt(deal);
    } else {
      const queue = [...(named.sure ? [named.sure] : []), ...alike.filter((trade) => trade !== named.sure).sort(oldestFirst)];
      // An adopted size may be what our own trades turn out to hold: what deals have entered is left first.
      const rest = inParts(deal, queue, dealtOf, give);
      rest.flatMap((part) => inParts(part, queue, leftOf, give)).forEach(adopt);
    }
  }
  return found;
}

/** One whose entry nobody knows is not entered again. */
const isOver = ({ entered, exited }: Candidate): boolean => entered.isZero() && exited.gt(0);

/** Gives what each has open, from the first on. Answers the rest, if any. */
function inParts<D extends Deal>(deal: D, queue: readonly Candidate[], has: (trade: Candidate) => Decimal, give: (to: Candidate, part: D) => void): D[] {
  const shares: { to: Candidate | null; size: Decimal }[] = [];
  let left = new Exact(deal.size);
  for (const to of queue) {
    const size = Exact.min(has(to), left);
    if (size.lte(0)) continue;
    shares.push({ to, size });
    left = left.minus(size);
  }
  if (left.gt(0)) shares.push({ to: null, size: left });
  const parts = partsOf(deal, shares.map(({ size }) => size));
  shares.forEach(({ to }, n) => to && give(to, parts[n] as D));
  return shares.flatMap(({ to }, n) => (to ? [] : [parts[n] as D]));
}

/** The first bears the deal's own id, so that it is known again. Money is shared by size, and its sum stays what it was. */
function partsOf<D extends Deal>(deal: D, sizes: readonly Decimal[]): D[] {
  if (sizes.length === 1) return [deal];
  const left = new Map(MONEY.map((name) => [name, deal[name] == null ? null : new Exact(deal[name])]));
  return sizes.map((size, n) => {
    const share = (name: (typeof MONEY)[number]): string | null => {
      const rest = left.get(name) ?? null;
      if (rest === null) return null;
      const part = n === sizes.length - 1 ? rest : new Exact(deal[name] ?? 0).times(size).div(deal.size).toDecimalPlaces(PART_DIGITS);
      left.set(name, rest.minus(part));
      return part.toFixed();
    };
    const money = Object.fromEntries(MONEY.map((name) => [name, share(name)]));
    return { ...deal, ...money, size: size.toFixed(), brokerDealId: n === 0 ? deal.brokerDealId : partId(deal.brokerDealId, n) };
  });
}

/** With a blank, which no broker's id has: `7#2` may be a deal of its own. */
const partId = (dealId: string, n: number): string => `${dealId} #${n + 1}`;

/** Surely: by what was made for this trade alone. By position: by what may have had other names before. */
function namedBy(deal: Deal, fitting: readonly Candidate[]): { sure: Candidate | undefined; position: Candidate | undefined } {
  const { orderTag, clientOrderId, brokerOrderId, brokerPositionId } = deal;
  const sure = fitting.find(({ order_tag }) => orderTag != null && order_tag === orderTag)
    ?? fitting.find(({ client_order_id }) => clientOrderId != null && client_order_id === clientOrderId)
    ?? fitting.find(({ broker_order_id }) => deal.role === 'entry' && brokerOrderId != null && broker_order_id === brokerOrderId);
  const ofPosition = fitting.filter(({ position_ids }) => brokerPositionId != null && position_ids.includes(brokerPositionId));
  return { sure, position: ofPosition.find((trade) => leftOf(trade).gt(0)) ?? ofPosition.find(({ finished }) => !finished) ?? ofPosition.at(-1) };
}

/** Where nobody said the exchange or the product of a trade, it is the deal's. */
const isIn = (trade: Candidate, deal: Deal): boolean =>
  trade.symbol === deal.symbol && (trade.exchange === null || deal.exchange === null || trade.exchange === deal.exchange)
  && (trade.product === null || deal.product === null || trade.product === deal.product);

const adoptedOf = (deal: Deal, id: string): Candidate => ({
  id, origin: 'external', symbol: deal.symbol, exchange: deal.exchange, product: deal.product, direction: deal.direction, outcome: deal.outcome ?? null, finished: false, order_tag: deal.orderTag ?? '',
  client_order_id: '', broker_order_id: deal.brokerOrderId ?? null, position_ids: deal.brokerPositionId ? [deal.brokerPositionId] : [], shown_size: null,
  entered: new Exact(0), exited: new Exact(0), entry_time: deal.at,
});

/** At the same moment (some brokers count seconds) what was entered comes before what was left, but for a deal that turns a position round: that leaves first. */
function inOrder<D extends Deal>(deals: readonly D[]): D[] {
  const turning = new Set(deals.filter(({ role }) => role === 'exit').map(({ brokerDealId }) => brokerDealId));
  const entering = new Set(deals.filter(({ role }) => role === 'entry').map(({ brokerDealId }) => brokerDealId));
  const rank = ({ role, brokerDealId }: D) => (role === 'entry' ? (turning.has(brokerDealId) ? 2 : 0) : entering.has(brokerDealId) ? 1 : 3);
  return [...deals].sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || rank(a) - rank(b) || (a.brokerDealId < b.brokerDealId ? -1 : a.brokerDealId > b.brokerDealId ? 1 : 0));
}

const oldestFirst = (a: Candidate, b: Candidate): number =>
  Date.parse(a.entry_time ?? '9999-12-31T00:00:00Z') - Date.parse(b.entry_time ?? '9999-12-31T00:00:00Z') || (a.id < b.id ? -1 : 1);
