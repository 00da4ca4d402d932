import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Listener } from '../../src/database/listener.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { expectWithin, timeOf, until } from '../support/timing.js';

let first: TestApp;
let second: TestApp;
beforeAll(async () => {
  first = await startTestApp();
  second = await first.second();
});
afterAll(async () => {
  await second.close();
  await first.close();
});

const of = (t: TestApp) => t.app.get(Listener);
const connections = async () =>
  (await first.db.query<{ pid: number }>(`select pid from pg_stat_activity where datname = current_database() and application_name = 'tradewarden-listen' order by pid`)).map(({ pid }) => pid);

describe('the LISTEN connection', () => {
  it('is one for each instance, and carries what one says to all', async () => {
    await until(() => of(first).connected && of(second).connected, 3_000);
    expect(await connections()).toHaveLength(2);
    const heard: string[] = [];
    of(first).onMessage((payload) => heard.push(`first ${payload}`));
    of(second).onMessage((payload) => heard.push(`second ${payload}`));
    expect(await Promise.all(['a', 'b', 'c'].map((payload) => of(first).notify(payload)))).toEqual([true, true, true]);
    await until(() => heard.length === 6, 2_000);
    expect(heard.filter((line) => line.startsWith('second'))).toEqual(['second a', 'second b', 'second c']);
  });

  it('comes back by itself when the server ended it; until then nothing is said, and nothing fails', async () => {
    const before = await connections();
    // It comes back a second later, which may be before the server's word that it has ended all of them.
    const lost = until(() => !of(first).connected, 1_000).then(() => of(first).notify('lost'));
    await first.db.query(`select pg_terminate_backend(pid, 1000) from pg_stat_activity where datname = current_database() and application_name = 'tradewarden-listen'`);
    expect(await lost).toBe(false);
    await until(() => of(first).connected && of(second).connected, 4_000);
    const after = await connections();
    expect(after).toHaveLength(2);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
    const heard: string[] = [];
    of(second).onMessage((payload) => heard.push(payload));
    expect(await of(first).notify('back')).toBe(true);
    await until(() => heard.includes('back'), 2_000);
  });

  it('of a payload that is too long says that it was not sent, and goes on', async () => {
    expect(await of(first).notify('x'.repeat(8_000))).toBe(false);
    expect(await of(first).notify('short')).toBe(true);
  });

  it('is not there with DB_LISTEN=off or the null pool', async () => {
    const before = await connections();
    const without: Record<string, string>[] = [{ DB_LISTEN: 'off' }, { DB_POOL_TYPE: 'null' }];
    for (const settings of without) {
      const t = await first.second(settings);
      expect([of(t).connected, await of(t).notify('nobody')]).toEqual([false, false]);
      expect(await connections()).toEqual(before);
      await t.close();
    }
  });

  it('ends with its instance also while it connects', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const url = new URL(first.db.url);
    url.port = String((silent.address() as { port: number }).port);
    await expectWithin(3_000, async () => {
      const third = await first.second({ DATABASE_UNPOOLED_URL: url.href });
      return timeOf(() => third.close());
    });
    silent.close();
  });

  it('ends with its instance', async () => {
    const third = await first.second();
    await until(() => of(third).connected, 3_000);
    expect(await connections()).toHaveLength(3);
    await third.close();
    await until(async () => (await connections()).length === 2, 1_000);
  });
});
