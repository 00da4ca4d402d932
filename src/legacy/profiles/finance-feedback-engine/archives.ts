import type { Reading, TableMapping } from '../../profile.js';
import type { Cell, SourceTable } from '../../source/cell.js';
import { archived, has } from '../columns.js';
import { following } from '../following.js';
import { isTest, textOf } from './said.js';

interface Known {
  fits(table: SourceTable): boolean;
  mapping(tables: readonly SourceTable[], table: SourceTable): TableMapping;
}

const columns = (some: string) => (table: SourceTable) => has(table.columns, some);
const named = (pattern: RegExp) => ({ name }: SourceTable) => pattern.test(name);
/** Half a name is enough for a file, whose columns are what its document holds. */
const kept = (fits: Known['fits'], reason: string, names: string): Known => ({ fits, mapping: () => ({ ...archived(reason, names), remark: remarkTests }) });

const STATISTICS = 'statistics of the old program, which counted every outcome again at each start: ours are computed from trades';
const MEMORY = 'memory of the old models: of an outcome it has no size that was traded, and the trade itself is in trade_outcomes';

export const KNOWN: readonly Known[] = [
  {
    fits: ({ columns: all }) => has(all, 'name key_hash') && ['last_used', 'last_used_at', 'rate_limit_per_minute'].some((name) => all.includes(name)),
    mapping: () => archived('keys of the old program open nothing here; an administrator makes new ones', 'id name key_hash created_at last_used last_used_at is_active rate_limit_per_minute description', ['key_hash']),
  },
  {
    fits: columns('api_key_hash success'),
    mapping: (tables, table) => ({
      ...archived('who signed in to the old program', 'id timestamp api_key_hash success ip_address user_agent error_reason', ['api_key_hash']), remark: keyNamer(tables, table, 'api_key_hash', 'key_hash'),
    }),
  },
  {
    fits: columns('api_key_id success endpoint'),
    mapping: (tables, table) => ({ ...archived('who signed in to the old program', 'id api_key_id timestamp ip_address user_agent endpoint method status_code success error_message'), remark: keyNamer(tables, table, 'api_key_id', 'id') }),
  },
  kept(columns('total_entries hits misses'), STATISTICS, 'id asset_pair total_entries hits misses hit_rate updated_at'),
  kept(
    columns('provider_name decision_timestamp trade_direction'), 'an outcome without the size that was traded is no trade; the program never wrote this table',
    `id asset_pair provider_name decision_timestamp entry_price exit_price profit_loss_pct trade_direction is_win market_regime confidence_score trade_opened_at trade_closed_at hold_duration_seconds notes`,
  ),
  kept(columns('provider_name winning_trades losing_trades'), STATISTICS, `id provider_name asset_pair market_regime total_trades winning_trades losing_trades win_rate avg_profit_loss_pct sharpe_ratio max_drawdown_pct last_updated_at`),
  kept(columns('provider_name alpha_wins beta_losses'), STATISTICS, 'id provider_name market_regime alpha_wins beta_losses mean_weight variance last_updated_at'),
  kept(columns('version_num'), 'the version of the old schema', 'version_num'),
  kept(columns('decision_id entry_timestamp exit_timestamp position_size'), MEMORY, `decision_id asset_pair action entry_timestamp exit_timestamp entry_price exit_price position_size realized_pnl pnl_percentage holding_period_hours
    ai_provider ensemble_providers decision_confidence market_sentiment volatility price_trend was_profitable hit_stop_loss hit_take_profit`),
  kept(columns('platform total_pnl position_count'), 'what was open at a moment, without balance and equity: no snapshot of an account', 'timestamp platform total_pnl position_count positions'),
  kept(columns('provider_stats regime_multipliers'), STATISTICS, 'provider_stats regime_multipliers providers'),
  kept(columns('trade_history experience_buffer'), MEMORY, 'version trade_history provider_performance experience_buffer veto_metrics'),
  kept(named(/pending_outcomes/), 'orders whose outcome the old program waited for: whether they filled is in trade_outcomes', 'decision_id asset_pair platform action side policy_action_family size entry_price timestamp checks'),
  kept(named(/pending_linkage/), 'ids that waited an hour for each other', 'decision_id order_id asset_pair timestamp'),
  kept(named(/(?:^|\/)memory\/|provider_performance|regime_performance|portfolio_memory/), MEMORY, ''),
  kept(named(/thompson|ensemble_history|pair_selection/), STATISTICS, ''),
  kept(named(/api_costs/), 'what the models cost', 'timestamp provider model cost tokens'),
];

export const knownOf = (table: SourceTable): Known | undefined => KNOWN.find(({ fits }) => fits(table));

/** The hash goes, for that of a weak key is as good as the key; which key it was must still be said. The hash is read beside, for in the row it is gone already. */
function keyNamer(tables: readonly SourceTable[], table: SourceTable, column: string, key: string): (row: Reading) => void {
  let names: Map<string, string> | null = null;
  const asWritten = following(table);
  return (row) => {
    names ??= namesIn(tables, key);
    const held = word(asWritten(row.id)?.[column]);
    const name = held === null ? undefined : names.get(held);
    if (held === null) row.note('KEY_UNKNOWN', `${column} is not there`);
    else if (name === undefined) row.note('KEY_UNKNOWN', `${column} is of no key that is there`);
    else row.note('KEY_NAMED', `${column} is of the key ${name}`);
  };
}

function namesIn(tables: readonly SourceTable[], key: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const table of tables) {
    if (!has(table.columns, 'name key_hash')) continue;
    for (const { cells } of table.rows()) {
      const [held, name] = [word(cells[key]), textOf(cells.name)];
      if (held !== null && name !== null) names.set(held, JSON.stringify(name.slice(0, 100)));
    }
  }
  return names;
}

const word = (cell: Cell | undefined): string | null => (typeof cell === 'bigint' ? String(cell) : textOf(cell));

function remarkTests(row: Reading): void {
  const name = textOf(row.cells.provider_name) ?? textOf(row.cells.ai_provider) ?? firstTestIn(row.cells.provider_stats);
  if (name !== null && isTest(name)) row.note('TEST_PROVIDER', `the provider is ${name.slice(0, 100)}`);
}

const firstTestIn = (cell: Cell | undefined): string | null =>
  cell !== null && cell !== undefined && typeof cell === 'object' && !(cell instanceof Uint8Array) && !Array.isArray(cell) ? (Object.keys(cell).find(isTest) ?? null) : null;
