import { appendFileSync, chmodSync, cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compareWithManifest, differences } from '../../src/backup/compare.js';
import { figuresOf, PINNED } from '../../src/backup/figures.js';
import { NoPgTool, pgTool } from '../../src/backup/pg-tools.js';
import { dropLeftovers, type NotTheSame, proveBackup } from '../../src/backup/prove-backup.js';
import { listBackups, newestVerified, readBackup, sha256 } from '../../src/backup/read-backup.js';
import type { Manifest } from '../../src/backup/manifest.js';
import { type Source, writeBackup } from '../../src/backup/write-backup.js';
import { withClient } from '../../src/database/client.js';
import { type EmbeddedDatabase, useEmbedded } from '../../src/database/embedded/embedded.js';
import { withIdentity } from '../../src/database/roles.js';
import { backedUp, folders } from '../support/backups.js';
import type { TestDatabase } from '../support/database.js';
import { describeOnPostgres15, type Postgres15, startPostgres15 } from '../support/postgres15.js';

const signal = new AbortController().signal;
const { make: newFolder, remove } = folders();
afterAll(remove);

/** A change of the restored copy, and what is said of it. */
const CHANGES: [string, RegExp][] = [
  [`update accounts set currency = 'USD'`, /table accounts has as many rows as it had, 1, and not the same ones/],
  [`alter table account_cash_flows disable trigger user; update account_cash_flows set amount = amount + 0.000000000000000001 where seq = (select min(seq) from account_cash_flows); alter table account_cash_flows enable trigger user`, /table account_cash_flows has as many rows/],
  [`alter table account_cash_flows disable trigger user; update account_cash_flows set at = at + interval '1 microsecond' where seq = (select max(seq) from account_cash_flows); alter table account_cash_flows enable trigger user`, /table account_cash_flows has as many rows/],
  [`alter table events disable trigger user; delete from events where seq = (select max(seq) from events); alter table events enable trigger user`, /table events has 1999 rows and had 2000/],
  [`alter table decision_heads disable trigger user; update decision_heads set head = repeat('cd', 32)`, /decision_heads has as many rows/],
  [`create table more (n int)`, /table more was not there/],
  [`drop table test_clock cascade`, /table test_clock is missing/],
  [`drop trigger refuse_change on account_cash_flows`, /the number of triggers was \d+ and is \d+/],
  [`alter table accounts drop constraint accounts_currency`, /the number of constraints was \d+ and is \d+/],
  [`select setval('events_seq', 1)`, /sequence events_seq was 2000 and is 1/],
];

