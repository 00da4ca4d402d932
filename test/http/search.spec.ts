import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import type { Found } from '../../src/overview/search.schemas.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Answer, clientOf } from '../support/http.js';
import { storeTrades } from '../support/trade-rows.js';

let t: TestApp;
let viewer: string;
let agent: TestAgent;
let trade: string;

const ask = (q: string): Promise<Answer<{ items: Found[]; code: string; errors: { path: string }[] }>> => clientOf(t.base, viewer)('GET', `/search?q=${encodeURIComponent(q)}`);
const search = async (q: string): Promise<Found[]> => {
  const answer = await ask(q);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body.items;
};
const named = async (q: string) => (await search(q)).map(({ kind, id }) => `${kind} ${id}`);

beforeAll(async () => {
  t = await startTestApp();
  viewer = await t.person('viewer');
  agent = await t.agent({ name: 'Mean Reversion', account: 'FTMO-1', symbols: ['EURUSD'] });
  const made = await agent.http<{ id: string }>('POST', '/trades', {
    body: { clientOrderId: 'order-7_50%', symbol: 'EURUSD', direction: 'long', lotSize: '1', brokerTicket: '18446744073709551615', brokerPositionId: 'P-1', brokerOrderId: 'O-1' },
  });
  expect(made.status).toBe(201);
  trade = made.body.id;
  await t.db.query(`update trades set order_tag = 'ABCDEFGH12345678' where id = $1`, [trade]);
  const fill = await agent.http('POST', `/trades/${trade}/fills`, { body: { brokerDealId: 'D-1', role: 'entry', price: '1.1', size: '1', at: new Date().toISOString() } });
  if (fill.status !== 201) throw new Error(fill.text);
  await agent.http('POST', '/instruments', { body: { symbol: 'EURUSD', brokerSymbol: 'EURUSD.raw', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', minSize: '0.01', sizeStep: '0.01' } });
});
afterAll(() => t.close());

describe('a search', () => {
  it.each<[string, () => string]>([
    ['its id', () => trade], ['its id in capitals', () => trade.toUpperCase()], ['its id without dashes', () => trade.replaceAll('-', '')], ['nine characters of it', () => trade.slice(0, 9)], ['all but its end', () => trade.slice(0, -3)],
    ['its client order id', () => 'order-7_50%'], ['a beginning of that', () => 'order-7'], ['its order tag', () => 'abcdefgh12345678'], ['its ticket', () => '18446744073709551615'],
    ['its position', () => 'P-1'], ['its order', () => 'O-1'], ['a deal of it', () => 'D-1'],
  ])('finds a trade by %s', async (_what, q) => {
    expect(await search(q())).toContainEqual(expect.objectContaining({ kind: 'trade', id: trade, title: 'EURUSD long 1', path: `trades/${trade}`, detail: expect.stringContaining('Mean Reversion') }));
  });

  it('finds names by their beginning in any case, and symbols as everybody calls them', async () => {
    expect(await search('mean rev')).toEqual([{ kind: 'agent', id: agent.id, title: 'Mean Reversion', detail: 'paper, FTMO-1', path: `agents/${agent.id}`, exact: false }]);
    expect((await search('MEAN REVERSION'))[0]?.exact).toBe(true);
    expect((await search('ftmo'))[0]).toMatchObject({ kind: 'account', path: `settings/accounts/${agent.accountId}` });
    expect(await search('eurusd')).toEqual([{ kind: 'symbol', id: 'EURUSD', title: 'EURUSD', detail: 'on 1 account', path: 'trades?symbol=EURUSD', exact: true }]);
    expect(await named('EUR')).toEqual(['symbol EURUSD']);
    expect(await named('EURUSD.raw')).toEqual(['symbol EURUSD']);
  });

  it('finds whatever has an id, with the address of its page', async () => {
    const command = (await t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' } })).body.id;
    const idea = (await agent.http<{ id: string; decision: { id: string } }>('POST', '/trade-ideas', { body: { symbol: 'EURUSD', direction: 'long', lotSize: '1', rationale: 'because' } })).body;
    const prediction = (await agent.http<{ id: string }>('POST', '/predictions', { body: { model: 'm', symbol: 'EURUSD', timestamp: '2026-01-02T03:04:05Z', direction: 'long', confidence: '0.9' } })).body.id;
    const [halt] = await t.db.query<{ id: string }>(`insert into halts (scope_type, mode, reason, source, imposed_by, released_at, released_by, release_reason) values ('global', 'halt', 'why', 'person', 'system', app_clock(), 'system', 'x') returning id`);
    const wanted: [string, string, string][] = [['command', command, 'why/'], ['idea', idea.id, 'ideas/'], ['decision', idea.decision.id, 'history/decisions/'], ['prediction', prediction, 'why/'], ['halt', halt?.id ?? '', 'overview?halt='], ['agent', agent.id, 'agents/']];
    for (const [kind, id, page] of wanted) expect((await search(id)).map(({ kind: found, path, exact }) => [found, path, exact])).toEqual([[kind, page + id, true]]);
  });

  it('shows what is meant exactly before what only begins so, and 20 at most', async () => {
    const ids = await storeTrades(t.db, Array.from({ length: 30 }, () => ({ agentId: agent.id, accountId: agent.accountId, status: 'open' })));
    await t.db.query(`update trades set client_order_id = 'many-' || t.n from unnest($1::uuid[]) with ordinality as t (id, n) where trades.id = t.id`, [ids]);
    await t.db.query(`update trades set client_order_id = 'many-' where id = $1`, [ids[29]]);
    const found = await search('many-');
    expect([found.length, found[0]?.id, found.filter(({ exact }) => exact).length]).toEqual([20, ids[29], 1]);
  });

  it.each(['%', '_', '%%%%%%%%', '________', 'order-7_50_', 'order_7', "' or true --", '\\', '-------', '--------', 'ffffffff', '☃'.repeat(50), '\u{10FFFF}', 'a\nb', '\u0001'])('takes %j for text', async (q) => {
    expect(await search(q)).toEqual([]);
  });

  it('refuses nothing at all, NUL and what is too long, and says so', async () => {
    for (const q of ['', ' ', 'x'.repeat(201), 'x'.repeat(10_000), 'a\0b', '\0']) {
      const answer = await ask(q);
      expect([q.length, answer.status]).toEqual([q.length, 400]);
      expect(answer.body.errors).toMatchObject([{ path: 'q' }]);
    }
    expect((await clientOf(t.base, viewer)('GET', '/search')).status).toBe(400);
  });

  it('is for people only', async () => {
    expect((await agent.http('GET', '/search?q=x')).status).toBe(403);
  });

  it('goes by indexes, whatever is asked', async () => {
    await t.db.query(`insert into trades (id, agent_id, account_id, client_order_id, symbol, direction, lot_size, entry_price, entry_time, execution_mode, origin, status, exit_price, exit_time, exit_reason, finished_at, request_hash, broker_ticket, broker_position_id, broker_order_id)
      select gen_random_uuid(), $1, $2, 'bulk-' || n, 'S' || n % 50, 'long', 1, 1, app_clock(), 'paper', 'ungated', 'closed', 1, app_clock(), 'signal', app_clock(), 'x', n::text, 'bp' || n, 'bo' || n from generate_series(1, 20000) n`, [agent.id, agent.accountId]);
    await t.db.query(`insert into agent_commands (id, agent_id, type, class, priority, status, actor, finished_at) select gen_random_uuid(), $1, 'custom', 'neutral', 2, 'succeeded', 'system', app_clock() from generate_series(1, 5000)`, [agent.id]);
    await t.db.query('analyze trades');
    await t.db.query('analyze agent_commands');
    const spy = jest.spyOn(t.app.get(DataSource), 'query');
    for (const q of [randomUUID(), 'bulk-77', '77', 'S7']) await search(q);
    const sent = spy.mock.calls.map(([text, values]) => [text, values] as [string, unknown[]]).filter(([text]) => text.includes('union all'));
    spy.mockRestore();
    expect(sent.length).toBeGreaterThan(4);
    for (const [text, values] of sent) {
      const [row] = await t.db.query(`explain (format json) ${text}`, values);
      const whole = JSON.stringify(row).match(/"Node Type": ?"Seq Scan"[^}]*?"Relation Name": ?"(\w+)"/g) ?? [];
      expect(whole.filter((each) => /"(trades|agent_commands|fills)"/.test(each))).toEqual([]);
    }
  });
});
