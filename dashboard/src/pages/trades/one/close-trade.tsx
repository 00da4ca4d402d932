import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { answer, api } from '../../../api/client.js';
import { makeStale, useGet } from '../../../api/queries.js';
import { HoldButton } from '../../../kit/confirm.js';
import { written } from '../../../kit/decimal.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import { halfOf } from '../../../shared/half.js';
import type { Trade } from '../trade-words.js';
import css from './one.module.css';

/** Asks the agent to close all or half. That it was asked is not that it is closed, and the page says which. */
export function CloseTrade({ trade }: { trade: Trade }) {
  const client = useQueryClient();
  const [reason, setReason] = useState('');
  const terms = useGet('/api/v1/instruments', { query: { accountId: trade.accountId, symbol: trade.symbol } as never }).data?.items[0];
  const part = terms ? halfOf(trade.openSize!, terms) : { whyNot: 'the terms of its instrument are not known' };
  const half = 'half' in part ? part.half : null;
  const close = useMutation({
    mutationFn: (size: string | null) => answer(api.POST('/api/v1/agents/{agentId}/commands', {
      params: { path: { agentId: trade.agentId } },
      body: { type: 'close_trade', payload: { tradeId: trade.id, ...(size === null ? {} : { size }), ...(reason.trim() === '' ? {} : { reason: reason.trim() }) } } as never,
    })),
    onSettled: () => makeStale(client, '/api/v1/trades', '/api/v1/commands', '/api/v1/closures', '/api/v1/overview'),
  });
  return (
    <div className={css.actions}>
      <div className="row">
        <input className={css.reason} aria-label="Reason, kept with the command (optional)" placeholder="Reason (optional)" value={reason} maxLength={500} onChange={({ target }) => setReason(target.value)} />
        <HoldButton onHeld={() => close.mutate(null)} disabled={close.isPending}>Close all {written(trade.openSize!)} {trade.symbol}</HoldButton>
        {half === null ? null : <HoldButton onHeld={() => close.mutate(half)} disabled={close.isPending}>Close half, {written(half)}</HoldButton>}
      </div>
      {'whyNot' in part ? <p className="small quiet">Half cannot be closed: {part.whyNot}.</p> : null}
      {close.isPending ? <p role="status" className="quiet">Asking …</p> : null}
      {close.data ? <p role="status">The agent is asked to close {close.variables === null ? 'all of it' : written(close.variables)}: <Link href={`/why/${close.data.id}`}>command {close.data.id.slice(-8)}</Link>, {close.data.status}. It is closed when this page says closed.</p> : null}
      <ProblemNote error={close.error} holds="The trade stands as it is shown; nothing more was asked for." />
    </div>
  );
}
