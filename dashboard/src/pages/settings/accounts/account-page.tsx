import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import bodies from '../../../api/bodies.json';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { type AnswerOf, makeStale, useGet } from '../../../api/queries.js';
import { useMay } from '../../../api/session.js';
import { DataTable } from '../../../kit/data-table.js';
import { Figure, Mode, Money } from '../../../kit/figures.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import type { Schema } from '../../../kit/schema.js';
import { SchemaForm } from '../../../kit/schema-form.js';
import { Time } from '../../../kit/time.js';
import { patchOf } from '../patch.js';
import { CashFlows } from './cash-flows.js';
import { Days } from './days.js';

type Account = AnswerOf<'/api/v1/accounts/{accountId}'>;
const SCHEMA = (bodies as Record<string, unknown>)['PATCH /api/v1/accounts/{accountId}'] as Schema;

export function AccountPage({ id }: { id: string }) {
  const query = useGet('/api/v1/accounts/{accountId}', { path: { accountId: id } });
  const mayChange = useMay('admin');
  return (
    <>
      <p><Link href="/settings/accounts">← Accounts</Link></p>
      <Fresh query={query}>
        {(account) => (
          <div className="stack">
            <Panel title={account.name} actions={<Link href={`/risk/limits/account/${id}`}>its limits</Link>}>
              <div className="row" style={{ gap: 24 }}>
                <Figure name="Kind">{account.kind}</Figure>
                <Figure name="Currency">{account.currency}</Figure>
                <Figure name="Margin">{account.marginMode}</Figure>
                <Figure name="Began with"><Money value={account.initialBalance} currency={account.currency} why="nobody said" /></Figure>
                <Figure name="Rollover">{account.tradingDay.rollover} {account.tradingDay.zone}</Figure>
              </div>
              <p className="quiet small">{account.broker ?? 'No broker was named'}{account.server ? `, ${account.server}` : ''}{account.loginMasked ? `, login ${account.loginMasked}` : ''}. Added <Time at={account.createdAt} />.</p>
              <DataTable label="Books" rows={account.books} rowKey={({ executionMode }) => executionMode} empty="Nothing was reported of it yet." columns={[
                { name: 'Mode', cell: ({ executionMode }) => <Mode mode={executionMode} /> },
                { name: 'Highest equity', number: true, cell: ({ peakEquity }) => <Money value={peakEquity} currency={account.currency} why="nobody reported any" /> },
                { name: "Highest end of a day", number: true, cell: ({ peakDayEndBalance }) => <Money value={peakDayEndBalance} currency={account.currency} why="no day has ended" /> },
              ]} />
            </Panel>
            <Days id={id} />
            <CashFlows id={id} currency={account.currency} />
            {mayChange ? <Panel title="Change it"><ChangeAccount account={account} /></Panel> : null}
          </div>
        )}
      </Fresh>
    </>
  );
}

const changeable = ({ name, kind, currency, marginMode, broker, server, tradingDay, initialBalance }: Account): Record<string, unknown> => ({ name, kind, currency, marginMode, broker, ...(server !== null && { server }), tradingDay, initialBalance });

function ChangeAccount({ account }: { account: Account }) {
  const client = useQueryClient();
  const [mine, change] = useState<Record<string, unknown> | null>(null);
  const before = changeable(account);
  const body = mine ? patchOf(before, mine) : {};
  const save = useMutation<unknown, ApiError, void>({
    mutationFn: () => answer(api.PATCH('/api/v1/accounts/{accountId}', { params: { path: { accountId: account.id } }, body: body as never })),
    onSuccess: () => change(null),
    onSettled: () => makeStale(client, '/api/v1/accounts'),
  });
  return (
    <form className="stack" onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
      <SchemaForm schema={SCHEMA} value={mine ?? before} onChange={(next) => change(next as Record<string, unknown>)} error={save.error} />
      <ProblemNote error={save.error} holds="Nothing was changed." />
      {save.isSuccess && !mine ? <p role="status">● Saved.</p> : null}
      <div className="row"><button type="submit" className="main" disabled={save.isPending || Object.keys(body).length === 0}>Save</button>{mine ? <button type="button" onClick={() => { change(null); save.reset(); }}>Discard</button> : null}</div>
    </form>
  );
}
