import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type System, SYSTEMS } from '../../src/legacy/profile.js';
import { PROFILES } from '../../src/legacy/profiles/profiles.js';
import { RollbackBlocked } from '../../src/legacy/rollback/rollback.js';
import { SupervisionService } from '../../src/supervisor/supervision.service.js';
import { openSource } from '../../src/legacy/source/open-source.js';
import { SourceError } from '../../src/legacy/source/source-error.js';
import type { ImportReport } from '../../src/legacy/load/import-run.js';
import { startTestApp, type TestApp } from './app.js';
import { figures, Importer } from './fuzz-import.js';
import { wrongSums } from './fuzz-sums.js';
import { marksIn, writeFolder } from './fuzzed-folder.js';
import { fuzzed, later } from './fuzzed.js';
import { countsOf, type OldTable, textsOf, writeTables } from './old-data.js';
import { Draw } from './old-systems.js';
import { seeded } from './random.js';
import { SECRETS } from './sigmatrader-database.js';

/** FUZZ_SEED=n tries that one alone; FUZZ_CASES=n as many, from FUZZ_FROM on. */
const CASES = Number(process.env['FUZZ_CASES'] ?? (process.env['FULL_FIGURES'] ? 500 : 20));
const ONLY = process.env['FUZZ_SEED'];
const BEGIN = Number(process.env['FUZZ_FROM'] ?? 1);

let t: TestApp;
let importer: Importer;
let folder: string;
beforeAll(async () => {
  t = await startTestApp();
  importer = new Importer(t);
  folder = mkdtempSync(join(tmpdir(), 'tradewarden-fuzz-'));
});
afterAll(async () => {
  await t.close();
  rmSync(folder, { recursive: true, force: true });
});

const KNOWN_ENDS = [null, 'ROWS_REJECTED'];
let files = 0;

/** One database, from its first dry run to the rollback of all that came of it. Returns what went wrong. */
async function tried(system: System, seed: number): Promise<string[]> {
  const draw = new Draw(seeded(seed * 7919 + SYSTEMS.indexOf(system)));
  const isFolder = seed % 4 === 0;
  const { tables, secrets } = fuzzed(system, draw, seed, isFolder);
  const path = join(folder, `${++files}${isFolder ? '' : '.db'}`);
  if (isFolder) writeFolder(path, system, tables, draw);
  else writeTables(path, tables);
  const name = `fuzz ${system} ${seed}`;
  const wrong: string[] = [];
  const must = (holds: boolean, what: string) => holds || wrong.push(what);
  const before = await importer.digest();
  let dry: ImportReport;
  try {
    dry = await importer.run(path, system, name, { dryRun: true });
  } catch (error) {
    if (error instanceof SourceError && ['SOURCE_UNKNOWN', ...(isFolder ? ['SOURCE_EMPTY'] : [])].includes(error.code)) return ['UNKNOWN'];
    throw error;
  }
  must(dry.error === null, `dry run: ${dry.error?.code} ${dry.error?.message}`);
  same('a dry run writes nothing', await importer.digest(), before, wrong);
  let run = await importer.run(path, system, name, { acceptRejects: false });
  must(KNOWN_ENDS.includes(run.error?.code ?? null), `first run: ${run.error?.code} ${run.error?.message} ${JSON.stringify(run.proof?.damage.slice(0, 3))}`);
  if (run.error !== null) {
    same('a refused run writes nothing', await importer.digest(), before, wrong);
    must(run.rejectsFile !== null, 'no report of rejects');
    same('a refused run is as the dry run', figures(run), figures(dry), wrong);
    run = await importer.run(path, system, name);
  }
  must(run.error === null && run.proof?.ok === true, `accepted run: ${run.error?.code} ${run.error?.message} ${JSON.stringify(run.proof?.damage.slice(0, 3))}`);
  if (run.error !== null) return wrong;
  same('the dry run is as the real one', figures(dry), figures(run), wrong);
  if (!isFolder) same('what was read is what SQLite counts', Object.fromEntries(run.tables.map(({ name: each, read }) => [each, read])), countsOf(path), wrong);
  for (const table of run.tables) must(table.read === table.imported + table.unchanged + table.archived + table.rejected && table.unchanged === 0, `${table.name} does not add up`);
  await oneOfThree(path, system, name, run, wrong);
  if (!isFolder) for (const each of await wrongSums(t, system, name, path, tables)) wrong.push(each);
  must(run.secretsLeft === 0, `secretsLeft ${run.secretsLeft}`);
  for (const each of await importer.whereAre([...secrets, ...SECRETS], run)) wrong.push(`secret: ${each}`);
  const originals = await importer.originals(run.runId);
  const marks = isFolder ? marksIn(path, `mk${seed}x`) : tables.flatMap(({ name: table }) => textsOf(path, table, 'fuzz_mark')).filter((each) => each.startsWith('mk'));
  for (const each of marks) must(originals.includes(each), `the row ${each} is lost`);
  const after = await importer.digest();
  const again = await importer.run(path, system, name);
  must(again.error === null && again.tables.every(({ read, unchanged, rejected }) => read === unchanged + rejected) && again.rejected === run.rejected, `second run: ${again.error?.code} ${JSON.stringify(figures(again))}`);
  same('a second run is a no-op', await importer.digest(), after, wrong);
  if (!isFolder && (await another(system, seed, tables, name, after, draw, wrong))) return wrong;
  // The server goes on meanwhile, and what is imported is nothing that it acts on.
  await t.app.get(SupervisionService, { strict: false }).watch();
  await importer.back(again.runId);
  await importer.back(run.runId);
  same('a rollback leaves what was before', await importer.digest(), before, wrong);
  return wrong;
}

