import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { importedId } from '../../src/legacy/load/imported-id.js';
import { DecisionVerifier } from '../../src/decisions/decision-verifier.js';
import { BELONGING, REFERRING } from '../../src/legacy/rollback/references.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { cli } from '../support/cli.js';
import { OldImport, oldSystem } from '../support/imported.js';
import { until } from '../support/timing.js';

interface Answer {
  runId: string; removed: Record<string, number>; restored: number; kept: { table: string }[]; count: number;
  blockers: { table: string; id: string; why: string }[]; error?: { code: string; message: string };
}

let t: TestApp;
let env: Record<string, string>;
let run: OldImport;
let before: Record<string, string>;
beforeAll(async () => {
  t = await startTestApp();
  env = { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl };
});
afterAll(() => t.close());
beforeEach(async () => {
  before = await digests();
  run = await new OldImport(t).load();
});

/** Of every table, apart from what tells of the import and what a server writes by itself. */
async function digests(): Promise<Record<string, string>> {
  const tables = await t.db.query<{ name: string }>(`select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
    and relname not in ('events', 'import_runs', 'schedules', 'database_latencies', 'server_health', 'breaker_checks', 'breaker_states', 'auth_audit', 'refresh_tokens', 'test_clock') order by 1`);
  const found: Record<string, string> = {};
  for (const { name } of tables) {
    // The count of streams is sealed anew, later.
    const shown = name === 'decision_heads' ? `to_jsonb(t) - 'moved_at'` : 'to_jsonb(t)';
    const [row] = await t.db.query<{ digest: string }>(`select count(*) || ' ' || coalesce(md5(string_agg((${shown})::text, '|' order by (${shown})::text)), '') as digest from ${name} t`);
    found[name] = row?.digest ?? '';
  }
  return found;
}

/** Of the rollback's own connections. */
async function whenRolling(state: 'waiting' | 'gone'): Promise<void> {
  await until(async () => {
    const rows = await t.db.query<{ waits: boolean }>(`select wait_event_type = 'Lock' as waits from pg_stat_activity where application_name = 'tradewarden-import-rollback' and datname = current_database()`);
    return state === 'gone' ? rows.length === 0 : rows.some(({ waits }) => waits);
  }, 20_000);
}

const back = (id: string = run.id, ...more: string[]) => cli<Answer>(['import:rollback', id, '--json', ...more], env);
const idOf = (table: string, oldId: string | number, of = run) => importedId(of.source, table, String(oldId));
const statusOf = async (id: string = run.id) => (await t.db.query<{ status: string }>('select status from import_runs where id = $1', [id]))[0]?.status;

