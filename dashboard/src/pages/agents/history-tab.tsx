import { Link } from 'wouter';
import { useList } from '../../api/queries.js';
import { DataTable } from '../../kit/data-table.js';
import { Facts } from '../../kit/facts.js';
import { Code, Unknown } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { span, Time } from '../../kit/time.js';
import { Actor } from '../../shared/names.js';
import type { Agent } from '../../shared/agents/agent-words.js';
import { type StoredEvent, useStoredEvents } from './stored-events.js';

const VERSIONS: Record<string, string> = { configHash: 'configuration', modelVersion: 'version', promptHash: 'prompt' };

const WORDS: Record<string, (data: Record<string, unknown>) => string> = {
  'agent.created': ({ mode }) => `made, in mode ${String(mode)}`,
  'agent.changed': ({ fields }) => `changed: ${Array.isArray(fields) ? fields.join(', ') : 'settings'}`,
  'agent.retired': () => 'retired',
  'agent.run_set': ({ run, code }) => `is to be ${String(run)} (${String(code)})`,
  'agent.status_changed': ({ from, to }) => `says ${String(to)}, before ${String(from ?? 'nothing')}`,
  'agent.version_changed': ({ field, model, from, to }) => `${VERSIONS[String(field)] ?? 'version'}${model === undefined ? '' : ` of ${String(model)}`} ${String(to)}, before ${String(from)}`,
  'agent.instance_conflict': ({ holder, refused }) => `two copies at once: ${String(holder)} trades, ${String(refused)} is refused`,
  'agent.account_differs': ({ fields }) => `trades on another account than the registered one: ${Array.isArray(fields) ? fields.join(', ') : ''}`,
  'agent.executors_changed': () => 'may propose for others than before',
  'key.created': ({ name }) => `got the key ${String(name ?? '')}`,
  'key.revoked': ({ name }) => `lost ${name ? `the key ${String(name)}` : 'a key'}`,
};

/** What is stored of the agent itself: its runs, its changes, its keys and its versions. */
export function HistoryTab({ agent }: { agent: Agent }) {
  const events = useStoredEvents(agent.id);
  return (
    <div className="stack">
      <Versions agent={agent} />
      <Panel title="Events">
        <Fresh query={events} every={60_000}>
          {(rows) => (
            <DataTable<StoredEvent>
              label="Events" rows={rows} rowKey={({ seq }) => String(seq)} empty="Nothing is stored of this agent."
              columns={[
                { name: 'At', cell: ({ at }) => <Time at={at} /> },
                { name: 'What', cell: ({ type, data }) => <>{WORDS[type]?.(data) ?? type} <Code>{type}</Code></> },
                { name: 'By', wide: true, cell: ({ actor }) => <Actor who={actor} /> },
              ]}
            />
          )}
        </Fresh>
        <p className="small quiet">The last 300. Commands have a list of their own, decisions are in the <Link href={`/history/decisions?agentId=${agent.id}`}>history of decisions</Link>.</p>
      </Panel>
    </div>
  );
}

/** Ideas keep the version that proposed them. */
function Versions({ agent: { id, state } }: { agent: Agent }) {
  const { query, rows } = useList('/api/v1/trade-ideas', { query: { agentId: id, limit: 200 } });
  const seen = new Map<string, { first: string; last: string; ideas: number }>();
  for (const { agentVersion, createdAt, proposerAgentId } of rows) {
    if (agentVersion === null || proposerAgentId !== id) continue;
    const known = seen.get(agentVersion);
    seen.set(agentVersion, { first: createdAt, last: known?.last ?? createdAt, ideas: (known?.ideas ?? 0) + 1 });
  }
  return (
    <Panel title="Versions and uptime">
      <Facts of={[
        ['Version now', state.agentVersion ?? <Unknown key="v" why="it did not tell" />],
        ['Up since', state.startedAt === null ? <Unknown key="u" why="it was never heard" /> : <span key="u"><Time at={state.startedAt} /> {state.uptimeSeconds === null ? '(not online now)' : `(${span(state.uptimeSeconds)})`}</span>],
      ]} />
      <Fresh query={query}>
        {() => (
          <DataTable
            label="Versions" rows={[...seen]} rowKey={([version]) => version} empty="None of its last 200 ideas names a version."
            columns={[
              { name: 'Version', cell: ([version]) => version }, { name: 'Ideas', number: true, cell: ([, { ideas }]) => ideas },
              { name: 'First', cell: ([, { first }]) => <Time at={first} /> }, { name: 'Last', cell: ([, { last }]) => <Time at={last} /> },
            ]}
          />
        )}
      </Fresh>
    </Panel>
  );
}
