import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { dropFresh, type Fresh, freshDatabase } from '../support/fresh-database.js';
import { addsUp, copyOf, importOf, isThere, LEGACY, sums } from '../support/legacy-import.js';
import { onConnection } from '../support/cluster.js';

const FOLDER = join(LEGACY, 'rec-io');
const VARIANTS = isThere ? readdirSync(join(FOLDER, 'variants')).sort() : [];

afterAll(dropFresh);

const ask = <T>(database: Fresh, sql: string): Promise<T[]> => onConnection(database.ownerUrl, async (client) => (await client.query(sql)).rows as T[]);

describe('the database of rec_io', () => {
  it(isThere ? 'comes in with every row, a dry run says the same before, and a second run changes nothing' : 'is not here: nothing was checked', async () => {
    if (!isThere) return;
    const database = await freshDatabase();
    const file = copyOf(join(FOLDER, 'rec_io.sqlite'));
    const dry = await importOf(database, file, '--dry-run');
    expect(await ask(database, 'select from trades')).toEqual([]);
    const real = await importOf(database, file);
    expect([dry.code, real.code]).toEqual([0, 0]);
    expect({ ...dry.report, runId: '', dryRun: false, proof: null }).toEqual({ ...real.report, runId: '', proof: null });
    expect(real.report).toMatchObject({ source: { system: 'rec-io', shape: 'trades' }, secretsLeft: 0, rejects: [], proof: { ok: true } });
    expect(addsUp(real.report)).toBe(true);
    expect(sums(real.report)).toMatchObject({ trades: [11, 11, 0, 0, 0], active_trades: [3, 1, 0, 2, 0], balance_history: [2, 2, 0, 0, 0], fills: [3, 0, 0, 3, 0], sqlite_sequence: [10, 0, 0, 10, 0] });
    const old = (column: string) => ask(database, `select r.old_id, ${column} as is from trades t join import_rows r on r.target_id = t.id join import_tables i on i.id = r.table_id and i.name = 'trades' order by r.old_id::int`);
    expect((await old('t.status')).map((row) => Object.values(row as object)[1])).toEqual(['closed', 'closed', 'closed', 'closed', 'unknown', 'unknown', 'unknown', 'unknown', 'unknown', 'closed', 'closed']);
    expect((await old('t.net_profit::text')).map((row) => Object.values(row as object)[1])).toEqual(['0.07', '-1.47', '0', '0.01', null, null, null, null, null, '0.07', '0.06']);

    const again = await importOf(database, file);
    expect(again).toMatchObject({ code: 0, report: { proof: { ok: true } } });
    expect(sums(again.report)).toMatchObject({ trades: [11, 0, 11, 0, 0], active_trades: [3, 0, 3, 0, 0], balance_history: [2, 0, 2, 0, 0] });
    expect(await ask(database, 'select count(*)::int as n from trades')).toEqual([{ n: 12 }]);
  });

  it.each(VARIANTS.length > 0 ? VARIANTS : ['no variant'])('as %s comes in, or says which rows it refuses and takes the others where that is accepted', async (name) => {
    if (!isThere) return;
    const database = await freshDatabase();
    const file = copyOf(join(FOLDER, 'variants', name));
    const strict = await importOf(database, file);
    expect(addsUp(strict.report)).toBe(true);
    const refused = strict.report.tables.reduce((sum, { rejected }) => sum + rejected, 0);
    expect(strict.report.rejects.map(({ code }) => code)).toEqual(name === 'trades_create_test_data.sqlite' ? ['OUTCOME_CONTRADICTED'] : []);
    expect(strict.code).toBe(refused === 0 ? 0 : 1);
    if (refused === 0) return;
    expect(await ask(database, 'select from import_archive')).toEqual([]);
    expect(await importOf(database, file, '--accept-rejects')).toMatchObject({ code: 0, report: { proof: { ok: true } } });
  });
});