describe('an import is taken back', () => {
  it('whole: every table is what it was before', async () => {
    const { code, json } = await back();
    expect([code, json.error]).toEqual([0, undefined]);
    expect(await digests()).toEqual(before);
    expect(json.removed).toEqual({
      trades: 6, trade_transitions: 6, trade_explanations: 1, predictions: 3, strategies: 1, strategy_versions: 1, snapshot_market: 40, snapshot_account: 2, circuit_breaker_events: 1, decision_history: 2,
      decision_heads: expect.any(Number) as unknown as number, import_rows: 55, import_archive: 2, import_tables: 8, agents: 1, accounts: 1,
    });
    expect(await t.db.query('select status, rolled_back_by from import_runs where id = $1', [run.id])).toEqual([{ status: 'rolled_back', rolled_back_by: 'cli' }]);
    expect(await t.db.query(`select data ->> 'source' as source from events where type = 'import.rolled_back' and subject_id = $1`, [run.id])).toEqual([{ source: run.source }]);
    expect(await t.app.get(DecisionVerifier, { strict: false }).verify()).toMatchObject({ ok: true });
  });

  it('says what would go, and changes nothing', async () => {
    const with_ = await digests();
    const { code, json } = await back(run.id, '--dry-run');
    expect([code, json.removed['trades'], await statusOf()]).toEqual([0, 6, 'finished']);
    expect(await digests()).toEqual(with_);
  });

  it('with its stream of decisions alone: those of others stay, and are counted', async () => {
    const other = await new OldImport(t).load();
    expect((await back()).code).toBe(0);
    expect(await t.app.get(DecisionVerifier, { strict: false }).verify()).toMatchObject({ ok: true });
    expect(await t.db.query('select count(*)::int as n from decision_history where stream = $1', [`import:${other.id}`])).toEqual([{ n: 2 }]);
    expect((await back(other.id)).code).toBe(0);
    expect(await digests()).toEqual(before);
  });

  it('once: the second time it is refused, and so is what is no import', async () => {
    await back();
    expect(await back()).toMatchObject({ code: 1, json: { error: { code: 'ALREADY_ROLLED_BACK' } } });
    expect(await back('00000000-0000-8000-8000-000000000000')).toMatchObject({ code: 1, json: { error: { code: 'RUN_NOT_FOUND' } } });
    expect(await back('yesterday')).toMatchObject({ code: 1, json: { error: { code: 'RUN_NOT_FOUND' } } });
    expect(await cli<Answer>(['import:notes', 'yesterday', '--json'], env)).toMatchObject({ code: 1, json: { error: { code: 'RUN_NOT_FOUND', message: '"yesterday" is no id of an import: "tradewarden import:list" shows them.' } } });
  });

  it('of two at once, one does it', async () => {
    const both = await Promise.all([back(), back()]);
    expect(both.map(({ code }) => code).sort()).toEqual([0, 1]);
    expect(['ALREADY_ROLLED_BACK', 'IMPORT_RUNNING']).toContain(both.find(({ code }) => code === 1)?.json.error?.code);
    expect(await digests()).toEqual(before);
  });

  it('and comes again with the same ids', async () => {
    const ids = () => t.db.query('select id from trades where agent_id = $1 order by id', [run.agentId]);
    const first = await ids();
    await back();
    const again = await new OldImport(t, run.tables, run.source).load();
    expect(await ids()).toEqual(first);
    expect((await again.prove()).ok).toBe(true);
    await back(again.id);
    expect(await digests()).toEqual(before);
  });

  it('when it was left half done', async () => {
    await t.db.query(`update import_runs set status = 'running', finished_at = null where id = $1`, [run.id]);
    await t.db.query(`delete from import_rows where run_seq = $1 and target = 'snapshot_account'`, [run.seq]);
    await t.db.query(`begin; set local session_replication_role = replica; delete from snapshot_account where agent_id = '${run.agentId}'; commit`);
    expect((await back()).code).toBe(0);
    expect(await digests()).toEqual(before);
  });

  it('and only its own rows, of two of one source: what both need stays to the last', async () => {
    const tables = oldSystem();
    const first = await new OldImport(t, tables.filter(({ name }) => name === 'signals')).load();
    const second = await new OldImport(t, tables.filter(({ name }) => name === 'signals' || name === 'equity'), first.source).load();
    const { json } = await back(second.id);
    expect(json.removed).toEqual({ snapshot_account: 2, import_rows: 2, import_tables: 1 });
    expect(json.kept.map(({ table }) => table)).toEqual(['agents', 'accounts']);
    expect((await first.prove()).ok).toBe(true);
    expect((await back(first.id)).json.removed).toMatchObject({ predictions: 3, agents: 1, accounts: 1 });
    await back();
    expect(await digests()).toEqual(before);
  });
});

