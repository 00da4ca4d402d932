import { instant } from '../common/fields.js';
import type { Env } from '../config/env.js';
import { type RetentionRun, RetentionService } from '../retention/retention.service.js';
import type { TableResult } from '../retention/runs.repository.js';
import { type Say, withDatabase } from './database.js';
import { type Outcome, wrongUsage } from './outcome.js';
import { withServices } from './services.js';

export interface RetentionOptions {
  dryRun?: boolean;
  asOf?: string;
  table?: string;
}

/** Removes and archives what is old, or says what would go. */
export function retention(env: Env, say: Say, { dryRun = false, asOf, table }: RetentionOptions): Promise<Outcome> {
  if (asOf !== undefined && (/^\d+$/.test(asOf) || !instant().safeParse(asOf).success)) throw wrongUsage('--as-of: must be a time with a zone, such as 2026-07-01T00:00:00Z');
  return withDatabase(env, say, (urls) =>
    withServices(env, urls, async (app) => outcomeOf(await app.get(RetentionService, { strict: false }).run({
      dryRun, actor: 'command line', say, ...(asOf === undefined ? {} : { asOf }), ...(table === undefined ? {} : { table }),
    }))),
  );
}

function outcomeOf({ asOf, dryRun, tables }: RetentionRun): Outcome {
  const told = tables.map((each) => lineOf(each, dryRun)).filter((line) => line !== null);
  const nothing = dryRun ? 'Nothing would go.' : 'Nothing was old enough.';
  return { json: { asOf, dryRun, tables }, text: [`As of ${asOf}${dryRun ? ', nothing is changed' : ''}:`, ...(told.length === 0 ? [nothing] : told)].join('\n') };
}

function lineOf({ table, rows, months, thinned, held, oldest }: TableResult, dryRun: boolean): string | null {
  const parts = [
    months.length > 0 ? `${dryRun ? 'about ' : ''}${rows} rows of ${months.join(', ')}` : rows > 0 ? `${rows} ${table === 'alerts' ? 'bodies' : 'rows'}` : null,
    thinned.length > 0 ? `one mark a minute of ${thinned.join(', ')}` : null,
    ...held.map(({ month, why }) => `${month} stays: ${why}`),
  ].filter((part) => part !== null);
  if (parts.length === 0) return null;
  return `${table}: ${parts.join('; ')}${oldest === null ? '' : `; oldest that ${dryRun ? 'would stay' : 'is left'}: ${oldest}`}`;
}
