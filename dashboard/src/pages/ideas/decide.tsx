import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../api/client.js';
import type { ApiError } from '../../api/problem.js';
import { makeStale } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { Field } from '../../kit/field.js';
import { Light } from '../../kit/figures.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { useAccountName } from '../../shared/names.js';
import { Reasons } from '../../shared/verdict.js';
import { Link } from 'wouter';
import type { WholeIdea } from './idea.js';
import { useSecondsLeft } from './remaining.js';
import { endsAt, type Idea, inWords, isPending } from './words.js';

type Done = { what: 'approve' | 'reject' | 'release'; idea: Idea };

/** What a person may say to it. It is shown while it counts, and its answer stays. */
export function Decide({ idea }: { idea: WholeIdea }) {
  const mayDecide = useMay('operator');
  const client = useQueryClient();
  const account = useAccountName(idea.accountId);
  const [reason, setReason] = useState('');
  const left = useSecondsLeft(endsAt(idea));
  const ask = useMutation<Done, ApiError, Done['what']>({
    mutationFn: async (what) => {
      const params = { path: { id: idea.id } };
      if (what === 'approve') return { what, idea: await answer(api.POST('/api/v1/trade-ideas/{id}/approve', { params, body: { digest: idea.digest, ...(reason ? { reason } : {}) } })) };
      return { what, idea: await answer(what === 'reject' ? api.POST('/api/v1/trade-ideas/{id}/reject', { params, body: { reason } }) : api.POST('/api/v1/trade-ideas/{id}/release', { params, body: { reason } })) };
    },
    onSuccess: () => setReason(''),
    // Also after a refusal: somebody else was first, or the price has moved and there is another digest.
    onSettled: () => makeStale(client, '/api/v1/trade-ideas', '/api/v1/commands', '/api/v1/decisions', '/api/v1/risk/exposure'),
  });
  if (!mayDecide) return null;
  const open = isPending(idea) && left !== 0;
  const stuck = idea.reservation?.held === true && idea.reservation.tradeId === null && (idea.status === 'approved' || idea.status === 'auto_executed');
  return (
    <div className="stack">
      {open || stuck ? <Field name={open ? 'Reason (to reject it; optional to approve)' : 'Reason to free what is reserved'}><input value={reason} maxLength={1_000} onChange={({ target }) => setReason(target.value)} /></Field> : null}
      {open ? (
        <div className="row">
          {idea.status === 'needs_approval' ? <button type="button" className="main" disabled={ask.isPending} onClick={() => ask.mutate('approve')}>{ask.isPending && ask.variables === 'approve' ? 'Asking the gate …' : `Approve: ${inWords(idea)} on ${account}`}</button> : null}
          <button type="button" disabled={ask.isPending || reason.trim() === ''} onClick={() => ask.mutate('reject')}>Reject: nothing is traded</button>
          {reason.trim() === '' ? <span className="small quiet">To reject, say why.</span> : null}
        </div>
      ) : null}
      {stuck ? (
        <div className="stack">
          <p className="small quiet">Risk is reserved for its opening, and no trade of it was told. If its command is done and the broker holds nothing of it, it may be freed.</p>
          <div className="row"><button type="button" disabled={ask.isPending || reason.trim() === ''} onClick={() => ask.mutate('release')}>Free what is reserved for {inWords(idea)}</button></div>
        </div>
      ) : null}
      <ProblemNote error={ask.error} holds={HOLDS[ask.error?.code ?? ''] ?? 'Nothing was changed by this try.'} />
      {ask.data ? <Told done={ask.data} /> : null}
    </div>
  );
}

const HOLDS: Record<string, string> = {
  PRICE_MOVED: 'Nothing was approved. The prices above are those that an approval covers now; the time goes on.',
  DIGEST_MISMATCH: 'Nothing was approved. What would be traded has changed: look at it again, and approve what you see now.',
  IDEA_NOT_PENDING: 'Your answer changed nothing: somebody was first, and what they said holds.',
  IDEA_EXPIRED: 'Nothing is traded.',
  NO_ANSWER: 'Whether it was done is not known: what is shown here is asked for again.',
};

function Told({ done: { what, idea } }: { done: Done }) {
  const bad = what === 'approve' && idea.status !== 'approved';
  return (
    <div role="status" className="stack">
      {what === 'release' ? <Light tone="good">What was reserved is free again.</Light>
        : what === 'reject' ? <Light tone="good">Rejected: nothing is traded.</Light>
          : bad ? <Light tone="danger">You approved it, and the gate refused it now: nothing is traded.</Light>
            : <span><Light tone="good">Approved.</Light> {idea.commandId ? <>Its <Link href={`/why/${idea.commandId}`}>opening</Link> waits for the agent.</> : 'It closes what is held against it.'}</span>}
      {bad ? <Reasons reasons={idea.reasons} /> : null}
    </div>
  );
}
