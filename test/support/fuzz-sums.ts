import type { System } from '../../src/legacy/profile.js';
import { cellsById, exactly, moneyIn, type OldTable, type Raw, total } from './old-data.js';
import type { TestApp } from './app.js';

interface Rule {
  table: RegExp;
  columns: string[];
  target: string;
  to: string;
  /** From the cells; null: nothing is known of it here. */
  as?(cells: readonly Raw[]): string | null | undefined;
}

const [first] = [([cell]: readonly Raw[]) => moneyIn(cell ?? null)];
const minus = (text: string): string => (text.startsWith('-') ? text.slice(1) : `-${text}`);
const snapshot = (...columns: string[][]): Rule[] => columns.map(([from = '', to = from]) => ({ table: /^(performance_snapshots|snapshot_account)$/, columns: [from], target: 'snapshot_account', to }));

/** What each sum of money is made of, in words of the old systems' own documents. */
const RULES: Record<System, Rule[]> = {
  'ai-trader': [{ table: /^trades$/, columns: ['pnl_usd'], target: 'trades', to: 'gross_profit' }, { table: /^market_data$/, columns: ['volume'], target: 'snapshot_market', to: 'volume' }, ...snapshot(['balance'], ['equity'], ['unrealized_pnl', 'open_pl'])],
  'ai-trading-platform': snapshot(['balance'], ['equity'], ['margin_used'], ['margin_free'], ['open_pl']),
  sigmatrader: [
    { table: /^analytics_trades$/, columns: ['pnl'], target: 'trades', to: 'gross_profit' }, { table: /^equity_snapshots$/, columns: ['equity'], target: 'snapshot_account', to: 'equity' }, { table: /^candles$/, columns: ['volume'], target: 'snapshot_market', to: 'volume' },
  ],
  'finance-feedback-engine': [{ table: /^trade_outcomes$/, columns: ['realized_pnl'], target: 'trades', to: 'gross_profit', as: ([told]) => moneyIn(told ?? null) ?? undefined }],
  'rec-io': [
    { table: /^trades/, columns: ['fees'], target: 'trades', to: 'fee', as: ([fees]) => { const paid = moneyIn(fees ?? null); return typeof paid === 'string' ? minus(paid) : paid; } },
    // Before costs, where the trade is closed and its profit was told.
    { table: /^trades$/, columns: ['pnl', 'fees'], target: 'trades', to: 'gross_profit', as: ([pnl, fees]) => { const told = moneyIn(pnl ?? null); return typeof told === 'string' ? total([told, moneyIn(fees ?? null) ?? '0']).replace('/', ' over ') : undefined; } },
    { table: /^balance_history$/, columns: ['balance'], target: 'snapshot_account', to: 'balance', as: ([cents]) => { const held = moneyIn(cents ?? null); return typeof held === 'string' ? `${held}e-2`.replace(/e([+-]\d+)e-2$/, (_, power: string) => `e${Number(power) - 2}`) : held; } },
  ],
};

/** What is stored of imported rows and is not what the file holds, by arithmetic of its own. */
export async function wrongSums(t: TestApp, system: System, source: string, path: string, tables: readonly OldTable[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const { name } of tables) {
    for (const { table, columns, target, to, as = first } of RULES[system]) {
      if (!table.test(name)) continue;
      const cells = cellsById(path, name, columns);
      if (cells === null) continue;
      const stored = await t.db.query<{ id: string; value: string | null; status: string | null }>(
        `select r.old_id as id, o.${to}::text as value, ${target === 'trades' ? 'o.status' : 'null'} as status from import_rows r join import_tables i on i.id = r.table_id join ${target} o on o.id = r.target_id where i.source = $1 and i.name = $2 and r.target = $3`, [source, name, target]);
      for (const { id, value, status } of stored) {
        const old = cells.get(id);
        if (old === undefined) {
          wrong.push(`${name} ${id}: no such row`);
          continue;
        }
        const expected = as(old);
        if (to === 'gross_profit' && (expected === undefined || (status !== 'closed' && system !== 'ai-trader'))) continue;
        const is = value === null ? null : exactly(value);
        const should = typeof expected === 'string' ? (expected.includes(' over ') ? expected.replace(' over ', '/') : exactly(expected)) : expected;
        if (is !== should) wrong.push(`${name} ${id}: ${columns.join()} ${old.map(String).join()} became ${to} ${value}`);
      }
    }
  }
  return wrong;
}
