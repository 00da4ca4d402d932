import { JsonNumber } from '../source/cell.js';
import { isPlain, plainDecimal } from './plain-decimal.js';

/**
 * The text that PostgreSQL gives for a jsonb: names by their length in bytes and then by their bytes, the last of two that
 * are the same, numbers written out with the zeros they came with. Made here, so that the other side's text need not be sent.
 */
export function jsonbText(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'boolean') return String(value);
  if (value instanceof JsonNumber) return jsonbNumber(value.text);
  if (typeof value === 'number' || typeof value === 'bigint') return jsonbNumber(String(value));
  if (Array.isArray(value)) return `[${value.map(jsonbText).join(', ')}]`;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  if (entries.length > 1) entries.sort(byName);
  return `{${entries.map(([name, inner]) => `${quoted(name)}: ${jsonbText(inner)}`).join(', ')}}`;
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length - right.length || left.compare(right);
}

const ESCAPED = /["\\\p{Cc}]/gu;
const ESCAPES: Record<string, string> = { '"': '\\"', '\\': '\\\\', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const quoted = (text: string) => `"${text.replace(ESCAPED, (sign) => ESCAPES[sign] ?? (sign < ' ' ? `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}` : sign))}"`;

/** A number of JSON as numeric shows it: `1.50` stays, `1.5e3` is 1500, `1e-3` is 0.001, and there is no -0. */
function jsonbNumber(text: string): string {
  if (isPlain(text)) return text;
  return plainDecimal(text, true);
}
