import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { Link } from 'wouter';
import { answer, api } from '../../api/client.js';
import { makeStale, useGet, useList } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { useFilter } from '../../kit/address.js';
import { Code } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { Age, Time } from '../../kit/time.js';
import { useWords } from '../../shared/words.js';
import type { Overview } from '../../shared/overview.js';
import { IdeasWaiting } from './ideas-waiting.js';
import css from './overview.module.css';

type Incident = Overview['incidents']['newest'][number];

/** What goes on only once a person has looked. */
export function Waiting({ data }: { data: Overview }) {
  const [marked] = useFilter('incident');
  const { incidents, waiting } = data;
  const open = incidents.open.critical + incidents.open.warning + incidents.open.info;
  const acknowledged = incidents.acknowledged.critical + incidents.acknowledged.warning + incidents.acknowledged.info;
  const elsewhere = marked !== '' && !incidents.newest.some(({ id }) => id === marked);
  const nothing = open === 0 && acknowledged === 0 && waiting.ideasNeedingApproval === 0 && waiting.quarantinedAlerts === 0 && waiting.unknownCommands === 0;
  return (
    <div id="waiting">
      <Panel title="Waiting for a person">
        {nothing && !elsewhere ? <p className="quiet">Nothing waits for a person.</p> : null}
        {waiting.ideasNeedingApproval > 0 ? <IdeasWaiting count={waiting.ideasNeedingApproval} /> : null}
        {elsewhere ? <OneIncident id={marked} /> : null}
        {incidents.newest.length > 0 ? <ul className={css.list} aria-label="Open incidents">{incidents.newest.map((incident) => <IncidentLine key={incident.id} incident={incident} isMarked={incident.id === marked} />)}</ul> : null}
        {open > incidents.newest.length ? <p className="small">and {open - incidents.newest.length} more open incidents</p> : null}
        {acknowledged > 0 ? <Acknowledged count={acknowledged} marked={marked} /> : null}
        {waiting.quarantinedAlerts > 0 ? <p><Link href="/alerts?status=quarantined">▲ {waiting.quarantinedAlerts} alert{waiting.quarantinedAlerts === 1 ? '' : 's'} in quarantine</Link></p> : null}
        {waiting.unknownCommands > 0 ? <p className="doubt">▲ {waiting.unknownCommands} command{waiting.unknownCommands === 1 ? '' : 's'} of which nobody knows what became: <Link href="/agents">see its agent</Link>.</p> : null}
      </Panel>
    </div>
  );
}

/** That the address names, and that is no longer among the open ones. */
function OneIncident({ id }: { id: string }) {
  const query = useGet('/api/v1/incidents/{id}', { path: { id } });
  return <Fresh query={query}>{(incident) => <ul className={css.list} aria-label="The incident of this address"><IncidentLine incident={incident} isMarked /></ul>}</Fresh>;
}

function Acknowledged({ count, marked }: { count: number; marked: string }) {
  const { query, rows } = useList('/api/v1/incidents', { query: { status: 'acknowledged', limit: 20 } });
  return (
    <details>
      <summary className="small">{count} acknowledged, and not over</summary>
      <ProblemNote error={query.error} />
      <ul className={css.list}>{rows.filter(({ id }) => id !== marked).map((incident) => <IncidentLine key={incident.id} incident={incident} isMarked={false} />)}</ul>
    </details>
  );
}

const SHAPE = { critical: '■', warning: '▲', info: '○' } as const;

function IncidentLine({ incident, isMarked }: { incident: Incident; isMarked: boolean }) {
  const may = useMay('operator');
  const client = useQueryClient();
  const words = useWords();
  const ref = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isMarked) ref.current?.scrollIntoView({ block: 'center' });
  }, [isMarked]);
  const acknowledge = useMutation({
    mutationFn: () => answer(api.POST('/api/v1/incidents/{id}/ack', { params: { path: { id: incident.id } }, body: {} })),
    onSuccess: () => makeStale(client, '/api/v1/incidents', '/api/v1/overview'),
  });
  const isOpen = incident.status === 'open';
  return (
    <li ref={ref} className={css.item} data-marked={isMarked} data-tone={!isOpen || incident.severity === 'info' ? undefined : incident.severity === 'critical' ? 'danger' : 'doubt'}>
      <div>
        <strong>{SHAPE[incident.severity]} {incident.summary}</strong> <Code>{incident.kind}</Code>
        <div className="small">
          <Age at={incident.openedAt} />, {incident.severity}{incident.occurrences > 1 ? `, seen ${incident.occurrences} times` : ''}{incident.agentId ? <>, <Link href={`/agents/${incident.agentId}`}>its agent</Link></> : null}
          {incident.acknowledgedAt ? <>. Acknowledged <Time at={incident.acknowledgedAt} /> by {words(incident.acknowledgedBy ?? '')}</> : null}{incident.resolvedAt ? <>. Over <Time at={incident.resolvedAt} />: {incident.resolution ?? incident.resolvedBy}</> : null}
        </div>
        <ProblemNote error={acknowledge.error} holds="It is not acknowledged." />
      </div>
      {may && isOpen ? <button type="button" className={css.end} disabled={acknowledge.isPending} onClick={() => acknowledge.mutate()}>{acknowledge.isPending ? 'Acknowledging …' : 'Acknowledge'}</button> : null}
    </li>
  );
}
