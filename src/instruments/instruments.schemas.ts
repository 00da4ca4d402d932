import { z } from 'zod';
import { reason } from '../auth/reason-field.js';
import { decimal, decimalText, instant, name, SYMBOL_FORM, text, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { type CanonicalSymbol, canonicalSymbol, symbolKey } from './canonical-symbol.js';
import type { InstrumentRow, VersionRow } from './instruments.repository.js';
import { INSTRUMENT_KINDS, PRODUCTS, type Terms, WEEKDAYS } from './terms.js';

export const BATCH_MAX = 500;
const WINDOWS_MAX = 50;
const HOLIDAYS_MAX = 400;

const NO_SYMBOL = 'must be 1 to 64 letters, digits or ._-/=^#&!+, with the exchange before a colon where there is one';
export const writtenSymbol = () => z.string().trim().regex(SYMBOL_FORM, { error: NO_SYMBOL, abort: true }).refine((written) => canonicalSymbol(written) !== null, { error: NO_SYMBOL });
const exchange = () => z.string().trim().regex(/^[A-Za-z][A-Za-z0-9_]{0,31}$/, { error: 'must be the name of an exchange, such as NSE' }).transform((given) => given.toUpperCase());
const currency = () => z.string().regex(/^[A-Z0-9]{2,12}$/, { error: 'must be the code of a currency or coin in capitals, such as USD' });
const sizeUnit = () => z.string().trim().regex(/^[A-Za-z][A-Za-z0-9 _-]{0,19}$/, { error: 'must be a unit such as lot, share, contract or coin, 20 characters at most' });
const amount = () => decimal({ above: '0', max: '10000000000000000000' });
export const clockTime = () => z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: 'must be a time of day such as 09:15' });
export const windowEnd = () => z.string().regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, { error: 'must be a time of day such as 15:30, or 24:00' });
export const day = () => z.iso.date({ error: 'must be a day such as 2026-01-26' });

/** Offsets such as +05:30 would be zones to the library; they have no summer time, and are not what is asked for. */
export function isZone(zone: string): boolean {
  try {
    return /^[A-Za-z]/.test(zone) && Boolean(new Intl.DateTimeFormat('en', { timeZone: zone }));
  } catch {
    return false;
  }
}

const sessions = () => z.strictObject({
  zone: text(64).refine(isZone, { error: 'must be an IANA zone such as Asia/Kolkata' }).default('UTC').describe('UTC by default'),
  windows: z.array(z.strictObject({
    days: z.array(z.enum(WEEKDAYS)).min(1).max(7).transform((days) => WEEKDAYS.filter((each) => days.includes(each))),
    from: clockTime(), to: windowEnd().describe('before `from`: on the next day'),
  }).refine(({ from, to }) => from !== to, { path: ['to'], error: 'must be another time than `from`: a whole day is 00:00 to 24:00' })).min(1).max(WINDOWS_MAX),
  holidays: z.array(day()).max(HOLIDAYS_MAX).default([]),
  earlyCloses: z.array(z.strictObject({ date: day(), at: clockTime() })).max(HOLIDAYS_MAX).default([]),
});

/** What may be said of an instrument; null takes back what need not be there, absent keeps what is stored. */
const changeable = {
  brokerSymbol: name(64).optional().describe('what the broker calls it; `symbol` as it was written by default'),
  kind: z.enum(INSTRUMENT_KINDS),
  sizeUnit: sizeUnit().describe('what a size of 1 is'),
  contractSize: amount().describe('what a size of 1 and a price of 1 come to, in quoteCurrency'),
  tickSize: amount(),
  tickValue: amount().describe('what one tick moves a size of 1'),
  tickValueCurrency: currency().nullish().describe("the account's by default; then it moves with the rate and has to be told again"),
  minSize: amount(),
  sizeStep: amount(),
  maxSize: amount().nullish(),
  stopLevel: decimal({ min: '0', max: '10000000000000000000' }).nullish().describe('how close to the price the broker takes a stop, as a distance in price: of MetaTrader SYMBOL_TRADE_STOPS_LEVEL × SYMBOL_POINT'),
  baseCurrency: currency().nullish().describe('of fx and crypto; a pair of currencies says it in its symbol'),
  quoteCurrency: currency().nullish().describe('what the price is in; a pair of currencies says it in its symbol'),
  underlying: writtenSymbol().transform((written) => symbolKey(canonicalSymbol(written) as CanonicalSymbol)).nullish().describe('what it nets by, such as NSE:INFY; itself by default'),
  sessions: sessions().nullish(),
  closesAt: instant().nullish().describe('expiry or settlement'),
};

const keyFields = {
  symbol: writtenSymbol().describe('in any spelling: EURUSD.m, eur/usd and EURUSD are one'),
  exchange: exchange().nullish().describe('part of the key; also as a prefix of `symbol`, such as NSE:INFY'),
  product: z.enum(PRODUCTS).nullish().describe('part of the key; of an exchange only'),
};

interface GivenKey {
  symbol: string;
  exchange?: string | null | undefined;
  product?: string | null | undefined;
}

/** The canonical symbol and the exchange, wherever that was said; of what a schema has let pass. */
export function keyOf({ symbol, exchange: at }: GivenKey): CanonicalSymbol {
  const found = canonicalSymbol(symbol, at ?? null);
  if (!found) throw new Error('a symbol that was checked is none');
  return found;
}

