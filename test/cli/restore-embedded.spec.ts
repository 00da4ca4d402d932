import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { clusterLocation } from '../../src/database/embedded/cluster-location.js';
import { useEmbedded } from '../../src/database/embedded/embedded.js';
import { withIdentity } from '../../src/database/roles.js';
import { ADMIN } from '../support/app.js';
import { cli, diesAt } from '../support/cli.js';
import { onConnection } from '../support/cluster.js';
import { newDataDir, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';
import type { RestoreRun } from '../support/restores.js';

const DATA_DIR = newDataDir();
/** Without a client of PostgreSQL 17 the whole server is copied. */
const env = { DATA_DIR, PATH: '/nonexistent' };
afterAll(stopServerProcesses);

const people = async () => {
  const embedded = await useEmbedded({ dataDir: DATA_DIR, log: () => undefined });
  try {
    return await onConnection(withIdentity(embedded.adminUrl, { database: 'tradewarden' }), async (client) => ({
      people: (await client.query<{ email: string }>('select email from users order by seq')).rows.map(({ email }) => email),
      halts: (await client.query<{ source: string }>(`select source from halts where released_at is null`)).rows.map(({ source }) => source),
    }));
  } finally {
    await embedded.release();
  }
};
const restore = (args: string[], hear?: Parameters<typeof cli>[3], more: Record<string, string> = {}) => cli<RestoreRun>(['restore', ...args, '--json'], { ...env, ...more }, '', hear);
const cluster = () => clusterLocation(DATA_DIR)?.cluster ?? '';

describe('the embedded database', () => {
  let live: string;
  it('is backed up as a copy of the whole server', async () => {
    expect((await cli(['setup', '--json'], { ...env, ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password })).code).toBe(0);
    const made = await cli(['backup', '--json'], env);
    expect([made.code, made.stderr]).toEqual([0, expect.any(String)]);
    expect((await cli(['user:create', 'after@example.com', '--role', 'viewer', '--json'], env)).code).toBe(0);
    live = cluster();
  });

  it('is as it was when a restore is killed', async () => {
    const killed = await restore(['latest', '--yes'], (stderr, child) => {
      if (stderr.includes('comparing')) child.kill('SIGKILL');
    }, diesAt('swapping'));
    expect([killed.code, cluster()]).toEqual([null, live]);
  });

  it('goes back to the copy, halted', async () => {
    const run = await restore(['latest', '--yes']);
    expect([run.code, run.stderr]).toEqual([0, expect.any(String)]);
    expect([run.json.before, cluster()]).toEqual([live, run.json.database]);
    expect(readdirSync(dirname(live)).filter((name) => /restore-|scratch-/.test(name))).toEqual([]);
    expect(await people()).toEqual({ people: [ADMIN.email], halts: ['restore'] });
  });

  it('keeps the folder that was live until that is dropped by its name', async () => {
    const kept = (await cli<{ kept: { name: string }[] }>(['restore:old', '--json'], env)).json.kept;
    expect(kept).toMatchObject([{ name: live.split('/').at(-1) }]);
    const [{ name }] = kept as [{ name: string }];
    expect((await cli(['restore:old', '--drop', name, '--json'], env)).code).toBe(2);
    expect((await cli(['restore:old', '--drop', name, '--confirm', name, '--json'], env)).code).toBe(0);
    expect([existsSync(live), existsSync(join(cluster(), 'PG_VERSION'))]).toEqual([false, true]);
  });

  it('is drilled beside the running server, which notices nothing, and is not restored while it runs', async () => {
    const server = await startServerProcess({ env: { DATA_DIR } });
    await whenReady(server.base);
    const drilled = await cli<{ steps: { name: string }[] }>(['restore:drill', '--json'], env);
    expect([drilled.code, drilled.stderr]).toEqual([0, expect.any(String)]);
    expect(drilled.json.steps.at(-1)?.name).toBe('proving the halt');
    const refused = await restore(['latest', '--yes']);
    expect(refused).toMatchObject({ code: 1, json: { error: { code: 'IN_USE' } } });
    server.kill('SIGTERM');
    await server.exited;
    expect(JSON.parse(readFileSync(join(DATA_DIR, 'embedded.json'), 'utf8'))).toMatchObject({ cluster: expect.any(String) });
    expect((await people()).people).toEqual([ADMIN.email]);
  });
});
