import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { answer, api } from '../../api/client.js';
import { makeStale } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { TypedConfirm } from '../../kit/confirm.js';
import { Field } from '../../kit/field.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { Time } from '../../kit/time.js';
import { useWords } from '../../shared/words.js';
import { useOverview } from '../../shared/overview.js';
import type { Halt } from './halt-effect.js';
import { haltIsOver } from './kept-stops.js';
import css from './stop.module.css';
import { RETIRED, releaseOf } from './wording.js';

/** Trading begins again: typed by an administrator, who sees before it what still stands in the way. */
export function ReleaseHalt({ halt }: { halt: Halt }) {
  const may = useMay('admin');
  const client = useQueryClient();
  const words = useWords();
  const [reason, setReason] = useState('');
  const release = useMutation({
    mutationFn: () => answer(api.POST('/api/v1/kill-switch/{id}/release', { params: { path: { id: halt.id } }, body: { confirm: 'RELEASE', reason: reason.trim() } })),
    onSuccess: ({ waitsFor }) => (waitsFor ? undefined : haltIsOver(halt.id)),
    onSettled: () => makeStale(client, '/api/v1/kill-switch', '/api/v1/overview', '/api/v1/agents'),
  });
  if (halt.breaker) return <p>The circuit breaker <Link href={`/risk/breakers/${halt.breaker}`}>{halt.breaker}</Link> holds this: it ends when that is reset.</p>;
  if (halt.source === 'retirement') return <p>{RETIRED}</p>;
  return (
    <section className="stack" aria-label="Release">
      <h3>Release</h3>
      <InTheWay halt={halt} answered={release.data?.inTheWay} />
      {halt.releaseRequested ? <p role="status" className="doubt">▲ {words(halt.releaseRequested.by)} asked for the release at <Time at={halt.releaseRequested.at} /> ({halt.releaseRequested.reason}). It takes a second administrator.</p> : null}
      {release.data?.waitsFor ? <p role="status" className="doubt">▲ Not released: it waits for {release.data.waitsFor}. The halt holds until then.</p> : null}
      <ProblemNote error={release.error} holds="The halt is still in force as far as this page knows." />
      {may ? (
        <>
          <Field name="Why it may go on"><input value={reason} maxLength={1_000} onChange={({ target }) => setReason(target.value)} /></Field>
          <TypedConfirm word="RELEASE" disabled={release.isPending || reason.trim() === ''} onConfirmed={() => release.mutate()}>{release.isPending ? 'Releasing …' : releaseOf(halt.scope)}</TypedConfirm>
          {reason.trim() === '' ? <p className="small quiet">Needs a reason first.</p> : null}
        </>
      ) : <p className="quiet">Only administrators release a halt.</p>}
    </section>
  );
}

type InTheWayAnswer = { halts: { id: string; mode: string; scope: string; scopeId: string | null; reason: string; breaker: string | null }[]; agents: { id: string; name: string }[]; unknownCommands: { commandId: string; type: string }[] };

function InTheWay({ halt, answered }: { halt: Halt; answered: InTheWayAnswer | undefined }) {
  const { data } = useOverview();
  const others = answered?.halts.map(({ id, scope, reason, breaker }) => ({ id, scope, reason, breaker })) ?? (data?.halts ?? []).filter(({ id }) => id !== halt.id).map(({ id, scope, reason, breaker }) => ({ id, scope: scope.type as string, reason, breaker }));
  const agents = answered?.agents ?? halt.agents?.notYet ?? [];
  const unknown = answered?.unknownCommands.length ?? data?.waiting.unknownCommands ?? 0;
  const parts = [
    ...others.map(({ id, scope, reason, breaker }) => <li key={id}>{breaker ? <>Breaker <Link href={`/risk/breakers/${breaker}`}>{breaker}</Link></> : <Link href={`/overview?halt=${id}`}>Another halt ({scope})</Link>}: {reason}</li>),
    ...(agents.length > 0 ? [<li key="agents">{agents.map(({ name }) => name).join(', ')} {agents.length === 1 ? 'has' : 'have'} not observed what {agents.length === 1 ? 'it was' : 'they were'} told last.</li>] : []),
    ...(unknown > 0 ? [<li key="unknown">{unknown} command{unknown === 1 ? '' : 's'} of which nobody knows what became.</li>] : []),
  ];
  return parts.length === 0 ? <p className="quiet">Nothing else stands in the way.</p> : <div><p>What {answered ? 'still holds' : 'stands in the way of trading'} beside it:</p><ul className={css.way}>{parts}</ul></div>;
}
