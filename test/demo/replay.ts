import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PATIENTLY } from '../../clients/typescript/testing/demo-process.js';
import { Exact } from '../../src/common/decimal.js';
import { clientOf } from '../support/http.js';
import { startServerProcess, whenReady } from '../support/server-process.js';

interface Trade {
  id: string; clientOrderId: string; origin: string; status: string; openSize: string; profitSource: string; rMultiple: string | null; direction: 'long' | 'short'; lotSize: string; entryPrice: string; exitPrice: string;
  grossProfit: string; commission: string | null; netProfit: string; sourceTime: string; entryTime: string; ideaId: string | null; exitReason: string | null;
}

export interface Replayed {
  summary: { ideas: number; byStatus: Record<string, number>; refusals: Record<string, number>; trades: number; net: string; complete: boolean; candles: number; unsentFacts: number; rejectedFacts: number };
  trades: Trade[];
  /** What the trades add up to, by prices alone. */
  recomputed: string;
  explanations: { entry: number; exit: number; skip: number };
  ideas: { id: string; status: string; approvedBy: string | null; reasons: { code: string }[] }[];
  halts: { inForce: boolean; mode: string; scope: { type: string } }[];
  predictions: number;
  /** Every one that was opened, also those that are over. */
  incidents: { kind: string; status: string; subject: { id: string } }[];
  /** For each trade the roles of its fills. */
  fills: Record<string, string[]>;
  /** Of each account and day. */
  unexplained: (string | null)[];
}

export const ADMIN_OF_DEMO = { ADMIN_EMAIL: 'reader@example.com', ADMIN_PASSWORD: 'a reader who recomputes' };

/** Runs the built demo on a candle file with a server of its own, then reads what it left behind over HTTP. */
export async function replay(file: string, dataDir: string, port: number): Promise<Replayed> {
  const args = ['--import', PATIENTLY, join(process.cwd(), 'dist/clients/typescript/demo.js'), '--candles', file, '--speed', 'max', '--json', '--data-dir', dataDir, '--port', String(port)];
  const env = { PATH: process.env['PATH'], HOST: '127.0.0.1', LOG_LEVEL: 'warn', ...ADMIN_OF_DEMO };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 1 << 26 });
  const server = await startServerProcess({ env: { DATA_DIR: dataDir, NODE_ENV: 'development', PORT: String(port), JWT_SECRET: '', AUDIT_KEY: '', ...ADMIN_OF_DEMO } });
  try {
    await whenReady(server.base);
    const read = await readBack(server.base);
    return { summary: JSON.parse(stdout) as Replayed['summary'], ...read };
  } finally {
    server.kill('SIGTERM');
    await server.exited;
  }
}

async function readBack(base: string): Promise<Omit<Replayed, 'summary'>> {
  let session: { accessToken?: string } = {};
  for (let tries = 0; !session.accessToken && tries < 100; tries++) {
    const answer = await clientOf(base)<{ accessToken?: string }>('POST', '/auth/login', { body: { email: ADMIN_OF_DEMO.ADMIN_EMAIL, password: ADMIN_OF_DEMO.ADMIN_PASSWORD } });
    session = answer.body;
    if (!session.accessToken) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const http = clientOf(base, session.accessToken ?? null);
  const all = async <T>(path: string): Promise<T[]> => {
    const items: T[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body }: { body: { items: T[]; nextCursor: string | null } } = await http('GET', `${path}?limit=500${cursor ? `&cursor=${cursor}` : ''}`);
      items.push(...body.items);
      cursor = body.nextCursor;
    }
    return items;
  };
  const trades = await all<Trade>('/trades');
  const fills: Record<string, string[]> = {};
  for (const { id } of trades) fills[id] = (await all<{ role: string }>(`/trades/${id}/fills`)).map(({ role }) => role);
  const [account] = await all<{ id: string }>('/accounts');
  const days = await all<{ unexplained: string | null }>(`/accounts/${account?.id}/days`);
  const kinds = (await all<{ kind: string }>('/explanations')).map(({ kind }) => kind);
  const countOf = (wanted: string) => kinds.filter((kind) => kind === wanted).length;
  return {
    trades,
    fills,
    unexplained: days.map(({ unexplained }) => unexplained),
    incidents: await all('/incidents'),
    recomputed: trades.reduce((sum, trade) => sum.plus(profitOf(trade)), new Exact(0)).toFixed(2),
    explanations: { entry: countOf('entry'), exit: countOf('exit'), skip: countOf('skip') },
    ideas: await all('/trade-ideas'),
    halts: await all('/kill-switch'),
    predictions: (await all('/predictions')).length,
  };
}

/** EURUSD in dollars, to the cent, from nothing but the prices and the size. */
function profitOf({ direction, entryPrice, exitPrice, lotSize }: Trade) {
  const move = direction === 'long' ? new Exact(exitPrice).minus(entryPrice) : new Exact(entryPrice).minus(exitPrice);
  return move.times(lotSize).times(100_000).toDecimalPlaces(2);
}
