import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import type { Holiday, SessionWindow } from './in-session.js';
import type { StrategyContent } from './strategies.schemas.js';

export interface StrategyRow {
  id: string;
  seq: number;
  version: number;
  name: string;
  is_active: boolean;
  allowed_symbols: string[] | null;
  session_windows: SessionWindow[] | null;
  holidays: Holiday[];
  entry_conditions: Record<string, unknown>;
  exit_rules: StrategyContent['exitRules'];
  forbidden_conditions: Record<string, unknown>;
  risk_caps: StrategyContent['riskCaps'];
  /** Of the amounts among the caps: BASE_CURRENCY as it was when they were written. */
  currency: string;
  rr_expectation: string | null;
  retired_at: string | null;
  created_at: string;
  updated_at: string;
  updated_by: string;
}

export interface StrategyVersionRow {
  seq: number;
  version: number;
  content: StrategyContent & { currency: string; retired: boolean };
  changed: string[];
  reason: string | null;
  actor: string;
  recorded_at: string;
}

export interface StrategyFilter {
  name?: string | undefined;
  isActive?: boolean | undefined;
  retired?: boolean | undefined;
}

const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));

@Injectable()
export class StrategiesRepository {
  constructor(private readonly dataSource: DataSource) {}

  async byId(id: string, tx: Tx = this.dataSource.manager): Promise<StrategyRow | null> {
    const [row] = await tx.sql<StrategyRow[]>`select * from strategies where id = ${id}`;
    return row ?? null;
  }

  /** As `lock` lets it be: until the transaction ends nobody changes a strategy. For the decision on an idea, after risk_config and risk_limits. */
  async forShare(tx: Tx, id: string): Promise<StrategyRow | null> {
    const [row] = await tx.sql<StrategyRow[]>`select * from strategies where id = ${id} for share`;
    return row ?? null;
  }

  /**
   * Waits for all who have read strategies FOR SHARE, and lets no more of them begin; plain reads go on. A lock on the
   * row would wait for ever while decisions overlap, since each new sharer passes those who wait for the row.
   */
  async lock(tx: Tx, id: string): Promise<StrategyRow | null> {
    await tx.sql`lock table strategies in exclusive mode`;
    return this.byId(id, tx);
  }

  list({ name, isActive, retired }: StrategyFilter, limit: number, after: string | undefined): Promise<StrategyRow[]> {
    return this.dataSource.sql`
      select * from strategies
      where seq > ${after ?? 0} and (${name ?? null}::text is null or name = ${name ?? null}::text)
        and (${isActive ?? null}::boolean is null or is_active = ${isActive ?? null}::boolean)
        and (${retired ?? null}::boolean is null or (retired_at is not null) = ${retired ?? null}::boolean)
      order by seq limit ${limit + 1}`;
  }

  /** Null when another one that is not retired has the name. */
  async insert(tx: Tx, id: string, content: StrategyContent, currency: string, actor: string): Promise<StrategyRow | null> {
    const [row] = await tx.sql<StrategyRow[]>`
      insert into strategies (id, name, is_active, allowed_symbols, session_windows, holidays, entry_conditions, exit_rules, forbidden_conditions, risk_caps,
        currency, rr_expectation, updated_by)
      values (${id}, ${content.name}, ${content.isActive}, ${content.allowedSymbols}, ${json(content.sessionWindows)}, ${json(content.holidays)},
        ${json(content.entryConditions)}, ${json(content.exitRules)}, ${json(content.forbiddenConditions)}, ${json(content.riskCaps)}, ${currency},
        ${content.rrExpectation}, ${actor})
      on conflict (name) where retired_at is null do nothing returning *`;
    return row ?? null;
  }

  async update(tx: Tx, id: string, content: StrategyContent, currency: string, actor: string): Promise<StrategyRow> {
    const [row] = await tx.sql<StrategyRow[]>`
      with changed as (
        update strategies set version = version + 1, name = ${content.name}, is_active = ${content.isActive}, allowed_symbols = ${content.allowedSymbols},
          session_windows = ${json(content.sessionWindows)}, holidays = ${json(content.holidays)}, entry_conditions = ${json(content.entryConditions)},
          exit_rules = ${json(content.exitRules)}, forbidden_conditions = ${json(content.forbiddenConditions)}, risk_caps = ${json(content.riskCaps)},
          currency = ${currency}, rr_expectation = ${content.rrExpectation}, updated_at = app_clock(), updated_by = ${actor}
        where id = ${id} returning *
      ) select * from changed`;
    if (!row) throw new Error('the strategy was not changed');
    return row;
  }

  async retire(tx: Tx, id: string, actor: string): Promise<StrategyRow> {
    const [row] = await tx.sql<StrategyRow[]>`
      with changed as (
        update strategies set version = version + 1, is_active = false, retired_at = app_clock(), updated_at = app_clock(), updated_by = ${actor}
        where id = ${id} returning *
      ) select * from changed`;
    if (!row) throw new Error('the strategy was not retired');
    return row;
  }

  async isNameTaken(tx: Tx, name: string, id: string): Promise<boolean> {
    const rows: unknown[] = await tx.sql`select 1 from strategies where name = ${name} and retired_at is null and id <> ${id}`;
    return rows.length > 0;
  }

  async addVersion(tx: Tx, id: string, version: number, content: StrategyVersionRow['content'], changed: string[], reason: string | null, actor: string, correlationId: string): Promise<void> {
    await tx.sql`
      insert into strategy_versions (strategy_id, version, content, changed, reason, actor, correlation_id)
      values (${id}, ${version}, ${json(content)}, ${changed}, ${reason}, ${actor}, ${correlationId})`;
  }

  /** Newest first. */
  versions(id: string, limit: number, before: string | undefined): Promise<StrategyVersionRow[]> {
    return this.dataSource.sql`
      select * from strategy_versions where strategy_id = ${id} and (${before ?? null}::bigint is null or seq < ${before ?? null}::bigint)
      order by seq desc limit ${limit + 1}`;
  }
}
