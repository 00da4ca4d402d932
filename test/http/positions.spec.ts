import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PositionsService } from '../../src/positions/positions.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { after, held, type ReportAnswer, reportOf, type Trade } from '../support/positions.js';

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

const report = async (body: Record<string, unknown>, of = agent): Promise<ReportAnswer> => {
  const answer = await of.http<ReportAnswer>('POST', '/agents/me/positions', { body: reportOf(body) });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
};
let orders = 0;
const trade = async (more: Record<string, unknown> = {}, of = agent): Promise<Trade & { status: string }> => {
  const body = { clientOrderId: `o-${++orders}`, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1', entryTime: after(-3_600), ...more };
  const answer = await of.http<Trade>('POST', '/trades', { body });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body;
};
const stored = async (id: string): Promise<Trade> => (await t.http<Trade>('GET', `/trades/${id}`)).body;
const trades = async (of = agent): Promise<Trade[]> => (await t.http<{ items: Trade[] }>('GET', `/trades?agentId=${of.id}`)).body.items;
const positions = async (query = `agentId=${agent.id}`) => (await t.http<{ items: Record<string, unknown>[] }>('GET', `/positions?${query}`)).body.items;
const incidents = async (kind: string, status = 'open', of = agent) =>
  (await t.http<{ items: { subject: { id: string }; severity: string; resolution: string | null }[] }>('GET', `/incidents?agentId=${of.id}&kind=${kind}&status=${status}`)).body.items;
const commands = async (of = agent) => (await t.http<{ items: { type: string; payload: Record<string, unknown> }[] }>('GET', `/commands?agentId=${of.id}&type=reconcile`)).body.items;

describe('what nobody told of', () => {
  it('is adopted as a trade of its own, an incident and an event; the same again changes nothing', async () => {
    const position = held({ symbol: 'EURUSD.m', stopLoss: '1.05', openedAt: after(-60) });
    const first = await report({ positions: [position] });
    expect(first).toMatchObject({ applied: true, complete: true, matched: 0, adopted: [{ brokerPositionId: position.brokerPositionId, symbol: 'EURUSD', size: '0.1' }] });
    const id = first.adopted[0]?.tradeId ?? '';
    expect(await stored(id)).toMatchObject({
      origin: 'external', status: 'open', clientOrderId: `external:${position.brokerPositionId}`, lotSize: '0.1', entryPrice: '1.1', entryTime: position.openedAt, stopLoss: '1.05',
      orderTag: expect.stringMatching(/^[A-Z0-9]{16}$/),
    });
    expect(await positions()).toMatchObject([{ tradeId: id, origin: 'external', symbol: 'EURUSD', brokerSymbol: 'EURUSD.m', missingSince: null, agentId: agent.id }]);
    expect(await report({ asOf: after(1), positions: [position] })).toMatchObject({ matched: 1, adopted: [], missing: [], differing: [] });
    expect(await trades()).toHaveLength(1);
    expect(await incidents('EXTERNAL_POSITION')).toMatchObject([{ subject: { id }, severity: 'warning' }]);
    expect(await t.db.query(`select count(*)::int as n from events where subject_id = $1 and type = 'position.adopted'`, [id])).toEqual([{ n: 1 }]);
  });

  it('is adopted once when the same report comes from twenty clients at once', async () => {
    const body = { asOf: after(-1), positions: [held(), held(), held()] };
    const answers = await Promise.all(Array.from({ length: 20 }, () => report(body)));
    expect(answers.flatMap(({ adopted }) => adopted)).toHaveLength(3);
    expect(await trades()).toHaveLength(3);
    expect(await t.db.query(`select count(*)::int as n from events where agent_id = $1 and type = 'position.adopted'`, [agent.id])).toEqual([{ n: 3 }]);
  });

  it('follows its broker: it grows with the position, and a smaller one only differs', async () => {
    const position = held();
    const { adopted: [made] } = await report({ positions: [position] });
    await report({ asOf: after(1), positions: [{ ...position, size: '0.3' }] });
    expect(await stored(made?.tradeId ?? '')).toMatchObject({ lotSize: '0.3' });
    expect(await report({ asOf: after(2), positions: [{ ...position, size: '0.2' }] })).toMatchObject({ differing: [{ held: '0.2', ours: '0.3' }] });
    expect(await stored(made?.tradeId ?? '')).toMatchObject({ lotSize: '0.3', status: 'open' });
  });

  it.each(['M&M', 'ES1!', '%$ "quoted"', "'; drop table trades --", '日経225', 'a'.repeat(64), '{{ticker}}'])('is kept under whatever its broker calls it: %s', async (symbol) => {
    const { adopted: [made] } = await report({ positions: [held({ symbol })] });
    expect(await positions()).toMatchObject([{ brokerSymbol: symbol, tradeId: made?.tradeId }]);
    expect((await t.http('GET', `/trades/${made?.tradeId}`)).status).toBe(200);
  });

  it('belongs to the agent whose magic number it has', async () => {
    const account = await liveAccount('demo');
    const [one, two] = [await t.agent({ account }), await t.agent({ account })];
    const { magic } = (await t.http<{ magic: number }>('GET', `/agents/${two.id}`)).body;
    await report({ positions: [held({ magic }), held({ magic: 17 })] }, one);
    expect([(await trades(one)).length, (await trades(two)).length]).toEqual([1, 1]);
  });
});

describe('a trade that is told after its position', () => {
  it('takes the adopted one over in place, and ends its incident', async () => {
    const position = held({ brokerOrderId: 'order-1' });
    const { adopted: [made] } = await report({ positions: [position] });
    const body = { clientOrderId: 'mine', symbol: 'EURUSD', direction: 'long', lotSize: '0.1', brokerOrderId: 'order-1' };
    const claimed = await agent.http<Trade>('POST', '/trades', { body });
    expect(claimed).toMatchObject({ status: 201, body: { id: made?.tradeId, clientOrderId: 'mine', origin: 'ungated', status: 'open', entryPrice: '1.1' } });
    expect(await agent.http('POST', '/trades', { body })).toMatchObject({ status: 200, body: { id: made?.tradeId, repeated: true } });
    expect((await agent.http<{ differs: string[] }>('POST', '/trades', { body: { ...body, lotSize: '0.2' } })).body.differs).toEqual(['lotSize']);
    expect(await report({ asOf: after(1), positions: [position] })).toMatchObject({ matched: 1, adopted: [] });
    expect(await trades()).toHaveLength(1);
    expect([await incidents('EXTERNAL_POSITION'), await incidents('EXTERNAL_POSITION', 'resolved')]).toMatchObject([[], [{ resolution: 'claimed as mine' }]]);
    expect((await t.http<{ items: object[] }>('GET', `/trades/${made?.tradeId}/transitions`)).body.items).toMatchObject([{ version: 1, from: null }, { version: 2, reason: 'POSITION_CLAIMED' }]);
  });

  it('opens an adopted order that has been filled meanwhile', async () => {
    const order = { brokerOrderId: randomUUID(), symbol: 'EURUSD', role: 'entry', type: 'limit', direction: 'long', size: '0.1', price: '1.05' };
    const { adopted: [made] } = await report({ orders: [order] });
    const mine = await trade({ brokerOrderId: order.brokerOrderId });
    expect(mine).toMatchObject({ id: made?.tradeId, status: 'open', entryPrice: '1.1', origin: 'ungated' });
    expect(await t.db.query(`select type from events where subject_id = $1 order by seq`, [mine.id])).toEqual(['position.adopted', 'trade.pending', 'position.claimed', 'trade.opened'].map((type) => ({ type })));
    expect(await incidents('EXTERNAL_ORDER')).toEqual([]);
  });

  it('is counted once, whichever comes first, when both come at once', async () => {
    for (let round = 0; round < 5; round++) {
      const position = held();
      const claim = { clientOrderId: `race-${round}`, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1', entryTime: after(-5), brokerPositionId: position.brokerPositionId };
      await Promise.all([...Array.from({ length: 4 }, () => agent.http('POST', '/trades', { body: claim })), ...Array.from({ length: 4 }, () => report({ asOf: after(round), complete: false, positions: [position] }))]);
      const mine = (await trades()).filter(({ brokerPositionId }) => brokerPositionId === position.brokerPositionId);
      expect(mine).toMatchObject([{ clientOrderId: `race-${round}`, origin: 'ungated', status: 'open' }]);
    }
  });

  it('and linked by a later step ends the adopted one with the next report', async () => {
    const position = held();
    const { adopted: [made] } = await report({ positions: [position] });
    const mine = await trade();
    await agent.http('POST', `/trades/${mine.id}/transitions`, { body: { to: 'closing', version: 1, brokerPositionId: position.brokerPositionId } });
    await report({ asOf: after(1), positions: [position] });
    expect(await stored(made?.tradeId ?? '')).toMatchObject({ status: 'closed', exitReason: 'unknown', exitPrice: null });
    expect(await stored(mine.id)).toMatchObject({ status: 'closing' });
    expect(await incidents('EXTERNAL_POSITION')).toEqual([]);
  });
});

describe('a position of ours', () => {
  it('makes a pending trade open, with what the broker says of its entry', async () => {
    const mine = await trade({ entryTime: null, entryPrice: '1.2', brokerOrderId: 'b-1' });
    expect(mine.status).toBe('pending');
    expect(await report({ positions: [held({ brokerOrderId: 'b-1', entryPrice: '1.21', openedAt: after(-30) })] })).toMatchObject({ matched: 1, adopted: [] });
    expect(await stored(mine.id)).toMatchObject({ status: 'open', entryPrice: '1.21', brokerPositionId: expect.any(String) });
    expect((await t.http<{ items: object[] }>('GET', `/trades/${mine.id}/transitions`)).body.items).toMatchObject([{ to: 'pending' }, { from: 'pending', to: 'open', reason: 'SEEN_IN_REPORT', actor: `agent:${agent.id}` }]);
  });

  it('is found by its tag, then position, then order, then client order id, and never by likeness', async () => {
    const [a, b, c] = [await trade(), await trade({ brokerPositionId: 'p-b' }), await trade({ clientOrderId: 'client-c' })];
    const answer = await report({ complete: false, positions: [held({ orderTag: a.orderTag, brokerPositionId: 'p-b-else' }), held({ brokerPositionId: 'p-b' }), held({ clientOrderId: 'client-c' })] });
    expect(answer).toMatchObject({ matched: 3, adopted: [] });
    expect(await stored(a.id)).toMatchObject({ brokerPositionId: 'p-b-else' });
    expect(await stored(c.id)).toMatchObject({ brokerPositionId: expect.any(String) });
    const alike = await report({ asOf: after(1), positions: [held({ orderTag: a.orderTag, brokerPositionId: 'p-b-else' }), held({ brokerPositionId: 'p-b' }), held()] });
    expect(alike).toMatchObject({ adopted: [{ size: '0.1' }], missing: [{ tradeId: c.id }], proposals: [{ missingTradeId: c.id, adoptedTradeId: alike.adopted[0]?.tradeId }] });
    expect(await stored(b.id)).toMatchObject({ status: 'open' });
  });

  it('keeps its trade when its id changes under the same tag', async () => {
    const mine = await trade({ brokerPositionId: 'old' });
    await report({ positions: [held({ brokerPositionId: 'old' })] });
    await report({ asOf: after(1), positions: [held({ brokerPositionId: 'new', orderTag: mine.orderTag })] });
    expect(await stored(mine.id)).toMatchObject({ brokerPositionId: 'new', status: 'open' });
    expect(await positions()).toMatchObject([{ brokerPositionId: 'new', tradeId: mine.id }]);
    expect(await trades()).toHaveLength(1);
  });

  it('of another size is told, and after a second report an incident, until they are equal', async () => {
    const mine = await trade({ brokerPositionId: 'p' });
    const shown = (size: string, seconds: number) => report({ asOf: after(seconds), positions: [held({ brokerPositionId: 'p', size })] });
    expect(await shown('0.05', 0)).toMatchObject({ differing: [{ tradeId: mine.id, held: '0.05', ours: '0.1' }] });
    await shown('0.05', 9);
    expect([await incidents('POSITION_MISMATCH'), await commands()]).toEqual([[], []]);
    await shown('0.05', 10);
    await shown('0.05', 25);
    expect([await incidents('POSITION_MISMATCH'), await commands()]).toMatchObject([[{ severity: 'warning' }], [{ payload: { orderTag: mine.orderTag, reason: 'SIZE_DIFFERS' } }]]);
    expect(await shown('0.1', 26)).toMatchObject({ differing: [] });
    expect(await incidents('POSITION_MISMATCH')).toEqual([]);
  });
});

describe('a position that is gone', () => {
  it('makes its trade unknown, and closed without a price when a second report 10 s later lacks it too', async () => {
    const mine = await trade({ brokerPositionId: 'p' });
    await report({ asOf: after(-30), positions: [held({ brokerPositionId: 'p' })] });
    const since = after(-20);
    expect(await report({ asOf: since })).toMatchObject({ missing: [{ tradeId: mine.id, brokerPositionId: 'p' }], unknown: [{ tradeId: mine.id }], closed: [] });
    expect(await stored(mine.id)).toMatchObject({ status: 'unknown', missingSince: since });
    expect(await positions()).toMatchObject([{ missingSince: since }]);
    expect([await incidents('POSITION_MISSING'), await commands()]).toMatchObject([[{ subject: { id: mine.id } }], [{ payload: { orderTag: mine.orderTag, reason: 'MISSING_FROM_REPORT' } }]]);
    expect(await report({ asOf: after(-11) })).toMatchObject({ missing: [{ tradeId: mine.id }], closed: [] });
    const at = after(-9);
    expect(await report({ asOf: at })).toMatchObject({ missing: [], unknown: [], closed: [{ tradeId: mine.id }] });
    expect(await stored(mine.id)).toMatchObject({ status: 'closed', exitReason: 'unknown', exitPrice: null, exitTime: at, netProfit: null });
    expect([await positions(), await incidents('POSITION_MISSING'), await commands()]).toMatchObject([[], [], [{}]]);
    expect((await t.http<{ items: object[] }>('GET', `/trades/stats?agentId=${agent.id}`)).text).toContain('"unpricedTrades":1');
  });

  it('and comes back makes it open again', async () => {
    const mine = await trade({ brokerPositionId: 'p' });
    await report({ asOf: after(-20) });
    await report({ asOf: after(-5), complete: false, positions: [held({ brokerPositionId: 'p' })] });
    expect(await stored(mine.id)).toMatchObject({ status: 'open', missingSince: null });
    expect(await incidents('POSITION_MISSING')).toEqual([]);
    await report({ asOf: after(-4) });
    expect(await stored(mine.id)).toMatchObject({ status: 'unknown' });
  });

  it('is not missed by what is not complete, older, made before the entry, or without a broker', async () => {
    const mine = await trade({ brokerPositionId: 'p' });
    expect(await report({ asOf: after(-3_700) })).toMatchObject({ missing: [] });
    await report({ asOf: after(-10), positions: [held({ brokerPositionId: 'p' })] });
    expect(await report({ asOf: after(-11) })).toMatchObject({ applied: false, code: 'REPORT_STALE', missing: [] });
    expect(await report({ asOf: after(-9), complete: false })).toMatchObject({ complete: false, missing: [] });
    expect(await report({ asOf: after(-8), brokerConnected: false })).toMatchObject({ applied: true, complete: false, code: 'BROKER_NOT_CONNECTED', missing: [] });
    await agent.http('POST', '/agents/me/heartbeat', { body: { brokerConnected: false } });
    expect(await report({ asOf: after(-7) })).toMatchObject({ complete: false, code: 'BROKER_NOT_CONNECTED', missing: [] });
    expect(await stored(mine.id)).toMatchObject({ status: 'open' });
  });

  it('is closed by the fact of its close before the second report, and its incident with it', async () => {
    const mine = await trade({ brokerPositionId: 'p' });
    await report({ asOf: after(-30) });
    const closed = { to: 'closed', exitPrice: '1.2', exitReason: 'target', occurredAt: after(-35), brokerDealId: 'd' };
    expect((await agent.http('POST', `/trades/${mine.id}/transitions`, { body: closed })).status).toBe(200);
    expect(await report({ asOf: after(-10) })).toMatchObject({ missing: [], closed: [] });
    expect(await stored(mine.id)).toMatchObject({ status: 'closed', exitReason: 'target' });
  });

  it('has no incident any more a minute after its trade has ended in another way', async () => {
    const [mine, position] = [await trade(), held()];
    await report({ asOf: after(-30), positions: [position] });
    const [external] = (await trades()).filter(({ origin }) => origin === 'external');
    for (const { id, version } of [await stored(mine.id), await stored(external?.id ?? '')]) {
      expect((await agent.http('POST', `/trades/${id}/transitions`, { body: { to: 'closed', version, exitPrice: '1.2', exitReason: 'operator' } })).status).toBe(200);
    }
    await t.app.get(PositionsService).closeEnded();
    expect([await incidents('POSITION_MISSING'), await incidents('EXTERNAL_POSITION')]).toEqual([[], []]);
  });

  it('asks each agent once, also for many', async () => {
    for (let n = 0; n < 3; n++) await trade();
    await report({ asOf: after(-30) });
    await trade();
    await report({ asOf: after(-29) });
    expect(await commands()).toMatchObject([{ payload: { reason: 'MISSING_FROM_REPORT: 3 trades' } }]);
  });

  it('says of one that is gone and one of another size that it is both', async () => {
    for (const brokerPositionId of ['gone', 'other']) await trade({ brokerPositionId });
    const other = held({ brokerPositionId: 'other', size: '7' });
    await report({ asOf: after(-40), positions: [held({ brokerPositionId: 'gone' }), other] });
    await report({ asOf: after(-20), positions: [other] });
    expect(await commands()).toMatchObject([{ payload: { reason: 'MISSING_FROM_REPORT, SIZE_DIFFERS: 2 trades' } }]);
  });
});

describe('a report', () => {
  it('takes what the reference clients send', async () => {
    const body = { asOf: after(0), complete: true, orders: [], positions: [{ symbol: 'EURUSD', direction: 'long', size: '0.10', entryPrice: '1.10004', stopLoss: '1.09', takeProfit: '1.12', brokerPositionId: '7', brokerOrderId: '8' }] };
    expect((await agent.http('POST', `/agents/${agent.id}/positions`, { body })).status).toBe(200);
  });

  it.each([
    [{ positions: [{ ...held(), size: '0' }] }, 'positions.0.size'], [{ positions: [{ ...held(), size: 'NaN' }] }, 'positions.0.size'],
    [{ positions: [{ ...held(), entryPrice: '0' }] }, 'positions.0.entryPrice'], [{ positions: [{ ...held(), symbol: '' }] }, 'positions.0.symbol'],
    [{ positions: [held({ brokerPositionId: 'x' }), held({ brokerPositionId: 'x' })] }, 'positions.1.brokerPositionId'],
    [{ positions: [{ symbol: 'EURUSD', direction: 'long', size: '1', entryPrice: '1' }] }, 'positions.0.brokerPositionId'],
    [{ asOf: new Date(Date.now() + 180_000).toISOString() }, 'asOf'], [{ positions: [{ ...held(), more: 1 }] }, 'positions.0.more'], [{ complete: undefined }, 'complete'],
  ])('that cannot be read changes nothing: %#', async (body, path) => {
    const answer = await agent.http<{ detail: string; errors: { path: string }[] }>('POST', '/agents/me/positions', { body: { ...reportOf({ positions: [held()] }), ...body } });
    expect([answer.status, answer.body.errors?.[0]?.path, answer.body.detail.split(':')[0]]).toEqual([400, path, path]);
    expect(await trades()).toEqual([]);
  });

  it('of a copy that does not hold the trading lease is refused', async () => {
    await agent.http('POST', '/agents/me/heartbeat', { body: {}, headers: { 'x-instance-id': 'one' } });
    const ask = { body: reportOf({ positions: [held()] }), headers: { 'x-instance-id': 'two' } };
    expect(await agent.http('POST', '/agents/me/positions', ask)).toMatchObject({ status: 409, body: { code: 'AGENT_INSTANCE_CONFLICT' } });
    expect(await trades()).toEqual([]);
  });

  it('of a thousand positions is taken at once, and again', async () => {
    const many = Array.from({ length: 1_000 }, () => held());
    expect((await report({ positions: many })).adopted).toHaveLength(1_000);
    expect(await report({ asOf: after(1), positions: many })).toMatchObject({ matched: 1_000, adopted: [], differing: [] });
    expect(await report({ asOf: after(2) })).toMatchObject({ matched: 0, missing: { length: 1_000 } });
  });
});

async function liveAccount(kind = 'live', marginMode = 'hedging'): Promise<string> {
  const name = `${kind}-${randomUUID()}`;
  await t.db.query(`insert into accounts (id, name, kind, currency, margin_mode) values ($1, $2, $3, 'USD', $4)`, [randomUUID(), name, kind, marginMode]);
  return name;
}

describe('the book of an account', () => {
  it('is spoken for by each of its agents, which adopt once when they report at once', async () => {
    const account = await liveAccount('demo');
    const agents = [await t.agent({ account }), await t.agent({ account })];
    const list = Array.from({ length: 10 }, () => held());
    await Promise.all(Array.from({ length: 10 }, (_x, n) => report({ asOf: after(n / 10), positions: list }, agents[n % 2])));
    expect((await Promise.all(agents.map((each) => trades(each)))).flat()).toHaveLength(10);
    const [one] = agents as [TestAgent];
    const mine = await trade({}, one);
    expect(await report({ asOf: after(3), positions: list }, agents[1])).toMatchObject({ missing: [{ tradeId: mine.id }] });
    expect(await commands(one)).toHaveLength(1);
  });

  it('is on a paper account that of each agent, which is its own broker', async () => {
    const account = `shared-${randomUUID()}`;
    const [one, two] = [await t.agent({ account }), await t.agent({ account })];
    const mine = await trade({}, one);
    await Promise.all([report({ positions: [held({ brokerPositionId: '1', clientOrderId: mine.clientOrderId })] }, one), report({ positions: [held({ brokerPositionId: '1' })] }, two)]);
    expect([(await trades(one)).length, (await trades(two)).length]).toEqual([1, 1]);
    expect(await stored(mine.id)).toMatchObject({ status: 'open', brokerPositionId: '1' });
    expect((await two.http<{ items: object[] }>('GET', '/positions')).body.items).toHaveLength(1);
    expect(await two.http('GET', `/positions?account=${agent.accountId}`)).toMatchObject({ status: 403, body: { code: 'NOT_YOUR_ACCOUNT' } });
  });

  it('on a netting account is one sum for an instrument: an excess is adopted, a lack is told', async () => {
    const account = await liveAccount('demo', 'netting');
    const one = await t.agent({ account });
    const shown = (size: string, seconds: number, direction = 'long') => report({ asOf: after(seconds), positions: [{ symbol: 'ES', exchange: 'CME', direction, size, entryPrice: '5000' }] }, one);
    const [a, b] = [await trade({ symbol: 'ES', lotSize: '2', entryPrice: '5000' }, one), await trade({ symbol: 'ES', exchange: 'CME', direction: 'short', lotSize: '1', entryPrice: '5000' }, one)];
    expect(await shown('1', 0)).toMatchObject({ adopted: [], differing: [] });
    expect(await shown('1.5', 1)).toMatchObject({ adopted: [{ size: '0.5' }] });
    expect(await shown('2', 2)).toMatchObject({ adopted: [], differing: [] });
    expect((await trades(one)).filter(({ origin }) => origin === 'external')).toMatchObject([{ lotSize: '1', direction: 'long' }]);
    expect(await shown('1', 3)).toMatchObject({ adopted: [], differing: [{ held: '1', ours: '2' }, {}, {}] });
    await shown('1', 13);
    expect(await incidents('POSITION_MISMATCH', 'open', one)).toHaveLength(1);
    expect(await shown('2', 14)).toMatchObject({ differing: [] });
    await report({ asOf: after(15) }, one);
    expect([await stored(a.id), await stored(b.id)]).toMatchObject([{ status: 'unknown' }, { status: 'unknown' }]);
    expect(await shown('2', 16)).toMatchObject({ adopted: [], differing: [] });
    expect([await stored(a.id), await stored(b.id)]).toMatchObject([{ status: 'open' }, { status: 'open' }]);
  });
});

describe('what was adopted on a netting account', () => {
  const of = async () => {
    const one = await t.agent({ account: await liveAccount('demo', 'netting') });
    const begun = Date.now();
    const at = (seconds: number) => new Date(begun + seconds * 1_000).toISOString();
    const shown = (seconds: number, direction: string, size: string) => report({ asOf: at(seconds), positions: [{ symbol: 'ES', direction, size, entryPrice: '5000' }] }, one);
    return { one, shown, at };
  };
  const lines = async (id: string) => (await t.http<{ items: { to: string }[] }>('GET', `/trades/${id}/transitions`)).body.items.map(({ to }) => to);
  const external = async (one: TestAgent) => (await trades(one)).map(({ status, direction, lotSize }) => `${status} ${direction} ${lotSize}`).sort();

  it('and is turned round is unknown, then closed, and the other side is adopted at once', async () => {
    const { one, shown, at } = await of();
    const { adopted: [first] } = await shown(-60, 'long', '1');
    const id = first?.tradeId ?? '';
    const since = at(-30);
    expect(await shown(-30, 'short', '0.5')).toMatchObject({ adopted: [{ size: '0.5' }], missing: [{ tradeId: id }], differing: [] });
    expect(await stored(id)).toMatchObject({ status: 'unknown', missingSince: since });
    expect([await incidents('POSITION_MISSING', 'open', one), await commands(one)]).toMatchObject([[{ subject: { id } }], [{ payload: { reason: 'MISSING_FROM_REPORT' } }]]);
    expect(await shown(-21, 'short', '0.5')).toMatchObject({ adopted: [], missing: [{ tradeId: id }], closed: [], differing: [] });
    expect(await external(one)).toEqual(['open short 0.5', 'unknown long 1']);
    expect(await shown(-20, 'short', '0.5')).toMatchObject({ adopted: [], missing: [], closed: [{ tradeId: id }], differing: [] });
    expect(await stored(id)).toMatchObject({ status: 'closed', exitReason: 'unknown', exitPrice: null, missingSince: null });
    expect(await lines(id)).toEqual(['open', 'unknown', 'closed']);
    await shown(-5, 'short', '0.5');
    expect(await external(one)).toEqual(['closed long 1', 'open short 0.5']);
    expect(await incidents('POSITION_MISSING', 'open', one)).toEqual([]);
    expect(await incidents('EXTERNAL_POSITION', 'open', one)).toHaveLength(1);
    expect(await positions(`agentId=${one.id}`)).toMatchObject([{ direction: 'short', size: '0.5', origin: 'external' }]);
  });

  it('and is turned round by deals too ends as they say, with what it made', async () => {
    const { one, shown, at } = await of();
    const { adopted: [first] } = await shown(-60, 'long', '1');
    await shown(-30, 'short', '0.5');
    const deal = { brokerDealId: 'turn', symbol: 'ES', price: '5001', at: at(-40) };
    const deals = [{ ...deal, role: 'exit', direction: 'long', size: '1', profit: '50', exitReason: 'external' }, { ...deal, role: 'entry', direction: 'short', size: '0.5' }];
    const answer = await one.http('POST', '/agents/me/reconcile', { body: { asOf: at(-25), positions: [{ symbol: 'ES', direction: 'short', size: '0.5', entryPrice: '5001' }], deals } });
    expect(answer).toMatchObject({ status: 200, body: { adopted: [], differing: [], deals: { stored: 2, adopted: [] } } });
    expect(await stored(first?.tradeId ?? '')).toMatchObject({ status: 'closed', exitReason: 'external', exitPrice: '5001', netProfit: '50' });
    expect(await external(one)).toEqual(['closed long 1', 'open short 0.5']);
  });

  it('is open again when it is turned back', async () => {
    const { one, shown } = await of();
    await shown(-60, 'long', '1');
    await shown(-30, 'short', '0.5');
    await shown(-25, 'long', '1');
    expect(await external(one)).toEqual(['open long 1', 'unknown short 0.5']);
    await shown(-15, 'long', '1');
    expect(await external(one)).toEqual(['closed short 0.5', 'open long 1']);
  });
});

describe('a working order', () => {
  const order = (more: Record<string, unknown> = {}) => ({ brokerOrderId: randomUUID(), symbol: 'EURUSD', role: 'entry', type: 'limit', direction: 'long', size: '0.1', price: '1.05', ...more });

  it('of nobody is a pending trade, which its position makes open; what protects is only shown', async () => {
    const [entry, stop] = [order(), order({ role: 'protective', type: 'stop', direction: 'short' })];
    const { adopted } = await report({ orders: [entry, stop] });
    expect(adopted).toMatchObject([{ brokerOrderId: entry.brokerOrderId }]);
    expect(await trades()).toMatchObject([{ status: 'pending', origin: 'external', entryPrice: '1.05', entryTime: null }]);
    expect((await t.http<{ items: object[] }>('GET', `/positions/orders?account=${agent.accountId}`)).body.items).toHaveLength(2);
    expect(await incidents('EXTERNAL_ORDER')).toHaveLength(1);
    expect(await report({ asOf: after(1), positions: [held({ brokerOrderId: entry.brokerOrderId, entryPrice: '1.04' })], orders: [stop] })).toMatchObject({ matched: 1, adopted: [] });
    expect(await trades()).toMatchObject([{ status: 'open', entryPrice: '1.04' }]);
    expect(await incidents('EXTERNAL_ORDER')).toEqual([]);
    expect((await t.http<{ items: object[] }>('GET', `/positions/orders?account=${agent.accountId}`)).body.items).toHaveLength(1);
  });

  it('that is gone makes its trade unknown, then cancelled; one that comes back is pending again', async () => {
    const mine = await trade({ entryTime: null, entryPrice: null, brokerOrderId: 'w' });
    const never = await trade({ entryTime: null, entryPrice: null });
    const shown = (seconds: number, orders: object[]) => report({ asOf: after(seconds), orders });
    await shown(0, [order({ brokerOrderId: 'w' })]);
    expect(await shown(1, [])).toMatchObject({ missing: [{ tradeId: mine.id }] });
    expect(await stored(mine.id)).toMatchObject({ status: 'unknown' });
    await shown(2, [order({ brokerOrderId: 'w' })]);
    expect(await stored(mine.id)).toMatchObject({ status: 'pending', missingSince: null });
    await shown(3, []);
    await shown(12, []);
    expect(await stored(mine.id)).toMatchObject({ status: 'unknown' });
    expect(await shown(13, [])).toMatchObject({ closed: [{ tradeId: mine.id }] });
    expect([await stored(mine.id), await stored(never.id)]).toMatchObject([{ status: 'cancelled' }, { status: 'pending' }]);
    expect(await incidents('POSITION_MISSING')).toEqual([]);
  });
});
