import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { answer, api } from '../../api/client.js';
import type { ApiError } from '../../api/problem.js';
import { makeStale } from '../../api/queries.js';
import type { paths } from '../../api/schema.js';
import { useMay } from '../../api/session.js';
import { Amount } from '../../kit/figures.js';
import { Field } from '../../kit/field.js';
import { Empty, Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { useAgents } from '../../shared/names.js';
import { Reasons, VerdictTable, VerdictWord } from '../../shared/verdict.js';
import { inWords } from './words.js';
import css from './propose.module.css';

type Checked = paths['/api/v1/risk/check']['post']['responses'][200]['content']['application/json'];
type Body = NonNullable<paths['/api/v1/trade-ideas']['post']['requestBody']>['content']['application/json'];
type Typed = Record<'executorAgentId' | 'symbol' | 'direction' | 'outcome' | 'lotSize' | 'entryPrice' | 'low' | 'high' | 'stopLoss' | 'takeProfit' | 'confidence' | 'validForSeconds' | 'rationale' | 'product', string>;

const BLANK: Typed = { executorAgentId: '', symbol: '', direction: 'long', outcome: '', lotSize: '', entryPrice: '', low: '', high: '', stopLoss: '', takeProfit: '', confidence: '', validForSeconds: '', rationale: '', product: '' };

/** What was left empty is not said; what is no number goes as it was typed, and the server says what is wrong with it. */
function bodyOf({ low, high, validForSeconds, ...typed }: Typed): Body {
  const said = Object.fromEntries(Object.entries(typed).filter(([, value]) => value.trim() !== '').map(([name, value]) => [name, value.trim()]));
  return {
    ...said, ...(low || high ? { entryRange: { low, high } } : {}), ...(validForSeconds ? { validForSeconds: /^\d{1,6}$/.test(validForSeconds) ? Number(validForSeconds) : validForSeconds } : {}),
  } as unknown as Body;
}

/** An idea by hand: first what the gate would say, then the idea itself, which the gate decides anew. */
export function Propose() {
  const mayPropose = useMay('operator');
  const client = useQueryClient();
  const [, go] = useLocation();
  const agents = useAgents().filter(({ retired }) => !retired);
  const [typed, setTyped] = useState(BLANK);
  const [checked, setChecked] = useState<Checked | null>(null);
  const check = useMutation<Checked, ApiError>({ mutationFn: () => answer(api.POST('/api/v1/risk/check', { body: bodyOf(typed) as never })), onSuccess: setChecked });
  const propose = useMutation<{ id: string }, ApiError>({
    mutationFn: () => answer(api.POST('/api/v1/trade-ideas', { body: bodyOf(typed) })),
    onSuccess: async ({ id }) => {
      await makeStale(client, '/api/v1/trade-ideas');
      go(`/ideas/${id}`);
    },
  });
  if (!mayPropose) return <Empty>Only operators and administrators propose trades.</Empty>;
  const error = propose.error ?? check.error;
  const busy = check.isPending || propose.isPending;
  const field = (name: keyof Typed, path: string = name) => ({
    value: typed[name], error: error?.of(path),
    onChange: ({ target }: { target: { value: string } }) => {
      setTyped({ ...typed, [name]: target.value });
      // What was said of something else is no answer to this.
      setChecked(null);
      propose.reset();
      check.reset();
    },
  });
  const input = (label: string, name: keyof Typed, { about, path, ...more }: { about?: string; path?: string; inputMode?: 'decimal' | 'numeric'; required?: boolean } = {}) => {
    const { error: wrong, ...rest } = field(name, path);
    return <Field name={label} about={about} error={wrong}><input {...rest} {...more} autoComplete="off" spellCheck={false} /></Field>;
  };
  const { error: wrongAgent, ...agent } = field('executorAgentId');
  const { error: wrongDirection, ...direction } = field('direction');
  const { error: wrongOutcome, ...outcome } = field('outcome');
  const { error: wrongWhy, ...why } = field('rationale');
  const trader = agents.find(({ id }) => id === typed.executorAgentId);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    check.mutate();
  };
  return (
    <>
      <div><p className="small"><Link href="/ideas">Ideas</Link></p><h1>Propose a trade</h1></div>
      <Panel title="The idea">
        <form className="stack" onSubmit={submit}>
          <div className={css.fields}>
            <Field name="Traded by" about="in its account and mode" error={wrongAgent}><select {...agent} required><option value="">—</option>{agents.map(({ id, name, account, mode }) => <option key={id} value={id}>{name} · {account} · {mode === 'live' ? 'LIVE' : mode}</option>)}</select></Field>
            {input('Symbol', 'symbol', { required: true })}
            <Field name="Direction" error={wrongDirection}><select {...direction}><option value="long">long (buy)</option><option value="short">short (sell)</option></select></Field>
            {input('Size', 'lotSize', { inputMode: 'decimal', required: true, about: "in the instrument's unit" })}
            {input('Stop', 'stopLoss', { inputMode: 'decimal', about: 'the price at which it is lost' })}
            {input('Target', 'takeProfit', { inputMode: 'decimal' })}
            {input('Entry price', 'entryPrice', { inputMode: 'decimal', about: 'empty: at the market' })}
            {input('Confidence', 'confidence', { inputMode: 'decimal', about: '0 to 1; empty: a person is asked' })}
            {input('Entry from', 'low', { inputMode: 'decimal', path: 'entryRange.low', about: 'outside it waits for its price' })}
            {input('Entry to', 'high', { inputMode: 'decimal', path: 'entryRange.high' })}
            {input('Valid for', 'validForSeconds', { inputMode: 'numeric', about: 'seconds; 30 if left empty' })}
            {input('Product', 'product', { about: 'where the broker has several' })}
            <Field name="Outcome" about="of a binary contract only" error={wrongOutcome}><select {...outcome}><option value="">—</option><option value="yes">yes</option><option value="no">no</option></select></Field>
          </div>
          <Field name="Why" error={wrongWhy}><textarea {...why} required maxLength={4_000} /></Field>
          <div className="row">
            <button className={checked ? '' : 'main'} disabled={busy}>{check.isPending ? 'Asking the gate …' : 'What would the gate say?'}</button>
            <button type="button" className={checked ? 'main' : ''} disabled={busy || !checked} onClick={() => propose.mutate()}>{propose.isPending ? 'Proposing …' : `Propose: ${typed.symbol && typed.lotSize ? inWords({ direction: typed.direction as 'long', outcome: (typed.outcome || null) as null, lotSize: typed.lotSize, symbol: typed.symbol.toUpperCase() }) : 'this trade'}${trader ? ` on ${trader.account}` : ''}`}</button>
            {checked ? null : <span className="small quiet">First ask the gate: nothing is written by that.</span>}
          </div>
          <ProblemNote error={error} holds={propose.error ? undefined : 'Nothing was proposed.'} />
        </form>
      </Panel>
      {checked ? (
        <Panel title="What the gate would say now">
          <div className="row"><VerdictWord verdict={checked.verdict} /><span className="quiet">at a price of</span> <Amount value={checked.price} why="nobody knows one" /></div>
          <Reasons reasons={checked.reasons} />
          <VerdictTable verdict={checked} />
        </Panel>
      ) : null}
    </>
  );
}
