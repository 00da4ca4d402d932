import { existsSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DecisionVerifier } from '../../src/decisions/decision-verifier.js';
import { ImportService } from '../../src/legacy/load/import.service.js';
import type { ImportOptions, ImportReport } from '../../src/legacy/load/import-run.js';
import type { ImportWatch } from '../../src/legacy/load/import-work.js';
import type { Source } from '../../src/legacy/source/cell.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { until } from '../support/timing.js';
import { asked, given, oldSource, type OldTable, SILENT, stateOf } from '../support/old-source.js';

let t: TestApp;
let service: ImportService;
beforeAll(async () => {
  t = await startTestApp();
  service = t.app.get(ImportService, { strict: false });
});
afterAll(() => t.close());

let names = 0;
const newName = () => `old ${++names}`;
const run = (source: Source, name: string, more: Partial<ImportOptions> = {}, watch: ImportWatch = SILENT) => service.run(t.db.url, given(source), asked(name, more), watch, 'test');
const one = async <T>(text: string, values: unknown[] = []) => (await t.db.query<Record<string, T>>(text, values))[0]?.['n'] as T;
const figures = ({ tables }: ImportReport) => Object.fromEntries(tables.map(({ name, read, imported, unchanged, archived, rejected }) => [name, [read, imported, unchanged, archived, rejected]]));

const minute = (n: number) => new Date(Date.UTC(2024, 2, 1) + n * 60_000).toISOString().slice(0, 19).replace('T', ' ');
const signal = (n: number, more = {}) => ({ id: BigInt(n), made_at: minute(n), symbol: 'EURUSD', confidence: 0.7, used: 1n, extra: '{"a": 1.10}', note: null, ...more });
const deal = (n: number, more = {}) => ({ id: BigInt(n), signal_id: 1n, state: 'closed', size: 0.1, price: 1.1, opened_at: minute(n), profit: 12.345, broker_login: null, payload: null, comment: null, ...more });
/** A symbol of its own: candles have no owner. */
const candles = (name: string, count: number, more = {}): OldTable => ({
  rows: function* () {
    for (let n = 1; n <= count; n++) yield { id: BigInt(n), at: minute(n), symbol: name.replace(' ', ''), close: 1.1, ...more };
  }, count, columns: ['id', 'at', 'symbol', 'close'],
});
const usual = (name: string): Record<string, OldTable> => ({
  signals: { rows: [1, 2, 3].map((n) => signal(n)) }, deals: { rows: [deal(1), deal(2, { state: 'open', profit: null }), deal(3, { profit: -0.1 })] }, candles: candles(name, 30), choices: { rows: [{ id: 1n, at: minute(1), why: 'because' }] },
  journal: { rows: [{ id: 1n, line: 'began' }, { id: 2n, line: 'ended' }] }, weather: { rows: [{ id: 'x', rain: true }] },
});

