import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import bodies from '../../../api/bodies.json';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { makeStale, useList } from '../../../api/queries.js';
import { useMay } from '../../../api/session.js';
import { given, useFilter } from '../../../kit/address.js';
import { DataTable } from '../../../kit/data-table.js';
import { Dialog } from '../../../kit/dialog.js';
import { Field } from '../../../kit/field.js';
import { Amount } from '../../../kit/figures.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import type { Schema } from '../../../kit/schema.js';
import { SchemaForm } from '../../../kit/schema-form.js';
import { AccountName, useAccounts } from '../../../shared/names.js';

const SCHEMA = (bodies as Record<string, unknown>)['POST /api/v1/instruments'] as Schema;

export function InstrumentsTab() {
  const [accountId, setAccount] = useFilter('account');
  const [symbol, setSymbol] = useFilter('symbol');
  const accounts = useAccounts();
  const { query, rows } = useList('/api/v1/instruments', { query: given({ accountId, symbol }) });
  const [isAdding, add] = useState(false);
  const mayAdd = useMay('operator');
  return (
    <Panel title="Instruments" actions={mayAdd ? <button type="button" onClick={() => add(true)}>Add instrument</button> : null}>
      <div className="row">
        <Field name="Account"><select value={accountId} onChange={({ target }) => setAccount(target.value)}><option value="">all</option>{accounts.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}</select></Field>
        <Field name="Symbol"><input value={symbol} placeholder="EURUSD" autoComplete="off" onChange={({ target }) => setSymbol(target.value.trim())} /></Field>
      </div>
      <Fresh query={query}>
        {() => (
          <DataTable label="Instruments" rows={rows} rowKey={({ id }) => id} more={query} empty="None is known here. Agents tell of them, or you add one: without its terms no size can be reckoned." columns={[
            { name: 'Symbol', cell: ({ id, symbol: name, exchange, product }) => <Link href={`/settings/instruments/${id}`}>{exchange ? `${exchange}:` : ''}{name}{product ? ` ${product}` : ''}</Link> },
            { name: 'Account', cell: ({ accountId: of }) => <AccountName id={of} /> },
            { name: 'Kind', cell: ({ kind }) => kind },
            { name: 'One size is', number: true, wide: true, cell: ({ contractSize, sizeUnit }) => <Amount value={contractSize} unit={`per ${sizeUnit}`} /> },
            { name: 'Tick', number: true, wide: true, cell: ({ tickSize }) => <Amount value={tickSize} /> },
            { name: 'Sizes', number: true, wide: true, cell: ({ minSize, sizeStep, maxSize }) => <>{minSize} by {sizeStep}{maxSize ? ` to ${maxSize}` : ''}</> },
            { name: 'Version', number: true, cell: ({ version }) => version },
          ]} />
        )}
      </Fresh>
      {isAdding ? <AddInstrument onClose={() => add(false)} /> : null}
    </Panel>
  );
}

function AddInstrument({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [, goTo] = useLocation();
  const accounts = useAccounts();
  const [value, change] = useState<Record<string, unknown>>({});
  const make = useMutation<{ id: string }, ApiError, void>({
    mutationFn: () => answer(api.POST('/api/v1/instruments', { body: value as never })) as Promise<{ id: string }>,
    onSuccess: ({ id }) => {
      void makeStale(client, '/api/v1/instruments');
      goTo(`/settings/instruments/${id}`);
    },
  });
  return (
    <Dialog title="Add instrument" onClose={onClose}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); make.mutate(); }}>
        <Field name="Account" about="whose terms these are" error={make.error?.of('accountId')}><select value={String(value['accountId'] ?? '')} onChange={({ target }) => change({ ...value, accountId: target.value || undefined })}><option value="">—</option>{accounts.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}</select></Field>
        <SchemaForm schema={SCHEMA} without={['accountId']} value={value} onChange={(next) => change(next as Record<string, unknown>)} error={make.error} />
        <ProblemNote error={make.error} holds="No instrument was added." />
        <div><button type="submit" className="main" disabled={make.isPending}>Add instrument</button></div>
      </form>
    </Dialog>
  );
}