/** Runs also where a field was refused before: then there is nothing to add. */
function oneExchange({ symbol, exchange: at, product }: Partial<GivenKey>, context: z.RefinementCtx): void {
  if (symbol === undefined || canonicalSymbol(symbol) === null) return;
  const found = canonicalSymbol(symbol, at ?? null);
  if (!found) context.addIssue({ code: 'custom', path: ['exchange'], message: `is not the exchange of ${symbol}` });
  else if (product != null && found.exchange === null) context.addIssue({ code: 'custom', path: ['product'], message: 'needs an exchange' });
}

const upload = z.strictObject({ ...keyFields, ...changeable });
const accountId = uuid().nullish().describe("of a person's upload: whose terms they are; an agent's are its own account's");

export const uploadInstrumentSchema = upload.extend({ accountId }).superRefine(oneExchange);
export const uploadInstrumentsSchema = z.strictObject({ accountId, items: z.array(upload.superRefine(oneExchange)).min(1).max(BATCH_MAX) });
export const changeInstrumentSchema = z.strictObject(changeable).partial().extend({ reason: reason().nullish() });
export const instrumentParam = z.strictObject({ instrumentId: uuid() });
export const versionsQuery = z.strictObject(pageQuery);
export const instrumentsQuery = z.strictObject({
  ...pageQuery,
  accountId: uuid().optional(),
  symbol: writtenSymbol().optional().describe('in any spelling'),
  exchange: exchange().optional(),
  product: z.enum(PRODUCTS).optional(),
  kind: z.enum(INSTRUMENT_KINDS).optional(),
  brokerSymbol: name(64).optional().describe('exactly as the broker writes it'),
}).superRefine(({ symbol, exchange: at }, context) => oneExchange({ symbol, exchange: at }, context));

const maybe = () => z.string().nullable();
const termsShape = {
  brokerSymbol: z.string(), kind: z.enum(INSTRUMENT_KINDS), sizeUnit: z.string(), contractSize: decimalText(), tickSize: decimalText(),
  tickValue: decimalText(), tickValueCurrency: maybe(), minSize: decimalText(), sizeStep: decimalText(), maxSize: decimalText().nullable(), stopLevel: decimalText().nullable(),
  baseCurrency: maybe(), quoteCurrency: z.string(), underlying: maybe(),
  sessions: z.object({
    zone: z.string(), windows: z.array(z.object({ days: z.array(z.enum(WEEKDAYS)), from: z.string(), to: z.string() })), holidays: z.array(z.string()),
    earlyCloses: z.array(z.object({ date: z.string(), at: z.string() })),
  }).nullable(),
  closesAt: z.iso.datetime().nullable(),
};

export const OUTCOMES = ['created', 'changed', 'unchanged'] as const;

export const instrumentSchema = z.object({
  id: z.uuid(), accountId: z.uuid(), symbol: z.string().describe('canonical'), exchange: maybe(), product: z.enum(PRODUCTS).nullable(), version: z.int(), ...termsShape,
  createdAt: z.iso.datetime(), updatedAt: z.iso.datetime(),
}).meta({ id: 'Instrument' });
export const uploadedSchema = instrumentSchema.extend({ outcome: z.enum(OUTCOMES) }).meta({ id: 'UploadedInstrument' });
export const uploadedManySchema = z.object({
  items: z.array(z.object({ id: z.uuid(), symbol: z.string(), exchange: maybe(), product: maybe(), version: z.int(), outcome: z.enum(OUTCOMES) })).describe('in the order of the request'),
});
export const versionSchema = z.object({
  version: z.int(), terms: z.object(termsShape), changed: z.array(z.string()).describe('which terms differ from the version before'),
  reason: maybe(), actor: z.string(), recordedAt: z.iso.datetime(),
}).meta({ id: 'InstrumentVersion' });

export const toTerms = (row: InstrumentRow): Terms => ({
  brokerSymbol: row.broker_symbol, kind: row.kind, sizeUnit: row.size_unit, contractSize: row.contract_size, tickSize: row.tick_size,
  tickValue: row.tick_value, tickValueCurrency: row.tick_value_currency, minSize: row.min_size, sizeStep: row.size_step, maxSize: row.max_size, stopLevel: row.stop_level,
  baseCurrency: row.base_currency, quoteCurrency: row.quote_currency, underlying: row.underlying, sessions: row.sessions, closesAt: row.closes_at,
});

export const toInstrument = (row: InstrumentRow): z.output<typeof instrumentSchema> => ({
  id: row.id, accountId: row.account_id, symbol: row.symbol, exchange: row.exchange, product: row.product, version: row.version, ...toTerms(row),
  createdAt: row.created_at, updatedAt: row.updated_at,
});

/** Versions from before it could be told have none. */
const NOT_TOLD_EARLIER = { stopLevel: null };

export const toVersion = (row: VersionRow): z.output<typeof versionSchema> => ({
  version: row.version, terms: { ...NOT_TOLD_EARLIER, ...row.terms }, changed: row.changed, reason: row.reason, actor: row.actor, recordedAt: row.recorded_at,
});
