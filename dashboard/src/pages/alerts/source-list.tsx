import { Link } from 'wouter';
import { useGet, useList } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { given, useFilter } from '../../kit/address.js';
import { DataTable } from '../../kit/data-table.js';
import { Light, Unknown } from '../../kit/figures.js';
import { FilterChoice, Filters } from '../../kit/filters.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Age, span, useNow } from '../../kit/time.js';
import { AgentLink } from '../../shared/names.js';
import { ACTIONS, type Source } from './words.js';

/** The newest that a source has sent. Duplicates are counted over these. */
const LOOKED_AT = 50;
const useLastAlerts = (sourceId: string) => useGet('/api/v1/alerts', { query: { sourceId, limit: LOOKED_AT } }, { every: 60_000 });

export function LastAlert({ sourceId }: { sourceId: string }) {
  const { data, error } = useLastAlerts(sourceId);
  if (!data) return <Unknown why={error?.message ?? 'it is being read'} />;
  const last = data.items[0];
  return last ? <Link href={`/alerts/${last.id}`}><Age at={last.receivedAt} /></Link> : <span className="quiet">never</span>;
}

export function Duplicates({ sourceId }: { sourceId: string }) {
  const { data, error } = useLastAlerts(sourceId);
  if (!data) return <Unknown why={error?.message ?? 'it is being read'} />;
  return <>{data.items.reduce((sum, { duplicateCount }) => sum + duplicateCount, 0)}</>;
}

/** Silent for longer than was expected, counted as the server counts: from the last alert, or the last change of the source. */
export function Silence({ source }: { source: Source }) {
  const now = useNow();
  const { data } = useLastAlerts(source.id);
  const expected = source.route.expectSignalWithin;
  if (source.retired) return <Light tone="off">retired</Light>;
  if (expected === null) return <span className="quiet">nothing is expected</span>;
  if (!data) return <Unknown why="the last alert is not known" />;
  const heard = Math.max(Date.parse(source.updatedAt), ...data.items.slice(0, 1).map(({ receivedAt }) => Date.parse(receivedAt)));
  const silent = (now - heard) / 1_000;
  return silent > expected ? <Light tone="danger">silent for {span(silent)}</Light> : <Light tone="good">within {span(expected)}</Light>;
}

export function SourceList() {
  const mayAdmin = useMay('admin');
  const [retired] = useFilter('retired', 'false');
  const [action] = useFilter('action');
  const { query, rows } = useList('/api/v1/webhook-sources', { query: given({ retired: retired === 'all' ? '' : retired, action }) as never });
  return (
    <Panel title="Sources" actions={mayAdmin ? <Link className="button" href="/alerts/sources/new">Make a source</Link> : null}>
      <Filters>
        <FilterChoice of="action" name="What is done" choices={Object.entries(ACTIONS).map(([value, name]) => ({ value, name }))} />
        <FilterChoice of="retired" name="Kept" all="in use" choices={[{ value: 'all', name: 'all' }, { value: 'true', name: 'retired' }]} />
      </Filters>
      <Fresh query={query}>{() => (
        <DataTable label="Sources of alerts" rows={rows} rowKey={({ id }) => id} more={query} empty="There is no source. A source has an address of its own that TradingView posts its alerts to." columns={[
          { name: 'Source', cell: ({ id, name }) => <Link href={`/alerts/sources/${id}`}>{name}</Link> },
          { name: 'Silence', cell: (source) => <Silence source={source} /> },
          { name: 'Last alert', cell: ({ id }) => <LastAlert sourceId={id} /> },
          { name: `Duplicates in the last ${LOOKED_AT}`, cell: ({ id }) => <Duplicates sourceId={id} />, number: true, wide: true },
          { name: 'What is done', cell: ({ route }) => ACTIONS[route.action], wide: true },
          { name: 'By', cell: ({ route }) => <AgentLink id={route.executorAgentId} />, wide: true },
        ]} />
      )}</Fresh>
    </Panel>
  );
}
