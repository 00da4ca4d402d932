import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { openTrade } from '../support/closures.js';
import { beat, type Decision, limit, limitAll, LONG, propose, quote } from '../support/ideas.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
  await limitAll(t);
});
afterAll(() => t.close());

const ago = (seconds: number): string => new Date(Date.now() - seconds * 1_000).toISOString();
async function account(more: Record<string, unknown> = {}): Promise<{ id: string; name: string }> {
  const name = `edges ${randomUUID()}`;
  const made = await t.http<{ id: string }>('POST', '/accounts', { body: { name, kind: 'demo', currency: 'USD', marginMode: 'hedging', ...more } });
  if (made.status !== 201) throw new Error(made.text);
  return { id: made.body.id, name };
}
async function agentOn({ name }: { name: string }, more: object = {}): Promise<TestAgent> {
  const agent = await t.agent({ account: name });
  await beat(agent, more);
  return agent;
}
async function list(agent: TestAgent, terms: Record<string, unknown>): Promise<void> {
  const { symbol: brokerSymbol } = terms;
  const told = await agent.http('POST', '/instruments', { body: { brokerSymbol, sizeUnit: 'unit', contractSize: '1', tickSize: '0.01', tickValue: '0.01', minSize: '0.01', sizeStep: '0.01', quoteCurrency: 'USD', ...terms } });
  if (told.status >= 300) throw new Error(told.text);
}
const check = async (agent: TestAgent, more: object) => (await agent.http<Decision>('POST', '/risk/check', { body: { ...LONG, ...more } })).body;
const ruleOf = ({ rules }: Decision, name: string) => rules.find(({ rule }) => rule === name);

describe('the daily loss of an agent', () => {
  it('has in it what was left of a trade that goes on, with its costs, and the record says how much it was', async () => {
    // A day that ends in twelve hours: these trades are seconds old.
    const agent = await agentOn(await account({ tradingDay: { zone: 'UTC', rollover: ago(-43_200).slice(11, 16) } }));
    await limit(t, 'agent', agent.id, { dailyLossLimitAmount: '1000' });
    await quote(agent, '1.1', '1.1002');
    const trade = await openTrade(agent, { entryPrice: '1.11', entryTime: ago(9), stopLoss: '1.09' });
    const fill = (role: string, price: string, size: string, more: object) => ({ brokerDealId: `${role} ${trade.id}`.replace(' ', '-'), role, price, size, at: ago(5), ...more });
    await agent.http('POST', `/trades/${trade.id}/fills`, { body: { items: [fill('entry', '1.11', '1', { commission: '-7' }), fill('exit', '1.1', '0.99', { profit: '-990' })] } });
    const told = await check(agent, { lotSize: '0.01' });
    // 990 and 7, and a hundredth of the size that floats at -10.
    expect(ruleOf(told, 'daily_loss')).toMatchObject({ outcome: 'rejected', reasons: [{ code: 'LOSS_DAILY', actual: '1007' }], input: { 'dailyLossLimitAmount of the agent': '1007', 'dailyLossLimitAmount agent': '1000' } });
  });
});

