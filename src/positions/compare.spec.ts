import { describe, expect, it } from '@jest/globals';
import { compare, type Plan } from './compare.js';
import type { Known, KnownPosition, Report, Trade } from './known.js';
import type { ToldOrder, ToldPosition } from './told.js';

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 5, 10) + seconds * 1_000).toISOString();

const trade = (more: Partial<Trade> = {}): Trade => ({
  id: 't', agent_id: 'agent', client_order_id: 'client', symbol: 'EURUSD', exchange: null, product: null, direction: 'long', outcome: null, lot_size: '1', open_size: more.lot_size ?? '1', entered_size: more.lot_size ?? '1',
  entry_price: '1.1', entry_time: at(-100), origin: 'ungated', broker_order_id: null, broker_position_id: 'p', status: 'open', finished_at: null, ended_at: null,
  order_tag: 'TAG0000000000000', missing_since: null, dealt_size: '0', ...more,
});
const told = (more: Partial<ToldPosition> = {}): ToldPosition => ({
  key: more.brokerPositionId ?? 'p', symbol: 'EURUSD', brokerSymbol: 'EURUSD', exchange: null, product: null, direction: 'long', size: '1', entryPrice: '1.1', brokerPositionId: 'p', ...more,
});
const order = (more: Partial<ToldOrder> = {}): ToldOrder => ({
  key: 'o', brokerOrderId: 'o', symbol: 'EURUSD', brokerSymbol: 'EURUSD', exchange: null, product: null, role: 'entry', type: 'limit', direction: 'long', size: '1', ...more,
});
const row = (more: Partial<KnownPosition> = {}): KnownPosition => ({
  id: 'row', key: 'p', trade_id: 't', as_of: at(-50), missing_since: null, symbol: 'EURUSD', exchange: null, product: null, differs_since: null, mismatch_since: null, ...more,
});
const report = (more: Partial<Report> = {}): Report => ({
  asOf: at(0), complete: true, marginMode: 'hedging', withDeals: false, agentId: 'agent', agentOfMagic: new Map([['77', 'other']]), positions: [], orders: [], ...more,
});
const known = (more: Partial<Known> = {}): Known => ({ trades: [], positions: [], orders: [], openings: new Map(), ...more });

/** What a plan does, without what it leaves alone. */
function done(plan: Plan): Record<string, unknown> {
  const ids = (trades: readonly Trade[]) => trades.map(({ id }) => id);
  const all = {
    opened: ids(plan.opened.map((each) => each.trade)), linked: plan.linked.map(({ brokerPositionId }) => brokerPositionId), resized: plan.resized.map(({ size }) => size), sided: plan.sided.map(({ trade, outcome }) => `${trade.id} ${outcome}`), explained: ids(plan.explained),
    adopted: plan.adopted.map(({ direction, size, agentId }) => `${agentId} ${direction} ${size}`), differing: plan.differing.map(({ held, ours, lasts }) => `${held} for ${ours}${lasts ? ' still' : ''}`),
    missing: ids(plan.missing), waiting: ids(plan.waiting), gone: ids(plan.gone), duplicates: ids(plan.duplicates.map((each) => each.trade)), over: plan.over.map(({ id }) => id),
    stillMissing: plan.stillMissing.map(({ id }) => id), adoptedOrders: plan.adoptedOrders.map(({ agentId }) => agentId), restored: ids(plan.restored),
    missingOrders: ids(plan.missingOrders), cancelledOrders: ids(plan.cancelledOrders), overOrders: plan.overOrders,
  };
  return Object.fromEntries(Object.entries(all).filter(([, list]) => list.length > 0));
}

type Case = [string, Partial<Report>, Partial<Known>, Record<string, unknown>];
const check = (_what: string, said: Partial<Report>, knew: Partial<Known>, expected: Record<string, unknown>) => expect(done(compare(report(said), known(knew)))).toEqual(expected);

