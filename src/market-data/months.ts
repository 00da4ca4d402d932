import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { unavailable } from '../common/problem.js';
import { constraintOf, sqlState } from '../database/sql-state.js';

/** Retention drops no month that ended within a week: one that reaches into the last five is there for good. */
const YOUNG_MS = 5 * 86_400_000;
/** Of an older one any instance may drop what another knows. */
const OLD_KNOWN_MS = 10_000;

/** The tables of snapshots are cut by the month of the market's time. A month is made when its first row comes, however old. */
@Injectable()
export class Months {
  /** `snapshot_market 2026-01`; months are many, but not without end: 1990 to a year ahead. */
  private readonly known = new Map<string, number>();

  constructor(private readonly dataSource: DataSource) {}

  /** Makes those that are missing, in a transaction of its own: one that was rolled back must not be known. Call it outside of one. */
  async ensure(table: string, times: string[]): Promise<void> {
    const months = [...new Set(times.map((time) => time.slice(0, 7)))].filter((month) => (this.known.get(`${table} ${month}`) ?? 0) < performance.now());
    if (months.length === 0) return;
    await this.dataSource.query('select ensure_snapshot_months($1, $2::date[])', [table, months.sort().map((month) => `${month}-01`)]);
    const present = new Date(Date.now() - YOUNG_MS).toISOString().slice(0, 7);
    for (const month of months) this.known.set(`${table} ${month}`, month >= present ? Infinity : performance.now() + OLD_KNOWN_MS);
  }

  /**
   * A month that was known and is gone, as after retention or a restored backup: the next request makes it again.
   * @param ensure outside of a transaction: makes it again at once
   */
  async guard<T>(work: () => Promise<T>, ensure?: () => Promise<void>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      // Every other check has a name.
      if (sqlState(error) !== '23514' || constraintOf(error) !== undefined) throw error;
      this.known.clear();
      if (ensure) {
        await ensure();
        return this.guard(work);
      }
      throw unavailable('MONTH_MISSING', 'The month of this row was gone; it is made anew with the next request.', 1);
    }
  }
}
