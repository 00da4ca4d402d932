import { describe, expect, it } from '@jest/globals';
import type { Signal, SignalPosition } from '../mapping/signal.js';
import { closingOnly, isExit, overtakenBy } from './overtaking.js';

const position = (more: Partial<SignalPosition> = {}): SignalPosition => ({ now: null, before: null, size: null, sizeBefore: null, ...more });
const signal = (more: Partial<Signal>): Signal => ({
  intent: 'entry', side: 'long', command: null, symbol: 'EURUSD', exchange: null, product: null, quantity: '1', price: null, orderType: null, limitPrice: null, stopLoss: null, takeProfit: null,
  confidence: null, position: position(), strategy: null, user: null, orderId: null, tag: null, timeframe: null, barTime: null, firedAt: null, comment: null, hints: {}, ...more,
});
const order = (side: 'long' | 'short', more: Partial<SignalPosition> = {}) => signal({ intent: 'order', side, position: position(more) });

describe('what is an exit', () => {
  it.each<[string, Signal, boolean]>([
    ['an entry is none', signal({}), false],
    ['an exit is', signal({ intent: 'exit', side: null }), true],
    ['a command is', signal({ intent: 'command', side: null, command: 'pause' }), true],
    ['an order that leaves the book flat is', order('short', { now: 'flat', before: 'long' }), true],
    ['one that leaves less of the same direction is', order('short', { now: 'long', before: 'long', size: '9', sizeBefore: '10' }), true],
    ['by digits, not by text', order('long', { now: 'long', before: 'long', size: '10', sizeBefore: '9' }), false],
    ['a sale out of a long is, also without sizes', order('short', { now: 'long', before: 'long' }), true],
    ['a reversal is none', order('short', { now: 'short', before: 'long' }), false],
    ['an order that says nothing of a book is none', order('short'), false],
  ])('%s', (_name, given, expected) => {
    expect(isExit(given)).toBe(expected);
  });
});

describe('what an exit overtakes', () => {
  it.each<[string, Signal, object]>([
    ['its direction', signal({ intent: 'exit', side: 'short' }), { side: 'short', everySymbol: false }],
    ['both when it names none', signal({ intent: 'exit', side: null }), { side: null, everySymbol: false }],
    ['the direction that its book had', order('short', { now: 'flat', before: 'long' }), { side: 'long', everySymbol: false }],
    ['the other one of what it trades', order('long', { now: 'flat' }), { side: 'short', everySymbol: false }],
    ['everything of its source by a command', signal({ intent: 'command', side: null, command: 'flatten' }), { side: null, everySymbol: true }],
    ['its symbol by a cancellation of orders', signal({ intent: 'command', side: null, command: 'cancel_orders' }), { side: null, everySymbol: false }],
  ])('%s', (_name, given, expected) => {
    expect(overtakenBy(given)).toEqual(expected);
  });
});

describe('an order that was overtaken', () => {
  it('closes what is held against it: all of it where its book says so', () => {
    expect(closingOnly(order('long', { now: 'long', before: 'short', size: '2', sizeBefore: '1' }))).toMatchObject({ intent: 'exit', side: 'short', quantity: '1', position: { now: 'flat', before: 'short', size: '0', sizeBefore: '1' } });
    expect(closingOnly(order('short'))).toMatchObject({ intent: 'exit', side: 'long', quantity: '1', position: { now: null, before: null } });
  });
});
