import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from 'wouter';
import { answer, api } from '../../api/client.js';
import type { ApiError } from '../../api/problem.js';
import { type AnswerOf, makeStale, useGet } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { DataTable } from '../../kit/data-table.js';
import { Facts } from '../../kit/facts.js';
import { Code, Light } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { Raw } from '../../kit/raw.js';
import { Age, Time } from '../../kit/time.js';
import { Actor, SourceLink } from '../../shared/names.js';
import { SignalFacts } from './signal-facts.js';
import { signalInWords, STATUS } from './words.js';

type WholeAlert = AnswerOf<'/api/v1/alerts/{id}'>;

export function AlertPage({ id }: { id: string }) {
  const query = useGet('/api/v1/alerts/{id}', { path: { id } });
  return <Fresh query={query}>{(alert) => <Whole alert={alert} />}</Fresh>;
}

function Whole({ alert }: { alert: WholeAlert }) {
  const { word, tone } = STATUS[alert.status];
  const did = alert.ideas.length + alert.closures.length + alert.commandIds.length;
  return (
    <div className="stack">
      <Panel title={signalInWords(alert.signal) ?? (alert.symbol || 'An alert that was not understood')}>
        <div className="row"><Light tone={tone}>{word}</Light>{alert.code ? <span>{alert.detail} <Code>{alert.code}</Code></span> : null}</div>
        <Facts of={[
          ['Source', <SourceLink key="s" id={alert.sourceId} />], ['Received', <Time key="r" at={alert.receivedAt} />], ['Run', `${alert.run}${alert.attempts ? `, ${alert.attempts} tries failed` : ''}`],
          ...(alert.redrivenAt ? [['Redriven', <span key="rd"><Time at={alert.redrivenAt} /> by <Actor who={alert.redrivenBy} /></span>] as const] : []),
          ...(alert.nextAttemptAt ? [['Next try', <Age key="n" at={alert.nextAttemptAt} />] as const] : []),
          ['Duplicates', alert.duplicateCount === 0 ? 'none' : <span key="d">{alert.duplicateCount}, the last <Age at={alert.lastDuplicateAt} /></span>],
          ['From', alert.sender ?? '—'],
        ]} />
        <Redrive alert={alert} />
      </Panel>
      <Panel title="What it did">
        {did === 0 ? <p className="quiet">{alert.status === 'received' ? 'Nothing yet.' : 'Nothing: it made no idea, closed nothing, and sent no command.'}</p> : (
          <ul className="stack">
            {alert.ideas.map(({ id, status, run }) => <li key={id}><Link href={`/ideas/${id}`}>Idea</Link> · {status.replaceAll('_', ' ')} <span className="quiet">in run {run}</span></li>)}
            {alert.closures.map(({ id, tradeId, endedAs }) => <li key={id}>Closes <Link href={`/trades/${tradeId}`}>this trade</Link> · {endedAs ?? 'under way'}</li>)}
            {alert.commandIds.map((id) => <li key={id}><Link href={`/why/${id}`}>Command</Link></li>)}
          </ul>
        )}
        <p><Link href={`/why/${alert.id}`}>The whole chain of this alert</Link></p>
      </Panel>
      <div className="grid2">
        <Panel title="As it came, secrets masked">
          {alert.bodyEncoding === 'base64' ? <p className="doubt small">▲ It is no text: shown as base64.</p> : null}
          <pre tabIndex={0} aria-label="Body">{alert.body}</pre>
          <p className="small quiet">{alert.contentType ?? 'without a content type'}</p>
        </Panel>
        <Panel title="What it says">{alert.signal ? <SignalFacts signal={alert.signal} /> : <p className="quiet">It was not mapped. <Link href={`/alerts/sources/${alert.sourceId}`}>Mend the mapping of its source</Link>, try it in the preview there, and redrive the alert.</p>}</Panel>
      </div>
      <Panel title="Runs">
        <DataTable label="Runs" rows={alert.runs} rowKey={({ run }) => String(run)} empty="No run has ended." columns={[
          { name: 'Run', cell: ({ run }) => run, number: true }, { name: 'Ended as', cell: ({ status }) => <Light tone={STATUS[status].tone}>{STATUS[status].word}</Light> },
          { name: 'Why', cell: ({ code, detail }) => (code ? <>{detail} <Code>{code}</Code></> : '—') }, { name: 'At', cell: ({ at }) => <Time at={at} /> }, { name: 'By', cell: ({ actor }) => <Actor who={actor} />, wide: true },
          { name: 'What was done', cell: ({ outcome }) => (outcome ? <Raw record={outcome} name="outcome" /> : '—'), wide: true },
        ]} />
      </Panel>
      <Raw record={alert} />
    </div>
  );
}

function Redrive({ alert }: { alert: WholeAlert }) {
  const mayOperate = useMay('operator');
  const client = useQueryClient();
  const redrive = useMutation<{ redriven: number }, ApiError>({
    mutationFn: () => answer(api.POST('/api/v1/alerts/{id}/redrive', { params: { path: { id: alert.id } }, body: { run: alert.run } })),
    onSettled: () => makeStale(client, '/api/v1/alerts', '/api/v1/trade-ideas'),
  });
  if (!mayOperate) return null;
  return (
    <div className="stack">
      {alert.status !== 'received' ? <div className="row"><button type="button" disabled={redrive.isPending} onClick={() => redrive.mutate()}>{redrive.isPending ? 'Redriving …' : 'Redrive: carry it out once more'}</button><span className="small quiet">{alert.status === 'processed' ? '▲ It was carried out: once more may open a position once more.' : 'With the mapping as it is now; an entry becomes a new idea, priced now.'}</span></div> : null}
      {redrive.data ? <p role="status">It is redriven: what becomes of it stands here.</p> : null}
      <ProblemNote error={redrive.error} holds="It was not redriven by you." />
    </div>
  );
}
