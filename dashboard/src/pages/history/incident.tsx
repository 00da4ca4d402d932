import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { answer, api } from '../../api/client.js';
import type { ApiError } from '../../api/problem.js';
import { makeStale, useGet } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { Facts } from '../../kit/facts.js';
import { Field } from '../../kit/field.js';
import { Code, Light } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { Raw } from '../../kit/raw.js';
import { Time } from '../../kit/time.js';
import { AccountName, Actor, AgentLink } from '../../shared/names.js';
import { type Incident, SEVERITIES, STATUSES } from './incidents.js';

/** Where that which it is about is shown; null: nowhere by itself. */
function addressOf({ subject: { type, id }, agentId }: Incident): string | null {
  const first = id.split(' ')[0] ?? id;
  if (type === 'trade') return `/trades/${first}`;
  if (type === 'agent') return `/agents/${first}`;
  if (type === 'command') return `/why/${first}`;
  if (type === 'webhook_source') return `/alerts/sources/${first}`;
  if (type === 'circuit_breaker') return `/risk/breakers/${first}`;
  return agentId ? `/agents/${agentId}` : null;
}

export function IncidentPage({ id }: { id: string }) {
  const query = useGet('/api/v1/incidents/{id}', { path: { id } });
  return (
    <Fresh query={query}>{(incident) => {
      const address = addressOf(incident);
      return (
        <div className="stack">
          <Panel title={incident.summary}>
            <div className="row"><Light tone={SEVERITIES[incident.severity]}>{incident.severity}</Light><span>{STATUSES[incident.status]}</span><Code>{incident.kind}</Code></div>
            <Facts of={[
              ['About', address ? <Link key="s" href={address}>this {incident.subject.type.replaceAll('_', ' ')}</Link> : incident.subject.type.replaceAll('_', ' ')], ['Account', <AccountName key="ac" id={incident.accountId} />], ['Agent', <AgentLink key="ag" id={incident.agentId} />],
              ['Since', <Time key="o" at={incident.openedAt} />], ['Last seen', <Time key="l" at={incident.lastSeenAt} />], ['Times', `${incident.occurrences}`],
              ...(incident.acknowledgedAt ? [['Acknowledged', <span key="k"><Time at={incident.acknowledgedAt} /> by <Actor who={incident.acknowledgedBy} />{incident.note ? `: ${incident.note}` : ''}</span>] as const] : []),
              ...(incident.resolvedAt ? [['Over', <span key="r"><Time at={incident.resolvedAt} /> by <Actor who={incident.resolvedBy} />{incident.resolution ? `: ${incident.resolution}` : ''}</span>] as const] : []),
            ]} />
            <Acknowledge incident={incident} />
          </Panel>
          <Panel title="What is known"><Facts of={Object.entries(incident.data).map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)])} /></Panel>
          <Raw record={incident} />
        </div>
      );
    }}</Fresh>
  );
}

function Acknowledge({ incident }: { incident: Incident }) {
  const mayOperate = useMay('operator');
  const client = useQueryClient();
  const [note, setNote] = useState('');
  const ask = useMutation<Incident, ApiError>({
    mutationFn: () => answer(api.POST('/api/v1/incidents/{id}/ack', { params: { path: { id: incident.id } }, body: note ? { note } : {} })),
    onSettled: () => makeStale(client, '/api/v1/incidents', '/api/v1/overview'),
  });
  if (!mayOperate) return null;
  return (
    <div className="stack">
      {incident.status === 'open' ? (
        <>
          <Field name="Note (optional)" error={ask.error?.of('note')}><input value={note} maxLength={1_000} onChange={({ target }) => setNote(target.value)} /></Field>
          <div className="row"><button type="button" className="main" disabled={ask.isPending} onClick={() => ask.mutate()}>{ask.isPending ? 'Saying so …' : 'Acknowledge: it is not told again'}</button><span className="small quiet">It stays until what it tells of is over.</span></div>
        </>
      ) : null}
      <ProblemNote error={ask.error} holds="It is told again until somebody acknowledges it." />
      {ask.data ? <p role="status">{ask.data.status === 'resolved' ? 'It is over.' : <>Acknowledged by <Actor who={ask.data.acknowledgedBy} />.</>}</p> : null}
    </div>
  );
}
