import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from 'wouter';
import { answer, api } from '../../api/client.js';
import { makeStale, useGet, useList } from '../../api/queries.js';
import { ApiError } from '../../api/problem.js';
import { useMay } from '../../api/session.js';
import { Copyable } from '../../kit/copy.js';
import { Field } from '../../kit/field.js';
import { Fresh } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import type { Agent } from './progress.js';
import css from './start.module.css';

/** An idea needs a size and a stop; alerts seldom say either. */
const DEFAULTS = [
  ['lotSize', 'Size of an entry', '0.01', undefined], ['stop', 'Stop, part of the price', '0.01', 'such as 0.01 for 1 %'], ['reward', 'Reward to risk', '2', 'the target, in stops'], ['confidence', 'Confidence of an alert', '0.8', '0 to 1; below the limit a person is asked'],
] as const;

/** TradingView sends alerts; an agent still has to run, to carry out what the gate makes of them. */
export function TradingViewLines({ agent }: { agent: Agent }) {
  const client = useQueryClient();
  const mayAdmin = useMay('admin');
  const { query, rows } = useList('/api/v1/webhook-sources', { query: { retired: 'false', limit: 200 } as never });
  const source = rows.find(({ route }) => route.executorAgentId === agent.id);
  const make = useMutation({
    mutationFn: (form: FormData) => {
      const text = (name: string) => String(form.get(name)).trim();
      const defaults = { lotSize: text('lotSize'), stopDistance: { fraction: text('stop') }, rewardToRisk: text('reward'), confidence: text('confidence') };
      return answer(api.POST('/api/v1/webhook-sources', { body: { name: `TradingView for ${agent.name}`, mapping: 'sigmatrader', route: { action: 'idea', executorAgentId: agent.id }, defaults } }));
    },
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
          <form className="stack" onSubmit={(event) => { event.preventDefault(); make.mutate(new FormData(event.currentTarget)); }}>
            <p>What alerts do not say themselves:</p>
            <div className={css.form}>{DEFAULTS.map(([name, title, value, about]) => <Field key={name} name={title} about={about} error={make.error instanceof ApiError ? make.error.of(`defaults.${name}`) : undefined}><input name={name} required inputMode="decimal" defaultValue={value} /></Field>)}</div>
            <ProblemNote error={make.error} holds="No source was made, as far as is known here." />
            <div><button disabled={make.isPending}>Make an address for alerts</button></div>
          </form>
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
