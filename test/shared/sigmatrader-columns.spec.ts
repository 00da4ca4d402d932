import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import { COLUMNS } from '../../src/legacy/profiles/sigmatrader/profile.js';

/** The sample lies beside the project, not in it. */
const SAMPLE = join(process.cwd(), '..', 'shared', 'data', 'legacy', 'sigmatrader', 'sigmatrader.sqlite');
const isHere = existsSync(SAMPLE);

describe('the profile of SigmaTrader', () => {
  it(isHere ? 'says of each table and each column of the sample what becomes of it, and of none that is not there' : 'could not be compared with the sample, which is not here', () => {
    if (!isHere) return;
    const db = new DatabaseSync(`file:${SAMPLE}?immutable=1`, { readOnly: true });
    const tables = db.prepare(`select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name`).all() as { name: string }[];
    const there = Object.fromEntries(tables.map(({ name }) => [name, db.prepare('select name from pragma_table_info(?)').all(name).map((column) => column['name']).sort()]));
    db.close();
    expect(Object.fromEntries(Object.entries(COLUMNS).map(([name, columns]) => [name, [...columns].sort()]))).toEqual(there);
    expect(tables).toHaveLength(80);
  });
});
