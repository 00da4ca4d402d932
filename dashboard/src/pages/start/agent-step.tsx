import { Link } from 'wouter';
import type { components } from '../../api/schema.js';
import { useMay } from '../../api/session.js';
import { Field } from '../../kit/field.js';
import { Mode } from '../../kit/figures.js';
import { Age } from '../../kit/time.js';
import { Liveness } from '../../shared/agents/agent-lights.js';
import { CheckPanel } from '../../shared/agents/check-panel.js';
import { NewAgentForm } from '../../shared/agents/new-agent.js';
import { ShownKey } from '../../shared/agents/shown-key.js';
import { AgentLines } from './agent-lines.js';
import type { Progress } from './progress.js';

export type Made = components['schemas']['NewAgent'];

interface Props {
  progress: Progress;
  made: Made | null;
  onMade: (made: Made) => void;
}

export function AgentStep({ progress: { account, agent, agents, instruments, choose }, made, onMade }: Props) {
  const mayAdmin = useMay('admin');
  const mayCheck = useMay('operator');
  if (!account) return null;
  if (!agent) {
    if (!mayAdmin) return <p>An administrator makes the agent.</p>;
    if (account.kind === 'live') return <p>On a live account an agent is live from its beginning. Choose a paper account above for the first steps, or <Link href="/agents/new">make a live agent</Link>.</p>;
    return (
      <>
        <p>What trades. It gets a key of its own, and trades on paper until you make it live.</p>
        <NewAgentForm account={account.name} symbols={instruments.slice(0, 20).map(({ symbol }) => symbol)} onMade={(one) => { onMade(one); choose(account.id, one.id); }}>{() => <p role="status">Reading …</p>}</NewAgentForm>
      </>
    );
  }
  const key = made?.id === agent.id ? made.apiKey : null;
  return (
    <>
      {agents.length > 1 ? <Field name="Agent"><select value={agent.id} onChange={({ target }) => choose(account.id, target.value)}>{agents.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}</select></Field> : null}
      <p className="row"><Link href={`/agents/${agent.id}`}>{agent.name}</Link> <Mode mode={agent.mode} /> <Liveness agent={agent} /> {agent.state.lastSeenAt ? <span className="quiet">last seen <Age at={agent.state.lastSeenAt} /></span> : null}</p>
      {agent.symbols.length === 0 ? <p className="doubt">▲ It has no symbols, so nobody can try what would stop it: <Link href={`/agents/${agent.id}/configuration`}>name what it trades</Link>.</p> : null}
      {key ? <ShownKey apiKey={key} /> : mayAdmin && agent.state.lastSeenAt === null ? <p className="quiet">Its key was shown when it was made. If it is lost, <Link href={`/agents/${agent.id}/keys`}>make another</Link>.</p> : null}
      {agent.liveness === 'online' ? <details><summary>Lines to start it with</summary><AgentLines agent={agent} apiKey={key} symbol={instruments[0]?.symbol ?? 'EURUSD'} /></details> : <AgentLines agent={agent} apiKey={key} symbol={instruments[0]?.symbol ?? 'EURUSD'} />}
      {mayCheck ? <CheckPanel agentId={agent.id} level={3} /> : null}
    </>
  );
}
