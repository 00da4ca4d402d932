import { isImportedId } from '../identity.js';
import { type Target, TARGETS, type TargetTable } from '../targets.js';
import type { Damage, ProofAsk } from './proof.js';

/** What rows refer to, by foreign keys and without one. */
const REFERENCES: Record<TargetTable, readonly (readonly [column: string, table: string])[]> = {
  predictions: [['agent_id', 'agents']],
  trades: [['agent_id', 'agents'], ['account_id', 'accounts'], ['prediction_id', 'predictions'], ['strategy_id', 'strategies']],
  trade_transitions: [['trade_id', 'trades']],
  trade_explanations: [['agent_id', 'agents'], ['trade_id', 'trades'], ['prediction_id', 'predictions']],
  snapshot_market: [['agent_id', 'agents']],
  snapshot_account: [['agent_id', 'agents'], ['account_id', 'accounts']],
  snapshot_indicators: [['agent_id', 'agents']],
  snapshot_calendar: [['agent_id', 'agents']],
  snapshot_news: [['agent_id', 'agents']],
  circuit_breaker_events: [['agent_id', 'agents'], ['account_id', 'accounts']],
  strategies: [],
  strategy_versions: [['strategy_id', 'strategies']],
  alerts: [['source_id', 'webhook_sources']],
  alert_runs: [['alert_id', 'alerts']],
  decision_history: [['agent_id', 'agents']],
};

const NAMED_MOST = 20;

const about = (code: Damage['code'], table: TargetTable, more: Partial<Damage>): Damage => ({ code, table: null, oldId: null, target: table, targetId: null, columns: [], detail: '', ...more });

/** Rows that refer to what is not there. The whole table is asked, which is known in no time where there is none; then which. */
export async function danglingReferences({ query }: ProofAsk, table: TargetTable): Promise<Damage[]> {
  const { key } = TARGETS[table] as Target;
  const found: Damage[] = [];
  for (const [column, referred] of REFERENCES[table]) {
    const isNowhere = `not exists (select from ${referred} x where x.id = t.${column})`;
    const dangles = `from ${table} t where t.${column} is not null and ${isNowhere}`;
    // A million candles have one agent: it is looked for once.
    const [some] = await query(`select 1 where exists (select from (select distinct ${column} from ${table} where ${column} is not null) t where ${isNowhere})`);
    if (!some) continue;
    const rows = await query<{ id: string; value: string }>(`select t.${key}::text as id, t.${column}::text as value ${dangles} and ${isImportedId(`t.${key}`)} limit ${NAMED_MOST}`);
    found.push(...rows.map(({ id, value }) => about('REFERENCE_DANGLES', table, { targetId: id, columns: [column], detail: `${column} is ${value}, and there is no such row of ${referred}` })));
  }
  return found;
}

/**
 * Rows that say that they were imported, by their id or by whose they are, and that no old row stands for. They are counted
 * first: with as many as there are old rows, each of which has its own, there is no other.
 */
export async function unknownRows({ query }: ProofAsk, table: TargetTable): Promise<Damage[]> {
  const { key, of, columns } = TARGETS[table] as Target;
  if (of !== undefined) return [];
  const told = [isImportedId(`t.${key}`), ...(columns['agent_id'] === undefined ? [] : [isImportedId('t.agent_id')]), ...(table === 'trades' ? [`t.origin = 'imported'`] : [])].join(' or ');
  const beside = `select o.id from import_rows r, jsonb_to_recordset(r.others) as o ("table" text, id uuid) where r.others is not null and o."table" = '${table}'`;
  const [counted] = await query<{ here: string; old: string }>(
    `select (select count(*) from ${table} t where ${told})::text as here, ((select count(*) from import_rows where target = '${table}') + (select count(*) from (${beside}) o))::text as old`);
  if (counted?.here === counted?.old) return [];
  // As sets: without statistics, as a table just filled is, the server looked for each row anew, and of 12,000 that took half a minute.
  const rows = await query<{ id: string }>(
    `select id::text as id from (select t.${key} as id from ${table} t where ${told} except select target_id from import_rows where target = '${table}' except (${beside})) as foreign_rows limit ${NAMED_MOST}`);
  return rows.map(({ id }) => about('ROW_FOREIGN', table, { targetId: id, detail: 'it says that it was imported, and no old row stands for it' }));
}

