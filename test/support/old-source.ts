import { createHash } from 'node:crypto';
import { flag, integer, json, kept, oneOf, required, symbol, text } from '../../src/legacy/convert/columns.js';
import { decimal } from '../../src/legacy/convert/decimals.js';
import { time } from '../../src/legacy/convert/times.js';
import type { GivenSource, ImportOptions } from '../../src/legacy/load/import-run.js';
import type { ImportWatch } from '../../src/legacy/load/import-work.js';
import { Json, type Profile, Ref, Reject, type TableMapping, type Value } from '../../src/legacy/profile.js';
import type { Cell, Source, SourceRow } from '../../src/legacy/source/cell.js';
import type { TestDatabase } from './database.js';

type Cells = Record<string, Cell>;
export interface OldTable {
  rows: Cells[] | (() => Iterable<Cells>);
  /** Of a generated table. */
  count?: number;
  columns?: string[];
  key?: string;
}

/** A source that stands in memory, or is made as it is read. Rows are named by their `id`. */
export function oldSource(tables: Record<string, OldTable>, more: Partial<Source> = {}): Source {
  const digest = createHash('sha256');
  for (const [name, { rows }] of Object.entries(tables)) digest.update(name).update(Array.isArray(rows) ? JSON.stringify(rows, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)) : String(rows));
  return {
    medium: 'sqlite', sha256: digest.digest('hex'),
    tables: Object.entries(tables).map(([name, { rows, count, columns, key = 'id' }]) => ({
      name, base: name, columns: columns ?? [...new Set((Array.isArray(rows) ? rows : []).flatMap((row) => Object.keys(row)))], declared: {}, key: [key],
      count: () => count ?? (Array.isArray(rows) ? rows.length : 0),
      *rows(after?: string): Iterable<SourceRow> {
        let isWaiting = after !== undefined;
        for (const cells of Array.isArray(rows) ? rows : rows()) {
          const id = String(cells[key] as string | bigint);
          if (!isWaiting) yield { id, cells };
          else if (id === after) isWaiting = false;
        }
      },
    })),
    close: () => undefined, ...more,
  };
}

const utc = (to: string) => time(to, { zone: 'UTC' });
const string = (value: unknown) => value as Value;

const SIGNALS: TableMapping = {
  as: 'import', time: 'made_at',
  columns: { id: kept('it names the row'), made_at: required(utc('predicted_at')), symbol: required(symbol('symbol')), confidence: required(decimal('confidence')), used: flag('used_by_agent'), extra: json('components'), note: kept('no place') },
  map: ({ made_at: at, symbol: named, confidence, used, extra }, owners) => ({
    rows: [{ table: 'predictions', values: {
      agent_id: owners.agent('paper').agentId, model: 'old', symbol: string(named), predicted_at: string(at), direction: 'long', confidence: string(confidence), components: string(extra), used_by_agent: string(used ?? false), should_trade: true, threshold_used: '0', created_at: owners.at,
    } }],
  }),
};

const DEALS: TableMapping = {
  as: 'import', time: 'opened_at', sums: { profit: 'gross_profit' }, secrets: ['broker_login', 'payload.secret'],
  columns: {
    id: kept('it names the row'), signal_id: integer('prediction_id'), state: required(oneOf('status', { map: { open: 'unknown', closed: 'closed' } })), size: required(decimal('lot_size')), price: required(decimal('entry_price')),
    opened_at: required(utc('entry_time')), profit: decimal('gross_profit', { money: true }), broker_login: kept('a secret'), payload: json(null), comment: text(null),
  },
  map: (values, owners, reading) => {
    const { agentId, accountId } = owners.agent('paper');
    const isOpen = values.state === 'unknown';
    if (values.size === '13') throw new Reject('SIZE_UNLUCKY', 'size is 13; expected another', 'size');
    return {
      rows: [
        { table: 'trades', values: {
          agent_id: agentId, account_id: accountId, client_order_id: `imported:deals:${reading.id}`, symbol: 'EURUSD', direction: 'long', lot_size: string(values.size), entry_price: string(values.price), entry_time: string(values.opened_at),
          execution_mode: 'paper', origin: 'imported', status: string(values.state), prediction_id: values.signal_id === null ? null : new Ref('signals', String(values.signal_id)), exit_price: isOpen ? null : '1.2', exit_time: isOpen ? null : string(values.opened_at),
          exit_reason: isOpen ? null : 'target', gross_profit: isOpen ? null : string(values.profit), profit_source: isOpen ? null : 'told', entered_size: string(values.size), exited_size: isOpen ? null : string(values.size), request_hash: 'imported',
          created_at: string(values.opened_at), updated_at: owners.at, finished_at: isOpen ? null : string(values.opened_at),
        } },
        { table: 'trade_transitions', values: { version: '1', from_status: null, to_status: string(values.state), occurred_at: string(values.opened_at), late: true, facts: new Json({}), reason: null, actor: 'import' } },
      ],
    };
  },
};

