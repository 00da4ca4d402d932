import { describe, expect, it } from '@jest/globals';
import { Decimal } from 'decimal.js';
import type { Candle } from './candle-file.js';
import { instrumentFor, parsePoints } from './instrument.js';
import { openAccount, PaperBroker, type Position } from './paper-broker.js';
import type { Direction } from './strategy.js';

const EURUSD = instrumentFor('EURUSD');
const points = (price: string) => parsePoints(price, EURUSD);

function candle(open: string, high: string, low: string, close: string, spread = '0.00010'): Candle {
  const [o, h, l, c, s] = [open, high, low, close, spread].map(points) as [number, number, number, number, number];
  return { time: 0, open: o, high: h, low: l, close: c, spread: s };
}

/** A broker at a middle price of 1.00000 with a spread of one pip, and one position of 0.10 lots, 20 pips to the stop. */
function broker(direction: Direction, commissionPerLot = '0'): { broker: PaperBroker; position: Position } {
  const made = new PaperBroker(openAccount('10000.00'), EURUSD, 'paper-test', () => '2026-01-01T00:00:00Z');
  made.onCandle(candle('1', '1', '1', '1'));
  const position = made.open({
    clientOrderId: 'c1', direction, lots: '0.10', stopDistance: 2000, targetDistance: 4000, index: 1, commissionPerLot,
  });
  return { broker: made, position };
}

const price = (value: string) => points(value);

describe('an entry', () => {
  it('pays the spread: a long buys at the ask, a short sells at the bid', () => {
    expect(broker('long').position).toMatchObject({ entry: price('1.00005'), stop: price('0.99805'), target: price('1.00405') });
    expect(broker('short').position).toMatchObject({ entry: price('0.99995'), stop: price('1.00195'), target: price('0.99595') });
  });

  it('is worth its spread less at once', () => {
    expect(broker('long').broker.equity()).toBe('9999.00');
    expect(broker('short').broker.equity()).toBe('9999.00');
  });

  it('needs a quote', () => {
    const blind = new PaperBroker(openAccount('1'), EURUSD, 'x', () => '');
    const order = { clientOrderId: 'c', direction: 'long', lots: '1', stopDistance: 1, targetDistance: 1, index: 0, commissionPerLot: '0' } as const;
    expect(() => blind.open(order)).toThrow('no quote');
  });
});

describe('an exit', () => {
  // Bid and ask lie half a pip around the candle's prices.
  it.each([
    { name: 'a long leaves at its stop when the bid touches it', direction: 'long', candle: candle('1', '1', '0.99810', '0.999'), exit: '0.99805', reason: 'stop' },
    { name: 'a short leaves at its stop when the ask touches it', direction: 'short', candle: candle('1', '1.00190', '1', '1.001'), exit: '1.00195', reason: 'stop' },
    { name: 'a long leaves at its target when the bid reaches it', direction: 'long', candle: candle('1', '1.00410', '1', '1.004'), exit: '1.00405', reason: 'target' },
    { name: 'a short leaves at its target when the ask reaches it', direction: 'short', candle: candle('1', '1', '0.99590', '0.996'), exit: '0.99595', reason: 'target' },
    { name: 'with stop and target in one candle a long counts the stop', direction: 'long', candle: candle('1', '1.01', '0.99', '1'), exit: '0.99805', reason: 'stop' },
    { name: 'with stop and target in one candle a short counts the stop', direction: 'short', candle: candle('1', '1.01', '0.99', '1'), exit: '1.00195', reason: 'stop' },
    { name: 'a gap beyond the stop of a long is filled at the opening', direction: 'long', candle: candle('0.99', '0.991', '0.98', '0.985'), exit: '0.98995', reason: 'stop' },
    { name: 'a gap beyond the stop of a short is filled at the opening', direction: 'short', candle: candle('1.01', '1.02', '1.009', '1.015'), exit: '1.01005', reason: 'stop' },
    { name: 'a gap beyond the target of a long is filled at the opening, whatever came after', direction: 'long', candle: candle('1.01', '1.02', '0.99', '1'), exit: '1.00995', reason: 'target' },
    { name: 'a gap beyond the target of a short is filled at the opening, whatever came after', direction: 'short', candle: candle('0.99', '1.01', '0.98', '1'), exit: '0.99005', reason: 'target' },
  ] as const)('$name', ({ direction, candle: next, exit, reason }) => {
    const [closed] = broker(direction).broker.onCandle(next);
    expect(closed).toMatchObject({ exit: String(price(exit)), reason });
  });

  it.each([
    { direction: 'long', next: candle('1', '1.00404', '0.99815', '1') },
    { direction: 'short', next: candle('1', '1.00185', '0.99596', '1') },
  ] as const)('does not happen while the $direction position\'s own side of the quote stays inside', ({ direction, next }) => {
    expect(broker(direction).broker.onCandle(next)).toEqual([]);
  });

  it('is not done twice', () => {
    const made = broker('long').broker;
    expect(made.onCandle(candle('0.99', '0.991', '0.98', '0.985'))).toHaveLength(1);
    expect(made.onCandle(candle('0.99', '0.991', '0.98', '0.985'))).toHaveLength(0);
  });
});

