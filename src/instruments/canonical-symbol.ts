import { SYMBOL_FORM } from '../common/fields.js';

/**
 * One spelling for one instrument, whoever names it: limits, halts and statistics count by it. Two instruments must never
 * become one, so this takes off only what is known to be a mark of a broker, an account group or a quote feed on a pair of
 * currencies. Whatever cannot be decided stays as it was written; an account's own list of instruments decides it, by
 * naming `symbol` and `brokerSymbol` side by side.
 */

export interface CanonicalSymbol {
  symbol: string;
  /** In capitals, from a prefix such as `NSE:`; null without one, and for a pair of currencies from a quote feed. */
  exchange: string | null;
}

export interface CurrencyPair {
  base: string;
  quote: string;
}

/**
 * ISO 4217 codes that are traded as pairs, and the four metals. No coins: `BTCUSD` is a spot pair at one exchange and an
 * inverse perpetual at another, so there no separator or suffix is taken off.
 */
const CURRENCIES = new Set(
  `AED AUD BRL CAD CHF CLP CNH CNY COP CZK DKK EUR GBP HKD HUF IDR ILS INR ISK JPY KRW MXN MYR NOK NZD PEN PHP PLN RON RUB SAR SEK SGD
   THB TRY TWD USD ZAR XAU XAG XPT XPD`.split(/\s+/),
);

/** After a colon these are the currency of a pair or of its settlement (`tAAVE:USD`), so before it stands no exchange. */
const SETTLEMENT = new Set([...CURRENCIES, 'USDT', 'USDC', 'BUSD', 'BTC', 'ETH']);

/** Feeds of prices over the counter: in front of a pair of currencies they name no place where it is traded. */
const FEEDS = new Set('C FX FX_IDC FXCM FOREXCOM OANDA SAXO CAPITALCOM PEPPERSTONE ICMARKETS EIGHTCAP BLACKBULL FXOPEN VANTAGE'.split(' '));

/** Behind a point, underscore or hyphen. Not `f` (funded at one broker, forward at another), `otc` (a broker's own price) or `sb` (a bet per point). */
const SUFFIXES = 'a c e i m p r s t x z pro prime ecn raw std stp micro mini cent vip fx spot sim zero'.split(' ').join('|');
/** Without a separator, in small letters behind capitals. Not `t`: `EURUSDt` may be euros in Tether. */
const ATTACHED = 'm c i r z pro ecn raw std stp micro mini cent vip'.split(' ').join('|');

const PAIR_FORM = /^[A-Za-z]{3}[/._ -]?[A-Za-z]{3}$/;
const MARKED_PAIR = new RegExp(`^[#._]?([A-Za-z]{3}[/._ -]?[A-Za-z]{3})(?:[._-](?:${SUFFIXES}))?(?:[#+.!_^-]|=X)?$`, 'i');
const LETTERED_PAIR = new RegExp(`^(?:frx|m)?([A-Z]{3}[/._-]?[A-Z]{3})(?:${ATTACHED})?(?:[._-](?:${SUFFIXES}))?[#+.!]?$`);

/** The currencies of `EURUSD` or `EUR/USD` in any case; null for everything else, also for coins. */
export function currencyPair(text: string): CurrencyPair | null {
  if (!PAIR_FORM.test(text)) return null;
  const [base, quote] = [text.slice(0, 3).toUpperCase(), text.slice(-3).toUpperCase()];
  return base !== quote && CURRENCIES.has(base) && CURRENCIES.has(quote) ? { base, quote } : null;
}

/**
 * The canonical symbol of what a broker, a platform or a person wrote. Applied again it changes nothing.
 *
 * | written | symbol | why |
 * |---|---|---|
 * | `eur/usd` `EUR_USD` `EUR.USD` `EURUSD=X` | `EURUSD` | a pair of currencies, spelled another way |
 * | `EURUSD.m` `EURUSD.pro` `EURUSDm` `EURUSD#` `#EURUSD` `frxEURUSD` | `EURUSD` | marks of account groups |
 * | `OANDA:EURUSD` | `EURUSD` | a feed, no exchange |
 * | `nse:infy` | `INFY` at `NSE` | an exchange is part of the key |
 * | `NSE:USDINR` | `USDINR` at `NSE` | a currency future: not the pair over the counter |
 * | `EURUSDM` `EURUSDT` `EURUSD-OTC` `EURUSD.f` | as written | may be something else |
 * | `BTC-USD` `BTCUSD` `BTCUSDm` `GOLD` `US30.cash` `BRK.B` | as written | coins, companies and indices: cannot be decided |
 * | `ESZ5` `6EZ2025` `ES1!` `XAUUSDz25` | as written | with an expiry it is an instrument of its own |
 * | `KXBTCD-25AUG0312-T114249.99` | as written | a market of Kalshi: each part names it |
 *
 * Text in small letters alone becomes capitals; mixed case stays, since `BRKa` and `BRKA` may differ.
 * @param at the exchange, where it was said beside the symbol
 * @returns null for what is no symbol: empty, over 64 characters, with others than letters, digits and `._-/=^#&!+:`, or
 *   at another exchange than `at`
 */
export function canonicalSymbol(written: string, at: string | null = null): CanonicalSymbol | null {
  const text = written.trim();
  // A blank stands in pairs only.
  if (!SYMBOL_FORM.test(text.replace(/^([A-Za-z]{3}) ([A-Za-z]{3})$/, '$1/$2')) || !/[A-Za-z0-9]/.test(text)) return null;
  const { exchange, symbol } = inParts(text);
  if (exchange !== null && at !== null && exchange !== at) return null;
  const place = exchange ?? at;
  const pair = place === null || FEEDS.has(place) ? withoutMarks(symbol) : null;
  return pair === null ? { symbol: oneCase(symbol), exchange: place } : { symbol: pair, exchange: null };
}

function inParts(text: string): CanonicalSymbol {
  const [, before, behind] = /^([A-Z][A-Z0-9_]{0,31}|[a-z][a-z0-9_]{0,31}):([^:]+)$/.exec(text) ?? [];
  if (before === undefined || behind === undefined || SETTLEMENT.has(behind.toUpperCase())) return { symbol: text, exchange: null };
  return { symbol: behind, exchange: before.toUpperCase() };
}

/** With its exchange, as one text: what netting and limits count by when nothing else is said. */
export const symbolKey = ({ symbol, exchange }: CanonicalSymbol): string => (exchange === null ? symbol : `${exchange}:${symbol}`);

function withoutMarks(text: string): string | null {
  const [, core = ''] = MARKED_PAIR.exec(text) ?? LETTERED_PAIR.exec(text) ?? [];
  const pair = currencyPair(core);
  return pair && pair.base + pair.quote;
}

const oneCase = (text: string): string => (/[A-Z]/.test(text) ? text : text.toUpperCase());
