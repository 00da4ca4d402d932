import { own } from '../../../common/own.js';
import { Exact } from '../../convert/exact.js';
import { cut } from '../../convert/cells.js';
import { kept, integer, oneOf, symbol, ticket } from '../../convert/columns.js';
import { type Column, type Reading, Reject, type TableMapping } from '../../profile.js';
import type { Cell, SourceTable } from '../../source/cell.js';
import { keptAll, together } from '../columns.js';
import { type Mode, type OldTrade, tradeOf } from '../imported-trade.js';
import { repeated } from '../repeated.js';
import { FEES, type Money, moneyOf, type Profit, profit, profitFits, resultOf } from './prices.js';
import { closingTime, contractEnd, entryTime } from './wall-time.js';

/** The seven definitions of one table, and whichever of their columns a file has. */

export const STATUS: Record<string, 'unknown' | 'closed' | 'expired' | 'error'> = {
  pending: 'unknown', open: 'unknown', active: 'unknown', closing: 'unknown', closed: 'closed', settled: 'closed', expired: 'expired', error: 'error',
};
export const STATUS_READ = oneOf('status', { map: Object.fromEntries(Object.keys(STATUS).map((name) => [name, name])), caseless: true });
const SIDE_READ = oneOf('outcome', { map: { y: 'yes', yes: 'yes', n: 'no', no: 'no' }, caseless: true });
const EXIT_REASONS: Record<string, string> = { manual: 'operator', auto: 'supervisor', expired: 'settlement' };

export const TRADE_COLUMNS: Record<string, Column> = {
  id: kept('names the row'),
  status: together('status', 'pending, open, closing to unknown; closed; expired to closed where its result is known, else unknown; error to rejected where nothing shows a fill, else unknown; any case'),
  date: together('entry_time', 'with time: wall clock of America/New_York to time; the hour that is repeated is noted'),
  time: together('entry_time', 'with date: wall clock of America/New_York to time'),
  side: together('outcome', 'Y, yes, N, no to yes or no; never guessed'),
  buy_price: together('entry_price', 'dollars of a contract; above 1 cents, noted'),
  sell_price: together('exit_price', 'dollars of a contract; above 1 cents, noted'),
  position: together('lot_size', 'contracts; below 0 on the no side by its size, noted'),
  closed_at: together('exit_time', 'with its date, or a time of day of the day of the entry or the next; where missing the end of the contract, noted'),
  fees: FEES,
  pnl: together('gross_profit', 'with fees added back; compared with prices, differences are noted'),
  win_loss: kept('compared with the profit, differences are noted'),
  ticker: together('symbol', 'the market; where missing symbol, where that is too a name of its own, noted'),
  symbol: together('symbol', 'stands in where ticker is missing'),
  ticket_id: together('broker_ticket', 'text or 64-bit number to text; empty and the unfilled pattern are none'),
  close_method: together('exit_reason', 'manual to operator, auto to supervisor, expired to settlement, else unknown'),
  prob: kept('a probability in percent; trades of ours have none'),
  trade_strategy: kept('*** TEST *** is noted'),
  ...keptAll('market contract strike diff symbol_open symbol_close momentum momentum_delta volatility volatility_delta market_id entry_method created_at updated_at user_id', 'trades of ours have no such column'),
};

/** What other tables of the source say of a trade. */
export interface Beside {
  /** As the file of the account's mode says; null where there is none. */
  mode: Mode | null;
  /** How the market of a ticker was settled, where that is known and one. */
  settlement(ticker: string): 'yes' | 'no' | null;
}

export function tradesMapping(table: SourceTable, beside: Beside): TableMapping {
  const isRepeated = repeated(table, ({ ticket_id: cell }) => plainTicket(cell));
  return {
    as: 'import', columns: TRADE_COLUMNS, time: 'date', sums: { fees: 'fee' },
    map: (values, owners, row) => tradeOf(oldTrade(row, values, beside, isRepeated), table.name, owners, row),
  };
}

