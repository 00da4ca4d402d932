import { copyFileSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { System } from '../../src/legacy/profile.js';
import type { ImportReport } from '../../src/legacy/load/import-run.js';
import { startTestApp } from '../support/app.js';
import { contentOf, exportPath, importPath } from '../support/round-trip.js';

/** Files of the old systems lie beside the project, not in it. */
const LEGACY = join(process.cwd(), '..', 'shared', 'data', 'legacy');
const areHere = existsSync(LEGACY);

const SAMPLES: [System, string][] = [
  ['ai-trader', 'ai-trader/trading.db'], ['sigmatrader', 'sigmatrader/sigmatrader.sqlite'], ['rec-io', 'rec-io/rec_io.sqlite'], ['ai-trading-platform', 'ai-trading-platform'],
];

const countsOf = ({ tables, sums }: ImportReport) => ({ sums, tables: Object.fromEntries(tables.filter(({ read }) => read > 0).map(({ name, read, imported, archived }) => [name, [read, imported, archived]])) });

describe('an old system that is imported and exported', () => {
  it.each(SAMPLES)(areHere ? 'comes back row by row: %s' : 'is not here: nothing was checked of %s', async (system, sample) => {
    if (!areHere) return;
    const t = await startTestApp();
    const folder = mkdtempSync(join(tmpdir(), 'tradewarden-round-'));
    try {
      const [old, out] = [join(folder, 'old'), join(folder, 'out')];
      if (sample.includes('.')) copyFileSync(join(LEGACY, sample), old);
      else cpSync(join(LEGACY, sample), old, { recursive: true });
      const first = await importPath(t, old, system);
      expect(first).toMatchObject({ status: 'finished', rejected: 0 });
      const report = await exportPath(t, out, system);
      expect(report.leftOut).toEqual([]);
      expect(report.inexact).toEqual({});
      expect(await contentOf(out, system, first.secrets)).toEqual(await contentOf(old, system, first.secrets));
      // A row whose secret was taken out is another one to the same source: it goes to a database that has none.
      const fresh = await startTestApp();
      try {
        const second = await importPath(fresh, out, system);
        expect(second).toMatchObject({ status: 'finished', rejected: 0 });
        expect(countsOf(second)).toEqual(countsOf(first));
      } finally {
        await fresh.close();
      }
      if (first.secrets.length > 0) return;
      const again = await importPath(t, out, system);
      expect(again).toMatchObject({ status: 'finished', rejected: 0 });
      expect(again.tables.filter(({ imported, archived }) => imported + archived > 0).map(({ name }) => name)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
      await t.close();
    }
  });
});
