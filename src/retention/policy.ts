import type { Env } from '../config/env.js';

export type RetentionSetting = Extract<keyof Env, `RETENTION_${string}`>;

export type Policy =
  /** Never removed, and why. */
  | { keep: 'for_ever'; why: string }
  /** Whole months of UTC go when all of them is older. */
  | { keep: 'months'; days: RetentionSetting; what: string }
  /** Rows go in batches. */
  | { keep: 'rows'; days: RetentionSetting | number; what: string }
  /** Goes with the rows of another table. */
  | { keep: 'with'; table: string }
  /** One row for each of something that there is: it is changed, and does not grow. */
  | { keep: 'state'; of: string }
  /** By its own module, on a schedule of hours or as it is used. */
  | { keep: 'elsewhere'; schedule: string | null; what: string };

const forEver = (why: string): Policy => ({ keep: 'for_ever', why });
const state = (of: string): Policy => ({ keep: 'state', of });

/**
 * How long each table keeps what. Three rules stand above all of them: nothing of a trade or an idea that is not finished goes; nothing
 * goes that its reader has not read; and what an import brought stays, since its proof and its rollback compare with it.
 */
export const POLICY: Readonly<Record<string, Policy>> = {
  // What happened to money.
  trades: forEver('what was traded'),
  trade_transitions: forEver('how each trade came to what it is'),
  fills: forEver('what the broker did'),
  fill_moves: forEver('whose each fill is'),
  account_cash_flows: forEver('what came and went'),
  account_days: forEver('one row a day: profits, peaks and drawdowns are made from them'),
  trade_marks: { keep: 'months', days: 'RETENTION_MARKS_DAYS', what: 'all for RETENTION_MARKS_FULL_DAYS, then the last of each minute; what the extremes were stands at the trade. Months with marks of trades that are not finished stay' },

  // Why it was traded.
  decision_history: { keep: 'months', days: 'RETENTION_DECISIONS_DAYS', what: 'then as compressed files in ARCHIVE_DIR, from which they are read and verified' },
  decision_archives: forEver('which file holds which decisions'),
  decision_archive_rows: forEver('where each decision stands in its file, and what lists filter by'),
  decision_heads: state('stream: where its chain ends'),
  trade_ideas: forEver('what was proposed, also what was refused: what is learned from'),
  reservations: forEver('one for each idea that went through'),
  closures: forEver('why each trade was to be closed'),
  trade_explanations: { keep: 'rows', days: 'RETENTION_PREDICTIONS_DAYS', what: 'those of no trade and no idea' },
  predictions: { keep: 'rows', days: 'RETENTION_PREDICTIONS_DAYS', what: 'scored ones that no trade, idea or explanation names' },
  prediction_scores: { keep: 'with', table: 'predictions' },
  prediction_calibrations: state('agent, model and tenth: what the scores came to, also of predictions that are gone'),
  snapshot_refs: { keep: 'rows', days: 'RETENTION_SNAPSHOTS_DAYS', what: 'those that no idea names; a decision names what its idea does, and why shows it for ever' },

  // What the market was.
  snapshot_market: { keep: 'months', days: 'RETENTION_SNAPSHOTS_DAYS', what: "by the market's time, and not before they have been here for as long; what a decision saw is copied into its reference. Months in which a prediction is not scored yet stay" },
  snapshot_indicators: { keep: 'months', days: 'RETENTION_SNAPSHOTS_DAYS', what: 'as candles' },
  snapshot_calendar: { keep: 'months', days: 'RETENTION_SNAPSHOTS_DAYS', what: 'as candles' },
  snapshot_news: { keep: 'months', days: 'RETENTION_SNAPSHOTS_DAYS', what: 'as candles' },
  snapshot_account: { keep: 'months', days: 'RETENTION_SNAPSHOTS_DAYS', what: 'as candles' },
  snapshot_revisions: { keep: 'months', days: 'RETENTION_SNAPSHOTS_DAYS', what: 'with the month of what was corrected' },
  quotes: state('account and symbol: the newest'),
  instruments: forEver('positions were sized by them'),
  instrument_versions: forEver('what an instrument was when a position was sized'),

  // What was asked of agents, and what they are.
  agent_commands: { keep: 'rows', days: 'RETENTION_COMMANDS_DAYS', what: 'those that ended, belong to no trade and opened none' },
  command_attempts: { keep: 'with', table: 'agent_commands' },
  agents: forEver('retired, never deleted'),
  agent_state: state('agent'),
  agent_syncs: state('agent: its last answer'),
  agent_reports: state('agent'),
  agent_executors: state('pair of agents'),
  agent_models: state('model of an agent: its present version and prompt'),
  accounts: forEver('retired, never deleted'),
  positions: state('what brokers show now'),
  working_orders: state('what brokers show now'),
  trade_exit_rules: state('trade that has rules of its own'),

  // What limits and what halts.
  halts: forEver('who stopped what, and who released it'),
  halt_accounts: { keep: 'with', table: 'halts' },
  circuit_breakers: state('breaker'),
  circuit_breaker_versions: forEver('who set a breaker to what'),
  circuit_breaker_events: forEver('few, and why trading stopped'),
  breaker_states: state('breaker and book'),
  breaker_checks: { keep: 'elsewhere', schedule: null, what: 'books to be looked at; gone with the look' },
  database_latencies: { keep: 'elsewhere', schedule: null, what: 'the last thousand' },
  risk_config: state('the whole'),
  risk_config_history: forEver('who changed a limit'),
  risk_limits: state('account, agent or strategy'),
  risk_limits_history: forEver('who changed a limit'),
  strategies: forEver('ideas name them'),
  strategy_versions: forEver('by which rules an idea was made'),
  server_gaps: forEver('few: when nobody watched'),
  server_health: state('the beat'),

  // What is told.
  events: { keep: 'months', days: 'RETENTION_EVENTS_DAYS', what: 'not before every mirror has read them' },
  incidents: { keep: 'rows', days: 'RETENTION_INCIDENTS_DAYS', what: 'that are over, and of which nobody is still to be told' },
  notification_deliveries: { keep: 'elsewhere', schedule: 'notifications.clean', what: '30 days after the incident was over; waiting ones stay' },
  notification_messages: { keep: 'elsewhere', schedule: 'notifications.clean', what: '30 days after their end' },
  notification_channels: state('channel'),
  notification_settings: state('the whole'),
  telegram_bots: state('bot'),
  telegram_updates: { keep: 'elsewhere', schedule: 'notifications.clean', what: '30 days' },

  // Alerts.
  alerts: { keep: 'rows', days: 'RETENTION_ALERT_BODIES_DAYS', what: 'the body alone, of those that were processed, ignored or expired, and of which everything that came is finished: ideas name them' },
  alert_runs: forEver('what each run of an alert did'),
  alert_keys: { keep: 'elsewhere', schedule: 'webhooks.forget-keys', what: 'when they run out' },
  webhook_sources: forEver('retired, never deleted'),

  // Who may come in.
  users: forEver('what they did names them'),
  api_keys: forEver('what was done with them names them'),
  auth_audit: { keep: 'months', days: 'RETENTION_AUTH_AUDIT_DAYS', what: 'sign-ins, refused keys, changes of users' },
  refresh_tokens: { keep: 'elsewhere', schedule: 'auth.prune', what: 'when they run out' },
  sign_in_throttles: { keep: 'elsewhere', schedule: 'auth.prune', what: 'when they no longer hold anybody back' },
  rate_limit_state: { keep: 'elsewhere', schedule: 'rate-limits.prune', what: 'when they say nothing any more' },
  idempotency_keys: { keep: 'elsewhere', schedule: 'idempotency.prune', what: '24 hours' },

  // Old systems: what proves that nothing was lost, and what a rollback needs.
  import_runs: forEver('what came when'),
  import_tables: forEver('what came when'),
  import_rows: forEver('which old row became what; as many as were imported'),
  import_archive: forEver('old rows that became nothing here'),
  import_changes: forEver('what a rollback puts back'),
  import_rejects: forEver('what was left out'),
  export_ids: forEver('the same row gets the same old id again'),
  mirrors: state('mirror'),

  // The house itself.
  schedules: state('schedule'),
  migrations: state('migration'),
  retention_runs: { keep: 'rows', days: 400, what: 'what was removed when' },
  retention_totals: state('table'),
  retention_months: forEver('which months are gone: a dozen rows a month'),
  backups: forEver('one a day at most times: which were proven'),
  restores: forEver('when this system came out of a backup'),
  restore_drills: forEver('whether backups could be restored'),
  server_instances: { keep: 'elsewhere', schedule: null, what: 'servers that were heard within a day' },
  system_status: state('the whole'),
  opening_suspensions: forEver('few: when the system held openings, and why'),
  retention_thinnings: state('month that is being thinned'),
};

/** Days for which a table keeps its rows; 0: for ever. */
export const daysOf = (env: Pick<Env, RetentionSetting>, policy: Extract<Policy, { keep: 'months' | 'rows' }>): number => (typeof policy.days === 'number' ? policy.days : env[policy.days]);
