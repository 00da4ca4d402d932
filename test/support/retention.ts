import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RetentionService } from '../../src/retention/retention.service.js';
import type { TableResult } from '../../src/retention/runs.repository.js';
import { restSchedules, startTestApp, type TestApp } from './app.js';

/** A server with a folder for archives, whose clock tests set back: what they write then is old when the clock is right again. */
export interface AgedApp extends TestApp {
  folder: string;
}

export async function startAged(settings: Record<string, string> = {}): Promise<AgedApp> {
  const folder = mkdtempSync(join(tmpdir(), 'tradewarden-archive-'));
  const t = await startTestApp({ ARCHIVE_DIR: folder, ...settings });
  // What recurs would make the months of a clock that was set back, between any two lines of a test.
  restSchedules(t);
  const second = async (more?: Record<string, string>) => {
    const other = await t.second(more);
    restSchedules(other);
    return other;
  };
  return { ...t, folder, second, close: async () => {
    await t.close();
    rmSync(folder, { recursive: true, force: true });
  } };
}

/** Sets the clock to so many days ago, with the months that were then. */
export async function goTo(t: Pick<TestApp, 'db'>, daysAgo: number): Promise<void> {
  await t.db.query(`update test_clock set shift = make_interval(days => $1)`, [-daysAgo]);
  await t.db.query(`select ensure_months((app_clock() - interval '1 day')::date, (app_clock() + interval '1 day')::date)`);
}

export const retain = (t: TestApp, ask: Parameters<RetentionService['run']>[0] = {}) => t.app.get(RetentionService, { strict: false }).run(ask);

export const resultOf = async (t: TestApp, table: string, ask: Parameters<RetentionService['run']>[0] = {}): Promise<TableResult> => {
  const { tables } = await retain(t, { table, ...ask });
  const [result] = tables;
  if (!result) throw new Error(`nothing was done of ${table}`);
  return result;
};

export const monthsThere = async (t: Pick<TestApp, 'db'>, parent: string): Promise<string[]> =>
  (await t.db.query<{ name: string }>(`select replace(right(c.relname, 7), 'm', '-') as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass order by 1`, [parent])).map(({ name }) => name);

/** The month of a moment so many days ago. */
export const monthAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 7);

