import { z } from 'zod';
import { decimalText, symbol, text, uuid } from '../common/fields.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import type { PredictionFiguresRow } from './prediction-statistics.repository.js';

/** Every build of an agent may name a version of its own: the answer has an end, and says what it left out. */
export const MODELS_SHOWN_MAX = 500;

export const predictionStatisticsQuery = z.strictObject({
  agentId: uuid().optional(),
  symbol: symbol().optional(),
  model: text(100).optional(),
  modelVersion: text(100).optional(),
  ...timeWindow,
}).superRefine(inOrder);

const count = () => z.int();

const figures = {
  predictions: count(),
  byDirection: z.object({ long: count(), short: count(), hold: count() }),
  averageConfidence: decimalText().nullable().describe('rounded to 18 digits; null when there is no prediction'),
  minConfidence: decimalText().nullable(),
  maxConfidence: decimalText().nullable(),
  shouldTrade: count(),
  usedByAgent: count(),
  traded: count().describe('predictions that a trade names, whatever became of it; one with two trades counts once'),
  executionRate: decimalText().nullable().describe('traded / predictions, from 0 to 1; null when there is no prediction'),
};

export const predictionStatisticsSchema = z.object({
  ...figures,
  models: z.array(z.object({ model: z.string(), modelVersion: z.string().nullable(), ...figures })).describe(`the ${MODELS_SHOWN_MAX} with the most predictions`),
  modelsTotal: count().describe('models in their versions, also those not shown'),
}).meta({ id: 'PredictionStatistics' });

const toFigures = (row: PredictionFiguresRow) => ({
  predictions: row.predictions,
  byDirection: { long: row.long, short: row.short, hold: row.hold },
  averageConfidence: row.average_confidence,
  minConfidence: row.min_confidence,
  maxConfidence: row.max_confidence,
  shouldTrade: row.should_trade,
  usedByAgent: row.used_by_agent,
  traded: row.traded,
  executionRate: row.execution_rate,
});

export function toPredictionStatistics([overall, ...models]: PredictionFiguresRow[]): z.output<typeof predictionStatisticsSchema> {
  if (!overall?.overall) throw new Error('the sum over all predictions is missing');
  return {
    ...toFigures(overall),
    models: models.map((row) => ({ model: row.model ?? '', modelVersion: row.model_version, ...toFigures(row) })),
    modelsTotal: overall.rows - 1,
  };
}
