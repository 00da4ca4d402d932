import { kept } from '../../convert/columns.js';
import type { Column, TableMapping } from '../../profile.js';
import { proposeLimit, proposeLimits } from './limits.js';

const all = (names: string, secrets: readonly string[] = []): Record<string, Column> =>
  Object.fromEntries(names.split(' ').map((name) => [name, kept(secrets.includes(name) ? 'a marker in place of the secret' : 'the row is archived whole')]));

const archive = (names: string, why: string, more: Partial<TableMapping> = {}): TableMapping => ({ columns: all(names, more.secrets), as: { archive: why }, ...more });

const LIMITS_WHY = 'a limit is set by a person, with a reason: what each would be here is said in its notes, and nothing is loosened or tightened by an import';
const LOG_WHY = 'a log of the old program, not of trades: orders that were refused stand in it as placed';
const ACCOUNT_SECRETS = ['login', 'password_encrypted', 'password', 'investor_password'];
const KEY_SECRETS = ['api_key_encrypted', 'api_key', 'config.api_key', 'config.apikey', 'config.key', 'config.token', 'config.secret'];

export const ARCHIVED: Record<string, TableMapping> = {
  // Files of config/
  profiles: archive('symbol bestSessions bestTimeframes externalDrivers style management invalidations', "what the old engine preferred for a symbol; a strategy's own conditions are imported"),
  settings: archive('enabled mode evaluation_interval_seconds confidence_threshold min_rr_ratio max_concurrent_positions max_positions_per_symbol default_risk_pct news_embargo_minutes timezone', LIMITS_WHY, { remark: proposeLimits }),
  risk_limits: archive('key value notes', LIMITS_WHY, {
    remark(reading) {
      const { key, value } = reading.cells;
      if (typeof key === 'string') proposeLimit(key.trim(), value, reading);
    },
  }),
  sessions: archive('canonical trade_start_utc trade_end_utc block_on_closed notes', "hours of a symbol belong to an instrument's terms, which an agent uploads whole from its broker"),
  symbol_map: archive('canonical broker_symbol enabled min_vol vol_step comment', 'it says neither contract size nor tick: terms are never guessed, agents upload them from their broker'),
  appearance: archive('density theme fontSize accentColor showAnimations', 'looks of the old page'),
  rss_feeds: archive('id name url category enabled last_fetched created_at', 'nothing here reads feeds: news are sent by agents'),
  accounts: archive('id name login password_encrypted password investor_password server is_active created_at updated_at', 'credentials of a broker stay with the agent; accounts here have none', { secrets: ACCOUNT_SECRETS }),
  api_integrations: archive('id name type api_key_encrypted api_key base_url config status last_tested created_at updated_at', 'nothing here calls these services', { secrets: KEY_SECRETS }),
  // The SQLite settings store
  appearance_settings: archive('id density theme font_size accent_color show_animations updated_at', 'looks of the old page'),
  cache: archive('cache_key data cached_at expires_at', 'a cache of the old program'),
  // Its PostgreSQL tables
  risk_config: archive('id ai_trading_enabled min_confidence_threshold max_lot_size max_concurrent_trades daily_profit_target stop_after_target max_drawdown_amount halt_on_drawdown allow_off_watchlist_autotrade last_halt_reason updated_at', LIMITS_WHY, { remark: proposeLimits, time: 'updated_at' }),
  snapshot_market: archive('id symbol timeframe open high low close volume captured_at', 'it says when a candle was seen, not when it opened: it cannot be placed among others', { time: 'captured_at' }),
  users: archive('id email hashed_password is_active created_at updated_at', 'people get accounts of their own here, with a role', { secrets: ['hashed_password', 'password'] }),
  // Files of data/ and logs/
  evaluations: archive('id timestamp symbol timeframe result action confidence direction status', 'evaluations never became an idea', { time: 'timestamp' }),
  health_checks: archive('timestamp status disk logs cache mt5 checks issues', 'checks of the old machine', { time: 'timestamp' }),
  indicator_decisions: archive('timestamp symbol timeframe action confidence entry exit strong weak', 'it has the price in the column of a yes or no, and no direction, stop or target'),
  orders: archive('ts_utc timestamp canonical symbol side volume price sl tp order position result_code retcode comment magic', LOG_WHY),
  deals: archive('ts_utc timestamp ticket order position symbol type entry volume price profit commission swap comment', LOG_WHY),
  pending_orders: archive('ts_utc timestamp ticket symbol type volume price sl tp comment', 'one line for each order and each look at the page'),
  errors: archive('ts_utc timestamp level code message path details', 'a log of the old program'),
  security: archive('ts_utc timestamp event ip path details', 'a log of the old program'),
  metrics: archive('ts_utc timestamp name value', 'counters of one process, lost at each start'),
  ai_executions: archive('ts_utc timestamp idea_id symbol action result order_id error', LOG_WHY),
};

/** Without them a table of that name is somebody else's. */
export const DISTINCTIVE: Record<string, readonly string[]> = {
  profiles: ['bestSessions', 'bestTimeframes'], settings: ['evaluation_interval_seconds', 'confidence_threshold', 'min_rr_ratio'], risk_limits: ['key'], sessions: ['trade_start_utc', 'block_on_closed'], symbol_map: ['broker_symbol', 'min_vol'],
  appearance: ['accentColor', 'density'], rss_feeds: ['url'], accounts: ['password_encrypted', 'login'], api_integrations: ['api_key_encrypted', 'base_url'], appearance_settings: ['accent_color', 'density'], cache: ['cache_key', 'cached_at'],
  risk_config: ['ai_trading_enabled', 'halt_on_drawdown', 'stop_after_target'], snapshot_market: ['captured_at'], users: ['hashed_password'],
};
