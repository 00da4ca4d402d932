import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { startTestApp, type TestApp } from '../support/app.js';
import { curveOf, figuresOf, type ModelTrade } from '../support/trade-model.js';
import { storeTrades } from '../support/trade-rows.js';

const RUNS = process.env['FULL_FIGURES'] ? 1_000 : 100;
const START = Date.parse('2026-01-05T10:00:00Z');
const at = (second: number) => new Date(START + second * 1_000).toISOString();

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

/** Small amounts that add up to zero often, and some whose digits a double loses. */
const amount = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('0', '1', '-1', '2.5', '-2.5', '10', '-7', '0.000000000000000001', '-0.1') },
  { weight: 1, arbitrary: fc.tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: 12, max: 18 })).map(([digits, places]) => {
    const text = String(digits < 0n ? -digits : digits).padStart(places + 1, '0');
    return `${digits < 0n ? '-' : ''}${text.slice(0, -places)}.${text.slice(-places)}`;
  }) },
);
const maybe = <T>(arbitrary: fc.Arbitrary<T>, often = 4) => fc.option(arbitrary, { nil: null, freq: often });

const trade = fc.record({
  book: fc.constantFrom(0, 0, 0, 1, 2),
  status: fc.oneof({ weight: 8, arbitrary: fc.constant('closed') }, { weight: 1, arbitrary: fc.constantFrom('pending', 'open', 'closing', 'rejected', 'cancelled', 'expired', 'unknown') }),
  origin: fc.constantFrom('gated', 'ungated', 'ungated', 'external'),
  symbol: fc.constantFrom('EURUSD', 'XAUUSD'),
  direction: fc.constantFrom('long', 'short'),
  exit: fc.integer({ min: 0, max: 4 }),
  held: maybe(fc.integer({ min: -1, max: 3 })),
  grossProfit: maybe(amount), commission: maybe(amount, 1), swap: maybe(amount, 1), fee: maybe(amount, 1),
});
interface Question { symbol?: string; direction?: string; from?: number; to?: number }
const question = fc.oneof<fc.Arbitrary<Question>[]>(
  fc.constant({}),
  fc.record({ symbol: fc.constantFrom('EURUSD', 'XAUUSD', 'NONE'), direction: fc.constantFrom('long', 'short') }, { requiredKeys: [] }),
  fc.record({ from: fc.integer({ min: 0, max: 5 }), to: fc.integer({ min: 0, max: 5 }), symbol: fc.constantFrom('EURUSD', 'XAUUSD') }, { requiredKeys: [] }).filter(({ from, to }) => from === undefined || to === undefined || from <= to),
);

interface Page { items: { tradeId: string }[]; nextCursor: string | null }

async function wholeCurve(query: string, limit: number): Promise<unknown[]> {
  const points: unknown[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const answer: { status: number; text: string; body: Page } = await t.http<Page>('GET', `/trades/equity-curve?${query}&limit=${limit}${cursor && `&cursor=${cursor}`}`);
    if (answer.status !== 200) throw new Error(answer.text);
    points.push(...answer.body.items);
    cursor = answer.body.nextCursor;
  }
  return points;
}

describe('any trades at all', () => {
  it('have the figures and the curve that a step-by-step model makes of them', async () => {
    await fc.assert(fc.asyncProperty(fc.array(trade, { maxLength: 25, size: 'max' }), question, fc.integer({ min: 1, max: 9 }), async (given, asked, limit) => {
      const [one, other] = [await t.agent(), await t.agent()];
      const accounts = await t.db.query<{ account_id: string }>('select account_id from agents where id = any($1) order by seq', [[one.id, other.id]]);
      const [first = '', second = ''] = accounts.map(({ account_id: id }) => id);
      const books = [[first, 'paper'], [first, 'simulation'], [second, 'paper']] as const;
      const rows = given.map(({ book, exit, held, ...more }) => {
        const [accountId, executionMode] = books[book] ?? books[0];
        return { ...more, agentId: one.id, accountId, executionMode, exitTime: at(exit), entryTime: held === null && more.status === 'closed' ? null : at(exit - (held ?? 0)) };
      });
      const ids = await storeTrades(t.db, rows);
      const all: ModelTrade[] = rows.map((row, n) => ({ ...row, n, id: ids[n] ?? '' }));

      const window = { ...(asked.from === undefined ? {} : { from: at(asked.from) }), ...(asked.to === undefined ? {} : { to: at(asked.to) }) };
      const inWindow = Object.keys(window).length > 0;
      const fits = all.filter((each) => (asked.symbol ?? each.symbol) === each.symbol && (asked.direction ?? each.direction) === each.direction
        && (!inWindow || (each.status === 'closed' && (window.from ?? '') <= (each.exitTime ?? '') && (each.exitTime ?? '') < (window.to ?? '9999'))));
      const query = new URLSearchParams({ agentId: one.id, ...(asked.symbol ? { symbol: asked.symbol } : {}), ...(asked.direction ? { direction: asked.direction } : {}), ...window }).toString();

      const answer = await t.http<{ items: Record<string, unknown>[] }>('GET', `/trades/stats?${query}`);
      expect(answer.status).toBe(200);
      const ofBook = ([account, mode]: readonly [string, string]) => fits.filter(({ accountId, executionMode }) => accountId === account && executionMode === mode);
      const expected = books.filter((book, i) => i === 0 || ofBook(book).length > 0).map((book) => {
        const trades = ofBook(book);
        const count = (status: string) => trades.filter((each) => each.status === status).length;
        const tradesByStatus = Object.fromEntries(['pending', 'open', 'closing', 'closed', 'rejected', 'cancelled', 'expired', 'unknown'].map((status) => [status, count(status)]));
        return { accountId: book[0], account: expect.any(String), currency: 'USD', executionMode: book[1], tradesByStatus: inWindow ? null : tradesByStatus, ...figuresOf(trades) };
      });
      expect(answer.body.items).toEqual(expected);
      for (const book of books) {
        if (expected.every(({ accountId, executionMode }) => accountId !== book[0] || executionMode !== book[1])) continue;
        expect(await wholeCurve(`${query}&accountId=${book[0]}&executionMode=${book[1]}`, limit)).toEqual(curveOf(ofBook(book)));
      }
    }), { numRuns: RUNS });
  });
});
