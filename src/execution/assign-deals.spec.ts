import { describe, expect, it } from '@jest/globals';
import { assignDeals, type Deal, type DealTrade } from './assign-deals.js';

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 5, 10) + seconds * 1_000).toISOString();

const trade = (id: string, more: Partial<DealTrade> = {}): DealTrade => ({
  id, origin: 'ungated', symbol: 'EURUSD', exchange: null, product: null, direction: 'long', outcome: null, finished: false, order_tag: `TAG-${id}`, client_order_id: `client-${id}`, broker_order_id: null,
  position_ids: [], shown_size: null, entered_size: '0', exited_size: '0', entry_time: null, ...more,
});
const held = (id: string, size: string, more: Partial<DealTrade> = {}) => trade(id, { entered_size: size, entry_time: at(-100), ...more });
const adopted = (id: string, shown: string, more: Partial<DealTrade> = {}) => trade(id, { origin: 'external', shown_size: shown, entry_time: at(-50), ...more });
const deal = (brokerDealId: string, role: 'entry' | 'exit', size: string, more: Partial<Deal> = {}): Deal => ({
  brokerDealId, role, direction: 'long', symbol: 'EURUSD', exchange: null, product: null, size, price: '1.1', at: at(0), ...more,
});

/** Who got what: `trade: deal size, …`. */
function told(deals: Deal[], trades: DealTrade[], netting: boolean): Record<string, string> {
  let n = 0;
  const found = assignDeals(deals, trades, netting, () => `new${++n}`);
  return Object.fromEntries([...found.fills].map(([id, fills]) => [id, fills.map(({ brokerDealId, role, size }) => `${role} ${brokerDealId} ${size}`).join(', ')]));
}

type Case = [string, Deal[], DealTrade[], Record<string, string>];

describe('on a hedging account', () => {
  it.each<Case>([
    ['a tag says whose it is', [deal('1', 'entry', '1', { orderTag: 'TAG-b', brokerPositionId: 'p' })], [trade('a', { position_ids: ['p'] }), trade('b')], { b: 'entry 1 1' }],
    ['but not of a trade in the other direction', [deal('1', 'entry', '1', { orderTag: 'TAG-a' })], [trade('a', { direction: 'short' })], { new1: 'entry 1 1' }],
    ['then the client\'s order id', [deal('1', 'entry', '1', { clientOrderId: 'client-a' })], [trade('a')], { a: 'entry 1 1' }],
    ['the order of an entry', [deal('1', 'entry', '1', { brokerOrderId: 'o' })], [trade('a', { broker_order_id: 'o' })], { a: 'entry 1 1' }],
    ['not that of an exit', [deal('1', 'exit', '1', { brokerOrderId: 'o' })], [held('a', '1', { broker_order_id: 'o' })], { new1: 'exit 1 1' }],
    ['the position, under whatever name it had', [deal('1', 'exit', '1', { brokerPositionId: 'old' })], [held('a', '1', { position_ids: ['new', 'old'] })], { a: 'exit 1 1' }],
    ['what is still open before what is not', [deal('1', 'exit', '1', { brokerPositionId: 'p' })], [held('a', '1', { exited_size: '1', position_ids: ['p'] }), held('b', '1', { position_ids: ['p'] })], { b: 'exit 1 1' }],
    ['likeness says nothing', [deal('1', 'exit', '1')], [held('a', '1')], { new1: 'exit 1 1' }],
    ['nobody\'s entry and its exit are one trade', [deal('2', 'exit', '1', { brokerPositionId: 'p', at: at(5) }), deal('1', 'entry', '1', { brokerPositionId: 'p' })], [], { new1: 'entry 1 1, exit 2 1' }],
    ['at the same second too', [deal('1', 'exit', '1', { brokerPositionId: 'p' }), deal('2', 'entry', '1', { brokerPositionId: 'p' })], [], { new1: 'entry 2 1, exit 1 1' }],
    ['an exchange that is another one is another instrument', [deal('1', 'exit', '1', { brokerPositionId: 'p', exchange: 'CME' })], [held('a', '1', { exchange: 'EUREX', position_ids: ['p'] })], { new1: 'exit 1 1' }],
  ])('%s', (_what, deals, trades, expected) => expect(told(deals, trades, false)).toEqual(expected));
});

