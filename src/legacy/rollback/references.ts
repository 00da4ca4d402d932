import type { TargetTable } from '../targets.js';

/** Who refers to a row that an import may have brought, with a foreign key or without one. */
export const REFERRING: Partial<Record<TargetTable, readonly (readonly [table: string, column: string])[]>> = {
  trades: [
    ['agent_commands', 'trade_id'], ['closures', 'trade_id'], ['fills', 'trade_id'], ['fill_moves', 'from_trade_id'], ['fill_moves', 'to_trade_id'], ['positions', 'trade_id'], ['reservations', 'trade_id'],
    ['trade_exit_rules', 'trade_id'], ['trade_explanations', 'trade_id'], ['trade_marks', 'trade_id'], ['working_orders', 'trade_id'],
  ],
  predictions: [['trade_explanations', 'prediction_id'], ['trade_ideas', 'prediction_id'], ['trades', 'prediction_id']],
  strategies: [['reservations', 'strategy_id'], ['risk_limits', 'strategy_id'], ['trade_ideas', 'strategy_id'], ['trades', 'strategy_id'], ['webhook_sources', 'strategy_id']],
  alerts: [['alert_keys', 'alert_id'], ['closures', 'alert_id'], ['trade_ideas', 'alert_id']],
  snapshot_market: [['snapshot_revisions', 'snapshot_id']], snapshot_calendar: [['snapshot_revisions', 'snapshot_id']], snapshot_news: [['snapshot_revisions', 'snapshot_id']],
};

/** Rows that belong to one and go with it; an application that wrote one has changed that row. */
export const BELONGING: Partial<Record<TargetTable, readonly [table: TargetTable, column: string]>> = {
  trades: ['trade_transitions', 'trade_id'], strategies: ['strategy_versions', 'strategy_id'], alerts: ['alert_runs', 'alert_id'],
};

const REVISED = `t.revision > 1 or t.last_captured_at > coalesce(run.finished_at, 'infinity')`;

/** SQL of a row t: that it was changed after the import, whose run is `run`; null where nothing changes such rows. */
export const CHANGED: Partial<Record<TargetTable, string>> = {
  trades: `t.version > 1 or t.updated_at > coalesce(run.finished_at, 'infinity')`,
  strategies: `t.updated_at > coalesce(run.finished_at, 'infinity')`,
  snapshot_market: REVISED, snapshot_calendar: REVISED, snapshot_news: REVISED,
  alerts: `t.redriven_at is not null or t.duplicate_count > 0`,
  predictions: `exists (select from prediction_scores s where s.prediction_id = t.id and s.scored_at is not null)`,
};

/** What refers to others goes before them. */
export const ORDER: readonly TargetTable[] = ['trade_explanations', 'decision_history', 'trades', 'predictions', 'strategies', 'alerts', 'circuit_breaker_events', 'snapshot_market', 'snapshot_account', 'snapshot_indicators', 'snapshot_calendar', 'snapshot_news'];

/** Made by an import for rows that have none of their own, and never else of such ids: in the order in which they go. */
export const OWNERS = ['webhook_sources', 'agents', 'accounts'] as const;
