import { describe, expect, it } from '@jest/globals';
import type { Signal, SignalPosition } from '../mapping/signal.js';
import { agrees, countsFrom, type Held, type HeldSide, planOf, withoutOpening } from './plan.js';

const SIGNAL: Signal = {
  intent: 'entry', side: 'long', command: null, symbol: 'EURUSD', exchange: null, product: null, quantity: null, price: null, orderType: null, limitPrice: null, stopLoss: null, takeProfit: null,
  confidence: null, position: { now: null, before: null, size: null, sizeBefore: null }, strategy: null, user: null, orderId: null, tag: null, timeframe: null, barTime: null, firedAt: null, comment: null, hints: {},
};

/** `entry long 2`, `order short`, `exit -`: what, which side, how much. */
function signalOf(words: string, position: Partial<SignalPosition> = {}): Signal {
  const [intent, side, quantity] = words.split(' ');
  return { ...SIGNAL, intent: intent as Signal['intent'], side: side === '-' ? null : (side as 'long'), quantity: quantity ?? null, position: { ...SIGNAL.position, ...position } };
}

/** `long 2`, `short 1+1 coming`: what is held. */
function heldOf(words: string): Held {
  const none: HeldSide = { size: '0', coming: '0', present: false };
  const held: Held = { long: none, short: none };
  for (const each of words.split(', ').filter((part) => part !== '')) {
    const [side, size = '0', coming] = each.split(/[ +]/);
    held[side as 'long'] = { size, coming: coming ?? '0', present: size !== '0' };
  }
  return held;
}

/** `long long 3 2`: before and now, sizes of then and now. */
function positionOf(words: string): Partial<SignalPosition> {
  const [before, now, sizeBefore, size] = words.split(' ').map((word) => (word === '-' || word === '' ? null : word));
  return { before: (before ?? null) as SignalPosition['before'], now: (now ?? null) as SignalPosition['now'], sizeBefore: sizeBefore ?? null, size: size ?? null };
}

function said(signal: Signal, held: Held, product: string | null = null): string {
  const plan = planOf(signal, held, product);
  if (plan.kind === 'nothing') return `${plan.status} ${plan.code}`;
  if (plan.kind === 'command') return plan.command;
  const part = plan.close && (plan.close.part === 'all' ? 'all' : 'size' in plan.close.part ? plan.close.part.size : `${plan.close.part.of}/${plan.close.part.from}`);
  return [plan.name, plan.close && `close ${plan.close.direction ?? 'both'} ${part}`, plan.open && `open ${plan.open.direction} ${plan.open.quantity ?? 'by rule'}`].filter(Boolean).join(', ');
}

