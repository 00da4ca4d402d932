import { readFileSync } from 'node:fs';

/** As the server sent it (recorded-statements.ts). */
export interface Recorded {
  connection: number;
  name?: string;
  text: string;
  values: unknown[];
}

/** What differs from one request to the next. */
export interface Filling {
  agentId: string;
  accountId: string;
  now: number;
  /** For what the first request made up itself: one for each. */
  fresh: (n: number) => string;
  /** 16 hexadecimal digits. */
  tag: string;
}

type Token = { kind: 'agentId' | 'accountId' | 'tag' } | { kind: 'fresh'; n: number } | { kind: 'time'; laterMs: number };
type Part = string | Token;

/** A statement with the places that are filled anew each time. */
export interface Template {
  name?: string;
  text: string;
  fill(filling: Filling): unknown[];
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const VARIABLE = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9A-F]{16}\b|\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,6}Z/g;

export function readRecorded(file: string): Recorded[] {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line) as Recorded);
}

/**
 * Of what was sent while one request was served: its transaction, from the beginning to the commit.
 * @param mark stands in a statement of that transaction and of no other
 * @throws Error when there is not exactly one: the server did something else besides
 */
export function transactionOf(all: readonly Recorded[], mark: string): Recorded[] {
  const [marked, ...more] = all.filter(({ text }) => text.includes(mark));
  if (!marked || more.length > 0) throw new Error(`"${mark}" was sent ${marked ? more.length + 1 : 0} times`);
  const own = all.filter(({ connection }) => connection === marked.connection);
  const at = own.indexOf(marked);
  const begin = own.findLastIndex(({ text }, i) => i < at && isBegin(text));
  const end = own.findIndex(({ text }, i) => i > at && isCommit(text));
  if (begin < 0 || end < 0) throw new Error(`"${mark}" was sent outside a transaction`);
  return own.slice(begin, end + 1);
}

const isBegin = (text: string) => /^(start transaction|begin)/i.test(text);
const isCommit = (text: string) => /^commit/i.test(text);

/** @param other the same request, recorded again: an id that is not in it was made up for the one */
export function templatesOf(one: readonly Recorded[], other: readonly Recorded[], of: Pick<Filling, 'agentId' | 'accountId' | 'now'>): Template[] {
  const again = new Set(JSON.stringify(other).match(UUID));
  const fresh = [...new Set(JSON.stringify(one).match(UUID))].filter((id) => !again.has(id));
  const token = (found: string): Part => {
    if (found === of.agentId) return { kind: 'agentId' };
    if (found === of.accountId) return { kind: 'accountId' };
    if (fresh.includes(found)) return { kind: 'fresh', n: fresh.indexOf(found) };
    if (/^[0-9A-F]{16}$/.test(found)) return { kind: 'tag' };
    // Only what lies about the request: the times of a day or of a limit are not moved.
    const laterMs = Date.parse(found) - of.now;
    return Math.abs(laterMs) < 60_000 ? { kind: 'time', laterMs } : found;
  };
  const partsOf = (value: string): Part[] => {
    const parts: Part[] = [];
    let from = 0;
    for (const { 0: found, index } of value.matchAll(VARIABLE)) {
      parts.push(value.slice(from, index), token(found));
      from = index + found.length;
    }
    return [...parts, value.slice(from)];
  };
  return one.map(({ name, text, values }) => {
    const filled = values.map(fillerOf);
    return { ...(name === undefined ? {} : { name }), text, fill: (filling) => filled.map((each) => each(filling)) };
  });

  function fillerOf(value: unknown): (filling: Filling) => unknown {
    if (Array.isArray(value)) {
      const each = value.map(fillerOf);
      return (filling) => each.map((filler) => filler(filling));
    }
    if (typeof value !== 'string') return () => value;
    const parts = partsOf(value);
    return parts.every((part) => typeof part === 'string') ? () => value : (filling) => parts.map((part) => (typeof part === 'string' ? part : textOf(part, filling))).join('');
  }
}

function textOf(token: Token, filling: Filling): string {
  if (token.kind === 'fresh') return filling.fresh(token.n);
  if (token.kind === 'time') return new Date(filling.now + token.laterMs).toISOString();
  return filling[token.kind];
}
