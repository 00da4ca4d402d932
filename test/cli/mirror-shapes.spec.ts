import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { cli } from '../support/cli.js';
import { driftOf, exportOld, importOld, mirroredAndExported, NO_DRIFT, type OldPlace, type OldSystem, placeOf, writeSince } from '../support/mirror-shapes.js';
import { drift, endMirrors, type MirrorProcess, startMirror, trade, whenWhole } from '../support/mirrors.js';
import { columnsOf, dumpOf, OLD } from '../support/old-shapes.js';

const SYSTEMS = Object.keys(OLD) as OldSystem[];

let t: TestApp;
let agent: TestAgent;
let place: OldPlace;
let running: MirrorProcess;

beforeEach(async () => {
  t = await startTestApp();
  agent = await t.agent();
});
afterEach(async () => {
  await endMirrors();
  await t.close();
});
afterAll(endMirrors);

async function isAsExported(system: OldSystem): Promise<void> {
  await whenWhole(t, running.output);
  const { mirrored, exported } = await mirroredAndExported(system, place);
  expect(mirrored).toEqual(exported);
  expect(await driftOf(place)).toMatchObject(NO_DRIFT);
}

describe.each(SYSTEMS)('a mirror of %s', (system) => {
  beforeEach(async () => {
    place = placeOf(t, system);
    if (system === 'sigmatrader') await t.db.query(`update accounts set currency = 'INR' where id = $1`, [agent.accountId]);
  });

  it('holds what an export holds: after an import, what is written since, a rollback, another import', async () => {
    await writeSince(t, agent, system, 0);
    const run = await importOld(system, place);
    running = startMirror(place);
    await isAsExported(system);
    if (!OLD[system].isFolder) expect(columnsOf(place.file)).toEqual(columnsOf(await exportOld(system, place)));
    await writeSince(t, agent, system, 1);
    await writeSince(t, agent, system, 2);
    await isAsExported(system);

    expect(await cli(['import:rollback', run], place.env)).toMatchObject({ code: 0 });
    await isAsExported(system);
    await importOld(system, place, `${system} again`);
    await writeSince(t, agent, system, 3);
    await isAsExported(system);
    running.kill('SIGTERM');
    expect((await running.exited).code).toBe(0);
  });

  it('that was there before the import takes what comes with it', async () => {
    running = startMirror(place);
    await writeSince(t, agent, system, 0);
    await whenWhole(t, running.output);
    await importOld(system, place);
    await isAsExported(system);
  });

  it('is mended in one direction, and only looked at otherwise', async () => {
    await importOld(system, place);
    expect(await drift(place)).toMatchObject({ code: 1, json: { error: { code: 'NO_MIRROR' } } });
    running = startMirror(place);
    await whenWhole(t, running.output);
    running.kill('SIGTERM');
    await running.exited;
    const right = dumpOf(place.file, OLD[system].isFolder);
    damage(system);
    expect(dumpOf(place.file, OLD[system].isFolder)).not.toEqual(right);
    const { code, json } = await drift(place);
    expect([code, json.drifted, json.tables.filter(({ missing, extra, different }) => missing + extra + different > 0).length]).toEqual([1, true, DAMAGED[system]]);
    expect(await drift(place, '--repair', 'mirror')).toMatchObject({ code: 0, json: { repaired: true } });
    expect(dumpOf(place.file, OLD[system].isFolder)).toEqual(right);
    expect(await drift(place)).toMatchObject({ code: 0, json: { drifted: false } });
  });
});

/** In how many tables. */
const DAMAGED = { 'ai-trader': 4, 'sigmatrader': 2, 'rec-io': 3, 'ai-trading-platform': 3 };

function damage(system: OldSystem): void {
  if (OLD[system].isFolder) {
    writeFileSync(join(place.file, 'config/risk_limits.csv'), 'key,value,notes\nmax_risk_per_trade,99,\n');
    writeFileSync(join(place.file, 'data/notes.csv'), 'what,why\nx,y\n');
    rmSync(join(place.file, 'config/ai/settings.json'));
    return;
  }
  const db = new DatabaseSync(place.file);
  if (system === 'ai-trader') db.exec(`update trades set pnl_usd = 8; delete from mine where rowid = 2; insert into keyed values ('b', 1); update predictions set symbol = 'X' where id = 4`);
  else if (system === 'rec-io') db.exec(`update trades set pnl = 8; delete from scratch where rowid = 2; update sqlite_sequence set seq = 1 where name = 'trades'`);
  else db.exec(`delete from users; update strategies set name = 'x' where id = 1`);
  db.close();
}

describe('what a mirror cannot express', () => {
  it('is said by it, and listed by mirror:drift', async () => {
    place = placeOf(t, 'rec-io');
    running = startMirror(place);
    await trade(agent);
    await whenWhole(t, running.output);
    expect(running.output()).toContain('left out of trades: NO_CONTRACT');
    const { code, json } = await cli<{ leftOut: { table: string; code: string }[]; leftOutCounts: Record<string, number> }>(['mirror:drift', '--json'], place.env);
    expect([code, json.leftOutCounts]).toEqual([0, { 'trades NO_CONTRACT': 1 }]);
    expect((await cli(['mirror:drift'], place.env)).stdout).toContain('Left out of trades: 1 (NO_CONTRACT');
  });
});
