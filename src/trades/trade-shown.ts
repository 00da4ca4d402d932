import type { Decimal } from 'decimal.js';
import { z } from 'zod';
import { DECIMAL_PLACES_MAX, Exact } from '../common/decimal.js';
import { decimalText } from '../common/fields.js';
import type { TradeRow } from './trades.repository.js';

const text = (value: Decimal | null): string | null => value && value.toDecimalPlaces(DECIMAL_PLACES_MAX, Exact.ROUND_HALF_EVEN).plus(0).toFixed();
const exact = (value: string | null): Decimal | null => (value === null ? null : new Exact(value));
const negated = (value: Decimal | null): Decimal | null => value && value.neg();
const atLeast0 = (value: Decimal | null): Decimal | null => value && Exact.max(value, 0);

const size = (meaning: string) => decimalText().describe(`${meaning}, in the unit of lotSize`);
const price = (meaning: string) => decimalText().nullable().describe(`${meaning}, as a price`);
const amount = (meaning: string) => decimalText().nullable().describe(`${meaning}, in the account's currency`);
const TERMS = "null while the instrument's terms are not known";

/** What follows from fills and marks. Amounts take the instrument's terms as they stood at the trade's last change. */
export const shownFiguresShape = {
  enteredSize: size('sum of the entry fills; without one, lotSize once it was told open'),
  exitedSize: size('sum of the exit fills; without one, all of it once it was told closed'),
  openSize: size('what may still be closed: entered less exited while it is open, closing or unknown, and never below zero'),
  overfilledSize: size('what was exited beyond what was entered: above zero, an entry fill is missing'),
  profitSource: z.enum(['broker', 'told', 'computed', 'assumed']).nullable()
    .describe('where grossProfit is from: the fills, a transition, our own calculation, or the same by assumed terms (never in live); null: not known'),
  computedProfit: amount(`grossProfit of what was exited by our own calculation; ${TERMS}`),
  profitDifference: amount('grossProfit less computedProfit; null without both'),
  figuresAssumed: z.boolean().describe('amounts below are by assumed terms: 100,000 units a lot of a six-letter pair, 1 of anything else'),
  entrySlippage: price('entry less requested price over the fills that have both, weighted by size, positive: worse; null without one'),
  exitSlippage: price('the same of the exits'),
  initialStopLoss: price('the first stop that was told, at or before the entry; kept for ever; null without one'),
  initialRiskAmount: amount(`what was risked: entered size to the initial stop; of a binary contract size × price + fees of the entry fills; ${TERMS}, or without a stop`),
  rMultiple: decimalText().nullable().describe('netProfit / initialRiskAmount; null without both, or when nothing was risked'),
  highPrice: price('the highest of fills and marks between entry and exit, a long by the bid, a short by the ask; null before the entry'),
  lowPrice: price('the lowest'),
  maePrice: price('how far the price went against it at most, from the entry, at least 0'),
  mfePrice: price('how far it went in its favour at most'),
  maeAmount: amount(`maePrice of the entered size; ${TERMS}`),
  mfeAmount: amount(`mfePrice of the entered size; ${TERMS}`),
};

type ShownFigures = z.output<z.ZodObject<typeof shownFiguresShape>>;

/** A stop that was told after the entry came too late to be what was risked at first. */
function initialStopOf({ first_stop_loss, first_stop_at, entry_time }: Pick<TradeRow, 'first_stop_loss' | 'first_stop_at' | 'entry_time'>): string | null {
  return first_stop_at === null || entry_time === null || Date.parse(first_stop_at) <= Date.parse(entry_time) ? first_stop_loss : null;
}

export function toFigures(row: TradeRow): ShownFigures {
  const entered = exact(row.entered_size) ?? (row.entry_time === null ? new Exact(0) : new Exact(row.lot_size));
  const exited = exact(row.exited_size) ?? (row.status === 'closed' ? entered : new Exact(0));
  const entry = row.entry_time === null ? null : exact(row.entry_price);
  const stop = initialStopOf(row);
  const sign = row.direction === 'long' ? 1 : -1;
  // By what was paid, as an average has been rounded.
  const paid = entry && (exact(row.entry_paid) ?? entry.times(entered));
  const lossAt = (at: Decimal | null) => (paid && at && row.point_value !== null ? paid.minus(at.times(entered)).times(row.point_value).times(sign) : null);
  const fallTo = (at: Decimal | null) => entry && at && entry.minus(at).times(sign);
  const risk = exact(row.staked) ?? lossAt(exact(stop))?.abs() ?? null;
  const [low, high] = extremesOf(row);
  const [worst, best] = row.direction === 'long' ? [low, high] : [high, low];
  return {
    enteredSize: text(entered) ?? '0', exitedSize: text(exited) ?? '0', openSize: row.open_size, overfilledSize: text(Exact.max(exited.minus(entered), 0)) ?? '0',
    profitSource: row.gross_profit === null ? null : (row.profit_source ?? 'told'), computedProfit: row.computed_profit,
    profitDifference: row.gross_profit === null || row.computed_profit === null ? null : text(new Exact(row.gross_profit).minus(row.computed_profit)),
    figuresAssumed: row.point_value_assumed, entrySlippage: row.entry_slippage, exitSlippage: row.exit_slippage,
    initialStopLoss: stop, initialRiskAmount: text(risk),
    rMultiple: row.net_profit === null || risk === null || risk.isZero() ? null : text(new Exact(row.net_profit).div(risk)),
    highPrice: text(high), lowPrice: text(low),
    maePrice: text(atLeast0(fallTo(worst))), mfePrice: text(atLeast0(negated(fallTo(best)))), maeAmount: text(atLeast0(lossAt(worst))), mfeAmount: text(atLeast0(negated(lossAt(best)))),
  };
}

/** Marks that were kept while nobody knew of the entry say nothing. */
function extremesOf(row: TradeRow): [low: Decimal | null, high: Decimal | null] {
  if (row.entry_time === null) return [null, null];
  const [lows, highs] = [[row.price_low, row.mark_low], [row.price_high, row.mark_high]].map((each) => each.filter((value) => value !== null));
  return [lows?.length ? Exact.min(...lows) : null, highs?.length ? Exact.max(...highs) : null];
}
