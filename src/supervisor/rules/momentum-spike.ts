import { Exact } from '../../common/decimal.js';
import { confirmed } from './confirmed.js';
import { type Evaluator, type Mark, unknown } from './judged.js';

/** Momentum against the trade. Who holds the `no` of a market loses where it rises. Marks that say nothing of it are passed over. */
export const momentumSpike: Evaluator = ({ direction, outcome }, { momentumSpike: spike }, marks, now) => {
  if (spike === undefined) return null;
  const saying = marks.filter(({ momentum }) => momentum !== null);
  if (marks.length > 0 && saying.length === 0) return unknown('NO_MOMENTUM');
  const rising = (direction === 'long') !== (outcome === 'no');
  const against = ({ momentum }: Mark) => (rising ? new Exact(momentum ?? 0).lte(new Exact(spike).negated()) : new Exact(momentum ?? 0).gte(spike));
  return confirmed(saying, now, against, ({ momentum }) => ({ momentum, momentumSpike: spike }));
};
