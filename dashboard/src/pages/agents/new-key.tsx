import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { answer, api } from '../../api/client.js';
import { ApiError } from '../../api/problem.js';
import { makeStale } from '../../api/queries.js';
import { Field } from '../../kit/field.js';
import { Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import css from '../../shared/agents/agents.module.css';
import { ShownKey } from '../../shared/agents/shown-key.js';

const SCOPES = { commands: 'lease commands and answer them', records: 'tell trades, fills, positions, predictions', ideas: 'propose ideas' } as const;
type Scope = keyof typeof SCOPES;

export function NewKey({ agentId }: { agentId: string }) {
  const client = useQueryClient();
  const [scopes, setScopes] = useState<Scope[]>(Object.keys(SCOPES) as Scope[]);
  const make = useMutation({
    mutationFn: (form: FormData) => {
      const [expires, rate] = [String(form.get('expiresAt')), String(form.get('rate')).trim()];
      const body = { name: String(form.get('name')), scopes, ...(expires !== '' && { expiresAt: new Date(expires).toISOString() }), ...(rate !== '' && { rateLimitPerSecond: Number(rate) }) };
      return answer(api.POST('/api/v1/agents/{agentId}/keys', { params: { path: { agentId } }, body }));
    },
    onSuccess: () => makeStale(client, '/api/v1/agents/{agentId}/keys'),
  });
  const wrong = (field: string) => (make.error instanceof ApiError ? make.error.of(field) : undefined);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    make.mutate(new FormData(event.currentTarget));
  };
  if (make.data) {
    return (
      <Panel title={`The key ${make.data.name}`}>
        <ShownKey apiKey={make.data.apiKey} />
        <div><button type="button" onClick={() => make.reset()}>I have it</button></div>
      </Panel>
    );
  }
  return (
    <Panel title="New key">
      <form className={`stack ${css.form}`} onSubmit={submit}>
        <Field name="Name" about="where it is used" error={wrong('name')}><input name="name" required maxLength={100} autoComplete="off" /></Field>
        <fieldset className={css.group}>
          <legend>What it may</legend>
          {(Object.keys(SCOPES) as Scope[]).map((scope) => (
            <label key={scope} className="row"><input type="checkbox" checked={scopes.includes(scope)} onChange={({ target }) => setScopes((now) => (target.checked ? [...now, scope] : now.filter((each) => each !== scope)))} /> {scope} <span className="quiet">{SCOPES[scope]}</span></label>
          ))}
        </fieldset>
        <div className="grid2">
          <Field name="Expires (optional)" about="in your time zone" error={wrong('expiresAt')}><input name="expiresAt" type="datetime-local" /></Field>
          <Field name="Requests a second (optional)" about="at most, of all its copies together" error={wrong('rateLimitPerSecond')}><input name="rate" inputMode="numeric" pattern="\d{1,5}" /></Field>
        </div>
        <ProblemNote error={make.error} holds="No key was made, as far as is known here." />
        <div><button className="main" disabled={make.isPending}>{make.isPending ? 'Making …' : 'Make key'}</button></div>
      </form>
    </Panel>
  );
}