describe('on a hedging account', () => {
  it.each<Case>([
    ['nothing is nothing', {}, {}, {}],
    ['the same is the same', { positions: [told()] }, { trades: [trade()], positions: [row()] }, {}],
    ['what nobody told of is adopted', { positions: [told()] }, {}, { adopted: ['agent long 1'] }],
    ['for the agent of its magic number', { positions: [told({ magic: '77' })] }, {}, { adopted: ['other long 1'] }],
    ['or the reporter, when nobody has that number', { positions: [told({ magic: '78' })] }, {}, { adopted: ['agent long 1'] }],
    ['a tag tells whose it is', { positions: [told({ orderTag: 'TAG0000000000000', brokerPositionId: 'q' })] }, { trades: [trade()] }, { linked: ['q'] }],
    ['and comes before the position id', { positions: [told({ orderTag: 'TAG0000000000000', brokerPositionId: 'q' })] }, { trades: [trade(), trade({ id: 'u', broker_position_id: 'q', order_tag: 'TAG1' })] }, { linked: ['q'], missing: ['u'] }],
    ['an order id tells', { positions: [told({ brokerOrderId: 'o', brokerPositionId: 'p' })] }, { trades: [trade({ status: 'pending', broker_position_id: null, broker_order_id: 'o' })] }, { opened: ['t'] }],
    ['a client order id of another agent does not', { positions: [told({ clientOrderId: 'client' })] }, { trades: [trade({ agent_id: 'else', broker_position_id: null, entry_time: at(5) })] }, { adopted: ['agent long 1'] }],
    ['likeness does not', { positions: [told({ brokerPositionId: 'q' })] }, { trades: [trade()] }, { adopted: ['agent long 1'], missing: ['t'] }],
    ['what is unknown and shown is open', { positions: [told()] }, { trades: [trade({ status: 'unknown' })] }, { opened: ['t'] }],
    ['a trade that has just ended may still be shown', { positions: [told()] }, { trades: [trade({ status: 'closed', finished_at: at(-9), ended_at: at(-9) })] }, {}],
    ['one that ended 10 s ago may not', { positions: [told()] }, { trades: [trade({ status: 'closed', finished_at: at(-10), ended_at: at(-10) })] }, { adopted: ['agent long 1'] }],
    ['an adopted one grows', { positions: [told({ size: '1.5' })] }, { trades: [trade({ origin: 'external' })] }, { resized: ['1.5'] }],
    ['and does not shrink', { positions: [told({ size: '0.5' })] }, { trades: [trade({ origin: 'external' })] }, { differing: ['0.5 for 1'] }],
    ['an adopted order is as large as what it filled', { positions: [told({ size: '0.4' })] }, { trades: [trade({ origin: 'external', status: 'pending', entry_time: null })] }, { opened: ['t'], resized: ['0.4'] }],
    ['one of ours does not grow', { positions: [told({ size: '1.5' })] }, { trades: [trade()] }, { differing: ['1.5 for 1'] }],
    ['nor turns round', { positions: [told({ direction: 'short' })] }, { trades: [trade()] }, { differing: ['-1 for 1'] }],
    ['sizes are numbers, not texts', { positions: [told({ size: '1.00' })] }, { trades: [trade()] }, {}],
    ['a difference lasts 10 s', { positions: [told({ size: '2' })] }, { trades: [trade()], positions: [row({ differs_since: at(-10) })] }, { differing: ['2 for 1 still'] }],
    ['and not 9.999', { positions: [told({ size: '2' })] }, { trades: [trade()], positions: [row({ differs_since: at(-9.999) })] }, { differing: ['2 for 1'] }],
    ['nor by what is not complete', { complete: false, positions: [told({ size: '2' })] }, { trades: [trade()], positions: [row({ differs_since: at(-10) })] }, { differing: ['2 for 1'] }],
    ['two positions with one tag are one trade', { positions: [told({ size: '0.4', orderTag: 'TAG0000000000000' }), told({ brokerPositionId: 'q', size: '0.6', orderTag: 'TAG0000000000000' })] }, { trades: [trade()] }, {}],
    ['an adopted one that ours claims is double', { positions: [told()] }, { trades: [trade(), trade({ id: 'x', origin: 'external', order_tag: 'TAGX' })] }, { duplicates: ['x'] }],
  ])('%s', check);
});

