import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readEnv } from '../../src/config/env.js';
import { withClient } from '../../src/database/client.js';
import { testServer } from '../support/database.js';
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
});

describe('a server without TLS', () => {
  it('is refused when it is required: nothing falls back to plain text', async () => {
    const { DATABASE_URL } = readEnv({ DATABASE_URL: `${testServer().adminUrl}?sslmode=require` });
    await expect(withClient(DATABASE_URL ?? '', (client) => client.query('select 1'))).rejects.toThrow(/does not support SSL/);
  });
});
