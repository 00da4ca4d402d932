import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importedId } from '../../src/legacy/load/imported-id.js';
import type { Damage, Proof } from '../../src/legacy/proof/proof.js';
import { Json, type TargetRow } from '../../src/legacy/profile.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { OldImport, oldSystem } from '../support/imported.js';

let t: TestApp;
let run: OldImport;
beforeAll(async () => {
  t = await startTestApp();
  run = await new OldImport(t).load();
});
afterAll(() => t.close());

const idOf = (table: string, oldId: string | number) => importedId(run.source, table, String(oldId));
const short = ({ damage }: Proof) => damage.map(({ code, table, oldId, target, columns }) => ({ code, table, oldId, target, columns }));
const of = (proof: Proof, name: string) => proof.tables.find((table) => table.name === name);
/** SQL of the number of an old table. */
const number = (name: string) => `(select id from import_tables where source = '${run.source}' and name = '${name}')`;
const row = (name: string, oldId: string | number) => `table_id = ${number(name)} and old_id = '${oldId}'`;

describe('the proof of a good import', () => {
  it('has the counts, sums and times of both sides of each table', async () => {
    const proof = await run.prove();
    expect(short(proof)).toEqual([]);
    expect([proof.ok, proof.damaged, proof.slowReads]).toEqual([true, 0, []]);
    expect(proof.tables.map(({ name, read, imported, archived, rejected }) => [name, read, imported, archived, rejected])).toEqual([
      ['signals', 3, 3, 0, 0], ['deals', 6, 6, 0, 0], ['candles', 40, 40, 0, 0], ['rules', 1, 1, 0, 0], ['decisions', 2, 2, 0, 0], ['trips', 1, 1, 0, 0], ['equity', 2, 2, 0, 0], ['settings', 2, 0, 2, 0],
    ]);
    expect(of(proof, 'deals')).toMatchObject({
      sums: { profit: { to: 'gross_profit', source: '209.865000000000014', target: '209.865000000000014' }, cost: { to: 'commission', source: '-2.1', target: '-2.1' } },
      times: { column: 'entry_time', source: { least: '2024-04-01 10:00:00+00', greatest: '2024-04-06 10:00:00+00' }, target: { least: '2024-04-01 10:00:00+00', greatest: '2024-04-06 10:00:00+00' } },
    });
  });

  it('leaves no trace, and the application takes its next rows', async () => {
    const counts = () => t.db.query(`select (select count(*) from trades) as trades, (select count(*) from snapshot_market) as candles, (select count(*) from events) as events`);
    const before = await counts();
    await run.prove();
    expect(await counts()).toEqual(before);
  });

  it('holds for the rows of an earlier run, and says which of them the source has no more', async () => {
    const first = await new OldImport(t, oldSystem('OLDER')).load();
    const tables = oldSystem('OLDER');
    tables[1]?.rows.splice(0, 1);
    tables[1]?.rows.push({ id: 7n, signal: 1n, lots: 1, open_at: '2024-04-09 10:00:00Z', profit: 1, cost: -1, why: null, comment: '' });
    const second = await new OldImport(t, tables, first.source).load();
    const proof = await second.prove();
    expect([proof.ok, short(proof)]).toEqual([true, []]);
    expect(of(proof, 'deals')).toMatchObject({ read: 6, imported: 6, goneFromSource: 1, ok: true });
  });
});

