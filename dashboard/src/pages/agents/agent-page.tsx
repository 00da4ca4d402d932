import { Link, Route, Switch } from 'wouter';
import { useGet } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { Code, Mode } from '../../kit/figures.js';
import { Empty, Fresh } from '../../kit/panel.js';
import { Tabs } from '../../kit/tabs.js';
import { CanTrade, Liveness } from '../../shared/agents/agent-lights.js';
import { CommandsTab } from './commands-tab.js';
import { ConfigurationTab } from './configuration-tab.js';
import { ExecutorsTab } from './executors-tab.js';
import { HistoryTab } from './history-tab.js';
import { HoldingsTab } from './holdings-tab.js';
import { KeysTab } from './keys-tab.js';
import { NewCommand } from './new-command.js';
import { StateTab } from './state-tab.js';

export function AgentPage({ agentId }: { agentId: string }) {
  const query = useGet('/api/v1/agents/{agentId}', { path: { agentId } });
  const mayOperate = useMay('operator');
  const mayAdmin = useMay('admin');
  const at = `/agents/${agentId}`;
  const tabs = [
    { to: at, name: 'State' }, { to: `${at}/commands`, name: 'Commands' }, ...(mayOperate ? [{ to: `${at}/command`, name: 'New command' }] : []), { to: `${at}/positions`, name: 'Positions and orders' },
    ...(mayAdmin ? [{ to: `${at}/keys`, name: 'Keys' }] : []), { to: `${at}/configuration`, name: 'Configuration' }, { to: `${at}/executors`, name: 'Executors' }, { to: `${at}/history`, name: 'History' },
  ];
  return (
    <Fresh query={query}>
      {(agent) => (
        <div className="stack">
          <p className="small"><Link href="/agents">Agents</Link></p>
          <div className="row between">
            <div className="row"><h1>{agent.name}</h1> <Mode mode={agent.mode} /> <Liveness agent={agent} /></div>
            <div className="row"><Link href={`/trades?agent=${agentId}`}>Its trades</Link> <Link href={`/ideas?agentId=${agentId}`}>Its ideas</Link></div>
          </div>
          <div className="row"><span className="quiet">on {agent.account}</span> <Code>{agent.id}</Code></div>
          <CanTrade agent={agent} />
          <Tabs label={`Of ${agent.name}`} tabs={tabs} />
          <Switch>
            <Route path={at}><StateTab agent={agent} /></Route>
            <Route path={`${at}/commands`}><CommandsTab agentId={agentId} /></Route>
            <Route path={`${at}/command`}><NewCommand agent={agent} /></Route>
            <Route path={`${at}/positions`}><HoldingsTab agentId={agentId} /></Route>
            <Route path={`${at}/keys`}><KeysTab agent={agent} /></Route>
            <Route path={`${at}/configuration`}><ConfigurationTab agent={agent} /></Route>
            <Route path={`${at}/executors`}><ExecutorsTab agent={agent} /></Route>
            <Route path={`${at}/history`}><HistoryTab agent={agent} /></Route>
            <Route><Empty>An agent has no such part.</Empty></Route>
          </Switch>
        </div>
      )}
    </Fresh>
  );
}
