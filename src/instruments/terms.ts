import { canonicalJson } from '../common/canonical-json.js';
import { Exact } from '../common/decimal.js';
import { currencyPair } from './canonical-symbol.js';

export const INSTRUMENT_KINDS = ['fx', 'cfd', 'stock', 'future', 'option', 'crypto', 'binary'] as const;
export type InstrumentKind = (typeof INSTRUMENT_KINDS)[number];
/** With the exchange they are part of a position's key; an unknown one is refused (trading-rules 6.7). */
export const PRODUCTS = ['CNC', 'MIS'] as const;
export type Product = (typeof PRODUCTS)[number];
/** MIS is flat by then (trading-rules 6.7): its exchange squares off what is left a little later, at a price of its own. */
export const MIS_FLAT = { time: '15:15', zone: 'Asia/Kolkata' } as const;
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** A window whose end lies before its beginning ends on the next day, and belongs to the day on which it began. */
export interface Sessions {
  /** IANA. */
  zone: string;
  windows: { days: (typeof WEEKDAYS)[number][]; from: string; to: string }[];
  holidays: string[];
  earlyCloses: { date: string; at: string }[];
}

/** What a position in an instrument is worth and may be, at one account. Decimals are text. */
export interface Terms {
  brokerSymbol: string;
  kind: InstrumentKind;
  /** What a size of 1 is: `lot`, `share`, `contract`, `coin`. */
  sizeUnit: string;
  /** What a size of 1 and a price of 1 come to, in the quote currency: 100,000 of EURUSD, 50 of ES, 1 of a share. */
  contractSize: string;
  tickSize: string;
  /** What one tick moves a size of 1. */
  tickValue: string;
  /** Of the tick value; null: the account's own, as MetaTrader tells it. Then it moves with the rate and ages. */
  tickValueCurrency: string | null;
  minSize: string;
  sizeStep: string;
  maxSize: string | null;
  /** How close to the price the broker takes a stop, as a distance in price; null: nobody told one. */
  stopLevel: string | null;
  baseCurrency: string | null;
  quoteCurrency: string;
  /** What it nets by, such as `NSE:INFY` of a future on that share; null: itself. */
  underlying: string | null;
  sessions: Sessions | null;
  /** Expiry or settlement. */
  closesAt: string | null;
}

/** Terms as they were told, before it is known which currencies they leave to the symbol. */
export type ToldTerms = Omit<Terms, 'quoteCurrency'> & { quoteCurrency: string | null };

export interface Fault {
  path: string;
  message: string;
}

/** What the symbol of a pair says of its currencies need not be told twice. Given otherwise, `termsFaults` refuses it. */
export function withPairCurrencies(symbol: string, told: ToldTerms): ToldTerms {
  const pair = told.kind === 'fx' ? currencyPair(symbol) : null;
  return { ...told, baseCurrency: told.baseCurrency ?? pair?.base ?? null, quoteCurrency: told.quoteCurrency ?? pair?.quote ?? null };
}

/** Rules that take more than one field. Empty: they are terms that figures can be made of. */
export function termsFaults(symbol: string, told: ToldTerms): Fault[] {
  const faults: Fault[] = [];
  const pair = told.kind === 'fx' ? currencyPair(symbol) : null;
  const missing = (['baseCurrency', 'quoteCurrency'] as const).filter((field) => told[field] === null && (field === 'quoteCurrency' || told.kind === 'fx' || told.kind === 'crypto'));
  for (const path of missing) faults.push({ path, message: `is needed for ${told.kind}` });
  if (missing.length > 0) faults.push({ path: 'symbol', message: `does not say its currencies: give ${missing.join(' and ')}` });
  if (pair && told.baseCurrency !== null && told.baseCurrency !== pair.base) faults.push({ path: 'baseCurrency', message: `must be ${pair.base}, as the symbol says` });
  if (pair && told.quoteCurrency !== null && told.quoteCurrency !== pair.quote) faults.push({ path: 'quoteCurrency', message: `must be ${pair.quote}, as the symbol says` });
  if (!pair && told.baseCurrency !== null && told.baseCurrency === told.quoteCurrency) faults.push({ path: 'baseCurrency', message: 'must be another currency than quoteCurrency' });
  if (told.maxSize !== null && new Exact(told.maxSize).lt(told.minSize)) faults.push({ path: 'maxSize', message: `must be at least minSize (${told.minSize})` });
  return faults;
}

/** Names of the terms in which two statements of them differ. */
export const changedTerms = (before: Terms, after: Terms): (keyof Terms)[] =>
  (Object.keys(after) as (keyof Terms)[]).filter((field) => canonicalJson(before[field]) !== canonicalJson(after[field]));
