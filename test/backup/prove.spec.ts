import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pgTool } from '../../src/backup/pg-tools.js';
import { dropLeftovers, proveBackup } from '../../src/backup/prove-backup.js';
import { listBackups, readBackup } from '../../src/backup/read-backup.js';
import { type Source, writeBackup } from '../../src/backup/write-backup.js';
import { withIdentity } from '../../src/database/roles.js';
import { type EmbeddedDatabase, useEmbedded } from '../../src/database/embedded/embedded.js';
import { backedUp, type Backed } from '../support/backups.js';
import { hasPostgres15, type Postgres15, startPostgres15 } from '../support/postgres15.js';

const signal = new AbortController().signal;
const folders: string[] = [];
const newFolder = () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tradewarden-backups-')));
  folders.push(folder);
  return folder;
};
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A change of the restored copy, and what is said of it. */
const CHANGES: [string, RegExp][] = [
  [`update accounts set currency = 'USD'`, /table accounts has as many rows as it had, 1, and not the same ones/],
  [`alter table account_cash_flows disable trigger user; update account_cash_flows set amount = amount + 0.000000000000000001 where seq = (select min(seq) from account_cash_flows)`, /table account_cash_flows has as many rows/],
  [`alter table events disable trigger user; delete from events where seq = (select max(seq) from events)`, /table events has 1999 rows and had 2000/],
  [`insert into test_of_nothing values (1)`, /table test_of_nothing was not there/],
  [`drop trigger refuse_change on account_cash_flows`, /the number of triggers was \d+ and is \d+/],
  [`drop index incidents_one_open`, /the number of (indexes|constraints)/],
  [`select setval('events_seq', 1)`, /sequence events_seq was 2000 and is 1/],
];

const withClient15 = hasPostgres15 ? describe : describe.skip;

withClient15('a dump', () => {
  let server: Postgres15;
  let database: Backed;
  let source: Source;
  beforeAll(async () => {
    server = await startPostgres15();
    database = await backedUp(server.adminUrl);
    source = { kind: 'dump', ownerUrl: database.ownerUrl, pgDump: await pgTool('pg_dump', 150_000) };
  }, 60_000);
  afterAll(async () => {
    await database.end();
    await server.remove();
  });
  const scratch = () => ({ kind: 'dump', adminUrl: database.ownerUrl }) as const;
  const scratchDatabases = async () => (await database.query<{ datname: string }>(`select datname from pg_database where datname like 'tradewarden_scratch%'`)).map(({ datname }) => datname);

  it('is whole, comes back as it was, and counts from then on only', async () => {
    const dir = newFolder();
    const { folder, manifest } = await writeBackup({ dir, source, appVersion: '1.2.3', signal });
    expect((await readBackup(folder)).verified).toBeNull();
    expect(manifest.tables.find(({ name }) => name === 'events')).toMatchObject({ rows: 2000 });
    expect(manifest.sums['account_cash_flows.amount']).toBe('15462.9628237962961695');
    expect(manifest).toMatchObject({ kind: 'dump', database: 'trading', chainHeads: [{ stream: 'system', seq: 3, hash: 'ab'.repeat(32) }], eventsSeq: 2000, schemaVersion: expect.stringMatching(/^\w+1763600\d+$/) });
    const verified = await proveBackup(folder, scratch(), { signal });
    expect(verified).toMatchObject({ ok: true, tables: manifest.tables.length, serverVersion: expect.stringMatching(/^15\./) });
    expect(listBackups(dir)).toMatchObject([{ id: manifest.id, fault: null, verified: { ok: true } }]);
    expect(await scratchDatabases()).toEqual([]);
    expect(readdirSync(dir)).toEqual([manifest.id]);
  }, 60_000);
});

describe('a copy of the embedded server', () => {
  let embedded: EmbeddedDatabase;
  let database: Backed;
  let dataDir: string;
  beforeAll(async () => {
    const folder = newFolder();
    chmodSync(folder, 0o755);
    dataDir = join(folder, 'data');
    embedded = await useEmbedded({ dataDir, log: () => undefined, settings: { fsync: 'off' } });
    database = await backedUp(embedded.adminUrl);
  }, 60_000);
  afterAll(async () => {
    await database.end();
    await embedded.release();
  });

  it('is exact while it is written to, and comes back as it was in that moment', async () => {
    const dir = newFolder();
    let stop = false;
    let written = 0;
    const writers = [1, 2, 3].map(async () => {
      while (!stop) {
        await database.query(`with e as (insert into events (type, actor) values ('account.changed', 'system')) insert into account_cash_flows (id, account_id, kind, amount, at, recorded_by) select gen_random_uuid(), id, 'deposit', 0.01, now(), 'user:1' from accounts`);
        written += 1;
      }
    });
    try {
      const { folder, manifest } = await writeBackup({ dir, source: { kind: 'base', adminUrl: database.adminUrl, cluster: embedded.cluster }, appVersion: '1.2.3', signal });
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
  }, 120_000);
});
void CHANGES; void mkdirSync; void existsSync; void dropLeftovers; void withIdentity;