/** @throws {Reject} */
export function oldTrade(row: Reading, values: Readonly<Record<string, unknown>>, beside: Beside, isRepeated: (ticket: string) => boolean): OldTrade {
  const cell = (name: string) => row.cells[name] ?? null;
  const said = STATUS_READ.read(cell('status'), 'status', row);
  if (said === null) throw new Reject('VALUE_MISSING', 'status is not there', 'status');
  const outcome = sideOf(row);
  const size = sizeOf(row, outcome);
  const money = moneyOf(row, size, typeof values.fees === 'string' ? values.fees : null);
  const entry = entryTime(row);
  const mine = ticketOf(row, isRepeated);
  const market = marketOf(row);
  const trade = {
    mode: modeOf(row, beside.mode, mine), symbol: market, direction: 'long' as const, outcome, size, entryPrice: money.buy, entryTime: entry, fees: money.fees, broker: 'Kalshi', ticket: mine, said,
  };
  label(row, mine);
  const end = endOf(row, STATUS[said] ?? 'unknown', { ...money, outcome }, beside);
  if (end.status !== 'closed') {
    if (money.told !== null) row.note('PNL_OF_OPEN', `pnl is ${money.told} and the trade is not closed; it is kept in the old row`);
    return { ...trade, entered: end.status === 'unknown' && said !== 'pending' && money.buy !== null, status: end.status, exit: null, gross: null, profitSource: 'told' };
  }
  const { gross, source } = end.profit;
  return { ...trade, entered: true, status: 'closed', exit: { price: end.sell, time: exitTime(row, entry), reason: end.reason }, gross, profitSource: source };
}

/** With the side that pays. */
type Bet = Money & { outcome: 'yes' | 'no' };

type End = { status: 'unknown' | 'rejected' } | { status: 'closed'; sell: string | null; reason: string; profit: Profit };

function endOf(row: Reading, status: 'unknown' | 'closed' | 'expired' | 'error', money: Bet, beside: Beside): End {
  if (status === 'unknown') return { status };
  if (status === 'error') return errorOf(row, money);
  if (status === 'closed') return { status, sell: money.sell, reason: reasonOf(row, money.sell), profit: profit(row, money) };
  const sell = money.sell ?? settledAt(row, money, beside);
  if (sell === null) {
    row.note('SETTLEMENT_UNKNOWN', 'the contract has expired, and whether it paid is not said; it waits as unknown');
    return { status: 'unknown' };
  }
  return { status: 'closed', sell, reason: 'settlement', profit: profit(row, { ...money, sell }) };
}

/** An expired contract pays 1 or 0: its result says which, or its profit, or the exchange's settlement of its market. */
function settledAt(row: Reading, money: Bet, beside: Beside): string | null {
  const by = (which: string, sell: string): string => {
    row.note('SETTLED_BY_RESULT', `sell_price is not there; ${which} says that the contract paid ${sell}`);
    return sell;
  };
  const result = resultOf(row);
  if (result === 1) return by('win_loss', '1');
  if (result === -1) return by('win_loss', '0');
  const told = ['1', '0'].find((sell) => profitFits({ ...money, sell }));
  if (told !== undefined) return by('pnl', told);
  const ticker = row.cells.ticker;
  const settled = typeof ticker === 'string' ? beside.settlement(ticker.trim()) : null;
  return settled === null ? null : by('the settlement of its market', settled === money.outcome ? '1' : '0');
}

/**
 * The old program wrote `error` for a time-out too, with the order perhaps filled: only a row without any trace of one is
 * rejected, of a table that has a column for it. An entry that filled got its fees and its diff; before those, it got nothing.
 */
function errorOf(row: Reading, money: Money): End {
  const traces = ['sell_price', 'closed_at', 'close_method', 'pnl', 'win_loss', 'fees', 'diff'].filter((name) => {
    const cell = row.cells[name] ?? null;
    return cell !== null && !(typeof cell === 'string' && cell.trim() === '') && !(name === 'fees' && money.fees !== null && new Exact(money.fees).isZero());
  });
  if (traces.length === 0 && !['fees', 'diff'].some((name) => Object.hasOwn(row.cells, name))) {
    row.note('ERROR_MAY_BE_FILLED', 'status is error, and its table has neither fees nor diff, which would show a fill; it waits as unknown');
    return { status: 'unknown' };
  }
  if (traces.length === 0) {
    row.note('ERROR_NOT_FILLED', 'status is error, and nothing in the row shows a fill');
    return { status: 'rejected' };
  }
  row.note('ERROR_MAY_BE_FILLED', `status is error, and ${traces.join(', ')} may be of a fill; it waits as unknown`);
  return { status: 'unknown' };
}

function reasonOf(row: Reading, sell: string | null): string {
  const method = row.cells.close_method;
  if (sell === null) {
    row.note('EXIT_PRICE_MISSING', 'sell_price is not there; how it ended is unknown');
    return 'unknown';
  }
  return (typeof method === 'string' ? own(EXIT_REASONS, method.trim().toLowerCase()) : undefined) ?? 'unknown';
}

