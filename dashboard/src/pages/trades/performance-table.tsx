import { Link } from 'wouter';
import { DataTable } from '../../kit/data-table.js';
import { roughly, written } from '../../kit/decimal.js';
import { Amount, Money, Percent } from '../../kit/figures.js';
import type { Grouping, PerformanceBook } from './performance.js';
import { GROUPINGS } from './performance.js';
import { short } from '../../shared/ratio.js';
import css from './trades.module.css';

type Figures = PerformanceBook['total'];
interface Row { key: string; name: React.ReactNode; figures: Figures; isTotal: boolean }

export function PerformanceTable({ book, groupBy }: { book: PerformanceBook; groupBy: Grouping }) {
  const { currency, total, groups, others } = book;
  const rows: Row[] = [
    ...groups.map((group) => ({ key: JSON.stringify([group.key, group.agentId, group.modelVersion]), name: nameOf(group, groupBy), figures: group, isTotal: false })),
    ...(others ? [{ key: 'others', name: `${others.groups} more, with fewer trades`, figures: others, isTotal: false }] : []),
    { key: 'total', name: <strong>All of this book</strong>, figures: total, isTotal: true },
  ];
  const most = Math.max(...rows.filter(({ isTotal }) => !isTotal).map(({ figures }) => Math.abs(roughly(figures.netProfit))).filter(Number.isFinite), 0);
  const unpriced = 'the profit of none of these is known';
  return (
    <>
      <DataTable label={`Performance of ${book.account} ${book.executionMode} by ${GROUPINGS[groupBy].toLowerCase()}`} rows={rows} rowKey={({ key }) => key} empty="Nothing." columns={[
        { name: GROUPINGS[groupBy], cell: ({ name }) => <span className={css.label}>{name}</span> },
        {
          name: 'Trades', number: true, cell: ({ figures: { trades, unpricedTrades } }) => (
            <><Amount value={trades} />{unpricedTrades > 0 ? <div className="doubt small">▲ {unpricedTrades} of unknown profit</div> : null}</>
          ),
        },
        { name: 'Net profit', number: true, cell: ({ figures: { netProfit } }) => <Money value={netProfit} currency={currency} signed why={unpriced} /> },
        { name: 'Compared', wide: true, cell: ({ figures: { netProfit }, isTotal }) => (isTotal ? null : <Compared value={netProfit} most={most} />) },
        { name: 'Won', number: true, wide: true, cell: ({ figures: { winFraction, wins, losses } }) => <><Percent fraction={winFraction === null ? null : short(winFraction)} why="neither a win nor a loss" /><div className="quiet small">{wins} of {wins + losses}</div></> },
        { name: 'A trade', number: true, wide: true, cell: ({ figures: { expectancy } }) => <Money value={expectancy === null ? null : short(expectancy)} currency={currency} signed why={unpriced} /> },
        { name: 'Profit factor', number: true, wide: true, cell: ({ figures: { profitFactor } }) => <Amount value={profitFactor === null ? null : short(profitFactor, 2)} why="no loss to divide by" /> },
        {
          name: 'Average R', number: true, wide: true, cell: ({ figures: { averageR, tradesWithR, trades } }) => (
            <>{averageR === null ? <Amount value={null} why="no trade with a stop at its entry" /> : written(short(averageR, 2), { sign: true })}{averageR !== null && tradesWithR < trades ? <div className="quiet small">of {tradesWithR}</div> : null}</>
          ),
        },
        { name: 'Costs', number: true, wide: true, cell: ({ figures: { costs } }) => <Money value={costs} currency={currency} why={unpriced} /> },
        { name: 'Best, worst', number: true, wide: true, cell: ({ figures: { bestTrade, worstTrade } }) => <><Extreme trade={bestTrade} /><Extreme trade={worstTrade} /></> },
      ]} />
      <p className="small quiet">Closed trades by their exit; hours and days are of the entry, in {book.zone}. Each book for itself: nothing is summed over accounts, currencies or modes.</p>
    </>
  );
}

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

function nameOf({ key, label, modelVersion }: PerformanceBook['groups'][number], by: Grouping): React.ReactNode {
  if (key === null) return <span className="quiet">not known, or has none</span>;
  if (by === 'agent') return <Link href={`/agents/${key}`}>{label ?? key}</Link>;
  if (by === 'strategy') return <Link href={`/risk/strategies/${key}`}>{label ?? key}</Link>;
  if (by === 'version') return `${label ?? 'agent'} ${key}`;
  if (by === 'model') return `${key}${modelVersion === null ? '' : ` ${modelVersion}`}`;
  if (by === 'hour') return `${key.padStart(2, '0')}:00 to ${key.padStart(2, '0')}:59`;
  if (by === 'weekday') return DAYS[Number(key) - 1] ?? key;
  if (by === 'confidenceDecile') return key === '9' ? '0.9 to 1' : `0.${key} to below 0.${Number(key) + 1}`;
  return key.replaceAll('_', ' ');
}

/** Lengths alone; the figure stands beside it. */
function Compared({ value, most }: { value: string | null; most: number }) {
  const part = most > 0 ? Math.abs(roughly(value)) / most : 0;
  if (!Number.isFinite(part)) return null;
  const isLoss = value?.startsWith('-') ?? false;
  return <div className={css.bar} aria-hidden="true"><span className={isLoss ? css.lost : css.won} style={{ width: `${Math.round(part * 50)}%` }} /></div>;
}

const Extreme = ({ trade }: { trade: Figures['bestTrade'] }) => (trade === null ? null : <div><Link href={`/trades/${trade.tradeId}`}><Money value={trade.netProfit} signed /></Link></div>);
