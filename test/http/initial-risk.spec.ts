import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { Staked1763600000060 } from '../../src/database/migrations/1763600000060-staked.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';

interface Trade { id: string; initialRiskAmount: string | null; rMultiple: string | null; maeAmount: string | null; mfeAmount: string | null; netProfit: string | null }

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

let orders = 0;
const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();
const post = async <T>(path: string, body: object): Promise<T> => {
  const made = await agent.http<T>('POST', path, { body });
  if (made.status !== 201) throw new Error(made.text);
  return made.body;
};
const listed = (symbol: string) => post('/instruments', { symbol, kind: 'binary', sizeUnit: 'contract', contractSize: '1', tickSize: '0.01', tickValue: '0.01', minSize: '1', sizeStep: '1', quoteCurrency: 'USD' });
const trade = (body: object) => post<Trade>('/trades', { clientOrderId: `o-${++orders}`, direction: 'long', lotSize: '15', ...body });
const fills = async ({ id }: Trade, ...items: (readonly [role: 'entry' | 'exit', price: string, size: string, more?: object])[]) =>
  (await post<{ trade: Trade }>(`/trades/${id}/fills`, { items: items.map(([role, price, size, more], n) => ({ brokerDealId: `${id}-${n}-${role}`, role, price, size, at: ago(60 - n), ...more })) })).trade;

describe('what was risked', () => {
  it('with a binary contract is what it cost, whatever stop was told, and no exit moves it', async () => {
    await listed('KXRAIN');
    const told = await trade({ symbol: 'KXRAIN', outcome: 'yes', stopLoss: '0.1' });
    expect(told.initialRiskAmount).toBeNull();
    const entered = await fills(told, ['entry', '0.42', '10', { fee: '-0.07' }], ['entry', '0.44', '5']);
    expect(entered).toMatchObject({ initialRiskAmount: '6.47', rMultiple: null });
    const { id } = await fills(told, ['exit', '1', '15', { fee: '-0.02', profit: '8.6', exitReason: 'settlement' }]);
    const settled = (await agent.http<Trade>('GET', `/trades/${id}`)).body;
    expect(settled).toMatchObject({ netProfit: '8.51', initialRiskAmount: '6.47', rMultiple: '1.315301391035548686' });
    const { items: [book] } = (await agent.http<{ items: { total: object }[] }>('GET', '/reports/performance?groupBy=symbol')).body;
    expect(book?.total).toMatchObject({ tradesWithR: 1, sumR: settled.rMultiple });
  });

  it('is made of what was paid, not of an average that was rounded', async () => {
    const made = await fills(await trade({ symbol: 'EURUSD', lotSize: '3', stopLoss: '0.5' }), ['entry', '1', '1'], ['entry', '2', '2'], ['exit', '4', '3', { profit: '350000' }]);
    expect(made).toMatchObject({ initialRiskAmount: '350000', rMultiple: '1', maeAmount: '200000', mfeAmount: '700000' });
    const { items: [book] } = (await agent.http<{ items: { total: object }[] }>('GET', '/reports/performance?groupBy=symbol')).body;
    expect(book?.total).toMatchObject({ tradesWithR: 1, sumR: '1' });
  });

  it('is known of trades that were there before it was kept', async () => {
    await listed('KXSNOW');
    const binary = await fills(await trade({ symbol: 'KXSNOW', outcome: 'no', direction: 'short' }), ['entry', '0.6', '15', { fee: '-0.1', commission: '-0.05' }], ['exit', '0', '15', { fee: '-1' }]);
    const told = await trade({ symbol: 'KXSNOW', outcome: 'no', lotSize: '2', entryPrice: '0.3', entryTime: ago(9) });
    const unlisted = await trade({ symbol: 'KXHAIL', outcome: 'yes', lotSize: '2', entryPrice: '0.3', entryTime: ago(9) });
    const averaged = await fills(await trade({ symbol: 'EURUSD', lotSize: '3', stopLoss: '0.5' }), ['entry', '1', '1'], ['entry', '2', '2']);
    const before = [binary, told, unlisted, averaged, await trade({ symbol: 'EURUSD', lotSize: '1', entryPrice: '1.1', entryTime: ago(9), stopLoss: '1' })];
    expect(before.map(({ initialRiskAmount }) => initialRiskAmount)).toEqual(['6.15', '0.6', '0.6', '350000', '10000']);
    const runner = new DataSource({ type: 'postgres', url: t.db.ownerUrl });
    await runner.initialize();
    const [migration, db] = [new Staked1763600000060(), runner.createQueryRunner()];
    await migration.down(db);
    await migration.up(db);
    await runner.destroy();
    const after = await Promise.all(before.map(async ({ id }) => (await agent.http<Trade>('GET', `/trades/${id}`)).body));
    expect(after).toMatchObject(before);
  });
});
