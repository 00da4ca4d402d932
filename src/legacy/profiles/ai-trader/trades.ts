import { own } from '../../../common/own.js';
import { Exact } from '../../convert/exact.js';
import { flag, kept, oneOf, required, symbol, text, ticket } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import { Json, type Reading, Ref, Reject, type TableMapping } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { isPositive, otherSpelling, Values } from '../row.js';
import { SIMULATION } from './owners.js';
import { syntheticMarks } from './synthetic.js';

const MODES = { simulation: 'simulation', paper: 'paper', live: 'live' } as const;
const STATUSES = { open: 'unknown', pending: 'unknown', closed: 'closed', cancelled: 'cancelled', canceled: 'cancelled', rejected: 'rejected' };

/** In the spellings of the paper service, of the agent and of the documents. A holding time that has run out is the supervisor's rule here. */
const EXITS: Record<string, string> = {
  tp: 'target', take_profit: 'target', target: 'target', sl: 'stop', stop_loss: 'stop', stop: 'stop', trailing: 'trailing', trailing_stop: 'trailing', timeout: 'supervisor', max_holding: 'supervisor',
  manual: 'operator', agent_stopped: 'flatten', kill_switch: 'flatten', signal: 'signal', reversal: 'signal',
};

const price = (to: string) => decimal(to);
const instant = (to: string | null) => time(to, { zone: 'UTC', epoch: 'either' });
const direction = oneOf('direction', { map: { long: 'long', short: 'short', buy: 'long', sell: 'short' }, caseless: true });
const size = decimal('lot_size');
const profit = decimal('gross_profit', { money: true });
const exitReason = text('exit_reason', { trim: true });

export const COLUMNS: TableMapping['columns'] = {
  id: kept('it names the row'),
  prediction_id: ticket('prediction_id'),
  symbol: required(symbol('symbol')),
  direction,
  entry_price: required(price('entry_price')), entry_time: required(instant('entry_time')),
  exit_price: price('exit_price'), exit_time: instant('exit_time'), exit_reason: exitReason,
  lot_size: size,
  position_value: kept('nothing ever wrote it'),
  take_profit: price('take_profit'), stop_loss: price('stop_loss'),
  max_holding_bars: kept('bars of no stated length'),
  pips: kept('they follow from the prices'),
  pnl_usd: profit,
  is_winner: flag(null),
  confidence: kept("it is the prediction's"),
  risk_percentage_used: kept('percent that a sizing rule took; ours has no place for it'),
  status: required(oneOf('status', { map: STATUSES, caseless: true })),
  execution_mode: oneOf('execution_mode', { map: MODES, caseless: true }),
  broker: text('broker', { most: 100, trim: true }),
  mt5_ticket: ticket('broker_ticket'),
  explanation_id: kept('the explanation names the trade'),
  created_at: instant('created_at'), updated_at: instant('updated_at'),
  // As the documents of the old program name them.
  side: direction, volume: size, profit_usd: profit, close_reason: exitReason,
  trade_id: kept('a second name of the row'),
};

/** What stands in the place of a column that is not there at all. */
const OTHERWISE: Record<string, string> = { direction: 'side', lot_size: 'volume', pnl_usd: 'profit_usd', exit_reason: 'close_reason' };

export function trades(table: SourceTable): TableMapping {
  const called = (name: string): string => (table.columns.includes(name) ? name : (OTHERWISE[name] ?? name));
  return {
    columns: COLUMNS,
    as: 'import',
    time: 'entry_time',
    sums: { [called('pnl_usd')]: 'gross_profit' },
    map(given, owners, reading) {
      const values = new Values(given);
      const id = owners.id(table.name, reading.id);
      const mode = modeOf(values, reading);
      const owner = owners.agent(mode);
      const status = values.need('status');
      const lots = values.need(called('lot_size'));
      const gross = values.text(called('pnl_usd'));
      const entryTime = values.need('entry_time');
      const createdAt = values.text('created_at') ?? entryTime;
      const ending = endingOf(values, reading, status, called('exit_reason'));
      const stop = limitOf(values, 'stop_loss', reading);
      const target = limitOf(values, 'take_profit', reading);
      if (status === 'unknown') reading.note('TRADE_OPEN', 'it was open; unknown here until somebody has looked at the broker, and it counts until then');
      compareWinner(values.flag('is_winner'), gross, reading);
      const marks = syntheticMarks({
        entryTime, exitTime: ending.exit_time, exitPrice: ending.exit_price, exitReason: ending.exit_reason, takeProfit: target, createdAt: values.text('created_at'),
        hasTrace: ['prediction_id', 'mt5_ticket', 'broker'].some((name) => values.text(name) !== null) || (reading.cells.position_value ?? null) !== null,
      });
      if (marks.length > 0) reading.note('TRADE_SYNTHETIC', `made up by the back-test seeding, not traded: ${marks.join('; ')}`);
      const isOver = status === 'closed';
      const finishedAt = status === 'unknown' ? null : (ending.exit_time ?? values.text('updated_at') ?? createdAt);
      const prediction = values.text('prediction_id');
      return {
        rows: [
          {
            table: 'trades',
            values: {
              id, agent_id: owner.agentId, account_id: owner.accountId, client_order_id: `imported:${table.name}:${reading.id}`, symbol: values.need('symbol'),
              broker_symbol: otherSpelling(reading.cells.symbol, values.need('symbol')), direction: values.need(called('direction')), lot_size: lots, entry_price: values.need('entry_price'), entry_time: entryTime,
              stop_loss: stop, first_stop_loss: stop, take_profit: target === null ? null : new Json([{ price: target, sizeFraction: '1' }]), execution_mode: mode, origin: 'imported',
              broker: values.text('broker'), broker_ticket: ticketOf(values, reading), prediction_id: prediction === null ? null : new Ref('predictions', prediction), status, ...ending,
              gross_profit: gross, profit_source: gross === null ? null : 'told', entered_size: isOver || status === 'unknown' ? lots : null, exited_size: isOver ? lots : null, request_hash: 'imported',
              created_at: createdAt, updated_at: values.text('updated_at') ?? ending.exit_time ?? createdAt, finished_at: finishedAt,
            },
          },
          {
            table: 'trade_transitions',
            values: { trade_id: id, version: '1', from_status: null, to_status: status, occurred_at: finishedAt ?? entryTime, late: true, facts: new Json({}), reason: `imported; it was ${String(reading.cells.status)}`, actor: 'import' },
          },
        ],
      };
    },
  };
}