describe('what a complete report lacks', () => {
  it.each<Case>([
    ['is missing', {}, { trades: [trade()], positions: [row()] }, { missing: ['t'], stillMissing: ['row'] }],
    ['is not, when the report is not complete', { complete: false }, { trades: [trade()], positions: [row()] }, {}],
    ['is not, when it entered after the report', {}, { trades: [trade({ entry_time: at(1) })] }, {}],
    ['is, when it entered with it', {}, { trades: [trade({ entry_time: at(0) })] }, { missing: ['t'] }],
    ['is not, when a newer report of another agent shows it', {}, { trades: [trade()], positions: [row({ as_of: at(1) })] }, {}],
    ['waits for the second report', {}, { trades: [trade({ status: 'unknown', missing_since: at(-9.999) })] }, { waiting: ['t'] }],
    ['is gone with it', {}, { trades: [trade({ status: 'unknown', missing_since: at(-10) })], positions: [row({ missing_since: at(-10) })] }, { gone: ['t'], over: ['row'] }],
    ['begins anew when somebody said that it is open', {}, { trades: [trade({ status: 'open', missing_since: at(-60) })] }, { missing: ['t'] }],
    ['is nothing when it has ended', {}, { trades: [trade({ status: 'closed', finished_at: at(-5), ended_at: at(-5) })], positions: [row()] }, { over: ['row'] }],
    ['never was, when nobody knows that it entered', {}, { trades: [trade({ status: 'unknown', entry_time: null }), trade({ id: 'w', status: 'pending', entry_time: null })] }, {}],
  ])('%s', check);
});

