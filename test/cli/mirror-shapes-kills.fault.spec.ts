import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { cli } from '../support/cli.js';
import { closeGateways, openGateway } from '../support/gateway.js';
import { driftOf, importOld, mirroredAndExported, NO_DRIFT, type OldPlace, type OldSystem, placeOf, writeSince } from '../support/mirror-shapes.js';
import { endMirrors, startMirror, whenWhole } from '../support/mirrors.js';
import { OLD } from '../support/old-shapes.js';
import { until } from '../support/timing.js';

const KILLS = process.env['FULL_FIGURES'] === undefined ? 3 : 30;
const SYSTEMS = Object.keys(OLD) as OldSystem[];

let t: TestApp;
let agent: TestAgent;
beforeEach(async () => {
  t = await startTestApp();
  agent = await t.agent();
});
afterEach(async () => {
  await endMirrors();
  await closeGateways();
  await t.close();
});

const begun = async (system: OldSystem): Promise<OldPlace> => {
  const place = placeOf(t, system);
  if (system === 'sigmatrader') await t.db.query(`update accounts set currency = 'INR' where id = $1`, [agent.accountId]);
  await importOld(system, place);
  return place;
};

describe.each(SYSTEMS)('a mirror of %s', (system) => {
  it(`that is killed at ${KILLS} moments, with an import taken back meanwhile, holds what an export holds`, async () => {
    const place = await begun(system);
    for (let n = 0; n < KILLS; n++) {
      const mirror = startMirror(place);
      await pause(400 + Math.random() * 2_500);
      await writeSince(t, agent, system, n);
      if (n === 1) {
        const { json } = await cli<{ imports: { id: string }[] }>(['import:list', '--json'], place.env);
        expect((await cli(['import:rollback', json.imports[0]?.id ?? ''], place.env)).code).toBe(0);
        await importOld(system, place, 'again');
      }
      await pause(Math.random() * 1_000);
      mirror.kill('SIGKILL');
      await mirror.exited;
    }
    const last = startMirror(place);
    await whenWhole(t, last.output);
    const { mirrored, exported } = await mirroredAndExported(system, place);
    expect(mirrored).toEqual(exported);
    expect(await driftOf(place)).toMatchObject(NO_DRIFT);
  });
});

describe('a mirror', () => {
  it('whose database went away goes on where it was when it is back', async () => {
    const place = await begun('ai-trading-platform');
    const gateway = await openGateway(t.db.url);
    const mirror = startMirror({ ...place, env: { ...place.env, DATABASE_URL: gateway.url } });
    await whenWhole(t, mirror.output);
    await gateway.close();
    await writeSince(t, agent, 'ai-trading-platform', 1);
    await until(() => mirror.output().includes('not up to date, trying again'), 60_000);
    const again = await openGateway(t.db.url);
    mirror.kill('SIGTERM');
    expect((await mirror.exited).code).toBe(0);
    const next = startMirror({ ...place, env: { ...place.env, DATABASE_URL: again.url } });
    await whenWhole(t, next.output);
    const { mirrored, exported } = await mirroredAndExported('ai-trading-platform', place);
    expect(mirrored).toEqual(exported);
  });

  const disk = `/tmp/tradewarden-full-${process.pid}`;
  const mounts = process.getuid?.() === 0 && process.platform === 'linux' && spawnSync('sh', ['-c', `mkdir -p ${disk} && mount -t tmpfs -o size=1m none ${disk} && umount ${disk}`]).status === 0;
  it.each<OldSystem>(['ai-trader', 'ai-trading-platform'])(mounts ? 'of %s whose disk is full says so, and goes on when there is room' : 'of %s on a full disk: not tried, for nothing may be mounted here', async (system) => {
    if (!mounts) return;
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', disk]);
    try {
      const made = await begun(system);
      const file = join(disk, OLD[system].isFolder ? 'files' : 'old.db');
      mkdirSync(join(disk, 'room'));
      const place: OldPlace = { ...made, file, env: { ...made.env, MIRROR_URL: `${OLD[system].isFolder ? 'csv' : 'sqlite'}:${file}?shape=${system}` } };
      const mirror = startMirror(place);
      await whenWhole(t, mirror.output);
      spawnSync('sh', ['-c', `dd if=/dev/zero of=${disk}/room/filled bs=1k 2>/dev/null`]);
      for (let n = 0; n < 5; n++) await writeSince(t, agent, system, n);
      await until(() => mirror.output().includes('not up to date, trying again'), 60_000);
      await until(async () => (await t.http('GET', '/readyz')).status === 200, 5_000);
      spawnSync('rm', [join(disk, 'room', 'filled')]);
      await whenWhole(t, mirror.output);
      const { mirrored, exported } = await mirroredAndExported(system, place);
      expect(mirrored).toEqual(exported);
    } finally {
      await endMirrors();
      spawnSync('umount', [disk]);
    }
  });
});
