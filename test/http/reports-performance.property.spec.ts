import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { GROUPINGS } from '../../src/reports/performance-groups.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { figuresOf, type ModelTrade } from '../support/trade-model.js';
import { storeTrades } from '../support/trade-rows.js';

const RUNS = process.env['FULL_FIGURES'] ? 500 : 60;
const START = Date.parse('2026-03-27T22:00:00Z');
const at = (hour: number) => new Date(START + hour * 3_600_000).toISOString();
const D = Decimal.clone({ precision: 150, toExpNeg: -200, toExpPos: 200 });
const text = (value: Decimal) => value.toDecimalPlaces(18, Decimal.ROUND_HALF_UP).plus(0).toFixed();

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

interface Figures {
  trades: number; wins: number; losses: number; breakEven: number; unpricedTrades: number; tradesWithR: number; grossProfit: string | null; costs: string | null; netProfit: string | null; sumR: string | null; averageR: string | null;
  expectancy: string | null; winFraction: string | null; profitFactor: string | null; bestTrade: { tradeId: string; netProfit: string } | null; worstTrade: { netProfit: string } | null;
}
interface Book { accountId: string; currency: string; executionMode: string; total: Figures; groups: (Figures & { key: string | null; modelVersion: string | null; agentId: string | null })[]; others: null }

const maybe = <T>(arbitrary: fc.Arbitrary<T>, often = 2) => fc.option(arbitrary, { nil: null, freq: often });
const amount = fc.oneof(
  fc.constantFrom('0', '1', '-1', '2.5', '-2.5', '10', '-7', '0.000000000000000001', '-0.1'),
  fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }).map((cents) => new D(cents.toString()).div(1e6).toFixed()),
);
/** Closed and not, priced and not, in three books of two currencies, partly closed, with a prediction and without. */
const trade = fc.record({
  book: fc.constantFrom(0, 0, 1, 2), status: fc.constantFrom('closed', 'closed', 'closed', 'closed', 'open', 'unknown', 'cancelled'),
  origin: fc.constantFrom('gated', 'ungated', 'external'), symbol: fc.constantFrom('EURUSD', 'XAUUSD', 'US30'), exit: fc.integer({ min: 0, max: 60 }), held: maybe(fc.integer({ min: 0, max: 30 }), 5),
  grossProfit: maybe(amount, 5), commission: maybe(amount, 1), swap: maybe(amount, 1), fee: maybe(amount, 1),
  prediction: maybe(fc.integer({ min: 0, max: 3 })), stop: maybe(fc.constantFrom('0.5', '0.999', '1', '3')), stopLater: fc.boolean(), pointValue: maybe(fc.constantFrom('1', '0.07', '300'), 4), entered: maybe(fc.constantFrom('0.3', '1.7')),
});

const COUNTS = ['trades', 'wins', 'losses', 'breakEven', 'unpricedTrades', 'tradesWithR'] as const;
const SUMS = ['grossProfit', 'costs', 'netProfit', 'sumR'] as const;
/** Null where every part is: it is not known of any. */
const sumOf = (values: (string | null)[]) => (values.every((value) => value === null) ? null : values.reduce((sum, value) => sum.plus(value ?? 0), new D(0)).toFixed());

