import type { Reading } from '../../profile.js';

const UNDER_WAY = new Set(['SENDING', 'SENT', 'OPEN', 'PARTIALLY_EXECUTED', 'VALIDATED']);
const WAITING = 'WAITING';

/** Nothing here follows an old order. One that a broker may still fill has to be looked at there by a person. */
export function ordersUnderWay({ cells, note }: Reading): void {
  const { status, execution_target: target, simulated } = cells;
  if (typeof status !== 'string') return;
  const isLive = !(typeof target === 'string' && target.trim().toUpperCase() === 'PAPER') && simulated !== 1n;
  const word = status.trim().toUpperCase();
  if (UNDER_WAY.has(word) && isLive) note('ORDER_UNDER_WAY', `it is ${word}, and nobody here follows it: see at the broker whether it is still working`);
  if (word === WAITING) note('ORDER_WAITING', 'it waited for a person or for its price; it is not carried out here');
}
