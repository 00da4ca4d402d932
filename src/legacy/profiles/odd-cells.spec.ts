import { describe, expect, it } from '@jest/globals';
import { mappedBy, NO_SOURCE, tableOf } from '../../../test/support/mapped.js';
import { type Profile, Reject, type TableMapping } from '../profile.js';
import { BadText, type Cell, JsonNumber } from '../source/cell.js';
import { AI_TRADER } from './ai-trader/profile.js';
import { AI_TRADING_PLATFORM } from './ai-trading-platform/profile.js';

/** One of each kind that a file can hold, and of each kind what is odd. */
const ODD: Cell[] = [
  null, '', ' ', 'x', '0', '-1', '1e999', 'NaN', '2026-02-30', '{', '[]', '{}', '[1, {"a": null}]', '{"entry": 3}', '"text"', '{1,"a', 'é'.repeat(5_000), 0n, -1n, 9223372036854775807n, 0.5, -0.5, Infinity, 1e300, true, new Uint8Array([0, 255]),
  new BadText(new Uint8Array([255]), 'NOT_UTF8'), new BadText(new Uint8Array([0]), 'NUL'), new JsonNumber('1e400'), new JsonNumber('7'), [], [null, [new JsonNumber('1')]], {}, { entry: 'x', min_rr: [], news_embargo_minutes: {} },
];
const CANDIDATES: Record<string, Cell> = {
  timestamp: '2026-01-21 07:00:00', entry_time: '2026-01-21 07:00:00', exit_time: '2026-01-21 08:00:00', triggered_at: '2026-01-21 07:00:00', captured_at: '2026-01-21 07:00:00', event_time: '2026-01-21 07:00:00', occurred_at: '2026-01-21 07:00:00', published_at: '2026-01-21 07:00:00',
  symbol: 'EURUSD', direction: 'long', confidence: 0.5, entry_price: 1.1, lot_size: 0.1, status: 'closed', balance: 1, equity: 1, open: 1, high: 1, low: 1, close: 1, timeframe: 'H1', explanation: 'x', breaker_type: 'x', name: 'x', action: 'ai_proposed',
  currency: 'USD', impact_level: 'low', title: 'x', headline: 'x', source: 'x',
};

const TABLES: [string, Profile, string, string[]][] = [
  ...['predictions', 'trades', 'performance_snapshots', 'market_data', 'trade_explanations', 'circuit_breaker_events', 'agent_commands', 'agent_state', 'configuration_settings', 'configuration_history', 'threshold_history', 'risk_reduction_state']
    .map((base): [string, Profile, string, string[]] => [base, AI_TRADER, '', []]),
  ...['decision_history', 'snapshot_account', 'snapshot_indicators', 'snapshot_calendar', 'snapshot_news', 'risk_limits', 'settings', 'risk_config', 'accounts', 'symbol_map'].map((base): [string, Profile, string, string[]] => [base, AI_TRADING_PLATFORM, 'tables', []]),
  ['strategies', AI_TRADING_PLATFORM, 'files', ['conditions', 'strategy', 'timeframe', 'sessions']], ['strategies', AI_TRADING_PLATFORM, 'tables', ['allowed_symbols', 'session_windows', 'risk_caps']],
  ['trade_ideas', AI_TRADING_PLATFORM, 'files', ['emnr_flags', 'timeframe', 'rr_ratio']], ['trade_ideas', AI_TRADING_PLATFORM, 'tables', ['confidence_score', 'entry_range', 'expected_hold']],
];

/** The mapping of a table with all the columns that are known: it is asked for by a few of them, which nobody else has. */
function mappingOf(profile: Profile, base: string, shape: string, some: readonly string[]): TableMapping {
  const found = [some, ['pnl_usd', 'pips'], ['pred_1h'], ['unrealized_pnl'], ['timeframe', 'open'], ['explanation'], ['breaker_type'], ['command'], ['cycle_count'], ['category', 'key'], ['setting_id'], ['threshold_value'], ['consecutive_losses'], ['occurred_at'], ['balance', 'equity', 'captured_at'], ['rsi_14', 'atr'],
    ['event_time', 'impact_level'], ['headline'], ['key', 'value'], ['min_rr_ratio', 'mode'], ['ai_trading_enabled'], ['login', 'password_encrypted'], ['broker_symbol', 'min_vol']]
    .filter((columns) => columns.length > 0).map((columns) => profile.mapping(tableOf(base, columns), shape, NO_SOURCE)).find((mapping) => mapping !== null);
  if (!found) throw new Error(`no mapping of ${base}`);
  return found;
}

describe('a row whose cells are anything', () => {
  it.each(TABLES)('of %s is mapped, kept or refused with a reason, whatever one of its cells holds', (base, profile, shape, some) => {
    const mapping = mappingOf(profile, base, shape, some);
    const columns = Object.keys(mapping.columns);
    const usual = Object.fromEntries(columns.map((name) => [name, CANDIDATES[name] ?? null]));
    let outcomes = 0;
    for (const name of columns) {
      for (const cell of ODD) {
        const cells = { ...usual, [name]: cell };
        mapping.secretsOf?.(cells);
        try {
          mappedBy(mapping, cells);
        } catch (error) {
          if (!(error instanceof Reject)) throw new Error(`${base}.${name}: ${String(error)}`, { cause: error });
          expect(error.detail.length).toBeLessThan(400);
        }
        outcomes += 1;
      }
    }
    expect(outcomes).toBe(columns.length * ODD.length);
  });
});
