import { rmSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ImportService } from '../../src/legacy/load/import.service.js';
import type { ImportOptions, ImportReport } from '../../src/legacy/load/import-run.js';
import type { Cell, Source } from '../../src/legacy/source/cell.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { asked, given, oldSource, SILENT, stateOf } from '../support/old-source.js';

const ROWS = 12_000;
/** The failed run itself is told of. */
const LEFT_OUT = ['import_runs'];

let t: TestApp;
let service: ImportService;
let name: string;
let names = 0;
beforeAll(async () => {
  t = await startTestApp();
  service = t.app.get(ImportService, { strict: false });
  // Of what is done with a month that is not here yet the last ones tell.
  await t.db.query(`select ensure_snapshot_months('snapshot_market', array['2024-03-01'::date])`);
});
beforeEach(() => void (name = `bulk ${++names}`));
afterAll(() => t.close());

const FIRST = Date.UTC(2024, 2, 1);
const minute = (n: number, first = FIRST) => new Date(first + n * 60_000).toISOString().slice(0, 19).replace('T', ' ');
type Candle = Record<string, Cell>;
const candle = (n: number): Candle => ({ id: BigInt(n), at: minute(n), symbol: name.replace(' ', ''), close: (1_000 + n) / 1_000 });

/** A source that counts how often it is read through. */
function candles(change: (row: Candle, n: number) => Candle = (row) => row, count = ROWS): { source: Source; reads: string[] } {
  const reads: string[] = [];
  const source = oldSource({ candles: { rows: Array.from({ length: count }, (_none, n) => change(candle(n + 1), n + 1)), columns: ['id', 'at', 'symbol', 'close'] } });
  const [table] = source.tables;
  if (!table) throw new Error('no table');
  const counted = { ...table, rows: (after?: string) => (reads.push(after ?? ''), table.rows(after)) };
  return { source: { ...source, tables: [counted] }, reads };
}

const run = (source: Source, more: Partial<ImportOptions> = {}): Promise<ImportReport> => service.run(t.db.url, given(source), asked(name, more), SILENT, 'test');
const figures = ({ tables: [table] }: ImportReport) => (table ? [table.read, table.imported, table.unchanged, table.archived, table.rejected] : []);
const stored = () => t.db.query<{ rows: string; identities: string; sum: string }>(
  `select count(t.id)::text as rows, count(*)::text as identities, trim_scale(sum(t.close))::text as sum from import_rows r join import_tables i on i.id = r.table_id left join snapshot_market t on t.id = r.target_id where i.source = $1`, [name]);
/** Of the candles above, but for those left out. */
const sum = (but: readonly number[] = []) => String((ROWS * 1_000 + (ROWS * (ROWS + 1)) / 2 - but.reduce((all, n) => all + 1_000 + n, 0)) / 1_000);

describe('a table of which all rows are alike', () => {
  it('is read once for the import and its proof, and proven again by reading it', async () => {
    const { source, reads } = candles();
    const report = await run(source);
    expect(report).toMatchObject({ status: 'finished', proof: { ok: true, tables: [{ name: 'candles', read: ROWS, imported: ROWS, archived: 0, rejected: 0, times: { source: { least: '2024-03-01 00:01:00+00' } } }] } });
    expect(reads).toEqual(['']);
    expect(await stored()).toEqual([{ rows: String(ROWS), identities: String(ROWS), sum: sum() }]);
    const again = await service.validate(t.db.url, given(source), asked(name), SILENT);
    expect(again.proof).toMatchObject({ ok: true, tables: [{ imported: ROWS }] });
    expect(reads.length).toBeGreaterThan(1);
    expect(figures(await run(source))).toEqual([ROWS, 0, ROWS, 0, 0]);
  });

  it.each([
    ['a value that the database changes', `new.close := new.close + 0.00001; new.high := new.close; return new;`],
    ['a row that the database leaves out', `return null;`],
    ['a time that the database moves', `new.close_time := new.close_time + interval '1 microsecond'; return new;`],
  ])('is not taken over with %s', async (_what, body) => {
    const before = await stateOf(t.db, LEFT_OUT);
    await t.db.query(`create function spoiled() returns trigger language plpgsql as $$ begin if new.open_time = '2024-03-03T00:00:00Z' then ${body} end if; return new; end $$`);
    await t.db.query(`create trigger spoiled before insert on snapshot_market for each row execute function spoiled()`);
    const report = await run(candles().source);
    await t.db.query(`drop function spoiled() cascade`);
    expect(report).toMatchObject({ status: 'failed', error: { code: 'PROOF_FAILED' }, proof: { ok: false, damaged: 1, damage: [{ table: 'candles', oldId: '2880' }] } });
    expect(await stateOf(t.db, LEFT_OUT)).toEqual(before);
  });

  it('is not taken over when an identity is another one', async () => {
    await t.db.query(`create function spoiled() returns trigger language plpgsql as $$ begin if new.old_id = '7777' then new.source_hash := decode(md5('x'), 'hex'); end if; return new; end $$`);
    await t.db.query(`create trigger spoiled before insert on import_rows for each row execute function spoiled()`);
    const report = await run(candles().source);
    await t.db.query(`drop function spoiled() cascade`);
    expect(report).toMatchObject({ status: 'failed', proof: { ok: false, damage: expect.arrayContaining([expect.objectContaining({ code: 'IDENTITY_DIFFERS', oldId: '7777' })]) } });
  });
});

