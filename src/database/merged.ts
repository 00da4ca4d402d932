import { isDatabaseAway, sqlState } from './sql-state.js';
import { Turns } from './turns.js';

export interface MergedOptions<Ask> {
  /**
   * What a request locks or claims. Two of one key never share a statement: SKIP LOCKED does not skip the statement's
   * own rows, and `UPDATE … FROM` keeps one of two.
   */
  keyOf: (ask: Ask) => string;
  /** For reads: requests of one key share one row of the statement, and its answer. */
  sharesAnswers?: boolean;
}

interface Waiting<Ask, Answer> {
  ask: Ask;
  key: string;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

/** Bounds how long a statement runs, and how much one bad row makes run again. */
const ROWS_MOST = 200;
const ROLLED_BACK = new Set(['40001', '40P01']);
const TRIES = 3;

/** Of all kinds of statements: a process has one database. */
const turns = new Turns();

/**
 * Merges requests: those that arrive while a statement is in flight go into the next one, and each is answered after
 * its own row has committed. Nobody waits for company: the first goes at once.
 *
 * Rows are sorted by key, so that statements of different instances lock in one order. A statement that fails because
 * of a row is split until that row stands alone; the others pass. When the database itself is away, all fail: what
 * became of the statement is unknown, so it is not for us to send it again.
 */
export class Merged<Ask, Answer> {
  private waiting: Waiting<Ask, Answer>[] = [];
  private running = false;

  /** @param run one statement; answers in the order of the asks */
  constructor(
    private readonly run: (asks: readonly Ask[]) => Promise<readonly Answer[]>,
    private readonly options: MergedOptions<Ask>,
  ) {}

  do(ask: Ask): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ ask, key: this.options.keyOf(ask), resolve, reject });
      if (this.running) return;
      this.running = true;
      // After the sockets that are readable now were read: what arrived together goes together.
      setImmediate(() => void this.drain());
    });
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      const done = await turns.take(() => this.waiting.length);
      await this.settle(this.next()).finally(done);
    }
    this.running = false;
  }

  /** Rows of the next statement, each with those that share it. */
  private next(): Waiting<Ask, Answer>[][] {
    const rows = new Map<string, Waiting<Ask, Answer>[]>();
    const later: Waiting<Ask, Answer>[] = [];
    for (const each of this.waiting) {
      const row = rows.get(each.key);
      if (row && this.options.sharesAnswers) row.push(each);
      else if (row || rows.size >= ROWS_MOST) later.push(each);
      else rows.set(each.key, [each]);
    }
    this.waiting = later;
    return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  }

  private async settle(rows: Waiting<Ask, Answer>[][], tries = TRIES): Promise<void> {
    try {
      const answers = await this.run(rows.map(([first]) => (first as Waiting<Ask, Answer>).ask));
      if (answers.length !== rows.length) throw new Error(`${rows.length} rows were asked for and ${answers.length} answered`);
      const answer = () => rows.forEach((row, n) => row.forEach(({ resolve }) => resolve(answers[n] as Answer)));
      // First the next statement is sent: making so many HTTP answers takes longer than the database needs to begin.
      if (turns.isAwaited) setImmediate(answer);
      else answer();
    } catch (error) {
      if (ROLLED_BACK.has(sqlState(error) ?? '') && tries > 1) return this.settle(rows, tries - 1);
      if (rows.length === 1 || isDatabaseAway(error)) return rows.forEach((row) => row.forEach(({ reject }) => reject(error)));
      const middle = Math.ceil(rows.length / 2);
      await this.settle(rows.slice(0, middle));
      await this.settle(rows.slice(middle));
    }
  }
}
