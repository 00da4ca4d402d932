import { json, kept, required, text, ticket } from '../../convert/columns.js';
import { time } from '../../convert/times.js';
import { Json, type Reading, Ref, type TableMapping } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { Values } from '../row.js';
import { SIMULATION } from './owners.js';

export const COLUMNS: TableMapping['columns'] = {
  id: kept('it names the row'),
  trade_id: ticket('trade_id'),
  prediction_id: ticket('prediction_id'),
  explanation: required(text('explanation')),
  confidence_factors: json('confidence_factors'),
  risk_factors: json('risk_factors'),
  llm_model: text('llm_model', { most: 100, trim: true }),
  created_at: time('created_at', { zone: 'UTC', epoch: 'either' }),
};

/** Why a trade was entered; without a trade, or of one that is not there any more, it is a review. */
export const explanations = (table: SourceTable): TableMapping => ({
  columns: COLUMNS,
  as: 'import',
  time: 'created_at',
  map(given, owners, reading) {
    const values = new Values(given);
    const [trade, prediction] = [values.text('trade_id'), values.text('prediction_id')];
    if (trade === null) reading.note('TRADE_MISSING', 'it names no trade; a review, of nothing in particular');
    return {
      rows: [{
        table: 'trade_explanations',
        values: {
          id: owners.id(table.name, reading.id), agent_id: owners.agent(SIMULATION).agentId, trade_id: trade === null ? null : new Ref('trades', trade, { kind: 'review' }),
          prediction_id: prediction === null ? null : new Ref('predictions', prediction), kind: trade === null ? 'review' : 'entry', explanation: values.need('explanation'),
          confidence_factors: factorsIn(values.json('confidence_factors'), 'confidence_factors', reading), risk_factors: factorsIn(values.json('risk_factors'), 'risk_factors', reading),
          llm_model: values.text('llm_model'), created_at: values.text('created_at') ?? owners.at,
        },
      }],
    };
  },
});

/** Ours are an object, or a list of sentences. */
function factorsIn(value: unknown, name: string, reading: Reading): Json | null {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value) ? value.every((each) => typeof each === 'string') : typeof value === 'object') return new Json(value);
  reading.note('FACTORS_WRAPPED', `${name} is neither an object nor a list of texts; it stands under \`factors\``);
  return new Json({ factors: value });
}