describe('any trades at all, grouped by anything', () => {
  it('have the total that a step-by-step model makes of them, and groups that add up to it exactly', async () => {
    await fc.assert(fc.asyncProperty(fc.array(trade, { maxLength: 25, size: 'max' }), fc.constantFrom(...GROUPINGS), maybe(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 60 })), 1), async (given, groupBy, asked) => {
      const agent = await t.agent();
      const euros = await t.http<{ id: string }>('POST', '/accounts', { body: { name: `e-${agent.name}`, currency: 'EUR', kind: 'paper', marginMode: 'hedging' } });
      if (euros.status !== 201) throw new Error(euros.text);
      await t.db.query(`update accounts set zone = 'Europe/Berlin' where id = $1`, [euros.body.id]);
      const books = [[agent.accountId, 'paper'], [agent.accountId, 'simulation'], [euros.body.id, 'paper']] as const;
      const rows = given.map(({ book, exit, held, status, ...more }) => ({
        ...more, status, agentId: agent.id, accountId: books[book]?.[0] ?? '', executionMode: books[book]?.[1] ?? '', exitTime: at(exit), entryTime: held === null && status === 'closed' ? null : at(exit - (held ?? 0)),
      }));
      const ids = await storeTrades(t.db, rows);
      const predictions = await Promise.all(['0', '0.55', '1', '0.55'].map(async (confidence, n) => (await agent.http<{ id: string }>('POST', '/predictions', {
        body: { model: `m${n % 2}`, symbol: 'EURUSD', timestamp: at(n), direction: 'long', confidence, ...(n > 1 ? { modelVersion: 'v', marketRegime: 'calm' } : {}) },
      })).body.id));
      await t.db.query(`update trades t set prediction_id = g.prediction, first_stop_loss = g.stop, first_stop_at = case when g.later then entry_time + interval '1 hour' end, point_value = g.point_value, entered_size = g.entered
        from jsonb_to_recordset($1::jsonb) g (id uuid, prediction uuid, stop numeric, later boolean, point_value numeric, entered numeric) where t.id = g.id`,
      [JSON.stringify(rows.map((row, n) => ({ id: ids[n], prediction: row.prediction === null ? null : predictions[row.prediction], stop: row.stop, later: row.stopLater, point_value: row.pointValue, entered: row.entered })))]);
      const [from, to] = asked === null ? [] : [Math.min(...asked), Math.max(...asked)].map(at);
      const all = rows.map((row, n) => ({ ...row, n, id: ids[n] ?? '' })).filter(({ status, exitTime }) => from === undefined || (status === 'closed' && exitTime >= from && exitTime < (to ?? '')));

      const { status, body, text: said } = await agent.http<{ items: Book[] }>('GET', `/reports/performance?groupBy=${groupBy}${from === undefined ? '' : `&from=${from}&to=${to}`}`);
      expect([status, said]).toEqual([200, said]);
      const stats = (await agent.http<{ items: Record<string, unknown>[] }>('GET', `/trades/stats${from === undefined ? '' : `?from=${from}&to=${to}`}`)).body.items;
      const withClosed = stats.filter(({ closedTrades, accountId, executionMode }) => closedTrades !== 0 || (accountId === agent.accountId && executionMode === 'paper'));
      expect(body.items.map(({ accountId, executionMode, currency, total }) => [accountId, executionMode, currency, total.trades, total.netProfit, total.expectancy])).toEqual(
        withClosed.map((each) => [each['accountId'], each['executionMode'], each['currency'], each['closedTrades'], each['netProfit'], each['expectancy']]));

      for (const { accountId, executionMode, total, groups, others } of body.items) {
        const mine: (ModelTrade & (typeof all)[number])[] = all.filter((each) => each.accountId === accountId && each.executionMode === executionMode);
        const model = figuresOf(mine);
        expect([total.trades, total.wins, total.losses, total.breakEven, total.unpricedTrades, total.grossProfit, total.costs, total.netProfit, total.profitFactor, total.expectancy, total.winFraction]).toEqual(
          [model.closedTrades, model.wins, model.losses, model.breakeven, model.unpricedTrades, model.grossProfit, model.costs, model.netProfit, model.profitFactor, model.expectancy, model.winRate]);
        const multiples = mine.flatMap(({ status: state, grossProfit, commission, swap, fee, stop, stopLater, pointValue, entered, entryTime }) => {
          const risk = stop === null || pointValue === null || stopLater || entryTime === null ? new D(0) : new D(1).minus(stop).abs().times(entered ?? '1').times(pointValue);
          if (state !== 'closed' || grossProfit === null || risk.isZero()) return [];
          return [text([grossProfit, commission, swap, fee].reduce<Decimal>((sum, each) => sum.plus(each ?? 0), new D(0)).div(risk))];
        });
        expect([total.tradesWithR, total.sumR]).toEqual([multiples.length, total.trades === 0 ? '0' : sumOf(multiples.length === 0 ? [null] : multiples)]);
        expect(others).toBeNull();
        for (const count of COUNTS) expect([count, groups.reduce((sum, group) => sum + group[count], 0)]).toEqual([count, total[count]]);
        for (const sum of SUMS) expect([sum, groups.length === 0 ? '0' : sumOf(groups.map((group) => group[sum]))]).toEqual([sum, total[sum]]);
        const keys = groups.map(({ key, modelVersion, agentId }) => JSON.stringify([key, modelVersion, agentId]));
        expect(new Set(keys).size).toBe(keys.length);
        const best = groups.flatMap(({ bestTrade }) => bestTrade?.netProfit ?? []);
        expect(total.bestTrade?.netProfit ?? null).toBe(best.length === 0 ? null : D.max(...best).toFixed());
      }
    }), { numRuns: RUNS });
  });
});
