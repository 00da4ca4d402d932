import { scopeText } from '../halts/halted.js';
import type { HaltInForce } from '../kill-switch/halts-shown.repository.js';
import { holdBook, wordOf } from './book-shown.js';
import { type Book, type Overview, type Word, WORDS } from './overview.schemas.js';

const REASONS_MOST = 20;

type Light = Overview['light'];

/**
 * One word for all: what holds everything, or the mildest of what holds each book where all are held. Under it stands what
 * holds anything at all. Where trading is turned off in the limits, or held by the system itself, it is never TRADING: a new server says that nobody may open.
 * @param held why nobody may open, beside halts
 */
export function lightOf(halts: readonly HaltInForce[], books: readonly Pick<Book, 'id' | 'mode' | 'word'>[], held: readonly string[]): Light {
  const everything = halts.filter(({ scope_type, execution_mode }) => scope_type === 'global' && execution_mode === null);
  const global = wordOf(everything, held.length === 0);
  const mildest = books.reduce<Word>((word, book) => (WORDS.indexOf(book.word) < WORDS.indexOf(word) ? book.word : word), books.length === 0 ? 'TRADING' : 'HALTED');
  const word = WORDS.indexOf(global) >= WORDS.indexOf(mildest) ? global : mildest;
  const reasons = halts.slice(0, REASONS_MOST).map(reasonOf);
  if (halts.length > REASONS_MOST) reasons.push(`and ${halts.length - REASONS_MOST} more`);
  reasons.push(...held);
  return { word, reasons, since: word === 'TRADING' ? null : sinceOf(word, halts, everything, books) };
}

/** Since when it is so: of everything at once, since the first of such halts; of books one by one, since the last of them was. */
function sinceOf(word: Word, halts: readonly HaltInForce[], everything: readonly HaltInForce[], books: readonly Pick<Book, 'id' | 'mode'>[]): string | null {
  const first = (of: readonly HaltInForce[]) => of.filter((halt) => WORDS.indexOf(wordOf([halt])) >= WORDS.indexOf(word)).map(({ imposed_at }) => imposed_at).sort((one, other) => Date.parse(one) - Date.parse(other))[0];
  const ofAll = first(everything);
  const ofEach = books.flatMap(({ id, mode }) => first(halts.filter((halt) => holdBook(halt, id, mode))) ?? []).sort((one, other) => Date.parse(one) - Date.parse(other)).at(-1);
  if (ofAll === undefined || (ofEach !== undefined && Date.parse(ofEach) < Date.parse(ofAll))) return ofEach ?? null;
  return ofAll;
}

const DOES = { reduce: 'opens nothing', halt: 'is halted', flatten: 'is being flattened' };

function reasonOf({ scope_type, scope_id, name, execution_mode, mode, reason, breaker, imposed_by: by }: HaltInForce): string {
  const what = name !== null && scope_type !== 'symbol' ? `${scope_type} ${name}` : scopeText({ scope_type, scope_id });
  return `${what}${execution_mode === null ? '' : ` in ${execution_mode}`} ${DOES[mode]}, by ${breaker === null ? by : `the circuit breaker ${breaker}`}: ${reason}`;
}

export const toHaltShown = (row: HaltInForce): Overview['halts'][number] => ({
  id: row.id, scope: { type: row.scope_type, id: row.scope_id, name: row.name }, executionMode: row.execution_mode, mode: row.mode, reason: row.reason, source: row.source, breaker: row.breaker,
  since: row.imposed_at, by: row.imposed_by, effectiveAt: row.effective_at, observed: { agents: row.in_scope, seen: row.observed }, endsBy: endsBy(row), expiresAt: row.expires_at,
});

function endsBy({ source, breaker, expires_at, release_requested_at }: HaltInForce): string {
  if (source === 'restore') return 'releasing it, once what brokers show was compared with what came out of the backup';
  if (source === 'retirement') return '"tradewarden unretire" at the command line, once the other system has stopped';
  if (breaker !== null) return `resetting the circuit breaker ${breaker}, by its own rule or by hand`;
  const person = release_requested_at === null ? 'an administrator releasing it' : 'a second administrator releasing it';
  return expires_at === null ? person : `itself at ${new Date(expires_at).toISOString()}, or ${person}`;
}
