import type pg from 'pg';
import { EventFeed } from '../../src/events/event-feed.js';
import { Streams } from '../../src/live/streams.js';
import type { TestApp } from './app.js';

export interface NewRow {
  type?: string;
  agentId?: string | null;
  data?: object;
}

/** Anything that runs a statement: the test database, or a connection with a transaction of its own. */
interface Runs {
  query(text: string, values?: unknown[]): Promise<pg.QueryResult<{ seq: string }> | { seq: string }[]>;
}

/** Inserts one row as every writer does, and answers its number. */
export async function insertEvent(on: unknown, { type = 'test.written', agentId = null, data = {} }: NewRow = {}): Promise<number> {
  const result = await (on as Runs).query(`insert into events (type, actor, agent_id, data) values ($1, 'system', $2, $3) returning seq`, [type, agentId, JSON.stringify(data)]);
  return Number((Array.isArray(result) ? result : result.rows)[0]?.seq);
}

/** So many rows in one statement. */
export async function insertEvents(t: TestApp, count: number, { type = 'test.written', agentId = null, data = {} }: NewRow = {}): Promise<void> {
  await t.db.query(`insert into events (type, actor, agent_id, data) select $1, 'system', $2, $3 from generate_series(1, $4)`, [type, agentId, JSON.stringify(data), count]);
  wake(t);
}

/** The feed looks every second; a test need not wait for that. */
export const wake = (t: TestApp): void => t.app.get(EventFeed).wake();

export const openStreams = (t: TestApp): number => t.app.get(Streams).count;

/** Numbers of all rows that are stored. */
export const storedSeqs = async (t: TestApp, after = 0): Promise<number[]> =>
  (await t.db.query<{ seq: string }>(`select seq from events where seq > $1 order by seq`, [after])).map(({ seq }) => Number(seq));