/** Each: what somebody does, as SQL, and what the proof must say of it. */
const DAMAGE: [what: string, sql: () => string[], says: () => Partial<Damage>[]][] = [
  ['a row that is missing', () => [`delete from trades where id = '${idOf('deals', 3)}'`], () => [{ code: 'ROW_MISSING', table: 'deals', oldId: '3', target: 'trades' }]],
  ['a candle that is missing', () => [`delete from snapshot_market where id = '${idOf('candles', 17)}'`], () => [{ code: 'ROW_MISSING', table: 'candles', oldId: '17', target: 'snapshot_market' }]],
  ['a row that is missing with what says that it came', () => [`delete from trades where id = '${idOf('deals', 3)}'`, `delete from import_rows where ${row('deals', 3)}`], () => [{ code: 'ROW_MISSING', table: 'deals', oldId: '3' }]],
  ['a row that nothing says has come', () => [`delete from import_rows where ${row('deals', 3)}`], () => [{ code: 'ROW_MISSING', table: 'deals', oldId: '3' }, { code: 'ROW_FOREIGN', target: 'trades', targetId: idOf('deals', 3) }]],
  ['a row that is there twice', () => [`insert into trades (id, agent_id, account_id, client_order_id, symbol, direction, lot_size, execution_mode, origin, status, request_hash)
    select gen_random_uuid(), agent_id, account_id, 'again', symbol, direction, lot_size, execution_mode, origin, 'unknown', request_hash from trades where id = '${idOf('deals', 3)}'`], () => [{ code: 'ROW_FOREIGN', target: 'trades' }]],
  ['a row that the source never had', () => [`insert into import_rows (table_id, old_id, run_seq, target, target_id, source_hash) select table_id, '77', run_seq, target, target_id, source_hash from import_rows where ${row('deals', 3)}`],
    () => [{ code: 'ROW_FOREIGN', table: 'deals', oldId: '77' }]],
  ['a digit that is another', () => [`update trades set gross_profit = gross_profit + 0.000000000000001 where id = '${idOf('deals', 3)}'`], () => [{ code: 'ROW_DIFFERS', table: 'deals', oldId: '3', target: 'trades', columns: ['gross_profit'] }]],
  ['decimals that are lost', () => [`update trades set gross_profit = round(gross_profit, 2) where id = '${idOf('deals', 3)}'`], () => [{ code: 'ROW_DIFFERS', oldId: '3', columns: ['gross_profit'] }]],
  ['a candle with another digit', () => [`update snapshot_market set volume = volume + 1 where id = '${idOf('candles', 40)}'`], () => [{ code: 'ROW_DIFFERS', table: 'candles', oldId: '40', columns: ['volume'] }]],
  ['a time that is an hour off', () => [`update trades set entry_time = entry_time + interval '1 hour' where id = '${idOf('deals', 6)}'`], () => [{ code: 'ROW_DIFFERS', oldId: '6', columns: ['entry_time'] }]],
  ['a time that is a microsecond off', () => [`update predictions set predicted_at = predicted_at + interval '1 microsecond' where id = '${idOf('signals', 1)}'`], () => [{ code: 'ROW_DIFFERS', table: 'signals', oldId: '1', columns: ['predicted_at'] }]],
  ['nothing in place of an empty text', () => [`update predictions set model_version = null where id = '${idOf('signals', 1)}'`], () => [{ code: 'ROW_DIFFERS', table: 'signals', oldId: '1', columns: ['model_version'] }]],
  ['an empty text in place of nothing', () => [`update predictions set model_version = '' where id = '${idOf('signals', 2)}'`], () => [{ code: 'ROW_DIFFERS', table: 'signals', oldId: '2', columns: ['model_version'] }]],
  ['a text that is cut', () => [`update trade_explanations set explanation = left(explanation, -1) where trade_id = '${idOf('deals', 1)}'`], () => [{ code: 'ROW_DIFFERS', table: 'deals', oldId: '1', target: 'trade_explanations', columns: ['explanation'] }]],
  ['two columns that changed places', () => [`update predictions set confidence = threshold_used, threshold_used = confidence where id = '${idOf('signals', 3)}'`], () => [{ code: 'ROW_DIFFERS', oldId: '3', columns: ['confidence', 'threshold_used'] }]],
  ['two rows that changed places', () => [`update trades t set lot_size = o.lot_size from trades o where t.id in ('${idOf('deals', 1)}', '${idOf('deals', 2)}') and o.id in ('${idOf('deals', 1)}', '${idOf('deals', 2)}') and o.id <> t.id`],
    () => [{ code: 'ROW_DIFFERS', oldId: '1', columns: ['lot_size'] }, { code: 'ROW_DIFFERS', oldId: '2', columns: ['lot_size'] }]],
  ['a reference to another row', () => [`update trades set prediction_id = '${idOf('signals', 1)}' where id = '${idOf('deals', 1)}'`], () => [{ code: 'ROW_DIFFERS', oldId: '1', columns: ['prediction_id'] }]],
  ['a reference that is lost', () => [`update trades set prediction_id = null where id = '${idOf('deals', 1)}'`], () => [{ code: 'ROW_DIFFERS', oldId: '1', columns: ['prediction_id'] }]],
  ['a reference to nothing', () => [`update trade_explanations set prediction_id = '${randomUUID()}' where trade_id = '${idOf('deals', 1)}'`], () => [{ code: 'ROW_DIFFERS', oldId: '1', target: 'trade_explanations', columns: ['prediction_id'] }, { code: 'REFERENCE_DANGLES', target: 'trade_explanations', columns: ['prediction_id'] }]],
  ['another account', () => [`with other as (insert into accounts (id, name, kind, currency, margin_mode) values (gen_random_uuid(), 'other', 'paper', 'USD', 'hedging') returning id) update trades set account_id = other.id from other where trades.id = '${idOf('deals', 2)}'`], () => [{ code: 'ROW_DIFFERS', oldId: '2', columns: ['account_id'] }]],
  ['another origin', () => [`update trades set origin = 'gated' where id = '${idOf('deals', 2)}'`], () => [{ code: 'ROW_DIFFERS', oldId: '2', columns: ['origin'] }]],
  ['JSON with another value', () => [`update predictions set components = jsonb_set(components, '{b}', '1.5') where id = '${idOf('signals', 2)}'`], () => [{ code: 'ROW_DIFFERS', oldId: '2', columns: ['components'] }]],
  ['a list with one element of two', () => [`update strategies set allowed_symbols = array['EURUSD,XAUUSD'] where id = '${idOf('rules', 'a')}'`], () => [{ code: 'ROW_DIFFERS', table: 'rules', oldId: 'a', columns: ['allowed_symbols'] }]],
  ['a flag', () => [`update predictions set used_by_agent = not used_by_agent where id = '${idOf('signals', 2)}'`], () => [{ code: 'ROW_DIFFERS', oldId: '2', columns: ['used_by_agent'] }]],
  ['a beginning that is told otherwise', () => [`update trade_transitions set to_status = 'open' where trade_id = '${idOf('deals', 4)}'`], () => [{ code: 'ROW_DIFFERS', oldId: '4', target: 'trade_transitions', columns: ['to_status'] }]],
  ['a beginning that is missing', () => [`delete from trade_transitions where trade_id = '${idOf('deals', 4)}'`], () => [{ code: 'ROW_MISSING', oldId: '4', target: 'trade_transitions' }]],
  ['a beginning that is there twice', () => [`insert into trade_transitions (trade_id, version, to_status, occurred_at, late, actor) values ('${idOf('deals', 4)}', 2, 'unknown', app_clock(), true, 'import')`], () => [{ code: 'ROW_FOREIGN', oldId: '4', target: 'trade_transitions' }]],
  ['a decision in other words', () => [`update decision_history set canonical = replace(canonical, 'because 2', 'because 3') where id = '${idOf('decisions', 2)}'`], () => [{ code: 'ROW_DIFFERS', table: 'decisions', oldId: '2', columns: ['reason'] }]],
  ['a decision of another time', () => [`update decision_history set canonical = replace(canonical, '2024-06-02', '2024-06-03') where id = '${idOf('decisions', 2)}'`], () => [{ code: 'ROW_DIFFERS', table: 'decisions', oldId: '2', columns: ['at'] }]],
  ['a trip of a breaker with another limit', () => [`update circuit_breaker_events set value = 50.5 where id = '${idOf('trips', 1)}'`], () => [{ code: 'ROW_DIFFERS', table: 'trips', oldId: '1', columns: ['value'] }]],
  ['an account with another balance', () => [`update snapshot_account set balance = 1000 where id = '${idOf('equity', 1)}'`], () => [{ code: 'ROW_DIFFERS', table: 'equity', oldId: '1', columns: ['balance'] }]],
  ['an archived row that is gone', () => [`delete from import_archive where ${row('settings', 2)}`], () => [{ code: 'ARCHIVE_MISSING', table: 'settings', oldId: '2' }]],
  ['an archived row of another value', () => [`update import_archive set original = '{"id": 2, "name": "zoom", "value": "1"}' where ${row('settings', 2)}`], () => [{ code: 'ARCHIVE_DIFFERS', table: 'settings', oldId: '2', columns: ['original'] }]],
  ['an archived row that nobody archived', () => [`insert into import_archive (table_id, old_id, run_seq, source_hash, original) select table_id, '3', run_seq, source_hash, original from import_archive where ${row('settings', 2)}`], () => [{ code: 'ARCHIVE_FOREIGN', table: 'settings', oldId: '3' }]],
  ['the hash of an archived row', () => [`update import_archive set source_hash = sha256('x')::bytea where ${row('settings', 2)}`.replace(`sha256('x')::bytea`, `substr(sha256('x'), 1, 16)`)], () => [{ code: 'ARCHIVE_DIFFERS', table: 'settings', oldId: '2', columns: ['source_hash'] }]],
  ['the old row that is kept beside', () => [`update import_rows set original = jsonb_set(original, '{comment}', '""') where ${row('deals', 5)}`], () => [{ code: 'IDENTITY_DIFFERS', table: 'deals', oldId: '5', columns: ['original'] }]],
  ['the old row that is kept no more', () => [`update import_rows set original = null where ${row('deals', 5)}`], () => [{ code: 'IDENTITY_DIFFERS', table: 'deals', oldId: '5', columns: ['original'] }]],
  ['the hash of an old row', () => [`update import_rows set source_hash = substr(sha256('x'), 1, 16) where ${row('deals', 5)}`], () => [{ code: 'IDENTITY_DIFFERS', table: 'deals', oldId: '5', columns: ['source_hash'] }]],
  ['what an old row became', () => [`update import_rows set target = 'predictions' where ${row('deals', 5)}`], () => [{ code: 'IDENTITY_DIFFERS', table: 'deals', oldId: '5', columns: ['target'] }]],
  ['which row an old one became', () => [`update import_rows set target_id = '${idOf('deals', 4)}' where ${row('deals', 5)}`], () => [{ code: 'IDENTITY_DIFFERS', table: 'deals', oldId: '5', columns: ['target_id'] }]],
];

