import { Link } from 'wouter';
import { type ItemOf, useList } from '../../api/queries.js';
import { given, useFilter } from '../../kit/address.js';
import { type Column, DataTable } from '../../kit/data-table.js';
import { Code, Light, type Tone, Unknown } from '../../kit/figures.js';
import { FilterChoice, Filters } from '../../kit/filters.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Raw } from '../../kit/raw.js';
import { Age, Time } from '../../kit/time.js';
import { Actor, AgentLink, useAgents } from '../../shared/names.js';

type Command = ItemOf<'/api/v1/commands'>;

const STATUSES: Record<Command['status'], { word: string; tone: Tone }> = {
  queued: { word: 'queued', tone: 'doubt' }, leased: { word: 'with the agent', tone: 'doubt' }, waiting_for_market: { word: 'waits for the market', tone: 'doubt' }, succeeded: { word: 'done', tone: 'good' },
  failed: { word: 'failed', tone: 'danger' }, dead: { word: 'given up', tone: 'danger' }, unknown: { word: 'not known', tone: 'danger' }, expired: { word: 'expired', tone: 'off' }, cancelled: { word: 'cancelled', tone: 'off' },
};
const TYPES: readonly Command['type'][] = ['open_trade', 'close_trade', 'modify_trade', 'cancel_order', 'start', 'stop', 'pause', 'resume', 'flatten', 'kill', 'reconcile', 'update_config', 'custom'];

const COLUMNS: readonly Column<Command>[] = [
  { name: 'Command', cell: ({ id, type }) => <Link href={`/why/${id}`}>{type.replaceAll('_', ' ')}</Link> },
  { name: 'Agent', cell: ({ agentId }) => <AgentLink id={agentId} /> },
  { name: 'Status', cell: ({ status, cancelRequested }) => <><Light tone={STATUSES[status].tone}>{STATUSES[status].word}</Light>{cancelRequested ? <span className="small quiet"> to be cancelled</span> : null}</> },
  { name: 'Tries', cell: ({ attempt, maxAttempts }) => `${attempt} of ${maxAttempts}`, number: true, wide: true },
  { name: 'Result', cell: ({ error, result, status }) => (error ? <Raw record={error} name="error" /> : result ? <Raw record={result} name="result" /> : status === 'unknown' ? <Unknown why="nobody knows whether it reached the broker" /> : <span className="quiet">—</span>), wide: true },
  { name: 'Sent by', cell: ({ createdBy, reason }) => <><Actor who={createdBy} />{reason ? <span className="small quiet"> {reason}</span> : null}</>, wide: true },
  { name: 'Sent', cell: ({ createdAt }) => <Age at={createdAt} /> },
  { name: 'Ended', cell: ({ finishedAt }) => <Time at={finishedAt} />, wide: true },
];

/** Of all agents; one agent's stand on its page, with its queue. */
export function Commands() {
  const [agentId] = useFilter('agentId');
  const [status] = useFilter('status');
  const [type] = useFilter('type');
  const agents = useAgents();
  const { query, rows } = useList('/api/v1/commands', { query: given({ agentId, status, type }) as never });
  return (
    <Panel title="Commands of all agents">
      <Filters>
        <FilterChoice of="status" name="Status" choices={Object.entries(STATUSES).map(([value, { word }]) => ({ value, name: word }))} />
        <FilterChoice of="type" name="Command" choices={TYPES.map((value) => ({ value, name: value.replaceAll('_', ' ') }))} />
        <FilterChoice of="agentId" name="Agent" choices={agents.map(({ id, name }) => ({ value: id, name }))} />
      </Filters>
      <Fresh query={query}>{() => <DataTable label="Commands" columns={COLUMNS} rows={rows} rowKey={({ id }) => id} more={query} tone={({ status: is }) => (is === 'unknown' ? 'danger' : undefined)} empty="No command fits." />}</Fresh>
      <p className="small quiet">Codes of commands: <Code>open_trade</Code> opens, <Code>close_trade</Code>, <Code>modify_trade</Code> and <Code>cancel_order</Code> work on what is there.</p>
    </Panel>
  );
}
