import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { UnknownCommandsService } from '../../src/execution/unknown-commands.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Idea, ideaOf, limitAll, propose, quote, trader } from '../support/ideas.js';
import { after, held, reportOf } from '../support/positions.js';

interface Trade {
  id: string; origin: string; status: string; orderTag: string; ideaId: string | null; commandId: string | null; clientOrderId: string; openSize: string; entryPrice: string | null; lotSize: string;
  stopLoss: string | null; brokerPositionId: string | null; code?: string; detail?: string; repeated?: true; product: string | null; agentId: string;
}
interface Command { id: string; status: string; code?: string; detail?: string; result?: unknown }

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  await limitAll(t);
});
afterAll(() => t.close());
beforeEach(async () => {
  agent = await trader(t);
});

let counter = 0;
const fillOf = (more: object = {}) => ({ brokerDealId: `deal-${++counter}`, price: '1.1003', size: '0.1', at: new Date().toISOString(), commission: '-0.7', ...more });
const opened = async (who = agent): Promise<Idea> => {
  const { body } = await propose(who, {}, '?lease=1');
  expect(body).toMatchObject({ status: 'auto_executed', command: { leaseToken: expect.any(String) } });
  return body;
};
const complete = (idea: Idea, result: unknown, who = agent) => who.http<Command>('POST', `/commands/${idea.commandId}/complete`, { body: { leaseToken: idea.command?.leaseToken, result } });
const tradesOf = async (who = agent) => (await t.http<{ items: Trade[] }>('GET', `/trades?agentId=${who.id}`)).body.items;
const post = (more: object, who = agent) => who.http<Trade>('POST', '/trades', {
  body: { clientOrderId: `c-${++counter}`, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1003', entryTime: new Date().toISOString(), stopLoss: '1.09', ...more },
});
const tagOf = (idea: Idea) => String(idea.command?.payload['orderTag']);
const fillsOf = async (id: string) => (await t.http<{ items: { brokerDealId: string }[] }>('GET', `/trades/${id}/fills`)).body.items;

describe('the result of an opening', () => {
  it('that carries the fill is the trade, open under the tag of its command, and nothing is reserved any more', async () => {
    const idea = await opened();
    const fill = fillOf({ requestedPrice: '1.1002' });
    const done = await complete(idea, { orderTag: tagOf(idea), brokerPositionId: 'p-1', fill, terminal: 'build 4150' });
    const [trade, ...more] = await tradesOf();
    expect(done).toMatchObject({ status: 200, body: { status: 'succeeded', tradeId: trade?.id } });
    expect(more).toEqual([]);
    expect(trade).toMatchObject({
      origin: 'gated', status: 'open', openSize: '0.1', entryPrice: '1.1003', lotSize: '0.1', stopLoss: '1.09', commandId: idea.commandId, ideaId: idea.id, orderTag: tagOf(idea), clientOrderId: tagOf(idea), brokerPositionId: 'p-1',
    });
    expect(await ideaOf(t, idea.id)).toMatchObject({ reservation: { held: false, endedAs: 'converted', tradeId: trade?.id } });
    for (const query of [`agentId=${agent.id}`, `agentId=${agent.id}&type=open_trade`]) expect((await t.http<{ items: object[] }>('GET', `/commands?${query}`)).body.items).toMatchObject([{ id: idea.commandId, tradeId: trade?.id }]);
    expect((await t.http('GET', `/commands/${idea.commandId}`)).body).toMatchObject({ tradeId: trade?.id });
    expect((await complete(idea, { orderTag: tagOf(idea), fill })).status).toBe(200);
    expect(await fillsOf(trade?.id ?? '')).toHaveLength(1);
    const types = await t.db.query<{ type: string }>(`select type from events where subject_id = $1 order by seq`, [trade?.id]);
    expect(types.map(({ type }) => type)).toEqual(['trade.pending', 'trade.filled', 'trade.opened']);
  });

  it('without a fill is a pending trade; one that tells nothing of it is none', async () => {
    const idea = await opened();
    await complete(idea, { brokerOrderId: 'o-1', clientOrderId: 'mine' });
    expect(await tradesOf()).toMatchObject([{ status: 'pending', origin: 'gated', clientOrderId: 'mine', openSize: '0', commandId: idea.commandId }]);
    const silent = await opened();
    expect((await complete(silent, { note: 'sent' })).status).toBe(200);
    expect(await tradesOf()).toHaveLength(1);
    expect(await ideaOf(t, silent.id)).toMatchObject({ reservation: { held: true } });
    const told = await opened();
    const { body: made } = await post({ commandId: told.commandId });
    expect((await complete(told, null)).body).toMatchObject({ status: 'succeeded', tradeId: made.id });
  });

  it.each([
    ['a price of 0', { price: '0' }, /^result\.fill\.price/], ['no time', { at: undefined }, /^result\.fill\.at/], ['a size that is no number', { size: 'x' }, /^result\.fill\.size/],
    ['another currency', { currency: 'EUR' }, /^result\.fill\.currency/],
  ])('is refused with %s in its fill, and the command goes on', async (_what, more, detail) => {
    const idea = await opened();
    const refused = await complete(idea, { fill: fillOf(more) });
    expect([[400, 409].includes(refused.status), refused.body.detail]).toEqual([true, expect.stringMatching(detail)]);
    expect((await t.http<Command>('GET', `/commands/${idea.commandId}`)).body.status).toBe('leased');
    expect(await tradesOf()).toEqual([]);
    expect((await complete(idea, { orderTag: 'A'.repeat(16) })).body.detail).toMatch(/^result\.orderTag/);
    expect((await complete(idea, { fill: fillOf() })).status).toBe(200);
  });

  it('adds its fill to the trade that was told before, with or without its command', async () => {
    const idea = await opened();
    const { body: first } = await post({ commandId: idea.commandId, entryTime: null, status: 'pending' });
    await complete(idea, { fill: fillOf() });
    const second = await opened();
    const { body: alone } = await post({ clientOrderId: 'alone', entryTime: null, status: 'pending' });
    expect(alone).toMatchObject({ origin: 'ungated', commandId: null });
    await complete(second, { clientOrderId: 'alone', fill: fillOf() });
    expect(await tradesOf()).toMatchObject([
      { id: alone.id, status: 'open', origin: 'gated', commandId: second.commandId, orderTag: tagOf(second) }, { id: first.id, status: 'open', origin: 'gated', commandId: idea.commandId },
    ]);
  });

  it('is told in a sync as well', async () => {
    const idea = await opened();
    const ack = (result: object) => ({ commandId: idea.commandId, leaseToken: idea.command?.leaseToken, outcome: 'succeeded', result });
    const wrong = await agent.http<{ acks: object[] }>('POST', '/agents/me/sync', { body: { syncSeq: 1, acks: [ack({ fill: fillOf({ size: '-1' }) })] } });
    expect(wrong.body.acks).toMatchObject([{ status: 'refused', detail: expect.stringMatching(/^result\.fill\.size/) }]);
    const { body } = await agent.http<{ acks: object[] }>('POST', '/agents/me/sync', { body: { syncSeq: 2, acks: [ack({ fill: fillOf() })] } });
    expect(body.acks).toMatchObject([{ status: 'ok' }]);
    expect(await tradesOf()).toMatchObject([{ status: 'open', origin: 'gated', commandId: idea.commandId }]);
  });

  it('and the trade that its agent tells afterwards are one, whatever it names', async () => {
    const byCommand = await opened();
    await complete(byCommand, { fill: fillOf() });
    const [made] = await tradesOf();
    const told = await post({ clientOrderId: 'mine', commandId: byCommand.commandId, product: 'MIS', stopLoss: '1.095' });
    expect([told.status, told.body]).toEqual([201, expect.objectContaining({ id: made?.id, clientOrderId: 'mine', origin: 'gated', status: 'open', openSize: '0.1', product: 'MIS', stopLoss: '1.095', orderTag: tagOf(byCommand) })]);
    const again = await post({ clientOrderId: 'mine', commandId: byCommand.commandId, product: 'MIS', stopLoss: '1.095', entryTime: null, entryPrice: null });
    expect(again.body).toMatchObject({ id: made?.id, repeated: true });
    const byName = await opened();
    await complete(byName, { clientOrderId: 'named', fill: fillOf() });
    expect((await post({ clientOrderId: 'named' })).body).toMatchObject({ origin: 'gated', commandId: byName.commandId, ideaId: byName.id });
    const byIdea = await opened();
    await complete(byIdea, { orderTag: tagOf(byIdea) });
    expect((await post({ ideaId: byIdea.id })).body).toMatchObject({ origin: 'gated', commandId: byIdea.commandId, status: 'open' });
    expect(await tradesOf()).toHaveLength(3);
  });

  it('makes one trade, however many tell it at once', async () => {
    for (let round = 0; round < 6; round++) {
      const idea = await opened();
      const fill = fillOf();
      const body = { clientOrderId: `raced-${round}`, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', commandId: idea.commandId, status: 'pending' };
      const told = await Promise.all([
        complete(idea, { clientOrderId: `raced-${round}`, brokerPositionId: `raced-p-${round}`, fill }), agent.http('POST', '/trades', { body }), agent.http('POST', '/trades', { body }), complete(idea, { fill }),
        agent.http('POST', '/agents/me/positions', { body: reportOf({ complete: false, asOf: after(round), positions: [held({ brokerPositionId: `raced-p-${round}`, orderTag: tagOf(idea) })] }) }),
      ]);
      expect(told.map(({ status }) => Math.floor(status / 100))).toEqual([2, 2, 2, 2, 2]);
      const made = (await tradesOf()).filter(({ commandId }) => commandId === idea.commandId);
      expect(made).toMatchObject([{ status: 'open', origin: 'gated', openSize: '0.1' }]);
      expect(await fillsOf(made[0]?.id ?? '')).toHaveLength(1);
    }
    expect((await tradesOf()).filter(({ origin }) => origin !== 'gated')).toEqual([]);
  });
});

describe('what a broker shows under the tag of an opening', () => {
  const report = (more: Record<string, unknown>, who = agent) => who.http<{ adopted: { tradeId: string }[] }>('POST', '/agents/me/positions', { body: reportOf(more) });
  const incidentsOf = (ids: string[]) => t.db.query<{ kind: string }>(`select kind from incidents where subject_id = any($1)`, [ids]);
  const lose = (idea: Idea) => agent.http('POST', `/commands/${idea.commandId}/fail`, { body: { leaseToken: idea.command?.leaseToken, outcome: 'unknown', error: { code: 'TIMEOUT' } } });

  it('is the trade of that, not one that nobody told of', async () => {
    const idea = await opened();
    const { body } = await report({ positions: [held({ orderTag: tagOf(idea), size: '0.04', brokerPositionId: 'a' }), held({ orderTag: tagOf(idea), size: '0.06', brokerPositionId: 'b' })] });
    const [trade, ...more] = await tradesOf();
    expect([more, body.adopted.map(({ tradeId }) => tradeId)]).toEqual([[], [trade?.id]]);
    expect(trade).toMatchObject({ origin: 'gated', status: 'open', lotSize: '0.1', commandId: idea.commandId, ideaId: idea.id, orderTag: tagOf(idea), stopLoss: '1.09' });
    expect(await incidentsOf([trade?.id ?? ''])).toEqual([]);
    expect(await ideaOf(t, idea.id)).toMatchObject({ reservation: { held: false, endedAs: 'converted' } });
    expect((await post({ commandId: idea.commandId })).body).toMatchObject({ id: trade?.id, origin: 'gated' });
    await complete(idea, { fill: fillOf() });
    expect(await tradesOf()).toMatchObject([{ id: trade?.id, status: 'open', openSize: '0.1' }]);
  });

  it('is its pending trade while the order works', async () => {
    const idea = await opened();
    await report({ orders: [{ brokerOrderId: 'o', symbol: 'EURUSD', role: 'entry', type: 'limit', direction: 'long', size: '0.1', price: '1.1', orderTag: tagOf(idea) }] });
    expect(await tradesOf()).toMatchObject([{ origin: 'gated', status: 'pending', commandId: idea.commandId }]);
    await report({ asOf: after(1), positions: [held({ orderTag: tagOf(idea) })] });
    expect(await tradesOf()).toMatchObject([{ origin: 'gated', status: 'open', commandId: idea.commandId }]);
  });

  it('of which a part works still, is one trade', async () => {
    const idea = await opened();
    await report({
      positions: [held({ orderTag: tagOf(idea), size: '0.03' })], orders: [{ brokerOrderId: 'rest', symbol: 'EURUSD', role: 'entry', type: 'limit', direction: 'long', size: '0.07', price: '1.1', orderTag: tagOf(idea) }],
    });
    expect(await tradesOf()).toMatchObject([{ origin: 'gated', openSize: '0.03' }]);
  });

  it.each<[string, Record<string, unknown>]>([['larger', { size: '0.11' }], ['the other way', { direction: 'short' }], ['in another symbol', { symbol: 'GBPUSD' }]])('and is %s than was let through, is external', async (_what, more) => {
    const idea = await opened();
    await report({ positions: [held({ orderTag: tagOf(idea), ...more })] });
    const [trade] = await tradesOf();
    expect(trade).toMatchObject({ origin: 'external', commandId: null });
    expect(await incidentsOf([trade?.id ?? ''])).toMatchObject([{ kind: 'EXTERNAL_POSITION' }]);
    expect(await ideaOf(t, idea.id)).toMatchObject({ reservation: { held: true } });
  });

  it('settles an unknown command with its trade, also by deals alone', async () => {
    const shown = await opened();
    await lose(shown);
    const answer = await agent.http<{ settled: object[] }>('POST', '/agents/me/reconcile', { body: { asOf: after(0), positions: [held({ orderTag: tagOf(shown), brokerPositionId: 'q' })], orders: [] } });
    expect(answer.body.settled).toEqual([{ commandId: shown.commandId, status: 'succeeded' }]);
    const dealt = await opened();
    await lose(dealt);
    const deal = (role: string, more: object = {}) => ({ ...fillOf({ size: '0.05', commission: undefined }), role, symbol: 'EURUSD', direction: 'long', orderTag: tagOf(dealt), brokerPositionId: 'r', ...more });
    const both = await agent.http<{ settled: object[] }>('POST', '/agents/me/reconcile', {
      body: { asOf: after(1), positions: [held({ orderTag: tagOf(shown), brokerPositionId: 'q' })], orders: [], deals: [deal('entry'), deal('entry'), deal('exit', { size: '0.1', profit: '-3' })] },
    });
    expect(both.body.settled).toEqual([{ commandId: dealt.commandId, status: 'succeeded' }]);
    const trades = await tradesOf();
    expect(trades).toMatchObject([{ origin: 'gated', status: 'closed', commandId: dealt.commandId, lotSize: '0.1' }, { origin: 'gated', status: 'open', commandId: shown.commandId }]);
    expect(await incidentsOf(trades.map(({ id }) => id))).toEqual([]);
  });
});

describe('a trade that passed no gate', () => {
  const live = async () => {
    const name = `live ${++counter}`;
    await t.http('POST', '/accounts', { body: { name, kind: 'live', currency: 'USD', marginMode: 'hedging' } });
    return t.agent({ mode: 'live', account: name });
  };
  const haltsOf = (who: TestAgent) => t.db.query<{ mode: string; source: string; released_at: string | null }>(`select mode, source, released_at from halts where scope_type = 'agent' and scope_id = $1 order by seq`, [who.id]);

  it('is a label outside live, with the reason where it claims to have passed', async () => {
    const idea = await opened();
    const { body } = await post({ commandId: idea.commandId, lotSize: '0.2' });
    expect(body.origin).toBe('ungated');
    const [event] = await t.db.query<{ data: { ungated: string } }>(`select data from events where subject_id = $1 order by seq limit 1`, [body.id]);
    expect(event?.data.ungated).toBe('it is 0.2; 0.1 was let through');
    expect(await haltsOf(agent)).toEqual([]);
  });

  it('halts its agent in live and calls a person, once for each trade and agent', async () => {
    const trader1 = await live();
    const told = await Promise.all(Array.from({ length: 4 }, (_, n) => post({ clientOrderId: `u-${n % 2}`, entryTime: null, status: 'pending' }, trader1)));
    expect(new Set(told.map(({ body }) => body.origin))).toEqual(new Set(['ungated']));
    const ids = [...new Set(told.map(({ body }) => body.id))];
    const incidents = await t.db.query<{ severity: string }>(`select severity from incidents where kind = 'UNGATED_TRADE' and subject_id = any($1)`, [ids]);
    expect([ids.length, incidents]).toEqual([2, [{ severity: 'critical' }, { severity: 'critical' }]]);
    await post({ clientOrderId: 'u-9', entryTime: null, status: 'pending' }, trader1);
    const halts = await haltsOf(trader1);
    expect([[1, 2].includes(halts.length), halts[0]]).toEqual([true, { mode: 'reduce', source: 'server', released_at: null }]);
    const { body } = await trader1.http<{ desiredState: object }>('POST', '/agents/me/heartbeat', { body: { status: 'running' }, headers: { 'x-instance-id': 'one' } });
    expect(body.desiredState).toMatchObject({ state: 'reducing' });
    expect((await propose(trader1, {}, '', { 'x-instance-id': 'one' })).body).toMatchObject({ status: expect.stringMatching(/rejected|halted/) });
    const [first] = ids;
    await trader1.http('POST', `/trades/${first}/transitions`, { body: { to: 'cancelled', version: 1 } });
    expect(await t.db.query(`select 1 from incidents where kind = 'UNGATED_TRADE' and subject_id = $1 and resolved_at is null`, [first])).toEqual([]);
  });

  it('is what a fill makes larger than was let through', async () => {
    const idea = await opened();
    await complete(idea, { fill: fillOf({ size: '0.3' }) });
    expect(await tradesOf()).toMatchObject([{ origin: 'ungated', openSize: '0.3', orderTag: tagOf(idea), commandId: idea.commandId }]);
    await quote(agent, '1.1', '1.1002');
  });
});

describe('an opening that is said to be done, of which no trade is told', () => {
  const reconcile = (more: object = {}) => agent.http('POST', '/agents/me/reconcile', { body: { asOf: after(0), positions: [], orders: [], ...more } });
  const isHeld = async (idea: Idea) => (await ideaOf(t, idea.id)).reservation?.held;
  const longAgo = (idea: Idea) => t.db.query(`update agent_commands set finished_at = app_clock() - interval '11 s' where id = $1`, [idea.commandId]);

  it('stays reserved until its agent, asked for its tag, answers 10 s later that the broker shows nothing', async () => {
    const idea = await opened();
    await complete(idea, null);
    await t.app.get(UnknownCommandsService).askAll();
    expect(await t.db.query(`select 1 from agent_commands where agent_id = $1 and type = 'reconcile'`, [agent.id])).toEqual([]);
    await reconcile();
    expect(await isHeld(idea)).toBe(true);
    await longAgo(idea);
    await t.app.get(UnknownCommandsService).askAll();
    const [asked] = await t.db.query<{ payload: object }>(`select payload from agent_commands where agent_id = $1 and type = 'reconcile'`, [agent.id]);
    expect(asked?.payload).toEqual({ orderTag: tagOf(idea), reason: 'TRADE_NOT_TOLD' });
    // Larger than was let through: external, and the tag is shown.
    await reconcile({ asOf: after(1), positions: [held({ brokerPositionId: 'x', orderTag: tagOf(idea), size: '5' })] });
    expect(await isHeld(idea)).toBe(true);
    await reconcile({ asOf: after(2) });
    expect(await ideaOf(t, idea.id)).toMatchObject({ reservation: { held: false, endedAs: 'released' } });
    expect(await t.db.query(`select severity from incidents where kind = 'OPENING_NOT_SHOWN' and subject_id = $1`, [idea.commandId])).toEqual([{ severity: 'info' }]);
    expect(await t.db.query(`select data ->> 'ideaId' as idea from events where type = 'reservation.released' and subject_id = $1`, [idea.commandId])).toEqual([{ idea: idea.id }]);
  });

  it('becomes its trade when the answer shows it', async () => {
    const idea = await opened();
    await complete(idea, null);
    await longAgo(idea);
    await reconcile({ positions: [held({ brokerPositionId: 'y', orderTag: tagOf(idea) })] });
    expect(await ideaOf(t, idea.id)).toMatchObject({ reservation: { held: false, endedAs: 'converted' } });
    expect(await tradesOf()).toMatchObject([{ origin: 'gated', commandId: idea.commandId }]);
  });
});

describe('what an agent proposed for another', () => {
  it('ends in the queue of that one when the proposer is halted, and nothing else does', async () => {
    const [proposer, other] = [await trader(t), await trader(t)];
    for (const who of [proposer, other]) expect((await t.http('PUT', `/agents/${who.id}/executors`, { body: { executorAgentIds: [agent.id] } })).status).toBeLessThan(300);
    const theirs = (await propose(proposer, { executorAgentId: agent.id })).body;
    const kept = (await propose(other, { executorAgentId: agent.id, symbol: 'GBPUSD', stopLoss: '1.05', takeProfit: '1.2', entryPrice: '1.1' })).body;
    expect([theirs.status, kept.status]).toEqual(['auto_executed', 'auto_executed']);
    await t.http('POST', '/kill-switch', { body: { scope: { type: 'agent', id: proposer.id }, mode: 'halt', reason: 'test' } });
    const status = async (idea: Idea) => (await t.http<Command>('GET', `/commands/${idea.commandId}`)).body.status;
    expect([await status(theirs), await status(kept)]).toEqual(['cancelled', 'queued']);
    expect(await ideaOf(t, theirs.id)).toMatchObject({ reservation: { held: false } });
  });
});
