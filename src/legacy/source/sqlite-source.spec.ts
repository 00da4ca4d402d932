import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BadText, type Source, type SourceRow, type SourceTable } from './cell.js';
import { openSqlite } from './sqlite-source.js';

let folder: string;
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'sqlite-source-')); });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
function database(sql: string): string {
  const path = join(folder, `${(made += 1)}.db`);
  using db = new DatabaseSync(path, { enableDoubleQuotedStringLiterals: true });
  db.exec(sql);
  return path;
}

async function reading<T>(path: string, use: (source: Source) => T | Promise<T>, hot = false): Promise<T> {
  const source = await openSqlite(path, { hot });
  try {
    return await use(source);
  } finally {
    source.close();
  }
}
const tableOf = (source: Source, name: string): SourceTable => source.tables.find((table) => table.name === name) as SourceTable;
const rows = (path: string, table = 't', after?: string): Promise<SourceRow[]> => reading(path, (source) => [...tableOf(source, table).rows(after)]);
const ids = async (path: string, table = 't', after?: string) => (await rows(path, table, after)).map(({ id }) => id);
const codeOf = (path: string, hot = false) => openSqlite(path, { hot }).then((source) => { source.close(); return 'opened'; }, (error: { code: string }) => error.code);

describe('a SQLite file', () => {
  it('gives each value as it is held, whatever its column is declared as', async () => {
    const path = database(`create table t(id integer primary key, a integer, b real, c text, d blob, e);
      insert into t values (1, 9223372036854775807, 0.1, 'é', x'00ff', null), (2, 'word', 9e999, 'x', 'text', 1.0), (3, -9223372036854775808, -9e999, '', x'', 9007199254740993)`);
    expect((await rows(path)).map(({ cells }) => cells)).toEqual([
      { id: 1n, a: 9223372036854775807n, b: 0.1, c: 'é', d: new Uint8Array([0, 255]), e: null }, { id: 2n, a: 'word', b: Infinity, c: 'x', d: 'text', e: 1 }, { id: 3n, a: -9223372036854775808n, b: -Infinity, c: '', d: new Uint8Array([]), e: 9007199254740993n },
    ]);
  });

  it.each([['with a rowid', ''], ['without a rowid', ' without rowid']])('finds text that is not UTF-8 or holds a NUL %s, and leaves U+FFFD alone', async (_how, without) => {
    const path = database(`create table t(k text primary key, v text)${without};
      insert into t values ('a', 'plain'), ('b', cast(x'61ff62' as text)), ('c', 'x' || char(0) || 'y'), ('d', char(65533)), ('e', 'after'), ('f', cast(x'eda080' as text)), ('g', char(65279) || 'mark'), (cast(x'68ff' as text), 'h')`);
    expect((await rows(path)).map(({ id, cells }) => [id, cells.v])).toEqual([
      ['a', 'plain'], ['b', new BadText(new Uint8Array([0x61, 0xff, 0x62]), 'NOT_UTF8')], ['c', new BadText(new Uint8Array([0x78, 0, 0x79]), 'NUL')], ['d', '\ufffd'], ['e', 'after'],
      ['f', new BadText(new Uint8Array([0xed, 0xa0, 0x80]), 'NOT_UTF8')], ['g', '\ufeffmark'], ['\\t68ff', 'h'],
    ]);
  });

  it('of UTF-16 is read the same', async () => {
    const path = database(`pragma encoding = 'UTF-16le'; create table t(id integer primary key, v text); insert into t values (1, 'é😀'), (2, char(65533)), (3, 'a' || char(0))`);
    const [first, second, third] = await rows(path);
    expect([first?.cells.v, second?.cells.v]).toEqual(['é😀', '\ufffd']);
    expect(third?.cells.v).toBeInstanceOf(BadText);
  });

  it('names rows by their key, or by their rowid where there is none', async () => {
    const path = database(`create table i(id integer primary key, v); insert into i values (5, 'a'), (-3, 'b');
      create table k(a text, b integer, primary key (b, a)); insert into k values ('x|y', 1), ('z', 1), (null, 1), (null, 1);
      create table n(v); insert into n values ('a'), ('b');
      create table w(a text, b integer, primary key (a, b)) without rowid; insert into w values ('b', 1), ('a', 2), ('a', 1);
      create table u(k primary key); insert into u values (1), ('1');
      create table h(rowid text, oid text, v); insert into h values ('x', 'y', 1)`);
    expect(await Promise.all(['i', 'k', 'n', 'w', 'u', 'h'].map((table) => ids(path, table)))).toEqual([
      ['-3', '5'], ['1|x\\|y', '1|z', '#3', '#4'], ['#1', '#2'], ['a|1', 'a|2', 'b|1'], ['1', "\\'1"], ['#1'],
    ]);
  });

  it.each(['i', 'k', 'n', 'w'])('goes on after any row of %s', async (table) => {
    const path = database(`create table i(id integer primary key, v text); create table k(a text primary key, v text); create table n(v text); create table w(a text primary key, v text) without rowid;
      with recursive s(i) as (select 1 union all select i + 1 from s where i < 9) insert into i select i * 3, case when i in (2, 7) then cast(x'ff' as text) else 'v' end from s;
      insert into k select 'k' || id, v from i; insert into n select v from i; insert into w select 'w' || id, v from i`);
    const all = await ids(path, table);
    expect(all).toHaveLength(9);
    for (const [place, id] of all.entries()) expect(await ids(path, table, id)).toEqual(all.slice(place + 1));
    await expect(ids(path, table, 'none')).rejects.toMatchObject({ code: 'SOURCE_ROW_MISSING' });
    await expect(ids(path, table, '4')).rejects.toMatchObject({ code: 'SOURCE_ROW_MISSING' });
  });

  it('has every table with its columns, computed ones too, and says what it did not read', async () => {
    const path = database(`create table "od""d t"("a b" integer primary key autoincrement, "q""x" text, Mixed real, g integer generated always as ("a b" * 2) stored, v as ("a b" + 1)); insert into "od""d t"("q""x", Mixed) values ('x', 1.5);
      create view seen as select 1; create virtual table search using fts5(words); insert into search values ('one'); create table "__proto__"("__proto__" text, "constructor" text); insert into "__proto__" values ('p', 'c')`);
    await reading(path, (source) => {
      expect(source.tables.map(({ name }) => name)).toEqual(['__proto__', 'od"d t', 'search_config', 'search_content', 'search_data', 'search_docsize', 'search_idx', 'sqlite_sequence']);
      const odd = tableOf(source, 'od"d t');
      expect([odd.columns, odd.declared, odd.key, odd.count()]).toEqual([['a b', 'q"x', 'Mixed', 'g', 'v'], { 'a b': 'INTEGER', 'q"x': 'TEXT', Mixed: 'REAL', g: 'INTEGER', v: '' }, ['a b'], 1]);
      expect([...odd.rows()]).toEqual([{ id: '1', cells: { 'a b': 1n, 'q"x': 'x', Mixed: 1.5, g: 2n, v: 2n } }]);
      expect([...tableOf(source, 'sqlite_sequence').rows()]).toEqual([{ id: '#1', cells: { name: 'od"d t', seq: 1n } }]);
      expect(Object.entries([...tableOf(source, '__proto__').rows()][0]?.cells ?? {})).toEqual([['__proto__', 'p'], ['constructor', 'c']]);
      expect(source.notRead?.map(({ name }) => name)).toEqual(['search', 'seen']);
    });
  });

  it('leaves nothing beside it, in WAL mode either, and its digest is that of its bytes', async () => {
    const path = database(`pragma journal_mode = wal; create table t(v); insert into t values (1)`);
    const before = readdirSync(folder);
    await reading(path, (source) => {
      expect([...tableOf(source, 't').rows()]).toHaveLength(1);
      expect(source.sha256).toBe(createHash('sha256').update(readFileSync(path)).digest('hex'));
      expect(readdirSync(folder)).toEqual(before);
    });
    expect(readdirSync(folder)).toEqual(before);
  });
});

