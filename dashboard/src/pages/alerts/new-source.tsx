import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { answer, api } from '../../api/client.js';
import type { ApiError } from '../../api/problem.js';
import { makeStale } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { Empty, Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { ShownOnce } from './shown-once.js';
import { SourceFields } from './source-fields.js';
import { BLANK, bodyOf } from './source-typed.js';

interface Made { id: string; name: string; url: string | null }

export function NewSource() {
  const mayAdmin = useMay('admin');
  const client = useQueryClient();
  const [typed, setTyped] = useState(BLANK);
  const make = useMutation<Made, ApiError>({
    mutationFn: () => answer(api.POST('/api/v1/webhook-sources', { body: bodyOf(typed) })),
    onSuccess: () => makeStale(client, '/api/v1/webhook-sources'),
  });
  if (!mayAdmin) return <Empty>Only administrators make sources.</Empty>;
  if (make.data) {
    return (
      <Panel title={`${make.data.name} is made`}>
        <ShownOnce url={make.data.url} />
        <p><Link href={`/alerts/sources/${make.data.id}`}>To the source: the text to paste, and the preview</Link></p>
      </Panel>
    );
  }
  return (
    <Panel title="Make a source">
      <form className="stack" onSubmit={(event) => { event.preventDefault(); make.mutate(); }}>
        <SourceFields typed={typed} onChange={setTyped} error={make.error} hasSecret={false} />
        <ProblemNote error={make.error} holds="No source was made." />
        <div className="row"><button className="main" disabled={make.isPending}>{make.isPending ? 'Making it …' : 'Make it, and show its address once'}</button></div>
      </form>
    </Panel>
  );
}
