import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../api/client.js';
import { ApiError } from '../../api/problem.js';
import { makeStale, useList } from '../../api/queries.js';
import type { components, paths } from '../../api/schema.js';
import { written } from '../../kit/decimal.js';
import { Field } from '../../kit/field.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { Age } from '../../kit/time.js';
import type { Agent, Instrument } from './progress.js';
import css from './start.module.css';

type Body = paths['/api/v1/trade-ideas']['post']['requestBody']['content']['application/json'];

interface Props {
  agent: Agent;
  instruments: readonly Instrument[];
  /** What the check asked the gate about: the smallest size, long, with a stop and a target that fit the price and the limits. */
  probe: components['schemas']['AgentCheck']['opening']['probe'];
}

/** An idea of a person, which the agent carries out when the gate lets it through. */
export function ProposeForm({ agent, instruments, probe }: Props) {
  const client = useQueryClient();
  const [idea, setIdea] = useState({ symbol: probe?.symbol ?? instruments[0]?.symbol ?? '', direction: 'long', lotSize: probe?.lotSize ?? instruments[0]?.minSize ?? '0.01', stopLoss: probe?.stopLoss ?? '', takeProfit: probe?.takeProfit ?? '', confidence: '1', rationale: 'The first trade on paper' });
  const { rows: [quote] } = useList('/api/v1/quotes', { query: { accountId: agent.accountId, symbol: idea.symbol, limit: 1 } }, { every: 4_000, enabled: idea.symbol !== '' });
  const propose = useMutation({
    mutationFn: () => {
      const { takeProfit, stopLoss, ...rest } = idea;
      return answer(api.POST('/api/v1/trade-ideas', { body: { ...rest, ...(stopLoss !== '' && { stopLoss }), ...(takeProfit !== '' && { takeProfit }), validForSeconds: 120, executorAgentId: agent.id } as Body }));
    },
    onSuccess: () => makeStale(client, '/api/v1/trade-ideas', '/api/v1/commands', '/api/v1/overview'),
  });
  const wrong = (field: string) => (propose.error instanceof ApiError ? propose.error.of(field) : undefined);
  const set = (part: Partial<typeof idea>) => setIdea({ ...idea, ...part });
  const price = quote ? <>bid {written(quote.bid)}, ask {written(quote.ask)}, <Age at={quote.quotedAt} /></> : <span className="doubt">▲ nobody told a price of it yet</span>;
  return (
    <form className="stack" onSubmit={(event) => { event.preventDefault(); propose.mutate(); }}>
      <div className={css.form}>
        <Field name="Symbol" about={price} error={wrong('symbol')}><select value={idea.symbol} onChange={({ target }) => set({ symbol: target.value, stopLoss: '', takeProfit: '' })}>{[...new Set([idea.symbol, ...instruments.map(({ symbol }) => symbol)])].map((symbol) => <option key={symbol}>{symbol}</option>)}</select></Field>
        <Field name="Direction"><select value={idea.direction} onChange={({ target }) => set({ direction: target.value, stopLoss: '', takeProfit: '' })}><option>long</option><option>short</option></select></Field>
        <Field name="Size" error={wrong('lotSize')}><input inputMode="decimal" required value={idea.lotSize} onChange={({ target }) => set({ lotSize: target.value.trim() })} /></Field>
        <Field name="Stop" about="below the price for a long, above it for a short" error={wrong('stopLoss')}><input inputMode="decimal" value={idea.stopLoss} onChange={({ target }) => set({ stopLoss: target.value.trim() })} /></Field>
        <Field name="Target" about="may be empty where no limit asks for a reward to risk" error={wrong('takeProfit')}><input inputMode="decimal" value={idea.takeProfit} onChange={({ target }) => set({ takeProfit: target.value.trim() })} /></Field>
        <Field name="Confidence" about="0 to 1" error={wrong('confidence')}><input inputMode="decimal" required value={idea.confidence} onChange={({ target }) => set({ confidence: target.value.trim() })} /></Field>
        <Field name="Why" error={wrong('rationale')}><input required value={idea.rationale} onChange={({ target }) => set({ rationale: target.value })} /></Field>
      </div>
      <ProblemNote error={propose.error} holds="Nothing was proposed, as far as is known here." />
      <div><button className="main" disabled={propose.isPending}>{propose.isPending ? 'Asking the gate …' : `Propose to ${agent.name}`}</button></div>
    </form>
  );
}