function exitTime(row: Reading, entry: string): string {
  const written = closingTime(row, entry);
  if (written !== null) {
    if (Date.parse(written) < Date.parse(entry)) row.note('CLOSED_BEFORE_OPENED', `closed_at is ${written}, before the entry at ${entry}`);
    return written;
  }
  const ticker = row.cells.ticker;
  const end = contractEnd(typeof ticker === 'string' ? ticker.trim() : null);
  if (end === null || Date.parse(end) < Date.parse(entry)) throw new Reject('EXIT_TIME_MISSING', 'the trade is closed, and neither closed_at nor its ticker says when', 'closed_at');
  row.note('EXIT_TIME_OF_CONTRACT', `closed_at is not there; the contract's end at ${end} is taken, the latest it can be`);
  return end;
}

function sideOf(row: Reading): 'yes' | 'no' {
  const side = SIDE_READ.read(row.cells.side ?? null, 'side', row);
  if (side === null) throw new Reject('OUTCOME_MISSING', 'side is not there; yes or no is never guessed', 'side');
  return side as 'yes' | 'no';
}

const POSITION = integer('lot_size', { least: -1_000_000_000_000n, most: 1_000_000_000_000n });

/** Below 0 is the no side, as in the account's own positions: beside a `Y` nobody can say which is meant. */
function sizeOf(row: Reading, outcome: 'yes' | 'no'): string {
  const written = POSITION.read(row.cells.position ?? null, 'position', row);
  if (written === null) throw new Reject('VALUE_MISSING', 'position is not there', 'position');
  if (written === '0') throw new Reject('SIZE_ZERO', 'position is 0; a trade is of at least one contract', 'position');
  if (!written.startsWith('-')) return written;
  if (outcome === 'yes') throw new Reject('OUTCOME_CONTRADICTED', `position ${written} is of the no side, and side says yes`, 'position');
  row.note('POSITION_SIGNED', `position ${written} is below 0, which says no once more; its size is taken`);
  return written.slice(1);
}

const plainTicket = (cell: Cell | undefined): string | null => (typeof cell === 'string' || typeof cell === 'bigint' || typeof cell === 'number' ? String(cell).trim() : null);

const TICKET = ticket('broker_ticket');

function ticketOf(row: Reading, isRepeated: (ticket: string) => boolean): string | null {
  const cell = row.cells.ticket_id ?? null;
  const written = TICKET.read(cell, 'ticket_id', row);
  if (written === null || written === '') return null;
  // A pattern that was never filled in, the same in every row that has it.
  if (/[{}]/.test(written) || written === 'UNKNOWN') {
    row.note('TICKET_LITERAL', `ticket_id ${cut(written)} is a pattern, no ticket; taken as none`);
    return null;
  }
  if (isRepeated(plainTicket(cell) ?? '')) row.note('TICKET_REPEATED', `ticket_id ${cut(written)} is another row's too; both are kept`);
  return written;
}

const SYMBOL = symbol('symbol');

function marketOf(row: Reading): string {
  const word = (name: string) => {
    const cell = row.cells[name] ?? null;
    return typeof cell === 'string' && cell.trim() === '' ? null : SYMBOL.read(cell, name, row);
  };
  const ticker = word('ticker');
  if (ticker !== null) return ticker;
  const underlying = word('symbol');
  row.note('TICKER_MISSING', underlying === null ? 'neither ticker nor symbol names the market; the row stands for it' : `ticker is not there; symbol ${underlying} is taken`);
  return underlying ?? `UNNAMED-${row.id.replace(/[^A-Za-z0-9._-]/g, '-').slice(-50)}`;
}

const SYNTHETIC = /^TEST[-_]TRADE/i;

/** The old program traded for real money wherever it could not read its mode: so what does not say is live, and counts as such. */
function modeOf(row: Reading, account: Mode | null, mine: string | null): Mode {
  if (mine !== null && SYNTHETIC.test(mine)) return 'simulation';
  if (account === null) row.note('MODE_NOT_SAID', 'no account_mode file says prod or demo; the old program then traded live');
  return account ?? 'live';
}

function label(row: Reading, mine: string | null): void {
  const strategy = row.cells.trade_strategy;
  if (typeof strategy === 'string' && /\bTEST\b/i.test(strategy)) row.note('TEST_STRATEGY', `trade_strategy is ${cut(strategy)}`);
  if (mine !== null && SYNTHETIC.test(mine)) row.note('SYNTHETIC', `ticket_id ${cut(mine)} is of made test data; mode simulation`);
}
