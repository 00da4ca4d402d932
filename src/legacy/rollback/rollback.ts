import { isUuid } from '../../common/is-uuid.js';
import { WatchedClient } from '../../database/client.js';
import { ALL_STREAMS, type HeadRow } from '../../decisions/decision.js';
import { headSeal, type SealKeys, sealOfHead } from '../../decisions/seal.js';
import { ImportFailure } from '../load/import-run.js';
import { IMPORT_LOCK } from '../load/import-session.js';
import { type Blocker, blockersOf, type Query } from './blockers.js';
import { BELONGING, ORDER } from './references.js';
import { type Kept, removeOwners } from './owners.js';
import { undoChanges } from './undo-changes.js';

export interface RollbackAsk {
  /** Of a role that owns the tables. */
  ownerUrl: string;
  /** The run's id, or its number. */
  run: string;
  keys: SealKeys;
  dryRun: boolean;
  actor: string;
  /** What is being done, for a person. */
  say(line: string): void;
}

export interface Rollback {
  runId: string;
  source: string;
  dryRun: boolean;
  /** Rows by table. */
  removed: Record<string, number>;
  /** Rows of earlier imports that are what they were before this one. */
  restored: number;
  /** Made by this import, and needed by others now. */
  kept: Kept[];
}

/** It cannot be taken back whole, so nothing of it is. */
export class RollbackBlocked extends Error {
  constructor(
    readonly count: number,
    /** The first 100. */
    readonly blockers: Blocker[],
  ) {
    super(`${count} rows of this import were changed since, or are needed by later ones`);
  }
}

const SETTINGS = `set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0; set local lock_timeout = '60s'; set local timezone = 'UTC'; set local work_mem = '128MB'`;

interface RunRow {
  id: string;
  seq: string;
  source: string;
  status: string;
}

/**
 * Removes exactly what one import brought, in one transaction.
 * @throws {ImportFailure} RUN_NOT_FOUND, ALREADY_ROLLED_BACK, IMPORT_RUNNING, DECISIONS_CHANGED, NOT_OWNER
 * @throws {RollbackBlocked}
 */
