import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { makeStale } from '../../../api/queries.js';
import { HoldButton } from '../../../kit/confirm.js';
import { Field } from '../../../kit/field.js';
import { Panel } from '../../../kit/panel.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import { useAccounts, useAgents } from '../../../shared/names.js';
import { type Breaker, type BreakerState, titleOfBreaker } from './breaker-words.js';

const MODES = ['live', 'paper', 'simulation'] as const;

/** By hand, as if it had seen what it waits for: its halt is imposed and only its own reset ends it. */
export function TripPanel({ breaker }: { breaker: Breaker }) {
  const client = useQueryClient();
  const [accounts, agents] = [useAccounts(), useAgents()];
  const [id, setId] = useState('');
  const [account, setAccount] = useState('');
  const [mode, setMode] = useState<string>('live');
  const [reason, setReason] = useState('');
  const { name, scope: type, haltMode } = breaker;
  const scope = type === 'global' ? { type } : type === 'agent' ? { type, id } : type === 'account' ? { type, id: account, executionMode: mode } : { type, id, accountId: account, executionMode: mode };
  const isSaid = reason.trim() !== '' && (type === 'global' || type === 'account' || id !== '') && ((type !== 'account' && type !== 'symbol') || account !== '');
  const trip = useMutation<BreakerState, ApiError, void>({
    mutationFn: () => answer(api.POST('/api/v1/circuit-breakers/{name}/trip', { params: { path: { name } }, body: { scope, reason } as never })) as Promise<BreakerState>,
    onSettled: () => makeStale(client, '/api/v1/circuit-breakers', '/api/v1/kill-switch', '/api/v1/overview'),
  });
  return (
    <Panel title="Trip it">
      <p className="small quiet">It imposes its <strong>{haltMode}</strong> on what you choose, at once.</p>
      {type === 'agent' ? <Field name="Agent"><select value={id} onChange={({ target }) => setId(target.value)}><option value="">—</option>{agents.map((agent) => <option key={agent.id} value={agent.id}>{agent.name}</option>)}</select></Field> : null}
      {type === 'symbol' ? <Field name="Symbol" about="in its canonical spelling, such as EURUSD"><input value={id} autoComplete="off" autoCapitalize="characters" onChange={({ target }) => setId(target.value)} /></Field> : null}
      {type === 'account' || type === 'symbol' ? (
        <>
          <Field name="Account"><select value={account} onChange={({ target }) => setAccount(target.value)}><option value="">—</option>{accounts.map((each) => <option key={each.id} value={each.id}>{each.name}</option>)}</select></Field>
          <Field name="Mode"><select value={mode} onChange={({ target }) => setMode(target.value)}>{MODES.map((each) => <option key={each} value={each}>{each === 'live' ? 'LIVE' : each}</option>)}</select></Field>
        </>
      ) : null}
      <Field name="Reason for tripping" error={trip.error?.of('reason')}><input value={reason} maxLength={1_000} onChange={({ target }) => setReason(target.value)} /></Field>
      <ProblemNote error={trip.error} holds="If it was refused, nothing is halted by it." />
      {trip.data ? <p role="status">■ Tripped: it holds since {new Date(trip.data.since ?? '').toLocaleTimeString()}. {trip.data.resets.sentence}</p> : null}
      <div><HoldButton disabled={!isSaid || trip.isPending} onHeld={() => trip.mutate()}>Trip {titleOfBreaker(name).toLowerCase()}</HoldButton></div>
    </Panel>
  );
}
