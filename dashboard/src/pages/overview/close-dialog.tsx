import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from 'wouter';
import { answer, api } from '../../api/client.js';
import { ApiError } from '../../api/problem.js';
import { makeStale, useGet, useList } from '../../api/queries.js';
import { HoldButton } from '../../kit/confirm.js';
import { Dialog } from '../../kit/dialog.js';
import { Amount, Code, Light, Mode, Money, type Tone } from '../../kit/figures.js';
import { Fresh } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { Age } from '../../kit/time.js';
import type { Held } from '../../shared/overview.js';
import { halfOf } from '../../shared/half.js';
import { sideOf } from '../../shared/side.js';

/** Close, or half of it, by a command to the agent that holds it: each held, and then followed to its end. */
export function CloseDialog({ held, onClose }: { held: Held; onClose: () => void }) {
  const client = useQueryClient();
  const close = useMutation({
    mutationFn: (size: string | null) => answer(api.POST('/api/v1/agents/{agentId}/commands', {
      params: { path: { agentId: held.agentId } }, body: { type: 'close_trade', payload: { tradeId: held.tradeId, ...(size === null ? {} : { size }), reason: 'closed by hand' } },
    })),
    onSettled: () => makeStale(client, '/api/v1/commands', '/api/v1/overview', '/api/v1/trades'),
  });
  return (
    <Dialog title={`Close ${held.symbol}`} onClose={onClose}>
      <p><strong>{held.symbol} {sideOf(held)}</strong> <Amount value={held.openLots} /> · {held.account} <Mode mode={held.mode} /> · {held.agent} · floating <Money value={held.profit.value} currency={held.currency} signed why={held.profit.why} /></p>
      {close.data ? <Asked id={close.data.id} /> : <Choices held={held} busy={close.isPending} onHeld={(size) => close.mutate(size)} />}
      <ProblemNote error={close.error} holds={holdsOf(close.error)} />
      {close.error ? <button type="button" onClick={() => close.reset()}>Choose again</button> : null}
    </Dialog>
  );
}

function holdsOf(error: Error | null): string {
  if (error instanceof ApiError && error.code === 'CLOSE_EXCEEDS_POSITION') return 'Nothing more was asked for: what is under way already closes it. Its commands stand at its agent.';
  return error instanceof ApiError && error.status === 0 ? 'Whether it was asked for is not known: look at the commands of its agent before you ask again.' : 'Nothing was asked for, and the position stays.';
}

function Choices({ held, busy, onHeld }: { held: Held; busy: boolean; onHeld: (size: string | null) => void }) {
  const { query, rows } = useList('/api/v1/instruments', { query: { accountId: held.accountId, symbol: held.symbol, limit: 2 } }, { every: 60_000 });
  const [instrument] = rows;
  const half = query.isPending ? { whyNot: 'its size step is being read' } : query.error ? { whyNot: `its size step could not be read: ${query.error.message}` }
    : !instrument ? { whyNot: 'its instrument is not known, so neither is its size step' } : rows.length > 1 ? { whyNot: 'several instruments have this symbol, and may have other size steps' } : halfOf(held.openLots, instrument);
  const unit = instrument?.sizeUnit ?? '';
  if (!held.canClose) return <p className="danger">■ It can not be closed from here: {held.whyNot ?? 'nobody says why'}.</p>;
  return (
    <div className="stack">
      <HoldButton disabled={busy} onHeld={() => onHeld(null)}>Close all {held.openLots} {unit}</HoldButton>
      {'half' in half ? <HoldButton disabled={busy} onHeld={() => onHeld(half.half)}>Close half: {half.half} {unit}</HoldButton> : <><button type="button" disabled>Close half</button><p className="small quiet">No half: {half.whyNot}.</p></>}
      <p className="small quiet">Its agent is asked to close at the market. Nothing is closed until it says so.</p>
    </div>
  );
}

const TONES: Record<string, Tone> = { succeeded: 'good', failed: 'danger', cancelled: 'danger', expired: 'danger', unknown: 'danger' };

function Asked({ id }: { id: string }) {
  const query = useGet('/api/v1/commands/{id}', { path: { id } }, { every: 2_000 });
  return (
    <Fresh query={query} every={2_000}>
      {({ status, createdAt, agentId, error, reason }) => (
        <div className="stack" role="status">
          <p><Light tone={TONES[status] ?? 'doubt'}>{WORDS[status] ?? status}</Light> <Code>{status}</Code></p>
          {error ? <p className="danger">{JSON.stringify(error)}</p> : null}
          {reason && status === 'cancelled' ? <p>{reason}</p> : null}
          <p className="small">Asked <Age at={createdAt} />. <Link href={`/agents/${agentId}/commands`}>Commands of its agent</Link></p>
        </div>
      )}
    </Fresh>
  );
}

const WORDS: Record<string, string> = {
  queued: 'Asked for. It waits for its agent to take it.', leased: 'Its agent has it.', waiting_for_market: 'It waits for the market to open.', succeeded: 'Its agent says it is done.',
  failed: 'It failed: the position stays.', cancelled: 'It was cancelled: the position stays.', expired: 'It expired: the position stays.', unknown: 'Nobody knows what became of it: look at the broker.',
};
