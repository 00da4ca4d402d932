import type { State } from './breakers.js';
import type { Reset } from './breaker-settings.js';
import type { Verdict } from './verdict.js';

export interface Standing {
  state: State;
  /** RFC 3339. Null: only a person resets it. */
  resetsAt: string | null;
}

/** Trades of the scope that began and ended since testing did. One that was cancelled, or never ends, is none: it holds nothing up. */
export interface Trial {
  ended: number;
  lost: number;
}

export interface Moment {
  now: string;
  /** The account's next rollover; null: the scope has no account. */
  nextDayAt: string | null;
}

export interface Next extends Standing {
  /** Null: nobody need be told. */
  action: 'triggered' | 'warned' | 'recovered' | null;
  /** From here on only what comes counts. */
  restarts: boolean;
  why: string;
}

interface Rules {
  enabled: boolean;
  reset: Reset;
  lasts: boolean;
}

/**
 * What becomes of a breaker; null: nothing. What has tripped stays so until its rule resets it, whatever the figure does
 * meanwhile: a loss that floats does not clear when the price returns. A disabled breaker trips no more, and what it
 * had tripped still recovers.
 */
export function nextState(standing: Standing, verdict: Verdict, trial: Trial, rules: Rules, moment: Moment): Next | null {
  switch (standing.state) {
    case 'active': case 'warning': return whileActive(standing.state, verdict, rules, moment);
    case 'tripped': case 'cooling_down': return whileTripped(standing, verdict, rules, moment);
    case 'testing': return whileTesting(verdict, trial, rules, moment);
  }
}

function whileActive(state: 'active' | 'warning', verdict: Verdict, rules: Rules, moment: Moment): Next | null {
  if (verdict === 'tripped') return trip(rules.reset, moment, 'the limit is reached');
  if (verdict === 'warning') return state === 'warning' ? null : { state: 'warning', resetsAt: null, action: 'warned', restarts: false, why: 'the limit is near' };
  return state === 'active' ? null : { state: 'active', resetsAt: null, action: 'recovered', restarts: false, why: 'the limit is not near any more' };
}

function whileTripped({ state, resetsAt }: Standing, verdict: Verdict, { enabled, reset, lasts }: Rules, { now }: Moment): Next | null {
  if (resetsAt === null || Date.parse(now) < Date.parse(resetsAt)) return null;
  if (lasts && verdict === 'tripped') {
    return { state, resetsAt: plusSeconds(now, reset.afterSeconds ?? LOOK_AGAIN_SECONDS), action: null, restarts: false, why: 'it lasts' };
  }
  if (state === 'cooling_down' && enabled && reset.rule === 'staged') {
    return { state: 'testing', resetsAt: null, action: 'recovered', restarts: true, why: `testing: the next ${reset.testingTrades} trades at ${reset.testingSizeFraction} of the size` };
  }
  return { state: 'active', resetsAt: null, action: 'recovered', restarts: true, why: 'its time is over' };
}

function whileTesting(verdict: Verdict, { ended, lost }: Trial, { enabled, reset }: Rules, moment: Moment): Next | null {
  if (enabled && lost > 0) return trip(reset, moment, 'a trade of the test lost');
  if (verdict === 'tripped') return trip(reset, moment, 'the limit is reached in the test');
  if (enabled && reset.rule === 'staged' && ended < (reset.testingTrades ?? 0)) return null;
  return { state: 'active', resetsAt: null, action: 'recovered', restarts: true, why: enabled ? 'the test is passed' : 'it is disabled' };
}

/** Of a lasting condition that nothing times: it is looked at again. */
const LOOK_AGAIN_SECONDS = 60;

/** As its rule has it. @throws {Error} when the rule needs a rollover and there is none */
export function trip(reset: Reset, { now, nextDayAt }: Moment, why: string): Next {
  const tripped = (resetsAt: string | null): Next => ({ state: reset.rule === 'staged' ? 'cooling_down' : 'tripped', resetsAt, action: 'triggered', restarts: false, why });
  switch (reset.rule) {
    case 'manual': return tripped(null);
    case 'next_day': {
      if (nextDayAt === null) throw new Error('a scope without an account has no next day');
      return tripped(nextDayAt);
    }
    case 'timed': case 'staged': return tripped(plusSeconds(now, reset.afterSeconds ?? 0));
  }
}

const plusSeconds = (at: string, seconds: number): string => new Date(Date.parse(at) + seconds * 1_000).toISOString();
