import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { countOf, drift, endMirrors, type MirrorProcess, newPlace, type Place, predict, startMirror, trade, whenWhole } from '../support/mirrors.js';
import { expectWithin, timeOf, until } from '../support/timing.js';

const FULL = process.env['FULL_FIGURES'] !== undefined;
const KILLS = FULL ? 60 : 6;

let t: TestApp;
let agent: TestAgent;
let place: Place;
beforeAll(async () => {
  t = await startTestApp();
  agent = await t.agent();
  place = newPlace(t);
});
afterAll(async () => {
  await endMirrors();
  await t.close();
});

const batch = (count: number) => agent.http('POST', '/predictions/batch', { body: {
  items: Array.from({ length: count }, (_, n) => ({ model: 'batch', symbol: 'EURUSD', timestamp: new Date(Date.now() - 3_600_000 - n * 1_000).toISOString(), direction: 'short', confidence: '0.6' })),
} });

/** Writes until it is told to end; says how many trades were made. */
function writing(): { end(): Promise<number> } {
  let over = false;
  const run = async () => {
    let trades = 0;
    for (let n = 0; !over; n++) {
      await predict(agent);
      if (n % 3 === 0) await trade(agent, n % 2 ? null : '1').then(() => trades++);
      if (n % 10 === 0) await batch(50);
    }
    return trades;
  };
  const all = Promise.all([run(), run()]);
  return { end: async () => { over = true; return (await all).reduce((sum, each) => sum + each, 0); } };
}

/** What a kill in the middle of a commit leaves: a part of its pages in the file, and the journal that takes them back. */
function withinACommit(there: Place, make: (path: string) => void): Place {
  const beside = `${there.file}.whole`;
  make(beside);
  const db = new DatabaseSync(beside);
  db.exec('pragma cache_size = 1; begin; create table half (text text)');
  const insert = db.prepare('insert into half values (?)');
  for (let n = 0; n < 100; n++) insert.run('x'.repeat(4_000));
  for (const end of ['', '-journal']) copyFileSync(beside + end, there.file + end);
  db.close();
  return there;
}

describe('a mirror that is killed', () => {
  it(`at ${KILLS} moments of beginning and following loses nothing and doubles nothing`, async () => {
    for (let n = 0; n < 4; n++) await batch(500);
    const load = writing();
    for (let n = 0; n < KILLS; n++) {
      const mirror = startMirror(place);
      // From before its first row to in the middle of following.
      if (n > 0) await until(() => existsSync(place.file), 30_000);
      await pause(200 + Math.random() * 2_200);
      mirror.kill('SIGKILL');
      await mirror.exited;
    }
    const trades = await load.end();
    const last = startMirror(place);
    await whenWhole(t, last.output);
    const [ours] = await t.db.query<{ predictions: number; entered: number }>(`select (select count(*)::int from predictions) as predictions, (select count(*)::int from trades where entry_time is not null) as entered`);
    expect([countOf(place, 'predictions'), countOf(place, 'trades')]).toEqual([ours?.predictions, ours?.entered]);
    expect(ours?.entered).toBe(trades);
    const { json } = await drift(place);
    expect(json.tables.filter(({ missing, extra, different }) => missing + extra + different > 0)).toEqual([]);
    last.kill('SIGTERM');
    expect(await last.exited).toEqual({ code: 0, signal: null });
  });

  it('within a commit knows its file again, and touches no file of others that were', async () => {
    const ours = withinACommit(newPlace(t), (path) => copyFileSync(place.file, path));
    const mirror = startMirror(ours);
    await whenWhole(t, mirror.output);
    expect(countOf(ours, 'predictions')).toBe(countOf(place, 'predictions'));
    mirror.kill('SIGTERM');
    await mirror.exited;

    const others = withinACommit(newPlace(t), (path) => {
      const db = new DatabaseSync(path);
      db.exec('create table predictions (id integer primary key)');
      db.close();
    });
    const bytes = () => [others.file, `${others.file}-journal`].map((path) => readFileSync(path).toString('base64'));
    const before = bytes();
    const refused = startMirror(others);
    await until(() => refused.output().includes('was not written by a mirror or an export'), 30_000);
    refused.kill('SIGTERM');
    await refused.exited;
    expect(bytes()).toEqual(before);
  });

  it('or stopped in its tracks slows no request, and goes on where it was', async () => {
    const mirror: MirrorProcess = startMirror(place);
    await whenWhole(t, mirror.output);
    mirror.kill('SIGSTOP');
    try {
      for (let n = 0; n < 20; n++) {
        await expectWithin(3_000, () => timeOf(async () => expect((await predict(agent)).status).toBe(201)));
      }
      // It holds nothing that others wait for.
      await until(async () => (await t.db.query(`select l.mode from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database()`)).length === 0, 5_000);
    } finally {
      mirror.kill('SIGCONT');
    }
    await whenWhole(t, mirror.output);
    const [ours] = await t.db.query<{ n: number }>('select count(*)::int as n from predictions');
    expect(countOf(place, 'predictions')).toBe(ours?.n);
    mirror.kill('SIGTERM');
    await mirror.exited;
  });

  it('says that another state of the database was restored, and writes all of it again', async () => {
    const mirror = startMirror(place);
    await whenWhole(t, mirror.output);
    mirror.kill('SIGTERM');
    await mirror.exited;
    // As a backup that was taken before the last events: their numbers are given to others.
    await t.db.query(`alter table events disable trigger user`);
    await t.db.query(`update events set at = at + interval '1 microsecond' where seq = (select max(seq) from events)`);
    await t.db.query(`alter table events enable trigger user`);
    const again = startMirror(place);
    await until(() => again.output().includes('another state of the database was restored'), 30_000);
    await whenWhole(t, again.output);
    expect((await drift(place)).code).toBe(0);
    again.kill('SIGTERM');
    await again.exited;
  });
});
