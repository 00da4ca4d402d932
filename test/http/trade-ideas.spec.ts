import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Schedules } from '../../src/database/schedules.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { impose, release } from '../support/halts.js';
import { type Idea, ideaOf, limit, limitAll, LONG, propose, quote, trader } from '../support/ideas.js';

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());
beforeEach(async () => {
  await limitAll(t);
  agent = await trader(t);
});

const codes = ({ decision }: Idea) => decision.reasons.map(({ code }) => code);
const events = (id: string) => t.db.query<{ type: string }>(`select type from events where subject_id = $1 order by seq`, [id]).then((rows) => rows.map(({ type }) => type));
const decisionsOf = async (id: string) => (await ideaOf(t, id)).decisions.map(({ type }) => type);
const commandOf = async (id: string | null) => (await t.http<{ status: string; payload: Record<string, unknown>; expiresAt: string; createdAt: string; class: string; maxAttempts: number }>('GET', `/commands/${id}`)).body;
const lease = async (who = agent) => (await who.http<{ commands: { id: string; leaseToken: string; type: string }[] }>('POST', '/agents/me/commands/lease', { body: {} })).body.commands;

describe('an idea that is let through', () => {
  it('is a command, a reservation, a decision and their events at once', async () => {
    const { status, body } = await propose(agent, { validForSeconds: 45, expectedHold: 'scalp' });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      status: 'auto_executed', decision: { verdict: 'approved', reasons: [] }, executorAgentId: agent.id, proposerAgentId: agent.id, digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      closeCommandIds: [], reducedSize: null, decidedBy: `agent:${agent.id}`,
    });
    expect(body.decision.rules.length).toBeGreaterThan(30);
    const command = await commandOf(body.commandId);
    expect(command).toMatchObject({
      status: 'queued', class: 'opens', maxAttempts: 1,
      payload: { ideaId: body.id, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', limitPrice: '1.1002', stopLoss: '1.09', validForSeconds: 45, orderTag: expect.stringMatching(/^[A-Z0-9]{16}$/) },
    });
    expect(Math.abs(Date.parse(command.expiresAt) - Date.parse(command.createdAt) - 45_000)).toBeLessThan(2_000);
    expect(await ideaOf(t, body.id)).toMatchObject({ reservation: { held: true, endedAs: null }, decisions: [{ type: 'ai_auto_executed', riskCheckResult: { verdict: 'approved', price: '1.1002' } }] });
    expect([await events(body.id), (await events(body.commandId ?? ''))[0]]).toEqual([['idea.auto_executed'], 'command.created']);
    expect((await lease()).map(({ id }) => id)).toEqual([body.commandId]);
  });

  it('is handed over in its own answer to its executor, once', async () => {
    const { body } = await propose(agent, {}, '?lease=1');
    expect(body.command).toMatchObject({ id: body.commandId, leaseToken: expect.any(String), payload: { ideaId: body.id } });
    expect(await lease()).toEqual([]);
    const done = await agent.http('POST', `/commands/${body.commandId}/complete`, { body: { leaseToken: body.command?.leaseToken } });
    expect(done).toMatchObject({ status: 200, body: { status: 'succeeded' } });
    expect((await propose(agent, { confidence: '0.1' }, '?lease=1')).body).toMatchObject({ status: 'needs_approval', command: null });
    expect((await propose({ http: t.http }, { executorAgentId: agent.id }, '?lease=1')).body).toMatchObject({ code: 'LEASE_NOT_YOURS' });
  });

  it('is not handed to a copy of the agent that does not trade', async () => {
    await agent.http('POST', '/agents/me/heartbeat', { body: { status: 'running' }, headers: { 'x-instance-id': 'one' } });
    expect((await propose(agent, {}, '?lease=1', { 'x-instance-id': 'two' })).body).toMatchObject({ status: 'auto_executed', command: null });
    expect((await propose(agent, {}, '?lease=1', { 'x-instance-id': 'one' })).body).toMatchObject({ status: 'auto_executed', command: { type: 'open_trade' } });
  });

  it('is replayed with the same key and body, and made once', async () => {
    const send = () => propose(agent, {}, '?lease=1', { 'idempotency-key': `same-${agent.id}` });
    const first = await send();
    const again = await send();
    expect([again.status, again.headers.get('idempotency-replayed'), again.body]).toEqual([201, 'true', first.body]);
    expect((await t.http<{ items: unknown[] }>('GET', `/trade-ideas?agentId=${agent.id}`)).body.items).toHaveLength(1);
    const other = await agent.http('POST', '/trade-ideas?lease=1', { body: { ...LONG, lotSize: '0.2' }, headers: { 'idempotency-key': `same-${agent.id}` } });
    expect(other.status).toBe(422);
  });

  it('is not handed over by a replay that began after a halt, nor to another copy of the agent', async () => {
    const send = (copy: string) => propose(agent, {}, '?lease=1', { 'idempotency-key': `lost-${agent.id}`, 'x-instance-id': copy });
    await agent.http('POST', '/agents/me/heartbeat', { body: { status: 'running' }, headers: { 'x-instance-id': 'one' } });
    const first = await send('one');
    expect(first.body.command).toMatchObject({ id: first.body.commandId });
    const without = { ...first.body, command: null };
    expect((await send('two')).body).toEqual(without);
    expect((await send('one')).body).toEqual(first.body);
    const { body: halt } = await impose(t, { type: 'agent', id: agent.id });
    const again = await send('one');
    expect([again.status, again.headers.get('idempotency-replayed'), again.body]).toEqual([201, 'true', without]);
    await release(t, halt.id);
  });

  it('goes under the symbol of the account, and the command under that of the broker', async () => {
    await agent.http('POST', '/instruments', { body: { symbol: 'EURUSD', brokerSymbol: 'EURUSD.m', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', minSize: '0.01', sizeStep: '0.01' } });
    await quote(agent, '1.2', '1.2002', 'EURUSD.m');
    const { body } = await propose(agent, { symbol: 'EURUSD.m', stopLoss: '1.19', takeProfit: '1.23' });
    expect(body).toMatchObject({ status: 'auto_executed', symbol: 'EURUSD', brokerSymbol: 'EURUSD.m' });
    expect((await commandOf(body.commandId)).payload).toMatchObject({ symbol: 'EURUSD', brokerSymbol: 'EURUSD.m', limitPrice: '1.2002' });
  });
});

describe('an idea that is not let through', () => {
  it.each<[string, string, object, string, () => Promise<unknown>]>([
    ['trading is disabled', 'halted_by_risk', {}, 'TRADING_DISABLED', () => limitAll(t, { aiTradingEnabled: false })],
    ['there is no stop', 'rejected', { stopLoss: null }, 'STOP_MISSING', async () => undefined],
    ['it is too large', 'rejected', { lotSize: '3' }, 'SIZE_LIMIT', () => limitAll(t, { maxLotSize: '2' })],
    ['the account may hold none', 'rejected', {}, 'TRADES_CONCURRENT', () => limit(t, 'account', agent.accountId, { maxConcurrentTrades: 0 })],
    ['the agent is halted', 'halted_by_risk', {}, 'HALT_AGENT', () => t.http('POST', '/kill-switch', { body: { scope: { type: 'agent', id: agent.id }, mode: 'halt', reason: 'a test' } })],
  ])('because %s is %s, and kept as fully as one that is', async (_why, status, more, code, prepare) => {
    await prepare();
    const { status: http, body } = await propose(agent, more);
    expect([http, body.status, body.decision.verdict]).toEqual([201, status, status]);
    expect(codes(body)).toEqual([code]);
    expect(body.commandId).toBeNull();
    const stored = await ideaOf(t, body.id);
    expect(stored).toMatchObject({ status, reservation: null, decisions: [{ type: 'risk_rejected' }] });
    expect((stored.decisions[0]?.riskCheckResult?.['rules'] as unknown[]).length).toBeGreaterThan(30);
    expect([await events(body.id), await lease()]).toEqual([[`idea.${status}`], []]);
  });

  it('stays as it was decided, whoever tries', async () => {
    const { body } = await propose(agent, { stopLoss: null });
    await expect(t.db.query(`update trade_ideas set status = 'waiting' where id = $1`, [body.id])).rejects.toThrow(/append-only/);
    for (const what of ['approve', 'reject']) {
      expect((await t.http<Idea>('POST', `/trade-ideas/${body.id}/${what}`, { body: what === 'approve' ? { digest: body.digest } : { reason: 'no' } })).body).toMatchObject({ code: 'IDEA_NOT_PENDING' });
    }
  });
});

describe('who proposes for whom', () => {
  it('is given by an administrator, and counts at once', async () => {
    const proposer = await trader(t);
    const ask = () => propose(proposer, { executorAgentId: agent.id });
    expect((await ask()).body).toMatchObject({ status: 403, code: 'EXECUTOR_NOT_ALLOWED' });
    const put = (ids: string[]) => t.http<{ executorAgentIds: string[] }>('PUT', `/agents/${proposer.id}/executors`, { body: { executorAgentIds: ids } });
    expect((await put([agent.id])).body).toEqual({ executorAgentIds: [agent.id] });
    const { body } = await ask();
    expect(body).toMatchObject({ status: 'auto_executed', proposerAgentId: proposer.id, executorAgentId: agent.id, accountId: agent.accountId });
    expect((await lease()).map(({ id }) => id)).toEqual([body.commandId]);
    expect((await propose(proposer, { executorAgentId: agent.id }, '?lease=1')).body.code).toBe('LEASE_NOT_YOURS');
    for (const who of [proposer, agent]) expect((await who.http<Idea>('GET', `/trade-ideas/${body.id}`)).status).toBe(200);
    expect((await (await trader(t)).http<Idea>('GET', `/trade-ideas/${body.id}`)).body.code).toBe('NOT_YOUR_AGENT');
    await put([]);
    expect((await ask()).body.code).toBe('EXECUTOR_NOT_ALLOWED');
    for (const ids of [[proposer.id], ['01930000-0000-7000-8000-00000000beef']]) expect((await put(ids)).status).toBe(400);
  });

  it('counts on the proposer within the account of the executor', async () => {
    const proposer = await trader(t);
    await t.http('PUT', `/agents/${proposer.id}/executors`, { body: { executorAgentIds: [agent.id] } });
    await limit(t, 'agent', proposer.id, { maxConcurrentTrades: 1 });
    expect((await propose(proposer, { executorAgentId: agent.id })).body.status).toBe('auto_executed');
    expect((await propose(proposer, { executorAgentId: agent.id })).body.status).toBe('rejected');
    expect((await propose(agent)).body.status).toBe('auto_executed');
  });

  it('a person names the executor, and needs the role', async () => {
    expect((await propose({ http: t.http })).body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: 'executorAgentId' }] });
    expect((await propose({ http: t.http }, { executorAgentId: agent.id })).body).toMatchObject({ status: 'auto_executed', proposerAgentId: null });
    expect((await t.http('POST', '/trade-ideas', { body: { ...LONG, executorAgentId: agent.id }, token: await t.person('viewer') })).status).toBe(403);
    expect((await propose({ http: t.http }, { executorAgentId: '01930000-0000-7000-8000-00000000beef' })).body).toMatchObject({ status: 404 });
  });

  it('hangs nothing on records of others', async () => {
    const other = await trader(t);
    const prediction = await other.http<{ id: string }>('POST', '/predictions', { body: { model: 'm', symbol: 'EURUSD', timestamp: '2026-01-02T03:04:05Z', direction: 'long', confidence: '0.9' } });
    expect((await propose(agent, { predictionId: prediction.body.id })).body).toMatchObject({ code: 'PREDICTION_OF_ANOTHER_AGENT' });
    const nobody = '01930000-0000-7000-8000-00000000beef';
    for (const more of [{ predictionId: nobody }, { snapshotRef: nobody }, { strategyId: nobody }]) expect((await propose(agent, more)).body).toMatchObject({ status: 404 });
    const snapshot = await other.http<{ id: string }>('POST', '/snapshots/account', { body: { balance: '1', equity: '1', capturedAt: '2026-01-02T03:04:05Z' } });
    const ref = await other.http<{ id: string }>('POST', '/snapshots/refs', { body: { items: [{ kind: 'account', id: snapshot.body.id }] } });
    expect((await propose(agent, { snapshotRef: ref.body.id })).body).toMatchObject({ code: 'REFERENCE_OF_ANOTHER_AGENT' });
    expect((await propose(other, { snapshotRef: ref.body.id, predictionId: prediction.body.id })).body).toMatchObject({ status: 'auto_executed', snapshotRef: ref.body.id, predictionId: prediction.body.id });
  });
});