/** The files that are shipped have no column for it: their trades are of the back-test, or of the paper service. */
function modeOf(values: Values, reading: Reading): 'simulation' | 'paper' | 'live' {
  const mode = values.text('execution_mode') as 'simulation' | 'paper' | 'live' | null;
  if (mode === null) reading.note('EXECUTION_MODE_MISSING', 'no execution mode is stored; taken as simulation');
  return mode ?? SIMULATION;
}

/** Of a limit price: 0 was none. @throws {Reject} below 0 */
function limitOf(values: Values, name: string, reading: Reading): string | null {
  const price = values.text(name);
  if (price === null || isPositive(price)) return price;
  if (price !== '0') throw new Reject('PRICE_NEGATIVE', `${name} is ${price}; expected a price`, name);
  reading.note('PRICE_ZERO', `${name} is 0, which is no price; taken as none`);
  return null;
}

interface Ending {
  exit_price: string | null;
  exit_time: string | null;
  exit_reason: string | null;
}

/** @throws {Reject} closed at no time that is known */
function endingOf(values: Values, reading: Reading, status: string, reasonColumn: string): Ending {
  const exitPrice = values.text('exit_price');
  if (status !== 'closed') {
    if (exitPrice !== null || values.text('exit_time') !== null) reading.note('TRADE_OPEN_WITH_EXIT', `its status is ${String(reading.cells.status)}, and it has an exit; the exit stays in the old row`);
    return { exit_price: null, exit_time: null, exit_reason: null };
  }
  let exitTime = values.text('exit_time');
  if (exitTime === null) {
    exitTime = values.text('updated_at');
    if (exitTime === null) throw new Reject('VALUE_MISSING', 'exit_time is not there, and neither is updated_at: a closed trade was closed at a time', 'exit_time');
    reading.note('EXIT_TIME_MISSING', `it is closed without an exit time; its last change, ${exitTime}, is taken`);
  }
  if (Date.parse(exitTime) < Date.parse(values.need('entry_time'))) reading.note('EXIT_BEFORE_ENTRY', `its exit at ${exitTime} lies before its entry; both are as they were stored`);
  if (exitPrice === null) {
    reading.note('EXIT_PRICE_MISSING', 'it is closed without an exit price; how it was closed is not known');
    return { exit_price: null, exit_time: exitTime, exit_reason: 'unknown' };
  }
  const said = values.text(reasonColumn);
  const reason = said === null ? undefined : own(EXITS, said.toLowerCase().replace(/[\s-]+/g, '_'));
  if (reason === undefined) reading.note('EXIT_REASON_UNKNOWN', said === null ? 'no exit reason is stored' : `the exit reason ${JSON.stringify(said.slice(0, 100))} is none that is known`);
  return { exit_price: exitPrice, exit_time: exitTime, exit_reason: reason ?? 'unknown' };
}

function compareWinner(said: boolean | null, gross: string | null, reading: Reading): void {
  if (said === null || gross === null) return;
  if (said !== new Exact(gross).gt(0)) reading.note('WINNER_DIFFERS', `is_winner says ${said ? 'yes' : 'no'}, and the profit is ${gross}; the profit counts`);
}

/** Its column had 31 bits, and a ticket has 64: below 0 it is what was left of a larger one. */
function ticketOf(values: Values, reading: Reading): string | null {
  const number = values.text('mt5_ticket');
  if (number === null || (!number.startsWith('-') && number !== '0')) return number;
  reading.note('TICKET_INVALID', `mt5_ticket is ${number}, which no ticket is; taken as not known`);
  return null;
}