describe('damage is found, and named', () => {
  it.each(DAMAGE)('%s', async (_what, sql, says) => {
    const proof = await run.prove(sql());
    expect(proof.ok).toBe(false);
    expect(proof.damage).toEqual(expect.arrayContaining(says().map((each) => expect.objectContaining(each))));
    expect(proof.damage.filter(({ oldId }) => oldId !== null).map(({ oldId }) => oldId).sort()).toEqual(says().map(({ oldId }) => oldId).filter((oldId) => oldId != null).sort());
  });

  it.each([['trades', `pg_get_serial_sequence('trades', 'seq')`], ['snapshot_market', `'snapshots_seq'`]])('numbers that were given out already: %s', async (target, sequence) => {
    const [{ last } = { last: '' }] = await t.db.query<{ last: string }>(`select pg_sequence_last_value(${sequence}::regclass)::text as last`);
    // What a sequence has given is not taken back with a transaction.
    await t.db.query(`select setval(${sequence}, 1)`);
    const proof = await run.prove();
    await t.db.query(`select setval(${sequence}, $1::bigint + 100)`, [last]);
    expect(proof.damage).toEqual(expect.arrayContaining([expect.objectContaining({ code: 'NEXT_INSERT_FAILS', target })]));
  });

  it('a source that is another one than was read', async () => {
    const tables = oldSystem();
    const other = await new OldImport(t, tables).load();
    const deal = tables[1]?.rows[2];
    if (deal) deal['profit'] = 37.04;
    const theme = tables[7]?.rows[0];
    if (theme) theme['name'] = 'colours';
    expect(short(await other.prove())).toEqual([
      expect.objectContaining({ code: 'IDENTITY_DIFFERS', table: 'deals', oldId: '3', columns: ['source_hash', 'original'] }),
      expect.objectContaining({ code: 'ROW_DIFFERS', table: 'deals', oldId: '3', columns: ['gross_profit'] }),
      expect.objectContaining({ code: 'ARCHIVE_DIFFERS', table: 'settings', oldId: '1', columns: ['source_hash', 'original'] }),
    ]);
  });
});