describe('the fields of an idea', () => {
  it.each<[string, unknown]>([
    ['lotSize', '0'], ['lotSize', '-1'], ['lotSize', 'NaN'], ['lotSize', undefined], ['confidence', '1.01'], ['confidence', '-0.1'], ['confidence', '70'], ['entryPrice', '0'], ['stopLoss', 'x'],
    ['takeProfit', [{ price: '1.2', sizeFraction: '0.5' }]], ['takeProfit', []], ['validForSeconds', 0], ['validForSeconds', 86_401], ['validForSeconds', 1.5], ['rationale', ''], ['rationale', undefined],
    ['direction', 'buy'], ['symbol', 'EUR USD?'], ['entryRange', { low: '1' }], ['strategyId', 'x'], ['surprise', 1],
  ])('%s of %j is refused by its name, and nothing is kept', async (field, value) => {
    const { body } = await propose(agent, { [field]: value });
    expect([body.status, body.code, body.errors?.[0]?.path.split('.')[0]]).toEqual([400, 'VALIDATION_FAILED', field]);
    expect((await t.http<{ items: unknown[] }>('GET', `/trade-ideas?agentId=${agent.id}`)).body.items).toEqual([]);
  });

  it('rationale has a length', async () => {
    expect((await propose(agent, { rationale: 'x'.repeat(4_001) })).body).toMatchObject({ status: 400, errors: [{ path: 'rationale' }] });
    expect((await propose(agent, { rationale: `${'x'.repeat(3_980)} password=hunter2` })).text).not.toContain('hunter2');
  });

  it('of a range go together', async () => {
    expect((await propose(agent, { entryRange: { low: '1.2', high: '1.1' } })).body).toMatchObject({ errors: [{ path: 'entryRange.high' }] });
    expect((await propose(agent, { entryRange: { low: '1.1', high: '1.2' }, entryPrice: '1.3' })).body).toMatchObject({ errors: [{ path: 'entryPrice' }] });
  });
});

