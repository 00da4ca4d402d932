import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { inTransaction } from '../../src/database/transaction.js';
import { DecisionsService } from '../../src/decisions/decisions.service.js';
import type { DecisionType } from '../../src/decisions/decision.js';
import { importedId } from '../../src/legacy/load/imported-id.js';
import { Json, Ref, type TableMapping, type TargetRow, type Value } from '../../src/legacy/profile.js';
import { type Proof, type ProofAsk, prove, type ReadAgain } from '../../src/legacy/proof/proof.js';
import { type Cell, JsonNumber, type Source, type SourceRow, type SourceTable } from '../../src/legacy/source/cell.js';
import { encodeRow } from '../../src/legacy/source/encode.js';
import { sourceHash } from '../../src/legacy/source/source-hash.js';
import { type Target, TARGETS } from '../../src/legacy/targets.js';
import type { TestApp } from './app.js';

type Cells = Record<string, Cell>;
/** What an old row becomes; nothing: it is archived. */
type Becomes = (id: string, cells: Cells, owner: { agentId: string; accountId: string; at: string; id(table: string, old: string): string }) => TargetRow[];

interface OldTable {
  name: string;
  rows: Cells[];
  becomes?: Becomes;
  mapping?: Partial<TableMapping>;
}

const text = (cell: Cell | undefined): string => (cell instanceof JsonNumber ? cell.text : String(cell as string));
const column = (to: string) => ({ to, says: 'as it is', read: (cell: Cell) => cell });

