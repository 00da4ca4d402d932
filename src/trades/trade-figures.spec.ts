import { describe, expect, it } from '@jest/globals';
import type { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { Exact } from '../common/decimal.js';
import { type Fill, figuresOf, type Told } from './trade-figures.js';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const told = (more: Partial<Told> = {}): Told => ({
  status: 'pending', entry_price: null, entry_time: null, exit_price: null, exit_time: null, exit_reason: null, gross_profit: null, commission: null,
  swap: null, fee: null, since: at(0), entered: false, ...more,
});
const open = (more: Partial<Told> = {}) => told({ status: 'open', entry_price: '1.1', entry_time: at(1), entered: true, ...more });
const closed = (more: Partial<Told> = {}) => open({ status: 'closed', exit_price: '1.3', exit_time: at(9), exit_reason: 'target', gross_profit: '20', ...more });
let deals = 0;
const fill = (role: Fill['role'], price: string, size: string, second: number, more: Partial<Fill> = {}): Fill => ({
  broker_deal_id: `d${++deals}`, role, price, size, profit: null, commission: null, swap: null, fee: null, requested_price: null, exit_reason: null, filled_at: at(second), ...more,
});
const entry = (price: string, size: string, second = 1, more: Partial<Fill> = {}) => fill('entry', price, size, second, more);
const exit = (price: string, size: string, second = 5, more: Partial<Fill> = {}) => fill('exit', price, size, second, more);
const point = () => ({ amount: new Exact(100), assumed: false, isBinary: false });
const figures = (what: Told, fills: Fill[], direction: 'long' | 'short' = 'long', value: Parameters<typeof figuresOf>[3] = point) =>
  figuresOf(what, fills, { direction, lotSize: '1', external: false }, value);

describe('the status of a trade with fills', () => {
  const unknown = (more: Partial<Told> = {}) => open({ status: 'unknown', since: at(3), ...more });
  it.each<[string, Told, Fill[], string]>([
    ['is what was told, without fills', told(), [], 'pending'],
    ['is open with an entry', told(), [entry('1', '0.4')], 'open'],
    ['is closing with an entry, if that was told', open({ status: 'closing' }), [entry('1', '1'), exit('1', '0.5')], 'closing'],
    ['is closed when all that was entered was exited', open(), [entry('1', '0.4'), exit('1', '0.4')], 'closed'],
    ['is closed when more was exited', open(), [entry('1', '0.4'), exit('1', '0.5')], 'closed'],
    ['is open again when a late entry says that more was entered', open(), [entry('1', '0.4'), exit('1', '0.4'), entry('1', '0.1')], 'open'],
    ['is closed when all that was told to be entered was exited', open(), [exit('1', '0.4'), exit('1', '0.6')], 'closed'],
    ['stays open with a part of that exited', open(), [exit('1', '0.4')], 'open'],
    ['is unknown with an exit before any entry', told(), [exit('1', '1')], 'unknown'],
    ['is unknown when what was rejected has an exit', told({ status: 'rejected' }), [exit('1', '1')], 'unknown'],
    ['is open when what was rejected was entered', told({ status: 'rejected' }), [entry('1', '1')], 'open'],
    ['is open when what was cancelled was entered', told({ status: 'cancelled' }), [entry('1', '0.2')], 'open'],
    ['is closed when what expired was entered and exited', told({ status: 'expired' }), [entry('1', '1'), exit('1', '1')], 'closed'],
    ['stays closed while exits are missing', closed(), [entry('1', '1'), exit('1', '0.5')], 'closed'],
    ['is open after a doubt about the entry', told({ status: 'unknown', since: at(3) }), [entry('1', '1')], 'open'],
    ['stays unknown after a doubt about the position', unknown(), [entry('1', '1')], 'unknown'],
    ['is open when a later fill shows that it was there', unknown(), [entry('1', '1'), exit('1', '0.5')], 'open'],
    ['is closed after a doubt when all was exited', unknown(), [entry('1', '1'), exit('1', '1', 2)], 'closed'],
  ])('%s', (_name, what, fills, expected) => expect(figures(what, fills).status).toBe(expected));
});

describe('where the price is the rate', () => {
  const yen = (price: InstanceType<typeof Exact>) => ({ amount: new Exact(100_000).div(price), assumed: false, isBinary: false });

  it('a point keeps the value that it had at the entry, and so does what was risked; the profit is worth what it is at the exit', () => {
    expect(figures(told(), [entry('160', '1')], 'long', yen).point_value).toBe('625');
    expect(figures(told(), [entry('160', '1'), exit('200', '1')], 'long', yen)).toMatchObject({ point_value: '625', computed_profit: '20000', gross_profit: '20000' });
  });
});

describe('what a binary contract cost', () => {
  const binary = () => ({ ...point(), isBinary: true });
  it.each<[string, Told, Fill[], 'long' | 'short', string | null]>([
    ['is size × price of its entries, and their fees', told(), [entry('0.42', '10', 1, { fee: '-0.07', commission: '-0.03' }), entry('0.44', '5')], 'long', '640.1'],
    ['is not moved by an exit, nor by what that cost', told(), [entry('0.42', '10', 1, { fee: '-0.07' }), exit('1', '4', 5, { fee: '-9' }), exit('0', '6')], 'long', '420.07'],
    ['is what was left to 1, where it was sold', told(), [entry('0.6', '10')], 'short', '400'],
    ['is not less for a fee that was given back', told(), [entry('0.6', '10', 1, { fee: '0.5' })], 'long', '600'],
    ['is size × price, where nobody told of a fill: which costs were of the entry is not known', open({ entry_price: '0.3', fee: '-2' }), [], 'long', '30'],
    ['is not known before the entry', told({ entry_price: '0.3' }), [], 'long', null],
    ['is not known at a price above 1', told(), [entry('1.01', '10')], 'short', null],
  ])('%s', (_name, what, fills, direction, staked) => expect(figures(what, fills, direction, binary).staked).toBe(staked));

  it('is nothing that anything else has, nor a contract of unknown terms', () => {
    expect(figures(told(), [entry('0.42', '10')]).staked).toBeNull();
    expect(figures(told(), [entry('0.42', '10')], 'long', () => null).staked).toBeNull();
  });
});

describe('prices and times', () => {
  it('are those of the fills, weighted by size and rounded to 18 digits', () => {
    expect(figures(told(), [entry('1', '1', 3), entry('2', '2', 2), exit('3', '1', 7), exit('4', '2', 8, { exit_reason: 'stop' })])).toMatchObject({
      entry_price: '1.666666666666666667', entry_time: at(2), exit_price: '3.666666666666666667', exit_time: at(8), exit_reason: 'stop',
      entered_size: '3', exited_size: '3', price_high: '4', price_low: '1',
    });
  });

  it('of the end are those told while exits are missing, and the fills\' when all are there', () => {
    const fills = [entry('1', '1'), exit('1.2', '0.5', 6)];
    expect(figures(closed(), fills)).toMatchObject({ exit_price: '1.3', exit_time: at(9), exit_reason: 'target', gross_profit: '20', profit_source: 'told', price_high: '1.3' });
    expect(figures(closed(), [...fills, exit('1.4', '0.5', 7)])).toMatchObject({ exit_price: '1.3', exit_time: at(7), exit_reason: 'target', price_high: '1.4' });
  });

  it.each([[{ exit_reason: 'stop' } as const, 'target', 'stop'], [{}, 'target', 'target'], [{}, null, 'unknown']])('reason of the exit: %j over %s', (last, said, expected) => {
    expect(figures(open({ exit_reason: said as 'target' | null }), [entry('1', '1'), exit('1', '0.5', 4, { exit_reason: 'signal' }), exit('1', '0.5', 5, last)]).exit_reason).toBe(expected);
  });
});

describe('profit', () => {
  it('is the broker\'s when every exit has it, and ours stands beside', () => {
    expect(figures(open(), [entry('1', '1', 1, { profit: '0', commission: '-1' }), exit('1.5', '1', 5, { profit: '49.5', commission: '-1', fee: '-0.1' })]))
      .toMatchObject({ gross_profit: '49.5', profit_source: 'broker', computed_profit: '50', commission: '-2', swap: null, fee: '-0.1' });
  });

  it.each<[string, Told, Partial<Fill>, (typeof point) | (() => null), 'long' | 'short', string | null, string | null]>([
    ['ours of a long', open(), {}, point, 'long', '50', 'computed'],
    ['ours of a short', open(), {}, point, 'short', '-50', 'computed'],
    ['ours by assumed terms', open(), {}, () => ({ ...point(), assumed: true }), 'long', '50', 'assumed'],
    ['what was told, before ours', open({ gross_profit: '49' }), {}, point, 'long', '49', 'told'],
    ['not known without terms', open(), {}, () => null, 'long', null, null],
  ])('is %s', (_name, what, more, value, direction, gross, source) => {
    expect(figures(what, [entry('1', '1'), exit('1.5', '1', 5, more)], direction, value)).toMatchObject({ gross_profit: gross, profit_source: source });
  });

  it('is the broker\'s for the exits that it told of, and ours for the others', () => {
    const half = (price: string, profit: string | null) => exit(price, '0.5', 5, { profit });
    expect(figures(open(), [entry('1', '1'), half('1.5', '24.9'), half('1.2', null)])).toMatchObject({ gross_profit: '34.9', profit_source: 'computed', computed_profit: '35' });
    expect(figures(open(), [entry('1', '1'), half('1.5', '24.9'), half('1.2', null)], 'long', () => null)).toMatchObject({ gross_profit: null, profit_source: null });
    expect(figures(closed(), [entry('1', '1'), half('1.5', '24.9')])).toMatchObject({ gross_profit: '20', profit_source: 'told' });
    expect(figures(closed({ gross_profit: null }), [entry('1', '1'), half('1.5', '24.9')])).toMatchObject({ gross_profit: '30', profit_source: 'computed' });
  });

  it('is worth what the price of each exit makes it, where the price is the rate', () => {
    const atPrice = (price: Decimal) => ({ amount: new Exact(100).div(price), assumed: false, isBinary: false });
    const entered = entry('150', '2');
    const one = exit('160', '1', 5);
    expect(figures(open(), [entered, one], 'long', atPrice)).toMatchObject({ gross_profit: '6.25', computed_profit: '6.25' });
    // 10 x 100 / 160 of the one, and -25 x 100 / 125 of the other: the first does not move with what comes.
    expect(figures(open(), [entered, one, exit('125', '1', 6)], 'long', atPrice)).toMatchObject({ gross_profit: '-13.75', computed_profit: '-13.75' });
    // The broker told of the first; ours is of the other alone.
    expect(figures(open(), [entered, { ...one, profit: '6.2' }, exit('125', '1', 6)], 'long', atPrice)).toMatchObject({ gross_profit: '-13.8', computed_profit: '-13.75' });
    expect(figures(open(), [entered, one, exit('0', '1', 6)], 'long', (price) => (price.gt(0) ? atPrice(price) : null))).toMatchObject({ gross_profit: null, computed_profit: null });
  });

  it('is that of what was exited so far', () => {
    expect(figures(open(), [entry('1', '2'), exit('1.5', '0.5')])).toMatchObject({ gross_profit: '25', computed_profit: '25', exited_size: '0.5', status: 'open' });
    expect(figures(open(), [entry('1', '2')])).toMatchObject({ gross_profit: null, computed_profit: null });
  });

  it('is not known of what was exited and never entered', () => {
    expect(figures(told(), [exit('1.5', '1')])).toMatchObject({ computed_profit: null, gross_profit: null });
    expect(figures(open(), [entry('1', '1'), exit('1.5', '2')])).toMatchObject({ computed_profit: null, gross_profit: null });
  });

  it('takes costs that were told where no fill says them', () => {
    expect(figures(open({ commission: '-3', swap: '-4' }), [entry('1', '1', 1, { swap: '-1' })])).toMatchObject({ commission: '-3', swap: '-1' });
    expect(figures(closed({ commission: '-3' }), [entry('1', '1', 1, { commission: '-1' })])).toMatchObject({ commission: '-3' });
  });

  it('of a trade without fills is what was told, and ours only beside it', () => {
    expect(figures(closed(), [])).toMatchObject({ gross_profit: '20', profit_source: 'told', computed_profit: '20', entered_size: null, exited_size: null });
    expect(figures(closed({ gross_profit: null }), [])).toMatchObject({ gross_profit: null, profit_source: null });
  });
});

describe('slippage', () => {
  it.each([['long', '0.02', '-0.1'], ['short', '-0.02', '0.1']] as const)('of a %s is positive when it is worse, weighted by size, of fills that say what was asked', (direction, entered, exited) => {
    const fills = [
      entry('1.03', '2', 1, { requested_price: '1' }), entry('1', '1', 2, { requested_price: '1' }), entry('9', '1', 3), exit('1.5', '1', 5, { requested_price: '1.4' }),
    ];
    expect(figures(told(), fills, direction)).toMatchObject({ entry_slippage: entered, exit_slippage: exited });
  });

  it('is null where nothing was asked for', () => {
    expect(figures(told(), [entry('1', '1')])).toMatchObject({ entry_slippage: null, exit_slippage: null });
  });
});

describe('any fills', () => {
  const decimal = fc.integer({ min: 1, max: 10 ** 9 }).map((n) => new Exact(n).div(10 ** 5).toFixed());
  const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
  const anyFill = fc.record({
    broker_deal_id: fc.integer({ min: 1, max: 10 ** 6 }).map(String), role: fc.constantFrom('entry' as const, 'exit' as const), price: decimal, size: decimal, profit: maybe(decimal),
    commission: maybe(decimal), swap: maybe(decimal), fee: maybe(decimal), requested_price: maybe(decimal), exit_reason: fc.constantFrom(null, 'stop' as const, 'target' as const),
    filled_at: fc.integer({ min: 0, max: 4 }).map(at),
  });
  const anyTold = fc.constantFrom(told(), open(), closed(), open({ status: 'closing' }), told({ status: 'rejected' }), told({ status: 'unknown' }), open({ status: 'unknown', since: at(2) }));

  it('make the same trade in whatever order they come, with no exit beyond an end and no open size below zero', () => {
    fc.assert(fc.property(anyTold, fc.uniqueArray(anyFill, { selector: ({ broker_deal_id, role }) => role + broker_deal_id, maxLength: 12 }), fc.infiniteStream(fc.nat()), (what, fills, order) => {
      const shuffled = fills.map((each) => [order.next().value as number, each] as const).sort(([a], [b]) => a - b).map(([, each]) => each);
      const made = figures(what, fills);
      expect(figures(what, shuffled)).toEqual(made);
      if (made.status === 'closed') expect([made.exit_price, made.exit_time, made.exit_reason]).not.toContain(null);
      if (made.status === 'open' || made.status === 'closing') expect([made.entry_price, made.entry_time]).not.toContain(null);
      if (made.status === 'open' && made.entered_size !== null) expect(new Exact(made.exited_size ?? 0).lt(made.entered_size)).toBe(true);
    }), { numRuns: 500 });
  });
});
