import { createHash } from 'node:crypto';
import { canonicalJson } from '../../common/canonical-json.js';
import { symbolKey } from '../../instruments/canonical-symbol.js';
import type { AlertFields } from '../mapping/alert-fields.js';
import { decimalOf } from '../mapping/numbers.js';
import { isUnresolved, type Said } from '../mapping/said.js';
import { symbolSaid } from '../mapping/symbols.js';
import { instantOf, isoOf } from '../mapping/times.js';
import { MASK } from './mask.js';
import type { AlertKey } from './read-alert.js';

/** Fewer digits hold no time and no number of their own: `{{ticker}}` alone, once filled in, would be the id of every alert to come. */
const DIGITS_OF_AN_ID_MIN = 8;
const ID_MAX = 512;
/** What is neither a number nor a time is not tried as one: it takes most of the reading. */
const LIKE_A_NUMBER = /^[+-]?[.\d]/;

export function keyOf(payload: Record<string, unknown>, fields: AlertFields, symbol: string): AlertKey {
  const { alertId, orderId } = fields;
  if (typeof alertId === 'string' && isOwnId(alertId)) return { kind: 'explicit', expires: false, text: hash('explicit', alertId) };
  const barTime = typeof fields.barTime === 'string' ? instantOf(fields.barTime) : null;
  if (typeof orderId === 'string' && !isUnresolved(orderId) && barTime !== null && symbol !== '') {
    const side = [upper(fields.side), upper(fields.action)];
    return { kind: 'bar', expires: false, text: hash('bar', canonicalJson([same(fields.user), symbol, same(fields.strategyKey ?? fields.strategy), side, orderId, same(fields.tag), barTime])) };
  }
  return { kind: 'content', expires: barTime === null, text: hash('content', canonicalJson([symbol, canonical(payload)])) };
}

export const keyOfBytes = (bytes: Buffer): AlertKey => ({ kind: 'bytes', expires: true, text: createHash('sha256').update('bytes\n').update(bytes).digest('hex') });

/** The stream in which alerts of a source keep their order; empty: it cannot be told. */
export function streamOf(fields: AlertFields): string {
  if (isUnresolved(fields.symbol) || isUnresolved(fields.exchange)) return '';
  try {
    return symbolKey(symbolSaid(fields).canonical);
  } catch {
    return '';
  }
}

const isOwnId = (id: string): boolean => !isUnresolved(id) && id.length <= ID_MAX && (id.match(/\d/g)?.length ?? 0) >= DIGITS_OF_AN_ID_MIN;

const hash = (kind: AlertKey['kind'], text: string): string => createHash('sha256').update(`${kind}\n${text}`).digest('hex');

const upper = (said: Said): string | null => (typeof said === 'string' ? said.toUpperCase() : null);
const same = (said: Said): string | null => (typeof said === 'string' ? said : null);

/** The same for every spelling of a number, a time or a word. What is empty was not said. */
function canonical(value: unknown): unknown {
  if (typeof value === 'string') {
    const text = value.trim();
    return (LIKE_A_NUMBER.test(text) ? decimalOf(text) ?? isoOf(text) : null) ?? text.toUpperCase();
  }
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, canonical(inner)]).filter(([, inner]) => inner !== null && inner !== '' && inner !== MASK));
}
