import { own } from '../../../common/own.js';
import { type Column, Json, type Mapped, type Owners, Reject, type TargetRow, type Value } from '../../profile.js';
import { column } from '../../convert/cells.js';
import { decimalOf } from '../../convert/decimals.js';
import { Exact } from '../../convert/exact.js';
import type { Instrument } from './instrument.js';

const SIZE_MOST = '1000000000000000';
const PRODUCT_MOST = 32;

/** Of which table and row it is, and what is known of it. */
interface Trade {
  table: string;
  oldId: string;
  mode: 'paper' | 'live';
  instrument: Instrument;
  direction: 'long' | 'short';
  size: string;
  product: string | null;
  broker: string | null;
  entryPrice: string | null;
  /** More of `trades`. */
  more: Record<string, Value>;
  status: 'closed' | 'unknown';
  at: string;
  facts: Record<string, unknown>;
}

/** A trade with the one step that is known of it: how it stood when it came. */
export function tradeRows(trade: Trade, owners: Owners): Mapped['rows'] {
  const { agentId, accountId } = owners.agent(trade.mode);
  const id = owners.id(trade.table, trade.oldId);
  const step: TargetRow = {
    table: 'trade_transitions',
    values: { trade_id: id, version: '1', from_status: null, to_status: trade.status, occurred_at: trade.at, late: true, facts: new Json({ imported: true, ...trade.facts }), reason: 'imported', actor: 'import' },
  };
  return [
    {
      table: 'trades',
      values: {
        id, agent_id: agentId, account_id: accountId, client_order_id: `imported:${trade.table}:${trade.oldId}`, symbol: trade.instrument.symbol, exchange: trade.instrument.exchange, broker_symbol: null, product: trade.product,
        direction: trade.direction, lot_size: trade.size, entry_price: trade.entryPrice, execution_mode: trade.mode, origin: 'imported', broker: trade.broker, status: trade.status, request_hash: 'imported', ...trade.more,
      },
    },
    step,
  ];
}

/** @throws {Reject} SIZE_OUT_OF_RANGE */
export function sizeOf(written: string | null, name: string): string {
  if (written === null) throw new Reject('VALUE_MISSING', `${name} is not there: how much it was is not known`, name);
  const size = new Exact(written);
  if (size.lte(0) || size.gte(SIZE_MOST)) throw new Reject('SIZE_OUT_OF_RANGE', `${name} is ${written.slice(0, 100)}; expected above 0 and below 10^15`, name);
  return written;
}

/** Above 0, or null with a note: a MARKET order has no price, and some have 0. */
export const price = (to: string | null): Column<string | null> =>
  column(to, 'number by its shortest digits; none where it is not above 0', (cell, name, row) => {
    const written = decimalOf(cell, name);
    if (new Exact(written).gt(0)) return written;
    row.note('PRICE_NOT_KNOWN', `${name} is ${written.slice(0, 100)}, which is no price`);
    return null;
  });

export const productOf = (written: string | null): string | null => written?.trim().toUpperCase().slice(0, PRODUCT_MOST) || null;

/** As both brokers call the same thing. */
const SAME_PRODUCT: Record<string, string> = { INTRADAY: 'MIS', DELIVERY: 'CNC', CARRYFORWARD: 'NRML', MARGIN: 'NRML' };
export const plainProduct = (written: string | null): string => {
  const product = productOf(written) ?? '';
  return own(SAME_PRODUCT, product) ?? product;
};
