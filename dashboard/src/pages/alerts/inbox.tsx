import { Link } from 'wouter';
import { useList } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { given, useFilter } from '../../kit/address.js';
import { type Column, DataTable } from '../../kit/data-table.js';
import { Code, Light } from '../../kit/figures.js';
import { FilterChoice, Filters, FilterText, FilterTime } from '../../kit/filters.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Age } from '../../kit/time.js';
import { SourceLink, useSources } from '../../shared/names.js';
import { RedriveMany } from './redrive-many.js';
import { type Alert, STATUS } from './words.js';

const COLUMNS: readonly Column<Alert>[] = [
  { name: 'Alert', cell: ({ id, symbol, isExit }) => <Link href={`/alerts/${id}`}>{symbol || 'no symbol'}{isExit ? ' · exit' : ''}</Link> },
  { name: 'Status', cell: ({ status }) => <Light tone={STATUS[status].tone}>{STATUS[status].word}</Light> },
  { name: 'Why', cell: ({ code, detail }) => (code ? <>{detail} <Code>{code}</Code></> : <span className="quiet">—</span>), wide: true },
  { name: 'Source', cell: ({ sourceId }) => <SourceLink id={sourceId} />, wide: true },
  { name: 'Duplicates', cell: ({ duplicateCount }) => duplicateCount, number: true, wide: true },
  { name: 'Received', cell: ({ receivedAt }) => <Age at={receivedAt} /> },
];

/** What is in quarantine stands first, whatever came since. */
export function Inbox() {
  const mayOperate = useMay('operator');
  const sources = useSources();
  const [status] = useFilter('status');
  const [sourceId] = useFilter('sourceId');
  const [symbol] = useFilter('symbol');
  const [from] = useFilter('from');
  const [to] = useFilter('to');
  const filter = { sourceId, symbol, from, to };
  const held = useList('/api/v1/alerts', { query: { ...given(filter), status: 'quarantined' } });
  const all = useList('/api/v1/alerts', { query: given({ ...filter, status }) as never });
  const isFiltered = Object.values({ ...filter, status }).some((value) => value !== '');
  return (
    <>
      <Panel title="In quarantine" actions={mayOperate ? <RedriveMany filter={filter} status={status} /> : null}>
        <Fresh query={held.query}>{() => <DataTable label="Alerts in quarantine" columns={COLUMNS} rows={held.rows} rowKey={({ id }) => id} more={held.query} tone={() => 'danger'} empty="Nothing is in quarantine. What cannot be read or mapped comes here, and nothing is traded by it until it is mended and redriven." />}</Fresh>
      </Panel>
      <Panel title="All alerts">
        <Filters>
          <FilterChoice of="status" name="Status" choices={Object.entries(STATUS).map(([value, { word }]) => ({ value, name: word }))} />
          <FilterChoice of="sourceId" name="Source" choices={sources.map(({ id, name }) => ({ value: id, name }))} />
          <FilterText of="symbol" name="Symbol" upper />
          <FilterTime of="from" name="From" />
          <FilterTime of="to" name="To" />
        </Filters>
        <Fresh query={all.query}>{() => <DataTable label="Alerts" columns={COLUMNS} rows={all.rows} rowKey={({ id }) => id} more={all.query} empty={isFiltered ? 'No alert fits these filters.' : <>No alert has come. <Link href="/alerts/sources">Make a source</Link> and paste its text into TradingView.</>} />}</Fresh>
      </Panel>
    </>
  );
}
