import type { RunMemory } from './agent-memory.js';
import type { Candle } from './candle-file.js';
import { predictionBody, type Stamp } from './facts.js';
import { CANDLE_SECONDS } from './market.js';
import type { Reading } from './signals.js';
import { regimeOf } from './strategy.js';
import { confidenceOf, HORIZON_CANDLES, type Claim } from './track-record.js';

/** What is claimed at this candle, with the confidence that its record gives it. */
export function predictionOf(run: RunMemory, claim: Claim, reading: Reading, candle: Candle, usedByAgent: boolean, stamp: Stamp): Record<string, unknown> {
  const confidence = confidenceOf(run.record, claim);
  const rest = (1 - Number(confidence)).toFixed(4);
  const direction = claim.endsWith('long') ? 'long' : 'short';
  const [probUp, probDown] = direction === 'long' ? [confidence, rest] : [rest, confidence];
  const horizonSeconds = HORIZON_CANDLES * CANDLE_SECONDS;
  const [marketRegime, marketPrice, cycle] = [regimeOf(reading), candle.close, run.cycleCount];
  return predictionBody({ direction, confidence, probUp, probDown, horizonSeconds, marketRegime, marketPrice, cycle, usedByAgent }, run.instrument, stamp);
}
