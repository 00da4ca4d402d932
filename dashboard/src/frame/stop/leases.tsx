import { Time, span, useNow } from '../../kit/time.js';
import type { Overview } from '../../shared/overview.js';
import type { Lease } from './kept-stops.js';

export const leasesOf = (overview: Overview | undefined): Lease[] =>
  (overview?.agents ?? []).flatMap(({ id, name, tradingLeaseEndsAt }) => (tradingLeaseEndsAt ? [{ agentId: id, agent: name, endsAt: tradingLeaseEndsAt }] : []));

/** When each agent stops opening by itself, on the server's clock, as long as it does not reach the server either. */
export function Leases({ leases }: { leases: readonly Lease[] }) {
  const now = useNow();
  if (leases.length === 0) return <p className="small">No agent was known to hold a trading lease: without one an agent opens nothing.</p>;
  const ends = leases.map((lease) => ({ ...lease, left: (Date.parse(lease.endsAt) - now) / 1_000 })).sort((a, b) => b.left - a.left);
  return (
    <div className="small">
      <p>An agent that does not reach the server either opens nothing once its trading lease ends:</p>
      <ul aria-label="Trading leases">
        {ends.map(({ agentId, agent, endsAt, left }) => (
          <li key={agentId}><strong>{agent}</strong> {left > 0 ? <>ends in {span(left)} (<Time at={endsAt} />)</> : <>has ended <Time at={endsAt} />, unless it was renewed since</>}</li>
        ))}
      </ul>
    </div>
  );
}