describe('on an account with one position for an instrument', () => {
  const market = async () => {
    const on = await account({ marginMode: 'netting' });
    const [owner, other] = [await agentOn(on), await agentOn(on)];
    const symbol = `KX${randomUUID().slice(0, 8).toUpperCase()}`;
    await list(owner, { symbol, kind: 'binary', minSize: '1', sizeStep: '1', closesAt: ago(-86_400) });
    await quote(owner, '0.40', '0.42', symbol);
    const held = await openTrade(owner, { symbol, outcome: 'yes', lotSize: '10', entryPrice: '0.42', entryTime: ago(5) });
    return { owner, other, held, no: (lotSize: string) => ({ symbol, outcome: 'no', lotSize, stopLoss: null, takeProfit: null }) };
  };

  it('who holds yes owns the market: no of another agent would close it', async () => {
    const { other, no } = await market();
    expect((await propose(other, no('4'))).body).toMatchObject({ status: 'rejected', reasons: [{ code: 'INSTRUMENT_OWNED' }] });
  });

  it('what was bought by hand counts by its side, and nothing opens beside it until that is told', async () => {
    const on = await account({ marginMode: 'netting' });
    const agent = await agentOn(on);
    const symbol = `KX${randomUUID().slice(0, 8).toUpperCase()}`;
    await list(agent, { symbol, kind: 'binary', minSize: '1', sizeStep: '1', closesAt: ago(-86_400) });
    await quote(agent, '0.40', '0.42', symbol);
    await quote(agent, '1.1', '1.1002');
    await limit(t, 'account', on.id, { maxGrossExposureAmount: '1000000' });
    const report = (more: object) => agent.http('POST', '/agents/me/positions', { body: { complete: true, asOf: new Date().toISOString(), positions: [{ symbol, direction: 'long', size: '10', entryPrice: '0.6', ...more }] } });
    await report({});
    expect(await check(agent, {})).toMatchObject({ verdict: 'rejected', reasons: [{ code: 'OUTCOME_MISSING' }] });
    expect((await report({ outcome: 'maybe' })).body).toMatchObject({ errors: [{ path: 'positions.0.outcome' }] });
    await report({ outcome: 'no' });
    expect((await check(agent, {})).verdict).toBe('approved');
    expect((await t.http<{ items: object[] }>('GET', `/positions?account=${on.id}`)).body.items).toMatchObject([{ symbol, outcome: 'no', size: '10' }]);
    const [trade, ...others] = (await t.http<{ items: { id: string }[] }>('GET', `/trades?agentId=${agent.id}`)).body.items;
    expect([trade, others]).toMatchObject([{ symbol, outcome: 'no', origin: 'external', openSize: '10' }, []]);
    // Who is to close it, or to look for it, sees on which side it is.
    const { openPositions } = (await t.http<{ openPositions: { symbol: string; direction: string; outcome: string | null }[] }>('GET', '/overview')).body;
    expect(openPositions.filter((each) => each.symbol === symbol)).toMatchObject([{ direction: 'long', outcome: 'no' }]);
    expect((await t.http<{ items: object[] }>('GET', `/search?q=${trade?.id}`)).body.items).toContainEqual(expect.objectContaining({ kind: 'trade', title: `${symbol} long no 10` }));
  });

  it('no of the owner closes its yes, and opens what goes beyond', async () => {
    const { owner, held, no } = await market();
    const { body } = await propose(owner, no('14'));
    expect(body).toMatchObject({ status: 'auto_executed', reducedSize: '10' });
    const commands = await t.db.query(`select type, trade_id, payload ->> 'lotSize' as size, payload ->> 'outcome' as outcome from agent_commands where agent_id = $1 order by seq`, [owner.id]);
    expect(commands).toEqual([{ type: 'close_trade', trade_id: held.id, size: null, outcome: null }, { type: 'open_trade', trade_id: null, size: '4', outcome: 'no' }]);
  });
});

describe('what has to be paid in full', () => {
  it('is held against what is free less what other deliveries have reserved', async () => {
    const agent = await agentOn(await account({ currency: 'INR' }), { marginFree: '1000' });
    const idea = async (symbol: string) => {
      await list(agent, { symbol, exchange: 'NSE', product: 'CNC', kind: 'stock', tickSize: '0.05', tickValue: '0.05', minSize: '1', sizeStep: '1', quoteCurrency: 'INR' });
      await quote(agent, '599', '600', symbol);
      return (await propose(agent, { symbol, exchange: 'NSE', product: 'CNC', lotSize: '1', stopLoss: '500', takeProfit: '900' })).body;
    };
    expect(await idea('INFY')).toMatchObject({ status: 'auto_executed' });
    expect(await idea('TCS')).toMatchObject({ status: 'rejected', reasons: [{ code: 'MARGIN_SHORT', actual: '1200', limit: '1000' }] });
  });
});