describe('on a netting account', () => {
  it.each<Case>([
    ['an entry with our tag is ours', [deal('1', 'entry', '1', { orderTag: 'TAG-a' })], [trade('a'), adopted('x', '1')], { a: 'entry 1 1' }],
    ['one without goes to what was adopted there', [deal('1', 'entry', '1', { brokerPositionId: 'p' })], [held('a', '1', { position_ids: ['p'] }), adopted('x', '1')], { x: 'entry 1 1' }],
    ['or is adopted', [deal('1', 'entry', '1', { brokerPositionId: 'p' })], [held('a', '1', { position_ids: ['p'] })], { new1: 'entry 1 1' }],
    ['on its own side of a binary contract', [deal('1', 'exit', '1', { outcome: 'no' }), deal('2', 'entry', '1', { outcome: 'no', at: at(1) })], [held('a', '1', { outcome: 'yes' }), adopted('x', '1', { outcome: 'yes' })], { new1: 'exit 1 1', new2: 'entry 2 1' }],
    ['and of the market where nobody said the side', [deal('1', 'exit', '1', { outcome: 'no' }), deal('2', 'exit', '1')], [held('a', '1'), held('b', '1', { outcome: 'yes', entry_time: at(-10) })], { a: 'exit 1 1', b: 'exit 2 1' }],
    ['an exit leaves the oldest first, in parts', [deal('1', 'exit', '1.5')], [held('b', '1', { entry_time: at(-10) }), held('a', '1', { entry_time: at(-20) })], { a: 'exit 1 1', b: 'exit 1 #2 0.5' }],
    ['or what its tag names', [deal('1', 'exit', '1', { orderTag: 'TAG-b' })], [held('a', '1'), held('b', '1')], { b: 'exit 1 1' }],
    ['what deals have entered before what was only shown', [deal('1', 'exit', '1')], [adopted('x', '1', { entry_time: at(-90) }), held('a', '1', { entry_time: at(-10) })], { a: 'exit 1 1' }],
    ['and that when nothing else is left', [deal('1', 'exit', '1.5')], [adopted('x', '1'), held('a', '1')], { a: 'exit 1 1', x: 'exit 1 #2 0.5' }],
    ['of more than anybody has, the rest ends a trade of its own', [deal('1', 'exit', '2')], [held('a', '1')], { a: 'exit 1 1', new1: 'exit 1 #2 1' }],
    ['a deal that turns the position round leaves before it enters', [deal('1', 'entry', '1', { direction: 'short' }), deal('1', 'exit', '1')], [held('a', '1')], { a: 'exit 1 1', new1: 'entry 1 1' }],
    ['another direction is another position', [deal('1', 'exit', '1', { direction: 'short' })], [held('a', '1')], { new1: 'exit 1 1' }],
  ])('%s', (_what, deals, trades, expected) => expect(told(deals, trades, true)).toEqual(expected));

  it('shares the money of a deal by size, and loses none of it', () => {
    const { fills } = assignDeals([deal('1', 'exit', '3', { profit: '10', commission: '-1', swap: null })], [held('a', '1'), held('b', '1'), held('c', '1')], true, () => 'new');
    const parts = [...fills.values()].flat();
    expect(parts.map(({ profit }) => profit)).toEqual(['3.33333333', '3.33333333', '3.33333334']);
    expect(parts.map(({ commission }) => commission)).toEqual(['-0.33333333', '-0.33333333', '-0.33333334']);
    expect(parts.map(({ swap }) => swap)).toEqual([null, null, null]);
  });
});
