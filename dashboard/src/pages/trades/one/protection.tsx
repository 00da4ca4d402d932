import { useGet } from '../../../api/queries.js';
import { Amount, Light } from '../../../kit/figures.js';
import { Age } from '../../../kit/time.js';
import { isOver, type Trade } from '../trade-words.js';

/** Whether the stop is where it helps: at the broker, by the broker's own report. What an agent told is another thing. */
export function Protection({ trade }: { trade: Trade }) {
  const isWatched = !isOver(trade) && trade.status !== 'pending';
  const { data, error } = useGet('/api/v1/positions', { query: { agentId: trade.agentId, symbol: trade.symbol, executionMode: trade.executionMode, limit: 500 } }, { enabled: isWatched });
  if (!isWatched) return <span className="quiet">{trade.status === 'pending' ? 'not entered yet' : 'over'}</span>;
  if (trade.missingSince) return <Light tone="danger">the broker does not show this trade</Light>;
  if (error) return <Light tone="doubt">not known: {error.message}</Light>;
  if (!data) return <span className="quiet">Reading …</span>;
  const held = data.items.find(({ tradeId }) => tradeId === trade.id);
  if (!held) return <Light tone="doubt">not known: no report of the broker shows this trade</Light>;
  if (held.stopLoss === null) return <Light tone="danger">no stop at the broker</Light>;
  return <span><Light tone="good">stop at the broker</Light> <Amount value={held.stopLoss} /> <span className="quiet small">as of <Age at={held.asOf} /></span></span>;
}
