import { useEffect, useMemo } from 'react';
import { Link } from 'wouter';
import { useGet, useList } from '../../api/queries.js';
import { useFilter } from '../../kit/address.js';
import { Chart } from '../../kit/chart/chart.js';
import { type ChartData, withMoments } from '../../kit/chart/chart-data.js';
import { Figure, Mode, Money } from '../../kit/figures.js';
import { Empty, Fresh, Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { dayWindow } from '../../shared/day-window.js';
import { type CurveMark, CurveMarks, KINDS, labelOf } from './curve-marks.js';
import css from './trades.module.css';
import { type Book, BookChoice, useBook } from './shown-book.js';
import { TradeFilters } from './trade-filters.js';

/** Beyond this the canvas has more points than pixels, and the page would ask on for minutes. */
const POINTS_MOST = 10_000;

export function EquityCurve() {
  const book = useBook();
  if (!book) return <Empty>There is no account yet. <Link href="/start">The first run</Link> makes one.</Empty>;
  return (
    <>
      <div className={css.choices}><BookChoice book={book} /><TradeFilters names={['from', 'to']} of="exit" /></div>
      <Curve key={`${book.accountId} ${book.mode}`} book={book} />
    </>
  );
}

function Curve({ book: { accountId, mode } }: { book: Book }) {
  const [from] = useFilter('from');
  const [to] = useFilter('to');
  const window = dayWindow(from, to);
  const { query, rows } = useList('/api/v1/trades/equity-curve', { query: { accountId, executionMode: mode as 'live', ...window, limit: 500 } as never });
  const marks = useGet('/api/v1/reports/curve-marks', { query: { account: accountId, mode: mode as 'live', ...window } });
  const isShort = query.hasNextPage && rows.length < POINTS_MOST;
  useEffect(() => {
    if (isShort && !query.isFetching) void query.fetchNextPage();
  }, [isShort, query]);
  const [hidden] = useFilter('hide');
  const items = marks.data?.items ?? [];
  const shown = useMemo(() => items.filter(({ kind }) => !hidden.split(' ').includes(kind)), [items, hidden]);
  const data = useMemo(() => dataOf(rows, shown), [rows.length, rows.at(-1)?.tradeId, rows.at(-1)?.cumulative, shown]);
  const head = query.data?.pages[0] as unknown as { account: string; currency: string } | undefined;
  const last = rows.at(-1);
  const unpriced = rows.filter(({ netProfit }) => netProfit === null).length;
  return (
    <Panel title={head ? `${head.account}: sum of the net profits of closed trades` : 'Sum of the net profits of closed trades'} actions={<Mode mode={mode} />}>
      <Fresh query={query}>{() => (last === undefined
        ? <Empty>No trade of this book was closed in this time. Choose another account or mode above.</Empty>
        : (
          <div className="stack">
            <div className={css.totals}>
              <Figure name="Net profit"><Money value={last.cumulative} currency={head?.currency} signed /></Figure>
              <Figure name="Below its peak now"><Money value={last.drawdown} currency={head?.currency} /></Figure>
              <Figure name="Closed trades" note={unpriced > 0 ? <span className="doubt">▲ the profit of {unpriced} is not known, and not in the sum</span> : undefined}>{rows.length}{query.hasNextPage ? '+' : ''}</Figure>
            </div>
            {isShort ? <p className="quiet small" role="status">Reading more of the curve …</p> : query.hasNextPage ? <p className="doubt">▲ The first {rows.length} exits are shown; choose a later beginning to see the rest.</p> : null}
            <Chart label={`Sum of net profits of ${head?.account ?? 'the account'}, ${mode}`} data={data} unit={head?.currency} />
            <p className="small quiet">Exit by exit; not the equity that agents report, and without money paid in or out.</p>
          </div>
        ))}</Fresh>
      <ProblemNote error={marks.error} holds="The curve stands; what happened beside it is not known." />
      {marks.data ? <CurveMarks items={items} cut={marks.data.cut} /> : null}
    </Panel>
  );
}

function dataOf(rows: readonly { at: string; cumulative: string }[], marks: readonly CurveMark[]): ChartData {
  const moments = marks.map(({ at, kind, label }) => ({ at, sign: KINDS[kind].sign, text: labelOf(kind, label), colour: KINDS[kind].colour, shape: KINDS[kind].shape }));
  const points = withMoments(rows.map(({ at, cumulative }) => ({ at, value: cumulative })), moments, '0');
  return { lines: [{ name: 'Sum of net profits', points, colour: 'accent', steps: true }], moments };
}
