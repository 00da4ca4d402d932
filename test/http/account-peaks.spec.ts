import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Exact } from '../../src/common/decimal.js';
import { type AccountDay, Days, type Trader } from '../support/account-days.js';
import { startTestApp, type TestApp } from '../support/app.js';

let t: TestApp;
let second: TestApp;
let days: Days;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
  days = new Days(t);
  await days.begin(second);
});
afterAll(async () => {
  await second.close();
  await t.close();
});

/** What a loss limit says to a day: the equity at which it is reached. The limits themselves come with the breakers. */
const floorOf = ({ baselines, netCashFlows }: AccountDay, baseline: keyof AccountDay['baselines'], loss: number) => new Exact(baselines[baseline] ?? NaN).plus(netCashFlows).minus(loss).toFixed();

const peaksOf = async (trader: Trader) => (await days.books(trader)).map(({ peakEquity, peakDayEndBalance }) => [peakEquity, peakDayEndBalance])[0];
const peakOf = async (trader: Trader) => (await peaksOf(trader))?.[0] ?? null;
/** Every quarter of a minute from there on. */
const reports = async (trader: Trader, from: string, equities: (number | undefined)[], more: Record<string, unknown> = {}) => {
  for (const [n, equity] of equities.entries()) await days.report(trader, new Date(Date.parse(from) + n * 15_000).toISOString(), equity, more);
};

