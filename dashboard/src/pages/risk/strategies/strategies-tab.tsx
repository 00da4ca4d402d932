import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { type ItemOf, makeStale, useList } from '../../../api/queries.js';
import { useMay } from '../../../api/session.js';
import { useFilter } from '../../../kit/address.js';
import { DataTable } from '../../../kit/data-table.js';
import { Dialog } from '../../../kit/dialog.js';
import { Field } from '../../../kit/field.js';
import { Light } from '../../../kit/figures.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import { Age } from '../../../kit/time.js';

type Strategy = ItemOf<'/api/v1/strategies'>;

export function StrategiesTab() {
  const [retired, setRetired] = useFilter('retired', 'false');
  const { query, rows } = useList('/api/v1/strategies', { query: { retired: retired as 'true' | 'false' } });
  const [isAdding, add] = useState(false);
  const mayAdd = useMay('admin');
  return (
    <Panel title="Strategies" actions={<><label className="row small">Show <select value={retired} onChange={({ target }) => setRetired(target.value)}><option value="false">those in use</option><option value="true">retired ones</option></select></label>{mayAdd ? <button type="button" onClick={() => add(true)}>Add strategy</button> : null}</>}>
      <Fresh query={query}>
        {() => (
          <DataTable label="Strategies" rows={rows} rowKey={({ id }) => id} more={query} empty={retired === 'true' ? 'None was retired.' : 'There is no strategy yet. Ideas can name one; then its symbols, sessions and caps hold for them.'}
            columns={[
              { name: 'Strategy', cell: ({ id, name }) => <Link href={`/risk/strategies/${id}`}>{name}</Link> },
              { name: 'State', cell: (strategy) => <StrategyLight strategy={strategy} /> },
              { name: 'Symbols', cell: ({ allowedSymbols }) => (allowedSymbols === null ? <span className="doubt">any</span> : allowedSymbols.slice(0, 6).join(', ') + (allowedSymbols.length > 6 ? ` and ${allowedSymbols.length - 6} more` : '')) },
              { name: 'Sessions', wide: true, cell: ({ sessionWindows }) => (sessionWindows === null ? <span className="doubt">at any time</span> : sessionWindows.map(({ days, from, to, zone }) => <div key={`${days.join()}${from}${zone}`} className="small">{days.join(' ')} {from}–{to} {zone}</div>)) },
              { name: 'Own caps', number: true, wide: true, cell: ({ riskCaps }) => Object.keys(riskCaps).length },
              { name: 'Version', number: true, wide: true, cell: ({ version }) => version },
              { name: 'Changed', wide: true, cell: ({ updatedAt }) => <Age at={updatedAt} /> },
            ]}
          />
        )}
      </Fresh>
      {isAdding ? <AddStrategy onClose={() => add(false)} /> : null}
    </Panel>
  );
}

export function StrategyLight({ strategy: { isActive, retired } }: { strategy: Pick<Strategy, 'isActive' | 'retired'> }) {
  if (retired) return <Light tone="off">retired</Light>;
  return isActive ? <Light tone="good">ideas may name it</Light> : <Light tone="off">switched off</Light>;
}

function AddStrategy({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [, goTo] = useLocation();
  const [name, setName] = useState('');
  const make = useMutation<Strategy, ApiError, void>({
    mutationFn: () => answer(api.POST('/api/v1/strategies', { body: { name, isActive: false } as never })) as Promise<Strategy>,
    onSuccess: ({ id }) => {
      void makeStale(client, '/api/v1/strategies');
      goTo(`/risk/strategies/${id}`);
    },
  });
  return (
    <Dialog title="Add strategy" onClose={onClose}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); make.mutate(); }}>
        <Field name="Name" about="as ideas name it" error={make.error?.of('name')}><input value={name} required maxLength={100} autoComplete="off" onChange={({ target }) => setName(target.value)} /></Field>
        <p className="quiet small">It begins switched off: say its symbols, sessions and caps next, then switch it on.</p>
        <ProblemNote error={make.error} />
        <div><button type="submit" className="main" disabled={make.isPending || name.trim() === ''}>Add strategy</button></div>
      </form>
    </Dialog>
  );
}