describe('an import', () => {
  it('makes of each row exactly one of imported, unchanged, archived and rejected, and adds up', async () => {
    const name = newName();
    const report = await run(oldSource(usual(name)), name);
    expect(report.error).toBeNull();
    expect(figures(report)).toEqual({ signals: [3, 3, 0, 0, 0], deals: [3, 3, 0, 0, 0], candles: [30, 30, 0, 0, 0], choices: [1, 1, 0, 0, 0], journal: [2, 0, 0, 2, 0], weather: [1, 0, 0, 1, 0] });
    expect(report.sums).toEqual({ deals: { profit: { source: '12.245', target: '12.245' } } });
    expect(report.proof?.ok).toBe(true);
    expect(report.tables.find(({ name: each }) => each === 'weather')?.because).toMatch(/not known/);
    expect(await one(`select count(*)::int as n from trades t join import_rows r on r.target_id = t.id join import_tables i on i.id = r.table_id where i.source = $1 and t.origin = 'imported' and prediction_id is not null`, [name])).toBe(3);
    expect(await one(`select count(*)::int as n from trades t join import_rows r on r.target_id = t.id join import_tables i on i.id = r.table_id where i.source = $1 and t.status = 'unknown'`, [name])).toBe(1);
    expect(await t.db.query(`select data ->> 'imported' as n from events where type = 'import.finished' and subject_id = $1`, [report.runId])).toEqual([{ n: '37' }]);
  });

  it('does nothing the second time', async () => {
    const name = newName();
    await run(oldSource(usual(name)), name);
    const before = await stateOf(t.db, ['import_runs', 'events']);
    const again = await run(oldSource(usual(name)), name);
    expect(figures(again)).toMatchObject({ signals: [3, 0, 3, 0, 0], candles: [30, 0, 30, 0, 0], journal: [2, 0, 2, 0, 0] });
    expect(await stateOf(t.db, ['import_runs', 'events'])).toEqual(before);
  });

  it('does in a dry run what it does, and leaves nothing: no row, no run, no month, no file', async () => {
    const name = newName();
    const source = oldSource({ ...usual(name), candles: candles(name, 3, { at: '2019-05-01 00:00:00' }) });
    const before = await stateOf(t.db);
    const dry = await run(source, name, { dryRun: true, acceptRejects: true });
    expect(await stateOf(t.db)).toEqual(before);
    expect(existsSync(asked(name).report)).toBe(false);
    const real = await run(source, name, { acceptRejects: true });
    const told = ({ tables, sums, notes, secrets, rejected, status }: ImportReport) => ({ tables, sums, notes, secrets, rejected, status });
    expect(told(dry)).toEqual(told(real));
    // Three candles of one minute: the second and third are kept.
    expect(real.notes['DUPLICATE']).toBe(2);
  });

  it('lets the application go on: its next rows can be stored', async () => {
    const name = newName();
    await run(oldSource(usual(name)), name);
    const agent = await t.agent();
    expect((await agent.http('POST', '/predictions', { body: { model: 'm', symbol: 'EURUSD', timestamp: '2026-01-02T03:04:05Z', direction: 'long', confidence: '0.9' } })).status).toBe(201);
    expect((await agent.http('POST', '/trades', { body: { clientOrderId: 'next', symbol: 'EURUSD', direction: 'long', lotSize: '1' } })).status).toBe(201);
  });

  it('keeps columns that it does not know in the old row and names them, and reads missing ones as null', async () => {
    const name = newName();
    const { used: _used, ...without } = signal(1, { humidity: 40n });
    const report = await run(oldSource({ signals: { rows: [without] } }), name);
    expect(report.error).toBeNull();
    const columns = Object.fromEntries(report.tables[0]?.columns.map(({ name: each, says }) => [each, says]) ?? []);
    expect(columns['humidity']).toMatch(/kept in the old row/);
    expect(columns['used']).toMatch(/read as null/);
    expect(await one(`select r.original ->> 'humidity' as n from import_rows r join import_tables i on i.id = r.table_id where i.source = $1`, [name])).toBe('40');
  });

  it('gives rows without an agent to a retired one of the run, on a paper account of its name', async () => {
    const name = newName();
    const { runId } = await run(oldSource(usual(name)), name);
    const made = await t.db.query(`select a.name, a.mode, a.run, a.retired_at is not null as retired, c.name as account, c.kind, c.currency, c.margin_mode from agents a join accounts c on c.id = a.account_id where c.name = $1`, [name]);
    const seq = await one<number>('select seq as n from import_runs where id = $1', [runId]);
    expect(made).toEqual([{ name: `imported ${name} ${seq} paper`, mode: 'paper', run: 'stopped', retired: true, account: name, kind: 'paper', currency: 'USD', margin_mode: 'hedging' }]);
    expect((await run(oldSource({ ...usual(name), signals: { rows: [signal(1), signal(2), signal(3), signal(4)] } }), name)).error).toBeNull();
    expect(await one('select count(*)::int as n from agents a join accounts c on c.id = a.account_id where c.name = $1', [name])).toBe(1);
  });

  it('takes a named account, and refuses one that is not there, is of another kind, or has the name of the source', async () => {
    const [name, account] = [newName(), `desk ${names}`];
    await t.http('POST', '/accounts', { body: { name: account, kind: 'paper', currency: 'EUR', marginMode: 'netting' } });
    expect((await run(oldSource(usual(name)), name, { account })).error).toBeNull();
    expect(await one('select count(*)::int as n from trades t join accounts c on c.id = t.account_id where c.name = $1', [account])).toBe(3);
    await expect(run(oldSource(usual(name)), newName(), { account: 'nobody' })).rejects.toMatchObject({ code: 'ACCOUNT_UNKNOWN' });
    await expect(run(oldSource(usual(name)), newName(), { liveAccount: account })).rejects.toMatchObject({ code: 'ACCOUNT_KIND' });
    expect((await run(oldSource(usual(name)), account)).error?.code).toBe('ACCOUNT_NAME_TAKEN');
  });

  it('puts old decisions into a stream of their own, sealed, with their own time, and without an event for each', async () => {
    const name = newName();
    const rows = Array.from({ length: 6_000 }, (_none, n) => ({ id: BigInt(n + 1), at: minute(n), why: `because ${n}` }));
    const { runId, error } = await run(oldSource({ choices: { rows } }), name);
    expect(error).toBeNull();
    const stream = `import:${runId}`;
    expect(await t.app.get(DecisionVerifier, { strict: false }).verify({ stream })).toMatchObject({ ok: true, checked: 6_000 });
    expect((await t.app.get(DecisionVerifier, { strict: false }).verify()).ok).toBe(true);
    const { body } = await t.http<{ items: { decidedAt: string; importRunId: string; accountId: null; seal: string; reason: string }[] }>('GET', `/decisions?accountId=${encodeURIComponent(stream)}&limit=1`);
    expect(body.items[0]).toMatchObject({ importRunId: runId, accountId: null, seal: 'intact', reason: 'because 5999', decidedAt: new Date(`${minute(5_999)}Z`).toISOString().replace('.000Z', 'Z') });
    expect(await one(`select count(*)::int as n from events where type = 'decision.recorded' and subject_id in (select id from decision_history where stream = $1)`, [stream])).toBe(0);
  });
});