describe('an idea that waits for its price', () => {
  const WAITING = { entryRange: { low: '1.095', high: '1.096' }, stopLoss: '1.09', takeProfit: '1.13', validForSeconds: 600 };

  it('reserves nothing, and is carried out by the quote that reaches it', async () => {
    const { body } = await propose(agent, WAITING);
    expect(body).toMatchObject({ status: 'waiting', commandId: null, waitsUntil: expect.any(String), decidedAt: null });
    expect(await ideaOf(t, body.id)).toMatchObject({ reservation: null });
    await quote(agent, '1.0957', '1.0959');
    const done = await until(() => ideaOf(t, body.id), ({ status }) => status !== 'waiting');
    expect(done).toMatchObject({ status: 'auto_executed', decidedBy: 'system', reservation: { held: true }, decisions: [{ type: 'ai_auto_executed' }, { type: 'ai_proposed' }] });
    expect((await commandOf(done.commandId)).payload).toMatchObject({ limitPrice: '1.0959', validForSeconds: 600 });
    expect(await events(body.id)).toEqual(['idea.waiting', 'idea.auto_executed']);
  });

  it('is asked about anew: what was forbidden meanwhile stays undone', async () => {
    const { body } = await propose(agent, WAITING);
    await limitAll(t, { aiTradingEnabled: false });
    await quote(agent, '1.0957', '1.0959');
    expect(await until(() => ideaOf(t, body.id), ({ status }) => status !== 'waiting')).toMatchObject({ status: 'halted_by_risk', commandId: null });
    const next = await trader(t);
    await limitAll(t);
    const asked = (await propose(next, WAITING)).body;
    await limitAll(t, { requireApproval: true });
    await quote(next, '1.0957', '1.0959');
    expect(await until(() => ideaOf(t, asked.id), ({ status }) => status !== 'waiting')).toMatchObject({ status: 'needs_approval', approveUntil: expect.any(String) });
  });

  it('is over after its time, also when nobody quotes', async () => {
    const { body } = await propose(agent, WAITING);
    await t.db.query(`update trade_ideas set waits_until = app_clock() where id = $1`, [body.id]);
    await t.db.query(`update schedules set next_run_at = '-infinity' where name = 'ideas.look'`);
    await t.app.get(Schedules).runDue();
    expect(await ideaOf(t, body.id)).toMatchObject({ status: 'expired', endedReason: 'the price did not come within 600 s', decisions: [{ type: 'risk_rejected' }, { type: 'ai_proposed' }] });
    await quote(agent, '1.0957', '1.0959');
    expect(await decisionsOf(body.id)).toHaveLength(2);
  });

  it('can be ended by a person', async () => {
    const { body } = await propose(agent, WAITING);
    expect((await t.http<Idea>('POST', `/trade-ideas/${body.id}/approve`, { body: { digest: body.digest } })).body).toMatchObject({ code: 'IDEA_NOT_PENDING' });
    expect((await t.http<Idea>('POST', `/trade-ideas/${body.id}/reject`, { body: { reason: 'no longer' } })).body).toMatchObject({ status: 'rejected', endedReason: 'no longer' });
  });
});

