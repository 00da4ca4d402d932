import { type ItemOf, useList } from '../../../api/queries.js';
import { DataTable } from '../../../kit/data-table.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { Time } from '../../../kit/time.js';
import { AccountName, Actor, AgentLink } from '../../../shared/names.js';
import { BreakerLink, Measured } from './breaker-words.js';

type BreakerEvent = ItemOf<'/api/v1/circuit-breakers/events'>;

/** What breakers did, and what agents told of their own. */
export function BreakerEvents({ type }: { type?: string }) {
  const { query, rows } = useList('/api/v1/circuit-breakers/events', { query: { ...(type && { type }) } });
  return (
    <Panel title="What they did">
      <Fresh query={query}>
        {() => (
          <DataTable label="What they did" rows={rows} rowKey={({ id }) => id} more={query} empty="No breaker has acted yet."
            columns={[
              { name: 'When', cell: ({ triggeredAt }) => <Time at={triggeredAt} /> },
              ...(type ? [] : [{ name: 'Breaker', cell: ({ breakerType, source }: BreakerEvent) => (source === 'server' ? <BreakerLink name={breakerType} /> : <>{breakerType} <span className="quiet small">the agent's own</span></>) }]),
              { name: 'What', cell: ({ action }) => action.replaceAll('_', ' ') },
              { name: 'Where', cell: (event) => <EventScope event={event} /> },
              { name: 'Value', number: true, wide: true, cell: ({ value, unit }) => <Measured value={value} unit={unit} why="not told" /> },
              { name: 'Limit', number: true, wide: true, cell: ({ limit, unit }) => <Measured value={limit} unit={unit} why="not told" /> },
              { name: 'Why', cell: ({ reason }) => reason },
              { name: 'Who', wide: true, cell: ({ reportedBy }) => <Actor who={reportedBy} /> },
            ]}
          />
        )}
      </Fresh>
    </Panel>
  );
}

function EventScope({ event: { scope, accountId } }: { event: BreakerEvent }) {
  if (scope.type === 'agent') return <AgentLink id={scope.id} />;
  if (scope.type === 'account') return <AccountName id={scope.id} />;
  return scope.type === 'symbol' ? <>{scope.id}{accountId ? <> on <AccountName id={accountId} /></> : null}</> : <>{scope.id ?? 'everything'}</>;
}
