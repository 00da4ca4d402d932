import { z } from 'zod';
import { Exact } from './decimal.js';

/** Field types that request schemas share. Each says in its message what is allowed, and turns input into one spelling. */

const DECIMAL = /^[+-]?(\d{1,20})(\.\d{1,18})?$/;

/** Written as answers write it, and not below 0. Most are: with no bound but 0 there is nothing to compute, which takes 2 µs of each. */
const PLAIN = /^(0|[1-9]\d{0,19})(\.\d{0,17}[1-9])?$/;

const NOT_DECIMAL = 'must be a decimal number, as text or as a JSON number';

const DECIMAL_INPUT = z.union([z.string().max(48).meta({ examples: ['1.2345'] }), z.number()], { error: ({ input }) => (input === undefined ? 'is required' : NOT_DECIMAL) })
  .meta({ id: 'DecimalInput', description: 'at most 20 digits before and 18 behind the point; as a number only when no digit is lost' });

/**
 * An exact decimal: a string, or a JSON number (whose digits the body parser has already found to survive).
 * Twenty digits before the point and eighteen behind it. Answers a plain decimal string.
 */
export function decimal(limits: { min?: string; max?: string; above?: string } = {}) {
  const bounds = [
    limits.above !== undefined && `above ${limits.above}`,
    limits.min !== undefined && `at least ${limits.min}`,
    limits.max !== undefined && `at most ${limits.max}`,
  ].filter(Boolean).join(' and ');
  const onlyAboveZero = limits.max === undefined && (limits.above === '0' || limits.min === '0') && (limits.above === undefined || limits.min === undefined);
  const exact = DECIMAL_INPUT.transform((input, context) => {
    if (onlyAboveZero && typeof input === 'string' && PLAIN.test(input) && !(input === '0' && limits.above !== undefined)) return input;
    const text = typeof input === 'number' ? new Exact(input).toFixed() : input.trim();
    const problem = !DECIMAL.test(text) ? 'must be a decimal number with at most 20 digits before and 18 behind the point'
      : outside(text, limits) ? `must be ${bounds}` : null;
    if (problem) {
      context.addIssue({ code: 'custom', message: problem });
      return z.NEVER;
    }
    return new Exact(text).toFixed();
  });
  return bounds === '' ? exact : exact.describe(bounds);
}

function outside(text: string, { min, max, above }: { min?: string; max?: string; above?: string }): boolean {
  const value = new Exact(text);
  return (min !== undefined && value.lt(min)) || (max !== undefined && value.gt(max)) || (above !== undefined && value.lte(above));
}

const DECIMAL_TEXT = z.string().meta({ id: 'Decimal', description: 'an exact decimal', examples: ['1.2345'] });

/** In answers: an exact decimal as text. */
export const decimalText = () => DECIMAL_TEXT;

export const price = () => decimal({ above: '0' });
export const lotSize = () => decimal({ above: '0', max: '100000000000000' });
export const fraction = () => decimal({ min: '0', max: '1' });
export const money = () => decimal({ min: '-10000000000000000000', max: '10000000000000000000' });

const EPOCH_MAX_MS = 253_402_300_799_000;

const INSTANT = 'must be an RFC 3339 time with a zone, such as 2026-11-20T10:00:00Z, or epoch milliseconds';
const INSTANT_INPUT = z.union([z.iso.datetime({ offset: true, error: INSTANT }), z.number().int().min(0).max(EPOCH_MAX_MS)], { error: INSTANT }).meta({ id: 'InstantInput', description: 'RFC 3339 with a zone, or epoch milliseconds' });

/** March 1973 in milliseconds, the year 5138 in seconds: a number below is a time in seconds that would be read as January 1970. 0 is what clocks say that know nothing. */
const EPOCH_LEAST_MS = 100_000_000_000;

/** Of a text that is a valid time: as answers write it, as most clients do. Reading and writing it anew takes 0.8 µs. */
const isPlainInstant = (text: string) => text.length === 24 && text.endsWith('Z') && text >= '1970' && text < '9999';

/** RFC 3339 with a zone, or epoch milliseconds. Answers RFC 3339 text in UTC, to the millisecond. */
export function instant() {
  return INSTANT_INPUT.transform((input, context) => {
    if (typeof input === 'string' && isPlainInstant(input)) return input;
    if (typeof input === 'number' && input !== 0 && input < EPOCH_LEAST_MS) {
      context.addIssue({ code: 'custom', message: `must be epoch milliseconds, at least ${EPOCH_LEAST_MS}: this looks like seconds` });
      return z.NEVER;
    }
    const time = new Date(input);
    if (Number.isNaN(time.getTime()) || time.getTime() < 0 || time.getTime() > EPOCH_MAX_MS) {
      context.addIssue({ code: 'custom', message: 'must be a time from 1970 to 9999' });
      return z.NEVER;
    }
    return time.toISOString();
  });
}

/** Longest lead of a client's clock. More is usually broker time sent as UTC. */
const CLOCK_LEAD_MS = 120_000;

/** An instant that has happened: at most 120 s ahead of the server. */
export function pastInstant() {
  return instant().refine((time) => Date.parse(time) <= Date.now() + CLOCK_LEAD_MS, {
    error: 'lies more than 120 s ahead of the server (TIME_IN_FUTURE): is it broker time sent as UTC?',
  });
}

export const text = (max: number) => z.string().trim().min(1).max(max);

/**
 * What people call something: one line. Control characters would reach terminals through the command line, and
 * characters that turn the direction of writing show one name as another.
 */
export const name = (max: number) => text(max).regex(/^[^\p{Cc}\u2028-\u202e\u2066-\u2069]*$/u, { error: 'must be one line without control characters' });

/** What a symbol may be made of: a broker's braces, blanks and quotes are left-overs of a template or of a command. */
export const SYMBOL_FORM = /^[A-Za-z0-9._\-/=^#&!+:]{1,64}$/;

/** As its sender writes it: `EURUSD`, `EURUSD.m`, `M&M`, `ES1!`, `BTC/USDT:USDT`. */
export const symbol = () => z.string().trim().regex(SYMBOL_FORM, { error: 'must be 1 to 64 letters, digits or ._-/=^#&!+:' });
export const uuid = () => z.uuid({ error: 'must be a UUID' }).transform((id) => id.toLowerCase());

const JSON_BYTES_MAX = 65_536;

/** A free JSON object, as it came. */
export function jsonObject(maxBytes = JSON_BYTES_MAX) {
  return z.record(z.string(), z.unknown()).refine((value) => Buffer.byteLength(JSON.stringify(value)) <= maxBytes, {
    error: `must be at most ${maxBytes} bytes of JSON`,
  });
}

export const idParam = () => z.strictObject({ id: uuid() });