export async function rollback(ask: RollbackAsk): Promise<Rollback> {
  const client = new WatchedClient({ connectionString: ask.ownerUrl, application_name: 'tradewarden-import-rollback' });
  await client.connect();
  try {
    const query: Query = async <Row>(text: string, values: readonly unknown[] = []) => (await client.query(text, [...values])).rows as Row[];
    await client.query('begin');
    await client.query(SETTINGS);
    const done = await takeBack(query, ask);
    await client.query(ask.dryRun ? 'rollback' : 'commit');
    return done;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function takeBack(query: Query, ask: RollbackAsk): Promise<Rollback> {
  const [lock] = await query<{ got: boolean }>('select pg_try_advisory_xact_lock($1) as got', [IMPORT_LOCK]);
  if (lock?.got !== true) throw new ImportFailure('IMPORT_RUNNING', 'An import or another rollback is under way on this database. One at a time: try again when it has ended.');
  const run = await runOf(query, ask.run);
  await query(`select set_config('tradewarden.import_rollback', $1, true)`, [run.seq]);
  const [owner] = await query<{ owns: boolean }>(`select import_rollback_of('trades'::regclass) is not null as owns`);
  if (owner?.owns !== true) throw new ImportFailure('NOT_OWNER', 'An import is taken back by the role that owns the tables: set DATABASE_OWNER_URL.');
  await gather(query, run.seq);
  ask.say('looking at what depends on it …');
  await hold(query);
  const changes = await undoChanges(query, run.seq);
  const blocked = await blockersOf(query, run.seq);
  if (blocked.count + changes.blockers.length > 0) throw new RollbackBlocked(blocked.count + changes.blockers.length, [...changes.blockers, ...blocked.blockers].slice(0, 100));
  ask.say('removing …');
  const removed = await remove(query, run, ask.keys);
  const owners = await removeOwners(query);
  for (const [table, count] of Object.entries(owners.removed)) removed[table] = count;
  await query(
    `update import_runs set status = 'rolled_back', rolled_back_at = app_clock(), rolled_back_by = $2, finished_at = coalesce(finished_at, app_clock()) where id = $1`, [run.id, ask.actor]);
  await query(`select ensure_months(app_clock()::date, app_clock()::date)`);
  await query(`insert into events (type, subject_id, actor, data) values ('import.rolled_back', $1, $2, $3)`, [run.id, ask.actor, JSON.stringify({ source: run.source, removed, restored: changes.undone })]);
  return { runId: run.id, source: run.source, dryRun: ask.dryRun, removed: Object.fromEntries(Object.entries(removed).filter(([, count]) => count > 0)), restored: changes.undone, kept: owners.kept };
}

async function runOf(query: Query, asked: string): Promise<RunRow> {
  const isNumber = /^\d{1,18}$/.test(asked);
  if (!isNumber && !isUuid(asked)) throw new ImportFailure('RUN_NOT_FOUND', `"${asked}" is no id of an import: "tradewarden import:list" shows them.`);
  const [run] = await query<RunRow & { rolled_back_at: string | null }>(
    `select id, seq::text, source, status, rolled_back_at::text from import_runs where ${isNumber ? 'seq = $1::bigint' : 'id = $1::uuid'} for update`, [asked]);
  if (!run) throw new ImportFailure('RUN_NOT_FOUND', `There is no import ${asked}: "tradewarden import:list" shows them.`);
  if (run.status === 'rolled_back') throw new ImportFailure('ALREADY_ROLLED_BACK', `It was taken back at ${run.rolled_back_at}.`);
  return run;
}

/** All rows that go, once: the same list is asked again and again. */
async function gather(query: Query, seq: string): Promise<void> {
  await query(`create temporary table going (target text not null, id uuid not null) on commit drop`);
  await query(`insert into going select target, target_id from import_rows where run_seq = $1
    union all select o."table", o.id from import_rows r, jsonb_to_recordset(r.others) as o ("table" text, id uuid) where r.run_seq = $1 and r.others is not null`, [seq]);
  await query('create unique index on going (id, target)');
  await query('analyze going');
  // Whose they were: ids of version 8 are of nobody else's making.
  await query(`create temporary table owners (target text not null, id uuid not null, primary key (target, id)) on commit drop`);
  await query(`insert into owners select m."table", m.id from import_runs, jsonb_to_recordset(made) as m ("table" text, id uuid) where seq = $1`, [seq]);
  for (const [table, column, target] of [
    ['trades', 'account_id', 'accounts'], ['trades', 'agent_id', 'agents'], ['predictions', 'agent_id', 'agents'], ['trade_explanations', 'agent_id', 'agents'], ['snapshot_market', 'agent_id', 'agents'], ['snapshot_account', 'agent_id', 'agents'],
    ['snapshot_account', 'account_id', 'accounts'], ['snapshot_indicators', 'agent_id', 'agents'], ['snapshot_calendar', 'agent_id', 'agents'], ['snapshot_news', 'agent_id', 'agents'],
    ['circuit_breaker_events', 'agent_id', 'agents'], ['circuit_breaker_events', 'account_id', 'accounts'], ['decision_history', 'agent_id', 'agents'], ['alerts', 'source_id', 'webhook_sources'],
  ]) {
    await query(`insert into owners select distinct $1, t.${column} from ${table} t join going g on g.target = $2 and g.id = t.id where t.${column} is not null and get_byte(uuid_send(t.${column}), 6) >> 4 = 8 on conflict do nothing`, [target, table]);
  }
  await query(`insert into owners select distinct 'accounts', a.account_id from agents a join owners o on o.target = 'agents' and o.id = a.id where get_byte(uuid_send(a.account_id), 6) >> 4 = 8 on conflict do nothing`);
}

/** In the order in which all lock: who writes about these rows now is waited for, and finds them gone. */
async function hold(query: Query): Promise<void> {
  await query(`select 1 from accounts where id in (select account_id from trades t join going g on g.target = 'trades' and g.id = t.id union select id from owners where target = 'accounts') order by id for no key update`);
  await query(`select 1 from agents where id in (select id from owners where target = 'agents') order by id for update`);
  for (const table of ['trades', 'predictions', 'strategies', 'alerts'] as const) {
    await query(`select count(*) from (select 1 from ${table} t where exists (select from going g where g.target = '${table}' and g.id = t.id) order by id for update) held`);
  }
}

async function remove(query: Query, run: RunRow, keys: SealKeys): Promise<Record<string, number>> {
  const removed: Record<string, number> = {};
  const gone = async (table: string, where: string, values: readonly unknown[] = []) => {
    const [row] = await query<{ n: number }>(`with gone as (delete from ${table} t ${where} returning 1) select count(*)::int as n from gone`, values);
    removed[table] = (removed[table] ?? 0) + (row?.n ?? 0);
  };
  const there = new Set((await query<{ target: string }>('select distinct target from going')).map(({ target }) => target));
  for (const table of ORDER.filter((each) => there.has(each))) {
    const [belonging, key] = BELONGING[table] ?? [];
    if (belonging !== undefined) await gone(belonging, `using going g where g.target = '${table}' and g.id = t.${key}`);
    if (table === 'predictions') await gone('prediction_scores', `using going g where g.target = 'predictions' and g.id = t.prediction_id`);
    await gone(table, `using going g where g.target = '${table}' and g.id = t.id`);
  }
  await closeStream(query, run, keys, gone);
  await gone('import_rows', 'where t.run_seq = $1', [run.seq]);
  await gone('import_archive', 'where t.run_seq = $1', [run.seq]);
  // A name that an import which stands has seen stays, also where it found no rows under it. Of one that failed whole nothing stands.
  await gone('import_tables', `where t.source = $1 and not exists (select from import_rows r where r.table_id = t.id) and not exists (select from import_archive a where a.table_id = t.id)
    and not exists (select from import_runs o, jsonb_array_elements(o.tables) seen where o.source = $1 and o.id <> $2 and o.status <> 'rolled_back' and not (o.status = 'failed' and o.options ->> 'batch' is null) and seen ->> 'name' = t.name)`, [run.source, run.id]);
  return removed;
}

/** The stream goes with its head, and the count of streams goes back by one, sealed. */
async function closeStream(query: Query, run: RunRow, keys: SealKeys, gone: (table: string, where: string, values: readonly unknown[]) => Promise<void>): Promise<void> {
  const stream = `import:${run.id}`;
  const [own] = await query('select 1 from decision_heads where stream = $1 for no key update', [stream]);
  if (!own) return;
  const [all] = await query<HeadRow>('select stream, count::int, head, mac, key_id from decision_heads where stream = $1 for no key update', [ALL_STREAMS]);
  if (!all || headSeal(keys, all) !== 'intact') throw new ImportFailure('DECISIONS_CHANGED', 'The count of the streams of decisions is not as it was sealed: see audit:verify. It is not sealed anew.');
  await gone('decision_heads', 'where t.stream = $1', [stream]);
  if (all.count <= 1) return gone('decision_heads', 'where t.stream = $1', [ALL_STREAMS]);
  const next = { stream: ALL_STREAMS, count: all.count - 1, head: '' };
  await query('update decision_heads set count = $2, head = $3, mac = $4, key_id = $5, moved_at = app_clock() where stream = $1', [ALL_STREAMS, next.count, next.head, sealOfHead(keys.current, next), keys.current.id]);
}

