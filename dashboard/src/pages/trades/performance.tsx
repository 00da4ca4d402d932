import { Link } from 'wouter';
import { type AnswerOf, useGet } from '../../api/queries.js';
import { given, useFilter } from '../../kit/address.js';
import { Field } from '../../kit/field.js';
import { Mode } from '../../kit/figures.js';
import { Empty, Fresh, Panel } from '../../kit/panel.js';
import { dayWindow } from '../../shared/day-window.js';
import { PerformanceTable } from './performance-table.js';
import { StatementNote } from './statement-note.js';
import { TradeFilters } from './trade-filters.js';
import css from './trades.module.css';

export type Report = AnswerOf<'/api/v1/reports/performance'>;
export type Grouping = Report['groupBy'];
export type PerformanceBook = Report['items'][number];

export const GROUPINGS: Record<Grouping, string> = {
  agent: 'Agent', version: 'Version of the agent', model: 'Model', strategy: 'Strategy', symbol: 'Symbol', exitReason: 'Reason of the exit', hour: 'Hour of the entry', weekday: 'Day of the entry',
  regime: 'Market regime', confidenceDecile: 'Confidence',
};

export function Performance() {
  const [account] = useFilter('account');
  const [mode] = useFilter('mode');
  const [from] = useFilter('from');
  const [to] = useFilter('to');
  const [by, setBy] = useFilter('by', 'agent');
  const groupBy = (by in GROUPINGS ? by : 'agent') as Grouping;
  const query = useGet('/api/v1/reports/performance', { query: { groupBy, ...given({ account, mode }), ...dayWindow(from, to) } as never });
  return (
    <>
      <div className={css.choices}>
        <Field name="Grouped by">
          <select value={groupBy} onChange={({ target }) => setBy(target.value)}>{Object.entries(GROUPINGS).map(([key, name]) => <option key={key} value={key}>{name}</option>)}</select>
        </Field>
        <TradeFilters names={['account', 'mode', 'from', 'to']} of="exit" />
      </div>
      <Fresh query={query}>{({ items }) => (items.length === 0
        ? <Empty>Nothing was closed in this time. <Link href="/trades/performance">Show all time, all books</Link></Empty>
        : (
          <div className="stack">
            {items.map((book) => (
              <Panel key={`${book.accountId} ${book.executionMode}`} title={`${book.account}, in ${book.currency}`} actions={<Mode mode={book.executionMode} />}>
                <PerformanceTable book={book} groupBy={query.data!.groupBy} />
              </Panel>
            ))}
          </div>
        ))}</Fresh>
      <StatementNote />
    </>
  );
}
