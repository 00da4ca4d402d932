import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import bodies from '../../../api/bodies.json';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { type ItemOf, makeStale, useList } from '../../../api/queries.js';
import { useMay } from '../../../api/session.js';
import { DataTable } from '../../../kit/data-table.js';
import { Dialog } from '../../../kit/dialog.js';
import { Money } from '../../../kit/figures.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import type { Schema } from '../../../kit/schema.js';
import { SchemaForm } from '../../../kit/schema-form.js';

type Account = ItemOf<'/api/v1/accounts'>;
const SCHEMA = (bodies as Record<string, unknown>)['POST /api/v1/accounts'] as Schema;

export function AccountsTab() {
  const { query, rows } = useList('/api/v1/accounts');
  const [isAdding, add] = useState(false);
  const mayAdd = useMay('admin');
  return (
    <Panel title="Accounts" actions={mayAdd ? <button type="button" onClick={() => add(true)}>Add account</button> : null}>
      <Fresh query={query}>
        {() => (
          <DataTable label="Accounts" rows={rows} rowKey={({ id }) => id} more={query} empty="There is no account yet. An account is where money lies: a broker's login, or paper." columns={[
            { name: 'Account', cell: ({ id, name }) => <Link href={`/settings/accounts/${id}`}>{name}</Link> },
            { name: 'Kind', cell: ({ kind }) => kind }, { name: 'Currency', cell: ({ currency }) => currency },
            { name: 'Broker', wide: true, cell: ({ broker, server, loginMasked }) => <>{broker ?? '—'}<div className="small quiet">{server} {loginMasked}</div></> },
            { name: 'Trading day', wide: true, cell: ({ tradingDay }) => `${tradingDay.rollover} ${tradingDay.zone}` },
            { name: 'Began with', number: true, wide: true, cell: ({ initialBalance, currency }) => <Money value={initialBalance} currency={currency} why="nobody said" /> },
          ]} />
        )}
      </Fresh>
      {isAdding ? <AddAccount onClose={() => add(false)} /> : null}
    </Panel>
  );
}

function AddAccount({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [, goTo] = useLocation();
  const [value, change] = useState<unknown>({ tradingDay: { zone: 'UTC', rollover: '00:00' } });
  const make = useMutation<Account, ApiError, void>({
    mutationFn: () => answer(api.POST('/api/v1/accounts', { body: value as never })) as Promise<Account>,
    onSuccess: ({ id }) => {
      void makeStale(client, '/api/v1/accounts');
      goTo(`/settings/accounts/${id}`);
    },
  });
  return (
    <Dialog title="Add account" onClose={onClose}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); make.mutate(); }}>
        <SchemaForm schema={SCHEMA} value={value} onChange={change} error={make.error} />
        <ProblemNote error={make.error} holds="No account was added." />
        <div><button type="submit" className="main" disabled={make.isPending}>Add account</button></div>
      </form>
    </Dialog>
  );
}
