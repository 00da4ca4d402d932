import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Inbox } from '../../src/webhooks/inbox/inbox.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { onConnection } from '../support/cluster.js';
import { limitAll, trader } from '../support/ideas.js';
import { until } from '../support/timing.js';
import { alertBody, alertsOf, makeSource, postAlert, type TestSource } from '../support/webhooks.js';

interface Whole { status: string; code: string | null; detail: string | null; ideas: { id: string; status: string }[]; duplicateCount: number }

/** What goes wrong elsewhere on the way from an alert to an order, end to end. */
let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  await limitAll(t);
});
beforeEach(async () => {
  agent = await trader(t);
});
afterAll(() => t.close());

const sourceOf = (executor: TestAgent, more: Record<string, unknown> = {}): Promise<TestSource> => makeSource(t.http, {
  route: { action: 'idea', executorAgentId: executor.id }, defaults: { lotSize: '0.1', stopDistance: '0.005', confidence: '0.9' }, ...more,
});
const finished = async (id: string): Promise<Whole> => {
  const look = async () => (await t.http<Whole>('GET', `/alerts/${id}`)).body;
  await until(async () => (await look()).status !== 'received', 5_000);
  return look();
};
const openings = (of: TestAgent) => t.db.query<{ symbol: string; mode: string }>(`select payload ->> 'symbol' as symbol, payload ->> 'executionMode' as mode from agent_commands where agent_id = $1 and type = 'open_trade'`, [of.id]);

describe('an exit without a position', () => {
  it('that is sent again is the same alert, and no second one', async () => {
    const source = await sourceOf(agent);
    const body = JSON.stringify({ meta: { platform: 'TRADINGVIEW' }, signal: { symbol: 'INFY', exchange: 'NSE', side: 'EXIT_LONG', order_id: 'Long', timestamp: '2026-02-15T05:16:23Z', qty: 5000 } });
    const first = await postAlert(t, source.path, body);
    expect(await finished(first.body.alertId)).toMatchObject({ status: 'ignored', code: 'NO_POSITION' });
    for (let n = 0; n < 3; n++) expect((await postAlert(t, source.path, body)).body).toMatchObject({ alertId: first.body.alertId, status: 'duplicate' });
    expect(await alertsOf(t, source.id)).toHaveLength(1);
    expect(await openings(agent)).toEqual([]);
  });
});

describe('the user that an alert names', () => {
  it('decides nothing: its source says who trades, and one source\'s secret lets nothing into another', async () => {
    const other = await trader(t);
    const [mine, theirs] = [await sourceOf(agent, { bodySecret: 'secret-of-mine' }), await sourceOf(other, { bodySecret: 'secret-of-theirs' })];
    const body = (secret: string) => alertBody({ secret, st_user_id: other.name, symbol: 'EURUSD', exchange: undefined, trade_details: { order_action: 'BUY', quantity: '0.1' } });
    expect((await postAlert(t, theirs.path, body('secret-of-mine'))).status).toBe(401);
    const { body: { alertId } } = await postAlert(t, mine.path, body('secret-of-mine'));
    await finished(alertId);
    expect([(await openings(agent)).length, (await openings(other)).length]).toEqual([1, 0]);
  });

  it('needs a secret that is one: an empty one switches nothing off', async () => {
    for (const bodySecret of ['', '   ', 'abc']) expect((await t.http('POST', '/webhook-sources', { body: { name: `empty-${bodySecret.length}`, mapping: 'sigmatrader', bodySecret } })).status).toBe(400);
  });
});

describe('a text that is longer than anybody expects', () => {
  it.each<[string, Record<string, unknown>, Record<string, string>]>([
    ['a symbol', { symbol: `NSE:${'X'.repeat(30_000)}` }, {}], ['an exchange', { exchange: 'N'.repeat(30_000) }, {}], ['an interval', { interval: '5'.repeat(30_000) }, {}], ['a user', { st_user_id: 'u'.repeat(30_000) }, {}],
    ['a comment with NUL', { comment: `a\u0000${'b'.repeat(30_000)}` }, {}], ['a correlation id', {}, { 'x-request-id': 'x'.repeat(5_000) }], ['a type of content', {}, { 'content-type': `text/plain; ${'x'.repeat(5_000)}` }],
  ])('%s: is stored with its alert, which ends with a word about it or as any other', async (_what, more, headers) => {
    const source = await sourceOf(agent);
    const answer = await postAlert(t, source.path, alertBody(more), { 'content-type': 'application/json', ...headers });
    expect(answer.status).toBe(202);
    const { status, code, detail } = await finished(answer.body.alertId);
    expect(['processed', 'quarantined']).toContain(status);
    if (status === 'quarantined') expect([/^[A-Z_]{3,64}$/.test(code ?? ''), (detail ?? '').length > 0 && (detail ?? '').length < 300]).toEqual([true, true]);
  });
});

describe('an alert is answered', () => {
  it('before anything is decided about it: also while its account is locked', async () => {
    const source = await sourceOf(agent);
    await onConnection(t.db.adminUrl, async (client) => {
      await client.query('begin');
      await client.query('select 1 from accounts where id = $1 for update', [agent.accountId]);
      const answer = await postAlert(t, source.path, alertBody({ symbol: 'EURUSD', exchange: undefined }));
      expect([answer.status, answer.body.status]).toEqual([202, 'accepted']);
      expect((await t.db.query('select 1 from trade_ideas where alert_id = $1', [answer.body.alertId]))).toEqual([]);
      await client.query('rollback');
    });
  });
});

describe('the source\'s list of symbols', () => {
  it('is for the order too: the broker gets the name that it knows', async () => {
    const source = await sourceOf(agent, { symbols: { SCHNEIDER: 'EURUSD' } });
    const { body: { alertId } } = await postAlert(t, source.path, alertBody({ symbol: 'SCHNEIDER', exchange: undefined, trade_details: { order_action: 'BUY', quantity: '0.1' } }));
    expect(await finished(alertId)).toMatchObject({ status: 'processed', ideas: [{ status: 'auto_executed' }] });
    expect((await openings(agent)).map(({ symbol }) => symbol)).toEqual(['EURUSD']);
  });
});

describe('an entry for an agent that is not there', () => {
  it('is refused and said to be so; nothing is left that comes when it is back', async () => {
    const away = await t.agent();
    const source = await sourceOf(away);
    const { body: { alertId } } = await postAlert(t, source.path, alertBody({ symbol: 'EURUSD', exchange: undefined, trade_details: { order_action: 'BUY', quantity: '0.1', price: '1.1' } }));
    expect(await finished(alertId)).toMatchObject({ status: 'processed', ideas: [{ status: 'halted_by_risk' }] });
    await away.http('POST', '/agents/me/heartbeat', { body: { status: 'running', brokerConnected: true, tradeAllowed: true } });
    await t.app.get(Inbox).settle();
    expect(await openings(away)).toEqual([]);
    expect((await away.http<{ commands: unknown[] }>('POST', '/agents/me/commands/lease', { body: {} })).body.commands).toEqual([]);
  });
});
