import { canonicalJson } from '../../common/canonical-json.js';
import { checkKey, checkText, notReadable, ReadingFault } from './reading-fault.js';

/** Where a value stands that was asked for by its path. */
export interface Told {
  /** As it was spelled. */
  path: string;
  value: unknown;
  /** Of the text, `to` behind the last character. */
  from: number;
  to: number;
}

export interface Read {
  value: unknown;
  told: Told[];
}

const DEPTH_MAX = 32;
const BARE_WORD_MAX = 256;
const SPACE = /\s*/y;
const [BLANK, NINE, DELETE] = [0x20, 0x39, 0x7f];
const GROUPED_NUMBER = /[+-]?\d{1,3}(?:,\d{2,3})+(?:\.\d+)?(?=[\s,}])/y;
const BARE_WORD_END = /[\s,}\]"']/g;
const ESCAPED: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/**
 * JSON as alerts carry it, in one pass over the text: every JSON is read, and also a comma before a closing bracket, thousands
 * separators in numbers of an object, words and placeholders without quotes, and line breaks inside quotes. Numbers become the text
 * they were sent as, so that no digit is lost.
 * @param watched paths in small letters (`meta.secret`) whose values are to be told, also those that a later one of the same name hides
 * @throws {ReadingFault}
 */
export function readLenientJson(text: string, from: number, to: number, watched: ReadonlySet<string>): Read {
  const told: Told[] = [];
  const longest = Math.max(0, ...[...watched].map((path) => path.length));
  let at = from;

  // The length first: a long name around 20,000 values, put into small letters for each of them, took ten seconds.
  const isWatched = (path: string) => path.length <= longest && watched.has(path.toLowerCase());
  const space = () => {
    // Most have none.
    if (text.charCodeAt(at) > BLANK && text.charCodeAt(at) < DELETE) return;
    SPACE.lastIndex = at;
    SPACE.test(text);
    at = Math.min(SPACE.lastIndex, to);
  };
  const next = () => (at < to ? text[at] : undefined);
  const take = (wanted: string) => {
    space();
    if (next() !== wanted) throw notReadable();
    at += 1;
  };

  function value(path: string, depth: number, inObject: boolean): unknown {
    space();
    const begin = at;
    const first = next();
    const read = first === '{' && text[at + 1] !== '{' ? object(path, depth) : first === '[' ? list(path, depth) : first === '"' || first === "'" ? quoted(first) : bare(inObject);
    if (isWatched(path)) told.push({ path, value: read, from: begin, to: at });
    return read;
  }

  function object(path: string, depth: number): Record<string, unknown> {
    enter(depth);
    const members: Record<string, unknown> = {};
    for (;;) {
      space();
      const quote = next();
      if (quote === '}') break;
      if (quote !== '"' && quote !== "'") throw notReadable();
      const key = quoted(quote);
      checkKey(key);
      take(':');
      const place = path ? `${path}.${key}` : key;
      const member = value(place, depth + 1, true);
      // A hidden secret is told as well, and masked it would be no other value any more.
      if (Object.hasOwn(members, key) && !isWatched(place) && canonicalJson(members[key]) !== canonicalJson(member)) throw fieldTwice(place);
      members[key] = member;
      space();
      if (next() === '}') break;
      take(',');
    }
    at += 1;
    return members;
  }

  function list(path: string, depth: number): unknown[] {
    enter(depth);
    const entries: unknown[] = [];
    for (;;) {
      space();
      if (next() === ']') break;
      entries.push(value(`${path}.${entries.length}`, depth + 1, false));
      space();
      if (next() === ']') break;
      take(',');
    }
    at += 1;
    return entries;
  }

  function enter(depth: number): void {
    if (depth >= DEPTH_MAX) throw new ReadingFault('BODY_TOO_DEEP', `The body is nested deeper than ${DEPTH_MAX} levels.`);
    at += 1;
  }

  function quoted(quote: string): string {
    at += 1;
    const begin = at;
    const end = text.indexOf(quote, begin);
    if (end < 0 || end >= to) throw notReadable();
    const simple = text.slice(begin, end);
    at = end + 1;
    if (!simple.includes('\\')) return simple;
    for (at = begin; at < to && text[at] !== quote; at += 1) if (text[at] === '\\') at += 1;
    if (at >= to) throw notReadable();
    const raw = text.slice(begin, at);
    at += 1;
    const plain = raw.replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g, (_all, code: string | undefined, letter: string) => {
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
      if (letter === 'u') throw notReadable();
      return ESCAPED[letter] ?? letter;
    });
    checkText(plain);
    return plain;
  }

  function bare(inObject: boolean): unknown {
    if (inObject && text.charCodeAt(at) <= NINE) {
      GROUPED_NUMBER.lastIndex = at;
      const [grouped] = GROUPED_NUMBER.exec(text) ?? [];
      if (grouped !== undefined && at + grouped.length <= to) {
        at += grouped.length;
        return grouped;
      }
    }
    const begin = at;
    if (text.startsWith('{{', at)) {
      const end = text.indexOf('}}', at);
      if (end < 0 || end + 2 > to) throw notReadable();
      at = end + 2;
    }
    BARE_WORD_END.lastIndex = at;
    at = Math.min(BARE_WORD_END.exec(text)?.index ?? to, to);
    const word = text.slice(begin, at);
    if (word === '' || word.length > BARE_WORD_MAX) throw notReadable();
    return word === 'true' ? true : word === 'false' ? false : word === 'null' ? null : word;
  }

  const read = value('', 0, false);
  space();
  if (at !== to) throw notReadable();
  return { value: read, told };
}

export const fieldTwice = (place: string) => new ReadingFault('FIELD_TWICE', `${place.slice(0, 100).toWellFormed()} is said twice, and not the same.`);
