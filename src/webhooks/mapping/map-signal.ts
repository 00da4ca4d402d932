import { Exact } from '../../common/decimal.js';
import { alertFields, type AlertFields, type Distance } from './alert-fields.js';
import { MAPPED_FIELDS, type Mapping, type MappedField } from './declared-mapping.js';
import { inPosition, intentOf, type Intent } from './intent.js';
import { decimalOf } from './numbers.js';
import { positionOf } from './position.js';
import { NoSignalAs, quarantined, shown } from './refusal.js';
import { isUnresolved, NO_TEXT } from './said.js';
import type { NoSignal, Signal, SignalPosition } from './signal.js';
import { symbolSaid, translated } from './symbols.js';
import { instantOf } from './times.js';

const PRODUCTS = new Set(['CNC', 'MIS']);
const QUANTITY_MAX = '100000000000000';
const COMMENT_MAX = 500;
const TEXTS_MAX = { strategy: 255, user: 128, orderId: 255, tag: 255, timeframe: 32 } as const;
/** What closes or halts needs neither prices nor times: a fault in them does not hold it up. */
const NEEDED_TO_CLOSE = new Set<MappedField>(['symbol', 'action', 'exchange', 'quantity', 'marketPosition', 'previousMarketPosition', 'positionSize', 'previousPositionSize']);

/** Pure and total: what a payload asks for, or why it asks for nothing. `symbols`: their symbol to ours. */
export function mapSignal(payload: Record<string, unknown>, mapping: Mapping, symbols: Readonly<Record<string, string>>): { signal: Signal } | NoSignal {
  try {
    return { signal: signalOf(payload, mapping, symbols) };
  } catch (error) {
    if (error instanceof NoSignalAs) return error.reason;
    return { outcome: 'quarantined', code: 'NOT_MAPPED', detail: `The alert could not be mapped: ${shown(error instanceof Error ? error.message : String(error))}.` };
  }
}

function signalOf(payload: Record<string, unknown>, mapping: Mapping, symbols: Readonly<Record<string, string>>): Signal {
  const fields = alertFields(payload, mapping);
  if (fields.ignored !== null) throw new NoSignalAs({ outcome: 'ignored', ...fields.ignored });
  unresolved(fields, ESSENTIAL);
  unresolvedBody(fields, payload);
  const wanted = intentOf(fields);
  const isCommand = wanted.intent === 'command';
  const position = positionOf(fields);
  const { intent, side, command } = inPosition(wanted, position, fields.reduceOnly);
  const closes = intent === 'exit' || isCommand;
  if (!closes) unresolved(fields, OTHERS);
  if (fields.unsupported !== null && !isCommand) throw quarantined(fields.unsupported.code, fields.unsupported.detail);

  /** A fault in it is a reason; of what closes, it is as if it had not been said. */
  const mild = <T>(read: () => T): T | null => {
    try {
      return read();
    } catch (error) {
      if (closes && error instanceof NoSignalAs) return null;
      throw error;
    }
  };
  const price = mild(() => above0(fields.price, 'price', 'PRICE_NOT_VALID'));
  const order = mild(() => orderOf(fields, price));
  const near = order?.limitPrice ?? price;
  const said = isCommand && fields.symbol === null ? null : symbolSaid(fields);
  return {
    intent, side, command,
    ...(said === null ? { symbol: '', exchange: null } : translated(said, symbols)),
    product: mild(() => productOf(fields.product, closes)),
    quantity: isCommand ? null : quantityOf(fields, { intent, side, command }, position),
    price, orderType: order?.orderType ?? null, limitPrice: order?.limitPrice ?? null,
    stopLoss: mild(() => above0(fields.stopLoss, 'stop loss', 'STOP_LOSS_NOT_VALID') ?? fromDistance(fields.stopDistance, near, side, -1, 'stop loss', 'STOP_LOSS_NOT_VALID')),
    takeProfit: mild(() => above0(fields.takeProfit, 'take profit', 'TAKE_PROFIT_NOT_VALID') ?? fromDistance(fields.targetDistance, near, side, 1, 'take profit', 'TAKE_PROFIT_NOT_VALID')),
    confidence: mild(() => confidenceOf(fields.confidence)),
    position,
    strategy: mild(() => shortText(fields, 'strategy')), user: mild(() => shortText(fields, 'user')), orderId: mild(() => shortText(fields, 'orderId')),
    tag: mild(() => shortText(fields, 'tag')), timeframe: mild(() => shortText(fields, 'timeframe')),
    barTime: mild(() => timeOf(fields.barTime, 'bar time')), firedAt: mild(() => timeOf(fields.firedAt, 'firedAt')),
    comment: typeof fields.comment === 'string' ? plain(fields.comment).slice(0, COMMENT_MAX).toWellFormed() : null,
    hints: fields.hints,
  };
}

const ESSENTIAL = ['action', 'side', ...MAPPED_FIELDS.filter((name) => NEEDED_TO_CLOSE.has(name) && name !== 'action')] as const;
const OTHERS = MAPPED_FIELDS.filter((name) => !NEEDED_TO_CLOSE.has(name) && name !== 'comment' && name !== 'secret');

/** TradingView left a placeholder as it was: of an indicator there is no order, and `alert()` of Pine fills in none. */
function unresolved(fields: AlertFields, names: readonly (MappedField | 'side')[]): void {
  const found = names.find((name) => isUnresolved(fields[name]));
  if (found !== undefined) throw quarantined('UNRESOLVED_PLACEHOLDER', `${found}: ${shown(String(fields[found] as string))} holds a placeholder that was not filled in.`);
}

