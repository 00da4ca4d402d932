import { join } from 'node:path';
import { ExportService } from '../../src/legacy/export/export.service.js';
import type { ExportReport } from '../../src/legacy/export/export-report.js';
import { ImportService } from '../../src/legacy/load/import.service.js';
import type { ImportReport } from '../../src/legacy/load/import-run.js';
import type { System } from '../../src/legacy/profile.js';
import { PROFILES } from '../../src/legacy/profiles/profiles.js';
import { recognise } from '../../src/legacy/recognise.js';
import type { Cell } from '../../src/legacy/source/cell.js';
import { openSource } from '../../src/legacy/source/open-source.js';
import { sourceHash } from '../../src/legacy/source/source-hash.js';
import type { TestApp } from './app.js';

export async function importPath(t: TestApp, path: string, system: System, name: string = system): Promise<ImportReport> {
  const opened = await openSource(path, { hot: false });
  try {
    const { profile, shape, source } = recognise(opened, PROFILES, system);
    return await t.app.get(ImportService).run(t.db.url, { fileName: 'old', source, profile, shape }, {
      source: name, account: null, liveAccount: null, dryRun: false, skipData: false, acceptRejects: false, batch: null, resume: false, update: false, report: join(path, '..', 'rejects.jsonl'),
    }, { begins: () => undefined, rows: () => undefined, says: () => undefined }, 'test');
  } finally {
    opened.close();
  }
}

export const exportPath = (t: TestApp, out: string, system: System, source: string = system, withOpenTrades = true): Promise<ExportReport> =>
  t.app.get(ExportService).export({ system, source, out, withOpenTrades, overwrite: false, progress: () => undefined });

/** Each row of each table that has one, by what says that it is unchanged, without what was a secret. */
export async function contentOf(path: string, system: System, secrets: ImportReport['secrets']): Promise<Record<string, Record<string, string>>> {
  const opened = await openSource(path, { hot: false });
  try {
    const without = (cells: Readonly<Record<string, Cell>>, table: string) =>
      Object.fromEntries(Object.entries(cells).filter(([name]) => !secrets.some((secret) => secret.table === table && secret.column.split('.')[0] === name)));
    const { source } = recognise(opened, PROFILES, system);
    return Object.fromEntries(source.tables.map((table) => [table.name, Object.fromEntries([...table.rows()].map(({ id, cells }) => [id, sourceHash(without(cells, table.name)).toString('hex')]))] as const)
      .filter(([, rows]) => Object.keys(rows).length > 0));
  } finally {
    opened.close();
  }
}
