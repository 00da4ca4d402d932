import { Exact } from '../../convert/exact.js';
import { decimal, shifted } from '../../convert/decimals.js';
import { type Column, type Reading, Reject } from '../../profile.js';
import { negated } from '../imported-trade.js';

/** What one trade of rec_io says of its money, as the exchange counts: dollars of a contract, 0 to 1. */
export interface Money {
  size: string;
  buy: string | null;
  sell: string | null;
  /** A cost is above 0. */
  fees: string | null;
  /** What the old system computed, after fees. */
  told: string | null;
}

const AMOUNT = decimal(null, { money: true });
const amount = (row: Reading, name: string): string | null => AMOUNT.read(row.cells[name] ?? null, name, row);

/** The old program rounded to cents, half a cent either way. */
const CENTS_APART = '0.005';

/** What the old system paid, below 0: ours adds its costs. */
export const FEES: Column<string | null> = {
  to: 'fee', says: 'a cost: its sign is turned',
  read(cell, name, row) {
    const paid = AMOUNT.read(cell, name, row);
    return paid === null ? null : negated(paid);
  },
};

/**
 * @param size of contracts, above 0
 * @param cost as FEES has read it
 */
export function moneyOf(row: Reading, size: string, cost: string | null): Money {
  const [fees, told] = [cost === null ? null : negated(cost), amount(row, 'pnl')];
  const [buy, sell] = [amount(row, 'buy_price'), amount(row, 'sell_price')];
  if (buy === null) return { size, buy, sell: sell === null ? null : inDollars(row, 'sell_price', sell), fees, told };
  const entry = inDollars(row, 'buy_price', buy);
  if (new Exact(entry).isZero()) throw outside('buy_price', buy);
  return { size, buy: entry, sell: sell === null ? null : sellPrice(row, { size, buy, sell, fees, told }, entry), fees, told };
}

/** Above one dollar it is cents: a contract never costs more than one. */
function inDollars(row: Reading, name: string, price: string): string {
  const exact = new Exact(price);
  if (exact.lt(0) || exact.gt(100)) throw outside(name, price);
  if (exact.lte(1)) return price;
  row.note('PRICE_IN_CENTS', `${name} ${price} is above a dollar, so it is cents`);
  return shifted(price, 2);
}

const outside = (name: string, price: string) => new Reject('PRICE_OUT_OF_RANGE', `${name} is ${price}; a contract costs 0 to 1 dollar, or up to 100 cents`, name);

/** Beside a price in cents, 1 is a cent or a dollar: the profit says which, or nobody does. */
function sellPrice(row: Reading, written: Money & { sell: string }, entry: string): string {
  const isCents = new Exact(written.buy ?? 0).gt(1);
  if (!isCents || !new Exact(written.sell).eq(1)) return inDollars(row, 'sell_price', written.sell);
  const fitting = ['1', '0.01'].filter((sell) => profitFits({ ...written, buy: entry, sell }));
  const [only] = fitting;
  if (fitting.length !== 1 || only === undefined) throw new Reject('PRICE_UNIT_UNKNOWN', `sell_price is ${written.sell} beside a buy_price in cents: a cent or a dollar`, 'sell_price');
  row.note('PRICE_IN_CENTS', `sell_price ${written.sell} beside a price in cents is ${only} dollars, as the profit says`);
  return only;
}

/** After fees, from the prices; null where one is missing. */
export function profitOf({ size, buy, sell, fees }: Money): string | null {
  return buy === null || sell === null ? null : new Exact(sell).minus(buy).times(size).minus(fees ?? 0).plus(0).toFixed();
}

/** Whether what was told is what the prices come to. */
export function profitFits(money: Money): boolean {
  const computed = profitOf(money);
  return computed !== null && money.told !== null && new Exact(computed).minus(money.told).abs().lte(CENTS_APART);
}

export interface Profit {
  gross: string | null;
  source: 'told' | 'computed';
}

/** What the old system told wins; where it differs from its own prices that is noted. What it did not tell is computed. */
export function profit(row: Reading, money: Money): Profit {
  const computed = profitOf(money);
  const net = money.told ?? computed;
  if (money.told === null && computed !== null) row.note('PNL_COMPUTED', `pnl is not there; ${computed} by prices, position and fees is taken`);
  if (money.told !== null && computed !== null && !profitFits(money)) row.note('PNL_DIFFERS', `pnl is ${money.told}, and ${computed} by prices, position and fees; the old figure is kept`);
  if (net === null) row.note('PNL_MISSING', 'pnl is not there, nor are the prices that it comes from; it is not known');
  else if (money.fees === null) row.note('FEES_MISSING', 'fees are not there: the profit is as it was told, without them');
  if (net !== null) compareResult(row, net);
  return { gross: net === null ? null : new Exact(net).plus(money.fees ?? 0).plus(0).toFixed(), source: money.told === null ? 'computed' : 'told' };
}

const RESULTS: Record<string, number> = { W: 1, WIN: 1, L: -1, LOSS: -1, D: 0, DRAW: 0 };

/** 1 for a win, -1 for a loss, 0 for a draw; null where the column says nothing that is known. */
export function resultOf(row: Reading): number | null {
  const cell = row.cells.win_loss;
  return typeof cell === 'string' ? (RESULTS[cell.trim().toUpperCase()] ?? null) : null;
}

function compareResult(row: Reading, net: string): void {
  const written = row.cells.win_loss;
  if (written === undefined || written === null || (typeof written === 'string' && written.trim() === '')) return;
  const [told, is] = [resultOf(row), Math.sign(new Exact(net).comparedTo(0))];
  if (told === null) row.note('WIN_LOSS_UNKNOWN', 'win_loss is none of W, L and D; the profit says it');
  else if (told !== is) row.note('WIN_LOSS_DIFFERS', `win_loss and the profit of ${net} differ; the profit is taken`);
}
