import { useState } from 'react';
import { Link } from 'wouter';
import { type ItemOf, useList } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { Light } from '../../kit/figures.js';
import { ModeChange } from '../../shared/agents/mode-change.js';
import { AccountForm } from './account-form.js';
import type { Agent, Progress, RiskConfig } from './progress.js';

interface Condition {
  name: string;
  holds: boolean;
  otherwise: string;
}

const isSet = (value: unknown) => value !== null && value !== undefined;

/** What live asks for and paper does not. The gate asks all of it again at each opening. */
function conditionsOf(agent: Agent, config: RiskConfig | undefined, live: ItemOf<'/api/v1/accounts'> | undefined, listed: number, incidents: number | null): Condition[] {
  const { state } = agent;
  return [
    { name: 'A live account is registered', holds: live !== undefined, otherwise: 'make it below, with the login of the terminal' },
    { name: 'Its instruments are listed', holds: listed > 0, otherwise: 'live refuses what it has no terms of: list them in step 2 with that account, or let the agent tell them' },
    { name: 'A loss of a day is limited', holds: isSet(config?.dailyLossLimitFraction) || isSet(config?.dailyLossLimitAmount), otherwise: 'set it in step 3' },
    { name: 'A loss from the peak is limited', holds: isSet(config?.maxDrawdownFraction) || isSet(config?.maxDrawdownAmount), otherwise: 'set it in step 3' },
    { name: 'The agent names its running copy', holds: state.instanceId !== null, otherwise: 'it sends X-Instance-Id with every request; live refuses it without' },
    { name: 'It says that its broker is connected and lets it trade', holds: state.brokerConnected === true && state.tradeAllowed === true, otherwise: 'brokerConnected and tradeAllowed of its heartbeat' },
    { name: 'It says what its terminal is logged in to', holds: state.brokerAccount !== null && state.accountMismatch === null, otherwise: 'brokerAccount of its heartbeat; it has to be the registered account' },
    { name: 'It reports all its positions', holds: state.positionsAsOf !== null, otherwise: 'POST /agents/me/positions with complete: true, with each heartbeat' },
    { name: 'No incident of it is open', holds: incidents === 0, otherwise: incidents === null ? 'not known yet' : 'look at what waits for somebody' },
  ];
}

export function LiveStep({ progress: { agent, accounts, config, choose } }: { progress: Progress }) {
  const mayAdmin = useMay('admin');
  const [isNew, setNew] = useState(false);
  const live = accounts.find(({ kind }) => kind === 'live');
  const listed = useList('/api/v1/instruments', { query: { accountId: live?.id ?? '', limit: 1 } }, { enabled: live !== undefined });
  const incidents = useList('/api/v1/incidents', { query: { status: 'open', agentId: agent?.id ?? '', limit: 50 } }, { enabled: agent !== undefined });
  if (!agent) return null;
  if (agent.mode === 'live') return <IsLive agent={agent} />;
  const conditions = conditionsOf(agent, config.data, live, listed.rows.length, incidents.query.data ? incidents.rows.length : null);
  const missing = conditions.filter(({ holds }) => !holds);
  return (
    <>
      <p>Live is real money. What it takes:</p>
      <ul className="stack">{conditions.map(({ name, holds, otherwise }) => <li key={name}><Light tone={holds ? 'good' : 'doubt'}>{holds ? 'yes' : 'not yet'}</Light> {name}{holds ? null : <span className="quiet">: {otherwise}</span>}</li>)}</ul>
      {mayAdmin ? (
        <>
          {live && !isNew ? null : <AccountForm kinds={['live']} onMade={() => { setNew(false); choose(agent.accountId, agent.id); }} />}
          {live ? <><div><button type="button" className="small" onClick={() => setNew(!isNew)}>{isNew ? 'Leave it at these' : 'Another live account'}</button></div>
            {missing.length > 0 ? <p className="doubt">▲ {missing.length} of these {missing.length === 1 ? 'does' : 'do'} not hold yet. The gate refuses in live what it does not know; better mend them before.</p> : null}
            <ModeChange agent={agent} only="live" /></> : null}
        </>
      ) : <p>An administrator makes it live.</p>}
    </>
  );
}

const IsLive = ({ agent }: { agent: Agent }) => (
  <>
    <p><Light tone={agent.canTrade ? 'good' : 'doubt'}>{agent.canTrade ? 'can trade' : 'cannot trade'}</Light> {agent.name} is live on {agent.account}{agent.canTrade ? '' : ', and opens nothing yet'}.</p>
    {agent.desiredState.run === 'running' ? null : <p>It is {agent.desiredState.run} until somebody starts it: <Link href={`/agents/${agent.id}/command?type=start`}>send start</Link>.</p>}
    <p><Link href={`/agents/${agent.id}`}>What stands in its way, and all else of it</Link></p>
  </>
);
