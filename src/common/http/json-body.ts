import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { badRequest, Problem } from '../problem.js';

/** One mebibyte: a batch of 1,000 predictions fits several times. */
export const BODY_LIMIT_BYTES = 1_048_576;
const DEPTH_MAX = 32;
/** Names that reach behind an object when it is copied carelessly. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** A double has at most 17 digits that count; longer spellings cost time for nothing. */
const NUMBER_CHARACTERS_MAX = 64;

/**
 * Only such text can hold a number whose digits a double loses, so only such text is parsed the careful way, which takes
 * 3.6 times as long. Looked for where JSON has numbers alone: nearly every UUID has a digit before an `e`.
 */
const SUSPICIOUS_NUMBER = /(?:^|[[:,\s])-?(?:\d[\d.]{15,}|\d[\d.]*[eE])/;

/** Stands where a number lost digits until the place is known: a reviver is told the last key only, and `price` alone does not say of which item. */
class InexactNumber {
  constructor(readonly message: string) {}
}
const INEXACT = new InexactNumber('This number has more digits than JSON numbers keep: send it as a string.');
/** Of counts and versions, which are numbers everywhere: to say "as a string" alone would send their client round in circles. */
const TOO_LARGE = new InexactNumber(`Whole numbers in JSON go to ${Number.MAX_SAFE_INTEGER}: send less, or a string where one is taken.`);
const WHOLE_NUMBER = /^-?\d{1,20}$/;

/** The fields of a route's body of which each, or each element of each, is answered for itself: one number must not silence all the rest. */
export interface InParts {
  route: RegExp;
  fields: ReadonlySet<string>;
}

/** Stands in the place of a part that cannot be read, with what its sender knows it by. */
export class UnreadablePart {
  readonly clientRef: unknown;
  readonly commandId: unknown;

  constructor(part: unknown, readonly problem: Problem) {
    const { clientRef, commandId } = (part ?? {}) as Record<string, unknown>;
    [this.clientRef, this.commandId] = [clientRef, commandId].map((name) => (typeof name === 'string' ? name : undefined));
  }
}

/**
 * JSON as the application wants it: no digit lost in a number, no NUL and no broken surrogate (PostgreSQL stores
 * neither), no prototype keys, no nesting beyond 32. Each refusal names the place.
 * @param parts of which one that is refused leaves the others as they are
 */
export function parseJson(text: string, parts: ReadonlySet<string> | null = null): unknown {
  let value: unknown;
  try {
    value = SUSPICIOUS_NUMBER.test(text) ? JSON.parse(text, exactNumber as never) : JSON.parse(text);
  } catch {
    throw badRequest('BODY_NOT_JSON', 'The body is not valid JSON.');
  }
  if (parts === null || value === null || value instanceof InexactNumber || typeof value !== 'object' || Array.isArray(value)) check(value, '', 0);
  else checkParts(value as Record<string, unknown>, parts);
  return value;
}

function checkParts(body: Record<string, unknown>, parts: ReadonlySet<string>): void {
  for (const [key, inner] of Object.entries(body)) {
    checkKey(key, key);
    if (!parts.has(key)) check(inner, key, 1);
    else if (Array.isArray(inner)) body[key] = inner.map((part) => readablePart(part, 2));
    else body[key] = readablePart(inner, 1);
  }
}

function readablePart(part: unknown, depth: number): unknown {
  try {
    check(part, '', depth);
    return part;
  } catch (error) {
    if (error instanceof Problem) return new UnreadablePart(part, error);
    throw error;
  }
}

function exactNumber(this: unknown, _key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || context.source === undefined) return value;
  const isExact = Number.isFinite(value) && context.source.length <= NUMBER_CHARACTERS_MAX && digitsOf(context.source) === digitsOf(String(value));
  return isExact ? value : WHOLE_NUMBER.test(context.source) ? TOO_LARGE : INEXACT;
}

/** Digits and power of ten of a JSON number, so that 1.50e2 and 150 compare equal. */
function digitsOf(source: string): string {
  const [, sign = '', whole = '', part = '', power = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? [];
  const digits = (whole + part).replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  if (!kept) return '0';
  return `${sign}${kept}e${Number(power) - part.length + (digits.length - kept.length)}`;
}

function check(value: unknown, path: string, depth: number): void {
  if (typeof value === 'string') return checkText(value, path);
  if (value instanceof InexactNumber) throw badRequest('NUMBER_NOT_EXACT', value.message, path.slice(0, 200));
  if (value === null || typeof value !== 'object') return;
  if (depth >= DEPTH_MAX) throw badRequest('BODY_TOO_DEEP', `Nested deeper than ${DEPTH_MAX} levels.`, path);
  // Keys and not entries, which make an array for each: half of the time that all of this took.
  for (const key of Object.keys(value)) {
    const place = path ? `${path}.${key}` : key;
    checkKey(key, place);
    check((value as Record<string, unknown>)[key], place, depth + 1);
  }
}

function checkKey(key: string, place: string): void {
  if (FORBIDDEN_KEYS.has(key)) throw badRequest('KEY_NOT_ALLOWED', 'This key is not allowed.', place.slice(0, 200));
  checkText(key, place);
}

function checkText(value: string, path: string): void {
  if (value.includes('\0')) throw badRequest('TEXT_HAS_NUL', 'Text must not contain the NUL character.', path.replaceAll('\0', '').slice(0, 200));
  if (!value.isWellFormed()) throw badRequest('TEXT_NOT_UNICODE', 'Text must be valid Unicode.', path.toWellFormed().slice(0, 200));
}

/** Replaces Fastify's JSON parser, and takes no other content type. An empty body is an empty object: many clients send the header on every POST. */
export function useJsonParser(fastify: FastifyInstance, { route, fields }: InParts): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES }, (request, body, done) => {
    try {
      // Decoding would quietly put replacement characters in place of what is broken.
      if (!isUtf8(body as Buffer)) throw badRequest('BODY_NOT_UTF8', 'The body is not valid UTF-8.');
      done(null, body.length === 0 ? {} : parseJson(body.toString('utf8'), route.test(request.routeOptions.url ?? '') ? fields : null));
    } catch (error) {
      done(error as Error);
    }
  });
}
