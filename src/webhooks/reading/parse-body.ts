import type { Mapping } from '../mapping/declared-mapping.js';
import { isObject } from '../mapping/said.js';
import { readLenientJson, type Told } from './lenient-json.js';
import { looksLikePairs, readPairs, separatorOf } from './pairs.js';
import { checkText, NOT_READABLE, notReadable, ReadingFault } from './reading-fault.js';

export interface ParsedBody {
  payload: Record<string, unknown>;
  /** Values at the watched paths. */
  told: Told[];
  /** How they stand in the text; `inside`: within encoded JSON, where their places are unknown. */
  spelled: 'json' | 'pairs' | 'inside';
}

/** JSON in JSON in JSON is nobody's alert. */
const ENCODED_TIMES_MAX = 2;

/**
 * What a body says, in the first way that gives an object: as JSON; without its outer quotes; as pairs; from the first brace to the last.
 * JSON that is itself a text is read once more. Linear in the length of the text.
 * @throws {ReadingFault}
 */
export function parseBody(text: string, isForm: boolean, mapping: Mapping, watched: ReadonlySet<string>, encodedTimes = 0): ParsedBody {
  checkText(text);
  const from = text.length - text.trimStart().length;
  const to = text.trimEnd().length;
  if (from >= to) throw notReadable();
  const format = (typeof mapping === 'string' ? null : mapping.format) ?? 'auto';
  const faults: ReadingFault[] = [];

  const json = (begin: number, end: number): ParsedBody | null => {
    const read = attempt(() => readLenientJson(text, begin, end, watched));
    if (read === null) return null;
    const { value, told } = read;
    if (isObject(value)) return { payload: value, told, spelled: 'json' };
    // Whole and well, but a list: a part of it is not what was sent.
    if (typeof value !== 'string') throw new ReadingFault('BODY_NOT_OBJECT', 'The body is JSON, but not an object.');
    // Without quotes it is no JSON text, but the beginning of something else.
    if (text[begin] !== '"' && text[begin] !== "'") return null;
    return encodedTimes < ENCODED_TIMES_MAX ? attempt(() => ({ ...parseBody(value, isForm, mapping, watched, encodedTimes + 1), spelled: 'inside' as const })) : null;
  };
  const pairs = (): ParsedBody | null => {
    if (!looksLikePairs(text, from)) return null;
    const kind = format === 'form' || (format === 'auto' && isForm) ? 'form' : format === 'lines' ? 'lines' : separatorOf(text, mapping === 'octobot');
    const read = attempt(() => readPairs(text, from, to, kind, watched));
    return read && { payload: read.value, told: read.told, spelled: 'pairs' };
  };
  function attempt<T>(step: () => T): T | null {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof ReadingFault)) throw error;
      faults.push(error);
      return null;
    }
  }

  const takesJson = format === 'auto' || format === 'json';
  const [open, close] = [text.indexOf('{'), text.lastIndexOf('}') + 1];
  const parsed = (takesJson ? json(from, to) : null)
    ?? (takesJson && isQuoted(text, from, to) ? json(from + 1, to - 1) : null)
    ?? (format !== 'json' ? pairs() : null)
    ?? (takesJson && open >= 0 && close > open && (open > from || close < to) ? json(open, close) : null);
  if (parsed === null) throw faults.find(({ code }) => code !== NOT_READABLE) ?? notReadable();
  return parsed;
}

const isQuoted = (text: string, from: number, to: number) => to - from > 2 && text[from] === text[to - 1] && (text[from] === '"' || text[from] === "'");
