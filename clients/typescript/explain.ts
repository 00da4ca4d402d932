import { Decimal } from 'decimal.js';
import { pipsText, priceText, type Instrument, type Points } from './instrument.js';
import type { ClosedTrade, ExitReason, Position } from './paper-broker.js';
import type { Reading } from './signals.js';
import { regimeOf, type Direction, type StrategyConfig } from './strategy.js';

/** A trade in words, and the figures behind the words one by one. */
export interface Explanation {
  kind: 'entry' | 'exit' | 'skip';
  explanation: string;
  confidenceFactors: Record<string, string>;
  riskFactors: Record<string, string>;
}

export interface EntryGrounds {
  position: Position;
  reading: Reading;
  config: StrategyConfig;
  spread: Points;
  confidence: string;
  /** How many past outcomes the confidence rests on. */
  outcomes: number;
}

/** The rule that fired, with its numbers. */
export function becauseOf({ reading, config }: Pick<EntryGrounds, 'reading' | 'config'>, direction: Direction, instrument: Instrument): string {
  const long = direction === 'long';
  const average = (points: number) => priceText(Math.round(points), instrument);
  return [
    `the ${config.fastPeriod}-candle average (${average(reading.fast)}) crossed ${long ? 'above' : 'below'}`,
    `the ${config.slowPeriod}-candle average (${average(reading.slow)}) and the RSI of ${reading.rsi.toFixed(1)}`,
    `${long ? 'is above 50 without being above' : 'is below 50 without being below'}`,
    `${long ? config.rsiLimit : 100 - config.rsiLimit}`,
  ].join(' ');
}

/** Why a trade was entered: the crossing, the strength, the price, what is risked for what. */
export function explainEntry(grounds: EntryGrounds, instrument: Instrument): Explanation {
  const { position, reading, config, spread, confidence, outcomes } = grounds;
  const price = (points: Decimal.Value) => priceText(points, instrument);
  const average = (points: number) => price(Math.round(points));
  // This agent enters with both.
  const [stop, target] = [position.stop!, position.target!];
  const risk = Math.abs(position.entry - stop);
  const reward = Math.abs(target - position.entry);
  const explanation = [
    `Went ${position.direction} ${position.lotSize} lots of ${instrument.symbol} at ${price(position.entry)},`,
    `because ${becauseOf(grounds, position.direction, instrument)}.`,
    `The stop at ${price(stop)} risks ${pipsText(risk, instrument)} pips`,
    `(${config.stopAtr} average ranges of ${pipsText(Math.round(reading.atr), instrument)} pips, at least three spreads)`,
    `for ${pipsText(reward, instrument)} pips to the target at ${price(target)}.`,
  ].join(' ');
  return {
    kind: 'entry',
    explanation,
    confidenceFactors: {
      confidence,
      outcomesCounted: String(outcomes),
      fastAverage: average(reading.fast),
      slowAverage: average(reading.slow),
      rsi: reading.rsi.toFixed(1),
      marketRegime: regimeOf(reading),
    },
    riskFactors: {
      stopPips: pipsText(risk, instrument),
      targetPips: pipsText(reward, instrument),
      spreadPips: pipsText(spread, instrument),
      averageRangePips: pipsText(Math.round(reading.atr), instrument),
    },
  };
}

const BECAUSE: Record<ExitReason, string> = {
  stop: 'the price reached the stop',
  target: 'the price reached the target',
  signal: 'the averages crossed the other way',
  trailing: 'the price reached the trailing stop',
  supervisor: 'the supervisor closed it by a rule of its strategy',
  stop_out: 'the broker closed it for want of margin',
  operator: 'an operator closed it',
  external: 'a person closed it at the broker',
  flatten: 'everything was to be closed',
  square_off: 'the candles of the replay came to their end',
};

/** Why a trade was left, and what it brought, with the sum that a reader can do again. */
export function explainExit(trade: ClosedTrade, heldCandles: number, instrument: Instrument): Explanation {
  const { position } = trade;
  const long = position.direction === 'long';
  const price = (points: Decimal.Value) => priceText(points, instrument);
  // The mean of several exits may have any number of digits.
  const [entry, exit] = [price(position.entry), price(new Decimal(trade.exit).toDecimalPlaces(2))];
  const moved = long ? new Decimal(trade.exit).minus(position.entry) : new Decimal(position.entry).minus(trade.exit);
  const level = trade.reason === 'stop' ? position.stop : trade.reason === 'target' ? position.target : null;
  const gap = level !== null && !new Decimal(trade.exit).eq(level) ? ` (${price(level)}, jumped over by a gap)` : '';
  const difference = long ? `${exit} - ${entry}` : `${entry} - ${exit}`;
  const sum = `(${difference}) x ${position.lotSize} lots x ${instrument.contractSize}`;
  const converted = instrument.usdIsBase ? ` / ${exit}` : '';
  const costs = Number(trade.commission) === 0 ? '' : `, less ${trade.commission} commission`;
  const explanation = [
    `Left the ${position.direction} trade at ${exit} after ${heldCandles} ${heldCandles === 1 ? 'candle' : 'candles'},`,
    `because ${BECAUSE[trade.reason]}${gap}: ${pipsText(moved.toNumber(), instrument)} pips.`,
    `${sum}${converted} = ${trade.gross} USD${costs}, so ${trade.net} USD net.`,
  ].join(' ');
  return {
    kind: 'exit',
    explanation,
    confidenceFactors: { exitReason: trade.reason, pips: pipsText(moved.toNumber(), instrument) },
    riskFactors: { heldCandles: String(heldCandles), gross: trade.gross, commission: trade.commission, net: trade.net },
  };
}
