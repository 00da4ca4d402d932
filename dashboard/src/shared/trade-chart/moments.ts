import type { ItemOf } from '../../api/queries.js';
import type { Candle, Level, Moment, Point } from '../../kit/chart/chart-data.js';
import { written } from '../../kit/decimal.js';

type Trade = ItemOf<'/api/v1/trades'>;
type Fill = ItemOf<'/api/v1/trades/{tradeId}/fills'>;
type Mark = ItemOf<'/api/v1/trades/{tradeId}/marks'>;

/** Each fill where it was; without any, what was told of the entry and the exit. */
export function momentsOf(trade: Trade, fills: readonly Fill[]): Moment[] {
  const buys = (role: 'entry' | 'exit') => (role === 'entry') === (trade.direction === 'long');
  const look = (role: 'entry' | 'exit') => ({ shape: buys(role) ? 'arrowUp' as const : 'arrowDown' as const, colour: role === 'entry' ? 'accent' as const : 'text' as const });
  const parts = (role: 'entry' | 'exit') => fills.filter((fill) => fill.role === role).length > 1;
  const filled = fills.map(({ role, at, price, size, exitReason }): Moment => ({
    at, price, sign: `${role}${parts(role) ? ` ${written(size)}` : ''}`, text: `${role} of ${written(size)}${exitReason ? ` by ${exitReason.replaceAll('_', ' ')}` : ''}`, ...look(role),
  }));
  const isFilled = (role: string) => fills.some((fill) => fill.role === role);
  return [
    ...(trade.entryTime !== null && !isFilled('entry') ? [{ at: trade.entryTime, price: trade.entryPrice, sign: 'entry', text: 'entry, as told', ...look('entry') }] : []),
    ...filled,
    ...(trade.exitTime !== null && !isFilled('exit') ? [{ at: trade.exitTime, price: trade.exitPrice, sign: 'exit', text: `exit, as told${trade.exitReason ? `, by ${trade.exitReason.replaceAll('_', ' ')}` : ''}`, ...look('exit') }] : []),
  ];
}

export function levelsOf(trade: Trade): Level[] {
  const moved = trade.initialStopLoss !== null && trade.initialStopLoss !== trade.stopLoss;
  return [
    ...(trade.entryPrice === null ? [] : [{ name: 'entry', price: trade.entryPrice, colour: 'accent' as const }]),
    ...(trade.stopLoss === null ? [] : [{ name: 'stop', price: trade.stopLoss, colour: 'danger' as const }]),
    ...(moved ? [{ name: 'first stop', price: trade.initialStopLoss!, colour: 'quiet' as const }] : []),
    ...(trade.takeProfit ?? []).map(({ price }, n) => ({ name: trade.takeProfit!.length > 1 ? `target ${n + 1}` : 'target', price, colour: 'text' as const })),
  ];
}

/** What a long could have been sold at, what a short could have been bought back at. */
const priceSeen = (trade: Pick<Trade, 'direction'>, mark: Mark): string => (trade.direction === 'long' ? mark.bid : mark.ask);

/** Marks by the candle that they fell in, the last of each: one a second would leave no room for the candles. */
export function marksOn(trade: Trade, marks: readonly Mark[], candles: readonly Candle[]): Point[] {
  const points = [...marks].map((mark) => ({ at: mark.quotedAt, value: priceSeen(trade, mark) })).sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  if (candles.length === 0) return points;
  const times = candles.map(({ at }) => Date.parse(at));
  const kept = new Map<string, string>();
  let candle = 0;
  for (const { at, value } of points) {
    while (candle + 1 < times.length && times[candle + 1]! <= Date.parse(at)) candle += 1;
    if (Date.parse(at) >= times[candle]!) kept.set(candles[candle]!.at, value);
  }
  return [...kept].map(([at, value]) => ({ at, value }));
}