/** Its name itself may be what was not filled in. */
function unresolvedBody(fields: AlertFields, payload: Record<string, unknown>): void {
  if ((fields.action === null || fields.symbol === null) && JSON.stringify(payload).includes('{{')) throw quarantined('UNRESOLVED_PLACEHOLDER', 'body: holds a placeholder that was not filled in.');
}

function numberOf(said: AlertFields['price'], name: string, code: string): string | null {
  if (said === null) return null;
  const number = typeof said === 'string' ? decimalOf(said) : null;
  if (number === null) throw quarantined(code, `${name}: must be a decimal number, not ${typeof said === 'string' ? shown(said) : 'a list or an object'}.`);
  return number;
}

function above0(said: AlertFields['price'], name: string, code: string): string | null {
  const number = numberOf(said, name, code);
  if (number !== null && !new Exact(number).gt(0)) throw quarantined(code, `${name}: must be above 0, not ${number}.`);
  return number;
}

/**
 * As told. An entry without one is sized by its source: what the sender's position grew by is in the sender's units (contracts, units of a
 * demo account), and would overrule the lot size or the risk that the source was given. Of an exit, 0 means all that is held.
 */
function quantityOf(fields: AlertFields, { intent, side }: Intent, { now, size, sizeBefore }: SignalPosition): string | null {
  const told = numberOf(fields.quantity, 'quantity', 'QUANTITY_NOT_VALID');
  if (told !== null && !(intent === 'exit' && told === '0')) {
    const quantity = new Exact(told);
    if (!quantity.gt(0) || quantity.gt(QUANTITY_MAX)) throw quarantined('QUANTITY_NOT_VALID', `quantity: must be above 0 and at most ${QUANTITY_MAX}, not ${shown(told)}.`);
    return told;
  }
  if (intent === 'exit' && now !== null && now === side && told === null && (size === null || sizeBefore === null)) {
    throw quarantined('QUANTITY_MISSING', `quantity: the sender keeps a ${now} position, so a part is to be closed, and nothing says how much.`);
  }
  return null;
}

/** A limit order without a good price is refused: at the market it would be another order. */
function orderOf(fields: AlertFields, price: string | null): Pick<Signal, 'orderType' | 'limitPrice'> {
  const word = fields.orderType === null ? fields.defaultOrderType : typeof fields.orderType === 'string' ? fields.orderType.toLowerCase() : '';
  if (word !== null && word !== 'market' && word !== 'limit') throw quarantined('ORDER_TYPE_NOT_SUPPORTED', `order type: must be market or limit, not ${typeof fields.orderType === 'string' ? shown(fields.orderType) : 'a list or an object'}.`);
  if (word !== 'limit') return { orderType: word, limitPrice: null };
  const limitPrice = above0(fields.limitPrice, 'limit price', 'LIMIT_PRICE_NOT_VALID') ?? price;
  if (limitPrice === null) throw quarantined('LIMIT_PRICE_MISSING', 'limit price: a limit order needs one.');
  return { orderType: 'limit', limitPrice };
}

/** @param sign 1 beyond the price in the direction of the trade, -1 behind it */
function fromDistance(distance: Distance | null, near: string | null, side: Signal['side'], sign: 1 | -1, name: string, code: string): string | null {
  if (distance === null) return null;
  const value = above0(distance.value, name, code);
  if (value === null || near === null || side === null) throw quarantined(code, `${name}: is a distance, and nothing says from which price.`);
  const away = distance.kind === 'amount' ? new Exact(value) : new Exact(near).times(value).div(100);
  const found = new Exact(near).plus(away.times(sign * (side === 'long' ? 1 : -1)));
  if (!found.gt(0)) throw quarantined(code, `${name}: lies ${shown(value)} away, which is below 0.`);
  return found.toDecimalPlaces(18).toFixed();
}

function confidenceOf(said: AlertFields['confidence']): string | null {
  const confidence = numberOf(said, 'confidence', 'CONFIDENCE_NOT_VALID');
  if (confidence !== null && (new Exact(confidence).lt(0) || new Exact(confidence).gt(1))) throw quarantined('CONFIDENCE_NOT_VALID', `confidence: must be from 0 to 1, not ${shown(confidence)}.`);
  return confidence;
}

/** An unknown one is not taken for the default. */
function productOf(said: AlertFields['product'], closes: boolean): string | null {
  if (said === null) return null;
  const product = typeof said === 'string' ? said.toUpperCase() : '';
  if (!PRODUCTS.has(product) && !closes) throw quarantined('PRODUCT_UNKNOWN', `product: must be CNC or MIS, not ${typeof said === 'string' ? shown(said) : 'a list or an object'}.`);
  return PRODUCTS.has(product) ? product : null;
}

function shortText(fields: AlertFields, name: keyof typeof TEXTS_MAX): string | null {
  const said = fields[name];
  if (said === null) return null;
  if (said === NO_TEXT) throw quarantined('FIELD_NOT_TEXT', `${name}: must be text, not a list or an object.`);
  if (said.length > TEXTS_MAX[name]) throw quarantined('TEXT_TOO_LONG', `${name}: must have at most ${TEXTS_MAX[name]} characters.`);
  return plain(said);
}

/** One line: control characters would reach terminals. */
const plain = (text: string): string => text.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, ' ');

function timeOf(said: AlertFields['barTime'], name: string): string | null {
  if (said === null) return null;
  const time = typeof said === 'string' ? instantOf(said) : null;
  if (time === null) throw quarantined('TIME_NOT_VALID', `${name}: must be a time such as 2026-02-15T05:17:00Z, or epoch seconds or milliseconds, not ${typeof said === 'string' ? shown(said) : 'a list or an object'}.`);
  return time;
}
