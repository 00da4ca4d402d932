import type { TableMapping } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { archived, has, isExactly } from '../columns.js';

/** What is kept whole: working copies, mirrors of the exchange, ticks and settings. Each is known by its columns. */
interface Known {
  shape: string;
  fits(table: SourceTable): boolean;
  reason: string;
  columns: string;
  secrets?: readonly string[];
}

const MIRROR = 'a mirror of the exchange: trades of ours come of the trades table, and a row that names no trade cannot be hung on one';
const TICKS = 'prices of a moment, without high and low: no candles';
const SETTINGS = 'settings of the old program; limits of ours are set by a person';

const named = (pattern: RegExp) => ({ base }: SourceTable) => pattern.test(base);
const columns = (some: string) => (table: SourceTable) => has(table.columns, some);
const exactly = (all: string) => (table: SourceTable) => isExactly(table.columns, all);
const both = (one: (table: SourceTable) => boolean, other: (table: SourceTable) => boolean) => (table: SourceTable) => one(table) && other(table);

const POSITION = 'id ticker total_traded position market_exposure realized_pnl fees_paid last_updated_ts raw_json position_id data';
const FILL = 'id trade_id ticker order_id side action count yes_price no_price is_taker created_time raw_json data user_id market_id price';
const SETTLEMENT = 'id ticker market_result yes_count yes_total_cost no_count no_total_cost revenue settled_time raw_json data user_id market_id amount created_time updated_time';
const ORDER = `id order_id user_id ticker status action side type yes_price no_price initial_count remaining_count fill_count created_time expiration_time last_update_time client_order_id order_group_id queue_position
  self_trade_prevention_type maker_fees taker_fees maker_fill_cost taker_fill_cost raw_json`;
const DELTAS = 'momentum delta_1m delta_2m delta_3m delta_4m delta_15m delta_30m';

export const KNOWN: readonly Known[] = [
  { shape: 'positions', fits: columns('ticker position market_exposure'), reason: MIRROR, columns: POSITION },
  { shape: 'positions as JSON', fits: exactly('id position_id data'), reason: MIRROR, columns: POSITION },
  { shape: 'fills', fits: columns('trade_id ticker yes_price no_price is_taker'), reason: MIRROR, columns: FILL },
  { shape: 'fills as JSON', fits: exactly('id trade_id data'), reason: MIRROR, columns: FILL },
  { shape: 'fills as ingested', fits: exactly('id user_id market_id order_id side count price created_time'), reason: MIRROR, columns: FILL },
  { shape: 'settlements', fits: columns('ticker market_result revenue'), reason: MIRROR, columns: SETTLEMENT },
  { shape: 'settlements as JSON', fits: both(named(/settlements/i), exactly('id data')), reason: MIRROR, columns: SETTLEMENT },
  { shape: 'settlements as ingested', fits: exactly('id user_id market_id amount created_time updated_time'), reason: MIRROR, columns: SETTLEMENT },
  { shape: 'orders', fits: columns('order_id ticker queue_position yes_price maker_fees'), reason: MIRROR, columns: ORDER },
  { shape: 'price log', fits: exactly('timestamp price'), reason: TICKS, columns: 'timestamp price' },
  { shape: 'prices', fits: both(named(/btc|eth|price/i), exactly('id timestamp price')), reason: TICKS, columns: 'id timestamp price' },
  { shape: 'live prices', fits: columns('timestamp price one_minute_avg'), reason: TICKS, columns: `timestamp price one_minute_avg ${DELTAS}` },
  { shape: 'market data', fits: columns('event_ticker strike yes_bid no_bid'), reason: 'quotes of contracts by moment: no candles', columns: 'id timestamp event_ticker strike yes_bid yes_ask no_bid no_ask last_price volume' },
  {
    shape: 'websocket market data', fits: columns('market_ticker yes_bid dollar_volume_delta'), reason: 'quotes of contracts by moment: no candles',
    columns: 'id timestamp market_ticker price yes_bid yes_ask volume_delta open_interest_delta dollar_volume_delta dollar_open_interest_delta ts',
  },
  {
    shape: 'strikes', fits: columns('strike_tier ttc_seconds active_side'), reason: 'the latest table of strikes, written over each second',
    columns: `symbol current_price ttc_seconds broker event_ticker market_title strike_tier market_status strike buffer buffer_pct probability yes_ask no_ask yes_diff no_diff volume ticker active_side
      momentum_weighted_score`,
  },
  { shape: 'price changes', fits: columns('change1h change3h change1d'), reason: TICKS, columns: 'id change1h change3h change1d timestamp' },
  {
    shape: 'automatic trading', fits: columns('auto_entry auto_stop'), reason: SETTINGS,
    columns: `id auto_entry auto_stop min_probability min_differential min_time max_time allow_re_entry spike_alert_enabled spike_alert_momentum_threshold spike_alert_cooldown_threshold spike_alert_cooldown_minutes
      current_probability min_ttc_seconds momentum_spike_enabled momentum_spike_threshold verification_period_enabled verification_period_seconds auto_entry_status cooldown_timer user_id updated_at`,
  },
  { shape: 'trade preferences', fits: columns('trade_strategy position_size multiplier'), reason: SETTINGS, columns: 'id trade_strategy position_size multiplier updated_at' },
  { shape: 'users', fits: columns('user_id password_hash'), reason: 'people of the old program; ours are made by an administrator', columns: 'user_no user_id first_name last_name email phone account_type password_hash', secrets: ['password_hash'] },
  { shape: 'trade logs', fits: columns('ticket_id message service'), reason: 'a log of the old program', columns: 'id ticket_id message timestamp service user_id' },
  { shape: 'health', fits: columns('overall_status supervisor_status'), reason: 'the old program about itself', columns: `id overall_status cpu_percent memory_percent disk_percent database_status supervisor_status services_healthy
    services_total failed_services health_details timestamp` },
  { shape: 'account mode', fits: both(named(/account_mode/i), columns('mode')), reason: 'prod or demo: decides the mode of what is imported', columns: 'mode' },
  { shape: 'tokens', fits: both(named(/(?:auth|device)_tokens/i), exactly('content')), reason: 'sign-ins of the old program, void here', columns: 'content', secrets: ['content'] },
];

export const knownOf = (table: SourceTable): Known | undefined => KNOWN.find(({ fits }) => fits(table));

export const archiveMapping = ({ reason, columns: names, secrets }: Known): TableMapping => archived(reason, names, secrets);
