import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { makeStale, useGet, useList } from '../../../api/queries.js';
import { useMay } from '../../../api/session.js';
import { HoldButton } from '../../../kit/confirm.js';
import { Field } from '../../../kit/field.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import { Time } from '../../../kit/time.js';
import { Actor } from '../../../shared/names.js';
import { flat } from '../../../shared/versioned/differences.js';
import { Versions } from '../../../shared/versioned/versions.js';
import { StrategyLight } from './strategies-tab.js';
import { type Strategy, StrategyEditor } from './strategy-editor.js';
import { GROUPS, strategyTelling } from './strategy-telling.js';

export function StrategyPage({ id }: { id: string }) {
  const query = useGet('/api/v1/strategies/{strategyId}', { path: { strategyId: id } });
  const versions = useList('/api/v1/strategies/{strategyId}/versions', { path: { strategyId: id } });
  const mayChange = useMay('admin');
  return (
    <>
      <p><Link href="/risk/strategies">← Strategies</Link></p>
      <Fresh query={query}>
        {(strategy) => (
          <div className="stack">
            <Panel title={strategy.name} actions={<StrategyLight strategy={strategy} />}>
              <p className="quiet small">Version {strategy.version}, <Time at={strategy.updatedAt} /> by <Actor who={strategy.updatedBy} />. <Link href={`/risk/limits/strategy/${id}`}>Its limits</Link> stand beside its own caps.</p>
              <StrategyEditor strategy={strategy} />
            </Panel>
            {mayChange && !strategy.retired ? <Retire strategy={strategy} /> : null}
          </div>
        )}
      </Fresh>
      <Versions list={{ query: versions.query, rows: versions.rows.map((row) => ({ ...row, content: flat(row.content, GROUPS) })) }} telling={strategyTelling(query.data?.currency ?? '')} />
    </>
  );
}

function Retire({ strategy: { id, name } }: { strategy: Strategy }) {
  const client = useQueryClient();
  const [reason, setReason] = useState('');
  const retire = useMutation<Strategy, ApiError, void>({
    mutationFn: () => answer(api.POST('/api/v1/strategies/{strategyId}/retire', { params: { path: { strategyId: id } }, body: { reason: reason.trim() || null } as never })) as Promise<Strategy>,
    onSettled: () => makeStale(client, '/api/v1/strategies'),
  });
  return (
    <Panel title="Retire it">
      <p className="quiet small">No idea may name it from then on, and it does not come back. Open trades keep its exit rules.</p>
      <Field name="Reason"><input value={reason} maxLength={1_000} onChange={({ target }) => setReason(target.value)} /></Field>
      <ProblemNote error={retire.error} holds="It was not retired." />
      <div><HoldButton disabled={retire.isPending} onHeld={() => retire.mutate()}>Retire {name}</HoldButton></div>
    </Panel>
  );
}