describe('a loader that is wrong is found out', () => {
  it.each<[string, (row: TargetRow, oldId: string) => TargetRow | null, Partial<Damage>]>([
    ['it leaves a row out', (row, oldId) => (row.table === 'snapshot_market' && oldId === '40' ? null : row), { code: 'ROW_MISSING', oldId: '40' }],
    ['it rounds money', (row) => (typeof row.values['gross_profit'] === 'string' ? { ...row, values: { ...row.values, gross_profit: Number(row.values['gross_profit']).toFixed(2) } } : row), { code: 'ROW_DIFFERS', columns: ['gross_profit'] }],
    ['it takes UTC for its own zone', (row) => (row.table === 'trades' && typeof row.values['entry_time'] === 'string' ? { ...row, values: { ...row.values, entry_time: row.values['entry_time'].replace('Z', '+01:00') } } : row), { code: 'ROW_DIFFERS', columns: ['entry_time'] }],
    ['it makes nothing of an empty text', (row) => ({ ...row, values: Object.fromEntries(Object.entries(row.values).map(([column, value]) => [column, value === '' && column === 'model_version' ? null : value])) }), { code: 'ROW_DIFFERS', columns: ['model_version'] }],
    ['it turns a boolean round', (row) => (row.table === 'predictions' ? { ...row, values: { ...row.values, should_trade: false } } : row), { code: 'ROW_DIFFERS', columns: ['should_trade'] }],
    ['it writes JSON as a text', (row) => (row.values['components'] instanceof Json ? { ...row, values: { ...row.values, components: new Json(JSON.stringify(row.values['components'].value)) } } : row), { code: 'ROW_DIFFERS', columns: ['components'] }],
  ])('%s', async (_what, wrong, says) => {
    const proof = await (await new OldImport(t).load({ wrong })).prove();
    expect([proof.ok, proof.damage]).toEqual([false, expect.arrayContaining([expect.objectContaining(says)])]);
  });

  it('and of a thousand rows all are counted, and a hundred named', async () => {
    const tables = oldSystem().filter(({ name }) => name === 'signals');
    tables[0]?.rows.push(...Array.from({ length: 1000 }, (_none, n) => ({ ...tables[0]?.rows[0], id: BigInt(n + 10) })));
    const proof = await (await new OldImport(t, tables).load({ wrong: (row) => ({ ...row, values: { ...row.values, symbol: 'GBPUSD' } }) })).prove();
    expect([proof.damaged, proof.damage.length, of(proof, 'signals')?.damaged]).toEqual([1003, 100, 1003]);
  });
});