describe('the lists of ideas', () => {
  it('show what fits, newest first, a page at a time, and to a key its own', async () => {
    const made: string[] = [];
    for (const more of [{}, { stopLoss: null }, { confidence: '0.1' }, {}]) made.unshift((await propose(agent, more)).body.id);
    const ids = async (query: string, who: { http: TestApp['http'] } = t) => (await who.http<{ items: Idea[] }>('GET', `/trade-ideas?${query}`)).body.items.map(({ id }) => id);
    expect(await ids(`agentId=${agent.id}`)).toEqual(made);
    expect(await ids('', agent)).toEqual(made);
    expect(await ids(`agentId=${agent.id}&status=rejected`)).toEqual([made[2]]);
    expect(await ids(`agentId=${agent.id}&symbol=eur/usd`)).toEqual(made);
    const first = (await t.http<{ items: Idea[]; nextCursor: string }>('GET', `/trade-ideas?agentId=${agent.id}&limit=3`)).body;
    const rest = (await t.http<{ items: Idea[]; nextCursor: null }>('GET', `/trade-ideas?agentId=${agent.id}&limit=3&cursor=${first.nextCursor}`)).body;
    expect([first.items.map(({ id }) => id), rest.items.map(({ id }) => id), rest.nextCursor]).toEqual([made.slice(0, 3), made.slice(3), null]);
  });
});

