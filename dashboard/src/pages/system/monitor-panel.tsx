import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../api/client.js';
import { makeStale } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { TypedConfirm } from '../../kit/confirm.js';
import { DataTable } from '../../kit/data-table.js';
import { Field } from '../../kit/field.js';
import { Light } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { Age, Time } from '../../kit/time.js';
import type { System } from './pool-panel.js';

type Monitor = NonNullable<System['monitor']>;
type Part = Monitor['parts'][number];

const LIGHTS = { none: 'good', warning: 'doubt', critical: 'danger', cascading: 'danger' } as const;
const WORDS = { none: 'well', warning: 'warning', critical: 'critical', cascading: 'cascading' } as const;
const RANK = ['critical', 'warning', 'none'];

const worstFirst = (one: Part, other: Part): number => RANK.indexOf(one.level) - RANK.indexOf(other.level);

/** The whole system as one picture: what fails, what it most likely comes from, and whether openings are held for it. */
export function MonitorPanel({ monitor }: { monitor: Monitor | null }) {
  if (monitor === null) return <Panel title="The whole" actions={<Light tone="doubt">not known</Light>}><p className="doubt">▲ Nobody has looked at the system for a minute: this server began just now, or it does not reach the database.</p></Panel>;
  const { level, cause, parts, suspension } = monitor;
  return (
    <Panel title="The whole" actions={<Light tone={LIGHTS[level]}>{WORDS[level]}</Light>}>
      {cause ? <p className="danger">■ Most likely it comes from: {cause}.</p> : null}
      {suspension ? <Held suspension={suspension} /> : null}
      <DataTable label="Parts of the system" rows={[...parts].sort(worstFirst)} rowKey={({ name }) => name} empty="None was looked at yet." tone={({ level: of }) => (of === 'critical' ? 'danger' : of === 'warning' ? 'doubt' : undefined)}
        columns={[
          { name: 'Part', cell: ({ name }) => name },
          { name: 'State', cell: ({ level: of }) => <Light tone={LIGHTS[of]}>{WORDS[of]}</Light> },
          { name: 'Why', cell: ({ why }) => why },
          { name: 'Since', wide: true, cell: ({ since }) => <Age at={since} /> },
        ]} />
    </Panel>
  );
}

function Held({ suspension: { since, reason } }: { suspension: NonNullable<Monitor['suspension']> }) {
  const may = useMay('admin');
  const client = useQueryClient();
  const [why, setWhy] = useState('');
  const lift = useMutation({
    mutationFn: () => answer(api.POST('/api/v1/system/suspension/lift', { body: { reason: why.trim() } })),
    onSettled: () => makeStale(client, '/api/v1/system', '/api/v1/overview'),
  });
  return (
    <section className="stack" aria-label="Openings are held">
      <p className="danger">■ The system holds openings since <Time at={since} />: {reason}. What protects or closes goes on. It ends by itself, a minute after all is well again.</p>
      <ProblemNote error={lift.error} holds="Openings are still held as far as this page knows." />
      {may ? (
        <details>
          <summary className="small quiet">Let openings through now</summary>
          <Field name="Why they may go on"><input value={why} maxLength={1_000} onChange={({ target }) => setWhy(target.value)} /></Field>
          <TypedConfirm word="LIFT" disabled={lift.isPending || why.trim() === ''} onConfirmed={() => lift.mutate()}>{lift.isPending ? 'Letting them through …' : 'Let openings through'}</TypedConfirm>
        </details>
      ) : null}
    </section>
  );
}
