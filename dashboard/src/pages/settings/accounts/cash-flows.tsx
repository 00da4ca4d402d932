import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import bodies from '../../../api/bodies.json';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { makeStale, useList } from '../../../api/queries.js';
import { useMay } from '../../../api/session.js';
import { DataTable } from '../../../kit/data-table.js';
import { Money } from '../../../kit/figures.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import type { Schema } from '../../../kit/schema.js';
import { SchemaForm } from '../../../kit/schema-form.js';
import { Time } from '../../../kit/time.js';
import { Actor } from '../../../shared/names.js';

const SCHEMA = (bodies as Record<string, unknown>)['POST /api/v1/accounts/{accountId}/cash-flows'] as Schema;

/** Money that came in or went out: it is neither profit nor loss. */
export function CashFlows({ id, currency }: { id: string; currency: string }) {
  const { query, rows } = useList('/api/v1/accounts/{accountId}/cash-flows', { path: { accountId: id } });
  const mayAdd = useMay('admin');
  return (
    <Panel title="Deposits and withdrawals">
      <Fresh query={query}>
        {() => (
          <DataTable label="Deposits and withdrawals" rows={rows} rowKey={(flow) => flow.id} more={query} empty="None was told." columns={[
            { name: 'When', cell: ({ at }) => <Time at={at} /> }, { name: 'What', cell: ({ kind }) => kind },
            { name: 'Amount', number: true, cell: ({ amount }) => <Money value={amount} currency={currency} signed /> },
            { name: 'Deal', wide: true, cell: ({ brokerDealId }) => brokerDealId ?? '—' }, { name: 'Told by', wide: true, cell: ({ recordedBy }) => <Actor who={recordedBy} /> },
          ]} />
        )}
      </Fresh>
      {mayAdd ? <AddFlow id={id} currency={currency} /> : null}
    </Panel>
  );
}

function AddFlow({ id, currency }: { id: string; currency: string }) {
  const client = useQueryClient();
  const [value, change] = useState<Record<string, unknown>>({});
  const add = useMutation<unknown, ApiError, void>({
    mutationFn: () => answer(api.POST('/api/v1/accounts/{accountId}/cash-flows', { params: { path: { accountId: id } }, body: value as never })),
    onSuccess: () => change({}),
    onSettled: () => makeStale(client, '/api/v1/accounts', '/api/v1/overview'),
  });
  return (
    <details>
      <summary>Tell of one, in {currency}</summary>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); add.mutate(); }}>
        <SchemaForm schema={SCHEMA} value={value} onChange={(next) => change(next as Record<string, unknown>)} error={add.error} />
        <ProblemNote error={add.error} holds="Nothing was written down." />
        <div><button type="submit" className="main" disabled={add.isPending}>Write it down</button></div>
      </form>
    </details>
  );
}
