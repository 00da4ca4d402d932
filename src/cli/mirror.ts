import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { INestApplicationContext } from '@nestjs/common';
import { uuid } from '../common/fields.js';
import type { Env } from '../config/env.js';
import { type FileLock, lockFileNow } from '../config/file-lock.js';
import type { MirrorPlace } from '../config/mirror-place.js';
import { isDatabaseAway } from '../database/sql-state.js';
import { databaseUrls } from '../database/urls.js';
import { EventFeed } from '../events/event-feed.js';
import { EventLog } from '../events/event-log.repository.js';
import { type Drift, DriftCheck } from '../legacy/mirror/drift.js';
import { Mirror } from '../legacy/mirror/mirror.js';
import { MirrorsRepository } from '../legacy/mirror/mirrors.repository.js';
import { OldRows } from '../legacy/mirror/old-rows.js';
import { OwnFiles } from '../legacy/mirror/own-files.js';
import { NoMirror } from '../legacy/mirror/place.js';
import type { Shape } from '../legacy/shapes/shape.js';
import { SHAPES } from '../legacy/shapes/shapes.js';
import { type Say, withDatabase } from './database.js';
import { CommandError, explain, type Outcome, wrongUsage } from './outcome.js';
import { checked } from './people.js';
import { withServices } from './services.js';

const AGAIN_MS = 5_000;

/** Runs until it is told to end. A database that is away is waited for. */
export async function mirror(env: Env, say: Say): Promise<Outcome> {
  const { place, shape } = placeOf(env);
  const lock = lockOf(place);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
  try {
    for (let said = ''; !stop.signal.aborted; ) {
      try {
        await onServices(env, say, (app) => new Mirror(
          { log: app.get(EventLog, { strict: false }), feed: app.get(EventFeed, { strict: false }), rows: app.get(OldRows, { strict: false }), own: app.get(OwnFiles, { strict: false }), mirrors: app.get(MirrorsRepository, { strict: false }) },
          place, shape, say,
        ).run(stop.signal));
      } catch (error) {
        if (!isDatabaseAway(error)) throw error;
        const { message } = explain(error);
        if (message !== said) say(`waiting for the database: ${message}`);
        said = message;
        await pause(AGAIN_MS, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    }
  } finally {
    lock.release();
  }
  return { json: { stopped: true }, text: 'Stopped. It goes on from here when it is started again.' };
}

/** For a mirror that is no more. */
export function forgetMirror(env: Env, say: Say, given: string): Promise<Outcome> {
  const id = checked(uuid(), given);
  return withDatabase(env, say, (urls) => withServices(env, urls, async (app) => {
    if (!(await app.get(MirrorsRepository, { strict: false }).forget(id))) throw new CommandError('NOT_FOUND', 'No such mirror.');
    return { json: { forgotten: id }, text: `Forgotten: ${id}. Its files stay.` };
  }));
}

/** @param repair `mirror`, or nothing */
export function mirrorDrift(env: Env, say: Say, { repair }: { repair?: string }): Promise<Outcome> {
  if (repair !== undefined && repair !== 'mirror') throw wrongUsage('--repair mirror writes the mirror as the database is. The database is never written from a mirror: only what came through its gate stands there.');
  const { place, shape } = placeOf(env);
  const lock = repair === undefined ? null : lockOf(place);
  return withDatabase(env, say, (urls) => withServices(env, urls, async (app) => {
    const drift = await new DriftCheck(app.get(OldRows, { strict: false }), place, shape).run(repair !== undefined).catch((error: unknown) => {
      throw error instanceof NoMirror ? new CommandError('NO_MIRROR', error.message) : error;
    });
    return { json: { place: place.text, repaired: repair !== undefined, ...drift }, text: textOf(drift, repair !== undefined), exitCode: drift.drifted && repair === undefined ? 1 as const : 0 as const };
  })).finally(() => lock?.release());
}

function textOf({ drifted, tables, leftOut, leftOutCounts }: Drift, repaired: boolean): string {
  const lines = tables.filter((table) => table.missing + table.extra + table.different > 0).flatMap((table) => [
    `${table.table}: ${table.missing} missing, ${table.extra} that should not be there, ${table.different} different`,
    ...table.examples.map(({ key, what, columns }) => `  ${key}: ${what}${columns.length > 0 ? ` in ${columns.join(', ')}` : ''}`),
  ]);
  for (const [of, count] of Object.entries(leftOutCounts)) {
    const some = leftOut.filter(({ table, code }) => `${table} ${code}` === of);
    lines.push(`Left out of ${of.split(' ')[0] ?? ''}: ${count} (${some[0]?.code ?? of}${some[0] ? `: ${some[0].detail}` : ''})`, ...some.filter(({ id }) => id !== '').slice(0, 5).map(({ id }) => `  ${id}`));
  }
  return [...lines, drifted ? (repaired ? 'Repaired: the mirror is as the database is.' : 'It has drifted: "tradewarden mirror:drift --repair mirror" writes it as the database is (stop the mirror first).') : 'The mirror is as the database is.'].join('\n');
}

function placeOf(env: Env): { place: MirrorPlace; shape: Shape } {
  const place = env.MIRROR_URL;
  if (!place) throw wrongUsage('Set MIRROR_URL: sqlite:/path/file.db?shape=ai-trader');
  const shape = SHAPES.find(({ system }) => system === place.shape);
  if (!shape) throw wrongUsage(`MIRROR_URL names no shape that is known: ${SHAPES.map(({ system }) => system).join(', ')}`);
  if (shape.medium !== place.medium) throw wrongUsage(`The files of ${shape.system} are ${shape.medium === 'sqlite' ? 'one SQLite file: say sqlite:/path/file.db' : 'a folder: say csv:/folder'}?shape=${shape.system}`);
  return { place, shape };
}

function lockOf(place: MirrorPlace): FileLock {
  mkdirSync(place.ownFolder, { recursive: true });
  const lock = lockFileNow(join(place.ownFolder, 'mirror.lock'));
  if (!lock) throw new CommandError('MIRROR_RUNS', `A mirror runs in ${place.ownFolder}: there is one for each folder. Stop it first.`);
  return lock;
}

/** As `withDatabase`, but a signal ends the work, and not the process under it. */
async function onServices(env: Env, say: Say, work: (app: INestApplicationContext) => Promise<void>): Promise<void> {
  const urls = await databaseUrls(env, say);
  try {
    await withServices(env, urls, work);
  } finally {
    await urls.release();
  }
}
