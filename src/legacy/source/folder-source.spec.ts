import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { FileTable } from '../profile.js';
import { BadText, JsonNumber, type Source } from './cell.js';
import { csvRecords } from './csv-rows.js';
import { patternOf } from './folder-source.js';
import { openSource } from './open-source.js';

let folder: string;
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'folder-source-')); });
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

async function reading<T>(use: (source: Source) => T | Promise<T>, files: readonly FileTable[] = [], hot = false): Promise<T> {
  const opened = await openSource(folder, { hot });
  try {
    return await use(opened.as(files));
  } finally {
    opened.close();
  }
}
const rows = (name: string, files: readonly FileTable[] = [], after?: string) => reading((source) => [...(source.tables.find((table) => table.name === name)?.rows(after) ?? [])], files);
const number = (text: string) => new JsonNumber(text);
const utf16 = (text: string, order: 'LE' | 'BE') => { const bytes = Buffer.from(text, 'utf16le'); return order === 'BE' ? bytes.swap16() : bytes; };

describe('a CSV file', () => {
  it('is a table of its records, named by their place', async () => {
    put('data/limits.csv', '\ufeffname,"a ""b""",empty,quoted\r\nx,"1,5\r\nnext",,""\r\n\r\ny,2,3,4');
    expect(await rows('data/limits.csv')).toEqual([
      { id: 'data/limits.csv#1', cells: { name: 'x', 'a "b"': '1,5\r\nnext', empty: null, quoted: '' } }, { id: 'data/limits.csv#2', cells: { name: 'y', 'a "b"': '2', empty: '3', quoted: '4' } },
    ]);
    await reading((source) => expect(source.tables.map((table) => [table.name, table.base, table.columns, table.key, table.count()])).toEqual([['data/limits.csv', 'data/limits.csv', ['name', 'a "b"', 'empty', 'quoted'], [], 2]]));
  });

  it('keeps text that is not UTF-8, or holds a NUL, by its bytes', async () => {
    put('a.csv', Buffer.concat([Buffer.from('k,v\n1,'), Buffer.from([0xe9]), Buffer.from('\n2,é\n3,a\0b\n')]));
    expect((await rows('a.csv')).map(({ cells }) => cells.v)).toEqual([new BadText(new Uint8Array([0xe9]), 'NOT_UTF8'), 'é', new BadText(new Uint8Array([97, 0, 98]), 'NUL')]);
  });

  it.each<['LE' | 'BE']>([['LE'], ['BE']])('in UTF-16 %s is read as one in UTF-8, whatever its chunks cut in two, and half a character is no text', async (order) => {
    const long = 'é\u{1f600}'.repeat(400_000);
    put('a.csv', utf16(`\ufeffname,v\r\na,"x,é"\r\nb,${long}\r\nc,\ud800`, order));
    put('b.jsonl', utf16('\ufeff{"id": 1.10}\n{"id": "ü"}\n', order));
    put('c.json', utf16('\ufeff[{"id": "ü"}]', order));
    put('torn.csv', Buffer.concat([utf16('\ufeffv\n1\nab', order), Buffer.from('c')]));
    expect((await rows('a.csv')).map(({ cells }) => cells)).toEqual([{ name: 'a', v: 'x,é' }, { name: 'b', v: long }, { name: 'c', v: new BadText(new Uint8Array([0xed, 0xa0, 0x80]), 'NOT_UTF8') }]);
    expect([await rows('b.jsonl'), await rows('c.json')].map((each) => each.map(({ cells }) => cells.id))).toEqual([[number('1.10'), 'ü'], ['ü']]);
    expect((await rows('torn.csv')).map(({ cells }) => cells.v)).toEqual(['1', new BadText(new Uint8Array([...Buffer.from('ab'), 0xff, ...Buffer.from('c')]), 'NOT_UTF8')]);
    expect(await reading(({ tables }) => tables.map(({ notes }) => notes))).toEqual(['a.csv', 'b.jsonl', 'c.json', 'torn.csv'].map((name) => [`ENCODING_UTF16: ${name} is UTF-16; an export writes UTF-8`]));
  });

  it('has rows that do not fit as broken, with all that stands in them', async () => {
    put('a.csv', 'a,b\n1,2\n1,2,3\n1\n"x"y,2\n4,"open\n5,6\n');
    expect((await rows('a.csv')).map(({ cells, broken }) => [cells, broken?.code, broken?.detail])).toEqual([
      [{ a: '1', b: '2' }, undefined, undefined], [{ a: '1', b: '2', 'column 3': '3' }, 'ROW_RAGGED', 'a.csv, line 3: 3 cells under 2 headers'], [{ a: '1', b: null }, 'ROW_RAGGED', 'a.csv, line 4: 1 cells under 2 headers'],
      [{ a: 'xy', b: '2' }, 'ROW_QUOTES', 'a.csv, line 5: text stands behind a closing quote'], [{ a: '4', b: 'open\n5,6\n' }, 'ROW_QUOTES', 'a.csv, line 6: a quote is not closed'],
    ]);
  });

  it('says when two columns have one name, and names those that have none', async () => {
    put('a.csv', ';a;a;\n1;2;3;4\n');
    await reading((source) => {
      expect(source.tables[0]?.columns).toEqual(['column 1', 'a', 'a (2)', 'column 4']);
      expect(source.tables[0]?.notes?.map((note) => note.split(':')[0])).toEqual(['COLUMN_TWICE']);
    });
    expect((await rows('a.csv'))[0]?.cells).toEqual({ 'column 1': '1', a: '2', 'a (2)': '3', 'column 4': '4' });
  });

  it('is read the same however it is cut into chunks', () => {
    const cell = fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'a', ' ', 'é') });
    const records = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 5 });
    fc.assert(fc.property(records, fc.constantFrom('\n', '\r\n', '\r'), fc.integer({ min: 1, max: 5 }), (written, end, size) => {
      const text = written.map((cells) => cells.map((each) => `"${each.replaceAll('"', '""')}"`).join(',') + end).join('');
      const chunks = text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? [];
      const read = [...csvRecords(chunks, ',', 'a.csv')];
      expect(read.map(({ cells }) => cells)).toEqual(written);
      expect(read.every(({ fault }) => fault === null)).toBe(true);
    }), { numRuns: 500 });
  });
});

