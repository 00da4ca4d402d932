import { badRequest } from '../common/problem.js';
import { canonicalSymbol } from '../instruments/canonical-symbol.js';
import type { MarginMode } from '../accounts/accounts.repository.js';
import type { ReportBody } from './reports.schemas.js';

/** What the account's own list says of a broker's symbol. */
export interface ListedInstrument {
  broker_symbol: string;
  symbol: string;
  exchange: string | null;
  product: string | null;
}

/** A reported position or order under the name that everybody here knows it by. */
export interface Named {
  symbol: string;
  brokerSymbol: string;
  exchange: string | null;
  product: string | null;
}

export type ToldPosition = Omit<ReportBody['positions'][number], 'symbol' | 'exchange' | 'product'> & Named & { key: string };
export type ToldOrder = Omit<ReportBody['orders'][number], 'symbol'> & Named & { key: string };

export type Naming = (symbol: string, exchange?: string | null, product?: string | null) => Named;

/**
 * The account's own list decides, then the spelling. A text that is no symbol at all stays as it is: what the broker
 * holds is never lost for its name.
 */
export function namingBy(listed: readonly ListedInstrument[]): Naming {
  const known = new Map(listed.map((each) => [each.broker_symbol, each]));
  return (text, exchange = null, product = null) => {
    const own = known.get(text);
    if (own) return { symbol: own.symbol, brokerSymbol: text, exchange: exchange ?? own.exchange, product: product ?? own.product };
    const canonical = canonicalSymbol(text, exchange);
    return { symbol: canonical?.symbol ?? text, brokerSymbol: text, exchange: canonical ? canonical.exchange : exchange, product };
  };
}

/** What one netting position is held in; a hedging account may hold many in one. */
export const instrumentKey = ({ symbol, exchange, product }: Pick<Named, 'symbol' | 'exchange' | 'product'>): string => `${symbol}|${exchange ?? ''}|${product ?? ''}`;

/** @throws {Problem} 400 for a position that nothing tells from others, or that stands twice */
export function toldPositions(body: ReportBody, marginMode: MarginMode, nameOf: Naming): ToldPosition[] {
  const told = body.positions.map((position, n): ToldPosition => {
    const named = nameOf(position.symbol, position.exchange, position.product);
    return { ...position, ...named, key: position.brokerPositionId ?? (marginMode === 'hedging' ? identityOf(position, n) : instrumentKey(named)) };
  });
  refuseTwice(told, 'positions', 'brokerPositionId');
  return told;
}

/** @throws {Problem} 400 for an order that stands twice */
export function toldOrders(body: ReportBody, nameOf: Naming): ToldOrder[] {
  const told = body.orders.map((order): ToldOrder => ({ ...order, ...nameOf(order.symbol), key: order.brokerOrderId }));
  refuseTwice(told, 'orders', 'brokerOrderId');
  return told;
}

/** On a hedging account a symbol may be held many times: what says which one it is must be told. */
function identityOf({ brokerOrderId, brokerTicket, orderTag, clientOrderId }: ReportBody['positions'][number], n: number): string {
  const [identity] = Object.entries({ order: brokerOrderId, ticket: brokerTicket, tag: orderTag, client: clientOrderId }).filter(([, id]) => id != null);
  if (identity) return identity.join(':');
  throw badRequest('VALIDATION_FAILED', 'is needed on a hedging account, or brokerOrderId, brokerTicket, orderTag or clientOrderId', `positions.${n}.brokerPositionId`);
}

function refuseTwice(told: readonly { key: string }[], list: string, field: string): void {
  const seen = new Set<string>();
  told.forEach(({ key }, n) => {
    if (seen.has(key)) throw badRequest('VALIDATION_FAILED', 'stands twice in this report', `${list}.${n}.${field}`);
    seen.add(key);
  });
}