/** What a copy of a row must have of its own to be another one. SQL by column; null where the column's default is meant. */
const OF_ITS_OWN: Record<TargetTable, Record<string, string | null>> = {
  predictions: { id: 'gen_random_uuid()' },
  trades: { id: 'gen_random_uuid()', client_order_id: `'next ' || gen_random_uuid()`, order_tag: null },
  trade_transitions: { version: '2000000000', broker_deal_id: 'null' },
  trade_explanations: { id: 'gen_random_uuid()' },
  snapshot_market: { id: 'gen_random_uuid()', seq: null, symbol: `'next ' || gen_random_uuid()` },
  snapshot_account: { id: 'gen_random_uuid()', seq: null, sender: 'gen_random_uuid()' },
  snapshot_indicators: { id: 'gen_random_uuid()', seq: null, sender: 'gen_random_uuid()' },
  snapshot_calendar: { id: 'gen_random_uuid()', seq: null, title: `'next ' || gen_random_uuid()` },
  snapshot_news: { id: 'gen_random_uuid()', seq: null, headline: `'next ' || gen_random_uuid()` },
  circuit_breaker_events: { id: 'gen_random_uuid()' },
  strategies: { id: 'gen_random_uuid()', name: `'next ' || gen_random_uuid()` },
  strategy_versions: { version: '2000000000' },
  alerts: { id: 'gen_random_uuid()' },
  alert_runs: { run: '2000000000' },
  decision_history: { id: 'gen_random_uuid()', seq: `nextval('decision_history_seq')` },
};

/** Sequences that are not the identity of a column. */
const SEQUENCES: Partial<Record<TargetTable, string>> = { snapshot_market: 'snapshots_seq', snapshot_account: 'snapshots_seq', snapshot_indicators: 'snapshots_seq', snapshot_calendar: 'snapshots_seq', snapshot_news: 'snapshots_seq', decision_history: 'decision_history_seq' };

/** Whether the application's next row can be stored: a copy of a row that came in is, and is taken back. */
export async function nextInsert({ query }: ProofAsk, table: TargetTable): Promise<Damage[]> {
  const { key } = TARGETS[table] as Target;
  const columns = await query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attidentity = '' and attgenerated = '' order by attnum`, [table]);
  const own = OF_ITS_OWN[table];
  const written = columns.map(({ name }) => name).filter((name) => own[name] !== null);
  const found: Damage[] = [];
  await query('savepoint next_insert');
  try {
    await query(`insert into ${table} (${written.join(', ')}) select ${written.map((name) => own[name] ?? `t.${name}`).join(', ')}
      from (select t.* from ${table} t where exists (select from import_rows r where r.target_id = t.${key}) limit 1) t`);
  } catch (error) {
    found.push(about('NEXT_INSERT_FAILS', table, { detail: `a further row cannot be stored: ${(error as Error).message}` }));
  }
  await query('rollback to savepoint next_insert');
  const sequence = SEQUENCES[table] === undefined ? `pg_get_serial_sequence($1, 'seq')` : `$1`;
  const [behind] = await query<{ greatest: string | null; last: string | null }>(
    `select (select max(seq) from ${table})::text as greatest, pg_sequence_last_value(${sequence}::regclass)::text as last`, [SEQUENCES[table] ?? table]);
  if (behind?.greatest != null && BigInt(behind.greatest) > BigInt(behind.last ?? 0)) {
    found.push(about('NEXT_INSERT_FAILS', table, { columns: ['seq'], detail: `numbers go up to ${behind.greatest}, and the next one is given after ${behind.last ?? 0}` }));
  }
  return found;
}
