import type { MigrationInterface, QueryRunner } from 'typeorm';

const FUNCTIONS = ['ensure_months(date, date)', 'ensure_snapshot_months(text, date[])', 'begin_fresh_months(text, date[])'];
const REMEMBERED = 'if to_regclass(part) is null then';
const READ = `if not exists (select from pg_class where relname = part::name and relnamespace = 'public'::regnamespace) then`;

/**
 * Who waited while another session made a month looks it up in the catalog itself. `to_regclass` went on answering from the session's
 * cache that there is none, since no lock on a table has told it better: of two requests that needed a month first, one failed.
 */
export class MonthsByCatalog1763600000059 implements MigrationInterface {
  name = 'MonthsByCatalog1763600000059';

  async up(db: QueryRunner): Promise<void> {
    await replaceIn(db, REMEMBERED, READ);
  }

  async down(db: QueryRunner): Promise<void> {
    await replaceIn(db, READ, REMEMBERED);
  }
}

async function replaceIn(db: QueryRunner, before: string, after: string): Promise<void> {
  for (const name of FUNCTIONS) {
    const [{ text }] = (await db.query(`select pg_get_functiondef($1::regprocedure) as text`, [name])) as [{ text: string }];
    if (!text.includes(before)) throw new Error(`${name} is not as the migrations before this one left it`);
    await db.query(text.replace(before, () => after));
  }
}
