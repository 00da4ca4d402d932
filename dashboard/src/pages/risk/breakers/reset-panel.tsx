import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { makeStale } from '../../../api/queries.js';
import { TypedConfirm } from '../../../kit/confirm.js';
import { Field } from '../../../kit/field.js';
import { Empty, Panel } from '../../../kit/panel.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import { useAccounts, useAgents } from '../../../shared/names.js';
import { type Breaker, type BreakerState, isHolding, keyOfState, titleOfBreaker } from './breaker-words.js';

/** Ends what it holds back: typed, by an administrator, with a reason. */
export function ResetPanel({ breaker: { name, states } }: { breaker: Breaker }) {
  const client = useQueryClient();
  const nameState = useStateNames();
  const [where, setWhere] = useState('');
  const [reason, setReason] = useState('');
  const holding = states.filter(isHolding);
  const chosen = holding.find((state) => keyOfState(state) === where);
  const reset = useMutation<{ reset: BreakerState[] }, ApiError, void>({
    mutationFn: () => answer(api.POST('/api/v1/circuit-breakers/{name}/reset', { params: { path: { name } }, body: { reason, ...(chosen && { scope: scopeOf(chosen) }) } as never })) as Promise<{ reset: BreakerState[] }>,
    onSettled: () => makeStale(client, '/api/v1/circuit-breakers', '/api/v1/kill-switch', '/api/v1/overview'),
  });
  return (
    <Panel title="Reset it">
      {holding.length === 0 ? <Empty>It holds nothing back, so there is nothing to reset.</Empty> : (
        <>
          <Field name="Where"><select value={where} onChange={({ target }) => setWhere(target.value)}><option value="">wherever it holds ({holding.length})</option>{holding.map((state) => <option key={keyOfState(state)} value={keyOfState(state)}>{nameState(state)}: {state.state.replaceAll('_', ' ')}</option>)}</select></Field>
          <Field name="Reason for the reset" about="only what comes after it counts" error={reset.error?.of('reason')}><input value={reason} maxLength={1_000} onChange={({ target }) => setReason(target.value)} /></Field>
          <TypedConfirm word="RESET" disabled={reason.trim() === '' || reset.isPending} onConfirmed={() => reset.mutate()}>Reset {titleOfBreaker(name).toLowerCase()}</TypedConfirm>
        </>
      )}
      <ProblemNote error={reset.error} holds="What it holds back is still held back." />
      {reset.data ? <p role="status">● {reset.data.reset.length === 0 ? 'Nothing was held back any more.' : `Reset in ${reset.data.reset.length === 1 ? 'one place' : `${reset.data.reset.length} places`}; the halts that it had imposed there are over.`}</p> : null}
    </Panel>
  );
}

const scopeOf = ({ scope, accountId, executionMode }: BreakerState) =>
  ({ type: scope.type, ...(scope.id !== null && { id: scope.id }), ...(scope.type === 'symbol' && { accountId }), ...(executionMode !== null && (scope.type === 'account' || scope.type === 'symbol') && { executionMode }) });

function useStateNames(): (state: BreakerState) => string {
  const [accounts, agents] = [useAccounts(), useAgents()];
  const account = (id: string | null) => accounts.find((each) => each.id === id)?.name ?? id;
  return ({ scope, accountId, executionMode }) => {
    if (scope.type === 'global') return 'everything';
    if (scope.type === 'agent') return agents.find((each) => each.id === scope.id)?.name ?? scope.id ?? '';
    return `${scope.type === 'symbol' ? `${scope.id} on ${account(accountId)}` : account(scope.id)} ${executionMode ?? ''}`;
  };
}
