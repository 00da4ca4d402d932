import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from 'wouter';
import { answer, api } from '../../api/client.js';
import { makeStale, useGet, useList } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { Copyable } from '../../kit/copy.js';
import { Fresh } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import type { Agent } from './progress.js';

/** TradingView sends alerts; an agent still has to run, to carry out what the gate makes of them. */
export function TradingViewLines({ agent }: { agent: Agent }) {
  const client = useQueryClient();
  const mayAdmin = useMay('admin');
  const { query, rows } = useList('/api/v1/webhook-sources', { query: { retired: 'false', limit: 200 } as never });
  const source = rows.find(({ route }) => route.executorAgentId === agent.id);
  const make = useMutation({
    mutationFn: () => answer(api.POST('/api/v1/webhook-sources', { body: { name: `TradingView for ${agent.name}`, mapping: 'sigmatrader', route: { action: 'idea', executorAgentId: agent.id } } })),
    onSuccess: () => makeStale(client, '/api/v1/webhook-sources'),
  });
  return (
    <div className="stack">
      <p className="quiet">TradingView sends alerts; the agent itself still has to run, to carry out what the gate makes of them.</p>
      {make.data ? (
        <>
          <p><strong>This is the only time that this address is shown:</strong> it holds a secret. Paste it as the webhook URL of the alert.</p>
          <Copyable name="address" text={make.data.url ?? ''} />
        </>
      ) : null}
      <Fresh query={query}>
        {() => (source ? (
          <>
            <p>Its source is <Link href={`/alerts/sources/${source.id}`}>{source.name}</Link>. Size, stop and confidence that alerts do not say are set there.</p>
            <Template sourceId={source.id} />
          </>
        ) : mayAdmin ? (
          <>
            <ProblemNote error={make.error} holds="No source was made, as far as is known here." />
            <div><button type="button" disabled={make.isPending} onClick={() => make.mutate()}>Make an address for alerts</button></div>
          </>
        ) : <p>An administrator makes the address for alerts.</p>)}
      </Fresh>
    </div>
  );
}

function Template({ sourceId }: { sourceId: string }) {
  const query = useGet('/api/v1/webhook-sources/{sourceId}/template', { path: { sourceId }, query: { kind: 'strategy' } }, { every: 600_000 });
  return (
    <Fresh query={query} every={600_000}>
      {({ text, notes }) => (
        <>
          <p>The message of the alert, made on a strategy:</p>
          <Copyable name="message" text={text} />
          <ul className="small quiet">{notes.map((note) => <li key={note}>{note}</li>)}</ul>
        </>
      )}
    </Fresh>
  );
}
