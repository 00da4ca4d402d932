import { WatchedClient } from '../database/client.js';
import { figuresOf, PINNED, type Query } from './figures.js';
import type { Figures, Manifest } from './manifest.js';

/** What a copy has otherwise than the manifest says. */
export interface Difference {
  what: 'table' | 'rows' | 'contents' | 'sum' | 'chain' | 'events' | 'sequence' | 'objects' | 'migrations';
  /** Of the table, `table.column`, stream, sequence. */
  name: string;
  expected: string | null;
  found: string | null;
  /** One sentence. */
  detail: string;
}

/** One pass over the largest table; a server that froze is noticed by the keep-alive of its connection. */
const STATEMENT_MS = 6 * 3_600_000;

/** Runs `work` in one read-only transaction with its own snapshot and pinned settings. */
export async function withSnapshot<T>(url: string, work: (query: Query, client: WatchedClient) => Promise<T>, signal?: AbortSignal): Promise<T> {
  const client = new WatchedClient({ connectionString: url, application_name: 'tradewarden-backup', query_timeout: STATEMENT_MS });
  const cut = () => client.cut();
  signal?.addEventListener('abort', cut, { once: true });
  try {
    signal?.throwIfAborted();
    await client.connect();
    await client.query(`begin isolation level repeatable read read only; ${PINNED}`);
    const answer = await work(async (text, values) => (await client.query(text, values)).rows as never, client);
    await client.query('commit');
    return answer;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', cut);
    await client.end().catch(() => undefined);
  }
}

/** Every way in which the database at `url` is not what the manifest says; none: it is that database. */
export async function compareWithManifest(url: string, manifest: Pick<Manifest, keyof Figures>, options: { signal?: AbortSignal | undefined; onTable?: ((name: string) => void) | undefined } = {}): Promise<Difference[]> {
  return differences(manifest, await withSnapshot(url, (query) => figuresOf(query, options), options.signal));
}

export function differences(expected: Figures, found: Figures): Difference[] {
  return [
    ...ofTables(expected, found),
    ...ofRecords('sum', expected.sums, found.sums, (name) => `the sum of ${name}`),
    ...ofRecords('chain', heads(expected), heads(found), (name) => `the last decision of ${name}`),
    ...(expected.eventsSeq === found.eventsSeq ? [] : [differing('events', 'events', String(expected.eventsSeq), String(found.eventsSeq), 'the last event')]),
    ...ofSequences(expected, found),
    ...ofRecords('objects', texts(expected.objects), texts(found.objects), (name) => `the number of ${name}`),
    ...(expected.migrations.join() === found.migrations.join() ? [] : [differing('migrations', 'migrations', expected.migrations.at(-1) ?? null, found.migrations.at(-1) ?? null, 'the list of migrations')]),
  ];
}

function ofTables(expected: Figures, found: Figures): Difference[] {
  const theirs = new Map(found.tables.map((table) => [table.name, table]));
  const missing = expected.tables.flatMap(({ name, rows, hash }): Difference[] => {
    const table = theirs.get(name);
    if (!table) return [{ what: 'table', name, expected: String(rows), found: null, detail: `table ${name} is missing` }];
    if (table.rows !== rows) return [{ what: 'rows', name, expected: String(rows), found: String(table.rows), detail: `table ${name} has ${table.rows} rows and had ${rows}` }];
    return table.hash === hash ? [] : [{ what: 'contents', name, expected: hash, found: table.hash, detail: `table ${name} has as many rows as it had, ${rows}, and not the same ones` }];
  });
  const known = new Set(expected.tables.map(({ name }) => name));
  const added = found.tables.filter(({ name }) => !known.has(name)).map(({ name, rows }): Difference => ({ what: 'table', name, expected: null, found: String(rows), detail: `table ${name} was not there` }));
  return [...missing, ...added];
}

/** Behind is what would give a number twice; ahead, or used at last, is as it should be. */
function ofSequences(expected: Figures, found: Figures): Difference[] {
  const theirs = new Map(found.sequences.map(({ name, value }) => [name, value]));
  return expected.sequences.filter(({ name, value }) => (theirs.get(name) ?? -Infinity) < value)
    .map(({ name, value }) => differing('sequence', name, String(value), theirs.has(name) ? String(theirs.get(name)) : null, `sequence ${name}`));
}

function ofRecords(what: Difference['what'], expected: Record<string, string>, found: Record<string, string>, called: (name: string) => string): Difference[] {
  return [...new Set([...Object.keys(expected), ...Object.keys(found)])].filter((name) => expected[name] !== found[name])
    .map((name) => differing(what, name, expected[name] ?? null, found[name] ?? null, called(name)));
}

const differing = (what: Difference['what'], name: string, expected: string | null, found: string | null, called: string): Difference => ({
  what, name, expected, found, detail: `${called} was ${expected ?? 'not there'} and is ${found ?? 'not there'}`,
});

const heads = (figures: Figures): Record<string, string> => Object.fromEntries(figures.chainHeads.map(({ stream, seq, hash }) => [stream, `${seq} ${hash}`]));
const texts = (given: Record<string, number>): Record<string, string> => Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]));