describe('a file that is in use', () => {
  it('is refused while its -wal holds changes, and read hot with them', async () => {
    const path = database(`pragma journal_mode = wal; create table t(id integer primary key); insert into t values (1)`);
    using writer = new DatabaseSync(path);
    writer.exec('insert into t values (2)');
    await expect(openSqlite(path, { hot: false })).rejects.toMatchObject({ code: 'SOURCE_IN_USE', message: expect.stringContaining('-wal') as unknown as string });
    const copies = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`tradewarden-source-`) && name.includes(`-${process.pid}-`));
    await reading(path, (source) => {
      expect(copies()).toHaveLength(1);
      writer.exec('insert into t values (3)');
      expect([...tableOf(source, 't').rows()].map(({ id }) => id)).toEqual(['1', '2']);
    }, true);
    expect(copies()).toEqual([]);
  });

  it('is refused with a journal, and read hot when its writer has not committed', async () => {
    const path = database(`create table t(id integer primary key); insert into t values (1)`);
    using writer = new DatabaseSync(path);
    writer.exec('begin immediate; insert into t values (2)');
    if (!existsSync(`${path}-journal`)) writeFileSync(`${path}-journal`, 'x');
    expect(await codeOf(path)).toBe('SOURCE_IN_USE');
    await reading(path, (source) => expect(tableOf(source, 't').count()).toBe(1), true);
    writer.exec('rollback');
  });

  it.each([['left with changes in its -wal', true], ['stopped in order', false]])('in WAL mode and %s is read hot, and nothing is left beside it', async (_how, isKilled) => {
    const path = database(`pragma journal_mode = wal; create table t(id integer primary key); insert into t values (1)`);
    using writer = new DatabaseSync(path);
    writer.exec('insert into t values (2)');
    if (!isKilled) writer.exec('pragma wal_checkpoint(truncate)');
    const left = join(mkdtempSync(join(folder, 'left-')), 'old.db');
    for (const suffix of isKilled ? ['', '-wal'] : ['']) copyFileSync(path + suffix, left + suffix);
    const before = readdirSync(join(left, '..'));
    await reading(left, (source) => expect([...tableOf(source, 't').rows()].map(({ id }) => id)).toEqual(['1', '2']), true);
    expect(readdirSync(join(left, '..'))).toEqual(before);
  });

  it('was killed in the middle of a change: read hot it is what it was before, and stays as it lies there', async () => {
    const path = database(`create table t(id integer primary key, v text); with recursive n(i) as (select 1 union all select i + 1 from n where i < 200) insert into t select i, hex(zeroblob(200)) from n`);
    using writer = new DatabaseSync(path);
    // What does not fit into memory is written into the file before the change has ended.
    writer.exec(`pragma cache_size = 1; pragma cache_spill = 1; begin immediate; update t set v = 'changed' || v`);
    const left = join(mkdtempSync(join(folder, 'left-')), 'old.db');
    for (const suffix of ['', '-journal']) copyFileSync(path + suffix, left + suffix);
    writer.exec('rollback');
    const held = () => ['', '-journal'].map((suffix) => createHash('sha256').update(readFileSync(left + suffix)).digest('hex'));
    const before = held();
    expect(await codeOf(left)).toBe('SOURCE_IN_USE');
    await reading(left, (source) => expect([...tableOf(source, 't').rows()].filter(({ cells }) => !String(cells.v).startsWith('0'))).toEqual([]), true);
    expect(held()).toEqual(before);
  });

  it('is known to have changed while it was read, by its bytes', async () => {
    const path = database(`create table t(id integer primary key, v text); insert into t values (1, 'a')`);
    await reading(path, async (source) => {
      await source.unchanged?.();
      using writer = new DatabaseSync(path);
      writer.exec(`update t set v = 'b'`);
      await expect(source.unchanged?.()).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    });
  });

  it('is not refused for an empty -wal', async () => {
    const path = database('create table t(v)');
    writeFileSync(`${path}-wal`, '');
    expect(await codeOf(path)).toBe('opened');
  });
});

