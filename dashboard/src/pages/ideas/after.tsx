import { Link } from 'wouter';
import { useGet } from '../../api/queries.js';
import { Facts } from '../../kit/facts.js';
import { Amount } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Time } from '../../kit/time.js';
import { Actor } from '../../shared/names.js';
import { DECISIONS } from '../../shared/decisions.js';
import type { WholeIdea } from './idea.js';
import { isPending } from './words.js';

/** What became of it: decisions, the opening, what is reserved, the trade. */
export function After({ idea }: { idea: WholeIdea }) {
  const { reservation } = idea;
  return (
    <Panel title="What happened">
      <ol className="stack">
        {[...idea.decisions].reverse().map(({ id, type, at, actor, reason }) => (
          <li key={id}><Time at={at} /> <Link href={`/history/decisions/${id}`}>{DECISIONS[type]}</Link> <span className="quiet">by <Actor who={actor} /></span>{reason ? `: ${reason}` : ''}</li>
        ))}
      </ol>
      {idea.commandId ? <Opening id={idea.commandId} /> : <p className="quiet">{isPending(idea) ? 'Nothing has been sent to an agent.' : idea.closeCommandIds.length > 0 ? 'It opened nothing: all of it closed what was held.' : 'Nothing was sent to an agent.'}</p>}
      {idea.closeCommandIds.length > 0 ? <p>It closed <Amount value={idea.reducedSize} /> of what was held: {idea.closeCommandIds.map((id, at) => <span key={id}>{at > 0 ? ', ' : ''}<Link href={`/why/${id}`}>close {at + 1}</Link></span>)}</p> : null}
      {reservation ? <p>{reservation.tradeId ? <>It became <Link href={`/trades/${reservation.tradeId}`}>this trade</Link>.</> : reservation.held ? 'Its risk is reserved; no trade of it has been told yet.' : `Its reservation has ended${reservation.endedAs ? `: ${reservation.endedAs}` : ''}.`}</p> : null}
    </Panel>
  );
}

function Opening({ id }: { id: string }) {
  const query = useGet('/api/v1/commands/{id}', { path: { id } });
  return (
    <Fresh query={query}>{({ status, createdAt, finishedAt, attempt, error, payload }) => (
      <Facts of={[
        ['Opening', <Link key="o" href={`/why/${id}`}>{status.replaceAll('_', ' ')}</Link>], ['Sent to the queue', <Time key="c" at={createdAt} />], ['Ended', <Time key="f" at={finishedAt} />],
        ['Attempts', String(attempt)], ['At most at', <Amount key="l" value={payload['limitPrice'] as string | undefined} why="at the market" />], ...(error ? [['Error', <code key="e">{JSON.stringify(error)}</code>] as const] : []),
      ]} />
    )}</Fresh>
  );
}
