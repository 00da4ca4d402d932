import { randomUUID } from 'node:crypto';
import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { conflict, Problem } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { DatabaseService } from '../database/database.service.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { Incidents } from '../incidents/incidents.service.js';
import { DecisionsArchive } from './decisions-archive.js';
import { monthsGone, monthsThinned } from './months.js';
import { daysOf, POLICY, type Policy } from './policy.js';
import { rowsGone } from './rows.js';
import { RunsRepository, type TableResult } from './runs.repository.js';
import { NoLock, type Session, Stopped, withSession } from './session.js';

const DAY_SECONDS = 86_400;
const RENEW_EVERY_MS = 30_000;
/** A table that is in use each time it is tried, for so long, is something to be seen by a person. */
const UNLOCKED_AFTER_HOURS = 36;
const SUBJECT = 'retention';
/** A server that was off for a week keeps what is old for a day more. */
const QUIET_DAYS_MOST = 7;

export interface Ask {
  dryRun?: boolean;
  /** What is taken as now, RFC 3339: not later than it is. */
  asOf?: string;
  /** One table alone. */
  table?: string;
  /** Who asked; the schedule has no name. */
  actor?: string;
  say?: (line: string) => void;
}

export interface RetentionRun {
  asOf: string;
  dryRun: boolean;
  tables: TableResult[];
}

