import { Exact } from '../../convert/exact.js';
import { decimal, fraction } from '../../convert/decimals.js';
import { flag, integer, kept, oneOf, required, symbol, text } from '../../convert/columns.js';
import { time } from '../../convert/times.js';
import { Json, type Reading, type TableMapping } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { isPositive, otherSpelling, Values } from '../row.js';
import { SIMULATION } from './owners.js';

/** What the program fell back to while it had no dynamic threshold. */
const STATIC_THRESHOLD = '0.6';
/** A prediction is made at one minute past its hour: what was written hours later is a copy with an earlier hour. */
const BACKDATED_MS = 2 * 3_600_000;

const HORIZONS = ['1h', '4h', 'd'] as const;
const WAYS: Record<string, string> = { '0': 'down', '1': 'up' };

export const COLUMNS: TableMapping['columns'] = {
  id: kept('it names the row'),
  timestamp: required(time('predicted_at', { zone: 'UTC', epoch: 'either' })),
  symbol: required(symbol('symbol')),
  direction: oneOf('direction', { map: { long: 'long', short: 'short', hold: 'hold', buy: 'long', sell: 'short', none: 'hold', neutral: 'hold' }, caseless: true }),
  confidence: required(fraction('confidence', { from: 'fraction' })),
  prob_up: fraction('prob_up', { from: 'fraction' }),
  prob_down: fraction('prob_down', { from: 'fraction' }),
  pred_1h: integer('components'), conf_1h: fraction('components', { from: 'fraction' }),
  pred_4h: integer('components'), conf_4h: fraction('components', { from: 'fraction' }),
  pred_d: integer('components'), conf_d: fraction('components', { from: 'fraction' }),
  agreement_count: integer('agreement_count', { least: 0n }),
  agreement_score: fraction('agreement_score', { from: 'fraction' }),
  market_regime: text('market_regime', { most: 64 }),
  market_price: decimal('market_price'),
  vix_value: kept('ours has no place for the VIX'),
  trade_executed: kept('a trade names its prediction'),
  should_trade: flag('should_trade'),
  used_by_agent: flag('used_by_agent'),
  agent_cycle_number: integer('agent_cycle_number', { least: 0n }),
  dynamic_threshold_used: fraction('threshold_used', { from: 'fraction' }),
  created_at: time('created_at', { zone: 'UTC', epoch: 'either' }),
};

export const predictions = (table: SourceTable): TableMapping => ({
  columns: COLUMNS,
  as: 'import',
  time: 'timestamp',
  map(given, owners, reading) {
    const values = new Values(given);
    const predictedAt = values.need('timestamp');
    const createdAt = values.text('created_at');
    if (createdAt !== null && Date.parse(createdAt) - Date.parse(predictedAt) > BACKDATED_MS)
      reading.note('PREDICTION_BACKDATED', `it was written at ${createdAt}: a copy of a later prediction with an earlier hour, not one that was made then`);
    return {
      rows: [{
        table: 'predictions',
        values: {
          id: owners.id(table.name, reading.id), agent_id: owners.agent(SIMULATION).agentId, model: 'ai-trader', model_version: null,
          symbol: values.need('symbol'), broker_symbol: otherSpelling(reading.cells.symbol, values.need('symbol')),
          predicted_at: predictedAt, horizon_seconds: null, direction: directionOf(values, reading), confidence: values.need('confidence'),
          prob_up: values.text('prob_up'), prob_down: values.text('prob_down'), components: componentsOf(values, reading),
          agreement_count: values.text('agreement_count'), agreement_score: values.text('agreement_score'), market_regime: values.text('market_regime'),
          market_price: priceOf(values, reading), agent_cycle_number: values.text('agent_cycle_number'), used_by_agent: values.flag('used_by_agent') ?? false,
          should_trade: shouldTrade(values, reading), threshold_used: thresholdOf(values, reading), source_time: null,
          created_at: createdAt ?? predictedAt,
        },
      }],
    };
  },
});

/** The program's own answers say `hold` where none was stored. */
function directionOf(values: Values, reading: Reading): string {
  const direction = values.text('direction');
  if (direction === null) reading.note('DIRECTION_MISSING', 'no direction was stored, which was shown as hold');
  return direction ?? 'hold';
}

function componentsOf(values: Values, reading: Reading): Json | null {
  const said = HORIZONS.flatMap((horizon) => {
    const [way, confidence] = [values.text(`pred_${horizon}`), values.text(`conf_${horizon}`)];
    if (way === null && confidence === null) return [];
    if (way !== null && WAYS[way] === undefined) reading.note('PREDICTION_CLASS_UNKNOWN', `pred_${horizon} is ${way}: neither 0, down, nor 1, up`);
    return [[horizon === 'd' ? '1d' : horizon, { direction: way === null ? null : (WAYS[way] ?? way), confidence }] as const];
  });
  return said.length === 0 ? null : new Json(Object.fromEntries(said));
}

function priceOf(values: Values, reading: Reading): string | null {
  const price = values.text('market_price');
  if (price === null || isPositive(price)) return price;
  reading.note('PRICE_NOT_POSITIVE', `market_price is ${price}, which is no price; taken as not known`);
  return null;
}

/** Nobody said that it should: what is not known is no yes. */
function shouldTrade(values: Values, reading: Reading): boolean {
  const said = values.flag('should_trade');
  if (said === null) reading.note('SHOULD_TRADE_UNKNOWN', 'should_trade was not said; taken as no');
  return said ?? false;
}

function thresholdOf(values: Values, reading: Reading): string {
  const dynamic = values.text('dynamic_threshold_used');
  if (dynamic === null) reading.note('THRESHOLD_STATIC', `no dynamic threshold is stored; the static one, ${STATIC_THRESHOLD}, is taken`);
  return new Exact(dynamic ?? STATIC_THRESHOLD).toFixed();
}
