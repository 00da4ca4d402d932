import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { mirrorPlace } from '../../src/config/mirror-place.js';
import { ExportService } from '../../src/legacy/export/export.service.js';
import { DriftCheck } from '../../src/legacy/mirror/drift.js';
import { OldRows } from '../../src/legacy/mirror/old-rows.js';
import type { Shape } from '../../src/legacy/shapes/shape.js';
import { SHAPES } from '../../src/legacy/shapes/shapes.js';
import type { TestAgent, TestApp } from './app.js';
import { Importer } from './fuzz-import.js';
import { newPlace, type Place, predict, trade } from './mirrors.js';
import { dumpOf, OLD } from './old-shapes.js';

export type OldSystem = keyof typeof OLD;

/** What is imported, exported and compared there is so in this process: a process for each, of which there were a hundred, took most of the time. Mirrors are processes. */
export interface OldPlace extends Place {
  t: TestApp;
}

export const placeOf = (t: TestApp, system: OldSystem): OldPlace => {
  const made = { ...newPlace(t, system), t };
  return OLD[system].isFolder ? { ...made, file: join(made.folder, 'files'), env: { ...made.env, MIRROR_URL: `csv:${join(made.folder, 'files')}?shape=${system}` } } : made;
};

/** @returns the id of the run */
export async function importOld(system: OldSystem, { folder, t }: OldPlace, name: string = system): Promise<string> {
  const old = join(folder, `old of ${name}`);
  if (OLD[system].isFolder) mkdirSync(old, { recursive: true });
  OLD[system].write(old);
  const { error, runId } = await new Importer(t).run(old, system, name, { acceptRejects: false });
  if (error !== null) throw new Error(`${error.code}: ${error.message}`);
  return runId;
}

let exports = 0;

/** @returns where */
export async function exportOld(system: OldSystem, { folder, t }: OldPlace): Promise<string> {
  const out = join(folder, `export ${exports++}`);
  await t.app.get(ExportService, { strict: false }).export({ system, source: null, out, withOpenTrades: false, overwrite: false, progress: () => undefined });
  return out;
}

/** Of an account in the old system's currency: what of ours becomes rows there. */
export async function writeSince(t: TestApp, agent: TestAgent, system: OldSystem, n: number): Promise<void> {
  if (system === 'ai-trader') {
    await predict(agent);
    await trade(agent, n % 2 ? '1.5' : null);
    return;
  }
  const contract = { symbol: 'KXBTCD-26JAN0514-T118749.99', outcome: 'yes', lotSize: '3' };
  const share = { symbol: 'INFY', exchange: 'NSE', product: 'CNC', lotSize: '2' };
  const { status, text } = system === 'ai-trading-platform'
    ? await t.http('POST', '/strategies', { body: { name: `since ${n}`, allowedSymbols: ['EURUSD'], entryConditions: { timeframe: 'H1' } } })
    : await agent.http('POST', '/trades', { body: { clientOrderId: `since-${n}`, direction: 'long', entryPrice: '0.5', entryTime: new Date(Date.now() - 60_000).toISOString(), ...(system === 'rec-io' ? contract : share) } });
  if (status !== 201) throw new Error(text);
}

/** Its rows, and those of an export at this moment. Where an export begins to count anew a mirror may be ahead. */
export async function mirroredAndExported(system: OldSystem, place: OldPlace) {
  const right = dumpOf(await exportOld(system, place), OLD[system].isFolder);
  const mirrored = dumpOf(place.file, OLD[system].isFolder);
  // Its key is null: it is said, and only an export has it.
  if (right['price_log']) right['price_log'] = right['price_log'].filter((row) => row.includes('timestamp'));
  const [counted, wanted] = [countersIn(mirrored), countersIn(right)];
  for (const [name, least] of wanted) if ((counted.get(name) ?? 0n) < least) throw new Error(`the counter of ${name} is at ${counted.get(name)}, and ids are given up to ${least}`);
  delete mirrored['sqlite_sequence'];
  delete right['sqlite_sequence'];
  return { mirrored, exported: right };
}

const countersIn = ({ sqlite_sequence: rows = [] }: Record<string, string[]>) => new Map(rows.map((row) => JSON.parse(row) as { name: string; seq: string }).map(({ name, seq }) => [name, BigInt(seq.slice(0, -1))]));

/** The tables that have drifted. */
export async function driftOf({ env, t }: OldPlace) {
  const place = mirrorPlace.parse(env.MIRROR_URL);
  const { drifted, tables } = await new DriftCheck(t.app.get(OldRows, { strict: false }), place, SHAPES.find(({ system }) => system === place.shape) as Shape).run(false);
  return { drifted, tables: tables.filter(({ missing, extra, different }) => missing + extra + different > 0) };
}
export const NO_DRIFT = { drifted: false, tables: [] };