const CANDLES: TableMapping = {
  as: 'import', bulk: true, time: 'at',
  columns: { id: kept('it names the row'), at: required(utc('open_time')), symbol: required(text('symbol')), close: required(decimal('close')) },
  map: ({ at, symbol: named, close }, owners) => ({
    rows: [{ table: 'snapshot_market', values: {
      agent_id: owners.agent('paper').agentId, captured_at: string(at), last_captured_at: string(at), symbol: string(named), timeframe: '1m', frame: 'M1', open_time: string(at),
      close_time: new Date(Date.parse(at as string) + 60_000).toISOString(), open: string(close), high: string(close), low: string(close), close: string(close), volume: null,
    } }],
  }),
};

const CHOICES: TableMapping = {
  as: 'import',
  columns: { id: kept('it names the row'), at: required(utc('at')), why: text('reason') },
  map: ({ at, why }, owners) => ({ rows: [{ table: 'decision_history', values: { type: 'ai_proposed', at: string(at), agent_id: owners.agent('paper').agentId, reason: string(why), risk_check_result: null, human_override: null } }] }),
};

/** Must have its deal. */
const REMARKS: TableMapping = {
  as: 'import',
  columns: { id: kept('it names the row'), deal: required(integer('trade_id')), says: required(text('explanation')) },
  map: ({ deal, says }, owners) => ({ rows: [{ table: 'trade_transitions', values: { trade_id: new Ref('deals', String(deal)), version: '2', from_status: 'closed', to_status: 'closed', occurred_at: owners.at, late: true, reason: string(says), actor: 'import' } }] }),
};

const MAPPINGS: Record<string, TableMapping> = { signals: SIGNALS, deals: DEALS, candles: CANDLES, choices: CHOICES, remarks: REMARKS, journal: { as: { archive: 'it is a log' }, columns: {} } };

/** A little old system, for what loading does whatever the system is. */
export const LITTLE: Profile = {
  system: 'ai-trader', files: [], order: ['signals', 'deals', 'candles', 'choices', 'remarks'],
  recognise: () => ({ shape: 'little', tables: 1 }),
  mapping: ({ base }) => MAPPINGS[base] ?? null,
};

export const given = (source: Source): GivenSource => ({ fileName: 'old.db', source, profile: LITTLE, shape: 'little' });
export const asked = (source: string, more: Partial<ImportOptions> = {}): ImportOptions => ({
  source, account: null, liveAccount: null, dryRun: false, skipData: false, acceptRejects: false, batch: null, resume: false, update: false, report: `/tmp/tradewarden-${process.pid}-${source}.rejects.jsonl`, ...more,
});
export const SILENT: ImportWatch = { begins: () => undefined, rows: () => undefined, says: () => undefined };

/** What a server and its clock write by themselves, at any time. */
const OF_THE_SERVER = ['test_clock', 'schedules', 'server_health', 'database_latencies'];

/** Of every table: how many rows and a digest of them; and which months there are. But for those named. */
export async function stateOf(db: TestDatabase, except: string[] = []): Promise<Record<string, string>> {
  const tables = await db.query<{ name: string; isMonth: boolean }>(`select relname as name, relispartition as "isMonth" from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1`);
  const state: Record<string, string> = {};
  for (const { name, isMonth } of tables) {
    if (except.includes(name) || OF_THE_SERVER.includes(name)) continue;
    if (isMonth) state[name] = 'a month';
    else state[name] = (await db.query<{ s: string }>(`select count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) as s from ${name} t`))[0]?.s ?? '';
  }
  return state;
}
