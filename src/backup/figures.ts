import type pg from 'pg';
import { sha256 } from './read-backup.js';
import type { Figures } from './manifest.js';

/** Reads with one snapshot, whose owner keeps it. */
export type Query = <R extends pg.QueryResultRow>(text: string, values?: unknown[]) => Promise<R[]>;

/**
 * How rows become text: a server's own settings must not show in the hash of a table. Set for one transaction.
 * `search_path` too, which decides how names are written.
 */
export const PINNED = `set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local timezone = 'UTC'; set local extra_float_digits = 1;
  set local bytea_output = 'hex'; set local xmlbinary = 'base64'; set local search_path = public; set local row_security = off;
  set local statement_timeout = 0; set local lock_timeout = '30s'; set local idle_in_transaction_session_timeout = 0`;

interface TableOf {
  name: string;
  /** Of numeric, by name. */
  money: string[];
}

/** Partitions are read through their table: which month a row lies in is for the server to say. Unlogged ones are empty after a crash. */
export const TABLES_OF_SNAPSHOT = `
  select c.relname as name, coalesce(array_agg(a.attname::text order by a.attname) filter (where a.atttypid = 'numeric'::regtype), '{}') as money
  from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence = 'p'
    and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  group by c.oid, c.relname order by c.relname`;

const OURS = `n.nspname = 'public' and not exists (select 1 from pg_depend d where d.objid = x.oid and d.deptype = 'e')`;

/** NOT NULL is a constraint of its own from PostgreSQL 18 on. */
const OBJECTS = `select
  (select count(*) from pg_attribute a join pg_class x on x.oid = a.attrelid join pg_namespace n on n.oid = x.relnamespace where ${OURS} and x.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped)::int as columns,
  (select count(*) from pg_constraint x join pg_namespace n on n.oid = x.connamespace where ${OURS} and x.contype in ('c', 'f', 'p', 'u', 'x'))::int as constraints,
  (select count(*) from pg_class x join pg_namespace n on n.oid = x.relnamespace where ${OURS} and x.relkind in ('i', 'I'))::int as indexes,
  (select count(*) from pg_trigger t join pg_class x on x.oid = t.tgrelid join pg_namespace n on n.oid = x.relnamespace where ${OURS} and not t.tgisinternal)::int as triggers,
  (select count(*) from pg_proc x join pg_namespace n on n.oid = x.pronamespace where ${OURS})::int as functions`;

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

export interface FiguresOptions {
  signal?: AbortSignal | undefined;
  /** Told each table when it is through. */
  onTable?: ((name: string) => void) | undefined;
  /** Read before the copy began: they are no part of a snapshot, and what is copied later is never behind. */
  sequences?: Figures['sequences'];
}

/** Everything by which a copy is compared, out of one snapshot. */
export async function figuresOf(query: Query, options: FiguresOptions = {}): Promise<Figures> {
  const all = await query<TableOf & pg.QueryResultRow>(TABLES_OF_SNAPSHOT);
  const sequences = options.sequences ?? (await sequencesOf(query));
  const tables: Figures['tables'] = [];
  const sums: Figures['sums'] = {};
  for (const table of all) {
    options.signal?.throwIfAborted();
    const [row = {}] = await query<Record<string, string>>(tableSql(table));
    tables.push({ name: table.name, rows: Number(row.n), hash: sha256([row.n, row.a, row.b, row.c, row.d].join('|')) });
    for (const [at, column] of table.money.entries()) sums[`${table.name}.${column}`] = row[`s${at}`] ?? '0';
    options.onTable?.(table.name);
  }
  const has = (name: string) => all.some((table) => table.name === name);
  const chainHeads = has('decision_heads') ? await query<Figures['chainHeads'][number]>(`select stream, count::float8 as seq, head as hash from decision_heads order by stream`) : [];
  const [events] = has('events') ? await query<{ seq: number | null }>(`select max(seq)::float8 as seq from events`) : [];
  const migrations = has('migrations') ? (await query<{ name: string }>(`select name from migrations order by id`)).map(({ name }) => name) : [];
  const [objects] = await query<Figures['objects']>(OBJECTS);
  if (!objects) throw new Error('the catalogue gave no answer');
  return { tables, sums, chainHeads, eventsSeq: events?.seq ?? null, sequences, objects, migrations };
}

/**
 * One pass over the table, and no more memory for a long one than for a short one: the four quarters of the SHA-256 of
 * each row's text are added up, so that the order of rows does not count and each one does. OFFSET 0 keeps the planner
 * from hashing a row four times.
 */
function tableSql({ name, money }: TableOf): string {
  const quarter = (at: number) => `coalesce(sum(('x' || encode(substr(h, ${1 + 8 * at}, 8), 'hex'))::bit(64)::bigint), 0)::text`;
  const columns = money.map((column, at) => `, tradewarden_row.${quoted(column)} as m${at}`).join('');
  const sums = money.map((_, at) => `, trim_scale(coalesce(sum(m${at}), 0))::text as s${at}`).join('');
  return `select count(*)::text as n, ${['a', 'b', 'c', 'd'].map((letter, at) => `${quarter(at)} as ${letter}`).join(', ')}${sums}
    from (select sha256(convert_to(tradewarden_row::text, 'UTF8')) as h${columns} from public.${quoted(name)} tradewarden_row offset 0) rows_hashed`;
}

export async function sequencesOf(query: Query): Promise<Figures['sequences']> {
  return query<Figures['sequences'][number]>(`select sequencename::text as name, last_value::float8 as value from pg_sequences where schemaname = 'public' and last_value is not null order by 1`);
}
