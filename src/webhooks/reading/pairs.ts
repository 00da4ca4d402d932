import { fieldTwice, type Read, type Told } from './lenient-json.js';
import { checkKey, checkText, notReadable } from './reading-fault.js';

const KEY = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;
/** As a body of pairs begins: a name and an equals sign. */
const BEGINNING = /\s*[A-Za-z_][A-Za-z0-9_.-]{0,63}[ \t]{0,8}=/y;

export function looksLikePairs(text: string, from: number): boolean {
  BEGINNING.lastIndex = from;
  return BEGINNING.test(text);
}

/** Which of the two a text of pairs is: what separates the first two pairs says it. */
export function separatorOf(text: string, preferLines: boolean): 'form' | 'lines' {
  const [form, lines] = [text.indexOf('&'), text.search(/[;\n\r]|\\n/)];
  if (form < 0) return 'lines';
  if (lines < 0) return 'form';
  return preferLines || lines < form ? 'lines' : 'form';
}

/**
 * `key=value&key=value` (percent signs and plus signs decoded), or `KEY=VALUE` in lines or between semicolons; there, lines without an
 * equals sign are left out.
 * @throws {ReadingFault}
 */
export function readPairs(text: string, from: number, to: number, kind: 'form' | 'lines', watched: ReadonlySet<string>): Read & { value: Record<string, unknown> } {
  const separator = kind === 'form' ? /&/g : /[;\n\r]|\\n/g;
  const value: Record<string, unknown> = {};
  const told: Told[] = [];
  for (let at = from; at < to;) {
    separator.lastIndex = at;
    const found = separator.exec(text);
    const end = found === null ? to : Math.min(found.index, to);
    const equals = text.indexOf('=', at);
    const begin = at;
    at = found === null ? to : end + found[0].length;
    if (equals < 0) break;
    if (equals >= end) continue;
    const key = decoded(text.slice(begin, equals).trim(), kind);
    if (!KEY.test(key)) throw notReadable();
    checkKey(key);
    const raw = text.slice(equals + 1, end);
    const member = decoded(raw.trim(), kind);
    checkText(member);
    const isWatched = watched.has(key.toLowerCase());
    if (isWatched) told.push({ path: key, value: member, from: equals + 1 + (raw.length - raw.trimStart().length), to: equals + 1 + raw.trimEnd().length });
    else if (Object.hasOwn(value, key) && value[key] !== member) throw fieldTwice(key);
    value[key] = member;
  }
  if (Object.keys(value).length === 0) throw notReadable();
  return { value, told };
}

function decoded(text: string, kind: 'form' | 'lines'): string {
  if (kind === 'lines') return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' ')).trim();
  } catch {
    // A lone percent sign: not encoded at all.
    return text;
  }
}
