import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TEST_SECRETS, type TestAgent, type TestApp } from './app.js';
import { cli } from './cli.js';
import { until } from './timing.js';

export interface MirrorProcess {
  pid: number;
  /** Of both streams. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** A folder with a mirror's place in it, as the settings of processes that work on the database of a test. */
export interface Place {
  folder: string;
  file: string;
  env: Record<string, string>;
}

const folders: string[] = [];
const children = new Set<ChildProcess>();

export function newPlace({ db }: Pick<TestApp, 'db'>, shape = 'ai-trader'): Place {
  const folder = mkdtempSync(join(tmpdir(), 'tradewarden-mirror-'));
  folders.push(folder);
  const file = join(folder, 'old.db');
  return { folder, file, env: { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, MIRROR_URL: `sqlite:${file}?shape=${shape}` } };
}

export function startMirror({ env }: Place): MirrorProcess {
  const child = spawn(process.execPath, [join(process.cwd(), 'dist', 'src', 'cli.js'), 'mirror'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], NODE_ENV: 'test', DATA_DIR: '/nonexistent/tradewarden', ...TEST_SECRETS, ...env },
  });
  children.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => child.once('close', (code, signal) => {
    children.delete(child);
    resolve({ code, signal });
  }));
  return { pid: child.pid ?? 0, output: () => output, kill: (signal) => void child.kill(signal), exited };
}

/** For `afterAll`. */
export async function endMirrors(): Promise<void> {
  await Promise.all([...children].map((child) => new Promise((resolve) => {
    child.once('close', resolve);
    child.kill('SIGKILL');
  })));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Rows of the old file as a program of its own reads them; none while there is no such table. */
export function oldRows<Row = Record<string, string | number | null>>({ file }: Place, query: string): Row[] {
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(file, { readOnly: true });
    return db.prepare(query).all() as Row[];
  } catch (error) {
    if (/no such table|unable to open|locked/.test((error as Error).message)) return [];
    throw error;
  } finally {
    db?.close();
  }
}

export const countOf = (place: Place, table: string): number => oldRows<{ n: number }>(place, `select count(*) as n from ${table}`)[0]?.n ?? 0;

/** It has all events that there are now, and says so. */
export async function whenWhole(t: Pick<TestApp, 'db'>, shown: () => string = () => ''): Promise<void> {
  const [at] = await t.db.query<{ seq: string; time: string }>(`select max(seq)::text as seq, app_clock()::text as time from events`);
  try {
    await until(async () => (await t.db.query(`select 1 from mirrors where position >= $1::bigint and whole_as_of > $2::timestamptz and error is null`, [at?.seq ?? '0', at?.time])).length > 0, 15_000);
  } catch (error) {
    throw new Error(`the mirror did not come so far: ${shown()}`, { cause: error });
  }
}

export interface DriftShown {
  drifted: boolean; repaired: boolean;
  tables: { table: string; rows: number; missing: number; extra: number; different: number; examples: { key: string; what: string; columns: string[] }[] }[];
}

export const drift = ({ env }: Place, ...more: string[]) => cli<DriftShown>(['mirror:drift', '--json', ...more], env);

export const predict = (agent: TestAgent, more: object = {}) =>
  agent.http<{ id: string }>('POST', '/predictions', { body: { model: 'ma', symbol: 'EURUSD', timestamp: new Date(Date.now() - Math.floor(Math.random() * 1e6)).toISOString(), direction: 'long', confidence: '0.8', ...more } });

/** A trade of paper that was opened and closed, or is still open. */
export async function trade(agent: TestAgent, profit: string | null = '3.5'): Promise<string> {
  const { body: { id } } = await agent.http<{ id: string }>('POST', '/trades', { body: { clientOrderId: randomUUID(), symbol: 'EURUSD', direction: 'long', lotSize: '0.1' } });
  const step = async (body: object) => {
    const { status, text } = await agent.http('POST', `/trades/${id}/transitions`, { body });
    if (status >= 300) throw new Error(text);
  };
  await step({ to: 'open', brokerDealId: randomUUID(), occurredAt: new Date(Date.now() - 60_000).toISOString(), entryPrice: '1.1' });
  if (profit !== null) await step({ to: 'closed', brokerDealId: randomUUID(), occurredAt: new Date(Date.now() - 1_000).toISOString(), exitPrice: '1.2', exitReason: 'signal', grossProfit: profit });
  return id;
}