/** A newer copy of the same database, or another with the same ids, on top; and away again. True: revisions that it made stay, and so does all. */
async function another(system: System, seed: number, tables: readonly OldTable[], name: string, after: Record<string, string>, draw: Draw, wrong: string[]): Promise<boolean> {
  if (!draw.chance(0.5)) return false;
  const path = join(folder, `${++files}.db`);
  writeTables(path, later(tables, draw));
  const update = draw.chance(0.5);
  const isOther = draw.chance(0.4);
  const run = await importer.run(path, system, isOther ? `${name} b` : name, { update });
  if (run.error !== null || run.proof?.ok !== true) wrong.push(`${isOther ? 'another source' : update ? 'newer copy, with --update' : 'newer copy'} (${seed}): ${run.error?.code} ${run.error?.message} ${JSON.stringify(run.proof?.damage.slice(0, 3))}`);
  if (run.error !== null) return false;
  for (const table of run.tables) if (table.read !== table.imported + table.unchanged + table.archived + table.rejected) wrong.push(`newer copy: ${table.name} does not add up`);
  try {
    await importer.back(run.runId);
  } catch (error) {
    if (error instanceof RollbackBlocked && error.blockers.every(({ why }) => why.includes('revisions only go forward'))) return true;
    throw error;
  }
  same('a rollback leaves what the first run brought', await importer.digest(), after, wrong);
  return false;
}

/** Each row's name stands once among what was imported, archived and rejected. */
async function oneOfThree(path: string, system: System, name: string, run: ImportReport, wrong: string[]): Promise<void> {
  const found = await importer.identities(name, run.runId);
  const opened = await openSource(path);
  for (const table of opened.as(PROFILES.find((each) => each.system === system)?.files ?? []).tables) {
    const ids = [...table.rows()].map(({ id }) => id);
    const stored = found.get(table.name) ?? [];
    if (stored.length !== ids.length) wrong.push(`${table.name}: ${ids.length} rows, ${stored.length} identities`);
    // A row that is named by a secret is named by its hash here.
    if (stored.every((id) => !id.startsWith('\\s'))) same(`identities of ${table.name}`, stored.sort(), ids.sort(), wrong);
    if (new Set(stored).size !== stored.length && run.tables.find((each) => each.name === table.name)?.rejected === 0) wrong.push(`${table.name}: an identity stands twice`);
  }
  opened.close();
}

function same(what: string, is: unknown, should: unknown, wrong: string[]): void {
  try {
    expect(is).toEqual(should);
  } catch (error) {
    wrong.push(`${what}: ${(error as Error).message.split('\n').filter((line) => /^\s*[-+] /.test(line)).slice(0, 8).join(' ')}`);
  }
}

/** One system a file, so that they run beside each other: all five in one were the longest file of all. */
export function fuzzImports(system: System): void {
  it('comes over without a row lost, a sum wrong or a secret stored, and goes again', async () => {
    const found: string[] = [];
    let unknown = 0;
    const seeds = ONLY ? [Number(ONLY)] : Array.from({ length: CASES }, (_, n) => n + BEGIN);
    for (const seed of seeds) {
      const wrong = await tried(system, seed).catch((error: unknown) => [`threw ${(error as Error).stack} ${error instanceof RollbackBlocked ? JSON.stringify(error.blockers) : ''}`]);
      if (wrong[0] === 'UNKNOWN') unknown += 1;
      else if (wrong.length > 0) {
        found.push(`FUZZ_SEED=${seed} ${system}: ${wrong.slice(0, 5).join('\n  ')}`);
        if (found.length >= 5) break;
      }
    }
    expect(found).toEqual([]);
    expect(unknown).toBeLessThan(Math.max(1, seeds.length / 4));
  });
}
