import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readEnv } from '../../src/config/env.js';
import { withClient } from '../../src/database/client.js';
import { DatabaseService } from '../../src/database/database.service.js';
import { Listener } from '../../src/database/listener.js';
import { createServer } from '../../src/server.js';
import { startTestApp, TEST_SECRETS } from '../support/app.js';
import { cli } from '../support/cli.js';
import { onConnection } from '../support/cluster.js';
import { createTestDatabase, testServer } from '../support/database.js';
import { dropFresh, type Fresh, freshDatabase } from '../support/fresh-database.js';
import { clientOf } from '../support/http.js';
import { scrape, scrapeOnce } from '../support/metrics.js';
import { until } from '../support/timing.js';
import { hasPostgres15, type Postgres15, startPostgres15 } from '../support/postgres15.js';

/** Needs a server with a certificate: listed as skipped where the machine cannot make one. */
const withTls = hasPostgres15 && existsSync('/usr/bin/openssl') ? describe : describe.skip;

withTls('TLS by sslmode', () => {
  let server: Postgres15;
  beforeAll(async () => {
    server = await startPostgres15(true);
  });
  afterAll(() => server.remove());

  /** Whether a connection with these parameters, read as a setting, is encrypted. */
  async function encrypted(parameters: string, host = '127.0.0.1'): Promise<boolean | undefined> {
    const url = new URL(server.adminUrl);
    url.hostname = host;
    url.search = parameters;
    const { DATABASE_URL } = readEnv({ DATABASE_URL: url.href });
    const { rows } = await withClient(DATABASE_URL ?? '', (client) => client.query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()'));
    return rows[0]?.ssl;
  }

  it('is off without it and with disable', async () => {
    expect([await encrypted(''), await encrypted('?sslmode=disable')]).toEqual([false, false]);
  });

  it('encrypts with require and no-verify, whoever signed', async () => {
    expect([await encrypted('?sslmode=require'), await encrypted('?sslmode=no-verify')]).toEqual([true, true]);
  });

  it('checks who signed with verify-ca, and the name too with verify-full', async () => {
    const signed = `&sslrootcert=${encodeURIComponent(server.certificate)}`;
    await expect(encrypted('?sslmode=verify-full', 'localhost')).rejects.toThrow(/self.signed/);
    expect(await encrypted(`?sslmode=verify-full${signed}`, 'localhost')).toBe(true);
    await expect(encrypted(`?sslmode=verify-full${signed}`, '127.0.0.1')).rejects.toThrow(/altnames|IP/);
    expect(await encrypted(`?sslmode=verify-ca${signed}`, '127.0.0.1')).toBe(true);
  });

  it('is refused where another signed, by the modes that look', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tradewarden-other-ca-'));
    const other = join(folder, 'other.crt');
    execFileSync('/usr/bin/openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-keyout', join(folder, 'other.key'), '-out', other], { stdio: 'ignore' });
    for (const mode of ['verify-ca', 'verify-full']) await expect(encrypted(`?sslmode=${mode}&sslrootcert=${encodeURIComponent(other)}`, 'localhost')).rejects.toThrow(/self.signed|unable to verify|issuer/);
    rmSync(folder, { recursive: true });
  });

  describe('of a database that takes nothing else', () => {
    let fresh: Fresh;
    const withMode = (url: string, parameters: string) => {
      const changed = new URL(url);
      changed.hostname = 'localhost';
      changed.search = parameters;
      return changed.href;
    };
    const settings = (parameters: string) => ({ DATABASE_URL: withMode(fresh.url, parameters), DATABASE_OWNER_URL: withMode(fresh.ownerUrl, parameters) });
    const verified = () => `?sslmode=verify-full&sslrootcert=${encodeURIComponent(server.certificate)}`;
    beforeAll(async () => {
      fresh = await freshDatabase(server.adminUrl);
      const rules = join(dirname(server.certificate), 'pg_hba.conf');
      writeFileSync(rules, `hostnossl ${fresh.database} all all reject\n${readFileSync(rules, 'utf8')}`);
      await onConnection(server.adminUrl, async (admin) => {
        await admin.query('select pg_reload_conf()');
        await until(async () => (await admin.query('select 1 from pg_hba_file_rules where auth_method = $1', ['reject'])).rowCount === 1, 5_000);
      });
      await until(() => onConnection(fresh.url, async () => false).catch(() => true), 5_000);
    });
    afterAll(dropFresh);

    it('carries the whole server: the pool, LISTEN, the probes and what is asked beside the pool', async () => {
      const t = await startTestApp(settings(verified()));
      try {
        await until(async () => (await clientOf(t.base)<{ database: { available: boolean } }>('GET', '/health')).body.database.available, 5_000);
        expect((await scrape(t.base)).value('tradewarden_database_up')).toBe(1);
        expect((await t.http<{ schema: object | null; database: { bytes: number | null } }>('GET', '/system')).body).toMatchObject({ schema: { pending: [] }, database: { bytes: expect.any(Number) } });
        await until(async () => t.app.get(Listener).connected, 5_000);
        expect((await t.http('POST', '/agents', { body: { name: 'over-tls', mode: 'paper' } })).status).toBe(201);
        const { rows } = await onConnection(server.adminUrl, (admin) => admin.query<{ name: string; ssl: boolean }>(
          `select distinct application_name as name, ssl from pg_stat_ssl join pg_stat_activity using (pid) where datname = $1 and application_name in ('tradewarden', 'tradewarden-listen') order by 1`, [fresh.database]));
        expect(rows).toEqual([{ name: 'tradewarden', ssl: true }, { name: 'tradewarden-listen', ssl: true }]);
      } finally {
        await t.close();
      }
    });

    it('carries the command line, and the URL of a role that it makes', async () => {
      expect(await cli(['status', '--json'], settings(verified()))).toMatchObject({ code: 0, json: { safe: true } });
      const made = await cli<{ url: string }>(['roles', '--reader', '--json'], settings(verified()));
      expect(made).toMatchObject({ code: 0, json: { url: expect.stringContaining('sslmode=verify-full') } });
      expect(await onConnection(made.json.url, async (reader) => (await reader.query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()')).rows)).toEqual([{ ssl: true }]);
    });

    it('is not had without it, nor by whoever does not trust the server', async () => {
      for (const parameters of ['', '?sslmode=disable']) expect(await cli(['status', '--json'], settings(parameters))).toMatchObject({ code: 3, json: { safe: false } });
      const untrusted = await cli(['status', '--json'], settings('?sslmode=verify-full'));
      expect(untrusted.code).toBe(3);
      expect(`${untrusted.stdout}${untrusted.stderr}`).not.toContain('of-the-writer');
    });
  });
});

describe('a server without TLS', () => {
  it('is refused when it is required: nothing falls back to plain text', async () => {
    const { DATABASE_URL } = readEnv({ DATABASE_URL: `${testServer().adminUrl}?sslmode=require` });
    await expect(withClient(DATABASE_URL ?? '', (client) => client.query('select 1'))).rejects.toThrow(/does not support SSL/);
  });

  it('gets no word from a server, a probe, a LISTEN or a command that was told to encrypt', async () => {
    const db = await createTestDatabase();
    const [url, ownerUrl] = [`${db.url}?sslmode=require`, `${db.ownerUrl}?sslmode=require`];
    const app = await createServer(readEnv({ NODE_ENV: 'test', PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'silent', DATABASE_URL: url, DATABASE_OWNER_URL: ownerUrl, MIGRATE_ON_START: 'off', ...TEST_SECRETS }));
    try {
      await app.listen(0, '127.0.0.1');
      app.get(DatabaseService).start();
      const base = await app.getUrl();
      await until(async () => app.get(DatabaseService).url !== undefined, 5_000);
      expect((await clientOf(base)('GET', '/readyz')).status).toBe(503);
      expect((await clientOf(base)<{ database: { available: boolean } }>('GET', '/health')).body.database.available).toBe(false);
      expect((await scrapeOnce(base)).value('tradewarden_database_up')).toBe(0);
      expect(app.get(Listener).connected).toBe(false);
      expect((await db.query('select 1 from pg_stat_activity where datname = $1 and usename = $2', [db.name, new URL(db.url).username]))).toEqual([]);
      const run = await cli(['status', '--json'], { DATABASE_URL: url, DATABASE_OWNER_URL: ownerUrl });
      expect(run.code).toBe(3);
      expect(`${run.stdout}${run.stderr}`).not.toContain(new URL(db.url).password);
    } finally {
      await app.close();
      await app.get(DatabaseService).stop();
      await db.drop();
    }
  });
});
