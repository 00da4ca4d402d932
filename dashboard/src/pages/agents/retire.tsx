import { useState } from 'react';
import { ApiError } from '../../api/problem.js';
import { HoldButton, TypedConfirm } from '../../kit/confirm.js';
import { Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import type { Agent } from '../../shared/agents/agent-words.js';
import { useChangeAgent } from '../../shared/agents/change-agent.js';

export const Retire = ({ agent }: { agent: Agent }) => (agent.retired ? <BringBack agent={agent} /> : <RetireIt agent={agent} />);

function RetireIt({ agent }: { agent: Agent }) {
  const change = useChangeAgent(agent.id);
  const [isMeant, setMeant] = useState(false);
  const hasTrades = change.error instanceof ApiError && change.error.code === 'AGENT_HAS_OPEN_TRADES';
  return (
    <Panel title="Retire">
      <p>All its keys are revoked, what waits in its queue is cancelled, and it is told to stop. Its trades and its history stay. It can come back, with new keys.</p>
      <ProblemNote error={change.error} holds="It is not retired." />
      {hasTrades ? <label className="row"><input type="checkbox" checked={isMeant} onChange={({ target }) => setMeant(target.checked)} /> Retire it all the same: its open trades are then nobody&apos;s but the broker&apos;s and yours.</label> : null}
      <div><HoldButton disabled={change.isPending || (hasTrades && !isMeant)} onHeld={() => change.mutate({ retired: true, ...(isMeant && { force: true }) })}>Retire {agent.name}</HoldButton></div>
    </Panel>
  );
}

function BringBack({ agent }: { agent: Agent }) {
  const change = useChangeAgent(agent.id);
  return (
    <Panel title="Bring back">
      <p>It takes part again, with new keys that an administrator makes. It stays stopped until somebody sends start.</p>
      <ProblemNote error={change.error} holds="It is retired as before." />
      <TypedConfirm word="RETURN" disabled={change.isPending} onConfirmed={() => change.mutate({ retired: false })}>Bring {agent.name} back</TypedConfirm>
    </Panel>
  );
}