describe('on a netting account', () => {
  const netting = { marginMode: 'netting' as const };
  const es = (more: Partial<ToldPosition> = {}) => told({ symbol: 'ES', key: 'ES||', brokerPositionId: null, ...more });
  const of = (id: string, direction: 'long' | 'short', size: string, more: Partial<Trade> = {}) => trade({ id, symbol: 'ES', direction, lot_size: size, open_size: size, broker_position_id: null, order_tag: id, ...more });
  it.each<Case>([
    ['the sum of trades is the position', { ...netting, positions: [es({ size: '3' })] }, { trades: [of('a', 'long', '5'), of('b', 'short', '2')] }, {}],
    ['an excess is adopted', { ...netting, positions: [es({ size: '3' })] }, { trades: [of('a', 'long', '2')] }, { adopted: ['agent long 1'] }],
    ['or added to what was', { ...netting, positions: [es({ size: '3' })] }, { trades: [of('a', 'long', '1'), of('x', 'long', '1', { origin: 'external' })] }, { resized: ['2'] }],
    ['a lack is nobody\'s', { ...netting, positions: [es({ size: '1' })] }, { trades: [of('a', 'long', '1'), of('b', 'long', '1')] }, { differing: ['1 for 2'] }],
    ['for half a minute', { ...netting, positions: [es({ size: '1' })] }, { trades: [of('a', 'long', '1'), of('x', 'long', '1', { origin: 'external' })], positions: [row({ key: 'ES||', symbol: 'ES', differs_since: at(-29) })] }, { differing: ['1 for 2 still'] }],
    ['then it was adopted too much', { ...netting, positions: [es({ size: '1.5' })] }, { trades: [of('a', 'long', '1'), of('x', 'long', '1', { origin: 'external' })], positions: [row({ key: 'ES||', symbol: 'ES', differs_since: at(-30) })] }, { resized: ['0.5'] }],
    ['at once when the deals are known', { ...netting, withDeals: true, positions: [es({ size: '1.5' })] }, { trades: [of('a', 'long', '1'), of('x', 'long', '1', { origin: 'external' })] }, { resized: ['0.5'] }],
    ['or altogether', { ...netting, positions: [es({ size: '1' })] }, { trades: [of('a', 'long', '1'), of('x', 'long', '1', { origin: 'external' })], positions: [row({ key: 'ES||', symbol: 'ES', differs_since: at(-30) })] }, { explained: ['x'] }],
    ['never what deals have entered', { ...netting, withDeals: true, positions: [es({ size: '1' })] }, { trades: [of('a', 'long', '1'), of('x', 'long', '1', { origin: 'external', dealt_size: '1' })] }, { differing: ['1 for 2'] }],
    ['a lack of more than that stays', { ...netting, positions: [es({ size: '0.5' })] }, { trades: [of('a', 'long', '1'), of('x', 'long', '1', { origin: 'external' })], positions: [row({ key: 'ES||', symbol: 'ES', differs_since: at(-30) })] }, { explained: ['x'], differing: ['0.5 for 2 still'] }],
    ['the other direction is an excess of the whole difference', { ...netting, positions: [es({ size: '1', direction: 'short' })] }, { trades: [of('a', 'long', '1')] }, { adopted: ['agent short 2'] }],
    ['an adopted one that is turned round is missing, and the other side is adopted', { ...netting, positions: [es({ size: '0.5', direction: 'short' })] }, { trades: [of('x', 'long', '1', { origin: 'external' })] }, { adopted: ['agent short 0.5'], missing: ['x'] }],
    ['also one that deals have entered', { ...netting, positions: [es({ size: '0.5', direction: 'short' })] }, { trades: [of('x', 'long', '1', { origin: 'external', dealt_size: '1' })] }, { adopted: ['agent short 0.5'], missing: ['x'] }],
    ['and stays missing beside it', { ...netting, positions: [es({ size: '0.5', direction: 'short' })] }, { trades: [of('x', 'long', '1', { origin: 'external', status: 'unknown', missing_since: at(-9) }), of('y', 'short', '0.5', { origin: 'external' })] }, { waiting: ['x'] }],
    ['however large the other side is', { ...netting, positions: [es({ size: '3', direction: 'short' })] }, { trades: [of('x', 'long', '1', { origin: 'external', status: 'unknown', missing_since: at(-9) }), of('y', 'short', '3', { origin: 'external' })] }, { waiting: ['x'] }],
    ['until the second report', { ...netting, positions: [es({ size: '0.5', direction: 'short' })] }, { trades: [of('x', 'long', '1', { origin: 'external', status: 'unknown', missing_since: at(-10) }), of('y', 'short', '0.5', { origin: 'external' })] }, { gone: ['x'] }],
    ['or is back, and the other side is missing', { ...netting, positions: [es({ size: '1' })] }, { trades: [of('x', 'long', '1', { origin: 'external', status: 'unknown', missing_since: at(-5) }), of('y', 'short', '0.5', { origin: 'external' })] }, { opened: ['x'], missing: ['y'] }],
    ['by what is not complete it is not missing yet', { ...netting, complete: false, positions: [es({ size: '0.5', direction: 'short' })] }, { trades: [of('x', 'long', '1', { origin: 'external' })] }, { adopted: ['agent short 0.5'] }],
    ['nor is it by a list that was made before one of ours ended', { ...netting, positions: [es({ size: '1', direction: 'short' })] }, { trades: [of('x', 'long', '1', { origin: 'external' }), of('b', 'short', '2', { status: 'closed', finished_at: at(-5), ended_at: at(-5) })] }, { differing: ['-1 for 1'] }],
    ['what was adopted twice is taken off at once where the others are all that is held', { ...netting, positions: [es({ size: '1' })] }, { trades: [of('a', 'long', '1'), of('b', 'short', '2'), of('c', 'long', '2'), of('x', 'short', '2', { origin: 'external' })] }, { explained: ['x'] }],
    ['and in part where they are more', { ...netting, positions: [es({ size: '1' })] }, { trades: [of('c', 'long', '1.5'), of('x', 'short', '2', { origin: 'external' })] }, { resized: ['0.5'] }],
    ['an excess beside what has just ended waits', { ...netting, positions: [es({ size: '2' })] }, { trades: [of('a', 'long', '1'), of('b', 'long', '1', { status: 'closed', finished_at: at(-5), ended_at: at(-5) })] }, { differing: ['2 for 1'] }],
    ['an exchange that nobody said of a trade is the position\'s', { ...netting, positions: [es({ exchange: 'CME' })] }, { trades: [of('a', 'long', '1')] }, {}],
    ['another exchange is another instrument', { ...netting, positions: [es({ exchange: 'CME' })] }, { trades: [of('a', 'long', '1', { exchange: 'EUREX' })] }, { adopted: ['agent long 1'], missing: ['a'] }],
    ['all are missing when it is gone', netting, { trades: [of('a', 'long', '5'), of('b', 'short', '2')], positions: [row({ key: 'ES||', symbol: 'ES', trade_id: null })] }, { missing: ['a', 'b'], stillMissing: ['row'] }],
    ['all are back when it is', { ...netting, positions: [es({ size: '3' })] }, { trades: [of('a', 'long', '5', { status: 'unknown' }), of('b', 'short', '2', { status: 'unknown' })] }, { opened: ['a', 'b'] }],
    ['of less than all, the unknown are not it', { ...netting, positions: [es({ size: '1' })] }, { trades: [of('a', 'long', '1'), of('b', 'long', '2', { status: 'unknown' })] }, { missing: ['b'] }],
    ['of less than all, and end with the second report', { ...netting, positions: [es({ size: '1' })] }, { trades: [of('a', 'long', '1'), of('b', 'long', '2', { status: 'unknown', missing_since: at(-10) })] }, { gone: ['b'] }],
    ['no of a market is the other side of its yes', { ...netting, positions: [es({ size: '6', outcome: 'yes' })] }, { trades: [of('a', 'long', '10', { outcome: 'yes' }), of('b', 'long', '4', { outcome: 'no' })] }, {}],
    ['and of more no than yes, no is held', { ...netting, positions: [es({ size: '6', outcome: 'no' })] }, { trades: [of('a', 'long', '4', { outcome: 'yes' }), of('b', 'long', '10', { outcome: 'no' })] }, {}],
    ['the other side is an excess of the whole difference', { ...netting, positions: [es({ size: '1', outcome: 'no' })] }, { trades: [of('a', 'long', '1', { outcome: 'yes' })] }, { adopted: ['agent long 2'] }],
    ['a short of yes is a long of no', { ...netting, positions: [es({ size: '2', outcome: 'no' })] }, { trades: [of('a', 'short', '2', { outcome: 'yes' })] }, {}],
    ['a side that the broker does not say is ours', { ...netting, positions: [es({ size: '4' })] }, { trades: [of('a', 'long', '4', { outcome: 'no' })] }, {}],
    ['and one that nobody knew of what was adopted is learned', { ...netting, positions: [es({ size: '3', outcome: 'no' })] }, { trades: [of('x', 'long', '2', { origin: 'external' })] }, { sided: ['x no'], resized: ['3'] }],
  ])('%s', check);
});