describe('asking what the gate would say', () => {
  it('answers the same verdict and writes nothing', async () => {
    const counts = () => t.db.query(`select (select count(*) from trade_ideas) as ideas, (select count(*) from decision_history) as decisions, (select count(*) from reservations) as reservations,
      (select count(*) from agent_commands) as commands, (select count(*) from events where type like 'idea.%') as events`);
    const before = await counts();
    const check = (more: object) => agent.http<Idea['decision'] & { price: string | null }>('POST', '/risk/check', { body: { ...LONG, ...more } });
    expect((await check({})).body).toMatchObject({ verdict: 'approved', reasons: [], price: '1.1002' });
    expect((await check({ stopLoss: null })).body).toMatchObject({ verdict: 'rejected', reasons: [{ code: 'STOP_MISSING' }] });
    expect((await check({ confidence: null })).body).toMatchObject({ verdict: 'needs_approval' });
    expect(await counts()).toEqual(before);
    expect((await check({ executorAgentId: (await trader(t)).id })).body).toMatchObject({ code: 'EXECUTOR_NOT_ALLOWED' });
  });
});

describe('a sync with ideas', () => {
  it('answers each by its clientRef, decides on the quotes beside them, and leases what opens', async () => {
    await quote(agent, '1.05', '1.0502');
    const { body } = await agent.http<{ results: Record<string, unknown>[]; commands: { payload: Record<string, unknown> }[] }>('POST', '/agents/me/sync', {
      body: {
        syncSeq: 1, quotes: [{ symbol: 'EURUSD', bid: '1.2', ask: '1.2002', quotedAt: new Date().toISOString() }], lease: {},
        ideas: [{ ...LONG, clientRef: 'a', stopLoss: '1.19', takeProfit: '1.23' }, { ...LONG, clientRef: 'b', lotSize: '0' }, { ...LONG, clientRef: 'c', stopLoss: null }],
      },
    });
    expect(body.results.filter(({ element }) => String(element).startsWith('ideas'))).toEqual([
      { element: 'ideas[0]', clientRef: 'a', status: 'ok', id: expect.any(String), idea: { status: 'auto_executed', commandId: expect.any(String) } },
      { element: 'ideas[1]', clientRef: 'b', status: 'refused', code: 'VALIDATION_FAILED', detail: expect.stringContaining('lotSize') },
      { element: 'ideas[2]', clientRef: 'c', status: 'ok', id: expect.any(String), idea: { status: 'rejected', code: 'STOP_MISSING' } },
    ]);
    expect(body.commands).toMatchObject([{ payload: { limitPrice: '1.2002' } }]);
  });

  it('takes the scope ideas', async () => {
    const { body: key } = await t.http<{ apiKey: string }>('POST', `/agents/${agent.id}/keys`, { body: { name: 'no ideas', scopes: ['records', 'commands'] } });
    expect((await agent.http('POST', '/trade-ideas', { body: LONG, token: key.apiKey })).body).toMatchObject({ code: 'SCOPE_MISSING' });
    expect((await agent.http('POST', '/agents/me/sync', { body: { syncSeq: 9, ideas: [LONG] }, token: key.apiKey })).body).toMatchObject({ results: [{ element: 'ideas[0]', code: 'SCOPE_MISSING' }] });
  });
});

