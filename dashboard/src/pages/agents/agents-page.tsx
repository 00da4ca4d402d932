import { Route, Switch } from 'wouter';
import { AgentPage } from './agent-page.js';
import { AgentsList } from './agents-list.js';
import { CommandPage } from './command-page.js';
import { NewAgent } from '../../shared/agents/new-agent.js';

export default function AgentsPage() {
  return (
    <Switch>
      <Route path="/agents" component={AgentsList} />
      <Route path="/agents/new" component={NewAgent} />
      <Route path="/agents/:agentId/commands/:commandId">{({ agentId, commandId }) => <CommandPage key={commandId} agentId={agentId} commandId={commandId} />}</Route>
      <Route path="/agents/:agentId/*?">{({ agentId }) => <AgentPage key={agentId} agentId={agentId} />}</Route>
    </Switch>
  );
}
