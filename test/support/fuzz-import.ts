import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SealKeys } from '../../src/decisions/seal.js';
import { ImportService } from '../../src/legacy/load/import.service.js';
import type { ImportOptions, ImportReport } from '../../src/legacy/load/import-run.js';
import type { System } from '../../src/legacy/profile.js';
import { PROFILES } from '../../src/legacy/profiles/profiles.js';
import { recognise } from '../../src/legacy/recognise.js';
import { rollback } from '../../src/legacy/rollback/rollback.js';
import { openSource } from '../../src/legacy/source/open-source.js';
import { TEST_SECRETS, type TestApp } from './app.js';

const WATCH = { begins: () => undefined, rows: () => undefined, says: () => undefined };
/** Written by the server by itself, or told of the import and kept. */
const LEFT_OUT = ['events', 'import_runs', 'import_rejects', 'schedules', 'database_latencies', 'server_health', 'breaker_checks', 'breaker_states', 'auth_audit', 'refresh_tokens', 'test_clock'];
/** Where anything of an import may stand. */
const WRITTEN = ['import_runs', 'import_rejects', 'import_rows', 'import_archive', 'import_tables', 'import_changes', 'trades', 'trade_transitions', 'trade_explanations', 'predictions', 'strategies', 'strategy_versions', 'alerts', 'alert_runs', 'decision_history', 'decision_heads',
  'snapshot_market', 'snapshot_account', 'snapshot_indicators', 'snapshot_calendar', 'snapshot_news', 'circuit_breaker_events', 'agents', 'accounts', 'webhook_sources', 'events'];

/** Imports in this process, into the one database of a test: a process for each case would take a second. */
export class Importer {
  private digestSql = '';

  constructor(readonly t: TestApp) {}

  /** @throws SourceError where the file is nobody's */
  async run(path: string, system: System, name: string, more: Partial<ImportOptions> = {}): Promise<ImportReport> {
    const opened = await openSource(path);
    try {
      const { profile, shape, source } = recognise(opened, PROFILES, system);
      const options: ImportOptions = {
        source: name, account: null, liveAccount: null, dryRun: false, skipData: false, acceptRejects: true, batch: null, resume: false, update: false, report: resolve(`${path}.rejects.jsonl`), ...more,
      };
      return await this.t.app.get(ImportService, { strict: false }).run(this.t.db.url, { fileName: 'old.db', source, profile, shape }, options, WATCH, '0');
    } finally {
      opened.close();
    }
  }

  async back(run: string): Promise<void> {
    await rollback({ ownerUrl: this.t.db.ownerUrl, run, keys: new SealKeys(TEST_SECRETS.AUDIT_KEY, undefined), dryRun: false, actor: 'test', say: () => undefined });
  }

  /** Of every table, apart from what tells of imports and what a server writes by itself. */
  async digest(): Promise<Record<string, string>> {
    if (this.digestSql === '') {
      const tables = await this.t.db.query<{ name: string }>(`select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition and relname <> all($1) order by 1`, [LEFT_OUT]);
      this.digestSql = tables.map(({ name }) => {
        const shown = name === 'decision_heads' ? `(to_jsonb(t) - 'moved_at')::text` : 't::text';
        return `select '${name}' as name, count(*) || ' ' || coalesce(md5(string_agg(${shown}, '|' order by ${shown})), '') as digest from ${name} t`;
      }).join(' union all ');
    }
    return Object.fromEntries((await this.t.db.query<{ name: string; digest: string }>(this.digestSql)).map(({ name, digest }) => [name, digest]));
  }

  /** Every old id that is imported, archived or rejected of a source, as often as it stands there. */
  async identities(name: string, run: string): Promise<Map<string, string[]>> {
    const rows = await this.t.db.query<{ table: string; id: string }>(
      `select t.name as "table", r.old_id as id from import_tables t join import_rows r on r.table_id = t.id where t.source = $1 union all select t.name, a.old_id from import_tables t join import_archive a on a.table_id = t.id where t.source = $1
       union all select table_name, old_id from import_rejects where run_id = $2`, [name, run]);
    const found = new Map<string, string[]>();
    for (const { table, id } of rows) found.set(table, [...(found.get(table) ?? []), id]);
    return found;
  }

  /** Everything that is kept of old rows, bytes and all. */
  async originals(run: string): Promise<string> {
    const rows = await this.t.db.query<{ line: string }>(`select original::text as line from import_rows where original is not null union all select original::text from import_archive union all select original::text from import_rejects where run_id = $1`, [run]);
    return rows.map(({ line }) => withBytes(line)).join('\n');
  }

  /** Where one of these words stands: in a table, or in the report of rejects. */
  async whereAre(words: readonly string[], report: ImportReport): Promise<string[]> {
    if (words.length === 0) return [];
    const forms = words.flatMap((word) => [word, Buffer.from(word).toString('hex')]);
    const found = await this.t.db.query<{ name: string; line: string }>(
      WRITTEN.map((name) => `(select '${name}' as name, t::text as line from ${name} t where t::text ~ $1 limit 3)`).join(' union all '), [forms.map((form) => form.replace(/[^\w]/g, '.')).join('|')]);
    const kept = await this.originals(report.runId);
    const file = report.rejectsFile === null ? '' : withBytes(readFileSync(report.rejectsFile, 'utf8'));
    return [
      ...found.map(({ name, line }) => `${name}: ${line.slice(0, 300)}`), ...words.filter((word) => kept.includes(word)).map((word) => `originals hold ${word}`),
      ...words.filter((word) => file.includes(word)).map((word) => `the report of rejects holds ${word}`), ...words.filter((word) => JSON.stringify(report).includes(word)).map((word) => `the answer holds ${word}`),
    ];
  }
}

/** With what stands in base64 beside it. */
const withBytes = (line: string): string => line + [...line.matchAll(/"(?:text|blob)": ?"([A-Za-z0-9+/=]{4,})"/g)].map(([, bytes = '']) => Buffer.from(bytes, 'base64').toString('latin1')).join('\n');

export const figures = ({ tables }: ImportReport): Record<string, number[]> =>
  Object.fromEntries(tables.map(({ name, read, imported, unchanged, archived, rejected }) => [name, [read, imported, unchanged, archived, rejected]]));
