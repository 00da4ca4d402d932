import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import { scopeName } from '../halts/scope-name.js';
import type { BreakerName, ScopeType, State } from './breakers.js';
import type { Book } from './trade-figures.repository.js';

/** Whom a state is of. Without a book: of the server. */
export interface BreakerScopeKey {
  breaker: BreakerName;
  book: Book | null;
  scopeType: ScopeType;
  /** Null for global only. */
  scopeId: string | null;
}

export interface StateRow {
  id: string;
  name: BreakerName;
  account_id: string | null;
  execution_mode: Book['execution_mode'] | null;
  scope_type: ScopeType;
  scope_id: string | null;
  state: State;
  /** As of when the state began. */
  value: string | null;
  limit_value: string | null;
  unit: string | null;
  since: string;
  resets_at: string | null;
  halt_id: string | null;
}

/** What is written of a state. */
export type StateChange = Pick<StateRow, 'state' | 'value' | 'limit_value' | 'unit' | 'resets_at' | 'halt_id'> & {
  /** From here on only what comes counts. */
  restarts: boolean;
};

const COLUMNS = `id, name, account_id, execution_mode, scope_type, scope_id, state, trim_scale(value)::text as value, trim_scale(limit_value)::text as limit_value, unit, since, resets_at, halt_id`;

const STANDING_MOST = 500;

@Injectable()
export class BreakerStatesRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Of these books. */
  ofBooks(tx: Tx, books: readonly Book[]): Promise<StateRow[]> {
    return tx.query(`select ${COLUMNS} from breaker_states
      where (account_id, execution_mode) in (select b.account_id, b.execution_mode from jsonb_to_recordset($1::jsonb) as b (account_id uuid, execution_mode text)) order by name, scope_id`, [JSON.stringify(books)]);
  }

  global(tx: Tx, breaker: BreakerName): Promise<StateRow[]> {
    return tx.sql`select ${() => COLUMNS} from breaker_states where name = ${breaker} and account_id is null`;
  }

  /** Of one breaker, all that are not as they were at first. */
  notActive(tx: Tx, breaker: BreakerName): Promise<StateRow[]> {
    return tx.sql`select ${() => COLUMNS} from breaker_states where name = ${breaker} and state <> 'active' order by account_id, execution_mode, scope_id`;
  }

  /** Of all breakers; more than STANDING_MOST at once are a server on fire. */
  standing(tx: Tx): Promise<StateRow[]> {
    return tx.sql`
      select ${() => COLUMNS} from breaker_states where state <> 'active'
      order by array_position(array['tripped','cooling_down','testing','warning'], state), since limit ${STANDING_MOST}`;
  }

  async of(tx: Tx, { breaker, book, scopeType, scopeId }: BreakerScopeKey): Promise<StateRow | null> {
    const [row] = await tx.sql<StateRow[]>`
      select ${() => COLUMNS} from breaker_states where name = ${breaker} and account_id is not distinct from ${book?.account_id ?? null}::uuid
        and execution_mode is not distinct from ${book?.execution_mode ?? null}::text and scope_type = ${scopeType} and scope_id is not distinct from ${scopeId}::text`;
    return row ?? null;
  }

  /** The account must be locked, or the breaker where there is none. */
  async write(tx: Tx, { breaker, book, scopeType, scopeId }: BreakerScopeKey, change: StateChange): Promise<StateRow> {
    const { restarts } = change;
    const [row] = await tx.sql<StateRow[]>`
      insert into breaker_states as s (name, account_id, execution_mode, scope_type, scope_id, state, value, limit_value, unit, since, resets_at, halt_id, watermark_at, watermark_equity)
      select ${breaker}::text, g.account, g.mode, ${scopeType}::text, ${scopeId}::text, ${change.state}::text, ${change.value}::numeric, ${change.limit_value}::numeric, ${change.unit}::text, app_clock(),
        ${change.resets_at}::timestamptz, ${change.halt_id}::uuid, case when g.restarts then app_clock() end,
        case when g.restarts then (select d.last_equity from account_days d where d.account_id = g.account and d.execution_mode = g.mode and d.last_equity is not null order by d.starts_at desc limit 1) end
      from (select ${book?.account_id ?? null}::uuid as account, ${book?.execution_mode ?? null}::text as mode, ${restarts}::boolean as restarts) g
      on conflict (name, account_id, execution_mode, scope_type, scope_id) do update set
        since = case when s.state = excluded.state and not ${restarts}::boolean then s.since else excluded.since end, state = excluded.state, value = excluded.value, limit_value = excluded.limit_value, unit = excluded.unit,
        resets_at = excluded.resets_at, halt_id = excluded.halt_id, watermark_at = coalesce(excluded.watermark_at, s.watermark_at),
        watermark_equity = case when excluded.watermark_at is null then s.watermark_equity else excluded.watermark_equity end, updated_at = app_clock()
      returning ${() => COLUMNS}`;
    if (!row) throw new Error('the state was not stored');
    return row;
  }

  /** What people call a scope; null: what it was is no more. */
  async nameOf(tx: Tx, { scopeType, scopeId }: Pick<BreakerScopeKey, 'scopeType' | 'scopeId'>): Promise<string | null> {
    const [row] = await tx.sql<{ name: string | null }[]>`select ${() => scopeName('s.type', 's.id')} as name from (select ${scopeType}::text as type, ${scopeId}::text as id) s`;
    return row?.name ?? null;
  }

  async clock(tx: Tx = this.dataSource.manager): Promise<string> {
    const [row] = await tx.sql<{ now: string }[]>`select app_clock() as now`;
    if (!row) throw new Error('the database did not tell the time');
    return row.now;
  }

  /** Of an account. */
  async nextDayAt(tx: Tx, accountId: string): Promise<string | null> {
    const [row] = await tx.sql<{ at: string }[]>`select rollover_after(app_clock(), zone, rollover) as at from accounts where id = ${accountId}`;
    return row?.at ?? null;
  }

  /** In the order of their ids: whoever needs several takes them so. */
  async lockAccounts(tx: Tx, ids: readonly string[]): Promise<void> {
    await tx.sql`select 1 from accounts where id = any(${ids}::uuid[]) order by id for no key update`;
  }
}