describe('a row that cannot be taken over', () => {
  it('fails the whole import, which leaves nothing but its run, the rejects and their file', async () => {
    const name = newName();
    const before = await stateOf(t.db, ['import_runs', 'import_rejects']);
    const report = await run(oldSource({ ...usual(name), deals: { rows: [deal(1), deal(2, { size: 'much' }), deal(3, { size: 13 }), deal(4, { size: 0 })] } }), name);
    expect(report).toMatchObject({ status: 'failed', rejected: 3, error: { code: 'ROWS_REJECTED' }, rejectsFile: asked(name).report });
    expect(report.rejects.map(({ oldId, code, column }) => [oldId, code, column])).toEqual([['2', 'NUMBER_INVALID', 'size'], ['3', 'SIZE_UNLUCKY', 'size'], ['4', 'CONSTRAINT_TRADES_FILLED', null]]);
    expect(report.rejects[2]?.detail).toMatch(/^trades refuses it: entered_size, exited_size must fit entered_size > 0 AND /);
    expect(await stateOf(t.db, ['import_runs', 'import_rejects'])).toEqual(before);
    const lines = readFileSync(asked(name).report, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { oldId: string; original: object });
    expect(lines.map(({ oldId }) => oldId)).toEqual(['2', '3', '4']);
    expect(lines[0]?.original).toMatchObject({ size: 'much', price: 1.1 });
    rmSync(asked(name).report);
    const { body } = await t.http<{ items: { code: string }[]; nextCursor: string }>('GET', `/imports/${report.runId}/rejects?limit=2`);
    expect(body.items.map(({ code }) => code)).toEqual(['NUMBER_INVALID', 'SIZE_UNLUCKY']);
    const { body: rest } = await t.http<{ items: { code: string }[] }>('GET', `/imports/${report.runId}/rejects?cursor=${body.nextCursor}`);
    expect(rest.items.map(({ code }) => code)).toEqual(['CONSTRAINT_TRADES_FILLED']);
    expect((await t.http<{ status: string; rejects: number }>('GET', `/imports/${report.runId}`)).body).toMatchObject({ status: 'failed', rejects: 3 });
  });

  it('is left out where rejects are accepted, and listed', async () => {
    const name = newName();
    const report = await run(oldSource({ ...usual(name), deals: { rows: [deal(1), deal(2, { size: 13 })] } }), name, { acceptRejects: true });
    expect(report).toMatchObject({ status: 'finished', rejected: 1, error: null });
    expect(figures(report)['deals']).toEqual([2, 1, 0, 0, 1]);
    expect(await one('select count(*)::int as n from import_rejects where run_id = $1', [report.runId])).toBe(1);
    rmSync(asked(name).report);
  });

  it('is found alone among thousands, wherever it stands', async () => {
    const name = newName();
    const bad = new Set([1, 2, 4_999, 5_000, 5_001, 7_777, 12_000]);
    const rows = Array.from({ length: 12_000 }, (_none, n) => signal(n + 1, bad.has(n + 1) ? { confidence: 7 } : {}));
    const report = await run(oldSource({ signals: { rows } }), name, { acceptRejects: true });
    expect(report.error).toBeNull();
    expect(report.rejects.map(({ oldId, code }) => [Number(oldId), code])).toEqual([...bad].map((id) => [id, 'CONSTRAINT_PREDICTIONS_CONFIDENCE']));
    expect(report.rejects[0]).toMatchObject({ column: 'confidence', detail: 'predictions refuses it: confidence must fit confidence >= 0 AND confidence <= 1' });
    expect(figures(report)['signals']).toEqual([12_000, 11_993, 0, 0, 7]);
    rmSync(asked(name).report);
  });

  it('refers to what is not there: null and a note where that is allowed, else it is a reject', async () => {
    const name = newName();
    const report = await run(oldSource({ signals: { rows: [signal(1)] }, deals: { rows: [deal(1), deal(2, { signal_id: 99n })] } }), name);
    expect(report).toMatchObject({ status: 'finished', notes: { REFERENCE_MISSING: 1 } });
    expect(await one(`select count(*)::int as n from trades t join import_rows r on r.target_id = t.id join import_tables i on i.id = r.table_id where i.source = $1 and prediction_id is null`, [name])).toBe(1);
  });

  it('has the id of another one', async () => {
    const name = newName();
    const rows = [...Array.from({ length: 5_001 }, (_none, n) => signal(n + 1)), signal(7), signal(5_001)];
    const report = await run(oldSource({ signals: { rows } }), name, { acceptRejects: true });
    expect(report.error).toBeNull();
    expect(report.rejects.map(({ oldId, code }) => [oldId, code])).toEqual([['7', 'ROW_TWICE'], ['5001', 'ROW_TWICE']]);
    rmSync(asked(name).report);
  });

  it('has a report that cannot be written: that is said before anything is done', async () => {
    const before = await stateOf(t.db);
    await expect(run(oldSource(usual('x')), newName(), { report: '/dev/null/no-folder/rejects.jsonl' })).rejects.toMatchObject({ code: 'REPORT_UNWRITABLE' });
    expect(await stateOf(t.db)).toEqual(before);
  });
});

