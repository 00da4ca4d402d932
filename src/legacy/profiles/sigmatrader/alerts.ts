import { masked } from '../../../auth/credentials.js';
import { kept, oneOf, required, text } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import { Json, type Reading, Reject, type TableMapping } from '../../profile.js';
import { type AlertBody, bodyOf } from './alert-body.js';
import { instrumentOf } from './instrument.js';
import { lenient, together, valueOf } from './values.js';

const HANDLED = 'The system it came from handled it. Nothing is done with it here.';
const IGNORED = /ST: Ignored/i;
const EXIT = /^(?:EXIT|CLOSE)_/i;
const ZONED = /(?:[zZ]|[+-]\d{2}:?\d{2})$/;

const inIndia = lenient(time(null, { zone: 'Asia/Kolkata' }));

/** History: each has ended, and what it said is shown. No alert is refused for what it said, for all that was done with it is past. */
export const alerts: TableMapping = {
  as: 'import',
  columns: {
    id: kept('names the row'), user_id: kept('whose it was: nobody is taken along'), strategy_id: kept('names another row, as written'), symbol: together('symbol', 'with its exchange, to canonical symbol; empty where it is none'),
    exchange: together('symbol', 'before the symbol'), interval: lenient(text('signal')), action: lenient(oneOf('signal', { map: { BUY: 'long', SELL: 'short' }, caseless: true })), qty: lenient(decimal('signal')),
    price: lenient(decimal('signal')), platform: kept('as written'), source: kept('as written'), rule_id: kept('names another row, as written'), raw_payload: together('body', 'without secrets'),
    reason: together('signal', 'without secrets'), received_at: required(time('received_at', { zone: 'UTC' })), bar_time: together('signal', "the payload's own time where that has a zone, else wall clock of India"),
  },
  secrets: ['raw_payload.secret', 'raw_payload.meta.secret', 'raw_payload.hints.secret'],
  time: 'received_at',
  map(values, owners, reading) {
    const id = owners.id('alerts', reading.id);
    const receivedAt = valueOf(values, 'received_at');
    if (receivedAt === null) throw new Reject('VALUE_MISSING', 'an alert needs the time at which it came', 'received_at');
    const body = bodyOf(reading.cells['raw_payload'], reading);
    const reason = reasonOf(reading);
    const status = reason !== null && IGNORED.test(reason) ? 'ignored' : 'processed';
    const found = instrumentOf(reading.cells['symbol'], reading.cells['exchange'], reading);
    if (found === null) reading.note('SYMBOL_NOT_READ', 'it names no symbol; the old row keeps what it says');
    const isExit = EXIT.test(wordIn(body, 'signal_side') ?? '');
    const outcome = new Json({ imported: true });
    const ending = { status, code: 'IMPORTED', detail: status === 'ignored' && reason !== null ? reason : HANDLED, outcome };
    return {
      rows: [
        {
          table: 'alerts',
          values: {
            id, source_id: owners.alertSource(), key_kind: 'content', body: `\\x${Buffer.from(body.text).toString('hex')}`, content_type: 'application/json', symbol: found?.key ?? '', received_at: receivedAt, is_exit: isExit,
            signal: new Json(signalOf(values, body, reason, found, isExit, reading)), next_attempt_at: receivedAt, finished_at: receivedAt, ...ending,
          },
        },
        { table: 'alert_runs', values: { alert_id: id, run: '1', ...ending, actor: 'import', at: receivedAt } },
      ],
    };
  },
};

/** In the words that mappings use for what came by a webhook. What was not kept apart there is null. */
function signalOf(values: Record<string, unknown>, body: AlertBody, reason: string | null, found: ReturnType<typeof instrumentOf>, isExit: boolean, reading: Reading) {
  const ordered = valueOf<'long' | 'short'>(values, 'action');
  // An exit names the side that it closes: what sells closes a long.
  const side = isExit && ordered !== null ? (ordered === 'long' ? 'short' : 'long') : ordered;
  return {
    intent: isExit ? 'exit' : 'order', side, command: null, symbol: found?.symbol ?? '', exchange: found?.exchange ?? null, product: wordIn(body, 'product'), quantity: valueOf(values, 'qty'), price: valueOf(values, 'price'),
    orderType: null, limitPrice: null, stopLoss: null, takeProfit: null, confidence: null, position: { now: null, before: null, size: null, sizeBefore: null }, strategy: wordIn(body, 'strategy_name'),
    user: wordIn(body, 'st_user_id'), orderId: wordIn(body, 'order_id'), tag: null, timeframe: valueOf(values, 'interval'), barTime: barTimeOf(body, reading), firedAt: null, comment: reason, hints: {},
  };
}

const wordIn = ({ said }: AlertBody, name: string): string | null => {
  const word = said[name];
  return typeof word === 'string' && word !== '' && !word.includes('\0') && word.isWellFormed() ? masked(word) : null;
};

/** The column has lost its zone; the payload beside it often has not. */
function barTimeOf(body: AlertBody, reading: Reading): string | null {
  const cell = reading.cells['bar_time'] ?? null;
  if (cell === null) return null;
  const told = wordIn(body, 'bar_time');
  if (told !== null && ZONED.test(told)) return inIndia.read(told, 'raw_payload.bar_time', reading);
  const time = inIndia.read(cell, 'bar_time', reading);
  if (time !== null && !(typeof cell === 'string' && ZONED.test(cell))) reading.note('ZONE_ASSUMED', 'bar_time has lost its zone: taken for the wall clock of India');
  return time;
}

const words = lenient(text(null));
function reasonOf(reading: Reading): string | null {
  const reason = words.read(reading.cells['reason'] ?? null, 'reason', reading);
  return reason === null ? null : masked(reason);
}