describe('on an account with one position for an instrument', () => {
  const netting = async () => {
    const { body: account } = await t.http<{ id: string; name: string }>('POST', '/accounts', { body: { name: `net-${agent.id}`, kind: 'paper', currency: 'USD', marginMode: 'netting' } });
    return trader(t, { account: account.name });
  };
  const open = async (who: TestAgent, lotSize: string) => {
    const { body } = await propose(who, { lotSize });
    await who.http('POST', '/trades', { body: { clientOrderId: `t-${body.id}`, symbol: 'EURUSD', direction: 'long', lotSize, entryPrice: '1.1', entryTime: new Date().toISOString(), stopLoss: '1.09', commandId: body.commandId } });
    return body;
  };
  const SHORT = { direction: 'short', stopLoss: '1.11', takeProfit: '1.07' };

  it('an idea against one\'s own position closes as much, and opens the rest through the gate', async () => {
    const who = await netting();
    await open(who, '0.2');
    const { body } = await propose(who, { ...SHORT, lotSize: '0.5' });
    expect(body).toMatchObject({ status: 'auto_executed', reducedSize: '0.2', closeCommandIds: [expect.any(String)] });
    expect(await commandOf(body.closeCommandIds[0] ?? '')).toMatchObject({ class: 'reduces', payload: { size: '0.2' } });
    expect((await commandOf(body.commandId)).payload).toMatchObject({ direction: 'short', lotSize: '0.3' });
  });

  it('a reduction passes whatever the gate says, and closes no more than is open', async () => {
    const who = await netting();
    await open(who, '0.2');
    await limitAll(t, { aiTradingEnabled: false });
    expect((await propose(who, { ...SHORT, lotSize: '0.1', confidence: null })).body).toMatchObject({ status: 'auto_executed', commandId: null, reducedSize: '0.1' });
    const { body } = await propose(who, { ...SHORT, lotSize: '0.5' });
    expect(body).toMatchObject({ status: 'halted_by_risk', reducedSize: '0.1', commandId: null, closeCommandIds: [expect.any(String)] });
    expect((await propose(who, { ...SHORT, lotSize: '0.5' })).body).toMatchObject({ status: 'halted_by_risk', reducedSize: null, closeCommandIds: [] });
  });

  it('another agent\'s opening is refused', async () => {
    const who = await netting();
    await open(who, '0.2');
    const other = await trader(t, { account: (await t.http<{ account: string }>('GET', `/agents/${who.id}`)).body.account });
    for (const more of [{}, SHORT]) expect((await propose(other, more)).body).toMatchObject({ status: 'rejected', decision: { reasons: [{ code: 'INSTRUMENT_OWNED' }] } });
  });
});

/** Tried until it is so; the caller's expectation says what it should have become. */
async function until<T>(look: () => Promise<T>, isDone: (seen: T) => boolean): Promise<T> {
  for (const deadline = Date.now() + 5_000; Date.now() < deadline;) {
    const seen = await look();
    if (isDone(seen)) return seen;
  }
  return look();
}
