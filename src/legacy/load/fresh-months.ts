import { sqlState } from '../../database/sql-state.js';
import type { Tx } from '../../database/transaction.js';
import type { TargetTable } from '../targets.js';
import type { OwnersMade } from './owners.repository.js';

/**
 * Months that were not here before: nobody sees them yet, and their indexes are made when their rows are there. Of a million candles
 * they took half of the database's time while rows came one by one.
 */
export class FreshMonths {
  /** `2026-01` */
  private readonly months = new Set<string>();
  private table: TargetTable | null = null;
  private forgetOwners: () => void = () => undefined;

  constructor(
    private readonly tx: Tx,
    private readonly owners: OwnersMade,
  ) {}

  async begin(): Promise<void> {
    this.forgetOwners = this.owners.mark();
    await this.tx.query('savepoint fresh_months');
  }

  /** Those of them that are not here are made, for rows that are sent to `nameOf`. */
  async make(table: TargetTable, months: readonly string[]): Promise<void> {
    const [row] = await this.tx.query<{ made: string[] }[]>('select begin_fresh_months($1, $2::date[]) as made', [table, months.map((month) => `${month}-01`)]);
    for (const month of row?.made ?? []) this.months.add(month);
    this.table = table;
  }

  has(month: string): boolean {
    return this.months.has(month);
  }

  static nameOf = (table: TargetTable): string => `${table}_fresh`;

  /** From now on they are as all others. False: a row in them has its like there, and all is as it was when this began. */
  async keep(): Promise<boolean> {
    this.months.clear();
    try {
      if (this.table !== null) await this.tx.query('select keep_fresh_months($1)', [this.table]);
      await this.tx.query('release savepoint fresh_months');
      return true;
    } catch (error) {
      if (sqlState(error) !== '23505') throw error;
      await this.tx.query('rollback to savepoint fresh_months');
      await this.tx.query('release savepoint fresh_months');
      this.forgetOwners();
      return false;
    }
  }
}
