import { Link } from 'wouter';
import { type AnswerOf, useGet } from '../../api/queries.js';
import { DataTable } from '../../kit/data-table.js';
import { Amount, Light } from '../../kit/figures.js';
import { Fresh } from '../../kit/panel.js';
import { Age, Time } from '../../kit/time.js';
import { useWords } from '../../shared/words.js';
import { useOverview } from '../../shared/overview.js';
import { sideOf } from '../../shared/side.js';
import { ReleaseHalt } from './release-halt.js';
import { deedOf, MEANS, stoppedOf } from './wording.js';

export type Halt = AnswerOf<'/api/v1/kill-switch/{id}'>;
type NotYet = NonNullable<Halt['agents']>['notYet'][number];

const EVERY_MS = 2_000;

/** What a halt has brought about so far, looked at every two seconds: who has stopped, and what is waited for. */
export function HaltEffect({ id }: { id: string }) {
  const query = useGet('/api/v1/kill-switch/{id}', { path: { id } }, { every: EVERY_MS });
  return <Fresh query={query} every={EVERY_MS}>{(halt) => <Effect halt={halt} />}</Fresh>;
}

function Effect({ halt }: { halt: Halt }) {
  const deed = deedOf(halt.mode, halt.scope);
  const words = useWords();
  return (
    <div className="stack">
      <div>
        <h3>{deed}</h3>
        <p>{halt.reason}</p>
        <p className="small quiet">By {words(halt.by)}{halt.breaker ? ` (${halt.breaker})` : ''}, <Time at={halt.imposedAt} />, <Age at={halt.imposedAt} />. {MEANS[halt.mode]}{halt.expiresAt ? <> It ends by itself at <Time at={halt.expiresAt} />.</> : null}</p>
      </div>
      {halt.inForce ? <InForce halt={halt} /> : <p role="status"><Light tone="off">Over</Light>{halt.released ? <> Released <Time at={halt.released.at} /> by {words(halt.released.by)}: {halt.released.reason}</> : ' It ended by itself.'}</p>}
    </div>
  );
}

function InForce({ halt }: { halt: Halt }) {
  const { agents, stillOpen, notInControl } = halt;
  return (
    <>
      <div role="status" className="stack">
        <p><Light tone={halt.effectiveAt ? 'good' : 'doubt'}>{halt.effectiveAt ? <>Released nothing since <Time at={halt.effectiveAt} />.</> : 'Accepted, and not yet whole.'}</Light></p>
        {halt.effectiveAt ? null : <p>Nothing that begins now is let through. What was let through before is still being taken back{waited(stillOpen)}.</p>}
        {agents ? <p>{sentenceOf(halt, agents)}</p> : null}
      </div>
      {agents && agents.notYet.length > 0 ? <Waiting agents={agents.notYet} /> : null}
      {notInControl.length > 0 ? <NotInControl positions={notInControl} /> : null}
      <ReleaseHalt halt={halt} />
    </>
  );
}

const waited = ({ accounts, openings }: Halt['stillOpen']): string => {
  const parts = [accounts.length > 0 ? `on ${accounts.map(({ name }) => name).join(', ')}` : '', openings.length > 0 ? `${openings.length} openings` : ''].filter(Boolean);
  return parts.length > 0 ? `: ${parts.join('; ')}` : '';
};

/** Who has observed it has no entry order left; of the others those whose report is newer than the halt are counted. */
function sentenceOf({ mode, imposedAt }: Halt, { inScope, observed, notYet }: NonNullable<Halt['agents']>): string {
  if (inScope === 0) return 'No agent is in its scope.';
  const cleared = observed + notYet.filter((agent) => agent.entryOrders === 0 && agent.positionsAsOf !== null && agent.positionsAsOf > imposedAt).length;
  const names = notYet.slice(0, 5).map(({ name }) => name).join(', ');
  return `${stoppedOf(mode, observed, inScope)}; no entry order left on ${cleared}${inScope > observed ? `; waiting for ${names}${inScope - observed > 5 ? ` and ${inScope - observed - 5} more` : ''}` : ''}.`;
}

const why = (agent: NotYet): string =>
  agent.entryOrders > 0 ? `${agent.entryOrders} entry order${agent.entryOrders === 1 ? '' : 's'} at its broker` : (agent.observedStateVersion ?? -1) < agent.stateVersion ? 'has not heard of it' : 'has not reported its orders since';

function Waiting({ agents }: { agents: NotYet[] }) {
  const ends = new Map((useOverview().data?.agents ?? []).map(({ id, tradingLeaseEndsAt }) => [id, tradingLeaseEndsAt]));
  return (
    <DataTable
      label="Agents that are waited for" rows={agents} rowKey={({ id }) => id} empty="Nobody is waited for."
      columns={[
        { name: 'Agent', cell: (agent) => <Link href={`/agents/${agent.id}`}>{agent.name}</Link> },
        { name: 'Waits since it', cell: why },
        { name: 'Seen', cell: (agent) => <><Light tone={agent.liveness === 'online' ? 'good' : agent.liveness === 'suspect' ? 'doubt' : 'danger'}>{agent.liveness}</Light> <span className="small"><Age at={agent.lastSeenAt} /></span></> },
        { name: 'Opens nothing from', cell: (agent) => (agent.liveness === 'online' ? <span className="quiet">its next word with the server</span> : ends.get(agent.id) ? <><Time at={ends.get(agent.id)} /> <span className="small">(<Age at={ends.get(agent.id)} />)</span></> : <span className="quiet">now: it holds no trading lease</span>) },
      ]}
    />
  );
}

function NotInControl({ positions }: { positions: Halt['notInControl'] }) {
  return (
    <>
      <p className="danger">■ Nobody controls these positions: their agents are offline. Only their broker can close them now.</p>
      <DataTable
        label="Positions that nobody controls" rows={positions} rowKey={(each) => `${each.agentId} ${each.brokerPositionId} ${each.symbol} ${each.direction}`} empty="None."
        columns={[
          { name: 'Position', cell: (each) => `${each.symbol} ${sideOf(each)}` },
          { name: 'Size', number: true, cell: (each) => <Amount value={each.size} /> },
          { name: 'Stop', number: true, cell: (each) => (each.stopLoss ? <Amount value={each.stopLoss} /> : <span className="danger">■ none</span>) },
          { name: 'At', cell: (each) => `${each.broker ?? 'broker not told'} ${each.loginMasked ?? ''} (${each.account})` },
          { name: 'As of', cell: (each) => <Age at={each.asOf} />, wide: true },
        ]}
      />
    </>
  );
}

