import { decimalOf } from '../../convert/decimals.js';
import { type Reading, Reject } from '../../profile.js';

/** 0 there is no limit at all. */
export const PROFILE_LIMITS = [
  'capital_per_trade', 'max_positions', 'max_exposure_pct', 'risk_per_trade_pct', 'hard_risk_pct', 'daily_loss_pct', 'hard_daily_loss_pct', 'max_consecutive_losses', 'max_trades_per_day', 'max_trades_per_symbol_per_day',
  'min_bars_between_trades', 'cooldown_after_loss_bars', 'slippage_guard_bps', 'gap_guard_pct', 'max_effective_leverage', 'max_margin_used_pct',
];
export const OVERRIDE_LIMITS = [...PROFILE_LIMITS, 'max_order_value_pct', 'max_order_value_abs', 'max_quantity_per_order'];
export const SETTINGS_LIMITS = ['max_order_value', 'max_quantity_per_order', 'max_daily_loss', 'max_open_positions'];
export const THRESHOLDS = ['caution_pct', 'defense_pct', 'hard_stop_pct'];

/** A person who sets the limits here has to know which of the old ones were 0: taken for a limit, 0 would stop all trading. */
export const limitsThatWereOff = (columns: readonly string[]) => ({ cells, note }: Reading): void => {
  const off = columns.filter((name) => isZero(cells[name] ?? null));
  if (off.length > 0) note('LIMIT_OFF', `${off.join(', ')}: 0, which was no limit`);
};

function isZero(cell: Reading['cells'][string]): boolean {
  try {
    return cell !== null && cell !== undefined && decimalOf(cell, 'limit') === '0';
  } catch (error) {
    if (error instanceof Reject) return false;
    throw error;
  }
}