describe('an import that others need now is not taken back, and what needs it is listed', () => {
  const listed = async () => {
    const with_ = await digests();
    const { code, json } = await back();
    expect([code, json.error?.code, await statusOf()]).toEqual([1, 'ROLLBACK_BLOCKED', 'finished']);
    expect(await digests()).toEqual(with_);
    return json.blockers;
  };
  const agent = async () => (await t.agent()).id;

  it.each<[string, () => Promise<string[]>, () => { table: string; id: string; why: unknown }]>([
    ['a fill of a trade', async () => [`insert into fills (trade_id, agent_id, account_id, execution_mode, book_id, broker_deal_id, role, price, size, filled_at, late, actor)
      values ('${idOf('deals', 4)}', '${run.agentId}', '${run.accountId}', 'paper', '${run.accountId}', '1', 'exit', 1, 1, app_clock(), false, 'x')`], () => ({ table: 'trades', id: idOf('deals', 4), why: 'fills.trade_id refers to it' })],
    ['a trade that ended', async () => [`update trades set version = 2, updated_at = app_clock() where id = '${idOf('deals', 4)}'`], () => ({ table: 'trades', id: idOf('deals', 4), why: 'it was changed since' })],
    ['a step of a trade', async () => [`insert into trade_transitions (trade_id, version, to_status, occurred_at, late, actor) values ('${idOf('deals', 4)}', 2, 'closed', app_clock(), false, 'agent')`],
      () => ({ table: 'trades', id: idOf('deals', 4), why: expect.stringContaining('trade_transitions') })],
    ['a trade on a prediction', async () => [`insert into trades (id, agent_id, account_id, client_order_id, symbol, direction, lot_size, execution_mode, origin, status, request_hash, prediction_id)
      select gen_random_uuid(), a.id, a.account_id, 'x', 'EURUSD', 'long', 1, 'paper', 'ungated', 'pending', 'x', '${idOf('signals', 2)}' from agents a where a.id = '${await agent()}'`], () => ({ table: 'predictions', id: idOf('signals', 2), why: 'trades.prediction_id refers to it' })],
    ['an explanation of a trade', async () => [`insert into trade_explanations (id, agent_id, trade_id, kind, explanation) values (gen_random_uuid(), '${await agent()}', '${idOf('deals', 2)}', 'review', 'x')`], () => ({ table: 'trades', id: idOf('deals', 2), why: 'trade_explanations.trade_id refers to it' })],
    ['a strategy that was changed', async () => [`update strategies set version = 2, updated_at = app_clock() + interval '1 minute' where id = '${idOf('rules', 'a')}'`], () => ({ table: 'strategies', id: idOf('rules', 'a'), why: 'it was changed since' })],
    ['a candle that was corrected', async () => [`update snapshot_market set revision = 2, volume = 7 where id = '${idOf('candles', 9)}'`], () => ({ table: 'snapshot_market', id: idOf('candles', 9), why: 'it was changed since' })],
  ])('%s', async (_what, statements, blocker) => {
    for (const statement of await statements()) await t.db.query(statement);
    expect(await listed()).toEqual(expect.arrayContaining([blocker()]));
  });

  it('a later import of the same source, whose rows refer to its rows', async () => {
    const tables = oldSystem();
    const first = await new OldImport(t, tables.filter(({ name }) => name === 'signals')).load();
    const second = await new OldImport(t, tables.filter(({ name }) => name === 'signals' || name === 'deals'), first.source).load();
    const { code, json } = await back(first.id);
    expect([code, json.blockers[0]]).toEqual([1, { table: 'predictions', id: expect.any(String) as unknown as string, why: 'trades.prediction_id refers to it' }]);
    expect((await back(second.id)).code).toBe(0);
    expect((await back(first.id)).code).toBe(0);
  });
});

describe('an import that changed rows of an earlier one', () => {
  /** As `--update` does it: a deal ended since, and has a longer comment. */
  const update = async () => {
    const second = await new OldImport(t, run.tables, run.source).load();
    await t.db.query(`with former as (select to_jsonb(t) as row from trades t where id = $1),
      changed as (update trades set status = 'closed', version = 2, exit_price = 1.25, exit_time = '2024-06-01T00:00:00.123456Z', exit_reason = 'stop', gross_profit = 1.50, finished_at = '2024-06-01Z' where id = $1 returning trades.*),
      noted as (insert into trade_transitions (trade_id, version, from_status, to_status, occurred_at, late, actor) values ($1, 2, 'unknown', 'closed', app_clock(), true, 'import'))
      insert into import_changes (run_seq, table_id, old_id, target, target_id, former, written, former_hash, former_notes, former_original)
      select $2, r.table_id, r.old_id, 'trades', $1, former.row, to_jsonb(changed), r.source_hash, r.notes, r.original from import_rows r, former, changed where r.target_id = $1`, [idOf('deals', 4), second.seq]);
    await t.db.query(`update import_rows set source_hash = substr(sha256('x'), 1, 16), original = '{}' where target_id = $1`, [idOf('deals', 4)]);
    return second;
  };

  it('gives them back what they were', async () => {
    const with_ = await digests();
    const second = await update();
    const { code, json } = await back(second.id);
    expect([code, json.restored, json.error]).toEqual([0, 1, undefined]);
    expect(await digests()).toEqual(with_);
    expect((await back()).code).toBe(0);
    expect(await digests()).toEqual(before);
  });

  it('stands before the earlier one, which is refused until it is gone', async () => {
    await update();
    expect((await back()).json.blockers).toEqual(expect.arrayContaining([{ table: 'trades', id: idOf('deals', 4), why: 'a later import changed it: take that one back first' }]));
  });

  it('is refused where somebody changed such a row afterwards', async () => {
    const second = await update();
    await t.db.query(`update trades set gross_profit = 2 where id = $1`, [idOf('deals', 4)]);
    const with_ = await digests();
    expect((await back(second.id)).json.blockers).toEqual([{ table: 'trades', id: idOf('deals', 4), why: 'it was changed after this import had changed it' }]);
    expect(await digests()).toEqual(with_);
  });
});

