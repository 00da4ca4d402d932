import type { BreakerKind, State } from './breakers.js';
import type { Settings } from './breaker-settings.js';

export interface Resets {
  /** Null: nothing has to be reset. */
  rule: 'manual' | 'timed' | 'next_day' | 'staged' | 'test' | 'figure' | null;
  /** When it resets by itself; null: not by time. */
  at: string | null;
  /** Of a test: trades that must still end without a loss. */
  tradesLeft: number | null;
  sentence: string;
}

const BY_HAND = 'an administrator may reset it with a reason at any time';

/** What would reset a breaker, of whatever state: nobody is left with one that he does not know how to get past. */
export function resetsOf(state: State, resetsAt: string | null, ended: number, { enabled, reset }: Pick<Settings, 'enabled' | 'reset'>, { lasts }: Pick<BreakerKind, 'lasts'>): Resets {
  switch (state) {
    case 'active': return { rule: null, at: null, tradesLeft: null, sentence: enabled ? 'Nothing to reset: the limit is not near.' : 'Nothing to reset: it is disabled.' };
    case 'warning': return { rule: 'figure', at: null, tradesLeft: null, sentence: 'It only warns, and stops by itself when the figure is no longer near the limit.' };
    case 'testing': {
      const left = enabled && reset.rule === 'staged' ? Math.max((reset.testingTrades ?? 0) - ended, 0) : 0;
      const size = reset.testingSizeFraction ?? '1';
      return { rule: 'test', at: null, tradesLeft: left, sentence: `${left} more trades of at most ${size} of the size have to end without a loss; one loss trips it again. Trades that are cancelled or still open hold nothing up. Also ${BY_HAND}.` };
    }
    case 'tripped': case 'cooling_down': {
      if (resetsAt === null) return { rule: 'manual', at: null, tradesLeft: null, sentence: `Only by hand: ${BY_HAND}.` };
      const then = state === 'cooling_down' && enabled && reset.rule === 'staged' ? `a test of ${reset.testingTrades} trades at ${reset.testingSizeFraction} of the size begins` : 'it resets by itself';
      const unless = lasts ? ', if its cause is gone by then' : '';
      const rule = state === 'cooling_down' ? 'staged' : reset.rule === 'next_day' ? 'next_day' : 'timed';
      return { rule, at: resetsAt, tradesLeft: null, sentence: `At ${resetsAt} ${then}${unless}. Also ${BY_HAND}.` };
    }
  }
}
