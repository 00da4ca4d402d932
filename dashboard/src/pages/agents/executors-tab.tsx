import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { answer, api } from '../../api/client.js';
import { makeStale, useGet, useList } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { Mode } from '../../kit/figures.js';
import { Empty, Fresh, Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import type { Agent } from '../../shared/agents/agent-words.js';
import css from '../../shared/agents/agents.module.css';

/** For whom this agent may propose besides itself. */
export function ExecutorsTab({ agent }: { agent: Agent }) {
  const query = useGet('/api/v1/agents/{agentId}/executors', { path: { agentId: agent.id } });
  const others = useList('/api/v1/agents', { query: { retired: 'false', limit: 200 } as never });
  const mayAdmin = useMay('admin');
  const nameOf = (id: string) => others.rows.find((each) => each.id === id)?.name ?? id;
  return (
    <Panel title="Executors">
      <p className="quiet">An agent proposes for itself. With these it may also propose what they then carry out, each through the gate.</p>
      <Fresh query={query}>
        {({ executorAgentIds }) => (
          <div className="stack">
            {executorAgentIds.length === 0 ? <Empty>It proposes for nobody but itself.</Empty> : <ul>{executorAgentIds.map((id) => <li key={id}><Link href={`/agents/${id}`}>{nameOf(id)}</Link></li>)}</ul>}
            {mayAdmin && !agent.retired ? <Chosen key={executorAgentIds.join()} agent={agent} now={executorAgentIds} others={others.rows.filter(({ id }) => id !== agent.id)} /> : null}
          </div>
        )}
      </Fresh>
    </Panel>
  );
}

function Chosen({ agent, now, others }: { agent: Agent; now: readonly string[]; others: readonly Agent[] }) {
  const client = useQueryClient();
  const [chosen, setChosen] = useState<readonly string[]>(now);
  const save = useMutation({
    mutationFn: () => answer(api.PUT('/api/v1/agents/{agentId}/executors', { params: { path: { agentId: agent.id } }, body: { executorAgentIds: [...chosen] } })),
    onSuccess: () => makeStale(client, '/api/v1/agents/{agentId}/executors'),
  });
  if (others.length === 0) return <Empty>There is no other agent.</Empty>;
  const isSame = chosen.length === now.length && chosen.every((id) => now.includes(id));
  return (
    <form className="stack" onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
      <fieldset className={css.group}>
        <legend>It may propose for</legend>
        {others.map(({ id, name, mode, account }) => (
          <label key={id} className="row"><input type="checkbox" checked={chosen.includes(id)} onChange={({ target }) => setChosen((before) => (target.checked ? [...before, id] : before.filter((each) => each !== id)))} /> {name} <Mode mode={mode} /> <span className="quiet">on {account}</span></label>
        ))}
      </fieldset>
      <ProblemNote error={save.error} holds="It proposes for the same as before." />
      <div><button className="main" disabled={save.isPending || isSame}>{save.isPending ? 'Saving …' : 'Save executors'}</button></div>
    </form>
  );
}