describe('what the application has done since is no damage', () => {
  it.each([
    ['a trade that was unknown and ended', () => [`update trades set status = 'closed', version = 2, gross_profit = 5, exit_price = 1.3, exit_time = app_clock(), exit_reason = 'signal', finished_at = app_clock(), updated_at = app_clock() + interval '1 hour' where id = '${idOf('deals', 4)}'`,
      `insert into trade_transitions (trade_id, version, from_status, to_status, occurred_at, late, actor) values ('${idOf('deals', 4)}', 2, 'unknown', 'closed', app_clock(), false, 'agent')`], 'deals'],
    ['a candle that was corrected', () => [`update snapshot_market set volume = 1, revision = 2 where id = '${idOf('candles', 4)}'`], 'candles'],
    ['a candle that was seen again', () => [`update snapshot_market set last_captured_at = last_captured_at + interval '1 hour' where id = '${idOf('candles', 4)}'`], 'candles'],
    ['a strategy in a new version', () => [`update strategies set version = 2, currency = 'EUR', updated_at = app_clock() where id = '${idOf('rules', 'a')}'`, `insert into strategy_versions (strategy_id, version, content, changed, actor) values ('${idOf('rules', 'a')}', 2, '{}', '{}', 'user:1')`], 'rules'],
  ])('%s', async (_what, sql, table) => {
    const proof = await run.prove(sql());
    expect([short(proof), proof.ok]).toEqual([[], true]);
    expect(of(proof, table)?.changedSince).toBe(1);
  });

  it('but what it never changes is, whatever version the row says', async () => {
    const proof = await run.prove([`update trades set direction = 'short', version = 2 where id = '${idOf('deals', 4)}'`]);
    expect(short(proof)).toEqual([expect.objectContaining({ code: 'ROW_DIFFERS', oldId: '4', columns: ['direction'] })]);
  });
});
