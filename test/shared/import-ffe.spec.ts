import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { onConnection } from '../support/cluster.js';
import { dropFresh, type Fresh, freshDatabase } from '../support/fresh-database.js';
import { addsUp, copyOf, importOf, isThere, LEGACY, sums } from '../support/legacy-import.js';

afterAll(dropFresh);

const ask = <T>(database: Fresh, sql: string): Promise<T[]> => onConnection(database.ownerUrl, async (client) => (await client.query(sql)).rows as T[]);

describe('the stores of FFE', () => {
  it(isThere ? 'are refused for the decision that is no JSON, and come in without it where that is accepted' : 'are not here: nothing was checked', async () => {
    if (!isThere) return;
    const database = await freshDatabase();
    const file = copyOf(join(LEGACY, 'finance-feedback-engine', 'ffe.sqlite'));
    const strict = await importOf(database, file);
    expect(strict).toMatchObject({ code: 1, report: { status: 'failed', rejects: [{ table: 'decisions', code: 'JSON_INVALID' }] } });
    expect(await ask(database, 'select from import_archive')).toEqual([]);

    const dry = await importOf(database, file, '--accept-rejects', '--dry-run');
    const real = await importOf(database, file, '--accept-rejects');
    expect([dry.code, real.code]).toEqual([0, 0]);
    expect(sums(dry.report)).toEqual(sums(real.report));
    expect(sums(real.report)).toMatchObject({ api_keys: [2, 0, 0, 2, 0], auth_audit_log: [3, 0, 0, 3, 0], decisions: [3, 2, 0, 0, 1] });
    expect(addsUp(real.report)).toBe(true);
    expect(real.report).toMatchObject({
      secrets: expect.arrayContaining([{ table: 'api_keys', column: 'key_hash', count: 2 }, { table: 'auth_audit_log', column: 'api_key_hash', count: 3 }]), secretsLeft: 0, proof: { ok: true },
    });
    const kept = await ask<{ text: string }>(database, `select coalesce(original::text, '') || coalesce(notes::text, '') as text from import_archive`);
    expect(kept.filter(({ text }) => /97b20282|2e103b51|ef765dc4/.test(text))).toEqual([]);
    expect(kept.filter(({ text }) => text.includes('old-dashboard'))).toHaveLength(2);

    const again = await importOf(database, file, '--accept-rejects');
    expect(sums(again.report)).toMatchObject({ api_keys: [2, 0, 2, 0, 0], auth_audit_log: [3, 0, 3, 0, 0], decisions: [3, 0, 2, 0, 1] });
  });
});
