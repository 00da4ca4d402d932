export const GROUPINGS = ['agent', 'version', 'model', 'strategy', 'symbol', 'exitReason', 'hour', 'weekday', 'regime', 'confidenceDecile'] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** SQL of what a trade is grouped by. Written here, never input; null: the trade has no such value. */
export interface GroupSql {
  key: string;
  /** What people call it, where the key is an id. */
  label?: string;
  /** What else keeps two of the same key apart; null wherever the key is null. */
  detail?: string;
  joins: string;
  /** Few, and in an order of their own; the others stand by their number of trades. */
  isScale?: true;
}

const IDEA = 'left join trade_ideas i on i.id = t.idea_id';
/** The trade names its prediction, or the idea does that it was made of. */
const PREDICTION = `${IDEA} left join predictions p on p.id = coalesce(t.prediction_id, i.prediction_id)`;
const CONFIDENCE = 'coalesce(p.confidence, i.confidence)';
/** Trades from before it was kept with them have it from their idea. */
const VERSION = 'coalesce(t.agent_version, i.agent_version)';
const LOCAL = 't.entry_time at time zone a.zone';

export const GROUPS: Record<Grouping, GroupSql> = {
  agent: { key: 't.agent_id::text', label: 'g.name', joins: 'left join agents g on g.id = t.agent_id' },
  // 1.0 of one agent is another program than 1.0 of another.
  version: { key: VERSION, detail: `case when ${VERSION} is not null then t.agent_id::text end`, label: 'g.name', joins: `${IDEA} left join agents g on g.id = t.agent_id and ${VERSION} is not null` },
  model: { key: 'p.model', detail: 'p.model_version', joins: PREDICTION },
  strategy: { key: 'coalesce(t.strategy_id, i.strategy_id)::text', label: 's.name', joins: `${IDEA} left join strategies s on s.id = coalesce(t.strategy_id, i.strategy_id)` },
  symbol: { key: 't.symbol', joins: '' },
  exitReason: { key: 't.exit_reason', joins: '' },
  hour: { key: `extract(hour from ${LOCAL})::int::text`, joins: '', isScale: true },
  weekday: { key: `extract(isodow from ${LOCAL})::int::text`, joins: '', isScale: true },
  regime: { key: 'p.market_regime', joins: PREDICTION },
  // The tenths of the calibration of predictions: 1 is in the last. `least` passes nulls over.
  confidenceDecile: { key: `case when ${CONFIDENCE} is not null then least(9, floor(${CONFIDENCE} * 10))::int::text end`, joins: PREDICTION, isScale: true },
};
