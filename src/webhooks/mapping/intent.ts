import type { AlertFields } from './alert-fields.js';
import { ACTIONS, type Action } from './declared-mapping.js';
import { UNKNOWN_WORD } from './declared.js';
import { quarantined, shown } from './refusal.js';
import { NO_TEXT } from './said.js';
import type { Signal, SignalCommand, SignalPosition } from './signal.js';

export type Intent = Pick<Signal, 'intent' | 'side' | 'command'>;
type Direction = 'long' | 'short';

const OWN_WORDS = new Set<string>(ACTIONS);
const MEANINGS: Record<Action, Intent> = {
  buy: { intent: 'order', side: 'long', command: null }, sell: { intent: 'order', side: 'short', command: null },
  enter_long: { intent: 'entry', side: 'long', command: null }, enter_short: { intent: 'entry', side: 'short', command: null },
  exit_long: { intent: 'exit', side: 'long', command: null }, exit_short: { intent: 'exit', side: 'short', command: null },
  exit: { intent: 'exit', side: null, command: null },
  pause: command('pause'), stop: command('stop'), flatten: command('flatten'), kill: command('kill'), cancel_orders: command('cancel_orders'),
};

function command(word: SignalCommand): Intent {
  return { intent: 'command', side: null, command: word };
}

const opposite = (side: Direction): Direction => (side === 'long' ? 'short' : 'long');

/**
 * What an alert wants. A side that names the position (`EXIT_LONG`) goes before the order's own BUY or SELL: an exit of the long stays
 * one. An entry that its own order contradicts opens nothing, since nobody knows what was meant.
 */
export function intentOf({ action, side }: AlertFields): Intent {
  if (action === NO_TEXT || side === NO_TEXT) throw quarantined('ACTION_UNKNOWN', 'action: must be text, not a list or an object.');
  const [word, place] = [action, side];
  const own = meaningOf(word);
  const named = positionNamed(place) ?? positionNamed(word);
  if (named === null) {
    const found = own ?? meaningOf(place);
    if (found !== null) return found;
    if (word === null && place === null) throw quarantined('ACTION_MISSING', 'action: is missing.');
    const said = (word ?? place ?? '').replace(UNKNOWN_WORD, '');
    throw quarantined('ACTION_UNKNOWN', `action: ${shown(said)} means nothing in this mapping.`);
  }
  if (named.intent === 'entry' && own?.intent === 'order' && own.side !== named.side) {
    throw quarantined('ACTION_CONTRADICTORY', `side says ${shown(place ?? '')}, the order ${shown(word ?? '')}: an entry has to be told unmistakably.`);
  }
  return named;
}

function meaningOf(word: string | null): Intent | null {
  const own = word?.toLowerCase() ?? '';
  return OWN_WORDS.has(own) ? MEANINGS[own as Action] : null;
}

/** `ENTRY_LONG`, `EXIT_SHORT`, `CLOSE_ALL_LONG`. */
function positionNamed(word: string | null): Intent | null {
  const text = word?.toUpperCase() ?? '';
  const side = text.endsWith('LONG') ? 'long' : text.endsWith('SHORT') ? 'short' : null;
  if (side === null) return null;
  if (text.startsWith('ENTRY_')) return { intent: 'entry', side, command: null };
  return text.startsWith('EXIT_') || text.startsWith('CLOSE_') ? { intent: 'exit', side, command: null } : null;
}

/**
 * An order that leaves the sender flat, or with less in the same direction, can only be an exit, whatever we hold; so it is one, and
 * opens nothing. An entry that left the sender elsewhere is refused.
 */
export function inPosition(wanted: Intent, position: SignalPosition, reduceOnly: boolean): Intent {
  const { now, before } = position;
  if (wanted.intent === 'entry' && now !== null && now !== wanted.side) {
    throw quarantined('POSITION_CONTRADICTORY', `the entry is ${wanted.side}, but the sender's position after it is ${now}.`);
  }
  if (wanted.intent !== 'order' || wanted.side === null) return wanted;
  const closes = opposite(wanted.side);
  if (now === 'flat') {
    if (before === wanted.side) throw quarantined('POSITION_CONTRADICTORY', `a ${wanted.side === 'long' ? 'buy' : 'sell'} cannot close the ${before} position that the sender had before.`);
    return { intent: 'exit', side: closes, command: null };
  }
  if (now === closes || reduceOnly) return { intent: 'exit', side: closes, command: null };
  return wanted;
}