describe('a JSON file', () => {
  it('is a row, or a row for each element, with numbers as they are written', async () => {
    put('one.json', '{"id": 7, "price": 1.10, "ticket": 12345678901234567890, "on": true, "deep": {"x": [1.0]}, "none": null}');
    put('many.json', '[{"id": "a"}, {"id": "b", "more": "x"}, 5]');
    expect(await rows('one.json')).toEqual([{ id: 'one.json', cells: { id: number('7'), price: number('1.10'), ticket: number('12345678901234567890'), on: true, deep: { x: [number('1.0')] }, none: null } }]);
    expect(await rows('many.json')).toEqual([{ id: 'many.json#1', cells: { id: 'a' } }, { id: 'many.json#2', cells: { id: 'b', more: 'x' } }, { id: 'many.json#3', cells: { value: number('5') } }]);
    await reading((source) => expect(source.tables.map((table) => [table.name, table.columns, table.count()])).toEqual([['many.json', ['id', 'more', 'value'], 3], ['one.json', ['id', 'price', 'ticket', 'on', 'deep', 'none'], 1]]));
  });

  it.each([['trades.jsonl'], ['trades.json']])('of lines is a row a line in %s, and a line that is no JSON is a broken row', async (name) => {
    put(name, '\ufeff{"id": 1}\n\n{"id": 2\r\n{"id": 3, "id": 4}\r\n');
    expect(await rows(name)).toEqual([
      { id: `${name}#1`, cells: { id: number('1') } }, { id: `${name}#3`, cells: { content: '{"id": 2' }, broken: { code: 'JSON_INVALID', detail: expect.stringContaining(`${name}, line 3: expected "," or "}"`) } },
      { id: `${name}#4`, cells: { id: number('4') }, notes: ['JSON_NAME_TWICE: "id" stands twice; the last is taken'] },
    ]);
  });

  it.each<[string, string | Buffer, unknown]>([
    ['is cut off', '{"a": [1, 2', '{"a": [1, 2'], ['nests without end', '['.repeat(5000), '['.repeat(5000)], ['is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), new BadText(new Uint8Array([0x22, 0xff, 0x22]), 'NOT_UTF8')],
  ])('that %s is one broken row with all of it', async (_what, content, kept) => {
    put('a.json', content);
    expect(await rows('a.json')).toEqual([{ id: 'a.json', cells: { content: kept }, broken: { code: 'JSON_INVALID', detail: expect.any(String) } }]);
  });
});

describe('files that a profile groups', () => {
  it.each<[string, string, boolean]>([
    ['ai/*.json', 'ai/a.json', true], ['ai/*.json', 'ai/b/a.json', false], ['**/a.json', 'a.json', true], ['**/a.json', 'x/y/a.json', true], ['ai/**', 'ai/x/y', true], ['a.json', 'aXjson', false], ['a+(b).csv', 'a+(b).csv', true],
  ])('%s and %s: %s', (pattern, path, matches) => {
    expect(patternOf(pattern).test(path)).toBe(matches);
  });

  it('are one table, whose rows are named by a field where one is declared', async () => {
    put('s/b.json', '{"id": "B"}');
    put('s/a.json', '{"id": "A"}');
    put('s/none.json', '{"x": 1}');
    put('other.json', '{}');
    const files = [{ table: 'strategies', files: 's/*.json', id: 'id' }];
    expect((await rows('strategies', files)).map(({ id }) => id)).toEqual(['A', 'B', 's/none.json']);
    expect((await rows('strategies', files, 'A')).map(({ id }) => id)).toEqual(['B', 's/none.json']);
    await expect(rows('strategies', files, 'Z')).rejects.toMatchObject({ code: 'SOURCE_ROW_MISSING' });
    await reading((source) => expect(source.tables.map((table) => [table.name, table.key, table.count(), table.columns])).toEqual([['other.json', [], 1, []], ['strategies', ['id'], 3, ['id', 'x']]]), files);
  });

  it('may stand in places of a document, and what is left of it is a table too', async () => {
    put('all.json', '{"version": 2, "accounts": [{"name": "a"}], "open": {"EURUSD_long": {"size": 1}, "$x": 5}}');
    const files = [{ table: 'accounts', files: 'all.json', at: 'accounts' }, { table: 'open', files: 'all.json', at: 'open.*' }, { table: 'none', files: 'all.json', at: 'none' }];
    expect(await rows('accounts', files)).toEqual([{ id: 'all.json#1', cells: { name: 'a' } }]);
    expect(await rows('open', files)).toEqual([{ id: 'all.json#EURUSD_long', cells: { size: number('1'), $name: 'EURUSD_long' } }, { id: 'all.json#$x', cells: { value: number('5'), $name: '$x' } }]);
    expect(await rows('none', files)).toEqual([]);
    expect(await rows('all.json', files)).toEqual([{ id: 'all.json', cells: { version: number('2') } }]);
  });

  it('that are no JSON are a broken row of one of their tables alone', async () => {
    put('all.json', '{');
    const files = [{ table: 'accounts', files: 'all.json', at: 'accounts' }, { table: 'open', files: 'all.json', at: 'open.*' }];
    expect(await reading((source) => source.tables.map((table) => [table.name, table.count()]), files)).toEqual([['accounts', 1], ['open', 0], ['all.json', 0]]);
  });
});

describe('a folder', () => {
  it('has SQLite files as tables with the file before them, other files whole, and says what is not read', async () => {
    mkdirSync(join(folder, 'data'));
    { using db = new DatabaseSync(join(folder, 'data/auth.db')); db.exec('pragma journal_mode = wal; create table keys(id integer primary key); insert into keys values (1); create view v as select 1'); }
    put('notes.txt', 'text é');
    put('picture.bin', Buffer.from([0xff, 0]));
    put('.env', 'SECRET=1');
    put('run.lock', '1');
    put('empty.csv', '');
    symlinkSync('/etc/hostname', join(folder, 'out.txt'));
    symlinkSync('notes.txt', join(folder, 'in.txt'));
    symlinkSync('..', join(folder, 'up'));
    await reading((source) => {
      expect(source.medium).toBe('folder');
      expect(source.tables.map((table) => [table.name, table.base, [...table.rows()].map(({ id, cells }) => [id, cells])])).toEqual([
        ['data/auth.db/keys', 'keys', [['1', { id: 1n }]]], ['notes.txt', 'notes.txt', [['notes.txt', { content: 'text é' }]]], ['picture.bin', 'picture.bin', [['picture.bin', { content: new Uint8Array([0xff, 0]) }]]],
      ]);
      expect(source.notRead?.map(({ name, why }) => [name, why.slice(0, 25)]).sort()).toEqual([
        ['.env', 'a hidden file'], ['data/auth.db/v', 'a view: it holds nothing '], ['empty.csv', 'it is empty'], ['in.txt', 'a link: what it leads to '], ['out.txt', 'a link that leads out of '], ['run.lock', 'a lock: it says that a pr'], ['up', 'a link that leads out of '],
      ]);
    });
  });

  it('is read anew for each profile: a file that one reads as a document, another reads as it stands', async () => {
    put('auth_tokens.json', '{"tokens": {"abc123def456": {"user": "e"}}}');
    const opened = await openSource(folder, { hot: false });
    try {
      const read = (files: readonly FileTable[]) => opened.as(files).tables.map((table) => [table.columns, table.count()]);
      const whole = [{ table: 'auth_tokens', files: '**/auth_tokens.json', whole: true }];
      expect([read([]), read(whole), read([])]).toEqual([[[['tokens'], 1]], [[['content'], 1]], [[['tokens'], 1]]]);
    } finally {
      opened.close();
    }
  });

  it('has a digest of its files and of where they lie', async () => {
    const digest = () => reading(({ sha256 }) => sha256);
    put('a.csv', 'x\n1\n');
    const first = await digest();
    expect(await digest()).toBe(first);
    put('.hidden', 'x');
    expect(await digest()).toBe(first);
    put('b.csv', 'x\n1\n');
    const second = await digest();
    rmSync(join(folder, 'a.csv'));
    expect(new Set([first, second, await digest()]).size).toBe(3);
  });

  it('that changes while it is read is refused, and read hot from copies', async () => {
    put('a.jsonl', '{"id": 1}\n');
    await reading(async (source) => {
      await source.unchanged?.();
      appendFileSync(join(folder, 'a.jsonl'), '{"id": 2}\n');
      await expect(source.unchanged?.()).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    });
    await reading(async (source) => {
      appendFileSync(join(folder, 'a.jsonl'), '{"id": 3}\n');
      expect([...(source.tables[0]?.rows() ?? [])]).toHaveLength(2);
      expect(source.tables[0]?.name).toBe('a.jsonl');
      await source.unchanged?.();
    }, [], true);
  });

  it('of which one file is damaged is refused, and says how the rest is imported', async () => {
    put('a.csv', 'x\n1\n');
    put('in/old.db', Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(2_000, 7)]));
    await expect(openSource(folder)).rejects.toMatchObject({ message: expect.stringMatching(/^in\/old\.db.*To import the rest of the folder, move this file out of it or put a dot before its name/) as unknown as string });
    renameSync(join(folder, 'in/old.db'), join(folder, 'in/.old.db'));
    expect(await reading(({ tables, notRead }) => [tables.map(({ name }) => name), notRead?.map(({ name }) => name)])).toEqual([['a.csv'], ['in/.old.db']]);
    put('b.csv', `x,y\n1,"${'z'.repeat(17 * 1024 * 1024)}`);
    await expect(rows('b.csv')).rejects.toMatchObject({ code: 'SOURCE_DAMAGED', message: expect.stringContaining('put a dot before its name') as unknown as string });
  });

  it('without a file that can be read is refused, and so is a database in it that is in use', async () => {
    await expect(openSource(folder)).rejects.toMatchObject({ code: 'SOURCE_EMPTY' });
    await expect(openSource(join(folder, 'none'))).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
    using db = new DatabaseSync(join(folder, 'a.db'));
    db.exec('pragma journal_mode = wal; create table t(v); insert into t values (1)');
    await expect(openSource(folder)).rejects.toMatchObject({ code: 'SOURCE_IN_USE' });
  });
});
