import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import bodies from '../../../api/bodies.json';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { type AnswerOf, makeStale, useGet, useList } from '../../../api/queries.js';
import { useMay } from '../../../api/session.js';
import { DataTable } from '../../../kit/data-table.js';
import { Field } from '../../../kit/field.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import { type Schema, titleOf } from '../../../kit/schema.js';
import { SchemaForm } from '../../../kit/schema-form.js';
import { Time } from '../../../kit/time.js';
import { AccountName } from '../../../shared/names.js';
import { Value } from '../../../shared/versioned/change-table.js';
import { Versions } from '../../../shared/versioned/versions.js';
import { patchOf } from '../patch.js';

type Instrument = AnswerOf<'/api/v1/instruments/{instrumentId}'>;
const SCHEMA = (bodies as Record<string, unknown>)['PATCH /api/v1/instruments/{instrumentId}'] as Schema;
const TERMS = Object.keys(SCHEMA.properties ?? {}).filter((name) => name !== 'reason');
const termsOf = (instrument: Instrument) => Object.fromEntries(TERMS.map((name) => [name, (instrument as Record<string, unknown>)[name] ?? null]));

export function InstrumentPage({ id }: { id: string }) {
  const query = useGet('/api/v1/instruments/{instrumentId}', { path: { instrumentId: id } });
  const versions = useList('/api/v1/instruments/{instrumentId}/versions', { path: { instrumentId: id } });
  const mayChange = useMay('operator');
  return (
    <>
      <p><Link href="/settings/instruments">← Instruments</Link></p>
      <Fresh query={query}>
        {(instrument) => (
          <Panel title={`${instrument.exchange ? `${instrument.exchange}:` : ''}${instrument.symbol}${instrument.product ? ` ${instrument.product}` : ''}`} actions={<AccountName id={instrument.accountId} />}>
            <p className="quiet small">Version {instrument.version}, <Time at={instrument.updatedAt} />. Sizes, risk and exposure are reckoned by these terms.</p>
            {mayChange ? <ChangeTerms instrument={instrument} /> : <DataTable label="Terms" rows={Object.entries(termsOf(instrument))} rowKey={([name]) => name} empty="None." columns={[{ name: 'Term', cell: ([name]) => titleOf(name) }, { name: 'Value', cell: ([, value]) => <Value value={value} /> }]} />}
          </Panel>
        )}
      </Fresh>
      <Versions list={{ query: versions.query, rows: versions.rows.map(({ terms, ...row }) => ({ ...row, content: terms })) }} telling={{}} />
    </>
  );
}

function ChangeTerms({ instrument }: { instrument: Instrument }) {
  const client = useQueryClient();
  const [mine, change] = useState<Record<string, unknown> | null>(null);
  const [reason, setReason] = useState('');
  const before = termsOf(instrument);
  const body = mine ? patchOf(before, mine) : {};
  const save = useMutation<unknown, ApiError, void>({
    mutationFn: () => answer(api.PATCH('/api/v1/instruments/{instrumentId}', { params: { path: { instrumentId: instrument.id } }, body: { ...body, ...(reason.trim() && { reason }) } as never })),
    onSuccess: () => { change(null); setReason(''); },
    onSettled: () => makeStale(client, '/api/v1/instruments'),
  });
  return (
    <form className="stack" onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
      <SchemaForm schema={SCHEMA} without={['reason']} value={mine ?? before} onChange={(next) => change(next as Record<string, unknown>)} error={save.error} />
      {mine ? <Field name="Reason"><input value={reason} maxLength={1_000} onChange={({ target }) => setReason(target.value)} /></Field> : null}
      <ProblemNote error={save.error} holds="Nothing was changed." />
      {save.isSuccess && !mine ? <p role="status">● Saved.</p> : null}
      <div className="row"><button type="submit" className="main" disabled={save.isPending || Object.keys(body).length === 0}>Save</button>{mine ? <button type="button" onClick={() => { change(null); save.reset(); }}>Discard</button> : null}</div>
    </form>
  );
}