/** Removes what nobody needs any more, once a day, a piece at a time: what a killed run did stays done, and the next one goes on. */
@Injectable()
export class RetentionService implements BeforeApplicationShutdown {
  private readonly log = new Logger('Retention');
  private isStopped = false;

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly dataSource: DataSource,
    private readonly database: DatabaseService,
    private readonly runs: RunsRepository,
    private readonly archive: DecisionsArchive,
    private readonly events: Events,
    private readonly incidents: Incidents,
    schedules: Schedules,
  ) {
    schedules.every(DAY_SECONDS, 'retention.remove-old', () => this.daily());
  }

  beforeApplicationShutdown(): void {
    this.isStopped = true;
  }

  /**
   * @throws {Problem} 400 for a time to come or a table without a policy, 409 RETENTION_RUNNING
   * @throws what stopped a table; the others were done
   */
  async run(ask: Ask = {}): Promise<RetentionRun> {
    const now = await this.runs.clock();
    const asOf = ask.asOf ?? now;
    // Whatever is young by the clock would be old by a later one.
    if (Date.parse(asOf) > Date.parse(now)) throw new Problem(400, 'VALIDATION_FAILED', `asOf: ${asOf} lies in the future: it is ${now}`);
    const tables = tablesOf(ask.table);
    if (ask.dryRun === true) {
      const dry = await this.inSession((session) => this.all(session, tables, asOf, true, ask.say));
      if (dry.failures.length > 0) throw worst(dry.failures);
      return { asOf, dryRun: true, tables: dry.results };
    }
    const id = randomUUID();
    if (!(await inTransaction(this.dataSource, (tx) => this.runs.begin(tx, id, asOf, ask.actor ?? 'system')))) throw conflict('RETENTION_RUNNING', 'Another run is under way.');
    const renewal = setInterval(() => void this.runs.renew(id).catch((error: Error) => this.log.warn(`the lease was not renewed: ${error.message}`)), RENEW_EVERY_MS);
    let results: TableResult[] = [];
    let failures: Error[] = [];
    try {
      ({ results, failures } = await this.inSession((session) => this.all(session, tables, asOf, false, ask.say)));
      if (!this.isStopped && (ask.table === undefined || ask.table === 'decision_history')) failures.push(...(await this.lostArchives(now)));
    } catch (error) {
      failures.push(error as Error);
    } finally {
      clearInterval(renewal);
    }
    await this.end(id, asOf, results, failures, ask.table === undefined);
    if (failures.length > 0) throw worst(failures);
    return { asOf, dryRun: false, tables: results };
  }

  private async daily(): Promise<void> {
    try {
      const days = await this.runs.daysSinceLast();
      if (days !== null && days > QUIET_DAYS_MOST) await this.waitADay(Math.floor(days));
      else await this.run();
    } catch (error) {
      // Somebody at a terminal was first.
      if (!(error instanceof Problem && error.code === 'RETENTION_RUNNING')) throw error;
    }
  }

  /** A clock that jumped ahead makes everything old: a person has a day to see it. */
  private async waitADay(days: number): Promise<void> {
    const [id, now] = [randomUUID(), await this.runs.clock()];
    if (!(await inTransaction(this.dataSource, (tx) => this.runs.begin(tx, id, now, 'system')))) return;
    await this.end(id, now, [], [new Error(`the clock says ${now}, ${days} days after the last run: nothing is removed today. If it is right, tomorrow's run goes on, or "tradewarden retention" at once; if not, set it right`)], true);
  }

  private inSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const hurry = { isBusy: () => this.database.pool().waiting > 0, isStopped: () => this.isStopped };
    return withSession(this.database.unpooledUrl ?? '', hurry, work);
  }

  /** A table that cannot be done holds up no other. */
  private async all(session: Session, tables: readonly string[], asOf: string, dryRun: boolean, say: (line: string) => void = () => undefined) {
    const results: TableResult[] = [];
    const failures: Error[] = [];
    for (const table of tables) {
      const result: TableResult = { table, rows: 0, months: [], thinned: [], held: [], oldest: null };
      results.push(result);
      try {
        await this.one(session, result, asOf, dryRun, results);
      } catch (error) {
        failures.push(error instanceof NoLock || error instanceof Stopped ? error : new Error(`${table}: ${(error as Error).message}`, { cause: error }));
      }
      if (result.rows > 0 || result.held.length > 0) say(`${table}: ${result.rows} rows`);
      // What was done until then is told with the rest.
      if (failures.some((failure) => failure instanceof Stopped)) break;
    }
    return { results, failures };
  }

  private async one(session: Session, result: TableResult, asOf: string, dryRun: boolean, results: readonly TableResult[]): Promise<void> {
    const policy = POLICY[result.table] as Extract<Policy, { keep: 'months' | 'rows' }>;
    const days = daysOf(this.env, policy);
    if (days > 0 && policy.keep === 'rows') await rowsGone(session, result, daysBefore(asOf, days), dryRun);
    if (days > 0 && policy.keep === 'months') await monthsGone(session, result, daysBefore(asOf, days), dryRun, result.table === 'decision_history' ? this.archive : null, results);
    // What goes altogether is not thinned before.
    const full = this.env.RETENTION_MARKS_FULL_DAYS;
    if (full > 0 && result.table === 'trade_marks') await monthsThinned(session, result, daysBefore(asOf, full), dryRun);
  }

  private async lostArchives(now: string): Promise<Error[]> {
    const day = Math.floor(Date.parse(now) / (DAY_SECONDS * 1_000));
    return (await this.archive.faults(day)).map((fault) => new Error(fault));
  }

  /** @param isWhole a run of one table says nothing of the others */
  private async end(id: string, asOf: string, results: TableResult[], failures: readonly Error[], isWhole: boolean): Promise<void> {
    const told = results.filter(({ rows, thinned, held }) => rows > 0 || thinned.length > 0 || held.length > 0);
    const error = failures.length === 0 ? null : failures.map(({ message }) => message).join('; ');
    const isToBeSeen = failures.some((failure) => !(failure instanceof NoLock) && !(failure instanceof Stopped)) || (failures.length > 0 && ((await this.runs.hoursSinceSuccess()) ?? 0) > UNLOCKED_AFTER_HOURS);
    await inTransaction(this.dataSource, async (tx) => {
      await this.runs.finish(tx, id, told, error);
      if (results.some(({ rows, thinned }) => rows > 0 || thinned.length > 0) || error !== null) {
        const tables = Object.fromEntries(told.filter(({ rows }) => rows > 0).map(({ table, rows }) => [table, rows]));
        await this.events.append(tx, null, [{ type: 'retention.finished', subjectId: id, data: { asOf, removed: tables, failed: error !== null } }]);
      }
      if (isToBeSeen && error !== null) {
        await this.incidents.open(tx, null, { kind: 'RETENTION_FAILED', severity: 'warning', subjectId: SUBJECT, agentId: null, summary: `Old records could not be removed or archived: ${error.slice(0, 400)}`, data: { run: id } });
      } else if (error === null && isWhole) await this.incidents.resolve(tx, null, 'RETENTION_FAILED', [SUBJECT], 'A later run ended well.');
    });
  }
}

/** What is removed here, rows before the months that they name. @throws {Problem} 400 */
function tablesOf(only: string | undefined): string[] {
  const all = Object.entries(POLICY).filter(([, { keep }]) => keep === 'rows' || keep === 'months').sort(([, one], [, other]) => (one.keep < other.keep ? 1 : one.keep > other.keep ? -1 : 0)).map(([table]) => table);
  if (only === undefined) return all;
  if (!all.includes(only)) throw new Problem(400, 'VALIDATION_FAILED', `table: nothing is removed of ${only.slice(0, 100)}; one of ${all.join(', ')}`);
  return [only];
}

/** With every digit that the text has, as the database counts days: of 24 hours, in UTC. */
const daysBefore = (asOf: string, days: number): string => new Date(Date.parse(asOf) - days * DAY_SECONDS * 1_000).toISOString();

/** One of them to be thrown; what is more than a lock first. */
function worst(failures: readonly Error[]): Error {
  const all = failures.map(({ message }) => message).join('; ');
  return failures.every((failure) => failure instanceof NoLock) ? new NoLock(all) : new Error(all, { cause: failures[0] });
}