/** A small old system of every kind of row. Times are of 2024. @param symbol of its candles and rules, which no two may have */
export function oldSystem(symbol = `${randomUUID()}`): OldTable[] {
  return [
    {
      name: 'signals', rows: [1, 2, 3].map((n) => ({ id: BigInt(n), model: n === 2 ? '' : 'lstm', at: `2024-03-0${n}T09:30:00.25Z`, confidence: 0.5 + n / 10, extra: { b: new JsonNumber('1.50'), a: ['é', null, true] } })),
      becomes: (id, cells, { agentId, at }) => [{ table: 'predictions', values: {
        agent_id: agentId, model: text(cells['model']), model_version: cells['model'] === '' ? null : '', symbol: 'EURUSD', predicted_at: text(cells['at']), direction: 'long', confidence: text(cells['confidence']), components: new Json(cells['extra']),
        market_price: `${1.1 + Number(id) / 100}`, used_by_agent: id === '1', should_trade: true, threshold_used: '0', created_at: at,
      } }],
      mapping: { time: 'at', columns: { at: column('predicted_at') } },
    },
    {
      name: 'deals', rows: [1, 2, 3, 4, 5, 6].map((n) => ({ id: BigInt(n), signal: n === 6 ? 99n : BigInt((n % 3) + 1), lots: 0.1 * n, open_at: `2024-04-0${n} 10:00:00Z`, profit: n === 4 ? null : 12.345 * n, cost: -0.35, why: n === 1 ? 'the trend' : null, comment: `it's "${n}"\n` })),
      becomes: (id, cells, { agentId, accountId, at }) => {
        const isOpen = cells['profit'] === null;
        const rows: TargetRow[] = [
          { table: 'trades', values: {
            agent_id: agentId, account_id: accountId, client_order_id: `imported:deals:${id}`, symbol: 'EURUSD', direction: 'long', lot_size: `${Number(cells['lots'])}`, entry_price: '1.1000', entry_time: text(cells['open_at']),
            execution_mode: 'paper', origin: 'imported', status: isOpen ? 'unknown' : 'closed', prediction_id: new Ref('signals', text(cells['signal'])), exit_price: isOpen ? null : '1.2', exit_time: isOpen ? null : '2024-05-01T00:00:00Z', exit_reason: isOpen ? null : 'target',
            gross_profit: isOpen ? null : text(cells['profit']), commission: text(cells['cost']), profit_source: isOpen ? null : 'told', request_hash: 'imported', created_at: text(cells['open_at']), updated_at: at, finished_at: isOpen ? null : '2024-05-01T00:00:00Z',
          } },
          { table: 'trade_transitions', values: { version: '1', from_status: null, to_status: isOpen ? 'unknown' : 'closed', occurred_at: at, late: true, facts: new Json({ from: 'deals' }), reason: null, actor: 'import' } },
        ];
        if (cells['why'] !== null) rows.push({ table: 'trade_explanations', values: { agent_id: agentId, trade_id: '=', kind: 'entry', explanation: text(cells['why']), created_at: at } });
        return rows;
      },
      mapping: { sums: { profit: 'gross_profit', cost: 'commission' }, time: 'open_at', columns: { open_at: column('entry_time'), profit: column('gross_profit'), cost: column('commission') } },
    },
    {
      name: 'candles', rows: Array.from({ length: 40 }, (_none, n) => ({ id: BigInt(n + 1), at: BigInt(Date.UTC(2024, 0, 30, n * 2)), close: 1.1 + n / 1000, volume: BigInt(n * 100) })),
      becomes: (_id, cells, { agentId, at }) => {
        const open = new Date(Number(cells['at']));
        return [{ table: 'snapshot_market', values: {
          agent_id: agentId, captured_at: at, last_captured_at: at, symbol, timeframe: 'H1', frame: 'H1', open_time: open.toISOString(), close_time: new Date(open.getTime() + 3_600_000).toISOString(),
          open: text(cells['close']), high: text(cells['close']), low: text(cells['close']), close: text(cells['close']), volume: text(cells['volume']),
        } }];
      },
      mapping: { bulk: true, sums: { volume: 'volume' }, columns: {} },
    },
    {
      name: 'rules', rows: [{ id: 'a', symbols: 'EURUSD,XAUUSD' }],
      becomes: (_id, cells, { at }): TargetRow[] => [
        { table: 'strategies', values: { version: '1', name: `Old rules ${symbol}`, is_active: false, allowed_symbols: text(cells['symbols']).split(','), holidays: new Json([]), entry_conditions: new Json({}), exit_rules: new Json({}), forbidden_conditions: new Json({}), risk_caps: new Json({}), currency: 'USD', created_at: at, updated_at: at, updated_by: 'import' } },
        { table: 'strategy_versions', values: { version: '1', content: new Json({ name: 'Old rules' }), changed: ['name', 'is,active'], reason: null, actor: 'import' } },
      ],
    },
    {
      name: 'decisions', rows: [1, 2].map((n) => ({ id: BigInt(n), reason: `because ${n}`, at: `2024-06-0${n}T00:00:00Z` })),
      becomes: (_id, cells, { agentId }) => [{ table: 'decision_history', values: { type: 'ai_proposed', at: text(cells['at']), agent_id: agentId, reason: text(cells['reason']), risk_check_result: new Json({ verdict: 'accepted' }), human_override: null } }],
    },
    {
      name: 'trips', rows: [{ id: 1n, kind: 'daily_loss', value: -50.5 }],
      becomes: (_id, cells, { accountId, at }) => [{ table: 'circuit_breaker_events', values: { breaker_type: text(cells['kind']), action: 'triggered', scope_type: 'account', scope_id: accountId, account_id: accountId, value: text(cells['value']), unit: 'USD', reason: 'too much', triggered_at: '2024-07-01T00:00:00Z', reported_by: 'import', source: 'agent', created_at: at } }],
    },
    {
      name: 'equity', rows: [1, 2].map((n) => ({ id: BigInt(n), balance: 1000.1 * n })),
      becomes: (id, cells, { agentId, accountId, at }) => [{ table: 'snapshot_account', values: { agent_id: agentId, sender: agentId, account_id: accountId, captured_at: `2024-02-0${id}T00:00:00Z`, last_captured_at: at, balance: text(cells['balance']), equity: text(cells['balance']), open_positions: '0' } }],
    },
    { name: 'settings', rows: [{ id: 1n, name: 'theme', value: null }, { id: 2n, name: 'zoom', value: '1.0' }] },
  ];
}

