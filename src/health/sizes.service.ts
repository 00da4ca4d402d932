import { Injectable } from '@nestjs/common';
import type { WatchedClient } from '../database/client.js';
import { type KeptLook, Looks } from '../database/kept-look.js';
import type { GaugeOf } from './gauges.js';

export interface Sizes {
  asOf: string;
  bytes: number;
  tables: { name: string; bytes: number }[];
}

const KEPT_MS = 60_000;
/** Of a scrape every minute or more often. */
const LATELY_MS = 180_000;
const TABLES_MOST = 20;
const TABLES_IN_METRICS = 10;

const DATABASE_BYTES = `select pg_database_size(current_database())::text as bytes`;
const TABLES = `select coalesce(pg_partition_root(c.oid), c.oid)::regclass::text as name, sum(pg_total_relation_size(c.oid))::text as bytes
  from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' group by 1 order by sum(pg_total_relation_size(c.oid)) desc, 1 limit ${TABLES_MOST}`;

/** How large the database and its largest tables are. Each file of a table is looked at, so once a minute is enough. */
@Injectable()
export class SizesShown {
  private readonly look: KeptLook<Sizes>;

  constructor(looks: Looks) {
    this.look = looks.of(measure, KEPT_MS);
  }

  /** Null: not known. */
  get(): Promise<Sizes | null> {
    return this.look.get();
  }

  /** For a scrape, which waits for nothing: what is known, of the last minutes; and a look where that is old. */
  lately(): Sizes | null {
    return this.look.lately(LATELY_MS);
  }
}

async function measure(client: WatchedClient): Promise<Sizes> {
  const asOf = new Date().toISOString();
  const [whole] = (await client.query<{ bytes: string }>(DATABASE_BYTES)).rows;
  const tables = (await client.query<{ name: string; bytes: string }>(TABLES)).rows;
  return { asOf, bytes: Number(whole?.bytes), tables: tables.map(({ name, bytes }) => ({ name, bytes: Number(bytes) })) };
}

export function describeSizes(gauge: GaugeOf, { bytes, tables }: Sizes): void {
  gauge('tradewarden_db_size_bytes', 'Size of the database on its disk, looked up once a minute; the same on every instance: take max(), not sum().').set(bytes);
  const sizes = gauge('tradewarden_db_table_size_bytes', `Sizes of the ${TABLES_IN_METRICS} largest tables, with their indexes and months; the same on every instance: take max(), not sum().`, ['table']);
  for (const { name, bytes: size } of tables.slice(0, TABLES_IN_METRICS)) sizes.set({ table: name }, size);
}