describe('one row of such a table', () => {
  const BAD = [1, 5_000, 5_001, 7_777, ROWS];

  it.each<[string, string, (row: Candle) => Candle]>([
    ['cannot be read', 'NUMBER_INVALID', (row) => ({ ...row, close: 'x' })],
    ['is refused by the database', 'CONSTRAINT_SNAPSHOT_MARKET_PRICES', (row) => ({ ...row, close: -1 })],
    ['is of a time that has no month', 'TIME_OUT_OF_RANGE', (row) => ({ ...row, at: '2099-01-01 00:00:00' })],
  ])('%s: it alone is rejected, wherever it stands', async (_what, code, spoil) => {
    const report = await run(candles((row, n) => (BAD.includes(n) ? spoil(row) : row)).source, { acceptRejects: true });
    expect(report.error).toBeNull();
    expect(report.rejects.map((reject) => [Number(reject.oldId), reject.code])).toEqual(BAD.map((n) => [n, code]));
    expect(figures(report)).toEqual([ROWS, ROWS - BAD.length, 0, 0, BAD.length]);
    expect(await stored()).toEqual([{ rows: String(ROWS - BAD.length), identities: String(ROWS - BAD.length), sum: sum(BAD) }]);
    rmSync(asked(name).report);
  });

  it('has a secret in it, which goes, and is counted once', async () => {
    const report = await run(candles((row, n) => (n === 6_000 ? { ...row, symbol: 'sk-proj-abcdefghijklmnopqrstuvwxyz0123456789' } : row)).source, { acceptRejects: true });
    expect(report.secrets).toEqual([{ table: 'candles', column: 'symbol', count: 1 }]);
    expect(report.secretsLeft).toBe(0);
  });

  it('has the id of another one, or its like is here already', async () => {
    const { source } = candles((row, n) => (n === 6_000 ? { ...row, id: 17n } : n === 11_000 ? { ...candle(3), id: 11_000n } : row));
    const report = await run(source, { acceptRejects: true });
    expect(report.error).toBeNull();
    expect(report.rejects.map(({ oldId, code }) => [oldId, code])).toEqual([['17', 'ROW_TWICE']]);
    expect(figures(report)).toEqual([ROWS, ROWS - 2, 0, 1, 1]);
    rmSync(asked(name).report);
  });

  it('is odd so often that all are looked at one by one', async () => {
    const odd = Array.from({ length: 40 }, (_none, n) => n * 300 + 1);
    const report = await run(candles((row, n) => (odd.includes(n) ? { ...row, close: 'x' } : row)).source, { acceptRejects: true, batch: 200 });
    expect(report.error).toBeNull();
    expect(figures(report)).toEqual([ROWS, ROWS - 40, 0, 0, 40]);
    expect(report.proof?.ok).toBe(true);
    rmSync(asked(name).report);
  });
});

