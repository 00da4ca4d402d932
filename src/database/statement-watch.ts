import type pg from 'pg';
import { currentWork, type Work } from '../common/work.js';
import { WatchedClient } from './client.js';

/** A statement of the pool that has begun. */
export interface RunningStatement {
  /** As it was sent: values stand beside it. */
  readonly text: string;
  /** By `performance.now()`. */
  readonly since: number;
  /** Whose it is; of a merged statement, of the first who waits for it. Undefined: of nothing that was asked or recurs. */
  readonly work: Work | undefined;
  /** Of the server's process; null behind a pooler that does not say. */
  readonly pid: number | null;
}

/** What runs on the connections of one pool, at 0.3 µs a statement: who looks for slow ones finds them here. */
export class StatementWatch {
  private readonly statements = new Set<RunningStatement>();
  private readonly last = new Map<number, Work>();
  private heard: (statement: RunningStatement, ms: number) => void = () => undefined;

  get running(): ReadonlySet<RunningStatement> {
    return this.statements;
  }

  /** After each statement, well or not, whatever it took. */
  onEnd(hear: (statement: RunningStatement, ms: number) => void): void {
    this.heard = hear;
  }

  begin(text: string, pid: number | null): RunningStatement {
    const statement = { text, since: performance.now(), work: currentWork(), pid };
    this.statements.add(statement);
    if (pid !== null && statement.work) this.last.set(pid, statement.work);
    return statement;
  }

  /** For whom a connection was used last: while it is in a transaction, whose that is. */
  lastOf(pid: number): Work | undefined {
    return this.last.get(pid);
  }

  forget(pid: number | null): void {
    if (pid !== null) this.last.delete(pid);
  }

  end(statement: RunningStatement): void {
    if (this.statements.delete(statement)) this.heard(statement, performance.now() - statement.since);
  }
}

/** The pool's client, which says of each statement when it begins and ends. What is streamed (COPY) is not watched. */
export function clientWatchedBy(watch: StatementWatch): typeof WatchedClient {
  const pidOf = (client: WatchedClient): number | null => (client as unknown as { processID?: number | null }).processID ?? null;
  return class extends WatchedClient {
    constructor(config?: string | pg.ClientConfig) {
      super(config);
      this.once('end', () => watch.forget(pidOf(this)));
    }

    protected override watched(query: (...args: unknown[]) => unknown, args: unknown[]): unknown {
      const [asked] = args as [string | { text?: string; submit?: unknown } | undefined];
      const text = typeof asked === 'string' ? asked : asked?.text;
      if (text === undefined || (typeof asked === 'object' && asked.submit !== undefined)) return super.watched(query, args);
      const statement = watch.begin(text, pidOf(this));
      const end = () => watch.end(statement);
      const callback = args.at(-1);
      if (typeof callback === 'function') {
        args[args.length - 1] = (...answer: unknown[]) => {
          end();
          (callback as (...each: unknown[]) => void)(...answer);
        };
        return super.watched(query, args);
      }
      const result = super.watched(query, args);
      if (result instanceof Promise) result.then(end, end);
      else end();
      return result;
    }
  };
}

/** One line, without what stands between quotes: the code's own texts hold no secrets, and what somebody adds must not either. */
export const shownStatement = (text: string, most = 300): string => {
  const line = text.replace(/\$(\w*)\$[^]*?\$\1\$/g, '$…$').replace(/'(?:[^']|'')*'/g, `'…'`).replace(/\s+/g, ' ').trim();
  return line.length > most ? `${line.slice(0, most)}…` : line;
};