describe('a stop', () => {
  it('keeps the distance from the price that the broker asks for, from when that was told', async () => {
    const agent = await agentOn(await account());
    const pair = { symbol: 'EURUSD', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', tickValueCurrency: 'USD' };
    await list(agent, pair);
    await quote(agent, '1.1', '1.1002');
    const near = { entryPrice: null, stopLoss: '1.0982', takeProfit: '1.2' };
    expect((await check(agent, near)).verdict).toBe('approved');
    await list(agent, { ...pair, stopLevel: '0.0021' });
    expect(await check(agent, near)).toMatchObject({ verdict: 'rejected', reasons: [{ code: 'STOP_TOO_CLOSE', message: "The stop is 0.002 from the entry; it must be at least 0.0021, the broker's stop level.", actual: '0.002', limit: '0.0021' }] });
    await list(agent, { ...pair, stopLevel: '0.002' });
    expect((await check(agent, near)).verdict).toBe('approved');
  });
});

describe('coins', () => {
  const bitcoin = { symbol: 'BTCUSD', kind: 'crypto', baseCurrency: 'BTC' };
  const long = { symbol: 'BTCUSD', lotSize: '1', stopLoss: '50000', takeProfit: '90000' };

  it('are worth what their own quote says, so that a limit of net exposure holds them', async () => {
    const on = await account();
    const agent = await agentOn(on);
    await list(agent, bitcoin);
    await quote(agent, '60000', '60010', 'BTCUSD');
    await limit(t, 'account', on.id, { maxNetCurrencyExposureAmount: '60000' });
    expect(await check(agent, long)).toMatchObject({ verdict: 'rejected', reasons: [{ code: 'EXPOSURE_NET' }, { code: 'EXPOSURE_NET', actual: '60010' }] });
    await limit(t, 'account', on.id, { maxNetCurrencyExposureAmount: '60010' });
    expect((await check(agent, long)).verdict).toBe('approved');
  });

  it('may be the currency of an account', async () => {
    const agent = await agentOn(await account({ currency: 'BTC' }));
    await list(agent, { ...bitcoin, tickValueCurrency: 'USD' });
    await quote(agent, '49999', '50001', 'BTCUSD');
    // Bought at 50,001 where a bitcoin is worth 50,000; 25,001 dollars down to the stop.
    expect(ruleOf(await check(agent, { ...long, stopLoss: '25000' }), 'value')).toMatchObject({ outcome: 'passed', input: { currency: 'BTC', notional: '1.00002', risk: '0.50002' } });
    const { id } = await openTrade(agent, { symbol: 'BTCUSD', entryPrice: '50000', entryTime: ago(9), stopLoss: '25000' });
    const { body } = await agent.http<{ trade: object }>('POST', `/trades/${id}/fills`, { body: { items: [
      { brokerDealId: `in-${id}`, role: 'entry', price: '50000', size: '1', at: ago(9) }, { brokerDealId: `out-${id}`, role: 'exit', price: '100000', size: '1', at: ago(1) },
    ] } });
    expect(body.trade).toMatchObject({ initialRiskAmount: '0.5', grossProfit: '0.5', rMultiple: '1', profitSource: 'computed' });
  });
});

describe('a binary contract', () => {
  it('waits for its settlement after its end, and is over with what it paid', async () => {
    const agent = await agentOn(await account());
    await list(agent, { symbol: 'KXOLD', kind: 'binary', minSize: '1', sizeStep: '1', closesAt: ago(10) });
    await list(agent, { symbol: 'KXNEW', kind: 'binary', minSize: '1', sizeStep: '1', closesAt: ago(-3_600) });
    const [old, young] = [await openTrade(agent, { symbol: 'KXOLD', outcome: 'yes', lotSize: '10', entryPrice: '0.42', entryTime: ago(50) }), await openTrade(agent, { symbol: 'KXNEW', outcome: 'no', entryPrice: '0.3', entryTime: ago(50) })];
    const { body } = await t.http<{ items: { id: string; status: string; settlement: string | null }[] }>('GET', `/trades?agentId=${agent.id}`);
    expect(body.items.map(({ id, status, settlement }) => [id, status, settlement])).toEqual([[young.id, 'open', null], [old.id, 'open', 'pending']]);
    const settled = await agent.http<{ trade: object }>('POST', `/trades/${old.id}/fills`, { body: { items: [
      { brokerDealId: 'in', role: 'entry', price: '0.42', size: '10', at: ago(50), fee: '-0.07' }, { brokerDealId: 'out', role: 'exit', price: '0', size: '10', at: ago(1), exitReason: 'settlement' },
    ] } });
    expect(settled.body.trade).toMatchObject({ status: 'closed', settlement: null, netProfit: '-4.27', exitReason: 'settlement' });
  });
});
