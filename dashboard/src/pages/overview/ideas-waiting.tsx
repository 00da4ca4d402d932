import { Link } from 'wouter';
import { useList } from '../../api/queries.js';
import { Amount, Mode } from '../../kit/figures.js';
import { Fresh } from '../../kit/panel.js';
import { span, useNow } from '../../kit/time.js';
import { sideOf } from '../../shared/side.js';
import css from './overview.module.css';

/** With the seconds that are left for an answer. */
export function IdeasWaiting({ count }: { count: number }) {
  const { query, rows } = useList('/api/v1/trade-ideas', { query: { status: 'needs_approval', limit: 10 } }, { every: 5_000 });
  return (
    <Fresh query={query} every={5_000}>
      {() => (
        <>
          <ul className={css.list} aria-label="Ideas that need approval">
            {rows.map((idea) => (
              <li key={idea.id} className={css.item} data-tone="doubt">
                <div><strong>▲ {idea.symbol} {sideOf(idea)}</strong> <Amount value={idea.lotSize} /> <Mode mode={idea.executionMode} />{idea.rationale ? <div className="small">{idea.rationale}</div> : null}</div>
                <Left until={idea.approveUntil} />
                <Link className={css.end} href={`/ideas/${idea.id}`}>Look and decide</Link>
              </li>
            ))}
          </ul>
          {count > rows.length ? <p className="small"><Link href="/ideas?status=needs_approval">and {count - rows.length} more</Link></p> : null}
        </>
      )}
    </Fresh>
  );
}

function Left({ until }: { until: string | null }) {
  const now = useNow();
  if (!until) return <span className="quiet">no end told</span>;
  const seconds = (Date.parse(until) - now) / 1_000;
  return <strong className={seconds < 15 ? 'danger nowrap' : 'nowrap'}>{seconds > 0 ? `${span(seconds)} left` : 'time is up'}</strong>;
}
