import { Decimal } from 'decimal.js';
import type { TradeRowGiven } from './trade-rows.js';

/** Far more digits than any figure is shown with. */
const D = Decimal.clone({ precision: 150, toExpNeg: -200, toExpPos: 200 });
const text = (value: Decimal | null): string | null => value?.toDecimalPlaces(18, Decimal.ROUND_HALF_UP).plus(0).toFixed() ?? null;

export interface ModelTrade extends TradeRowGiven {
  id: string;
  /** Position in the order of recording. */
  n: number;
}

const sum = (values: Decimal[]) => values.reduce((total, value) => total.plus(value), new D(0));
const average = (values: Decimal[]) => (values.length === 0 ? null : sum(values).div(values.length));
const netOf = ({ grossProfit, commission, swap, fee }: TradeRowGiven) => (grossProfit == null ? null : sum([grossProfit, commission ?? 0, swap ?? 0, fee ?? 0].map((each) => new D(each))));

const byExit = (trades: ModelTrade[]) =>
  trades.filter(({ status }) => status === 'closed').sort((a, b) => Date.parse(a.exitTime ?? '') - Date.parse(b.exitTime ?? '') || a.n - b.n);

/** The points of an equity curve, one after the other. */
export function curveOf(trades: ModelTrade[]) {
  let [cumulative, peak] = [new D(0), new D(0)];
  return byExit(trades).map((trade) => {
    const net = netOf(trade);
    cumulative = cumulative.plus(net ?? 0);
    peak = D.max(peak, cumulative);
    return { at: new Date(trade.exitTime ?? '').toISOString(), tradeId: trade.id, netProfit: text(net), cumulative: text(cumulative), peak: text(peak), drawdown: text(peak.minus(cumulative)) };
  });
}

function streaksOf(trades: ModelTrade[]) {
  const longest = { won: 0, lost: 0 };
  let [won, lost] = [0, 0];
  for (const trade of byExit(trades)) {
    const sign = netOf(trade)?.comparedTo(0) ?? 0;
    if (sign === 0 || trade.origin === 'external') continue;
    [won, lost] = sign > 0 ? [won + 1, 0] : [0, lost + 1];
    longest.won = Math.max(longest.won, won);
    longest.lost = Math.max(longest.lost, lost);
  }
  return longest;
}

function sharpeOf(nets: Decimal[]): Decimal | null {
  const mean = average(nets);
  if (mean === null || nets.length < 2 || nets.every((net) => net.eq(nets[0] ?? 0))) return null;
  const variance = sum(nets.map((net) => net.minus(mean).pow(2))).div(nets.length - 1);
  return mean.div(variance.sqrt());
}

/** What the statistics of one book must say, step by step and without SQL. */
export function figuresOf(trades: ModelTrade[]) {
  const closed = byExit(trades);
  const priced = closed.filter(({ grossProfit }) => grossProfit != null);
  const nets = priced.flatMap((trade) => netOf(trade) ?? []);
  const [wins, losses] = [nets.filter((net) => net.gt(0)), nets.filter((net) => net.lt(0))];
  const known = (value: () => Decimal) => (closed.length > 0 && priced.length === 0 ? null : text(value()));
  const curve = curveOf(trades);
  const streaks = streaksOf(trades);
  const held = closed.flatMap(({ entryTime, exitTime }) => (entryTime != null && Date.parse(entryTime) <= Date.parse(exitTime ?? '') ? [new D(Date.parse(exitTime ?? '') - Date.parse(entryTime)).div(1_000)] : []));
  const gross = sum(priced.map(({ grossProfit }) => new D(grossProfit ?? 0)));
  const ofPeak = curve.filter(({ peak }) => peak !== '0').map(({ peak, drawdown }) => new D(drawdown ?? 0).div(peak ?? 1));
  return {
    closedTrades: closed.length, wins: wins.length, losses: losses.length, breakeven: nets.length - wins.length - losses.length, unpricedTrades: closed.length - priced.length,
    winRate: wins.length + losses.length === 0 ? null : text(new D(wins.length).div(wins.length + losses.length)),
    grossProfit: known(() => gross), costs: known(() => sum(nets).minus(gross)), netProfit: known(() => sum(nets)),
    profitFactor: losses.length === 0 ? null : text(sum(wins).div(sum(losses).neg())),
    averageWin: text(average(wins)), averageLoss: text(average(losses)), expectancy: text(average(nets)),
    largestWin: wins.length === 0 ? null : text(D.max(...wins)), largestLoss: losses.length === 0 ? null : text(D.min(...losses)),
    longestWinStreak: streaks.won, longestLossStreak: streaks.lost,
    averageHoldingSeconds: average(held)?.toDecimalPlaces(3, Decimal.ROUND_HALF_UP).toNumber() ?? null,
    maxDrawdownAmount: known(() => D.max(0, ...curve.map(({ drawdown }) => drawdown ?? '0'))),
    maxDrawdownOfPeakFraction: ofPeak.length === 0 ? null : text(D.max(...ofPeak)),
    sharpePerTrade: text(sharpeOf(nets)),
    firstExitAt: curve.at(0)?.at ?? null, lastExitAt: curve.at(-1)?.at ?? null,
  };
}