describe('a file that cannot be read', () => {
  it('is said to be what it is', async () => {
    const written = (name: string, content: string | Buffer) => { writeFileSync(join(folder, name), content); return join(folder, name); };
    expect(await codeOf(join(folder, 'none.db'))).toBe('SOURCE_NOT_FOUND');
    expect(await codeOf(folder)).toBe('SOURCE_UNREADABLE');
    expect(await codeOf(written('empty.db', ''))).toBe('SOURCE_EMPTY');
    expect(await codeOf(written('text.db', 'not a database at all, but longer than a header'))).toBe('SOURCE_NOT_A_DATABASE');
    expect(await codeOf(written('head.db', Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(2000, 7)])))).toMatch(/SOURCE_(NOT_A_DATABASE|DAMAGED)/);
    await expect(openSqlite(written('rows.csv', 'a,b\n1,2\n'), { hot: false })).rejects.toThrow(/name the folder/);
  });

  it('is said to be damaged, and in which table', async () => {
    const path = database(`create table t(id integer primary key, v text); with recursive s(i) as (select 1 union all select i + 1 from s where i < 2000) insert into t select i, hex(zeroblob(100)) from s`);
    truncateSync(path, 40_960);
    await expect(rows(path)).rejects.toMatchObject({ code: 'SOURCE_DAMAGED', message: expect.stringMatching(/recover/) as unknown as string });
    const torn = database(`create table t(id integer primary key, v text); with recursive s(i) as (select 1 union all select i + 1 from s where i < 2000) insert into t select i, hex(zeroblob(100)) from s`);
    const bytes = readFileSync(torn);
    bytes.fill(0xee, 8192, 16_384);
    writeFileSync(torn, bytes);
    await expect(rows(torn)).rejects.toMatchObject({ code: 'SOURCE_DAMAGED', message: expect.stringContaining('table t') as unknown as string });
  });

  it('that only grew at its end is still what its header says', async () => {
    const path = database('create table t(v); insert into t values (1)');
    appendFileSync(path, 'x'.repeat(100));
    expect(await rows(path)).toHaveLength(1);
  });
});
