import { canonicalSymbol, type CanonicalSymbol, symbolKey } from '../../../instruments/canonical-symbol.js';
import { shown } from '../../convert/cells.js';
import { Reject, type Reading } from '../../profile.js';
import type { Cell } from '../../source/cell.js';

export interface Instrument extends CanonicalSymbol {
  /** `NSE:INFY`. */
  key: string;
}

/** Where the old system took a symbol to be traded that came without an exchange. */
const DEFAULT_EXCHANGE = 'NSE';
const PREFIX = /^([A-Za-z][A-Za-z0-9_]{0,31})\s*:\s*(.+)$/;
const EXCHANGE_FORM = /^[A-Z][A-Z0-9_]{0,31}$/;
/** A million candles are of a few hundred instruments; a damaged file may have a symbol in each row. */
const KNOWN_MOST = 10_000;

type Found = { instrument: Instrument; notes: [string, string][] } | null;
const known = new Map<string, Found>();

/** Null for what is no symbol: `{{ticker}}`, 300 characters, nothing at all. */
export function instrumentOf(symbol: Cell | undefined, exchange: Cell | undefined, reading: Reading): Instrument | null {
  if (typeof symbol !== 'string') return null;
  const at = typeof exchange === 'string' ? exchange : '';
  const name = `${symbol}\u0000${at}`;
  let found = known.get(name);
  if (found === undefined) {
    found = parted(symbol, at);
    if (known.size >= KNOWN_MOST) known.clear();
    known.set(name, found);
  }
  for (const [code, sentence] of found?.notes ?? []) reading.note(code, sentence);
  return found?.instrument ?? null;
}

/** @throws {Reject} SYMBOL_INVALID */
export function neededInstrument(symbol: Cell | undefined, exchange: Cell | undefined, reading: Reading): Instrument {
  const found = instrumentOf(symbol, exchange, reading);
  if (found === null) throw new Reject('SYMBOL_INVALID', `symbol is ${shown(symbol ?? null)}; expected 1 to 64 letters, digits or ._-/=^#&!+:`, 'symbol');
  return found;
}

function parted(symbol: string, exchange: string): Found {
  const notes: [string, string][] = [];
  const written = symbol.trim();
  const [, before, behind] = PREFIX.exec(written) ?? [];
  const beside = exchange.trim().toUpperCase();
  const prefix = before?.toUpperCase();
  if (prefix !== undefined && beside !== '' && beside !== prefix) notes.push(['EXCHANGE_TWICE', `the symbol says ${prefix}, the column ${shown(exchange)}: the symbol's counts, as it did there`]);
  const place = prefix ?? (EXCHANGE_FORM.test(beside) ? beside : DEFAULT_EXCHANGE);
  if (prefix === undefined && beside === '') notes.push(['EXCHANGE_ASSUMED', `no exchange is said: ${DEFAULT_EXCHANGE}, as it was there`]);
  else if (prefix === undefined && place !== beside) return null;
  // Symbols of these exchanges are in capitals only: `infy` and `Infy` are one.
  const canonical = canonicalSymbol((behind ?? written).toUpperCase(), place);
  if (canonical === null) return null;
  const key = symbolKey(canonical);
  if (key !== symbol && `${exchange}:${symbol}` !== key) notes.push(['SYMBOL_RESPELLED', `${shown(symbol)}${exchange === '' ? '' : ` at ${shown(exchange)}`} is ${key} here`]);
  return { instrument: { ...canonical, key }, notes };
}