describe('the highest equity of a book', () => {
  it.each<[string, number[], string | null]>([
    ['is not known before three reports', [100, 100], null], ['is what three in a row held', [100, 101, 102], '100'],
    ['leaves a jump out that two reports do not confirm', [100, 100, 100, 900, 101], '100'], ['takes it with the second after it', [100, 100, 100, 900, 910, 905], '900'],
    ['stays where the equity falls at once', [100, 110, 120, 130, 50, 40, 30], '110'], ['is found anew after a fall', [100, 100, 100, 50, 120, 130, 125], '120'],
  ])('%s', async (_name, equities, peak) => {
    const trader = await days.trader();
    await reports(trader, '2026-03-06T10:00:00Z', equities);
    expect(await peakOf(trader)).toBe(peak);
  });

  it('knows the reports of the day before, so that an agent which says little has one too', async () => {
    const trader = await days.trader();
    for (const [day, equity] of [[5, 100], [6, 130], [7, 120]] as const) await days.report(trader, `2026-03-0${day}T12:00:00Z`, equity);
    expect(await peakOf(trader)).toBe('100');
    await days.report(trader, '2026-03-08T12:00:00Z', 125);
    expect(await peakOf(trader)).toBe('120');
  });

  it('is not moved by what is said while the broker is not connected, nor by a balance alone', async () => {
    const trader = await days.trader();
    await reports(trader, '2026-03-06T10:00:00Z', [100, 100, 100]);
    await reports(trader, '2026-03-06T10:10:00Z', [500, 500, 500, 500], { brokerConnected: false });
    await reports(trader, '2026-03-06T10:20:00Z', [undefined, undefined, undefined], { brokerConnected: true, balance: 700 });
    expect(await peakOf(trader)).toBe('100');
    await reports(trader, '2026-03-06T10:30:00Z', [300, 300]);
    expect(await peakOf(trader)).toBe('100');
    await days.report(trader, '2026-03-06T10:31:00Z', 300);
    expect(await peakOf(trader)).toBe('300');
  });

  it('goes with the money: told at once, late, for yesterday, and in either order', async () => {
    const flows = [['2026-03-06T11:00:00Z', 'withdrawal', 400], ['2026-03-06T12:00:00Z', 'deposit', 50], ['2026-03-05T23:00:00Z', 'deposit', 10]] as const;
    for (const order of [flows, [...flows].reverse()]) {
      const trader = await days.trader();
      await reports(trader, '2026-03-05T10:00:00Z', [980, 980, 980]);
      await reports(trader, '2026-03-06T10:00:00Z', [1_000, 1_000, 1_000]);
      await days.setClock('2026-03-06T12:30:00Z');
      for (const [at, kind, amount] of order) await days.flow(trader, at, kind, amount);
      // 1,000 at ten o'clock less 400 and plus 50; 980 the day before and 10 more.
      expect(await peakOf(trader)).toBe('650');
      await reports(trader, '2026-03-06T13:00:00Z', [649, 649, 649]);
      expect(await peakOf(trader)).toBe('650');
      await reports(trader, '2026-03-06T13:10:00Z', [660, 660, 660]);
      expect(await peakOf(trader)).toBe('660');
      await days.flow(trader, '2026-03-06T12:50:00Z', 'deposit', 5);
      expect(await peakOf(trader)).toBe('660');
    }
  });

  it('is of each mode by itself, at least the initial balance with what came and went since the first report', async () => {
    const trader = await days.trader('UTC', '00:00', { initialBalance: 1_000 });
    expect(await days.books(trader)).toEqual([]);
    const { body } = await t.http<{ name: string }>('GET', `/accounts/${trader.accountId}`);
    const simulated: Trader = { accountId: trader.accountId, agent: await t.agent({ account: body.name, mode: 'simulation' }) };
    await days.flow(trader, '2026-03-06T09:00:00Z', 'deposit', 1_000);
    await reports(trader, '2026-03-06T10:00:00Z', [1_010, 1_010, 1_010]);
    await days.flow(trader, '2026-03-06T11:00:00Z', 'withdrawal', 100);
    await days.report(simulated, '2026-03-06T12:00:00Z', 5);
    expect(await days.books(trader)).toEqual([
      { executionMode: 'paper', peakEquity: '910', peakDayEndBalance: '900' }, { executionMode: 'simulation', peakEquity: '1000', peakDayEndBalance: '1000' },
    ]);
    // The deposit before the first report is part of the initial balance, and of the day's flows: once of both.
    const [day] = await days.of(trader, '&executionMode=paper');
    expect([day?.baselines.initial, day?.netCashFlows, floorOf(day as AccountDay, 'initial', 50)]).toEqual(['0', '900', '850']);
  });

  it('is what all agents of an account held, whatever comes in one statement', async () => {
    const trader = await days.trader();
    const { body } = await t.http<{ name: string }>('GET', `/accounts/${trader.accountId}`);
    const agents = [trader.agent, ...(await Promise.all(Array.from({ length: 7 }, () => t.agent({ account: body.name }))))];
    await days.report(trader, '2026-03-06T10:00:00Z', 1_000);
    await days.setClock('2026-03-06T11:00:00Z');
    for (let round = 0; round < 5; round++) {
      const beat = (token: string, n: number, equity: number) => (n % 2 ? t : second).http('POST', '/agents/me/heartbeat', { token, body: { equity, balance: 1_000, asOf: `2026-03-06T10:3${round}:00.${n}00Z` } });
      // One of eight says nonsense in each round.
      await Promise.all(agents.map(({ apiKey }, n) => beat(apiKey, n, n === round ? 99_999 : 1_000 + n)));
    }
    const peak = Number(await peakOf(trader));
    expect([peak >= 1_000, peak <= 1_007]).toEqual([true, true]);
    for (const [n, { apiKey }] of agents.slice(0, 3).entries()) await second.http('POST', '/agents/me/heartbeat', { token: apiKey, body: { equity: 2_000, balance: 1_000, asOf: `2026-03-06T10:40:0${n}Z` } });
    expect(await peakOf(trader)).toBe('2000');
  });
});