/** An import as a loader makes it, of a system that is in memory; for tests of what looks at imports. */
export class OldImport {
  readonly id = randomUUID();
  seq = '';
  at = '';
  readonly agentId: string;
  readonly accountId: string;

  constructor(
    private readonly t: TestApp,
    readonly tables: OldTable[] = oldSystem(),
    readonly source = `old ${randomUUID()}`,
  ) {
    this.agentId = importedId(source, '\0tradewarden/agent', 'paper/');
    this.accountId = importedId(source, '\0tradewarden/account', 'paper');
  }

  /** All tables, or those that are named; rows that are there already are left as they are. Runs as the application. */
  async load({ wrong = (row: TargetRow) => row }: { wrong?: (row: TargetRow, oldId: string) => TargetRow | null } = {}): Promise<this> {
    const { t, source } = this;
    await inTransaction(t.app.get(DataSource), async (tx) => {
      const query = <Row>(sql: string, values: unknown[] = []) => tx.query(sql, values) as Promise<Row[]>;
      const [run] = await query<{ seq: string; at: string }>(
        `insert into import_runs (id, source, system, shape, file_name, sha256, options, status, actor, app_version, finished_at, tables)
         values ($1, $2, 'ai-trader', 'test', 'old.db', $3, '{}', 'running', 'cli', '0', null, $4) returning seq::text, to_char(started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
        [this.id, source, createHash('sha256').update(source).digest('hex'), JSON.stringify(this.tables.map(({ name }) => ({ name })))]);
      this.seq = run?.seq ?? '';
      this.at = run?.at ?? '';
      await query(`insert into accounts (id, name, kind, currency, margin_mode) values ($1, $2, 'paper', 'USD', 'hedging') on conflict do nothing`, [this.accountId, source]);
      const made = await query(`insert into agents (id, name, account_id, mode, run, retired_at) values ($1, $2, $3, 'paper', 'stopped', app_clock()) on conflict (id) do nothing returning id`, [this.agentId, `imported ${source}`, this.accountId]);
      if (made.length > 0) await query(`insert into agent_state (agent_id) values ($1)`, [this.agentId]);
      for (const table of this.tables) {
        await query(`insert into import_tables (source, name) values ($1, $2) on conflict do nothing`, [source, table.name]);
        const [{ number } = { number: 0 }] = await query<{ number: number }>(`select id as number from import_tables where source = $1 and name = $2`, [source, table.name]);
        for (const row of this.rowsOf(table)) {
          const there = await query(`select 1 from import_rows where table_id = $1 and old_id = $2 union all select 1 from import_archive where table_id = $1 and old_id = $2`, [number, row.id]);
          if (there.length > 0) continue;
          const { rows, hash, original } = this.read(table, row);
          if (rows.length === 0) {
            await query(`insert into import_archive (table_id, old_id, run_seq, source_hash, original) values ($1, $2, $3, $4, $5)`, [number, row.id, this.seq, hash, original]);
            continue;
          }
          const id = importedId(source, table.name, row.id);
          const others = rows.slice(1).filter((each) => (TARGETS[each.table] as Target).of === undefined).map((each) => ({ table: each.table, id: importedId(source, `${table.name}/${each.table}`, row.id) }));
          for (const [place, each] of rows.entries()) {
            const one = wrong(each, row.id);
            if (one) await this.insert(tx, one, place === 0 ? id : (others.find((other) => other.table === each.table)?.id ?? id), id);
          }
          await query(`insert into import_rows (table_id, old_id, run_seq, target, target_id, source_hash, original, others) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
            [number, row.id, this.seq, rows[0]?.table, id, hash, original, others.length === 0 ? null : JSON.stringify(others)]);
        }
      }
      await query(`update import_runs set status = 'finished', finished_at = app_clock(), made = $2 where id = $1`, [this.id, JSON.stringify(made.length > 0 ? [{ table: 'agents', id: this.agentId }, { table: 'accounts', id: this.accountId }] : [])]);
    });
    return this;
  }

  private async insert(tx: Parameters<Parameters<typeof inTransaction>[1]>[0], { table, values }: TargetRow, id: string, first: string): Promise<void> {
    const { key, month } = TARGETS[table] as Target;
    const sent = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value instanceof Ref ? null : value instanceof Json ? value.value : value === '=' ? first : value]));
    for (const [name, value] of Object.entries(values)) {
      if (!(value instanceof Ref)) continue;
      const found = await tx.query(`select target_id from import_rows r join import_tables t on t.id = r.table_id where t.source = $1 and t.name = $2 and r.old_id = $3`, [this.source, value.table, value.id]) as { target_id: string }[];
      sent[name] = found[0]?.target_id ?? null;
    }
    if (table === 'decision_history') {
      const v = sent as Record<string, string | null>;
      await this.t.app.get(DecisionsService, { strict: false }).appendImported(tx, `import:${this.id}`, 'import', [{
        id, type: v['type'] as DecisionType, decidedAt: v['at'] ?? null, agentId: v['agent_id'] ?? null, riskCheckResult: v['risk_check_result'], humanOverride: v['human_override'], reason: v['reason'] ?? null,
      }]);
      return;
    }
    sent[key] = id;
    if (month !== undefined) await tx.query(`select ensure_snapshot_months($1, array[$2::timestamptz::date])`, [table, sent[month]]);
    const names = Object.keys(sent);
    await tx.query(`insert into ${table} (${names.join(', ')}) select ${names.join(', ')} from jsonb_populate_record(null::${table}, $1::jsonb)`, [JSON.stringify(sent, (_name, value: unknown) => (value instanceof JsonNumber ? { '': value.text } : value)).replace(/\{"":"([^"]+)"\}/g, '$1')]);
  }

  rowsOf(table: OldTable): SourceRow[] {
    return table.rows.map((cells) => ({ id: text(cells['id']), cells }));
  }

  read(table: OldTable, row: SourceRow): ReadAgain {
    const rows = table.becomes?.(row.id, row.cells, { agentId: this.agentId, accountId: this.accountId, at: this.at, id: (name, old) => importedId(this.source, name, old) }) ?? [];
    return { rows, hash: sourceHash(row.cells), original: rows.length > 0 && table.mapping?.bulk ? null : encodeRow(row.cells) };
  }

  get asSource(): Source {
    const tables = this.tables.map((table): SourceTable => ({
      name: table.name, base: table.name, columns: Object.keys(table.rows[0] ?? {}), declared: {}, key: ['id'], count: () => table.rows.length, rows: () => this.rowsOf(table),
    }));
    return { medium: 'sqlite', sha256: '', tables, close: () => undefined };
  }

  ask(query: ProofAsk['query']): ProofAsk {
    const own = (table: SourceTable) => this.tables.find(({ name }) => name === table.name);
    return {
      query, source: this.asSource, run: { id: this.id, seq: this.seq, source: this.source, startedAt: this.at },
      mapping: (table) => ({ columns: {}, as: 'import', ...own(table)?.mapping }),
      read: (table, row) => {
        const old = own(table);
        if (!old) throw new Error('no such table');
        const found = this.read(old, row);
        const first = importedId(this.source, old.name, row.id);
        return { ...found, rows: found.rows.map(({ table: name, values }) => ({ table: name, values: Object.fromEntries(Object.entries(values).map(([at, value]): [string, Value] => [at, value === '=' ? first : value])) })) };
      },
    };
  }

  /** As the application's role; or as the superuser, after statements that are taken back again. */
  async prove(damage: readonly string[] = [], ask: (given: ProofAsk) => ProofAsk = (given) => given): Promise<Proof> {
    const client = new pg.Client({ connectionString: damage.length === 0 ? this.t.db.url : this.t.db.adminUrl });
    await client.connect();
    try {
      await client.query('begin isolation level repeatable read');
      if (damage.length > 0) await client.query('set local session_replication_role = replica');
      for (const statement of damage) await client.query(statement);
      if (damage.length > 0) await client.query('set local session_replication_role = origin');
      return await prove(ask(this.ask(async <Row>(sql: string, values: readonly unknown[] = []) => (await client.query(sql, [...values])).rows as Row[])));
    } finally {
      await client.end();
    }
  }
}
