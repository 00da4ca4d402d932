import { Link } from 'wouter';
import { type Column, DataTable } from '../../kit/data-table.js';
import { Amount, Code, Light, Mode, Money } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { Age, span } from '../../kit/time.js';
import type { Overview } from '../../shared/overview.js';

type Agent = Overview['agents'][number];

const ONLINE = { online: 'good', suspect: 'doubt', offline: 'danger' } as const;
const WANTED_STATUS = { running: 'running', paused: 'paused', stopped: 'stopped' } as const;

/** What is wanted beside what it says it does, where these differ. */
function States({ agent: { wanted, status, hasObserved, observedStateVersion, errorMessage } }: { agent: Agent }) {
  const want = WANTED_STATUS[wanted.run];
  const held = wanted.state === 'active' ? '' : `, ${wanted.state}`;
  const differs = status !== want;
  return (
    <>
      <span className={status === 'error' ? 'danger' : ''}>{status === 'error' ? '■ ' : ''}{differs ? <>wanted <strong>{want}{held}</strong>, is <strong>{status}</strong></> : `${status}${held}`}</span>
      {hasObserved ? null : <div className="small doubt">▲ has not observed it ({observedStateVersion === null ? 'no version yet' : `version ${observedStateVersion}`} of {wanted.version})</div>}
      {errorMessage ? <div className="small danger">{errorMessage}</div> : null}
    </>
  );
}

const COLUMNS: Column<Agent>[] = [
  { name: 'Agent', cell: (agent) => <><Link href={`/agents/${agent.id}`}>{agent.name}</Link> <Mode mode={agent.mode} /><div className="small quiet">{agent.account}</div></> },
  { name: 'Online', cell: (agent) => <><Light tone={ONLINE[agent.liveness]}>{agent.liveness}</Light><div className="small"><Age at={agent.lastSeenAt} never="never seen" /></div></> },
  { name: 'Can trade', cell: (agent) => <><Light tone={agent.canTrade ? 'good' : 'doubt'}>{agent.canTrade ? 'yes' : 'no'}</Light>{agent.whyNot ? <div className="small quiet">{agent.whyNot}</div> : null}</> },
  { name: 'State', cell: (agent) => <States agent={agent} />, wide: true },
  { name: 'Positions', number: true, cell: (agent) => <Amount value={agent.openPositions} />, wide: true },
  { name: 'Profit today', number: true, cell: (agent) => <Money value={agent.profitToday.value} currency={agent.currency} signed why={agent.profitToday.why} /> },
  {
    name: 'Command in flight', wide: true,
    cell: ({ commandInFlight: command, commandsOpen }) => (command ? <>{command.type} <Code>{command.status}</Code> <span className="small"><Age at={command.since} /></span>{commandsOpen > 1 ? <div className="small quiet">{commandsOpen} open</div> : null}</> : <span className="quiet">none</span>),
  },
];

export function AgentsTable({ agents, total, queue: { depth, oldestSeconds, inFlight } }: { agents: Agent[]; total: number; queue: Overview['queue'] }) {
  return (
    <Panel title="Agents" actions={<Link href="/agents">All agents</Link>}>
      <DataTable label="Agents" columns={COLUMNS} rows={agents} rowKey={({ id }) => id} empty="There is no agent." tone={(agent) => (agent.status === 'error' || (agent.liveness === 'offline' && agent.openPositions > 0) ? 'danger' : undefined)} />
      <p className="small quiet">{depth} command{depth === 1 ? '' : 's'} wait{depth === 1 ? 's' : ''} to be taken{oldestSeconds === null ? '' : `, the oldest for ${span(oldestSeconds)}`}; {inFlight} in flight.</p>
      {total > agents.length ? <p className="small quiet">{total - agents.length} more under <Link href="/agents">Agents</Link>.</p> : null}
    </Panel>
  );
}