describe('what a signal asks for', () => {
  it.each<[signal: string, told: string, held: string, plan: string]>([
    // Entries.
    ['entry long', '', '', 'entry, open long by rule'],
    ['entry long 2', '', '', 'entry, open long 2'],
    ['entry long 2', 'flat long 0 2', '', 'entry, open long 2'],
    ['entry long 2', 'long long 2 4', 'long 2', 'addition, open long 2'],
    ['entry long 2', '', 'long 2', 'addition, open long 2'],
    ['entry short 2', '', 'long 3', 'reversal, close long all, open short 2'],
    ['entry short', 'long short 3 3', 'long 1', 'reversal, close long all, open short by rule'],
    ['entry short 6', 'long short 3 3', 'long 1', 'reversal, close long all, open short 3'],
    ['entry short 14', 'long short 1 1', 'long 14', 'reversal, close long all, open short 14'],
    ['entry short 6', 'long short 3 3', '', 'entry, open short 3'],
    ['entry long 1', 'flat flat', '', 'quarantined POSITION_CONTRADICTORY'],
    ['entry long 1', 'flat short 0 1', '', 'quarantined POSITION_CONTRADICTORY'],
    ['entry -', '', '', 'quarantined SIDE_MISSING'],
    // An exit never opens, however large its quantity, whatever it buys or sells.
    ['exit long 5000', '', '', 'ignored NO_POSITION'],
    ['exit long 5000', '', 'short 2', 'ignored NO_POSITION'],
    ['exit long 5000', 'long flat 5000 0', '', 'ignored NO_POSITION'],
    ['exit long', '', 'long 3', 'exit, close long all'],
    ['exit long 5000', '', 'long 3', 'exit, close long all'],
    ['exit long 1', '', 'long 3', 'partial_exit, close long 1'],
    ['exit long 1', 'long flat 1 0', 'long 3', 'exit, close long all'],
    ['exit long 1', 'long short 1 1', 'long 3', 'exit, close long all'],
    ['exit long', 'long long 3 2', 'long 6', 'partial_exit, close long 1/3'],
    ['exit long 1', 'long long 3 2', 'long 6', 'partial_exit, close long 1/3'],
    ['exit long', 'long long 3 0', 'long 6', 'exit, close long all'],
    ['exit long 1', 'long long 2 3', 'long 6', 'partial_exit, close long 1'],
    ['exit long', 'long long 2 3', 'long 6', 'exit, close long all'],
    ['exit -', '', 'long 1, short 2', 'exit, close both all'],
    ['exit -', '', 'short 2', 'exit, close short all'],
    ['exit - 1', '', 'short 2', 'partial_exit, close short 1'],
    ['exit - 1', '', 'long 1, short 2', 'quarantined EXIT_AMBIGUOUS'],
    ['exit - 1', '- flat', 'long 1, short 2', 'exit, close both all'],
    ['exit -', '', '', 'ignored NO_POSITION'],
    ['exit long', '', 'long 0+1', 'exit, close long all'],
    ['exit long 1', '', 'long 1+1', 'partial_exit, close long 1'],
    // Orders of which no position is told.
    ['order long 2', '', '', 'entry, open long 2'],
    ['order long 2', '', 'long 1', 'addition, open long 2'],
    ['order short 1', '', 'long 3', 'partial_exit, close long 1'],
    ['order short 3', '', 'long 3', 'exit, close long all'],
    ['order short 3.0', '', 'long 3', 'exit, close long all'],
    ['order short 5', '', 'long 3', 'reversal, close long all, open short 2'],
    ['order short 5', '', 'long 3+1', 'reversal, close long all, open short 1'],
    ['order short', '', 'long 3', 'exit, close long all'],
    ['order short', '', '', 'entry, open short by rule'],
    // And of which they are.
    ['order long 2', 'flat long 0 2', '', 'entry, open long 2'],
    ['order long 2', 'long long 1 3', 'long 1', 'addition, open long 2'],
    ['order short 1', 'long long 3 2', 'long 6', 'partial_exit, close long 1/3'],
    ['order short 1', 'long long', 'long 6', 'partial_exit, close long 1'],
    ['order short', 'long long', 'long 6', 'exit, close long all'],
    ['order short 3', 'long flat 3 0', 'long 1', 'exit, close long all'],
    ['order short 3', 'long flat 3 0', '', 'ignored NO_POSITION'],
    ['order short 3', '- flat', '', 'ignored NO_POSITION'],
    ['order short 4', 'long short 3 1', 'long 6', 'reversal, close long all, open short 1'],
    ['order short 4', 'long short 3 1', '', 'entry, open short 1'],
    ['order short 4', 'long short 3', 'long 6', 'reversal, close long all, open short 1'],
    ['order short 8', 'long short', 'long 6', 'reversal, close long all, open short 2'],
    ['order short 6', 'long short', 'long 6', 'exit, close long all'],
    ['order short', 'long short 3 1', 'long 6', 'reversal, close long all, open short by rule'],
    ['order short 3', 'long short 3', '', 'quarantined SIZE_UNKNOWN'],
    ['order short 2', 'flat short 0 2', 'long 1', 'reversal, close long all, open short 2'],
    ['order long 2', 'long flat 2 0', 'long 2', 'quarantined POSITION_CONTRADICTORY'],
    ['order long 2', 'flat short 0 2', '', 'quarantined POSITION_CONTRADICTORY'],
    ['order short 2', 'long long 2 4', 'long 2', 'quarantined POSITION_CONTRADICTORY'],
    ['order -', '', '', 'quarantined SIDE_MISSING'],
  ])('%s, told %j, held %j: %j', (signal, told, held, plan) => {
    expect(said(signalOf(signal, positionOf(told)), heldOf(held))).toBe(plan);
  });

  it.each<[string, string, string, string | null, string]>([
    ['order short 1', '', '', 'CNC', 'ignored CNC_SELL_WITHOUT_POSITION'],
    ['order short 1', '', '', 'cnc', 'ignored CNC_SELL_WITHOUT_POSITION'],
    ['order short 5', '', 'long 3', 'CNC', 'exit, close long all'],
    ['order short 2', '', 'long 3', 'CNC', 'partial_exit, close long 2'],
    ['order short 4', 'long short 3 1', 'long 3', 'CNC', 'exit, close long all'],
    ['order long 4', '', '', 'CNC', 'entry, open long 4'],
    ['order short 4', '', '', 'MIS', 'entry, open short 4'],
    ['order short 4', '', '', null, 'entry, open short 4'],
  ])('%s, told %j, held %j, as %s: %j', (signal, told, held, product, plan) => {
    expect(said(signalOf(signal, positionOf(told)), heldOf(held), product)).toBe(plan);
  });

  it('is a command, whatever else it says', () => {
    expect(said({ ...signalOf('command -'), command: 'pause' }, heldOf('long 1'))).toBe('pause');
    expect(said(signalOf('command -'), heldOf('long 1'))).toBe('quarantined COMMAND_MISSING');
  });

  it('of a source that opens nothing, is what it closes', () => {
    expect(withoutOpening(planOf(signalOf('entry long 1'), heldOf(''), null))).toMatchObject({ status: 'ignored', code: 'ENTRY_NOT_ROUTED' });
    expect(withoutOpening(planOf(signalOf('entry long 1'), heldOf('short 1'), null))).toMatchObject({ name: 'exit', close: { direction: 'short', part: 'all' }, open: null });
    expect(withoutOpening(planOf(signalOf('exit long'), heldOf('long 1'), null))).toMatchObject({ name: 'exit', close: { direction: 'long' } });
  });
});

