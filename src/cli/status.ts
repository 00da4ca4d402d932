import { existsSync, realpathSync } from 'node:fs';
import type { Env } from '../config/env.js';
import { timeText } from '../database/answer-text.js';
import { clusterLocation } from '../database/embedded/cluster-location.js';
import { inspect, type Inspection } from '../database/inspect.js';
import { withClient } from '../database/client.js';
import { rolesOf } from '../database/roles.js';
import type { DatabaseUrls } from '../database/urls.js';
import { scopeName } from '../halts/scope-name.js';
import { SUSPENSION_REASON } from '../halts/suspensions.sql.js';
import { explain, type Outcome } from './outcome.js';
import { type Say, withDatabase } from './database.js';
import { linesOf, NOTHING_KNOWN, type Trading, tradingOf } from './status-trading.js';

/** What halts, for whoever looks at three in the morning. */
interface Halting {
  id: string;
  scope: string;
  /** Its scope as people call it. */
  named: string;
  mode: string;
  reason: string;
  by: string;
  since: string;
  effective: boolean;
}

/** `warning` works, and deserves a thought; `unsafe` does not work, or must not be relied on. */
interface Check {
  check: string;
  state: 'ok' | 'warning' | 'unsafe';
  text: string;
}

const OLDEST_SERVER = 150_000;

/** Is it safe? Starts nothing that was not there, and changes nothing. */
export async function status(env: Env, say: Say): Promise<Outcome> {
  const seen = await look(env, say);
  const safe = seen.checks.every(({ state }) => state !== 'unsafe');
  const halted = seen.halts.length > 0;
  return {
    json: { safe, halted, ...seen },
    text: [...seen.checks.map(({ check, state, text }) => `${state.padEnd(8)} ${check}: ${text}`), ...seen.halts.map(textOf), ...linesOf(seen.trading), `${safe ? 'Safe' : 'Not safe'}${halted ? ', and halted' : ''}.`].join('\n'),
    exitCode: safe && !halted ? 0 : 3,
  };
}

async function look(env: Env, say: Say): Promise<{ checks: Check[]; halts: Halting[]; trading: Trading; schemaVersion: string | null; pending: string[]; roles: string }> {
  const away = (text: string) => ({ checks: [{ check: 'database', state: 'unsafe' as const, text }], halts: [], trading: NOTHING_KNOWN, schemaVersion: null, pending: [], roles: 'unknown' });
  if (env.embedded && !hasCluster(env.DATA_DIR)) return away(`there is none in ${env.DATA_DIR} yet: run "setup", or start the server`);
  try {
    return await withDatabase(env, say, async (urls) => {
      const seen = await inspect(urls.url);
      const { applied, pending } = seen.migrations;
      if (applied.length > 0) urls.roles = await withClient(urls.url, (client) => rolesOf(async (text) => (await client.query(text)).rows));
      return { checks: [...checksOf(seen, urls), ...(pending.length === 0 ? await systemOf(urls.url) : [])], halts: pending.length === 0 ? await haltsOf(urls.url) : [], trading: pending.length === 0 ? await tradingOf(urls.url) : NOTHING_KNOWN, schemaVersion: applied.at(-1) ?? null, pending, roles: urls.roles };
    });
  } catch (error) {
    return away(explain(error).message);
  }
}

/** What the servers last saw of the whole; of a system without a server nothing is said. */
async function systemOf(url: string): Promise<Check[]> {
  const { rows } = await withClient(url, (client) => client.query<{ level: string; parts: { name: string; level: string; why: string }[]; suspended: string | null }>(`select level, parts,
    ${SUSPENSION_REASON} as suspended from system_status where looked_at > app_clock() - interval '1 minute'`));
  return rows.map(({ level, parts, suspended }) => {
    const wrong = parts.filter((part) => part.level !== 'none').map(({ name, why }) => `${name}: ${why}`).join('; ');
    const state = suspended !== null || level === 'critical' || level === 'cascading' ? 'unsafe' as const : level === 'none' ? 'ok' as const : 'warning' as const;
    return { check: 'system', state, text: `${level === 'none' ? 'all parts are well' : `${level}: ${wrong}`}${suspended === null ? '' : `; openings are held: ${suspended}`}` };
  });
}

async function haltsOf(url: string): Promise<Halting[]> {
  const { rows } = await withClient(url, (client) => client.query<Halting>(`select id, concat_ws(' ', scope_type, scope_id, execution_mode) as scope,
    concat_ws(' ', scope_type, coalesce(${scopeName('scope_type', 'scope_id')}, scope_id), execution_mode) as named, mode, reason, coalesce(breaker, imposed_by) as by,
    ${timeText('imposed_at', 's')} as since, effective_at is not null as effective
    from halts where released_at is null and (expires_at is null or expires_at > app_clock()) order by seq`));
  return rows;
}

const textOf = ({ id, named, mode, reason, by, since, effective }: Halting) => `halted   ${named} (${mode}) since ${since} by ${by}: ${reason}${effective ? '' : ' (not carried through yet)'} [${id}]`;

function hasCluster(dataDir: string): boolean {
  return existsSync(dataDir) && clusterLocation(realpathSync(dataDir)) !== null;
}

function checksOf(seen: Inspection, urls: DatabaseUrls): Check[] {
  const { pending, ahead } = seen.migrations;
  const known = seen.serverVersionNumber >= OLDEST_SERVER;
  const checks: Check[] = [
    { check: 'database', state: known ? 'ok' : 'unsafe', text: `PostgreSQL ${seen.serverVersion}${known ? '' : ', which is too old: it takes 15'}` },
    {
      check: 'schema', state: pending.length === 0 ? 'ok' : 'unsafe',
      text: pending.length > 0 ? `behind by ${pending.join(', ')}: run "migrate"` : ahead.length > 0 ? `ahead by ${ahead.join(', ')}` : 'up to date',
    },
    urls.roles === 'single'
      ? { check: 'roles', state: 'warning', text: 'one role owns and writes: "roles" makes a writer that cannot change history' }
      : { check: 'roles', state: 'ok', text: 'owner and writer' },
    seen.statementTimeoutSeconds === null
      ? { check: 'timeouts', state: 'warning', text: 'no statement_timeout is set on the writer: run "migrate"' }
      : { check: 'timeouts', state: 'ok', text: `a statement ends after ${seen.statementTimeoutSeconds} s` },
  ];
  if (pending.length > 0) return checks;
  const gaps = [...seen.unguarded.map((name) => `${name} can be changed`), ...seen.withoutMonth.map((name) => `${name} has no place for this month`)];
  checks.push({ check: 'history', state: gaps.length === 0 ? 'ok' : 'unsafe', text: gaps.join(', ') || 'append-only' });
  checks.push(
    seen.administrators === 0
      ? { check: 'people', state: 'warning', text: 'there is no administrator: run "user:create EMAIL --role admin"' }
      : { check: 'people', state: 'ok', text: `${seen.administrators} administrator(s)` },
  );
  return checks;
}
