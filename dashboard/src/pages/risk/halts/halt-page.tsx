import { Link } from 'wouter';
import { useGet } from '../../../api/queries.js';
import { DataTable } from '../../../kit/data-table.js';
import { Amount, Figure, Light, Mode } from '../../../kit/figures.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { Age, Time } from '../../../kit/time.js';
import { RETIRED } from '../../../frame/stop/wording.js';
import { Actor, AgentLink } from '../../../shared/names.js';
import { sideOf } from '../../../shared/side.js';
import { type Halt, HaltLight, MEANS, scopeWords } from './halts-tab.js';
import css from './halts.module.css';

/** One halt: whether it holds, who has observed it, what is left of what had been let through before. */
export function HaltPage({ id }: { id: string }) {
  const query = useGet('/api/v1/kill-switch/{id}', { path: { id } }, { every: 5_000 });
  return (
    <>
      <p><Link href="/risk/halts">← Halts</Link></p>
      <Fresh query={query} every={5_000}>{(halt) => <HaltShown halt={halt} />}</Fresh>
    </>
  );
}

function HaltShown({ halt }: { halt: Halt }) {
  const { agents, stillOpen, notInControl } = halt;
  return (
    <div className="stack">
      <Panel title={`${halt.mode} of ${scopeWords(halt)}`} actions={<HaltLight halt={halt} />}>
        <p>{halt.reason}</p>
        <p className="quiet">{MEANS[halt.mode]}. Imposed <Time at={halt.imposedAt} /> by <Actor who={halt.by} />{halt.breaker ? <>, breaker <Link href={`/risk/breakers/${halt.breaker}`}>{halt.breaker}</Link></> : null}.</p>
        <div className={css.figures}>
          <Figure name="Released nothing since">{halt.effectiveAt ? <Time at={halt.effectiveAt} /> : halt.inForce ? <Light tone="doubt">not yet</Light> : '—'}</Figure>
          <Figure name="Agents that have observed it">{agents ? `${agents.observed} of ${agents.inScope}` : '—'}</Figure>
          {halt.expiresAt ? <Figure name="Ends by itself"><Age at={halt.expiresAt} /></Figure> : null}
        </div>
        {halt.released ? <p>● Over since <Time at={halt.released.at} />: released by <Actor who={halt.released.by} />, {halt.released.reason}</p> : null}
        {halt.releaseRequested ? <p className="doubt">▲ <Actor who={halt.releaseRequested.by} /> asked for its release <Age at={halt.releaseRequested.at} /> ({halt.releaseRequested.reason}): it waits for a second person.</p> : null}
        {halt.inForce ? <p className="quiet">{halt.breaker ? <>It ends when <Link href={`/risk/breakers/${halt.breaker}`}>its breaker</Link> is reset.</> : halt.source === 'retirement' ? RETIRED : 'It is released from Stop, in the strip on every page.'}</p> : null}
      </Panel>
      {agents && agents.notYet.length > 0 ? (
        <Panel title="Have not observed it yet">
          <DataTable label="Have not observed it yet" rows={agents.notYet} rowKey={(agent) => agent.id} empty="" tone={({ liveness }) => (liveness === 'online' ? 'doubt' : 'danger')} columns={[
            { name: 'Agent', cell: (agent) => <AgentLink id={agent.id} /> }, { name: 'Account', cell: ({ account, mode }) => <>{account} <Mode mode={mode} /></> },
            { name: 'Heard', cell: ({ liveness, lastSeenAt }) => <>{liveness}, <Age at={lastSeenAt} /></> }, { name: 'Entry orders', number: true, cell: ({ entryOrders }) => entryOrders },
          ]} />
        </Panel>
      ) : null}
      {stillOpen.openings.length > 0 || stillOpen.accounts.length > 0 ? (
        <Panel title="Left of what had been let through before">
          <ul>{stillOpen.openings.map((opening) => <li key={opening.commandId}>▲ <Link href={`/why/${opening.commandId}`}>{opening.type.replaceAll('_', ' ')}</Link>, {opening.status}, with <AgentLink id={opening.agentId} /></li>)}
            {stillOpen.accounts.map((account) => <li key={account.id}>▲ {account.name} is busy: it is asked again and again</li>)}</ul>
        </Panel>
      ) : null}
      {notInControl.length > 0 ? (
        <Panel title="Under nobody's control">
          <DataTable label="Under nobody's control" rows={notInControl} rowKey={(each) => `${each.agentId}${each.brokerPositionId}${each.symbol}`} empty="" tone={() => 'danger'} columns={[
            { name: 'Position', cell: (each) => `${each.symbol} ${sideOf(each)}` }, { name: 'Size', number: true, cell: ({ size }) => <Amount value={size} /> },
            { name: 'Stop', number: true, cell: ({ stopLoss }) => (stopLoss === null ? <span className="danger">none</span> : <Amount value={stopLoss} />) },
            { name: 'At', cell: ({ account, broker, loginMasked }) => <>{account}<div className="small quiet">{broker} {loginMasked}</div></> }, { name: 'Agent', cell: ({ agentId }) => <AgentLink id={agentId} /> }, { name: 'As of', cell: ({ asOf }) => <Age at={asOf} /> },
          ]} />
        </Panel>
      ) : null}
    </div>
  );
}
