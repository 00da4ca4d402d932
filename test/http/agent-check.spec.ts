import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { restSchedules, startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { clientOf } from '../support/http.js';
import { beat, limit, limitAll, LONG, quote, trader } from '../support/ideas.js';
import { reportOf } from '../support/positions.js';
import { until } from '../support/timing.js';

interface Answer {
  ok: boolean; checks: { name: string; ok: boolean | null; detail: string }[]; checkedAt: string; code?: string;
  opening: { wouldPass: boolean | null; verdict: string | null; stoppedBy: { rule: string; code: string; message: string } | null; rules: { rule: string }[]; probe: { symbol: string; lotSize: string; stopLoss: string; takeProfit: string | null } | null };
}

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());
beforeEach(async () => {
  await limitAll(t);
  agent = await trader(t, { symbols: ['EURUSD'] });
});

const ask = (body: object = {}, headers: Record<string, string> = {}, who = agent) => who.http<Answer>('POST', '/agents/me/check', { body, headers });
const told = async (body: object = {}, headers: Record<string, string> = {}, who = agent) => {
  const { status, body: answer, text } = await ask(body, headers, who);
  if (status !== 200) throw new Error(text);
  return { answer, of: (name: string) => answer.checks.find((each) => each.name === name) };
};
const list = () => agent.http('POST', '/instruments', { body: { symbol: 'EURUSD', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', minSize: '0.02', sizeStep: '0.01' } });
const SAFE = { aiTradingEnabled: true, minRewardToRisk: '2', maxLotSize: '1', maxConcurrentTrades: 3 };

describe('an agent that asks why it does not trade', () => {
  it('is told of all that would let it, with the smallest opening that would pass', async () => {
    await limitAll(t, SAFE);
    await list();
    await agent.http('POST', '/agents/me/positions', { body: reportOf() });
    await beat(agent, { brokerAccount: { currency: 'USD' } });
    const { answer, of } = await told({ sentAt: new Date().toISOString() });
    expect(answer.checks.map(({ name }) => name)).toEqual(['key', 'clock', 'instance', 'account', 'instruments', 'positions', 'broker', 'lease', 'state', 'limits', 'opening']);
    expect([answer.ok, answer.checks.filter(({ ok }) => ok === false)]).toEqual([true, []]);
    for (const name of ['key', 'clock', 'account', 'instruments', 'positions', 'broker', 'lease', 'state', 'limits', 'opening']) expect([name, of(name)?.ok]).toEqual([name, true]);
    expect(of('lease')?.detail).toMatch(/^[\d.]+ s left/);
    expect(of('limits')?.detail).toContain('maxLotSize 1 (global)');
    expect(answer.opening).toMatchObject({ wouldPass: true, verdict: 'approved', stoppedBy: null, probe: { symbol: 'EURUSD', lotSize: '0.02', stopLoss: '1.08919', takeProfit: expect.any(String) } });
    expect(answer.opening.rules.length).toBeGreaterThan(30);
  });

  it('is told which rule stops it, of the probe and of an idea of its own', async () => {
    await limit(t, 'account', agent.accountId, { maxConcurrentTrades: 0 });
    const { answer, of } = await told();
    expect([answer.ok, answer.opening]).toMatchObject([false, { wouldPass: false, verdict: 'rejected', stoppedBy: { code: 'TRADES_CONCURRENT' } }]);
    expect(of('opening')?.detail).toContain('TRADES_CONCURRENT');
    await limit(t, 'account', agent.accountId, { maxLotSize: '0.05' });
    expect((await told({ idea: LONG })).answer.opening).toMatchObject({ wouldPass: false, stoppedBy: { rule: 'lot_size', code: 'SIZE_LIMIT' }, probe: null });
    expect((await told({ idea: { ...LONG, lotSize: '0.05', confidence: '0.1' } })).answer.opening).toMatchObject({ wouldPass: false, verdict: 'needs_approval', stoppedBy: { code: 'CONFIDENCE_LOW' } });
    expect((await told({ idea: { ...LONG, executorAgentId: (await t.agent()).id } })).answer.opening).toMatchObject({ wouldPass: false, verdict: null, stoppedBy: { rule: 'request', code: 'EXECUTOR_NOT_ALLOWED' } });
  });

  it('is told of a halt, of a pause, and that trading is switched off', async () => {
    const { body: halt } = await t.http<{ id: string }>('POST', '/kill-switch', { body: { scope: { type: 'agent', id: agent.id }, mode: 'reduce', reason: 'odd prices' } });
    const halted = await told();
    expect(halted.of('state')).toMatchObject({ ok: false, detail: expect.stringMatching(/^reducing, .*odd prices/) });
    expect(halted.answer.opening.stoppedBy).toMatchObject({ code: 'HALT_AGENT' });
    await t.http('POST', `/kill-switch/${halt.id}/release`, { body: { confirm: 'RELEASE', reason: 'well' } });
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'pause' } });
    expect((await told()).of('state')).toMatchObject({ ok: false, detail: expect.stringContaining('to be paused') });
    await limitAll(t, { aiTradingEnabled: false });
    const off = await told();
    expect([off.of('limits')?.ok, off.answer.opening.stoppedBy?.code]).toEqual([false, 'TRADING_DISABLED']);
  });

  it.each<[string, number, boolean]>([['within 120 s ahead', 110_000, true], ['beyond 120 s ahead', 130_000, false], ['within 30 s behind', -20_000, true], ['beyond 30 s behind', -40_000, false]])('with a clock %s', async (_how, by, ok) => {
    // What is on its way for ten seconds is ten seconds older: then it is sent again.
    await until(async () => (await told({ sentAt: new Date(Date.now() + by).toISOString() })).of('clock')?.ok === ok, 10_000);
  });

  it('is told of a lease that ran out, a silent broker, an old report and another account', async () => {
    await agent.http('POST', '/agents/me/positions', { body: reportOf() });
    await t.db.query(`update agent_reports set complete_as_of = complete_as_of - interval '61 seconds' where agent_id = $1`, [agent.id]);
    await t.db.query(`update agent_state set trading_lease_until = app_clock() - interval '1 second', trade_allowed = false, account_mismatch = '{currency}' where agent_id = $1`, [agent.id]);
    const { answer } = await told();
    expect(answer.checks.filter(({ ok }) => ok === false).map(({ name }) => name)).toEqual(['account', 'positions', 'broker', 'lease', 'opening']);
  });

  it('is told which copy holds the lease, and what its key may not', async () => {
    await agent.http('POST', '/agents/me/heartbeat', { body: { status: 'running' }, headers: { 'x-instance-id': 'one' } });
    expect((await told({}, { 'x-instance-id': 'one' })).of('instance')).toMatchObject({ ok: true });
    expect((await told({}, { 'x-instance-id': 'two' })).of('instance')).toMatchObject({ ok: false, detail: expect.stringContaining('one holds the lease') });
    const { body: key } = await t.http<{ apiKey: string }>('POST', `/agents/${agent.id}/keys`, { body: { name: 'records only', scopes: ['records'] } });
    const answer = await clientOf(t.base, key.apiKey)<Answer>('POST', '/agents/me/check', { body: {} });
    expect([answer.status, answer.body.checks[0]]).toMatchObject([200, { name: 'key', ok: false, detail: expect.stringContaining('lacks commands, ideas') }]);
  });

  it('hears which symbols are not known, and why nothing could be tried', async () => {
    await list();
    const { answer, of } = await told({ symbols: ['GBPUSD', 'EURUSD'] });
    expect(of('instruments')).toMatchObject({ ok: null, detail: expect.stringMatching(/not in the account's list: GBPUSD.*no quote of GBPUSD/) });
    expect([answer.opening.wouldPass, of('opening')?.detail]).toEqual([null, expect.stringContaining('nobody told a quote of GBPUSD')]);
    const none = await t.agent();
    expect((await told({}, {}, none)).of('opening')).toMatchObject({ ok: null, detail: expect.stringContaining('no symbol') });
    await quote(agent, '1.3', '1.3002', 'GBPUSD');
    expect((await told({ symbols: ['GBPUSD'] })).answer.opening).toMatchObject({ probe: { symbol: 'GBPUSD', lotSize: '0.01' }, wouldPass: true });
  });
});

describe('the check', () => {
  it('writes nothing, and is not for a viewer', async () => {
    restSchedules(t);
    const tables = await t.db.query<{ name: string }>(`select tablename as name from pg_tables where schemaname = 'public' and tablename not in ('rate_limit_state', 'schedules', 'database_latencies', 'server_health', 'api_keys')`);
    const rows = async () => Promise.all(tables.map(async ({ name }) => [name, (await t.db.query<{ rows: string }>(`select count(*)::text as rows from ${name}`))[0]?.rows]));
    const before = await rows();
    for (const body of [{}, { idea: LONG }, { symbols: ['EURUSD', 'X'] }]) await told(body);
    expect(await rows()).toEqual(before);
    expect((await clientOf(t.base, await t.person('viewer'))('POST', `/agents/${agent.id}/check`, { body: {} })).status).toBe(403);
  });

  it('is for a person who asks for an agent, but for what only the agent can say', async () => {
    const asked = (body: object = {}, id = agent.id) => t.http<Answer>('POST', `/agents/${id}/check`, { body });
    await quote(agent, '1.1', '1.1002');
    const [itself, person] = [(await told({ symbols: ['EURUSD'] })).answer, (await asked({ symbols: ['EURUSD'], sentAt: '2020-01-01T00:00:00Z' })).body];
    const of = ({ checks }: Answer, name: string) => checks.find((check) => check.name === name);
    for (const name of ['clock', 'instance']) expect(of(person, name)).toMatchObject({ ok: null, detail: expect.stringContaining('a person asks') });
    for (const name of ['key', 'account', 'instruments', 'broker', 'state', 'limits']) expect(of(person, name)).toEqual(of(itself, name));
    expect(person.opening).toMatchObject({ wouldPass: itself.opening.wouldPass, probe: { symbol: 'EURUSD' } });
    expect((await asked({}, '01930000-0000-7000-8000-00000000dead')).status).toBe(404);
    const other = await t.agent();
    const idea = { symbol: 'EURUSD', direction: 'long', lotSize: '0.1', rationale: 'because' };
    expect((await asked({ idea: { ...idea, executorAgentId: other.id } })).body).toMatchObject({ errors: [{ path: 'idea.executorAgentId' }] });
    expect((await asked({ idea })).status).toBe(200);
    await t.db.query(`update api_keys set revoked_at = app_clock() where agent_id = $1`, [other.id]);
    expect(of((await asked({}, other.id)).body, 'key')).toMatchObject({ ok: false, detail: expect.stringContaining('no key') });
  });

  it.each([[{ sentAt: 'now' }], [{ symbols: 'EURUSD' }], [{ symbols: Array.from({ length: 101 }, () => 'X') }], [{ idea: {} }], [{ more: 1 }]])('refuses %j', async (body) => {
    expect((await ask(body)).status).toBe(400);
  });
});