describe('a newer copy', () => {
  it('adds what is new; what has changed is a reject', async () => {
    const name = newName();
    await run(oldSource(usual(name)), name);
    const newer = { ...usual(name), signals: { rows: [signal(1), signal(2, { confidence: 0.9 }), signal(3), signal(4)] } };
    const refused = await run(oldSource(newer), name);
    expect(refused.rejects).toMatchObject([{ table: 'signals', oldId: '2', code: 'ROW_CHANGED' }]);
    rmSync(asked(name).report);
    const taken = await run(oldSource(newer), name, { update: true });
    expect(taken.error).toBeNull();
    expect(figures(taken)['signals']).toEqual([4, 2, 2, 0, 0]);
    expect(taken.tables[0]?.updated).toBe(1);
    expect(await one(`select confidence::text as n from predictions p join import_rows r on r.target_id = p.id join import_tables i on i.id = r.table_id where i.source = $1 and r.old_id = '2'`, [name])).toBe('0.9');
    expect(figures(await run(oldSource(newer), name))['signals']).toEqual([4, 0, 4, 0, 0]);
  });

  it('closes a trade that was open, with the step in its story; one that was changed here is left alone', async () => {
    const name = newName();
    await run(oldSource({ signals: { rows: [signal(1)] }, deals: { rows: [deal(1, { state: 'open', profit: null }), deal(2, { state: 'open', profit: null })] } }), name);
    const idOf = (old: string) => one<string>(`select target_id as n from import_rows r join import_tables i on i.id = r.table_id where i.source = $1 and i.name = 'deals' and r.old_id = $2`, [name, old]);
    await t.db.query(`insert into events (type, subject_id, actor) values ('trade.opened', $1, 'system')`, [await idOf('2')]);
    const report = await run(oldSource({ signals: { rows: [signal(1)] }, deals: { rows: [deal(1), deal(2)] } }), name, { update: true, acceptRejects: true });
    expect(report.rejects).toMatchObject([{ oldId: '2', code: 'ROW_CHANGED_HERE' }]);
    rmSync(asked(name).report);
    expect(await t.db.query('select version, from_status, to_status from trade_transitions where trade_id = $1 order by version', [await idOf('1')])).toEqual([{ version: 1, from_status: null, to_status: 'unknown' }, { version: 2, from_status: 'unknown', to_status: 'closed' }]);
    expect(await t.db.query('select status, version from trades where id = $1', [await idOf('1')])).toEqual([{ status: 'closed', version: 2 }]);
  });

  it('changes no history', async () => {
    const name = newName();
    await run(oldSource(usual(name)), name);
    const report = await run(oldSource({ ...usual(name), choices: { rows: [{ id: 1n, at: minute(1), why: 'otherwise' }] } }), name, { update: true });
    expect(report.rejects).toMatchObject([{ table: 'choices', code: 'ROW_CHANGED_APPEND_ONLY' }]);
    rmSync(asked(name).report);
  });
});

