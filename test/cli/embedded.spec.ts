import { existsSync } from 'node:fs';
import { afterAll, describe, expect, it } from '@jest/globals';
import { runningEmbedded, useEmbedded } from '../../src/database/embedded/embedded.js';
import { MIGRATION_LOCK } from '../../src/database/migrate.js';
import { MIGRATIONS } from '../../src/database/migrations.js';
import { withIdentity } from '../../src/database/roles.js';
import { ADMIN } from '../support/app.js';
import { cli } from '../support/cli.js';
import { onConnection } from '../support/cluster.js';
import { clientOf } from '../support/http.js';
import { newDataDir, type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';

const DATA_DIR = newDataDir();
let server: ServerProcess;
afterAll(stopServerProcesses);

describe('the command line on the embedded database', () => {
  it('makes it where there is none, and stops it after each command', async () => {
    const setup = await cli<{ embedded: boolean; roles: string; migrations: string[] }>(['setup', '--json'], { DATA_DIR, ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password });
    expect(setup).toMatchObject({ code: 0, json: { embedded: true, roles: 'separate', migrations: MIGRATIONS.map(({ name }) => name) } });
    expect(existsSync(DATA_DIR)).toBe(true);
    expect(await runningEmbedded(DATA_DIR)).toBeNull();
    expect((await cli<{ safe: boolean }>(['status', '--json'], { DATA_DIR })).json.safe).toBe(true);
    expect(await runningEmbedded(DATA_DIR)).toBeNull();
  });

  it('works on the one of a running server, and leaves it running', async () => {
    server = await startServerProcess({ env: { DATA_DIR } });
    await whenReady(server.base);
    const made = await cli<{ password: string }>(['user:create', 'op@example.com', '--role', 'operator', '--json'], { DATA_DIR });
    expect(made.code).toBe(0);
    const signedIn = await clientOf(server.base)('POST', '/auth/login', { body: { email: 'op@example.com', password: made.json.password } });
    expect(signedIn.status).toBe(200);
    const reader = await cli<{ url: string }>(['roles', '--reader', '--json'], { DATA_DIR });
    expect(reader).toMatchObject({ code: 0, json: { reader: 'tradewarden_reader', made: true } });
    expect((await onConnection(reader.json.url, (client) => client.query('select name from users order by seq limit 1'))).rowCount).toBe(1);
    expect(await runningEmbedded(DATA_DIR)).not.toBeNull();
    await whenReady(server.base);
  });

  it('works after the server was killed, and stops what it left', async () => {
    server.kill('SIGKILL');
    await server.exited;
    expect(await runningEmbedded(DATA_DIR)).not.toBeNull();
    expect((await cli(['migrate:status', '--json'], { DATA_DIR })).json).toMatchObject({ pending: [] });
    expect(await runningEmbedded(DATA_DIR)).toBeNull();
  });

  it('that is interrupted gives the database back', async () => {
    const mine = await useEmbedded({ dataDir: DATA_DIR, log: () => undefined });
    await onConnection(withIdentity(mine.adminUrl, { database: 'tradewarden' }), async (other) => {
      await other.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
      const run = await cli(['migrate'], { DATA_DIR }, '', (stderr, child) => void (stderr.includes('waiting') && child.kill('SIGTERM')));
      expect(run).toMatchObject({ code: 143, stdout: '', stderr: 'another process is migrating: waiting for it\n' });
    });
    await mine.release();
    expect(await runningEmbedded(DATA_DIR)).toBeNull();
  });
});