describe('while others work', () => {
  it('a rollback that is killed has done nothing, and the next one does it', async () => {
    const with_ = await digests();
    const holder = new pg.Client({ connectionString: t.db.adminUrl });
    await holder.connect();
    await holder.query('begin');
    // It comes to the candles' month last, and waits there in the middle of its work.
    await holder.query(`lock table snapshot_account in share row exclusive mode`);
    const killed = cli(['import:rollback', run.id], env, '', (text, child) => {
      if (text.includes('removing')) void whenRolling('waiting').then(() => child.kill('SIGKILL'));
    });
    expect((await killed).code).toBeNull();
    await holder.query('rollback');
    await holder.end();
    await whenRolling('gone');
    expect([await digests(), await statusOf()]).toEqual([with_, 'finished']);
    expect((await back()).code).toBe(0);
    expect(await digests()).toEqual(before);
  });

  it('agents go on writing, and nobody loses a row', async () => {
    const agent = await t.agent();
    let stop = false;
    let written = 0;
    const writer = (async () => {
      while (!stop) {
        const { status } = await agent.http('POST', '/predictions', { body: { model: 'm', symbol: 'EURUSD', timestamp: new Date().toISOString(), direction: 'long', confidence: '0.5' } });
        if (status === 201) written += 1;
        else throw new Error(`refused with ${status}`);
      }
    })();
    const { code } = await back();
    stop = true;
    await writer;
    expect([code, await t.db.query('select count(*)::int as n from predictions where agent_id = $1', [agent.id])]).toEqual([0, [{ n: written }]]);
  });
});

describe('the rows of one run, and nothing else, may be removed', () => {
  const as = async (url: string, ...statements: string[]): Promise<string> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      await client.query('begin');
      for (const statement of statements) await client.query(statement);
      return 'done';
    } catch (error) {
      return (error as Error).message;
    } finally {
      await client.end();
    }
  };
  const named = () => `set local tradewarden.import_rollback = '${run.seq}'`;
  const removal = () => `delete from trade_transitions where trade_id = '${idOf('deals', 1)}'`;

  it('by the owner, who names the run', async () => {
    expect(await as(t.db.ownerUrl, removal())).toContain('append-only');
    expect(await as(t.db.ownerUrl, `set local tradewarden.import_rollback = '999999'`, removal())).toContain('append-only');
    expect(await as(t.db.ownerUrl, named(), removal())).toBe('done');
    expect(await as(t.db.ownerUrl, named(), `update trade_transitions set actor = 'x' where trade_id = '${idOf('deals', 1)}'`)).toContain('append-only');
    expect(await as(t.db.ownerUrl, named(), `truncate trade_transitions`)).toContain('append-only');
    expect(await as(t.db.ownerUrl, named(), `delete from events`)).toContain('append-only');
  });

  it('not those of another run, nor of the application', async () => {
    const other = await new OldImport(t).load();
    expect(await as(t.db.ownerUrl, named(), `delete from trade_transitions where trade_id = '${idOf('deals', 1, other)}'`)).toContain('but for the rows of this import');
    expect(await as(t.db.ownerUrl, named(), `delete from decision_heads where stream = 'import:${other.id}'`)).toContain('but for the rows of this import');
    expect(await as(t.db.ownerUrl, named(), `update decision_heads set count = count - 2 where stream = '*'`)).toContain('append-only');
    expect(await as(t.db.ownerUrl, named(), `update decision_heads set count = count - 1 where stream = 'import:${other.id}'`)).toContain('append-only');
  });

  it('not by the application, whatever it sets and whatever it was granted', async () => {
    expect(await as(t.db.url, named(), removal())).toContain('permission denied');
    await t.db.query(`grant delete on trade_transitions to tradewarden_test_writer`);
    try {
      expect(await as(t.db.url, named(), removal())).toContain('append-only');
    } finally {
      await t.db.query(`revoke delete on trade_transitions from tradewarden_test_writer`);
    }
  });
});

/** Ids of rows that an import brings nothing into, or whose owners are looked for in every column. */
const NOT_OF_TARGETS = /^(events|auth_audit|import_|going)/;
const NAMES = /^(from_|to_)?(trade|prediction|strategy|alert)_id$|^snapshot_id$/;

describe('the list of who refers to what', () => {
  it('has every column that says whose it is', async () => {
    const columns = await t.db.query<{ t: string; c: string }>(`select c.relname as t, a.attname as c from pg_attribute a join pg_class c on c.oid = a.attrelid
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0 and not a.attisdropped and a.atttypid = 'uuid'::regtype order by 1, 2`);
    const told = new Set([...Object.values(REFERRING).flat(), ...Object.values(BELONGING), ['prediction_scores', 'prediction_id']].map((each) => [...(each as readonly string[])].join('.')));
    expect(columns.filter(({ t: table, c }) => NAMES.test(c) && !NOT_OF_TARGETS.test(table)).map(({ t: table, c }) => `${table}.${c}`).filter((name) => !told.has(name))).toEqual([]);
  });
});
