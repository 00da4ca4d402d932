import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ImportReport } from '../../src/legacy/load/import-run.js';
import type { System } from '../../src/legacy/profile.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { Importer } from '../support/fuzz-import.js';
import { contentOf, exportPath, importPath } from '../support/round-trip.js';

let t: TestApp;
let old: string;
let out: string;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'tradewarden-odd-'));
  [old, out] = [join(folder, 'old.db'), join(folder, 'out.db')];
});
afterEach(() => rmSync(join(old, '..'), { recursive: true, force: true }));

function write(sql: string, path = old): void {
  writeFileSync(path, '');
  using db = new DatabaseSync(path);
  db.exec(sql);
}

function rowsOf(path: string, sql: string): unknown[] {
  using db = new DatabaseSync(path, { readOnly: true });
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  return statement.all().map((row) => ({ ...row }));
}

const columnsOf = (path: string, table: string): unknown[] => rowsOf(path, `select name, upper(type) as type from pragma_table_info('${table}')`);
const changedIn = ({ tables }: ImportReport) => tables.filter(({ name, imported, archived, rejected }) => name !== 'sqlite_sequence' && imported + archived + rejected > 0).map(({ name }) => name);
const gone = (report: ImportReport) => expect([report.status, report.rejects.map(({ table, oldId, code }) => `${table} ${oldId} ${code}`), report.proof?.ok, changedIn(report)]).toEqual(['finished', [], true, []]);

/** There and back: what came comes back, and is what it was. */
async function roundTrip(system: System, name: string): Promise<ImportReport> {
  const first = await importPath(t, old, system, name);
  expect([first.status, first.rejected, first.proof?.ok]).toEqual(['finished', 0, true]);
  await exportPath(t, out, system, name);
  gone(await importPath(t, out, system, name));
  return first;
}

describe('secrets', () => {
  const SECRETS = ['Mt5P4ssw0rd##Q', 'pgS3cretPw!7788', 'T0kenInWords55aa'];
  const STATE = `create table agent_state (id integer primary key, status text, mode text, cycle_count integer, last_cycle_at datetime, last_signal json, kill_switch_active boolean, circuit_breaker_state text, error_message text, config json, updated_at datetime);
    create table circuit_breaker_events (id integer primary key, breaker_type text, action text, severity text, reason text, value float, threshold float, triggered_at datetime, created_at datetime);
    create table notes (id integer primary key, words text);
    insert into agent_state values (1, 'running', 'live', 3, null, null, 0, 'active', 'login with ${SECRETS[0]} failed, and ${SECRETS[1]} too', '{"mt5": {"password": "${SECRETS[0]}"}, "urls": ["postgresql://ai:pgS3cretPw%217788@db:5432/ai"]}', '2026-01-05 10:00:00');
    insert into circuit_breaker_events values (1, 'drawdown', 'triggered', 'critical', 'the broker said ${SECRETS[2]} is wrong', 15.5, 15, '2026-01-05 10:00:00', '2026-01-05 10:00:00');
    insert into notes values (1, 'api_key: ${SECRETS[2]}')`;

  it('of a document, of a URL or of words go also where they stand once more, in any text of the source', async () => {
    write(STATE);
    const importer = new Importer(t);
    const report = await importer.run(old, 'ai-trader', 'repeated');
    expect([report.error, report.secretsLeft]).toEqual([null, 0]);
    expect(await importer.whereAre(SECRETS, report)).toEqual([]);
    expect(await importer.originals(report.runId)).toContain('login with [secret removed] failed, and [secret removed] too');
  });

  it('that were removed make no row another one when it comes back, also of a table that is never changed', async () => {
    write(STATE);
    await roundTrip('ai-trader', 'removed');
  });
});
