import { finished } from 'node:stream/promises';
import type pg from 'pg';
import { from } from 'pg-copy-streams';
import type { Tx } from '../../database/transaction.js';
import type { CopyGroup } from './copy-text.js';

/** The connection under a transaction: COPY is no statement of TypeORM's. */
export async function clientOf(tx: Tx): Promise<pg.ClientBase> {
  const client = (await tx.queryRunner?.connect()) as pg.ClientBase | undefined;
  if (!client) throw new Error('this is not a transaction');
  return client;
}

/** Resolves when the server has taken all of it. @throws its error, with `where` and `constraint` */
export async function copyIn(client: pg.ClientBase, { table, columns, lines }: CopyGroup): Promise<void> {
  if (lines.length > 0) await copyBytes(client, table, columns, Buffer.from(`${lines.join('\n')}\n`));
}

export async function copyBytes(client: pg.ClientBase, table: string, columns: readonly string[], bytes: Buffer): Promise<void> {
  const stream = client.query(from(`copy ${table} (${columns.join(', ')}) from stdin`));
  stream.end(bytes);
  await finished(stream);
}
