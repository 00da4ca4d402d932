import { resolve } from 'node:path';
import type { Env } from '../config/env.js';
import { FinalityService } from '../legacy/cutover/finality.service.js';
import { ExportFailure, type ExportReport } from '../legacy/export/export-report.js';
import { ExportService } from '../legacy/export/export.service.js';
import { SHAPES } from '../legacy/shapes/shapes.js';
import { type Say, withDatabase } from './database.js';
import { CommandError, type Outcome, wrongUsage } from './outcome.js';
import { withServices } from './services.js';

export interface ExportCommand {
  shape: string;
  out: string;
  source?: string;
  withOpenTrades?: boolean;
  overwrite?: boolean;
  final?: boolean;
}

/**
 * Back out: everything of ours as the old application opens it. The database is only read, but for the ids that it gives.
 * Past a transaction pooler, which would leave the lock of the session behind on a connection of somebody else.
 */
export async function exportTo(env: Env, say: Say, { shape, out, source, withOpenTrades, overwrite, final }: ExportCommand): Promise<Outcome> {
  const system = SHAPES.find((each) => each.system === shape)?.system;
  if (!system) throw wrongUsage(`--shape: must be one of ${SHAPES.map((each) => each.system).join(', ')}`);
  try {
    const report = await withDatabase(env, say, (urls) => withServices(env, { ...urls, url: urls.unpooledUrl }, async (app) => {
      const service = app.get(ExportService, { strict: false });
      const options = { system, source: source ?? null, out: resolve(out), withOpenTrades: withOpenTrades ?? false, overwrite: overwrite ?? false, progress: progress() };
      // What can be known before is asked before: a place that is taken must not stop the trading.
      await service.mustBeFree(options);
      if (final) await retired(app.get(FinalityService, { strict: false }), system, say);
      return service.export(options);
    }));
    return { json: report, text: textOf(report) };
  } catch (error) {
    if (!(error instanceof ExportFailure)) throw error;
    if (error.openTrades.length === 0) throw new CommandError(error.code, error.message, error.exitCode);
    const lines = error.openTrades.map(({ id, account, agent, symbol, status }) => `  ${id}  ${status}  ${symbol}  agent ${agent}, account ${account}`);
    return { json: { error: { code: error.code, message: error.message, openTrades: error.openTrades } }, text: [error.message, ...lines].join('\n'), exitCode: error.exitCode };
  }
}

/** Before the last copy, so that nothing is written here after it; also where the copy then fails. @throws {Problem} 409 NOT_FINAL */
async function retired(finality: FinalityService, system: string, say: Say): Promise<void> {
  const { takenAsStopped } = await finality.retire(`handed over to ${system}`);
  for (const { agent, why } of takenAsStopped) say(`taken as stopped: ${agent}, since ${why}`);
  say('retired: nothing opens here until "tradewarden unretire"');
}

const EVERY_MS = 500;

/** One line that is written over; on a terminal only. */
function progress(): (table: string, written: number) => void {
  let last = performance.now();
  return (table, written) => {
    if (!process.stderr.isTTY || performance.now() - last < EVERY_MS) return;
    last = performance.now();
    process.stderr.write(`\r\x1b[K${table}: ${written} rows`);
  };
}

const SHOWN = 20;

function textOf({ system, source, out, at, tables, leftOut, inexact, openTrades }: ExportReport): string {
  const some = tables.filter(({ read }) => read > 0);
  const codes = Map.groupBy(leftOut, ({ code }) => code);
  return [
    `${system}${source === null ? '' : `, source ${source}`}, as of ${at}, to ${out}`,
    ...some.map(({ name, read, written, leftOut: left, added }) => `  ${name}: ${read} read = ${written} written (${added} of them new) + ${left} left out`),
    ...(tables.length > some.length ? [`  ${tables.length - some.length} tables without rows`] : []),
    ...[...codes].flatMap(([code, rows]) => [`Left out, ${code}: ${rows[0]?.detail ?? ''}`, ...rows.slice(0, SHOWN).map(({ table, id }) => `  ${table} ${id}`.trimEnd()), ...(rows.length > SHOWN ? [`  … and ${rows.length - SHOWN} more`] : [])]),
    ...Object.entries(inexact).map(([column, count]) => `Rounded: ${column} in ${count} rows has more digits than the old column holds`),
    ...(system === 'ai-trading-platform' ? ['Limits that were changed here since are not in risk_limits.csv and settings.json: compare them by hand.'] : []),
    ...(openTrades > 0 ? [`${openTrades} trades with real money are open here: only one of the two systems may manage them (tradewarden retire).`] : []),
  ].join('\n');
}
