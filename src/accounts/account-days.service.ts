import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { badRequest } from '../common/problem.js';
import { Schedules } from '../database/schedules.js';
import { sqlState } from '../database/sql-state.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { type AccountDayFilter, type AccountDayRow, AccountDaysRepository, type Book, EXECUTION_MODES } from './account-days.repository.js';
import { type AccountReport, AccountReportsRepository } from './account-reports.repository.js';
import { AccountsRepository } from './accounts.repository.js';

/** Shorter than the schedules' own look, so that every look finds it due. */
const CLOSE_EVERY_SECONDS = 30;
const BOOKS_AT_ONCE = 200;

/** Told of each report that was counted, when it has been; who reported waits for it. */
export type ReportHook = (report: AccountReport) => Promise<void>;

/**
 * The trading days of each account in each execution mode: a day ends with the first report after its rollover, or when
 * the schedule sees that it is over. Whoever comes first, and however often, the days come out the same.
 */
@Injectable()
export class AccountDaysService {
  private readonly log = new Logger('AccountDays');
  private readonly reportHooks: ReportHook[] = [];

  constructor(
    private readonly dataSource: DataSource,
    private readonly days: AccountDaysRepository,
    private readonly reports: AccountReportsRepository,
    private readonly accounts: AccountsRepository,
    private readonly events: Events,
    schedules: Schedules,
  ) {
    schedules.every(CLOSE_EVERY_SECONDS, 'accounts.close-days', () => this.closeDue());
  }

  /** Modules above know what follows from an account's figures; this one does not know them. */
  onReport(hook: ReportHook): void {
    this.reportHooks.push(hook);
  }

  async count(report: AccountReport): Promise<void> {
    await this.countReport(report);
    for (const hook of this.reportHooks) await hook(report);
  }

  /**
   * Counts what an agent says that its account has. A zone that the database has lost (it was moved to one with other zones)
   * stops the days, and not the agent: a heartbeat that is refused takes it offline.
   */
  private async countReport(report: AccountReport): Promise<void> {
    if (await this.reports.count(report)) return;
    try {
      await inTransaction(this.dataSource, (tx) => this.countAlone(tx, report));
    } catch (error) {
      if (!sqlState(error)?.startsWith('22')) throw error;
      this.log.error(`the days of account ${report.accountId} stand still: ${(error as Error).message}`);
    }
  }

  private async countAlone(tx: Tx, report: AccountReport): Promise<void> {
    const account = await this.accounts.lock(tx, report.accountId);
    if (!account || !(await this.days.isNews(tx, report))) return;
    const book: Book = { account_id: account.id, execution_mode: report.mode };
    const over = [...(await this.days.close(tx, book, report.at)), ...(await this.days.open(tx, account, report.mode, report.at))];
    await this.days.put(tx, report);
    await this.days.settle(tx, book, report.at);
    await this.tell(tx, book, over);
  }

  /** Money that came in or went out at this time changes what the days around it began and ended with. The account is locked. */
  async settle(tx: Tx, accountId: string, at: string): Promise<void> {
    for (const execution_mode of EXECUTION_MODES) await this.days.settle(tx, { account_id: accountId, execution_mode }, at);
  }

  /** Days that are over while nobody reports. In a book that has no agent any more no new one begins. */
  async closeDue(): Promise<void> {
    const failed: string[] = [];
    for (let after: Book | null = null; ; ) {
      const due: (Book & { goes_on: boolean })[] = await this.days.due(after, BOOKS_AT_ONCE);
      for (const { goes_on, ...book } of due) {
        await inTransaction(this.dataSource, (tx) => this.closeBook(tx, book, goes_on)).catch((error: Error) => {
          if (!sqlState(error)?.startsWith('22')) throw error;
          failed.push(`${book.account_id}: ${error.message}`);
        });
      }
      after = due.at(-1) ?? null;
      if (due.length < BOOKS_AT_ONCE) break;
    }
    if (failed.length > 0) throw new Error(`the days of ${failed.length} accounts stand still, such as ${failed[0]}`);
  }

  private async closeBook(tx: Tx, book: Book, goesOn: boolean): Promise<void> {
    const account = await this.accounts.lock(tx, book.account_id);
    if (!account) return;
    const now = await this.days.now(tx);
    const closed = await this.days.close(tx, book, now);
    const [first] = closed;
    // Another instance was faster.
    if (first === undefined) return;
    const over = [...closed, ...(goesOn ? await this.days.open(tx, account, book.execution_mode, now) : [])];
    await this.days.settle(tx, book, first);
    await this.tell(tx, book, over);
  }

  private async tell(tx: Tx, book: Book, startsAt: readonly string[]): Promise<void> {
    const days = startsAt.length === 0 ? [] : await this.days.begunAt(tx, book, startsAt);
    await this.events.append(tx, null, days.map((day) => ({
      type: 'account.day_closed', subjectId: day.account_id, accountId: day.account_id,
      data: {
        executionMode: day.execution_mode, day: day.day, startsAt: day.starts_at, endsAt: day.ends_at, openingEquity: day.opening_equity, openingBalance: day.opening_balance,
        lowestEquity: day.lowest_equity, netCashFlows: day.net_cash_flows, realisedProfit: day.realised_profit, unexplained: day.unexplained, closingEquity: day.closing_equity, closingBalance: day.closing_balance,
        estimated: day.opening_estimated || day.closing_estimated !== false,
      },
    })));
  }

  async list(accountId: string, filter: AccountDayFilter, limit: number, cursor: string | undefined): Promise<AccountDayRow[]> {
    const after = cursor === undefined ? null : await this.days.placeOf(accountId, cursor);
    if (cursor !== undefined && !after) throw badRequest('VALIDATION_FAILED', 'is not a cursor that this list gave', 'cursor');
    return this.days.list(accountId, filter, limit, after);
  }
}
