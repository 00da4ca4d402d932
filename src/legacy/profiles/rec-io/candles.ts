import { kept, required } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import type { TableMapping, Value } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { archived, isExactly } from '../columns.js';

const PRICES = ['open', 'high', 'low', 'close'] as const;
const NAMES = 'timestamp open high low close volume';

export const isCandles = (columns: readonly string[]): boolean => isExactly(columns, NAMES) || isExactly(columns, `${NAMES} momentum`);

/** `btc_1m_master_5y.csv`, `eth_price_history`: the coin in dollars, as the old program spells it in market_id. */
const NAMED = /(?:^|\/)(btc|eth|sol|xrp|doge)(?:-?_?usd)?[_.-]/i;

/** Minutes of five years, as Coinbase told them: their times are UTC, the only ones of this system that are. */
export function candlesMapping(table: SourceTable): TableMapping {
  const [, coin] = NAMED.exec(table.name) ?? [];
  if (coin === undefined) return archived('the name does not say of which coin these candles are', `${NAMES} momentum`);
  const symbol = `${coin.toUpperCase()}-USD`;
  const columns: TableMapping['columns'] = {
    timestamp: required(time('open_time', { zone: 'UTC', epoch: 'either' })), ...Object.fromEntries(PRICES.map((name) => [name, required(decimal(name))])), volume: decimal('volume', { least: '0' }),
    momentum: kept('computed by the old program from these prices'),
  };
  return {
    as: 'import', columns, time: 'timestamp', sums: { volume: 'volume' },
    // With momentum not all of it has a place.
    bulk: !table.columns.includes('momentum'),
    map(values, owners, row) {
      const read = (name: string) => (values[name] ?? null) as string | null;
      const opened = read('timestamp') ?? '';
      const end = `${new Date(Date.parse(`${opened.slice(0, 19)}Z`) + 60_000).toISOString().slice(0, 19)}${opened.slice(19)}`;
      const candle: Record<string, Value> = {
        id: owners.id(table.name, row.id), agent_id: null, captured_at: end, last_captured_at: end, symbol, timeframe: 'M1', frame: 'M1', open_time: opened, close_time: end,
        open: read('open'), high: read('high'), low: read('low'), close: read('close'), volume: read('volume'),
      };
      return { rows: [{ table: 'snapshot_market', values: candle }] };
    },
  };
}
