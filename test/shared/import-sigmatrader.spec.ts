import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { startTestApp } from '../support/app.js';
import { cli } from '../support/cli.js';

/** The sample lies beside the project, not in it. */
const SAMPLE = join(process.cwd(), '..', 'shared', 'data', 'legacy', 'sigmatrader', 'sigmatrader.sqlite');
const isHere = existsSync(SAMPLE);

interface Line { name: string; read: number; imported: number; unchanged: number; archived: number; rejected: number }
interface Report { tables: Line[]; secretsLeft: number; proof: { ok: boolean } | null; source: { shape: string }; secrets: { table: string; column: string; count: number }[] }

describe('the sample of SigmaTrader', () => {
  it(isHere ? 'comes over as its dry run said, once, and without its secrets' : 'is not here: nothing was imported', async () => {
    if (!isHere) return;
    const folder = mkdtempSync(join(tmpdir(), 'tradewarden-sample-'));
    const app = await startTestApp();
    try {
      const path = join(folder, 'sigmatrader.sqlite');
      copyFileSync(SAMPLE, path);
      const run = (...flags: string[]) => cli<Report>(['import', path, '--json', ...flags], { DATABASE_URL: app.db.url, DATABASE_OWNER_URL: app.db.ownerUrl, MIGRATE_ON_START: 'off' });
      const lines = ({ tables }: Report) => tables.map(({ name, read, imported, unchanged, archived, rejected }) => ({ name, read, imported, unchanged, archived, rejected }));
      const plan = await run('--dry-run');
      const done = await run();
      expect([plan.code, done.code]).toEqual([0, 0]);
      expect(lines(plan.json)).toEqual(lines(done.json));
      expect(done.json).toMatchObject({ source: { shape: 'alembic 0080' }, secretsLeft: 0, proof: { ok: true }, secrets: expect.arrayContaining([{ table: 'users', column: 'password_hash', count: 1 }]) });
      for (const { name, read, imported, unchanged, archived, rejected } of done.json.tables) expect([name, read]).toEqual([name, imported + unchanged + archived + rejected]);
      expect(done.json.tables.filter(({ imported }) => imported > 0).map(({ name, imported }) => [name, imported])).toEqual([['strategies', 9], ['signal_strategies', 5]]);
      const again = await run();
      expect(again.json.tables.filter(({ read, unchanged }) => read !== unchanged)).toEqual([]);
      expect(await app.db.query(`select 1 from import_archive where original::text like '%pbkdf2%'`)).toEqual([]);
      const strategies = await app.http<{ items: { name: string; retired: boolean; entryConditions: { sigmatrader: { dsl?: string } } }[] }>('GET', '/strategies?limit=100');
      expect(strategies.body.items.map(({ name, retired }) => `${name} ${retired}`)).toContain('ST001-G RSI overbought with trend filter true');
    } finally {
      await app.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
