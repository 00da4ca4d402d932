import { SYMBOL_FORM } from '../../common/fields.js';
import { canonicalSymbol, type CanonicalSymbol } from '../../instruments/canonical-symbol.js';
import type { AlertFields } from './alert-fields.js';
import { quarantined, shown } from './refusal.js';

/** TradingView marks an exchange whose prices come late. */
const DELAYED = /_(?:DL|DLY)$/;
const EXCHANGE = /^[A-Z0-9_]{1,32}$/;

export interface SaidSymbol extends CanonicalSymbol {
  /** In one spelling, for what orders and dedupes: with its exchange. */
  canonical: CanonicalSymbol;
}

/** As the alert says it, without the exchange in front. @throws NoSignalAs */
export function symbolSaid({ symbol, exchange }: Pick<AlertFields, 'symbol' | 'exchange'>): SaidSymbol {
  if (symbol === null) throw quarantined('SYMBOL_MISSING', 'symbol: is missing.');
  if (typeof symbol !== 'string' || symbol.length > 100) throw notValid(symbol);
  const at = exchangeOf(exchange);
  const { prefix, name } = inParts(symbol);
  const canonical = canonicalSymbol(prefix === null ? name : `${prefix}:${name}`);
  if (canonical === null) throw notValid(symbol);
  if (prefix !== null && at !== null && prefix !== at) throw quarantined('EXCHANGE_CONTRADICTORY', `exchange: is ${at}, but the symbol says ${prefix}.`);
  const placed = canonicalSymbol(name, prefix ?? at);
  if (placed === null) throw notValid(symbol);
  return { canonical: placed, symbol: /[A-Z]/.test(name) ? name : name.toUpperCase(), exchange: placed.exchange };
}

const notValid = (symbol: AlertFields['symbol']) =>
  quarantined('SYMBOL_NOT_VALID', `symbol: ${typeof symbol === 'string' ? shown(symbol) : 'a list or an object'} is none: 1 to 64 letters, digits or ._-/=^#&!+: are one.`);

/** In capitals, and not marked as delayed. */
function exchangeOf(said: AlertFields['exchange']): string | null {
  if (said === null) return null;
  const exchange = typeof said === 'string' ? said.toUpperCase().replace(DELAYED, '') : '';
  if (!EXCHANGE.test(exchange)) throw quarantined('EXCHANGE_NOT_VALID', `exchange: ${typeof said === 'string' ? shown(said) : 'a list or an object'} is none: 1 to 32 letters, digits or _ are one.`);
  return exchange;
}

/** Only what the canonical reading takes for an exchange is one: `tAAVE:USD` has none. */
function inParts(text: string): { prefix: string | null; name: string } {
  const point = text.indexOf(':');
  const read = point < 0 ? null : canonicalSymbol(text);
  const [before, name] = [text.slice(0, Math.max(point, 0)).toUpperCase(), text.slice(point + 1)];
  const isPlace = read !== null && (read.exchange === before || (read.exchange === null && read.symbol === canonicalSymbol(name)?.symbol));
  return isPlace ? { prefix: before.replace(DELAYED, ''), name } : { prefix: null, name: text };
}

/**
 * The source's list: their symbol, in any case, with or without its exchange, to ours. Named with the exchange, ours stands for the whole;
 * without, the exchange stays.
 */
export function translated(said: SaidSymbol, symbols: Readonly<Record<string, string>>): { symbol: string; exchange: string | null } {
  const listed = new Map(Object.entries(symbols).map(([theirs, ours]) => [theirs.trim().toUpperCase(), ours]));
  const { symbol, exchange, canonical } = said;
  const whole = exchange === null ? undefined : listed.get(`${exchange}:${symbol}`.toUpperCase());
  const ours = whole ?? listed.get(symbol.toUpperCase()) ?? listed.get(canonical.symbol.toUpperCase());
  if (ours === undefined) return { symbol, exchange };
  const { prefix, name } = inParts(ours.trim());
  if (!SYMBOL_FORM.test(name)) throw quarantined('SYMBOL_NOT_VALID', `symbols: ${shown(ours)}, which stands for ${shown(symbol)}, is no symbol.`);
  return { symbol: name, exchange: prefix ?? (whole === undefined ? exchange : null) };
}