describe('an entry order', () => {
  const pending = (more: Partial<Trade> = {}) => trade({ status: 'pending', entry_time: null, broker_order_id: 'o', broker_position_id: null, ...more });
  const working = { id: 'row', key: 'o', trade_id: 't', as_of: at(-50), missing_since: null, role: 'entry' as const };
  it.each<Case>([
    ['of nobody is adopted', { orders: [order()] }, {}, { adoptedOrders: ['agent'] }],
    ['that protects is not', { orders: [order({ role: 'protective' })] }, {}, {}],
    ['of ours is ours', { orders: [order()] }, { trades: [pending()] }, {}],
    ['that is gone is missing', {}, { trades: [pending()], orders: [working] }, { missingOrders: ['t'] }],
    ['and cancelled with the second report', {}, { trades: [pending({ status: 'unknown', missing_since: at(-10) })], orders: [working] }, { cancelledOrders: ['t'], overOrders: ['row'] }],
    ['that was never shown is left alone', {}, { trades: [pending()] }, {}],
    ['that comes back is pending again', { orders: [order()] }, { trades: [pending({ status: 'unknown', missing_since: at(-10) })], orders: [working] }, { restored: ['t'] }],
    ['whose position shows up has been filled', { positions: [told({ brokerOrderId: 'o' })] }, { trades: [pending()], orders: [working] }, { opened: ['t'], overOrders: ['row'] }],
  ])('%s', check);
});
