import { own } from '../../../common/own.js';
import { Exact } from '../../convert/exact.js';
import type { Reading } from '../../profile.js';
import { type Cell, JsonNumber } from '../../source/cell.js';

type Kind = 'count' | 'amount' | 'hundred' | 'switch';

/** What each limit of the old program would be here; null: ours has none that means the same. */
const LIMITS: Record<string, [ours: string | null, kind: Kind]> = {
  // risk_limits.csv
  daily_loss_limit_r: [null, 'amount'], max_concurrent_positions: ['maxConcurrentTrades', 'count'], max_symbol_positions: ['maxTradesPerSymbol', 'count'], sl_atr_mult: [null, 'amount'], tp_atr_mult: [null, 'amount'],
  // ai/settings.json
  confidence_threshold: ['minConfidenceThreshold', 'hundred'], min_rr_ratio: ['minRewardToRisk', 'amount'], max_positions_per_symbol: ['maxTradesPerSymbol', 'count'], news_embargo_minutes: ['newsEmbargoMinutes', 'count'],
  default_risk_pct: [null, 'amount'],
  // risk_config
  ai_trading_enabled: ['aiTradingEnabled', 'switch'], min_confidence_threshold: ['minConfidenceThreshold', 'hundred'], max_lot_size: ['maxLotSize', 'amount'], max_concurrent_trades: ['maxConcurrentTrades', 'count'],
  daily_profit_target: ['dailyProfitTarget', 'amount'], stop_after_target: ['stopAfterTarget', 'switch'], max_drawdown_amount: ['maxDrawdownAmount', 'amount'], halt_on_drawdown: ['haltOnDrawdown', 'switch'],
  allow_off_watchlist_autotrade: ['allowOffWatchlistAutotrade', 'switch'],
};

const wordOf = (cell: Cell | undefined): string | null => {
  if (cell instanceof JsonNumber) return cell.text;
  return typeof cell === 'string' || typeof cell === 'number' || typeof cell === 'bigint' || typeof cell === 'boolean' ? String(cell).trim() : null;
};

const NUMBER = /^\d{1,20}(\.\d{1,30})?(e[+-]?\d{1,2})?$/i;
const NO = new Set(['0', 'false', 'f', 'no', 'off']);

/**
 * Says of one limit what it is here, and sets nothing: a limit is a person's, with a reason and a version. Most of these
 * the old program never read, so whoever takes them over silently changes what is traded, in either direction.
 */
export function proposeLimit(name: string, cell: Cell | undefined, reading: Reading): void {
  const known = own(LIMITS, name);
  const word = wordOf(cell);
  if (known === undefined || word === null || word === '') return;
  const [ours, kind] = known;
  if (kind === 'switch') return reading.note('LIMIT_PROPOSED', `${name} ${word} is ${ours} ${!NO.has(word.toLowerCase())} here; set it in /limits where it is wanted`);
  if (!NUMBER.test(word)) return reading.note('LIMIT_UNREADABLE', `${name} is ${JSON.stringify(word.slice(0, 60))}, which is no number`);
  const value = new Exact(word);
  if (value.isZero()) return reading.note('LIMIT_OFF', `${name} is 0, which was no limit; it is no limit here either, and not 0, which would allow nothing`);
  if (ours === null) return reading.note('LIMIT_NOT_HERE', `${name} ${word} has no limit of ours that means the same`);
  return reading.note('LIMIT_PROPOSED', `${name} ${word} is ${ours} ${(kind === 'hundred' ? value.div(100) : value).toFixed()} here; set it in /limits where it is wanted`);
}

export const proposeLimits = (reading: Reading): void => {
  for (const [name, cell] of Object.entries(reading.cells)) proposeLimit(name, cell, reading);
};