describe('the sender\'s position and ours', () => {
  it.each<['long' | 'short' | 'flat' | null, string, boolean | null]>([
    [null, 'long 1', null], ['long', 'long 1', true], ['long', '', false], ['flat', '', true], ['flat', 'long 1', false], ['short', 'long 1', false],
    ['long', 'long 1, short 1', null], ['flat', 'long 1, short 1', false], ['flat', 'long 0+1', null], ['long', 'long 1+1', null],
  ])('%s before and %j held: %s', (before, held, expected) => {
    expect(agrees(before, heldOf(held))).toBe(expected);
  });

  it('are not compared while an entry order works', () => {
    expect(agrees('flat', { ...heldOf(''), long: { size: '0', coming: '0', present: true } })).toBeNull();
  });
});

describe('the age of an alert counts from', () => {
  const receivedAt = '2026-03-02T10:00:00.000Z';
  it.each<[string, string | null, string | null, string]>([
    ['when it was fired', '2026-03-02T09:58:00.000Z', null, '2026-03-02T09:58:00.000Z'],
    ['when it was fired, however long ago', '2026-02-02T10:00:00.000Z', null, '2026-02-02T10:00:00.000Z'],
    ['its receipt, where it says nothing', null, null, receivedAt],
    ['its receipt, when its clock is a little ahead', '2026-03-02T10:01:59.000Z', null, receivedAt],
    ['its receipt, when it lies in the future', '2026-03-02T15:30:00.000Z', null, receivedAt],
    ['its receipt, where that is no time', 'yesterday', null, receivedAt],
    ['its receipt, where the clock was never set', '1970-01-01T00:00:00.000Z', null, receivedAt],
    ['its redrive', '2026-03-02T09:58:00.000Z', '2026-03-03T08:00:00.000Z', '2026-03-03T08:00:00.000Z'],
  ])('%s', (_what, firedAt, redrivenAt, expected) => {
    expect(new Date(countsFrom({ firedAt, receivedAt, redrivenAt })).toISOString()).toBe(expected);
  });
});