/** How a file comes to harm. */
const HARM: Record<string, (path: string) => void> = {
  'with one byte flipped': (path) => {
    const bytes = readFileSync(path);
    const at = Math.floor(bytes.length / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  },
  'cut off': (path) => truncateSync(path, readFileSync(path).length - 1),
  'with a byte more': (path) => appendFileSync(path, '\n'),
  'empty': (path) => truncateSync(path, 0),
  'gone': (path) => rmSync(path),
};

/** Somebody who edits the manifest and mends the checksums. */
function edited(folder: string, change: (manifest: Manifest) => void): void {
  const path = join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  change(manifest);
  const text = JSON.stringify(manifest);
  writeFileSync(path, text);
  writeFileSync(join(folder, 'SHA256SUMS'), [...manifest.files, { name: 'manifest.json', sha256: sha256(text) }].map((file) => `${file.sha256}  ${file.name}\n`).join(''));
}


describeOnPostgres15('a dump', () => {
  let server: Postgres15;
  let database: TestDatabase;
  let source: Source;
  let dir: string;
  let made: { folder: string; manifest: Manifest };
  const scratch = () => ({ kind: 'dump', adminUrl: database.ownerUrl }) as const;
  const scratchDatabases = async () => (await database.query<{ datname: string }>(`select datname from pg_database where datname like 'tradewarden\\_scratch%' order by 1`)).map(({ datname }) => datname);
  /** The same backup in a folder of its own. */
  const copyOf = (): string => {
    const copy = join(newFolder(), basename(made.folder));
    cpSync(made.folder, copy, { recursive: true });
    return copy;
  };
  beforeAll(async () => {
    server = await startPostgres15();
    database = await backedUp(server.adminUrl);
    await database.query(`create schema "of ""another"; create table "of ""another".things (n int); create extension if not exists pg_trgm schema "of ""another"`).catch(() => undefined);
    source = { kind: 'dump', ownerUrl: database.ownerUrl, pgDump: await pgTool('pg_dump', 150_000) };
    dir = newFolder();
    made = await writeBackup({ dir, source, appVersion: '1.2.3', signal });
  });
  afterAll(async () => {
    await database?.drop();
    await server?.remove();
  });

  it('comes back as it was, and counts from then on only', async () => {
    const { folder, manifest } = made;
    expect((await readBackup(folder)).verified).toBeNull();
    expect(newestVerified(listBackups(dir))).toBeNull();
    expect(manifest.tables.find(({ name }) => name === 'events')).toMatchObject({ rows: 2000 });
    expect(manifest.sums['account_cash_flows.amount']).toBe('15462.9628237962961695');
    expect(manifest).toMatchObject({ kind: 'dump', database: 'trading', chainHeads: [{ stream: 'system', seq: 3, hash: 'ab'.repeat(32) }], eventsSeq: 2000, schemaVersion: expect.stringMatching(/^\w+1763600\d+$/) });
    const verified = await proveBackup(folder, scratch(), { signal });
    expect(verified).toMatchObject({ ok: true, tables: manifest.tables.length, serverVersion: expect.stringMatching(/^15\./) });
    expect(newestVerified(listBackups(dir))).toMatchObject({ id: manifest.id, fault: null, verified: { ok: true } });
    expect(await scratchDatabases()).toEqual([]);
    expect(readdirSync(dir)).toEqual([manifest.id]);
  });

  it.each(['dump.pgc', 'manifest.json', 'SHA256SUMS'].flatMap((file) => Object.keys(HARM).map((harm) => [file, harm] as const)))('with %s %s is refused, by the name of a file', async (file, harm) => {
    const copy = copyOf();
    HARM[harm]?.(join(copy, file));
    await expect(readBackup(copy)).rejects.toThrow(new RegExp(`${basename(copy)}/(${file.replace('.', '\\.')}|SHA256SUMS|manifest\\.json)`));
  });

  it.each(Object.keys(HARM))('whose proof is %s is not proven', async (harm) => {
    const copy = copyOf();
    HARM[harm]?.(join(copy, 'verified.json'));
    expect((await readBackup(copy)).verified).toBeNull();
    expect(newestVerified(listBackups(join(copy, '..')))).toBeNull();
  });

  it('is refused under another name, and in a format of the future', async () => {
    const copy = copyOf();
    const renamed = join(copy, '..', 'tradewarden-20200101T000000Z-00000000');
    cpSync(copy, renamed, { recursive: true });
    await expect(readBackup(renamed)).rejects.toThrow(/is of another backup/);
    await expect(readBackup(join(copy, '..', 'elsewhere'))).rejects.toThrow(/is no backup/);
    edited(copy, (manifest) => ((manifest as { format: number }).format = 2));
    await expect(readBackup(copy)).rejects.toThrow(/is of format 2, which a newer version/);
  });

  it('whose manifest says otherwise, with mended checksums, is found out when it is restored', async () => {
    const copy = copyOf();
    edited(copy, (manifest) => {
      for (const table of manifest.tables) {
        if (table.name === 'accounts') table.rows += 1;
        if (table.name === 'events') table.hash = 'ab'.repeat(32);
      }
      manifest.sums['account_cash_flows.amount'] = '1';
      manifest.chainHeads = [];
      for (const sequence of manifest.sequences) if (sequence.name === 'events_seq') sequence.value += 1;
      manifest.migrations.pop();
    });
    expect((await readBackup(copy)).verified).toBeNull();
    const failure = await proveBackup(copy, scratch(), { signal }).catch((error: unknown) => error);
    expect((failure as NotTheSame).differences.map(({ detail }) => detail)).toEqual([
      'table accounts has 1 rows and had 2', expect.stringMatching(/^table events has as many rows as it had/), expect.stringMatching(/^the sum of account_cash_flows.amount was 1 and is 15462/),
      expect.stringMatching(/^the last decision of system was not there and is 3 abab/), 'sequence events_seq was 2001 and is 2000', expect.stringMatching(/^the list of migrations was/),
    ]);
    expect(await scratchDatabases()).toEqual([]);
  });

  it('that is damaged, with mended checksums, is found out when it is restored', async () => {
    for (const harm of ['with one byte flipped', 'cut off', 'empty', 'with rows overwritten']) {
      const copy = copyOf();
      HARM[harm]?.(join(copy, 'dump.pgc'));
      const bytes = readFileSync(join(copy, 'dump.pgc'));
      // Behind its table of contents, among the compressed rows.
      if (harm === 'with rows overwritten') bytes.fill(0, Math.floor(bytes.length * 0.8), Math.floor(bytes.length * 0.8) + 2_000);
      writeFileSync(join(copy, 'dump.pgc'), bytes);
      edited(copy, (manifest) => (manifest.files = [{ name: 'dump.pgc', bytes: bytes.length, sha256: sha256(bytes) }]));
      // The last byte of a dump says nothing, nor does one in a comment of its contents: without it all rows are still there, and that is proven.
      const proof = proveBackup(copy, scratch(), { signal });
      if (harm === 'cut off' || harm === 'with one byte flipped') await proof.catch(() => undefined);
      else await expect(proof).rejects.toThrow();
    }
    expect(await scratchDatabases()).toEqual([]);
  });

  it('of which the copy differs in anything is not proven', async () => {
    const copy = copyOf();
    rmSync(join(copy, 'verified.json'));
    await expect(proveBackup(copy, scratch(), {
      signal, beforeCompare: async (url) => {
        // One restore for all of them: each change is taken back.
        await withClient(withIdentity(server.adminUrl, { database: new URL(url).pathname.slice(1) }), async (client) => {
          for (const [change, said] of CHANGES) {
            await client.query(`begin; ${change}`);
            await client.query(PINNED);
            const found = differences(made.manifest, await figuresOf(async (text, values) => (await client.query(text, values)).rows as never));
            await client.query('rollback');
            expect([change, found.map(({ detail }) => detail).join('; ')]).toEqual([change, expect.stringMatching(said)]);
          }
          await client.query(`select setval('events_seq', 2000)`);
        });
        await withClient(url, (client) => client.query(`update accounts set currency = 'USD'`));
      },
    })).rejects.toThrow(/restored, it is not what was backed up: table accounts/);
    expect(readdirSync(copy)).not.toContain('verified.json');
  });

  it('has the same figures whatever the server writes dates, times and bytes like', async () => {
    const odd = withIdentity(database.adminUrl, {});
    await withClient(odd, (client) => client.query(`alter database trading set datestyle = 'German, DMY'; alter database trading set timezone = 'Asia/Kolkata'; alter database trading set extra_float_digits = -10; alter database trading set bytea_output = 'escape'; alter database trading set search_path = pg_catalog`));
    try {
      expect(await compareWithManifest(database.ownerUrl, made.manifest)).toEqual([]);
    } finally {
      await withClient(odd, (client) => client.query(`alter database trading reset all`));
    }
  });

  it('drops what killed runs left: by name and age, and nothing that is in use', async () => {
    const old = 'tradewarden_scratch_20200101t000000z_00000000';
    const used = 'tradewarden_scratch_20200101t000000z_11111111';
    const young = `tradewarden_scratch_${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '').toLowerCase()}_22222222`;
    const others = ['tradewarden_scratch_of_mine', 'tradewarden_scratch_20200101t000000z_0000000g'];
    for (const name of [old, used, young, ...others]) await withClient(database.ownerUrl, (client) => client.query(`create database ${name}`));
    await withClient(withIdentity(database.ownerUrl, { database: used }), async () => expect(await dropLeftovers(database.ownerUrl)).toEqual([old]));
    expect(await scratchDatabases()).toEqual([used, young, ...others].sort());
    for (const name of [used, young, ...others]) await withClient(database.ownerUrl, (client) => client.query(`drop database ${name}`));
  });
});

describe('the tools of PostgreSQL', () => {
  it('are named with their package where they are missing', async () => {
    await expect(pgTool('pg_dump', 990_000)).rejects.toThrow(NoPgTool);
    await expect(pgTool('pg_dump', 990_000)).rejects.toThrow(/no pg_dump for PostgreSQL 99 on this machine: install postgresql-client-99/);
  });
});

describe('a copy of the embedded server', () => {
  let embedded: EmbeddedDatabase;
  let database: TestDatabase;
  let dataDir: string;
  beforeAll(async () => {
    const folder = newFolder();
    chmodSync(folder, 0o755);
    dataDir = join(folder, 'data');
    embedded = await useEmbedded({ dataDir, log: () => undefined, settings: { fsync: 'off' } });
    database = await backedUp(embedded.adminUrl);
  });
  afterAll(async () => {
    await database?.drop();
    await embedded?.release();
  });

  it('is exact while it is written to, comes back as it was in that moment, and is refused when it is damaged', async () => {
    const dir = newFolder();
    let stop = false;
    let written = 0;
    const writers = [1, 2, 3].map(async () => {
      while (!stop) {
        await database.query(`with e as (insert into events (type, actor) values ('account.changed', 'system')) insert into account_cash_flows (id, account_id, kind, amount, at, recorded_by) select gen_random_uuid(), id, 'deposit', 0.01, now(), 'user:1' from accounts`);
        written += 1;
      }
    });
    let folder: string;
    try {
      const { manifest, ...made } = await writeBackup({ dir, source: { kind: 'base', adminUrl: database.adminUrl, cluster: embedded.cluster }, appVersion: '1.2.3', signal });
      folder = made.folder;
      const events = manifest.tables.find(({ name }) => name === 'events')?.rows ?? 0;
      expect(events).toBeGreaterThan(2000);
      expect(manifest.tables.find(({ name }) => name === 'account_cash_flows')?.rows).toBe(events - 1500);
      await proveBackup(folder, { kind: 'base', cluster: embedded.cluster, dataDir }, { signal });
      expect(written).toBeGreaterThan(events - 2000);
      expect(listBackups(dir)).toMatchObject([{ fault: null, verified: { ok: true } }]);
    } finally {
      stop = true;
      await Promise.all(writers);
    }
    expect(readdirSync(dataDir).filter((name) => name.includes('scratch'))).toEqual([]);
    expect(await database.query(`select slot_name from pg_replication_slots`)).toEqual([]);

    HARM['with one byte flipped']?.(join(folder, 'base.tar.gz'));
    await expect(readBackup(folder)).rejects.toThrow(/base\.tar\.gz is not as it was written/);
    const bytes = readFileSync(join(folder, 'base.tar.gz'));
    edited(folder, (manifest) => (manifest.files = [{ name: 'base.tar.gz', bytes: bytes.length, sha256: sha256(bytes) }]));
    await expect(proveBackup(folder, { kind: 'base', cluster: embedded.cluster, dataDir }, { signal })).rejects.toThrow();
    expect(readdirSync(dataDir).filter((name) => name.includes('scratch'))).toEqual([]);
  });
});
