import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchDatabase } from './database-server.js';
import { makeCandles } from './import-source.js';
import { median, ratiosOf } from './percentiles.js';
import { processorTime } from './processor-time.js';
import type { Bench, Report } from './scenario.js';
import { rateText, ratioText, type Row } from './table.js';
import { type Taken, timed } from './timed-process.js';

const CLI = join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'cli.js');
const ROWS = { full: 1_000_000, quick: 100_000 };
const SMALL = 10_000;
const LARGE = 5_000_000;
const RATIO_BAR = 1;
const MEMORY_BAR = 250 * 2 ** 20;

/** One run, and what the database's backends had of the processors meanwhile. */
interface Measured extends Taken {
  postgresMs: number;
}

/** Candles of an old database with proof, beside pgloader, which copies the same file into a plain table and proves nothing. */
export async function importing(bench: Bench): Promise<Report> {
  const rows = bench.rows ?? ROWS[bench.quick ? 'quick' : 'full'];
  const sizes = bench.quick ? [SMALL] : [SMALL, Math.max(LARGE, 5 * rows)];
  const file = (size: number) => join(bench.databases.folder, `candles-${size}.db`);
  const plain = await bench.databases.newDatabase('plain');
  const hasPeer = isInstalled('pgloader');
  const ours: Measured[] = [];
  const theirs: Measured[] = [];
  const memory: [rows: number, bytes: number][] = [];
  try {
    makeCandles(file(rows), rows);
    for (let round = 0; round < bench.rounds; round++) {
      const own = async () => void ours.push(await imported(bench, plain, file(rows), rows));
      const peer = async () => void (hasPeer && theirs.push(await copied(bench, plain, file(rows), rows)));
      for (const run of round % 2 === 0 ? [own, peer] : [peer, own]) await run();
      bench.say(`import: round ${round + 1} of ${bench.rounds}: ${told(ours.at(-1))}; pgloader ${told(theirs.at(-1))}`);
    }
    memory.push([rows, Math.max(...ours.map(({ peakBytes }) => peakBytes))]);
    for (const size of sizes) {
      makeCandles(file(size), size);
      const taken = await imported(bench, plain, file(size), size);
      bench.say(`import: ${size.toLocaleString('en-US')} rows: ${told(taken)}`);
      memory.push([size, taken.peakBytes]);
      rmSync(file(size));
    }
    return report(rows, ours, theirs, memory.sort(([one], [other]) => one - other));
  } finally {
    await plain.close();
  }
}

/** The command as users run it, into a database of its own; what it says of itself is checked. */
async function imported(bench: Bench, plain: BenchDatabase, file: string, rows: number): Promise<Measured> {
  const database = await bench.databases.newDatabase('imported');
  try {
    const taken = await measured(bench, plain, () => timed(process.execPath, [CLI, 'import', file, '--json'], {
      // A folder of its own: a `.env` in the checkout would be read.
      cwd: bench.databases.folder, env: { PATH: process.env['PATH'], DATA_DIR: join(bench.databases.folder, 'import-data'), DATABASE_URL: database.url, DATABASE_OWNER_URL: database.ownerUrl },
    }));
    const { status, proof } = JSON.parse(taken.output) as { status: string; proof: { ok: boolean } | null };
    const [stored] = await database.query<{ n: number }>('select count(*)::int as n from snapshot_market');
    if (status !== 'finished' || !proof?.ok || stored?.n !== rows) throw new Error(`the import ended ${status} with ${stored?.n} rows: ${taken.output.slice(0, 2_000)}`);
    return taken;
  } finally {
    await database.close();
    await plain.query('drop database imported with (force)');
  }
}

async function copied(bench: Bench, plain: BenchDatabase, file: string, rows: number): Promise<Measured> {
  await plain.query('drop table if exists market_data');
  const taken = await measured(bench, plain, () => timed('pgloader', [`sqlite://${file}`, plain.ownerUrl.replace('postgres://', 'postgresql://')], { cwd: bench.databases.folder, env: { PATH: process.env['PATH'], HOME: bench.databases.folder } }));
  const [stored] = await plain.query<{ n: number }>('select count(*)::int as n from market_data');
  if (stored?.n !== rows) throw new Error(`pgloader stored ${stored?.n} rows: ${taken.output.slice(-2_000)}`);
  return taken;
}

async function measured(bench: Bench, plain: BenchDatabase, run: () => Promise<Taken>): Promise<Measured> {
  await plain.query('checkpoint');
  const before = processorTime(null, bench.databases.pid);
  const taken = await run();
  return { ...taken, postgresMs: processorTime(null, bench.databases.pid).postgres - before.postgres };
}

function isInstalled(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const told = (run: Measured | undefined): string =>
  run === undefined ? 'is not installed' : `${seconds(run.ms)}, processor ${seconds(run.processorMs)} and PostgreSQL ${seconds(run.postgresMs)}, ${Math.round(run.peakBytes / 2 ** 20)} MB`;

function report(rows: number, ours: readonly Measured[], theirs: readonly Measured[], memory: readonly [rows: number, bytes: number][]): Report {
  const rate = (runs: readonly Measured[]) => rateText(rows / (median(runs.map(({ ms }) => ms)) / 1000));
  const ratio = ratiosOf(theirs.map(({ ms }) => ms), ours.map(({ ms }) => ms));
  const millions = (count: number) => count.toLocaleString('en-US');
  const speed: Row = {
    what: `${millions(rows)} candles of a SQLite file, proof on`, ours: rate(ours), peer: theirs.length === 0 ? 'pgloader is not installed' : `pgloader, no proof ${rate(theirs)}`,
    ratio: theirs.length === 0 ? '' : ratioText(ratio), bar: `≥ ${RATIO_BAR}`, passed: theirs.length === 0 ? null : ratio.median >= RATIO_BAR,
  };
  const held = memory.map(([size, bytes]): Row => ({ what: `resident at most, ${millions(size)} rows`, ours: `${Math.round(bytes / 2 ** 20)} MB`, peer: '', ratio: '', bar: '< 250 MB', passed: bytes < MEMORY_BAR }));
  const share = (runs: readonly Measured[]) => `${seconds(median(runs.map(({ processorMs }) => processorMs)))} and PostgreSQL's ${seconds(median(runs.map(({ postgresMs }) => postgresMs)))}`;
  return {
    rows: [speed, ...held],
    notes: [
      `\`tradewarden import\` as a command, from its start to its end: it digests the file, checks and converts each row, stores it with its identity in one transaction, and compares every value that it has read with what the database says that it holds. pgloader at its defaults makes a plain table with a primary key and no other index.`,
      `Processor time: the command's ${share(ours)}${theirs.length === 0 ? '' : `; pgloader's ${share(theirs)}`}.`,
    ],
  };
}
