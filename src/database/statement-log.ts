import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Metrics } from '../common/metrics.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { askAside } from './aside.js';
import { DatabaseService } from './database.service.js';
import { type Blocker, blockersOf } from './lock-waits.js';
import { POOL, type PooledOptions } from './options.js';
import { type RunningStatement, shownStatement } from './statement-watch.js';

const LOOK_EVERY_MS = 1_000;
/** The writer role gives up on a lock after 5 s: a look once a minute would see none. */
const WAITS_MS = 1_000;
const LINES_A_MINUTE = 30;

/**
 * Says which statements of this instance took long, and which wait for a lock, with who asked for them and who is in the
 * way. Values of statements are never said. Nothing is asked of the database while no statement takes a second.
 */
@Injectable()
export class StatementLog implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly log = new Logger('Statements');
  private readonly told = new WeakSet<RunningStatement>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | null = null;
  private slow = 0;
  private waits = 0;
  private minute = { began: -Infinity, lines: 0, left: 0 };

  constructor(
    @Inject(ENV) private readonly env: Pick<Env, 'SLOW_STATEMENT_MS'>,
    @Inject(POOL) private readonly pool: PooledOptions,
    private readonly database: DatabaseService,
    metrics: Metrics,
  ) {
    this.pool.statements.onEnd((statement, ms) => this.ended(statement, ms));
    metrics.counter('tradewarden_db_slow_statements_total', 'Statements of this instance that took SLOW_STATEMENT_MS or longer; each is in the log, with who asked for it.', () => (this.env.SLOW_STATEMENT_MS === 0 ? null : this.slow));
    metrics.counter('tradewarden_db_lock_waits_total', 'Statements of this instance that were seen waiting for a lock for a second or longer; each is in the log, with who holds it.', () => this.waits);
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
  }

  private ended(statement: RunningStatement, ms: number): void {
    if (this.env.SLOW_STATEMENT_MS === 0 || ms < this.env.SLOW_STATEMENT_MS) return;
    this.slow += 1;
    this.say({ ...of(statement), ms: Math.round(ms) }, 'slow statement');
  }

  /** Never fails: what cannot be seen now is seen a second later, or by the statement's own end. */
  look(): Promise<void> {
    return (this.looking ??= this.lookOnce().catch(() => undefined).finally(() => (this.looking = null)));
  }

  private async lookOnce(): Promise<void> {
    const { url } = this.database;
    const now = performance.now();
    const long = [...this.pool.statements.running].filter((each) => each.pid !== null && now - each.since >= WAITS_MS && !this.told.has(each));
    // A database that hangs is asked once, by the probe that all share.
    if (url === undefined || long.length === 0 || (await this.database.isAway())) return;
    const blockers = await askAside(url, 'tradewarden-locks', (client) => blockersOf(client, long.map(({ pid }) => pid ?? 0)));
    for (const statement of long) {
      const inTheWay = blockers.filter(({ waiter }) => waiter === statement.pid);
      // One that has ended meanwhile may have left its place to another.
      if (inTheWay.length === 0 || !this.pool.statements.running.has(statement)) continue;
      this.told.add(statement);
      this.waits += 1;
      this.say({ ...of(statement), waitsSeconds: inTheWay[0]?.waitsSeconds ?? null, lock: inTheWay[0]?.lock ?? null, behind: inTheWay.map((each) => this.shown(each)) }, 'waits for a lock');
    }
  }

  /** Of this instance's own connections it is known what they do; of others, what the database says to anybody. */
  private shown({ pid, application, user, state, transactionSeconds }: Blocker): object {
    const work = pid === null ? undefined : this.pool.statements.lastOf(pid);
    return { pid, application, user, state, transactionSeconds, ...(work ? { caller: work.caller, correlationId: work.correlationId } : {}) };
  }

  /** A database that is slow makes every statement slow: the first of a minute tell as much as all of them. */
  private say(line: object, message: string): void {
    const now = performance.now();
    if (now - this.minute.began > 60_000) {
      if (this.minute.left > 0) this.log.warn(`${this.minute.left} more lines about slow or waiting statements were left out in the minute before`);
      this.minute = { began: now, lines: 0, left: 0 };
    }
    if (this.minute.lines >= LINES_A_MINUTE) this.minute.left += 1;
    else {
      this.minute.lines += 1;
      this.log.warn(line, message);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }
}

const of = ({ text, work }: RunningStatement) => ({ statement: shownStatement(text), caller: work?.caller ?? 'the server itself', correlationId: work?.correlationId ?? null });
