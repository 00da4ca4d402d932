import { Exact } from '../../common/decimal.js';
import type { AlertFields } from './alert-fields.js';
import { decimalOf } from './numbers.js';
import { quarantined, shown } from './refusal.js';
import type { SignalPosition } from './signal.js';

const WORDS: Record<string, 'long' | 'short' | 'flat'> = { long: 'long', short: 'short', flat: 'flat' };

/** The sender's book as it told it. A size with a sign tells its direction too; one without tells it only where nothing speaks against it. */
export function positionOf(fields: AlertFields): SignalPosition {
  const [size, sizeBefore] = [sized(fields.positionSize, 'position size'), sized(fields.previousPositionSize, 'previous position size')];
  const now = worded(fields.marketPosition, 'market position') ?? directionOf(size);
  const isWithoutSigns = now === 'short' && size !== null && new Exact(size).gt(0);
  const isBuy = typeof fields.action === 'string' && /^buy$/i.test(fields.action);
  const told = directionOf(sizeBefore);
  const before = worded(fields.previousMarketPosition, 'previous market position') ?? (told === 'long' && (isWithoutSigns || (now === 'flat' && isBuy)) ? (isBuy && now === 'flat' ? 'short' : null) : told);
  agree(now, size, 'market position');
  agree(before, sizeBefore, 'previous market position');
  return { now, before, size: size === null ? null : new Exact(size).abs().toFixed(), sizeBefore: sizeBefore === null ? null : new Exact(sizeBefore).abs().toFixed() };
}

function worded(said: AlertFields['marketPosition'], name: string): 'long' | 'short' | 'flat' | null {
  if (said === null) return null;
  const found = typeof said === 'string' ? WORDS[said.toLowerCase()] : undefined;
  if (found === undefined) throw quarantined('POSITION_NOT_VALID', `${name}: must be long, short or flat, not ${typeof said === 'string' ? shown(said) : 'a list or an object'}.`);
  return found;
}

function sized(said: AlertFields['positionSize'], name: string): string | null {
  if (said === null) return null;
  const size = typeof said === 'string' ? decimalOf(said) : null;
  if (size === null) throw quarantined('POSITION_SIZE_NOT_VALID', `${name}: must be a decimal number, not ${typeof said === 'string' ? shown(said) : 'a list or an object'}.`);
  return size;
}

const directionOf = (size: string | null) => (size === null ? null : size === '0' ? 'flat' : size.startsWith('-') ? 'short' : 'long');

function agree(direction: SignalPosition['now'], size: string | null, name: string): void {
  if (direction === null || size === null) return;
  const wrong = direction === 'flat' ? size !== '0' : size === '0' || (direction === 'long' && size.startsWith('-'));
  if (wrong) throw quarantined('POSITION_CONTRADICTORY', `${name}: ${direction} does not go with a size of ${size}.`);
}
