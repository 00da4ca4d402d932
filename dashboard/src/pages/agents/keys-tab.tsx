import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../api/client.js';
import { type ItemOf, makeStale, useList } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { HoldButton } from '../../kit/confirm.js';
import { DataTable } from '../../kit/data-table.js';
import { Dialog } from '../../kit/dialog.js';
import { Code, Light } from '../../kit/figures.js';
import { Empty, Fresh, Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { Age, useNow } from '../../kit/time.js';
import type { Agent } from '../../shared/agents/agent-words.js';
import { NewKey } from './new-key.js';

type Key = ItemOf<'/api/v1/agents/{agentId}/keys'>;

/** What an agent shows to be let in. A key itself is seen once, when it is made. */
export function KeysTab({ agent }: { agent: Agent }) {
  const mayAdmin = useMay('admin');
  if (!mayAdmin) return <Empty>Keys are the business of administrators.</Empty>;
  return (
    <div className="stack">
      <Keys agentId={agent.id} />
      {agent.retired ? <Empty>A retired agent gets no keys.</Empty> : <NewKey agentId={agent.id} />}
    </div>
  );
}

function Keys({ agentId }: { agentId: string }) {
  const { query, rows } = useList('/api/v1/agents/{agentId}/keys', { path: { agentId } });
  const [revoking, setRevoking] = useState<Key | null>(null);
  return (
    <Panel title="Keys">
      <Fresh query={query}>
        {() => (
          <DataTable<Key>
            label="Keys" rows={rows} rowKey={({ id }) => id} more={query} empty="It has no key: make one below."
            columns={[
              { name: 'Name', cell: ({ name, prefix }) => <>{name}<div><Code>{prefix}…</Code></div></> },
              { name: 'State', cell: (key) => <KeyState of={key} /> },
              { name: 'May', wide: true, cell: ({ scopes }) => scopes.join(', ') || <span className="quiet">heartbeats alone</span> },
              { name: 'Last used', cell: ({ lastUsedAt }) => <Age at={lastUsedAt} /> },
              { name: 'Limit', number: true, wide: true, cell: ({ rateLimitPerSecond }) => (rateLimitPerSecond === null ? <span className="quiet">none</span> : `${rateLimitPerSecond} a second`) },
              { name: 'Made', wide: true, cell: ({ createdAt }) => <Age at={createdAt} /> },
              { name: 'End', cell: (key) => (key.revokedAt ? null : <button type="button" className="small" onClick={() => setRevoking(key)}>Revoke {key.name}</button>) },
            ]}
          />
        )}
      </Fresh>
      {revoking ? <Revoke of={revoking} onClose={() => setRevoking(null)} /> : null}
    </Panel>
  );
}

function KeyState({ of: { revokedAt, expiresAt } }: { of: Key }) {
  const now = useNow();
  if (revokedAt) return <Light tone="off">revoked <Age at={revokedAt} /></Light>;
  if (expiresAt && Date.parse(expiresAt) <= now) return <Light tone="off">expired <Age at={expiresAt} /></Light>;
  return <><Light tone="good">good</Light>{expiresAt ? <div className="small quiet">expires <Age at={expiresAt} /></div> : null}</>;
}

function Revoke({ of: key, onClose }: { of: Key; onClose: () => void }) {
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => answer(api.DELETE('/api/v1/agents/{agentId}/keys/{keyId}', { params: { path: { agentId: key.agentId, keyId: key.id } } })),
    onSuccess: () => {
      void makeStale(client, '/api/v1/agents/{agentId}/keys');
      onClose();
    },
  });
  return (
    <Dialog title={`Revoke ${key.name}`} onClose={onClose}>
      <p>Who uses this key is let in no more, for ever. An agent that has no other key is silent from then on: its trades keep their stops at the broker.</p>
      <ProblemNote error={revoke.error} holds="The key is as it was, as far as is known here." />
      <div><HoldButton onHeld={() => revoke.mutate()} disabled={revoke.isPending}>Revoke {key.name}</HoldButton></div>
    </Dialog>
  );
}
