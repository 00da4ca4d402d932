/**
 * `npm run bench`: measures Tradewarden beside its peers, on one database server, and writes the table of README.md.
 * `npm run bench -- cycle` runs one scenario, `--quick` all of them in a minute without writing. See `--help`.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, release, totalmem, type } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { candles } from './candles.js';
import { commandCycle } from './command-cycle.js';
import { type DatabaseServer, startDatabaseServer } from './database-server.js';
import { delivery } from './delivery.js';
import { ideas } from './ideas.js';
import { importing } from './import.js';
import { intake } from './intake.js';
import { killSwitch } from './kill-switch.js';
import { largeTable } from './large-table.js';
import { nullPool } from './null-pool.js';
import { page } from './page.js';
import { parkedPolls } from './parked-polls.js';
import { othersMs } from './processor-time.js';
import type { Bench, Report, Scenario } from './scenario.js';
import { stopTradewardens } from './server-process.js';
import { betweenMarkers, markdownTable } from './table.js';
import { webhooks } from './webhooks.js';

const SCENARIOS: Scenario[] = [
  { name: 'cycle', run: commandCycle },
  { name: 'delivery', run: delivery },
  { name: 'parked', run: parkedPolls },
  { name: 'large', run: largeTable },
  { name: 'null', run: nullPool },
  { name: 'intake', run: intake },
  { name: 'candles', run: candles },
  { name: 'ideas', run: ideas },
  { name: 'kill-switch', run: killSwitch },
  { name: 'webhooks', run: webhooks },
  { name: 'page', run: page },
  { name: 'import', run: importing },
];

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** Beyond this the figures are called provisional. */
const OTHERS_PERCENT_MOST = 10;
const README = join(ROOT, 'bench', 'README.md');

const HELP = `npm run bench -- [scenario …] [--quick] [--rounds N] [--rows N] [--folder PATH]

  scenarios    ${SCENARIOS.map(({ name }) => name).join(' ')}; all of them when none is named
  --quick      short measurements that say little, and README.md stays as it is
  --rounds N   measurements of each contender (5; quick: 2)
  --rows N     candles in the large table (50,000,000; quick: 500,000), alerts in that of webhooks (5,000,000; quick: 100,000),
               candles that are imported (1,000,000; quick: 100,000)
  --folder P   where the database is made and removed again (the folder for temporary files)
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, rounds: { type: 'string' }, rows: { type: 'string' }, folder: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  const unknown = positionals.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (values.help || unknown.length > 0) {
    process.stderr.write(unknown.length > 0 ? `There is no scenario ${unknown.join(', ')}.\n\n${HELP}` : HELP);
    return values.help ? 0 : 2;
  }
  const rounds = Number(values.rounds ?? (values.quick ? 2 : 5));
  const rows = values.rows === undefined ? null : Number(values.rows);
  const wanted = SCENARIOS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  // Found out now, not after an hour of measuring.
  for (const { name } of wanted) betweenMarkers(readFileSync(README, 'utf8'), name, '');
  const databases = await startDatabaseServer(values.folder);
  const stop = () => stopTradewardens().finally(() => databases.stop());
  let leaving: Promise<void> | null = null;
  // npm passes on a Ctrl-C that the terminal has sent already: a second one must not leave the database running.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void (leaving ??= stop().finally(() => process.exit(130))));
  // What nobody waited for: the database would go on running without us.
  process.on('uncaughtException', (error) => {
    say(String(error.stack));
    void (leaving ??= stop().finally(() => process.exit(1)));
  });
  try {
    let failed = 0;
    for (const scenario of wanted) failed += await measured(scenario, { quick: values.quick, rounds, rows, databases, say });
    return failed > 0 ? 1 : 0;
  } finally {
    await stop();
  }
}

/** Prints the scenario's table and writes it; 1 when it could not be measured, which the others need not suffer for. */
async function measured({ name, run }: Scenario, bench: Bench): Promise<0 | 1> {
  const { pid } = bench.databases;
  const [began, othersBefore] = [performance.now(), othersMs(pid)];
  try {
    const report = await run(bench);
    const content = sectionOf(report, bench, Math.max(0, (100 * (othersMs(pid) - othersBefore)) / (performance.now() - began)));
    say(`${name}: ${Math.round((performance.now() - began) / 1000)} s`);
    process.stdout.write(`\n${content}\n\n`);
    if (!bench.quick) writeFileSync(README, betweenMarkers(readFileSync(README, 'utf8'), name, content));
    return 0;
  } catch (error) {
    say(`${name} failed: ${(error as Error).stack}`);
    await stopTradewardens();
    return 1;
  }
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

function sectionOf({ rows, notes }: Report, { databases, rounds, quick }: Bench, othersPercent: number): string {
  const others = `other programs took ${Math.round(othersPercent)} % of a core`;
  const provisional = othersPercent > OTHERS_PERCENT_MOST ? [`**Provisional: ${others} while this was measured.**`] : [];
  const how = `${rounds} rounds${quick ? ' (quick)' : ''}, ${others}, on ${machine()}`;
  const about = `Measured ${new Date().toISOString().slice(0, 10)}, ${how}; ${versions(databases)}.`;
  return [markdownTable(rows), '', ...[...provisional, ...notes, about].map((note) => `- ${note}`)].join('\n');
}

function machine(): string {
  const [cpu] = cpus();
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release().split('-')[0]}`;
}

function versions({ version, settings }: DatabaseServer): string {
  const require = createRequire(import.meta.url);
  const of = (name: string) => `${name} ${(JSON.parse(readFileSync(join(dirname(require.resolve(name)), '..', 'package.json'), 'utf8')) as { version: string }).version}`;
  const database = Object.entries(settings).map(([name, value]) => `${name} ${value}`).join(', ');
  return `Node ${process.versions.node}, PostgreSQL ${version} (${database}), ${['pg-boss', 'graphile-worker', 'pg'].map(of).join(', ')}, Tradewarden ${commit()}`;
}

/** Which sources were measured. */
function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--', 'src') === '' ? '' : ' with changes'}`;
  } catch {
    return 'outside git';
  }
}

process.exit(await main());
