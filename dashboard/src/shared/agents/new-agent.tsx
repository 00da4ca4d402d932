import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { Link } from 'wouter';
import { answer, api } from '../../api/client.js';
import { ApiError } from '../../api/problem.js';
import { makeStale, useList } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import type { components } from '../../api/schema.js';
import { Field } from '../../kit/field.js';
import { Empty, Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import css from './agents.module.css';
import { ShownKey } from './shown-key.js';

type Made = components['schemas']['NewAgent'];
type Modes = Made['mode'];

export const symbolsOf = (text: string): string[] => [...new Set(text.split(/[\s,;]+/).filter(Boolean))];

/** A page of its own: the account may be any. */
export function NewAgent() {
  const mayAdmin = useMay('admin');
  if (!mayAdmin) return <Empty>Agents are made by administrators.</Empty>;
  return (
    <div className="stack">
      <p className="small"><Link href="/agents">Agents</Link></p>
      <h1>New agent</h1>
      <NewAgentForm>{(made) => (
        <Panel title={`${made.name} is there`}>
          <ShownKey apiKey={made.apiKey} />
          <p><Link href={`/start?agent=${made.id}`}>The lines to start it with</Link> · <Link href={`/agents/${made.id}`}>Open {made.name}</Link></p>
        </Panel>
      )}</NewAgentForm>
    </div>
  );
}

interface Props {
  /** Its account, where that is settled; then its mode is not asked for either: paper. */
  account?: string;
  symbols?: readonly string[];
  onMade?: (made: Made) => void;
  children: (made: Made) => React.ReactNode;
}

export function NewAgentForm({ account, symbols = [], onMade, children }: Props) {
  const client = useQueryClient();
  const accounts = useList('/api/v1/accounts', { query: { limit: 200 } }, { enabled: account === undefined });
  const make = useMutation({
    mutationFn: (form: FormData) => {
      const text = (name: string) => String(form.get(name) ?? '').trim();
      const chosen = account ?? text('account');
      const body = { name: text('name'), mode: (text('mode') || 'paper') as Modes, ...(chosen !== '' && { account: chosen }), symbols: symbolsOf(text('symbols')) };
      return answer(api.POST('/api/v1/agents', { body }));
    },
    onSuccess: (made) => {
      onMade?.(made);
      return makeStale(client, '/api/v1/agents', '/api/v1/accounts', '/api/v1/overview');
    },
  });
  const wrong = (field: string) => (make.error instanceof ApiError ? make.error.of(field) : undefined);
  if (make.data) return <>{children(make.data)}</>;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    make.mutate(new FormData(event.currentTarget));
  };
  return (
    <form className={`stack ${css.form}`} onSubmit={submit}>
      <div className="grid2">
        <Field name="Name of the agent" error={wrong('name')}><input name="name" required maxLength={100} autoComplete="off" /></Field>
        {account === undefined ? (
          <>
            <Field name="Mode" about="live takes a live account, and waits for a person to start it" error={wrong('mode')}><select name="mode" defaultValue="paper"><option>simulation</option><option>paper</option><option>live</option></select></Field>
            <Field name="Account" about="none: a new paper account of the agent's name" error={wrong('account')}><select name="account" defaultValue=""><option value="">a new one</option>{accounts.rows.map(({ id, name, kind }) => <option key={id} value={name}>{`${name} (${kind})`}</option>)}</select></Field>
          </>
        ) : null}
        <Field name="Symbols" about="that it trades, between commas" error={wrong('symbols')}><input name="symbols" defaultValue={symbols.join(', ')} autoComplete="off" spellCheck={false} /></Field>
      </div>
      <ProblemNote error={make.error} holds="No agent was made, as far as is known here." />
      <div><button className="main" disabled={make.isPending}>{make.isPending ? 'Making …' : 'Make agent'}</button></div>
    </form>
  );
}
