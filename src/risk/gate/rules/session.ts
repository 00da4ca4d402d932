import type { Sessions } from '../../../instruments/terms.js';
import { MIS_FLAT, WEEKDAYS } from '../../../instruments/terms.js';
import { type Holiday, inSession, type SessionState, type SessionWindow } from '../../../strategies/in-session.js';
import { reason, rejected, type Rule, verdictOf } from '../finding.js';
import type { Reason } from '../verdict.js';

/** MIS is squared off from then on: what is opened later is closed at once. */
const MIS_WINDOW: SessionWindow = { days: [...WEEKDAYS], from: '00:00', to: MIS_FLAT.time, zone: MIS_FLAT.zone };

/** The strategy's windows, and those of the instrument. */
export const session: Rule = {
  name: 'session',
  codes: ['SESSION_CLOSED', 'MARKET_CLOSED', 'TIME_UNREADABLE'],
  check({ key, now, input: { now: told, idea, strategy, instrument: { terms } } }) {
    if (now === null) return rejected({ now: told }, reason('TIME_UNREADABLE', 'The time now is none.'));
    const at = new Date(now);
    const own = inSession(strategy?.sessionWindows ?? null, strategy?.holidays ?? [], at);
    const market = terms?.sessions ? inSession(...windowsOf(terms.sessions), at) : OPEN;
    const squared = idea.product === 'MIS' ? inSession([MIS_WINDOW], [], at) : OPEN;
    const reasons: Reason[] = [];
    if (!own.open) reasons.push(reason('SESSION_CLOSED', `The strategy ${strategy?.name ?? ''} is not in session${until(own)}.`, told));
    if (!market.open) reasons.push(reason('MARKET_CLOSED', `${key} is not in session${until(market)}.`, told));
    if (!squared.open) reasons.push(reason('MARKET_CLOSED', `MIS is closed for new positions from 15:15 in Kolkata on${until(squared)}.`, told));
    return verdictOf({ now: told, strategyOpen: own.open, instrumentOpen: market.open && squared.open }, reasons);
  },
};

const OPEN: SessionState = { open: true, nextChange: null };
const until = ({ nextChange }: SessionState): string => (nextChange ? `; it opens at ${nextChange.toISOString()}` : '');

/** An instrument's sessions have one zone, and say holidays and early closes apart. Closed all day beats closed early. */
function windowsOf({ zone, windows, holidays, earlyCloses }: Sessions): [SessionWindow[], Holiday[]] {
  const days: Holiday[] = [...holidays.map((date): Holiday => ({ date, closed: true })), ...earlyCloses.map(({ date, at }): Holiday => ({ date, closesAt: at }))];
  return [windows.map((window) => ({ ...window, zone })), days];
}