describe('secrets', () => {
  it('are stored nowhere: not in rows, archives, rejects, reports or files, wherever they stood', async () => {
    const name = newName();
    const secret = 'Zx81-Wq77-broker';
    const hook = 'hook4711secretX';
    const report = await run(oldSource({
      signals: { rows: [signal(1, { extra: JSON.stringify({ api_key: 'AbCdEf123456789', deep: [{ password: 'pa55word!x' }] }), note: `call with ${secret} please` })] },
      deals: { rows: [deal(1, { broker_login: secret, payload: JSON.stringify({ secret: hook, size: 1.10 }), comment: `posted ${hook}` }), deal(2, { size: 13, broker_login: secret })] },
      journal: { rows: [{ id: 1n, line: `Authorization: Bearer abcdefghijklmnop1234 and ${hook}` }] }, settings: { rows: [{ id: 1n, key: 'telegram_bot_token', value: '123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOpp' }] },
      sessions: { rows: [{ session_token: 'tok-aaaa-bbbb-1234', user: 'x' }], key: 'session_token' },
    }), name, { acceptRejects: true });
    expect(report.error).toBeNull();
    expect(report.secretsLeft).toBe(0);
    expect(report.secrets).toEqual(expect.arrayContaining([{ table: 'deals', column: 'broker_login', count: 2 }, { table: 'deals', column: 'payload.secret', count: 1 }, { table: 'deals', column: 'comment', count: 1 }, { table: 'signals', column: 'extra.api_key', count: 1 }, { table: 'settings', column: 'value', count: 1 }]));
    const told = JSON.stringify(report) + readFileSync(asked(name).report, 'utf8');
    rmSync(asked(name).report);
    const tables = await t.db.query<{ name: string }>(`select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`);
    for (const text of [secret, hook, 'AbCdEf123456789', 'pa55word!x', 'abcdefghijklmnop1234', 'AAbbCCddEEff', 'tok-aaaa-bbbb-1234']) {
      expect(told).not.toContain(text);
      for (const { name: table } of tables) expect([text, table, await one(`select count(*)::int as n from ${table} x where x::text like $1`, [`%${text}%`])]).toEqual([text, table, 0]);
    }
    expect(await one(`select original ->> 'comment' as n from import_rows r join import_tables i on i.id = r.table_id where i.source = $1 and i.name = 'deals'`, [name])).toBe('posted [secret removed]');
  });
});

describe('by batches', () => {
  it('keeps what was committed, and goes on from there', async () => {
    const name = newName();
    const source = oldSource({ ...usual(name), candles: candles(name, 900) });
    let rows = 0;
    const stops: ImportWatch = { ...SILENT, rows: () => { if ((rows += 1) === 7) throw new Error('the disk is on fire'); } };
    const stopped = await run(source, name, { batch: 100 }, stops);
    expect(stopped).toMatchObject({ status: 'failed', error: { code: 'IMPORT_FAILED' } });
    const there = await one<number>('select count(*)::int as n from snapshot_market where symbol = $1', [name.replace(' ', '')]);
    expect(there).toBeGreaterThan(0);
    expect(there).toBeLessThan(900);
    const done = await run(source, name, { batch: 100, resume: true });
    expect(done).toMatchObject({ status: 'finished', runId: stopped.runId });
    expect(figures(done)).toMatchObject({ signals: [3, 3, 0, 0, 0], candles: [900, 900, 0, 0, 0], journal: [2, 0, 0, 2, 0] });
    expect(await one('select count(*)::int as n from import_runs where source = $1', [name])).toBe(1);
    await expect(run(source, name, { batch: 100, resume: true })).rejects.toMatchObject({ code: 'NOTHING_TO_RESUME' });
  });

  it('stops at the batch with a reject, which is not committed', async () => {
    const name = newName();
    const rows = Array.from({ length: 250 }, (_none, n) => signal(n + 1, n === 220 ? { confidence: 7 } : {}));
    const report = await run(oldSource({ signals: { rows } }), name, { batch: 100 });
    expect(report).toMatchObject({ status: 'failed', rejected: 1, error: { code: 'ROWS_REJECTED' } });
    expect(await one(`select count(*)::int as n from import_rows r join import_tables i on i.id = r.table_id where i.source = $1`, [name])).toBe(200);
    rmSync(asked(name).report);
  });
});

