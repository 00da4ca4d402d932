import { setTimeout as pause } from 'node:timers/promises';
import { measure, type Measured, processorMsOf } from './contenders.js';
import type { BenchDatabase } from './database-server.js';
import { makeAgents, operators } from './fixtures.js';
import { median, ratiosOf } from './percentiles.js';
import { medianShare, processorTime } from './processor-time.js';
import type { Bench, Report } from './scenario.js';
import { startTradewarden, type TradewardenProcess } from './server-process.js';
import { msText, rateText, ratioText, shareText } from './table.js';
import { TradewardenClients } from './tradewarden-cycle.js';

const CLIENTS = 64;
const GONE_AFTER_MS = 600;
const WATCH_MS = 2_000;
const BAR = 0.9;

interface Side {
  server: TradewardenProcess;
  database: BenchDatabase;
  clients: TradewardenClients;
  measured: Measured[];
  /** Connections made in each measurement. */
  opened: number[];
}

/** The command cycle with a pool that keeps no connection, beside the one that does; and whether it keeps none. */
export async function nullPool(bench: Bench): Promise<Report> {
  const pooled = await open(bench, 'pooled', { DB_POOL_TYPE: 'pooled' });
  const without = await open(bench, 'without', { DB_POOL_TYPE: 'null' });
  const left: number[] = [];
  try {
    for (let round = -1; round < bench.rounds; round++) {
      bench.say(round < 0 ? 'null: warming up' : `null: round ${round + 1} of ${bench.rounds}`);
      const seconds = bench.quick ? 1 : round < 0 ? 5 : 10;
      for (const side of round % 2 === 0 ? [pooled, without] : [without, pooled]) {
        side.clients.tokens = await operators(side.server.base, 4);
        const before = await sessionsOf(side.database);
        const measured = await measure(side.clients.contender('', CLIENTS), seconds, () => processorTime(side.server.pid, bench.databases.pid));
        if (side === without) left.push(await leftOver(side.database));
        else await pause(WATCH_MS);
        if (round < 0) continue;
        side.measured.push(measured);
        side.opened.push((await sessionsOf(side.database)) - before);
      }
    }
    return report(pooled, without, left);
  } finally {
    for (const { clients, server, database } of [pooled, without]) {
      clients.close();
      await server.stop();
      await database.close();
    }
  }
}

async function open(bench: Bench, name: string, settings: Record<string, string>): Promise<Side> {
  const database = await bench.databases.newDatabase(`pool_${name}`);
  const server = await startTradewarden(bench.databases.folder, database, settings);
  const clients = new TradewardenClients(server.base, await makeAgents(server.base, CLIENTS));
  return { server, database, clients, measured: [], opened: [] };
}

/** Sessions there have been; a backend says so within a second of its begin. */
async function sessionsOf(database: BenchDatabase): Promise<number> {
  const [row] = await database.query<{ sessions: number }>('select sessions::int as sessions from pg_stat_database where datname = current_database()');
  return row?.sessions ?? NaN;
}

/** The most connections of the application that had been idle for longer than they may, in looks of two seconds. */
async function leftOver(database: BenchDatabase): Promise<number> {
  let most = 0;
  for (const until = performance.now() + WATCH_MS; performance.now() < until; await pause(25)) {
    const [row] = await database.query<{ left: number }>(`
      select count(*)::int as left from pg_stat_activity
      where datname = current_database() and application_name like 'tradewarden%' and state = 'idle'
        and state_change < clock_timestamp() - make_interval(secs => $1)`, [GONE_AFTER_MS / 1000]);
    most = Math.max(most, row?.left ?? NaN);
  }
  return most;
}

function report({ measured: pooled, opened: kept }: Side, { measured: without, opened }: Side, left: number[]): Report {
  const rates = (measured: Measured[]) => measured.map(({ perSecond }) => perSecond);
  const ratio = ratiosOf(rates(without), rates(pooled));
  const most = Math.max(...left);
  const shares = (measured: Measured[]) => `${shareText(medianShare(measured.map(({ share }) => share)))}, ${msText(median(measured.map(processorMsOf)))} for a cycle`;
  return {
    rows: [
      {
        what: `command cycle, ${CLIENTS} clients, \`null\` pool`, ours: rateText(median(rates(without))), peer: `pooled ${rateText(median(rates(pooled)))}`,
        ratio: ratioText(ratio), bar: `≥ ${BAR}`, passed: ratio.median >= BAR,
      },
      { what: `connections kept ${GONE_AFTER_MS} ms after their last use`, ours: String(most), peer: '', ratio: '', bar: '0', passed: most === 0 },
    ],
    notes: [
      `Two servers, two databases, in turn. Connections idle for more than ${GONE_AFTER_MS} ms, seen in pg_stat_activity every 25 ms for ${WATCH_MS / 1000} s after each of ${left.length} bursts.`,
      `Connections made in a measurement of the \`null\` pool: ${opened.join(', ')}; pooled: ${kept.join(', ')}.`,
      `Processor time: ${shares(without)}; pooled: ${shares(pooled)}.`,
    ],
  };
}
