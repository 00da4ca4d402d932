import { useMutation } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Link } from 'wouter';
import { answer, api } from '../../api/client.js';
import { serverNow } from '../../api/clock.js';
import type { ApiError } from '../../api/problem.js';
import type { AnswerOf } from '../../api/queries.js';
import { Light } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { Time } from '../../kit/time.js';
import { AccountName } from '../../shared/names.js';

type Answer = AnswerOf<'/api/v1/decisions/verify'>;
interface Checked { parts: number; checked: number; found: number; ok: boolean; firstBad: Answer['firstBad']; cursor: string | null; unchecked: number; at: string }

/** Whether the chain of decisions is as it was written: part by part, since it may be long. @param accountId empty: of all */
export function Verify({ accountId }: { accountId: string }) {
  const look = useMutation<Checked, ApiError, Checked | null>({
    mutationFn: async (before) => {
      const part = await answer(api.GET('/api/v1/decisions/verify', { params: { query: { ...(accountId ? { accountId } : {}), ...(before?.cursor ? { cursor: before.cursor } : {}) } } }));
      return {
        parts: (before?.parts ?? 0) + 1, checked: (before?.checked ?? 0) + part.checked, found: (before?.found ?? 0) + part.found, ok: (before?.ok ?? true) && part.ok, firstBad: before?.firstBad ?? part.firstBad,
        cursor: part.nextCursor, unchecked: part.unchecked, at: new Date(serverNow()).toISOString(),
      };
    },
  });
  const { mutate } = look;
  useEffect(() => mutate(null), [accountId, mutate]);
  const done = look.data;
  return (
    <Panel title="Is the history as it was written?" actions={<button type="button" disabled={look.isPending} onClick={() => mutate(null)}>{look.isPending ? 'Checking …' : 'Check again'}</button>}>
      <ProblemNote error={look.error} holds="Whether the history is as it was written is not known." />
      {done && !look.error ? (
        <div className="stack" role="status">
          <div className="row">
            {!done.ok ? <Light tone="danger">No: {done.found} {done.found === 1 ? 'fault' : 'faults'} found</Light> : done.cursor ? <Light tone="doubt">Nothing wrong so far</Light> : <Light tone="good">Yes</Light>}
            <span><strong>{done.checked}</strong> decisions checked{done.unchecked > 0 ? `, ${done.unchecked} not checked` : ''}, <Time at={done.at} /></span>
          </div>
          {done.firstBad ? <p className="danger">The first: {done.firstBad.detail} In the chain of {done.firstBad.stream === 'system' ? 'no single account' : <AccountName id={done.firstBad.stream} />}{done.firstBad.number === null ? '' : `, number ${done.firstBad.number}`}{done.firstBad.id ? <>: <Link href={`/history/decisions/${done.firstBad.id}`}>the decision</Link></> : null}. <code>{done.firstBad.problem}</code></p> : null}
          {done.cursor ? <div className="row"><button type="button" disabled={look.isPending} onClick={() => mutate(done)}>Check the next part</button></div> : null}
        </div>
      ) : look.isPending ? <p className="quiet" role="status">Checking …</p> : null}
    </Panel>
  );
}
