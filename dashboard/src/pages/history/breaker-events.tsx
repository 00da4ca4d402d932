import { Link } from 'wouter';
import { type ItemOf, useList } from '../../api/queries.js';
import { given, useFilter } from '../../kit/address.js';
import { type Column, DataTable } from '../../kit/data-table.js';
import { Amount, Light, type Tone } from '../../kit/figures.js';
import { FilterChoice, Filters, FilterText, FilterTime } from '../../kit/filters.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { titleOf } from '../../kit/schema.js';
import { Time } from '../../kit/time.js';
import { AccountName, Actor, AgentLink, useAgents } from '../../shared/names.js';

type BreakerEvent = ItemOf<'/api/v1/circuit-breakers/events'>;

const ACTIONS: Record<BreakerEvent['action'], Tone> = { triggered: 'danger', warned: 'doubt', recovered: 'good', reset: 'good' };

const COLUMNS: readonly Column<BreakerEvent>[] = [
  { name: 'Breaker', cell: ({ breakerType, source }) => (source === 'agent' ? <>{titleOf(breakerType)} <span className="small quiet">of the agent's own</span></> : <Link href={`/risk/breakers/${breakerType}`}>{titleOf(breakerType)}</Link>) },
  { name: 'Did', cell: ({ action }) => <Light tone={ACTIONS[action]}>{action}</Light> },
  { name: 'On', cell: ({ scope: { type, id }, agentId, accountId }) => (type === 'agent' && agentId ? <AgentLink id={agentId} /> : type === 'account' && accountId ? <AccountName id={accountId} /> : type === 'global' ? 'everything' : <>{type} {id}</>) },
  { name: 'Measured', cell: ({ value, unit }) => <Amount value={value} unit={unit ?? ''} why="it told no figure" />, number: true, wide: true },
  { name: 'Limit', cell: ({ limit, unit }) => <Amount value={limit} unit={unit ?? ''} why="it told no limit" />, number: true, wide: true },
  { name: 'Why', cell: ({ reason }) => reason ?? '—', wide: true },
  { name: 'By', cell: ({ reportedBy }) => <Actor who={reportedBy} />, wide: true },
  { name: 'At', cell: ({ triggeredAt }) => <Time at={triggeredAt} /> },
];

export function BreakerEvents() {
  const [type] = useFilter('type');
  const [action] = useFilter('action');
  const [scope] = useFilter('scope');
  const [agentId] = useFilter('agentId');
  const [from] = useFilter('from');
  const [to] = useFilter('to');
  const agents = useAgents();
  const { query, rows } = useList('/api/v1/circuit-breakers/events', { query: given({ type, action, scope, agentId, from, to }) as never });
  return (
    <Panel title="What circuit breakers did" actions={<Link href="/risk/breakers">Circuit breakers</Link>}>
      <Filters>
        <FilterText of="type" name="Breaker" />
        <FilterChoice of="action" name="Did" choices={Object.keys(ACTIONS).map((value) => ({ value, name: value }))} />
        <FilterChoice of="scope" name="On" choices={['global', 'account', 'agent', 'strategy', 'symbol'].map((value) => ({ value, name: value }))} />
        <FilterChoice of="agentId" name="Agent" choices={agents.map(({ id, name }) => ({ value: id, name }))} />
        <FilterTime of="from" name="From" />
        <FilterTime of="to" name="To" />
      </Filters>
      <Fresh query={query}>{() => <DataTable label="Events of circuit breakers" columns={COLUMNS} rows={rows} rowKey={({ id }) => id} more={query} empty="No circuit breaker did anything that fits." />}</Fresh>
    </Panel>
  );
}
