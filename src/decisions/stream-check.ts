import { checkRow } from './check-row.js';
import type { DecisionRow, HeadRow } from './decision.js';
import { headSeal, type SealKeys } from './seal.js';

export const PROBLEMS = {
  SEAL: 'the text or the hash of the row was changed, or it was not written by this server',
  COLUMN: 'a column says something else than the sealed text',
  MISSING: 'rows are missing',
  EXTRA: 'a row stands where none can: it was inserted, repeated or moved',
  LINK: 'the row does not continue the one before it',
  KEY_CHANGED: 'the row says another key than the one it was sealed under',
  ARCHIVE: 'an archive file is not there, or is not the one that was written',
  KEY_UNKNOWN: 'sealed under a key that this server does not have, so not checked: name it in AUDIT_KEYS_FORMER',
  HEAD_MISSING: 'the stream has rows and no head',
  HEAD_SEAL: 'the head was changed',
  HEAD_BEHIND: 'the head was set back: there are rows after it',
  HEAD_DIFFERS: 'the head names another last row',
  HEAD_WAS_CHANGED: 'the row was appended to a head that had been changed',
  STREAMS: 'whole streams are missing, or the count of them was changed',
  NOT_AS_LOGGED: 'the stream is not the one whose head was logged',
} as const;
export type ProblemCode = keyof typeof PROBLEMS;

export interface Finding {
  stream: string;
  /** In the stream; null when it concerns no row. */
  number: number | null;
  id: string | null;
  at: string | null;
  problem: ProblemCode;
  detail: string;
}

/** How far a stream has been looked through, and what the next row must continue. */
export interface Place {
  seq: number;
  number: number;
  /** Null: not known, because that row was changed; it has been named. */
  hash: string | null;
  key: string | null;
}

export const START: Place = { seq: 0, number: 0, hash: null, key: null };

/** Looks through one stream, row by row, in constant memory. */
export class StreamCheck {
  /** Rows that could not be checked, for want of their key or of their archive. */
  unchecked = 0;
  private lostFile: string | null = null;

  constructor(
    private readonly keys: SealKeys,
    private readonly stream: string,
    public place: Place,
  ) {}

  /** @param row the next one by `seq` */
  row(row: DecisionRow): Finding[] {
    const found: Finding[] = [];
    const say = (problem: ProblemCode, more = '', of: Pick<Finding, 'number' | 'id' | 'at'> = row) => found.push(this.finding(problem, more, of));
    const { seal, text, changed } = checkRow(this.keys, row);
    const { number, hash, key } = this.place;
    if (seal === 'broken') say('SEAL');
    if (seal === 'unread') {
      this.unchecked += 1;
      const { file } = row.archive ?? { file: '' };
      if (file !== this.lostFile) say('ARCHIVE', file);
      this.lostFile = file;
    }
    if (changed.length > 0) say('COLUMN', changed.join(', '));
    if (seal === 'unknown_key') {
      this.unchecked += 1;
      // Once for a run of rows: after a change of keys it is a million of them.
      if (key !== row.key_id) say('KEY_UNKNOWN', `key ${row.key_id}`);
    }
    if (row.number > number + 1) say('MISSING', upTo(number + 1, row.number - 1), { number: number + 1, id: null, at: null });
    else if (row.number <= number) say('EXTRA');
    else if (seal === 'intact' && text !== null) {
      if (number === 0 ? text.previous !== null : hash !== null && text.previous !== hash) say('LINK');
      if (number > 0 && text.previousKey !== key) say('KEY_CHANGED', '', { number, id: null, at: null });
    }
    if (seal === 'intact' && text?.head === 'broken') say('HEAD_WAS_CHANGED');
    if (row.number > number) this.place = { seq: row.seq, number: row.number, hash: seal === 'broken' ? null : row.hash, key: row.key_id };
    else this.place = { ...this.place, seq: row.seq };
    return found;
  }

  /** @param head as it stood when the last row was read */
  end(head: HeadRow | null): Finding[] {
    const { number, hash } = this.place;
    const found: Finding[] = [];
    const say = (problem: ProblemCode, more = '', at: number | null = null) => found.push(this.finding(problem, more, { number: at, id: null, at: null }));
    if (head === null) {
      if (number > 0) say('HEAD_MISSING');
      return found;
    }
    const seal = headSeal(this.keys, head);
    if (seal === 'broken') say('HEAD_SEAL');
    if (seal === 'intact' && number > 0 && head.count === number && head.key_id !== this.place.key) say('KEY_CHANGED', '', number);
    if (seal === 'unknown_key' && head.key_id !== this.place.key) say('KEY_UNKNOWN', `the head, key ${head.key_id}`);
    if (head.count > number) say('MISSING', upTo(number + 1, head.count), number + 1);
    else if (head.count < number) say('HEAD_BEHIND', `it says ${head.count} of ${number}`, head.count + 1);
    else if (number > 0 && hash !== null && head.head !== hash) say('HEAD_DIFFERS', '', number);
    return found;
  }

  private finding(problem: ProblemCode, more: string, { number, id, at }: Pick<Finding, 'number' | 'id' | 'at'>): Finding {
    return { stream: this.stream, number, id, at, problem, detail: more === '' ? PROBLEMS[problem] : `${PROBLEMS[problem]} (${more})` };
  }
}

const upTo = (first: number, last: number) => (first === last ? `number ${first}` : `numbers ${first} to ${last}`);
