import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../api/client.js';
import type { ApiError } from '../../api/problem.js';
import { makeStale } from '../../api/queries.js';
import { Dialog } from '../../kit/dialog.js';
import { Facts } from '../../kit/facts.js';
import { Field } from '../../kit/field.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { local } from '../../kit/time.js';
import { useSources } from '../../shared/names.js';
import { STATUS } from './words.js';

interface Filter { sourceId: string; symbol: string; from: string; to: string }
const BULK = ['quarantined', 'failed', 'expired', 'ignored'] as const;

/** Redrives all that the inbox's filters name, with the mappings as they are now. */
export function RedriveMany({ filter, status }: { filter: Filter; status: string }) {
  const [asked, setAsked] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setAsked(true)}>Redrive several …</button>
      {asked ? <Ask filter={filter} status={(BULK as readonly string[]).includes(status) ? (status as (typeof BULK)[number]) : 'quarantined'} onClose={() => setAsked(false)} /> : null}
    </>
  );
}

function Ask({ filter, status: first, onClose }: { filter: Filter; status: (typeof BULK)[number]; onClose: () => void }) {
  const client = useQueryClient();
  const source = useSources().find(({ id }) => id === filter.sourceId);
  const [status, setStatus] = useState(first);
  const [code, setCode] = useState('');
  const [reason, setReason] = useState('');
  const redrive = useMutation<{ redriven: number; more: boolean }, ApiError>({
    mutationFn: () => {
      const said = Object.fromEntries(Object.entries({ ...filter, code: code.trim() }).filter(([, value]) => value !== ''));
      return answer(api.POST('/api/v1/alerts/redrive', { body: { filter: { ...said, status }, ...(reason ? { reason } : {}) } }));
    },
    onSuccess: () => makeStale(client, '/api/v1/alerts', '/api/v1/trade-ideas'),
  });
  const done = redrive.data;
  return (
    <Dialog title="Redrive several alerts" onClose={onClose}>
      <p>Each is carried out once more, with its source's mapping as it is now. A redriven entry becomes a new idea, priced now. At most 1,000 at once, all or none.</p>
      <Facts of={[['Source', source?.name ?? (filter.sourceId || 'all')], ['Symbol', filter.symbol || 'all'], ['From', filter.from ? local(filter.from) : 'the first'], ['To', filter.to ? local(filter.to) : 'now']]} />
      <Field name="Those that are"><select value={status} onChange={({ target }) => setStatus(target.value as (typeof BULK)[number])}>{BULK.map((each) => <option key={each} value={each}>{STATUS[each].word}</option>)}</select></Field>
      <Field name="With this code only" about="such as UNRESOLVED_PLACEHOLDER; empty: all" error={redrive.error?.of('filter.code')}><input value={code} onChange={({ target }) => setCode(target.value.toUpperCase())} spellCheck={false} autoComplete="off" /></Field>
      <Field name="Reason (optional)"><input value={reason} maxLength={500} onChange={({ target }) => setReason(target.value)} /></Field>
      <ProblemNote error={redrive.error} holds="None of them was redriven." />
      {done ? <p role="status"><strong>{done.redriven === 1 ? '1 alert is' : `${done.redriven} alerts are`} redriven</strong>{done.redriven === 0 ? ': none fits.' : '; what becomes of them stands in the inbox.'}{done.more ? ' More fit: redrive again.' : ''}</p> : null}
      <div className="row"><button type="button" className="main" disabled={redrive.isPending} onClick={() => redrive.mutate()}>{redrive.isPending ? 'Redriving …' : `Redrive all that are ${STATUS[status].word}`}</button><button type="button" onClick={onClose}>{done ? 'Close' : 'Leave them'}</button></div>
    </Dialog>
  );
}