/** Firms publish two kinds of rules; here are figures of our own for each, by which the floor is worked out by hand. */
describe('a daily loss of 5,000 from the higher of balance and equity at midnight in Prague, of 100,000', () => {
  const prague = () => days.trader('Europe/Prague', '00:00', { initialBalance: 100_000 });

  it.each<[string, number, number, string]>([
    ['nothing open: both are the same', 100_000, 100_000, '95000'], ['a floating profit over midnight is held', 100_000, 102_000, '97000'],
    ['a floating loss over midnight lowers nothing', 100_000, 97_000, '95000'], ['yesterday\'s profit raises the floor', 104_000, 104_000, '99000'],
    ['yesterday\'s loss lowers it', 96_500, 96_500, '91500'],
  ])('%s', async (_name, balance, equity, floor) => {
    const trader = await prague();
    await days.report(trader, '2026-01-15T22:59:50Z', equity, { balance });
    await days.report(trader, '2026-01-15T23:00:05Z', equity, { balance });
    expect((await days.of(trader)).slice(1).map((day) => [day.startsAt, floorOf(day, 'higher', 5_000)])).toEqual([['2026-01-15T23:00:00.000Z', floor]]);
  });

  it('a profit of the day is room, and moves the floor not before midnight; a floating loss counts at once', async () => {
    const trader = await prague();
    await days.report(trader, '2026-01-15T22:59:50Z', 100_000);
    await days.report(trader, '2026-01-16T09:00:00Z', 100_000);
    await days.traded(trader, '2026-01-16T09:10:00Z', '2026-01-16T09:30:00Z', '3000');
    await days.report(trader, '2026-01-16T09:30:10Z', 103_000);
    const [, morning] = await days.of(trader);
    expect([floorOf(morning as AccountDay, 'higher', 5_000), morning?.realisedProfit, morning?.unexplained]).toEqual(['95000', '3000', '0']);
    await days.report(trader, '2026-01-16T14:00:00Z', 94_900, { balance: 103_000 });
    const [, fallen] = await days.of(trader);
    expect(new Exact(fallen?.lowestEquity ?? 0).lte(floorOf(fallen as AccountDay, 'higher', 5_000))).toBe(true);
    await days.report(trader, '2026-01-16T22:59:50Z', 103_000);
    await days.report(trader, '2026-01-16T23:00:10Z', 103_000);
    expect(floorOf((await days.of(trader)).at(-1) as AccountDay, 'higher', 5_000)).toBe('98000');
  });

  it.each([
    ['spring, 23 hours', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'], ['autumn, 25 hours', '2025-10-25T22:00:00Z', '2025-10-26T23:00:00Z'],
  ])('on the day of the change in %s', async (_name, begins, ends) => {
    const trader = await prague();
    const before = (at: string) => new Date(Date.parse(at) - 10_000).toISOString();
    await days.report(trader, before(begins), 100_000);
    await days.report(trader, begins, 100_500);
    await days.report(trader, before(ends), 101_000, { balance: 100_700 });
    await days.report(trader, ends, 101_000, { balance: 100_700 });
    const [, changed, after] = await days.of(trader);
    expect([changed, after].map((day) => [new Date(day?.startsAt ?? 0).getTime(), floorOf(day as AccountDay, 'higher', 5_000), day?.estimated])).toEqual([[Date.parse(begins), '95000', false], [Date.parse(ends), '96000', false]]);
  });

  it('a midnight that nobody saw takes the higher of both sides, estimated; and what was dealt meanwhile is no loss of the new day', async () => {
    const [fell, rose, dealt] = [await prague(), await prague(), await prague()];
    for (const trader of [fell, rose, dealt]) await days.report(trader, '2026-01-15T20:00:00Z', 100_000);
    await days.report(fell, '2026-01-16T06:00:00Z', 98_000);
    await days.report(rose, '2026-01-16T06:00:00Z', 101_500);
    await days.report(dealt, '2026-01-16T06:00:00Z', 98_000);
    await days.traded(dealt, '2026-01-15T21:00:00Z', '2026-01-15T22:00:00Z', '-2000');
    await days.explain('2026-01-16T06:01:00Z');
    const floors = [];
    for (const trader of [fell, rose, dealt]) floors.push((await days.of(trader)).slice(1).map((day) => [floorOf(day, 'balance', 5_000), day.unexplained, day.openingEstimated])[0]);
    expect(floors).toEqual([['95000', '-2000', true], ['96500', '0', true], ['93000', '0', true]]);
  });

  it('a deposit raises the floor by itself and a withdrawal lowers it, told at once or late: neither is a profit or a loss', async () => {
    for (const isLate of [false, true]) {
      const trader = await prague();
      await days.report(trader, '2026-01-15T22:59:50Z', 100_000);
      await days.report(trader, '2026-01-15T23:00:10Z', 100_000);
      const tell = async () => {
        await days.flow(trader, '2026-01-16T10:00:00Z', 'deposit', 20_000);
        await days.flow(trader, '2026-01-16T12:00:00Z', 'withdrawal', 5_000);
      };
      if (!isLate) await tell();
      await days.report(trader, '2026-01-16T13:00:00Z', 115_000);
      if (isLate) await tell();
      const [, day] = await days.of(trader);
      expect([floorOf(day as AccountDay, 'higher', 5_000), floorOf(day as AccountDay, 'initial', 5_000), day?.unexplained]).toEqual(['110000', '110000', '0']);
      await days.report(trader, '2026-01-16T22:59:50Z', 115_000);
      await days.report(trader, '2026-01-16T23:00:10Z', 115_000);
      expect((await days.of(trader)).at(-1)?.baselines).toEqual({ balance: '115000', equity: '115000', higher: '115000', initial: '115000' });
    }
  });
});

/** The floor is 2,000 under the highest balance with which a day ended, and never above the initial balance. */
describe('a floor that trails the balances at 17:00 in New York by 2,000 and locks at the initial 50,000', () => {
  const floorIn = async (trader: Trader) => Exact.min(new Exact((await peaksOf(trader))?.[1] ?? NaN).minus(2_000), 50_000).toFixed();
  const newYork = () => days.trader('America/New_York', '17:00', { initialBalance: 50_000 });
  const endOfDay = async (trader: Trader, end: string, balance: number) => {
    await days.report(trader, new Date(Date.parse(end) - 10_000).toISOString(), balance);
    await days.report(trader, end, balance);
  };

  it('stands under the initial balance at first, rises with the end of a good day, stays after a bad one, and locks', async () => {
    const trader = await newYork();
    await days.report(trader, '2026-01-12T15:00:00Z', 50_000);
    expect(await floorIn(trader)).toBe('48000');
    const floors = [];
    for (const [n, balance] of [50_800, 50_300, 51_900, 52_600, 50_100].entries()) {
      await endOfDay(trader, `2026-01-${12 + n}T22:00:00Z`, balance);
      floors.push(await floorIn(trader));
    }
    expect(floors).toEqual(['48800', '48800', '49900', '50000', '50000']);
  });

  it('is not moved within the day: neither by what floats nor by what was won and lost again', async () => {
    const trader = await newYork();
    await endOfDay(trader, '2026-01-12T22:00:00Z', 50_000);
    await reports(trader, '2026-01-13T15:00:00Z', [53_000, 53_000, 53_000, 53_000], { balance: 52_500 });
    expect([await floorIn(trader), await peakOf(trader)]).toEqual(['48000', '53000']);
    await endOfDay(trader, '2026-01-13T22:00:00Z', 50_100);
    expect(await floorIn(trader)).toBe('48100');
  });

  it.each([['spring', '2026-03-07T22:00:00Z', '2026-03-08T21:00:00Z'], ['autumn', '2025-11-01T21:00:00Z', '2025-11-02T22:00:00Z']])(
    'in %s ends the day of the change at 17:00 of the new time', async (_name, saturday, sunday) => {
      const trader = await newYork();
      await endOfDay(trader, saturday, 50_500);
      // An hour before the end of it by the new time: not yet the end.
      await days.report(trader, new Date(Date.parse(sunday) - 3_600_000).toISOString(), 51_500);
      expect(await floorIn(trader)).toBe('48500');
      await endOfDay(trader, sunday, 51_000);
      expect(await floorIn(trader)).toBe('49000');
    });

  it('takes the higher balance of an end that nobody saw', async () => {
    const trader = await newYork();
    await days.report(trader, '2026-01-12T20:00:00Z', 50_900);
    await days.report(trader, '2026-01-13T03:00:00Z', 50_400);
    expect([(await days.of(trader))[0]?.closingEstimated, await floorIn(trader)]).toEqual([true, '48900']);
  });

  it('goes with a payout, which is no loss, and with a deposit, which is no profit', async () => {
    const trader = await newYork();
    await endOfDay(trader, '2026-01-12T22:00:00Z', 51_000);
    await days.flow(trader, '2026-01-13T15:00:00Z', 'withdrawal', 700);
    expect(await peaksOf(trader)).toEqual(['49300', '50300']);
    await days.flow(trader, '2026-01-13T16:00:00Z', 'deposit', 200);
    await endOfDay(trader, '2026-01-13T22:00:00Z', 50_500);
    expect((await peaksOf(trader))?.[1]).toBe('50500');
  });
});
