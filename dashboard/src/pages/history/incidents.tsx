import { Link } from 'wouter';
import { type ItemOf, useList } from '../../api/queries.js';
import { given, useFilter } from '../../kit/address.js';
import { type Column, DataTable } from '../../kit/data-table.js';
import { Code, Light, type Tone } from '../../kit/figures.js';
import { FilterChoice, Filters } from '../../kit/filters.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { titleOf } from '../../kit/schema.js';
import { Age } from '../../kit/time.js';
import { AgentLink, useAccounts, useAgents } from '../../shared/names.js';

export type Incident = ItemOf<'/api/v1/incidents'>;

export const SEVERITIES: Record<Incident['severity'], Tone> = { critical: 'danger', warning: 'doubt', info: 'off' };
export const STATUSES: Record<Incident['status'], string> = { open: 'open', acknowledged: 'seen by a person', resolved: 'over' };

const KINDS: readonly Incident['kind'][] = [
  'NOT_IN_CONTROL', 'UNGATED_TRADE', 'CLOSURE_NOT_UNDER_CONTROL', 'COMMAND_UNKNOWN', 'CLOSE_REJECTED', 'STOP_MISSING', 'EXTERNAL_POSITION', 'EXTERNAL_ORDER', 'POSITION_MISSING', 'POSITION_MISMATCH', 'ACCOUNT_MISMATCH', 'INSTANCE_CONFLICT',
  'BREAKER_TRIPPED', 'OPENING_NOT_SHOWN', 'TRADE_DOUBTFUL', 'VERSION_CHANGED', 'UNEXPLAINED_BALANCE', 'WIND_DOWN', 'MARKS_STALE', 'SPREAD_WIDE', 'SIGNAL_POSITION_MISMATCH', 'ALERT_QUARANTINED', 'SIGNAL_SILENCE',
];

const COLUMNS: readonly Column<Incident>[] = [
  { name: 'Incident', cell: ({ id, summary, kind }) => <><Link href={`/history/incidents/${id}`}>{summary}</Link> <Code>{kind}</Code></> },
  { name: 'How bad', cell: ({ severity }) => <Light tone={SEVERITIES[severity]}>{severity}</Light> },
  { name: 'Is', cell: ({ status }) => STATUSES[status] },
  { name: 'Agent', cell: ({ agentId }) => <AgentLink id={agentId} />, wide: true },
  { name: 'Times', cell: ({ occurrences }) => occurrences, number: true, wide: true },
  { name: 'Since', cell: ({ openedAt }) => <Age at={openedAt} /> },
];

export function Incidents() {
  const [status] = useFilter('status');
  const [severity] = useFilter('severity');
  const [kind] = useFilter('kind');
  const [agentId] = useFilter('agentId');
  const [accountId] = useFilter('accountId');
  const { query, rows } = useList('/api/v1/incidents', { query: given({ status, severity, kind, agentId, accountId }) as never });
  return (
    <Panel title="Incidents">
      <Filters>
        <FilterChoice of="status" name="Is" choices={Object.entries(STATUSES).map(([value, name]) => ({ value, name }))} />
        <FilterChoice of="severity" name="How bad" choices={['critical', 'warning', 'info'].map((value) => ({ value, name: value }))} />
        <FilterChoice of="kind" name="Kind" choices={KINDS.map((value) => ({ value, name: titleOf(value) }))} />
        <FilterChoice of="agentId" name="Agent" choices={useAgents().map(({ id, name }) => ({ value: id, name }))} />
        <FilterChoice of="accountId" name="Account" choices={useAccounts().map(({ id, name }) => ({ value: id, name }))} />
      </Filters>
      <Fresh query={query}>{() => <DataTable label="Incidents" columns={COLUMNS} rows={rows} rowKey={({ id }) => id} more={query} tone={({ status: is, severity: how }) => (is === 'open' && how === 'critical' ? 'danger' : is === 'open' && how === 'warning' ? 'doubt' : undefined)} empty="No incident fits." />}</Fresh>
    </Panel>
  );
}
