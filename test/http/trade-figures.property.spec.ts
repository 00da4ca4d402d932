import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';

const RUNS = process.env['FULL_FIGURES'] ? 200 : 20;

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  agent = await t.agent();
  for (const symbol of ['EURUSD', 'USDJPY']) {
    const terms = { symbol, kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.003', tickValue: '7', tickValueCurrency: symbol.slice(3), minSize: '0.01', sizeStep: '0.01' };
    const made = await agent.http('POST', '/instruments', { body: terms });
    if (made.status !== 201) throw new Error(made.text);
  }
});
afterAll(() => t.close());

const start = Math.floor(Date.now() / 1_000) * 1_000 - 86_400_000;
const at = (second: number) => new Date(start + second * 1_000).toISOString();
const decimal = (most: number, digits: number) => fc.integer({ min: 1, max: most }).map((n) => (n / 10 ** digits).toFixed(digits));
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

interface Fact { path: 'fills' | 'transitions' | 'marks'; body: Record<string, unknown> }

const fill: fc.Arbitrary<Fact> = fc.record({
  brokerDealId: fc.integer({ min: 1, max: 9 }).map(String), role: fc.constantFrom('entry', 'exit'), price: decimal(30_000, 4), size: decimal(40, 2), at: fc.integer({ min: 2, max: 8 }).map(at),
  profit: maybe(decimal(9_999, 3)), commission: maybe(decimal(999, 2)), fee: maybe(decimal(999, 2)), requestedPrice: maybe(decimal(30_000, 4)), exitReason: maybe(fc.constantFrom('stop', 'target')),
}).map(({ exitReason, ...body }) => ({ path: 'fills', body: body.role === 'exit' ? { ...body, exitReason } : body }));
const mark: fc.Arbitrary<Fact> = fc.record({ second: fc.integer({ min: 0, max: 10 }), bid: decimal(30_000, 4) })
  .map(({ second, bid }) => ({ path: 'marks', body: { quotedAt: at(second), bid, ask: `${Number(bid) + 1}` } }));
/** A way that may be told in any order: what was told of the past changes nothing that is true now. */
const told: fc.Arbitrary<Fact[]> = fc.constantFrom<Fact[][]>(
  [],
  [{ path: 'transitions', body: { to: 'open', brokerDealId: 't1', occurredAt: at(1), entryPrice: '1.5', stopLoss: '1.2' } }],
  [{ path: 'transitions', body: { to: 'open', brokerDealId: 't1', occurredAt: at(3), entryPrice: '1.5', stopLoss: '1.2' } },
    { path: 'transitions', body: { to: 'closed', brokerDealId: 't2', occurredAt: at(9), exitPrice: '1.7', exitReason: 'signal', grossProfit: '3', swap: '-1' } }],
  [{ path: 'transitions', body: { to: 'rejected', brokerDealId: 't1', occurredAt: at(3) } }],
);

interface Trade { id: string; version: number; status: string; openSize: string; overfilledSize: string; enteredSize: string; exitedSize: string }

let orders = 0;
async function afterFacts(more: Record<string, unknown>, facts: Fact[]): Promise<Trade> {
  const { body: { id } } = await agent.http<Trade>('POST', '/trades', { body: { clientOrderId: `o-${++orders}`, lotSize: '0.2', ...more } });
  for (const { path, body } of facts) {
    // A deal is one fact of the account: each trade has its own.
    const sent = 'brokerDealId' in body ? { ...body, brokerDealId: `${id}-${String(body['brokerDealId'])}` } : body;
    const answer = await agent.http('POST', `/trades/${id}/${path}`, { body: sent });
    if (answer.status >= 300) throw new Error(`${JSON.stringify(sent)}: ${answer.text}`);
  }
  return (await agent.http<Trade>('GET', `/trades/${id}`)).body;
}

/** All but what differs between two trades of the same facts. */
const comparable = ({ orderTag: _tag, id: _id, version: _version, ...trade }: Trade & Record<string, unknown>) =>
  ({ ...trade, clientOrderId: null, createdAt: null, updatedAt: null, finishedAt: trade['finishedAt'] === null });

describe('any facts of a trade', () => {
  it('make the same trade to the last decimal, in any order and however often they are told', async () => {
    await fc.assert(fc.asyncProperty(
      fc.record({ direction: fc.constantFrom('long', 'short'), symbol: fc.constantFrom('EURUSD', 'USDJPY', 'GBPCHF', 'ACME') }), told,
      fc.uniqueArray(fill, { selector: ({ body }) => `${body['role']} ${body['brokerDealId']}`, maxLength: 6 }), fc.uniqueArray(mark, { selector: ({ body }) => body['quotedAt'], maxLength: 4 }),
      fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
      async (more, said, fills, marks, order) => {
        const facts = [...said, ...fills, ...marks];
        const shuffled = [...facts, ...facts.slice(0, 4)].map((each, n) => [order[n] ?? 0, each] as const).sort(([a], [b]) => a - b).map(([, each]) => each);
        const [first, second] = [await afterFacts(more, facts), await afterFacts(more, shuffled)];
        expect(comparable(second as never)).toEqual(comparable(first as never));
        expect([Number(first.openSize) >= 0, Number(first.overfilledSize) >= 0]).toEqual([true, true]);
      },
    ), { numRuns: RUNS });
  });
});
