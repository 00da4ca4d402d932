import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../api/client.js';
import { ApiError } from '../../api/problem.js';
import { makeStale } from '../../api/queries.js';
import type { paths } from '../../api/schema.js';
import { Field } from '../../kit/field.js';
import { ProblemNote } from '../../kit/problem-note.js';
import css from './start.module.css';

type Body = paths['/api/v1/instruments']['post']['requestBody']['content']['application/json'];

/** As most brokers of currencies have them; a person compares them with the broker's. */
const LIKE = {
  'currency pair': { symbol: 'EURUSD', kind: 'fx', sizeUnit: 'lots', contractSize: '100000', tickSize: '0.00001', tickValue: '1', tickValueCurrency: 'USD', minSize: '0.01', sizeStep: '0.01' },
  'pair with yen': { symbol: 'USDJPY', kind: 'fx', sizeUnit: 'lots', contractSize: '100000', tickSize: '0.001', tickValue: '100', tickValueCurrency: 'JPY', minSize: '0.01', sizeStep: '0.01' },
  gold: { symbol: 'XAUUSD', kind: 'cfd', sizeUnit: 'lots', contractSize: '100', tickSize: '0.01', tickValue: '1', tickValueCurrency: 'USD', minSize: '0.01', sizeStep: '0.01' },
  stock: { symbol: 'AAPL', kind: 'stock', sizeUnit: 'shares', contractSize: '1', tickSize: '0.01', tickValue: '0.01', tickValueCurrency: 'USD', minSize: '1', sizeStep: '1' },
  coin: { symbol: 'BTCUSD', kind: 'crypto', sizeUnit: 'BTC', contractSize: '1', tickSize: '0.01', tickValue: '0.01', tickValueCurrency: 'USD', minSize: '0.001', sizeStep: '0.001' },
} as const;
type Terms = Record<keyof (typeof LIKE)['stock'], string>;

const FIELDS: readonly [keyof Terms, string, string?][] = [
  ['symbol', 'Symbol', "the broker's spelling is well too"], ['sizeUnit', 'A size of 1 is one'], ['contractSize', 'Contract size', 'what a size of 1 holds'], ['tickSize', 'Tick', 'the smallest step of the price'],
  ['tickValue', 'Worth of a tick', 'of a size of 1'], ['tickValueCurrency', 'Its currency', 'tick × contract size in the quote currency stays the same'], ['minSize', 'Smallest size'], ['sizeStep', 'Step of sizes'],
];

export function InstrumentForm({ accountId, onMade }: { accountId: string; onMade: () => void }) {
  const client = useQueryClient();
  const [terms, setTerms] = useState<Terms>(LIKE['currency pair']);
  const make = useMutation({
    mutationFn: () => answer(api.POST('/api/v1/instruments', { body: { ...terms, accountId } as Body })),
    onSuccess: async () => {
      await makeStale(client, '/api/v1/instruments', '/api/v1/agents');
      onMade();
    },
  });
  const wrong = (field: string) => (make.error instanceof ApiError ? make.error.of(field) : undefined);
  return (
    <form className="stack" onSubmit={(event) => { event.preventDefault(); make.mutate(); }}>
      <div className={css.choices} role="group" aria-label="Begin with the terms of a">
        {Object.entries(LIKE).map(([name, like]) => <button key={name} type="button" className="small" aria-pressed={terms.kind === like.kind && terms.contractSize === like.contractSize && terms.tickSize === like.tickSize} onClick={() => setTerms(like)}>{name}</button>)}
      </div>
      <div className={css.form}>
        {FIELDS.map(([name, title, about]) => <Field key={name} name={title} about={about} error={wrong(name)}><input value={terms[name]} required autoComplete="off" spellCheck={false} onChange={({ target }) => setTerms({ ...terms, [name]: target.value.trim() })} /></Field>)}
      </div>
      <ProblemNote error={make.error} holds="Nothing was listed, as far as is known here." />
      <div><button className="main" disabled={make.isPending}>{make.isPending ? 'Listing …' : `List ${terms.symbol}`}</button></div>
    </form>
  );
}
