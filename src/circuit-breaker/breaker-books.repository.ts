import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import type { Book } from './trade-figures.repository.js';

/** As long as an agent may say nothing between two reports, and a transaction may take to commit. */
const RECENT = '2 minutes';

/** Which books are to be looked at. */
@Injectable()
export class BreakerBooksRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** In the transaction that moves a trade: whatever becomes of this process, its book is looked at. */
  async note(tx: Tx, { account_id, execution_mode }: Book): Promise<void> {
    await tx.sql`insert into breaker_checks (account_id, execution_mode) values (${account_id}::uuid, ${execution_mode})`;
  }

  /** What was noted of these books. */
  async noted(tx: Tx, books: readonly Book[]): Promise<string[]> {
    const rows: { seq: string }[] = await tx.query(`select c.seq::text as seq from jsonb_to_recordset($1::jsonb) as b (account_id uuid, execution_mode text)
      join breaker_checks c on c.account_id = b.account_id and c.execution_mode = b.execution_mode`, [JSON.stringify(books)]);
    return rows.map(({ seq }) => seq);
  }

  async forget(tx: Tx, noted: readonly string[]): Promise<void> {
    if (noted.length > 0) await tx.sql`delete from breaker_checks where seq = any(${noted}::bigint[])`;
  }

  /** Where something goes on: noted, reported, seen, open, or not as it should be. */
  busy(): Promise<Book[]> {
    return this.dataSource.sql`
      select account_id, execution_mode from breaker_checks
      union select account_id, execution_mode from account_days where closed_at is null and last_reported_at > app_clock() - interval ${() => `'${RECENT}'`}
      union select account_id, execution_mode from trades where status in ('pending','open','closing','unknown')
      union select account_id, execution_mode from breaker_states where state <> 'active' and account_id is not null
      union select g.account_id, g.mode from agent_state h join agents g on g.id = h.agent_id where h.last_seen_at > app_clock() - interval ${() => `'${RECENT}'`} and g.retired_at is null
      order by account_id, execution_mode`;
  }

  /** Every book of an agent that is not retired, and those with a state of their own. */
  all(): Promise<Book[]> {
    return this.dataSource.sql`
      select account_id, mode as execution_mode from agents where retired_at is null
      union select account_id, execution_mode from breaker_states where account_id is not null
      union select account_id, execution_mode from breaker_checks
      order by account_id, execution_mode`;
  }

  /** Those of one account, or of all. */
  ofAccount(accountId: string | null): Promise<Book[]> {
    return this.dataSource.sql`
      select account_id, mode as execution_mode from agents where retired_at is null and (${accountId}::uuid is null or account_id = ${accountId}::uuid)
      union select account_id, execution_mode from breaker_states where account_id is not null and (${accountId}::uuid is null or account_id = ${accountId}::uuid)
      order by account_id, execution_mode`;
  }
}
