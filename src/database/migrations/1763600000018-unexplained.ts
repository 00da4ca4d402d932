import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a day's balance is made of, and how high its equity stood. */
export class Unexplained1763600000018 implements MigrationInterface {
  name = 'Unexplained1763600000018';

  async up(db: QueryRunner): Promise<void> {
    // settled_ are the facts that its ends were worked out with; prior_equity is the one before last_equity.
    await db.query(`alter table account_days
      add column last_balance_at timestamptz,
      add column prior_equity numeric,
      add column peak_equity numeric,
      add column peak_equity_at timestamptz,
      add column peak_shift numeric not null default 0,
      add column settled_profit numeric not null default 0,
      add column settled_facts bigint not null default 0,
      add column unexplained_since timestamptz`);
    await db.query(`update account_days set last_balance_at = last_reported_at where last_balance is not null`);
    await db.query(`alter table account_days
      add constraint account_days_balance check ((last_balance is null) = (last_balance_at is null)),
      add constraint account_days_peak check ((peak_equity is null) = (peak_equity_at is null) and peak_equity between -1e30 and 1e30
        and prior_equity between -1e30 and 1e30 and peak_shift between -1e30 and 1e30),
      add constraint account_days_settled check (settled_facts >= 0 and settled_profit between -1e30 and 1e30)`);
    await db.query(`create index account_days_ends on account_days (ends_at)`);
    // A day of a book with 10,000 fills is added up from the index alone.
    await db.query(`create index fills_book_time on fills (account_id, execution_mode, filled_at) include (profit, commission, swap, fee)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop index fills_book_time, account_days_ends`);
    await db.query(`alter table account_days drop column last_balance_at, drop column prior_equity, drop column peak_equity, drop column peak_equity_at,
      drop column peak_shift, drop column settled_profit, drop column settled_facts, drop column unexplained_since`);
  }
}
