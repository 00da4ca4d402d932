import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { answer, api } from '../../../api/client.js';
import { type ItemOf, makeStale } from '../../../api/queries.js';
import { useMay } from '../../../api/session.js';
import { Amount, Code } from '../../../kit/figures.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import { Age } from '../../../kit/time.js';
import { Actor } from '../../../shared/names.js';

type Closure = ItemOf<'/api/v1/closures'>;

export const ClosuresUnderWay = ({ closures }: { closures: readonly Closure[] }) => <>{closures.map((each) => <One key={each.id} closure={each} />)}</>;

function One({ closure }: { closure: Closure }) {
  const mayAct = useMay('operator');
  return (
    <div className="stack">
      <p>
        {closure.size === null ? 'All of it' : <Amount value={closure.size} />} is to be closed by {closure.cause.replaceAll('_', ' ')}{closure.rule ? <> (<Code>{closure.rule}</Code>)</> : null}, wanted by <Actor who={closure.wantedBy} /> <Age at={closure.wantedAt} />;
        {' '}{closure.tries} command(s) so far{closure.commandId ? <>, the last is <Link href={`/why/${closure.commandId}`}>{closure.commandStatus ?? 'not known'}</Link></> : null}. The server goes on until it is flat.
      </p>
      {mayAct ? <Withdraw id={closure.id} /> : null}
    </div>
  );
}

function Withdraw({ id }: { id: string }) {
  const client = useQueryClient();
  const [reason, setReason] = useState('');
  const withdraw = useMutation({
    mutationFn: () => answer(api.POST('/api/v1/closures/{id}/withdraw', { params: { path: { id } }, body: { reason } })),
    onSettled: () => makeStale(client, '/api/v1/closures', '/api/v1/trades', '/api/v1/overview'),
  });
  return (
    <form className="row" onSubmit={(event) => { event.preventDefault(); withdraw.mutate(); }}>
      <input aria-label="Reason to let the trade be" placeholder="Reason" required maxLength={500} value={reason} onChange={({ target }) => setReason(target.value)} style={{ maxWidth: 320 }} />
      <button type="submit" disabled={withdraw.isPending || reason.trim() === ''}>Let this trade be</button>
      <ProblemNote error={withdraw.error} holds="The server goes on closing it." />
    </form>
  );
}
