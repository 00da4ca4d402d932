import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { answer, api } from '../../../api/client.js';
import { ApiError } from '../../../api/problem.js';
import { makeStale } from '../../../api/queries.js';
import { Field } from '../../../kit/field.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import { TypedConfirm } from '../../../kit/confirm.js';
import type { Trade } from '../trade-words.js';
import css from './one.module.css';

type Status = Trade['status'];
/** What a person may find out that the broker has done; the server says the same. */
const TO: Record<Status, readonly Status[]> = {
  pending: ['cancelled', 'rejected', 'expired', 'closed'], open: ['closed'], closing: ['open', 'closed'], unknown: ['open', 'closed', 'cancelled', 'rejected', 'expired'], closed: [], rejected: [], cancelled: [], expired: [],
};
const REASONS = ['operator', 'stop', 'target', 'trailing', 'signal', 'stop_out', 'square_off', 'settlement', 'external', 'unknown'] as const;
const EMPTY = { exitPrice: '', exitReason: 'operator', grossProfit: '', commission: '', swap: '', fee: '', reason: '' };

/** Writes down what is so at the broker, on the version that is seen here. */
export function SettleTrade({ trade, onDone }: { trade: Trade; onDone: () => void }) {
  const client = useQueryClient();
  const [to, setTo] = useState<Status>(TO[trade.status][0] ?? 'closed');
  const [said, setSaid] = useState(EMPTY);
  const [version] = useState(trade.version);
  const settle = useMutation({
    mutationFn: () => {
      const { reason, exitPrice, exitReason, ...money } = said;
      const closed = to === 'closed' ? { exitPrice, exitReason, ...Object.fromEntries(Object.entries(money).filter(([, value]) => value.trim() !== '')) } : {};
      return answer(api.POST('/api/v1/trades/{tradeId}/transitions', { params: { path: { tradeId: trade.id } }, body: { to, version, reason, ...closed } as never }));
    },
    onSuccess: onDone,
    onSettled: () => makeStale(client, '/api/v1/trades', '/api/v1/reports', '/api/v1/positions', '/api/v1/overview'),
  });
  const wrong = (name: string) => (settle.error instanceof ApiError ? settle.error.of(name) : undefined);
  const input = (name: keyof typeof EMPTY, label: string, about: string) => (
    <Field key={name} name={label} about={about} error={wrong(name)}><input inputMode="decimal" value={said[name]} onChange={({ target }) => setSaid({ ...said, [name]: target.value })} /></Field>
  );
  return (
    <section aria-label="Settle by hand" className="stack">
      <p className="doubt">▲ This writes down what is so at the broker; it sends nothing there. Look at the broker first.</p>
      <div className="grid2" onSubmit={(event: FormEvent) => event.preventDefault()}>
        <Field name="It is" error={wrong('to')}><select value={to} onChange={({ target }) => setTo(target.value as Status)}>{TO[trade.status].map((each) => <option key={each}>{each}</option>)}</select></Field>
        {to === 'closed' ? (
          <>
            {input('exitPrice', 'Exit price', 'as the broker says')}
            <Field name="Reason of the exit" error={wrong('exitReason')}><select value={said.exitReason} onChange={({ target }) => setSaid({ ...said, exitReason: target.value })}>{REASONS.map((each) => <option key={each}>{each}</option>)}</select></Field>
            {input('grossProfit', 'Gross profit (optional)', 'before costs; empty: not known')}
            {input('commission', 'Commission (optional)', 'a negative number')}
            {input('swap', 'Swap (optional)', 'of the whole trade')}
            {input('fee', 'Fee (optional)', 'a negative number')}
          </>
        ) : null}
        <Field name="Why you write this" about="kept for ever" error={wrong('reason')}><input value={said.reason} maxLength={1_000} onChange={({ target }) => setSaid({ ...said, reason: target.value })} /></Field>
      </div>
      <TypedConfirm word="SETTLE" onConfirmed={() => settle.mutate()} disabled={settle.isPending || said.reason.trim() === ''}>Write down that it is {to}</TypedConfirm>
      <div className={css.actions}><button type="button" className="small" onClick={onDone}>Leave it as it is</button></div>
      <ProblemNote error={settle.error} holds="The trade stands as it was." />
    </section>
  );
}