/** How often the month of the candles was read from its beginning to its end. */
const monthScans = async () => Number((await t.db.query<{ n: string }>(`select seq_scan::text as n from pg_stat_user_tables where relname = 'snapshot_market_y2024m03'`))[0]?.n ?? 0);

describe('what goes wrong', () => {
  it('is another import at the same time: the second one is told', async () => {
    const name = newName();
    const second: Promise<unknown>[] = [];
    const watch: ImportWatch = { ...SILENT, begins: () => void second.push(run(oldSource(usual('y')), newName()).catch((error: unknown) => error)) };
    expect((await run(oldSource({ ...usual(name), candles: candles(name, 20_000) }), name, {}, watch)).error).toBeNull();
    expect(await second[0]).toMatchObject({ code: 'IMPORT_RUNNING' });
  });

  it('is the database, which is lost in the middle: nothing was imported, and the next time all of it', async () => {
    const name = newName();
    const before = await stateOf(t.db, ['import_runs']);
    const source = oldSource({ ...usual(name), candles: candles(name, 20_000) });
    const cut: Promise<unknown>[] = [];
    const watch: ImportWatch = { ...SILENT, rows: (table) => { if (table === 'candles' && cut.length === 0) cut.push(t.db.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'tradewarden-import'`)); } };
    const report = await run(source, name, {}, watch);
    await Promise.all(cut);
    expect(report).toMatchObject({ status: 'failed', error: { code: 'DATABASE_UNAVAILABLE' } });
    expect(await stateOf(t.db, ['import_runs'])).toEqual(before);
    expect((await run(source, name)).error).toBeNull();
  });

  it('is the source, which changed while it was read', async () => {
    const name = newName();
    const before = await stateOf(t.db, ['import_runs']);
    const changed = () => Promise.reject(Object.assign(new Error('old.db was changed while it was read'), { code: 'SOURCE_CHANGED' }));
    expect((await run(oldSource(usual(name), { unchanged: changed }), name)).error?.code).toBe('SOURCE_CHANGED');
    // Its file has grown: more rows than were counted.
    expect((await run(oldSource({ ...usual(name), candles: { ...candles(name, 10), count: 9 } }, { unchanged: changed }), name)).error?.code).toBe('SOURCE_CHANGED');
    expect(await stateOf(t.db, ['import_runs'])).toEqual(before);
  });

  it('is a table that gives other rows than it counts', async () => {
    const name = newName();
    const before = await stateOf(t.db, ['import_runs']);
    expect((await run(oldSource({ ...usual(name), candles: { ...candles(name, 10), count: 11 } }), name)).error?.code).toBe('SUM_MISMATCH');
    expect(await stateOf(t.db, ['import_runs'])).toEqual(before);
  });

  // What autovacuum counts while an import is under way, or after one that was refused: pages full of rows that nobody may see.
  it('is statistics that say there are next to no rows: nothing is looked through once for each row', async () => {
    await run(oldSource(usual(newName())), 'statistics');
    const refused = newName();
    expect((await run(oldSource({ ...usual(refused), candles: { ...candles(refused, 20_000), count: 19_999 } }), refused)).error?.code).toBe('SUM_MISMATCH');
    await t.db.query('analyze import_rows, snapshot_market');
    const name = newName();
    const before = await monthScans();
    expect((await run(oldSource({ ...usual(name), candles: candles(name, 3_000) }), name)).error).toBeNull();
    await until(async () => (await monthScans()) > before, 10_000);
    expect((await monthScans()) - before).toBeLessThan(100);
  });
});
