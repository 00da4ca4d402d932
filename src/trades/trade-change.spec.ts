import { describe, expect, it } from '@jest/globals';
import { Problem } from '../common/problem.js';
import { afterPastFact, afterTransition, eventOf, type TradeState } from './trade-change.js';

const T1 = '2026-01-01T00:00:01.000Z';
const T2 = '2026-01-01T00:00:02.000Z';
const T3 = '2026-01-01T00:00:03.000Z';

const trade = (state: Partial<TradeState>): TradeState => ({
  status: 'open', entry_price: '1.1', entry_time: T1, exit_price: null, exit_time: null, exit_reason: null, stop_loss: '1.09',
  take_profit: null, broker_order_id: 'o1', broker_position_id: null, gross_profit: null, commission: null, swap: null, fee: null, ...state,
});
const pending = { status: 'pending', entry_price: null, entry_time: null } as const;
const refused = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return (error as Problem).extra.errors?.map(({ path }) => path);
  }
  return null;
};

describe('a trade after a transition', () => {
  it('keeps what was not said, and takes what was', () => {
    const next = afterTransition(trade({ commission: '-1' }), { to: 'closed', exitPrice: '1.2', exitReason: 'target', grossProfit: '10', stopLoss: null }, T2);
    expect(next).toEqual(trade({
      status: 'closed', exit_price: '1.2', exit_time: T2, exit_reason: 'target', gross_profit: '10', commission: '-1', stop_loss: '1.09',
    }));
  });

  it('entered when it opened, unless another time is said', () => {
    expect(afterTransition(trade(pending), { to: 'open', entryPrice: '1.1' }, T2)).toMatchObject({ entry_price: '1.1', entry_time: T2 });
    expect(afterTransition(trade(pending), { to: 'open', entryPrice: '1.1', entryTime: T1 }, T2)).toMatchObject({ entry_time: T1 });
  });

  it('is not open at a price that nobody told, and the price that was asked for is not one', () => {
    expect(refused(() => afterTransition(trade(pending), { to: 'open' }, T2))).toEqual(['entryPrice']);
    expect(refused(() => afterTransition(trade({ ...pending, entry_price: '1.05' }), { to: 'open' }, T2))).toEqual(['entryPrice']);
    expect(refused(() => afterTransition(trade({ ...pending, status: 'unknown' }), { to: 'closing' }, T2))).toEqual(['entryPrice']);
    expect(refused(() => afterTransition(trade(pending), { to: 'closed', exitPrice: '1', exitReason: 'stop' }, T2))).toBeNull();
  });

  it('forgets the reason of a close that did not happen', () => {
    const closing = afterTransition(trade({}), { to: 'closing', exitReason: 'operator' }, T2);
    expect(closing.exit_reason).toBe('operator');
    expect(afterTransition(closing, { to: 'open' }, T3).exit_reason).toBeNull();
    expect(afterTransition(closing, { to: 'unknown' }, T3).exit_reason).toBe('operator');
  });
});

describe('a trade after a fact of its past', () => {
  const closed = trade({ ...pending, status: 'closed', exit_price: '1.2', exit_time: T3, exit_reason: 'target', gross_profit: '10' });

  it('stays what it is, and learns what was missing', () => {
    const next = afterPastFact(closed, { to: 'open', entryPrice: '1.1', brokerOrderId: 'o2', brokerPositionId: 'p1', grossProfit: '0', commission: '-2' }, T1);
    expect(next).toEqual({ ...closed, entry_price: '1.1', entry_time: T1, broker_position_id: 'p1', commission: '-2' });
  });

  it('needs the entry price to have been open, also where the order asked for one', () => {
    expect(refused(() => afterPastFact({ ...closed, entry_price: '1.05' }, { to: 'open' }, T1))).toEqual(['entryPrice']);
    expect(afterPastFact({ ...closed, entry_price: '1.05' }, { to: 'open', entryPrice: '1.06' }, T1).entry_price).toBe('1.06');
  });
});

describe('the event of a step', () => {
  it.each([
    [null, 'pending', 'trade.pending'],
    [null, 'open', 'trade.opened'],
    ['pending', 'open', 'trade.opened'],
    ['closing', 'open', 'trade.reopened'],
    ['unknown', 'open', 'trade.reopened'],
    ['open', 'closed', 'trade.closed'],
  ] as const)('%s to %s: %s', (from, to, type) => expect(eventOf(from, to)).toBe(type));
});
