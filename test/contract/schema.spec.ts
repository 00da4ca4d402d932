import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrateDown, migrateUp } from '../../src/database/migrate.js';
import { MIGRATIONS } from '../../src/database/migrations.js';
import { cli } from '../support/cli.js';
import { onConnection } from '../support/cluster.js';
import { expectContract } from '../support/contract.js';
import { dropFresh, type Fresh, freshDatabase, freshNames } from '../support/fresh-database.js';
import { describeOnPostgres15, type Postgres15, startPostgres15 } from '../support/postgres15.js';
import { schemaText } from '../support/schema-text.js';

const textOf = ({ ownerUrl, writer }: Fresh) => onConnection(ownerUrl, (owner) => schemaText(owner, writer));

let db: Fresh;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(dropFresh);

describe('the schema', () => {
  it('is checked in as text', async () => {
    expectContract('schema.txt', await textOf(db));
  });

  it('is the same after every migration was taken back and applied again', async () => {
    const before = await textOf(db);
    for (const name of MIGRATIONS.map((migration) => migration.name).reverse()) expect(await migrateDown(db.ownerUrl)).toBe(name);
    // What is left is TypeORM's own list of migrations.
    const nothing = await textOf(db);
    expect(nothing.match(/^(unlogged table|table|sequence|function) .*$/gm)).toEqual(['table migrations']);
    await migrateUp(db.ownerUrl, { writer: db.writer });
    expect(await textOf(db)).toBe(before);
  });
});

describeOnPostgres15('PostgreSQL 15', () => {
  let server: Postgres15;
  beforeAll(async () => {
    server = await startPostgres15();
  });
  afterAll(async () => {
    await dropFresh();
    await server.remove();
  });

  it('gets the same schema', async () => {
    expect(await textOf(await freshDatabase(server.adminUrl))).toBe(await textOf(db));
  });

  it('is set up, and gets its roles, by an owner who is no superuser', async () => {
    const fresh = await freshNames('createdb createrole', server.adminUrl);
    const env = { DATABASE_URL: fresh.url, DATABASE_OWNER_URL: fresh.ownerUrl };
    expect(await cli(['setup', '--json'], env)).toMatchObject({ code: 0, json: { databaseCreated: true, writerCreated: true, notes: [] } });
    expect(await cli(['status', '--json'], env)).toMatchObject({ code: 0, json: { safe: true } });
    const roles = await cli<{ writer: string }>(['roles', '--json'], { DATABASE_URL: fresh.ownerUrl });
    expect(roles).toMatchObject({ code: 0, json: { made: true } });
  });
});