describe('the account', () => {
  it('books profit to the cent', () => {
    const made = broker('long').broker;
    const [closed] = made.onCandle(candle('1', '1.00410', '1', '1.004'));
    // (1.00405 - 1.00005) x 0.10 x 100,000
    expect(closed).toMatchObject({ gross: '40.00', commission: '0.00', net: '40.00' });
    expect(made.state.balance).toBe('10040.00');
    expect(made.equity()).toBe('10040.00');
  });

  it('takes the commission for both sides off the profit', () => {
    const [closed] = broker('long', '3.5').broker.onCandle(candle('1', '1.00410', '1', '1.004'));
    expect(closed).toMatchObject({ gross: '40.00', commission: '0.70', net: '39.30' });
  });

  it('closes in parts, and reports the mean price by size, from which the profit follows', () => {
    const { broker: made, position } = broker('long');
    made.onCandle(candle('1', '1.002', '1', '1.00105'));
    expect(made.close(position, 'operator', '0.04')).toBeNull();
    expect(position.openLots).toBe('0.06');
    expect(made.equity()).toBe('10009.50');
    made.onCandle(candle('1', '1.003', '1', '1.00205'));
    const closed = made.close(position, 'operator')!;
    // 0.04 x 1.00100 and 0.06 x 1.00200: a mean of 1.00160.
    expect(closed).toMatchObject({ exit: String(price('1.0016')), gross: '15.50', net: '15.50' });
    expect(made.state).toMatchObject({ balance: '10015.50', positions: [] });
  });

  it('closes no more than is open', () => {
    const { broker: made, position } = broker('short');
    expect(() => made.close(position, 'operator', '0.11')).toThrow('0.10 are open');
    expect(() => made.close(position, 'operator', '0')).toThrow();
    expect(() => made.close(position, 'operator', '-0.01')).toThrow();
  });

  it('gives every order, position and deal an id of its own', () => {
    const { broker: made, position } = broker('long');
    made.close(position, 'operator', '0.05');
    const closed = made.close(position, 'operator')!;
    const ids = [position.brokerOrderId, position.brokerPositionId, ...made.state.deals.map(({ dealId }) => dealId)];
    expect(new Set(ids).size).toBe(5);
    expect(closed.dealId).toBe(ids.at(-1));
  });
});

describe('a deal', () => {
  const sumOf = ({ deals }: PaperBroker['state']) =>
    deals.reduce((sum, { profit, commission }) => sum.plus(profit).minus(commission), new Decimal('10000'));

  it('is in the balance at once, so that at any moment the balance is what the deals add up to', () => {
    const USDJPY = instrumentFor('USDJPY');
    const made = new PaperBroker(openAccount('10000.00'), USDJPY, 'paper-test', () => '2026-01-01T00:00:00Z');
    const yen = (price: number): Candle => ({ time: 0, open: price, high: price, low: price, close: price, spread: 100 });
    made.onCandle(yen(1_500_000));
    // A third of a cent in each part, of the profit in yen and of the commission.
    const position = made.open({ clientOrderId: 'c', direction: 'long', lots: '0.07', stopDistance: null, targetDistance: null, index: 1, commissionPerLot: '3.33' });
    expect(made.state.balance).toBe(sumOf(made.state).toFixed(2));
    for (const [price, lots] of [[1_501_110, '0.01'], [1_502_220, '0.03'], [1_503_330, '0.01']] as const) {
      made.onCandle(yen(price));
      expect(made.close(position, 'operator', lots)).toBeNull();
      expect(made.state.balance).toBe(sumOf(made.state).toFixed(2));
    }
    const closed = made.close(position, 'operator')!;
    expect(made.state.balance).toBe(sumOf(made.state).toFixed(2));
    expect(made.state.balance).toBe(new Decimal('10000').plus(closed.net).toFixed(2));
    expect(made.state.deals.map(({ lots }) => lots)).toEqual(['0.07', '0.01', '0.03', '0.01', '0.02']);
  });

  it('says what was asked for: the level that a gap jumped over', () => {
    const { broker: made } = broker('long');
    made.onCandle(candle('0.99', '0.991', '0.98', '0.985'));
    expect(made.state.deals.at(-1)).toMatchObject({ role: 'exit', price: price('0.98995'), requested: price('0.99805'), exitReason: 'stop' });
  });

  it('is given once to be told', () => {
    const { broker: made, position } = broker('long');
    expect(made.takeDeals().map(({ role }) => role)).toEqual(['entry']);
    made.close(position, 'operator', '0.04');
    expect(made.takeDeals()).toMatchObject([{ role: 'exit', lots: '0.04' }]);
    expect(made.takeDeals()).toEqual([]);
  });

  it('is forgotten after a hundred others, but not where a report of the account is all that tells it', () => {
    const { broker: made } = broker('long');
    made.open({ clientOrderId: 'hand', direction: 'long', lots: '0.01', stopDistance: null, targetDistance: null, index: 1, commissionPerLot: '0', byHand: true });
    for (let n = 0; n < 60; n++) {
      made.close(made.open({ clientOrderId: `c${n}`, direction: 'short', lots: '0.01', stopDistance: 2000, targetDistance: 4000, index: 2, commissionPerLot: '0' }), 'signal');
    }
    expect(made.state.deals).toHaveLength(101);
    expect(made.state.deals[0]).toMatchObject({ byHand: true, role: 'entry' });
  });
});

it('a position without stop and target stays open whatever the price does', () => {
  const made = new PaperBroker(openAccount('10000.00'), EURUSD, 'paper-test', () => '2026-01-01T00:00:00Z');
  made.onCandle(candle('1', '1', '1', '1'));
  made.open({ clientOrderId: 'hand', direction: 'short', lots: '0.01', stopDistance: null, targetDistance: null, index: 1, commissionPerLot: '0', byHand: true });
  expect(made.onCandle(candle('1', '1.9', '0.1', '1'))).toEqual([]);
});