describe('a table whose months are not here yet', () => {
  const DAY = 86_400_000;
  /** Each test has a year of its own: candles of which each is 2,000 seconds after the one before make ten months. */
  const of = (year: number, change: (row: Candle, n: number) => Candle = (row) => row, more: (n: number) => number = () => 0) =>
    candles((row, n) => change({ ...row, at: minute(0, Date.UTC(year, 0, 1) + n * 2_000_000 + more(n)) }, n));
  const months = (year: number) => t.db.query<{ name: string; indexes: number; checks: number; triggers: number; revisions: boolean }>(
    `select relname as name, (select count(*) from pg_index where indrelid = c.oid and indisvalid)::int as indexes, (select count(*) from pg_constraint where conrelid = c.oid and contype = 'c')::int as checks,
       (select count(*) from pg_trigger where tgrelid = c.oid)::int as triggers, to_regclass(replace(relname, 'snapshot_market', 'snapshot_revisions')) is not null as revisions
     from pg_inherits join pg_class c on c.oid = inhrelid where inhparent = 'snapshot_market'::regclass and relname like $1 order by 1`, [`snapshot_market_y${year}m%`]);

  it('makes them as all others are, and leaves nothing beside them', async () => {
    await t.db.query(`select ensure_snapshot_months('snapshot_market', array['1999-01-01'::date])`);
    const { source, reads } = of(2001);
    const report = await run(source);
    expect(report).toMatchObject({ status: 'finished', proof: { ok: true } });
    expect(reads).toEqual(['']);
    expect(await stored()).toEqual([{ rows: String(ROWS), identities: String(ROWS), sum: sum() }]);
    const [usual] = await months(1999);
    const made = await months(2001);
    expect(made).toHaveLength(10);
    expect(made.map(({ name: _name, ...of }) => of)).toEqual(made.map(() => ({ indexes: usual?.indexes, checks: usual?.checks, triggers: usual?.triggers, revisions: true })));
    expect(await t.db.query(`select to_regclass('snapshot_market_fresh') as fresh`)).toEqual([{ fresh: null }]);
    expect(figures(await run(source))).toEqual([ROWS, 0, ROWS, 0, 0]);
  });

  it('takes rows of months that are here and of such that are not, in whatever order they come', async () => {
    await t.db.query(`select ensure_snapshot_months('snapshot_market', array['2002-02-01', '2002-05-01']::date[])`);
    const report = await run(of(2002, undefined, (n) => (n % 7) * 30 * DAY * (n < ROWS / 2 ? 1 : -0.1) + n).source);
    expect(report).toMatchObject({ error: null, proof: { ok: true } });
    expect(await stored()).toEqual([{ rows: String(ROWS), identities: String(ROWS), sum: sum() }]);
  });

  it('finds a row whose like came before it, and begins again', async () => {
    const { source, reads } = of(2003, (row, n) => (n === 11_000 ? { ...row, at: minute(0, Date.UTC(2003, 0, 1) + 3 * 2_000_000) } : row));
    const report = await run(source);
    expect(report).toMatchObject({ error: null, proof: { ok: true } });
    expect(figures(report)).toEqual([ROWS, ROWS - 1, 0, 1, 0]);
    expect(report.notes).toMatchObject({ DUPLICATE: 1 });
    expect(reads.slice(0, 2)).toEqual(['', '']);
    // Whose they are was made anew, and told once.
    expect(await t.db.query(`select count(*)::int as n from events e join import_runs r on e.data ->> 'importRunId' = r.id::text where r.source = $1 and e.type = 'agent.created'`, [name])).toEqual([{ n: 1 }]);
    expect(await t.db.query(`select count(distinct agent_id)::int as n from snapshot_market t join agents a on a.id = t.agent_id where a.name like $1`, [`imported ${name} %`])).toEqual([{ n: 1 }]);
  });

  it('goes on as ever after a row that must be looked at', async () => {
    const report = await run(of(2004, (row, n) => (n === 7_777 ? { ...row, close: -1 } : row)).source, { acceptRejects: true });
    expect(report.rejects.map(({ oldId, code }) => [oldId, code])).toEqual([['7777', 'CONSTRAINT_SNAPSHOT_MARKET_PRICES']]);
    expect(figures(report)).toEqual([ROWS, ROWS - 1, 0, 0, 1]);
    expect(await stored()).toEqual([{ rows: String(ROWS - 1), identities: String(ROWS - 1), sum: sum([7_777]) }]);
    rmSync(asked(name).report);
  });

  it.each([[2005, 'a value that the database changes', `new.close := new.close + 0.00001; new.high := new.close; return new;`], [2006, 'a row that the database leaves out', `return null;`]])(
    'in %s is not taken over with %s, and none of its months stays', async (year, _what, body) => {
      const before = await stateOf(t.db, LEFT_OUT);
      const third = minute(0, Date.UTC(year, 0, 1) + 3 * 2_000_000);
      await t.db.query(`create function spoiled() returns trigger language plpgsql as $$ begin if new.open_time = '${third}Z' then ${body} end if; return new; end $$`);
      // A month of this import's own making cannot have a trigger before it is there.
      await t.db.query(`create function spoils() returns event_trigger language plpgsql as $$ declare made record; begin
        for made in select object_identity from pg_event_trigger_ddl_commands() where command_tag = 'CREATE TABLE' and object_identity = 'public.snapshot_market_y${year}m01' loop
          create trigger spoiled before insert on snapshot_market_y${year}m01 for each row execute function spoiled();
        end loop; end $$`);
      await t.db.query(`create event trigger spoils on ddl_command_end when tag in ('CREATE TABLE') execute function spoils()`);
      const report = await run(of(year).source).finally(() => t.db.query(`drop event trigger spoils`));
      await t.db.query(`drop function spoils(), spoiled()`);
      expect(report).toMatchObject({ status: 'failed', error: { code: 'PROOF_FAILED' }, proof: { ok: false, damaged: 1, damage: [{ table: 'candles', oldId: '3' }] } });
      expect(await stateOf(t.db, LEFT_OUT)).toEqual(before);
      expect(await months(year)).toEqual([]);
    });
});
