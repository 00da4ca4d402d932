import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../api/client.js';
import type { ApiError } from '../../api/problem.js';
import { makeStale } from '../../api/queries.js';
import { HoldButton } from '../../kit/confirm.js';
import { Field } from '../../kit/field.js';
import { Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { Time } from '../../kit/time.js';
import { ShownOnce } from './shown-once.js';
import type { Source } from './words.js';

const OVERLAPS = [{ value: 0, name: 'not at all: it ends at once' }, { value: 3_600, name: 'an hour' }, { value: 86_400, name: 'a day' }, { value: 604_800, name: 'a week' }];

/** Another address, shown once; and the end of the source. */
export function Address({ source }: { source: Source }) {
  const client = useQueryClient();
  const [overlap, setOverlap] = useState(86_400);
  const params = { path: { sourceId: source.id } };
  const onSuccess = () => makeStale(client, '/api/v1/webhook-sources');
  const rotate = useMutation<{ url: string | null }, ApiError>({ mutationFn: () => answer(api.POST('/api/v1/webhook-sources/{sourceId}/rotate', { params, body: { overlapSeconds: overlap } })), onSuccess });
  const retire = useMutation<unknown, ApiError>({ mutationFn: () => answer(api.POST('/api/v1/webhook-sources/{sourceId}/retire', { params, body: {} })), onSuccess });
  return (
    <Panel title="Its address">
      {source.previousTokenUntil ? <p className="small">The address before this one is good until <Time at={source.previousTokenUntil} />.</p> : null}
      {rotate.data ? <ShownOnce url={rotate.data.url} /> : (
        <div className="row">
          <Field name="The present address stays good for"><select value={overlap} onChange={({ target }) => setOverlap(Number(target.value))}>{OVERLAPS.map(({ value, name }) => <option key={value} value={value}>{name}</option>)}</select></Field>
          <button type="button" disabled={rotate.isPending} onClick={() => rotate.mutate()}>{rotate.isPending ? 'Making it …' : 'Give it another address'}</button>
        </div>
      )}
      <ProblemNote error={rotate.error} holds="The address is as it was." />
      <p className="small quiet">A retired source takes nothing any more, for ever; what it has sent is still worked through.</p>
      <div className="row"><HoldButton disabled={retire.isPending} onHeld={() => retire.mutate()}>Retire {source.name}</HoldButton></div>
      <ProblemNote error={retire.error} holds="The source is not retired." />
    </Panel>
  );
}
