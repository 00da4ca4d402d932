import { useList } from '../../../api/queries.js';
import { DataTable } from '../../../kit/data-table.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { titleOf } from '../../../kit/schema.js';
import { Time } from '../../../kit/time.js';
import { Actor, AgentLink } from '../../../shared/names.js';

const DOUBTFUL = ['sign_in_failed', 'sign_in_slowed', 'refresh_reused', 'credential_refused'];

/** Who signed in, who tried, and what happened to users and keys; newest first. */
export function AuditTab() {
  const { query, rows } = useList('/api/v1/auth/audit', { query: { limit: 100 } });
  return (
    <Panel title="Sign-ins, users and keys">
      <Fresh query={query}>
        {() => (
          <DataTable label="Audit" rows={rows} rowKey={({ at, kind, correlationId, email, keyId, presentedDigest }) => [at, kind, correlationId, email, keyId, presentedDigest].join()} more={query} empty="Nothing was written down yet."
            tone={({ kind }) => (DOUBTFUL.includes(kind) ? 'doubt' : undefined)} columns={[
              { name: 'When', cell: ({ at }) => <Time at={at} /> },
              { name: 'What', cell: ({ kind }) => <>{DOUBTFUL.includes(kind) ? '▲ ' : ''}{titleOf(kind)}</> },
              { name: 'About', cell: ({ email, agentId, userId, keyId }) => <>{email ?? (userId ? <Actor who={`user:${userId}`} /> : null)}{agentId ? <> agent <AgentLink id={agentId} /></> : null}{keyId ? <span className="small quiet" title={keyId}> key {keyId.slice(-8)}</span> : null}</> },
              { name: 'Who', wide: true, cell: ({ actor }) => <Actor who={actor} /> },
              { name: 'From', wide: true, cell: ({ address, userAgent }) => <>{address ?? '—'}{userAgent ? <div className="small quiet">{userAgent.slice(0, 80)}</div> : null}</> },
              { name: 'Wrong credential', wide: true, cell: ({ presentedDigest }) => (presentedDigest ? <code title="equal for equal ones">{presentedDigest.slice(0, 12)}</code> : '—') },
            ]} />
        )}
      </Fresh>
    </Panel>
  );
}
