import { Inject, Injectable, Logger } from '@nestjs/common';
import type pg from 'pg';
import { DataSource } from 'typeorm';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { NoConnection } from './pool.js';
import { isDatabaseAway, sqlState } from './sql-state.js';
import type { Tx } from './transaction.js';

/** A statement of a hot path; its name is that of the prepared statement, and changes with its text. */
export interface Statement {
  name: string;
  text: string;
}

/** Runs one statement: by itself, or as part of a transaction. */
export type Run = <Row extends object>(statement: Statement, values: unknown[]) => Promise<Row[]>;

export const inside = (tx: Tx): Run => ({ text }, values) => tx.query(text, values);

/**
 * Texts as the literal of an array: what the driver makes of them element by element takes three times as long, and
 * batches send a dozen arrays of 500. JSON spells them as PostgreSQL does, but for what needs a backslash; that, and
 * arrays of anything else, are left to the driver.
 */
export function arrayText(value: unknown): unknown {
  if (!Array.isArray(value) || !value.every((each) => each === null || typeof each === 'string')) return value;
  const json = JSON.stringify(value);
  return json.includes('\\') ? value : `{${json.slice(1, -1)}}`;
}

/** A name that its connection does not know, or knows already: a transaction pooler has put another server behind it. */
const NAME_LOST = new Set(['26000', '42P05']);

/**
 * Runs statements of the hot paths, each in a transaction of its own and prepared once for a connection: planning them
 * anew took as long as running them (1.0 ms and 0.7 to 1.3 more for one row). Behind poolers that do not carry names
 * over, DB_NAMED_STATEMENTS=off keeps them away; found out while running, they are given up until the next start.
 */
@Injectable()
export class Statements {
  private readonly log = new Logger('Statements');
  private named: boolean;

  constructor(
    @Inject(ENV) env: Env,
    private readonly dataSource: DataSource,
  ) {
    this.named = env.DB_NAMED_STATEMENTS;
  }

  readonly run: Run = async <Row extends object>(statement: Statement, values: unknown[]) => {
    const { named } = this;
    try {
      return await this.runOnce<Row>(statement, values, named);
    } catch (error) {
      // The name was refused, so nothing has run.
      if (!named || !NAME_LOST.has(sqlState(error) ?? '')) throw error;
      this.giveUpNames();
      return this.runOnce<Row>(statement, values, false);
    }
  };

  /** As `run`, as part of a transaction. A name that is lost breaks it: `inTransaction` begins anew, and then without names. */
  within(tx: Tx): Run {
    return async <Row extends object>({ name, text }: Statement, values: unknown[]) => {
      const { named } = this;
      const client = (await tx.queryRunner?.connect()) as pg.ClientBase | undefined;
      if (!client) throw new Error('this is not a transaction');
      try {
        const { rows } = await client.query<Row>({ ...(named && { name }), text, values: values.map(arrayText) });
        return rows;
      } catch (error) {
        if (named && NAME_LOST.has(sqlState(error) ?? '')) this.giveUpNames();
        throw error;
      }
    };
  }

  private giveUpNames(): void {
    if (this.named) this.log.warn('the pooler in front of the database does not keep prepared statements: going on without; set DB_NAMED_STATEMENTS=off');
    this.named = false;
  }

  private async runOnce<Row extends object>({ name, text }: Statement, values: unknown[], named: boolean): Promise<Row[]> {
    if (!this.dataSource.isInitialized) throw new NoConnection(new Error('the pool is not connected'));
    const client = await (this.dataSource.driver as unknown as { master: pg.Pool }).master.connect();
    let lost: unknown;
    try {
      const { rows } = await client.query<Row>({ ...(named && { name }), text, values: values.map(arrayText) });
      return rows;
    } catch (error) {
      if (isDatabaseAway(error) || NAME_LOST.has(sqlState(error) ?? '')) lost = error;
      throw error;
    } finally {
      client.release(lost as Error | undefined);
    }
  }
}
