import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import type { Answer } from '../support/http.js';

interface State {
  status: string; liveness: string; canTrade: boolean; equity: string | null; balance: string | null; openPositions: number | null; cycleCount: number | null; asOf: string | null;
  errorMessage: string | null; observedStateVersion: number | null; uptimeSeconds: number | null; startedAt: string | null; instanceId: string | null; lastSeenAt: string | null;
  desiredState: { run: string; version: number; state: string; reasons: { code: string }[] };
}

let t: TestApp;
let agent: TestAgent;
let liveAccount: string;
beforeAll(async () => {
  t = await startTestApp();
  liveAccount = 'broker-live';
  await t.db.query(`insert into accounts (id, name, kind, currency, margin_mode) values ($1, $2, 'live', 'USD', 'hedging')`, [randomUUID(), liveAccount]);
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

const beat = (body: Record<string, unknown>, headers: Record<string, string> = {}, of = agent): Promise<Answer<{ code: string; desiredState: State['desiredState'] }>> =>
  of.http('POST', '/agents/me/heartbeat', { body, headers });
const state = async (of = agent): Promise<State> => (await t.http<State>('GET', `/agents/${of.id}/state`)).body;
const before = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();

describe('a report', () => {
  it('keeps what it does not mention, and leaves unknown what nobody ever said', async () => {
    const unknown = { equity: null, balance: null, margin: null, marginFree: null, floatingPnl: null, currency: null, openPositions: null, cycleCount: null, lastCycleAt: null, errorMessage: null, brokerConnected: null, tradeAllowed: null, lastQuoteAt: null, agentVersion: null, configHash: null, brokerAccount: null, observedStateVersion: null };
    expect(await state()).toMatchObject({ ...unknown, status: 'stopped', liveness: 'offline', lastSeenAt: null, startedAt: null, uptimeSeconds: null, asOf: null });
    await beat({});
    expect(await state()).toMatchObject({ ...unknown, status: 'stopped', liveness: 'online', asOf: null });
    await beat({ status: 'running', equity: '10000.5', balance: 10000, currency: 'EUR', openPositions: 0, agentVersion: '1.2' });
    await beat({ equity: '9999', cycleCount: 7 });
    expect(await state()).toMatchObject({ status: 'running', equity: '9999', balance: '10000', currency: 'EUR', openPositions: 0, cycleCount: 7, agentVersion: '1.2', margin: null, brokerConnected: null });
  });

  it('takes null for what is not told, in each of its fields and within the broker\'s account', async () => {
    const told = {
      status: 'running', equity: '1', balance: '2', margin: '3', marginFree: '4', floatingPnl: '5', currency: 'USD', openPositions: 1, cycleCount: 7, lastCycleAt: before(60), observedStateVersion: 1,
      brokerConnected: true, tradeAllowed: true, lastQuoteAt: before(60), agentVersion: '1.2', configHash: 'abc', brokerAccount: { server: 'S', currency: 'USD' },
    };
    await beat(told);
    const answer = await beat({ ...Object.fromEntries(Object.keys(told).map((field) => [field, null])), asOf: null, errorMessage: null });
    expect([answer.status, answer.body.code]).toEqual([200, undefined]);
    expect(await state()).toMatchObject(told);
    await beat({ brokerAccount: { loginHash: null, server: 'T', kind: null, currency: null, marginMode: null } });
    expect(await state()).toMatchObject({ brokerAccount: { server: 'T' }, accountMismatch: null });
  });

  it('keeps every digit of its amounts', async () => {
    const equity = '-1234567890123456789.123456789012345678';
    await beat({ equity, floatingPnl: '0.000000000000000001' });
    expect(await state()).toMatchObject({ equity, floatingPnl: '0.000000000000000001' });
  });

  it('keeps the last error through changes of status, until the agent takes it back', async () => {
    await beat({ status: 'error', errorMessage: 'broker said no' });
    await beat({ status: 'stopping' });
    await beat({ status: 'stopped', equity: '1' });
    expect(await state()).toMatchObject({ status: 'stopped', errorMessage: 'broker said no' });
    await beat({ status: 'running', errorMessage: null });
    expect(await state()).toMatchObject({ status: 'running', errorMessage: null });
  });

  it('is taken also when the mask ends in the middle of an emoji', async () => {
    expect((await beat({ errorMessage: `password=${'x'.repeat(511)}😀 refused` })).status).toBe(200);
    expect(await state()).toMatchObject({ liveness: 'online', errorMessage: 'password=*** refused' });
  });

  it('that was overtaken changes nothing but that the agent lives', async () => {
    await beat({ asOf: before(30), status: 'running', equity: '100', openPositions: 2, cycleCount: 10, errorMessage: 'new', brokerConnected: false });
    const shown = await state();
    await t.db.advance(5);
    const late = { asOf: before(60), status: 'starting', equity: '50', openPositions: 9, cycleCount: 1, errorMessage: 'old', brokerConnected: true };
    expect((await beat(late)).status).toBe(200);
    const after = await state();
    expect(after).toMatchObject({ status: 'running', equity: '100', openPositions: 2, cycleCount: 10, errorMessage: 'new', brokerConnected: false, asOf: shown.asOf });
    expect(Date.parse(after.lastSeenAt ?? '')).toBeGreaterThan(Date.parse(shown.lastSeenAt ?? ''));
    expect(await t.db.query(`select data from events where agent_id = $1 and type = 'agent.status_changed'`, [agent.id])).toEqual([{ data: { from: 'stopped', to: 'running' } }]);
    await t.db.advance(-5);
  });

  it('is taken when the clock was set back: what is ahead of it is no newer report', async () => {
    await t.db.advance(7_200);
    await beat({ status: 'running', equity: '1' });
    await t.db.advance(-7_200);
    await beat({ status: 'paused', equity: '2' });
    expect(await state()).toMatchObject({ status: 'paused', equity: '2' });
    await beat({ equity: '3', asOf: before(10) });
    expect(await state()).toMatchObject({ equity: '2' });
  });

  it('without a time is the last word, also of an agent whose clock runs ahead', async () => {
    const ahead = before(-110);
    await beat({ asOf: ahead, status: 'running', equity: '1000', openPositions: 1, brokerConnected: true, tradeAllowed: true });
    await beat({ status: 'running', equity: '900' });
    expect(await state()).toMatchObject({ equity: '900', asOf: ahead });
    const { items } = (await t.http<{ items: { lastEquity: string; lowestEquity: string }[] }>('GET', `/accounts/${agent.accountId}/days`)).body;
    expect(items).toMatchObject([{ lastEquity: '900', lowestEquity: '900' }]);
    await beat({ status: 'stopping', openPositions: 3, brokerConnected: false, tradeAllowed: false, errorMessage: 'the terminal lost its broker' });
    const told = { status: 'stopping', openPositions: 3, brokerConnected: false, tradeAllowed: false, errorMessage: 'the terminal lost its broker' };
    expect(await state()).toMatchObject(told);
    // What it dated before that is still older.
    await beat({ asOf: new Date(Date.parse(ahead) - 1_000).toISOString(), status: 'running', brokerConnected: true, tradeAllowed: true, openPositions: 1, errorMessage: null });
    expect(await state()).toMatchObject(told);
  });

  it('of many at once in any order leaves the newest standing', async () => {
    const order = Array.from({ length: 20 }, (_, i) => (i * 7) % 20);
    await Promise.all(order.map((n) => beat({ asOf: before(100 - n), equity: String(1_000 + n), cycleCount: n })));
    expect(await state()).toMatchObject({ equity: '1019', cycleCount: 19 });
  });

  it('without figures does not make the figures look newer', async () => {
    await beat({ asOf: before(30), equity: '100' });
    const { asOf } = await state();
    await beat({ asOf: before(1), status: 'running' });
    expect(await state()).toMatchObject({ asOf, equity: '100', status: 'running' });
  });

  it('from the future is refused: that is broker time sent as UTC', async () => {
    expect((await beat({ asOf: new Date(Date.now() + 7_200_000).toISOString() })).body).toMatchObject({ status: 400, code: 'TIME_IN_FUTURE' });
    expect((await beat({ asOf: new Date(Date.now() + 60_000).toISOString() })).status).toBe(200);
  });
});

describe('the desired state', () => {
  const command = (type: string) => t.http('POST', `/agents/${agent.id}/commands`, { body: { type } });

  it('comes back with the heartbeat, newer than its header if need be', async () => {
    await command('pause');
    const answer = await beat({});
    expect(answer.body.desiredState).toMatchObject({ state: 'active', run: 'paused', version: 2, reasons: [{ code: 'COMMAND_PAUSE' }] });
    expect(answer.headers.get('x-desired-state')).toBe('active;v=2;run=paused');
  });

  it('comes as a header also when the report is refused', async () => {
    const refused = await beat({ equity: 'NaN' });
    expect([refused.status, refused.headers.get('x-desired-state')]).toEqual([400, 'active;v=1;run=running']);
    const [instance, missing] = [await beat({}, { 'x-instance-id': 'with blank' }), await agent.http('GET', '/trades/01930000-0000-7000-8000-00000000dead')];
    expect([instance.status, instance.headers.get('x-desired-state')]).toEqual([400, 'active;v=1;run=running']);
    expect([missing.status, missing.headers.get('x-desired-state')]).toEqual([404, 'active;v=1;run=running']);
  });

  it('was observed up to a version that never goes back, and never beyond what was given out', async () => {
    for (const type of ['pause', 'resume', 'pause']) await command(type);
    const observed = async (version: number) => {
      await beat({ observedStateVersion: version });
      return (await state()).observedStateVersion;
    };
    expect(await observed(999)).toBeNull();
    expect([await observed(3), await observed(2), await observed(5), await observed(4), await observed(1)]).toEqual([3, 3, 3, 4, 4]);
  });
});

describe('"online" and "can trade" are two lights', () => {
  it('can trade only while it runs, is wanted to, holds its lease and its broker does not say otherwise', async () => {
    const canTrade = async () => (await state()).canTrade;
    await beat({ status: 'starting' });
    expect(await canTrade()).toBe(false);
    await beat({ status: 'running' });
    expect(await canTrade()).toBe(true);
    await beat({ brokerConnected: false });
    expect(await canTrade()).toBe(false);
    await beat({ brokerConnected: true, tradeAllowed: false });
    expect(await canTrade()).toBe(false);
    await beat({ tradeAllowed: true });
    expect(await canTrade()).toBe(true);
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'pause' } });
    expect(await canTrade()).toBe(false);
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'resume' } });
    expect(await canTrade()).toBe(true);
    await t.db.advance(61);
    expect(await state()).toMatchObject({ liveness: 'suspect', canTrade: false });
    await t.db.advance(-61);
  });

  it('a killed agent still says "running", is offline for the server, and comes back by speaking', async () => {
    await beat({ status: 'running' }, { 'x-instance-id': 'copy-1' });
    await t.db.advance(91);
    expect(await state()).toMatchObject({ status: 'running', liveness: 'offline', canTrade: false, uptimeSeconds: null });
    await beat({}, { 'x-instance-id': 'copy-2' });
    const { uptimeSeconds, ...taken } = await state();
    expect(taken).toMatchObject({ status: 'running', liveness: 'online', canTrade: true, instanceId: 'copy-2' });
    // Since its own first word, and not the other's of 91 s ago.
    expect(uptimeSeconds).toBeLessThan(60);
    await t.db.advance(-91);
  });

  it('counts its uptime from the first word of the running copy', async () => {
    // On a slow machine seconds go by between any two lines, but not the 55 or 61 that are added here.
    await beat({}, { 'x-instance-id': 'copy-1' });
    await t.db.advance(55);
    await beat({}, { 'x-instance-id': 'copy-1' });
    await beat({});
    const first = (await state()).uptimeSeconds ?? NaN;
    expect([first >= 55, first < 110]).toEqual([true, true]);
    await t.db.advance(61);
    await beat({}, { 'x-instance-id': 'copy-2' });
    expect((await state()).uptimeSeconds).toBeLessThan(55);
    await t.db.advance(-116);
  });
});

describe('a running copy that was started again under its name', () => {
  it.each(['stopped', 'running'])('counts its uptime from its word that it starts, once, also when the last one was %s', async (last) => {
    const says = (status: string) => beat({ status }, { 'x-instance-id': 'one' });
    await says('starting');
    await t.db.advance(40);
    await says(last);
    await t.db.advance(40);
    // Its answer is lost, so it is said again.
    await says('starting');
    await t.db.advance(3);
    await says('starting');
    await t.db.advance(4);
    await says('running');
    // Seconds go by on a slow machine, but not the 40 before.
    const isSeven = async () => {
      const { uptimeSeconds } = await state();
      expect([uptimeSeconds! >= 7, uptimeSeconds! < 47]).toEqual([true, true]);
    };
    await isSeven();
    // Stopped and resumed by an operator is no start.
    await says('stopped');
    await says('running');
    await isSeven();
    await t.db.advance(-87);
  });
});

describe('mode and account', () => {
  const create = (body: Record<string, unknown>) => t.http<{ id: string; apiKey: string; code: string; account: string; desiredState: State['desiredState'] }>('POST', '/agents', { body: { name: `m-${randomUUID()}`, ...body } });
  const change = (body: Record<string, unknown>, token = t.adminToken) => t.http<{ code: string; mode: string }>('PATCH', `/agents/${agent.id}`, { body, token });

  it('fit each other: only a live agent uses a live account, and it must name one that is there', async () => {
    expect((await create({ mode: 'live' })).body).toMatchObject({ status: 400, errors: [{ path: 'account' }] });
    expect((await create({ mode: 'live', account: 'nowhere' })).body).toMatchObject({ status: 409, code: 'ACCOUNT_UNKNOWN' });
    expect((await create({ mode: 'live', account: agent.name })).body).toMatchObject({ status: 409, code: 'ACCOUNT_KIND_MISMATCH' });
    for (const mode of ['paper', 'simulation']) expect((await create({ mode, account: liveAccount })).body).toMatchObject({ status: 409, code: 'ACCOUNT_KIND_MISMATCH' });
    expect((await change({ account: liveAccount })).body).toMatchObject({ status: 409, code: 'ACCOUNT_KIND_MISMATCH' });
    expect((await change({ mode: 'live' })).body).toMatchObject({ status: 409, code: 'ACCOUNT_KIND_MISMATCH' });
    expect((await change({ account: 'a new paper account' })).body).toMatchObject({ account: 'a new paper account', mode: 'paper' });
    expect(await t.db.query(`select kind from accounts where name = any('{nowhere,a new paper account}')`)).toEqual([{ kind: 'paper' }]);
  });

  it('the mode is changed by an administrator only', async () => {
    const operator = await t.person('operator');
    expect((await change({ mode: 'simulation' }, operator)).body).toMatchObject({ status: 403, code: 'ROLE_TOO_LOW' });
    expect((await change({ mode: 'paper', symbols: ['EURUSD'] }, operator)).status).toBe(200);
    expect((await change({ mode: 'simulation' })).body).toMatchObject({ mode: 'simulation' });
  });

  it('an agent that becomes live waits for a person to start it, as a new live one does', async () => {
    const made = await create({ mode: 'live', account: liveAccount });
    expect(made.body.desiredState).toMatchObject({ run: 'paused' });
    await beat({ status: 'running' });
    expect((await change({ mode: 'live', account: liveAccount })).status).toBe(200);
    expect(await state()).toMatchObject({ canTrade: false, desiredState: { run: 'paused', version: 2, reasons: [{ code: 'MODE_CHANGED' }] } });
    expect((await change({ mode: 'live', symbols: [] })).status).toBe(200);
    expect((await state()).desiredState.version).toBe(2);
  });

  it('a stopped agent stays stopped when it becomes live', async () => {
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'stop' } });
    await change({ mode: 'live', account: liveAccount });
    expect((await state()).desiredState.run).toBe('stopped');
  });

  it('a live agent names its running copy, and can trade only when its broker is known to allow it', async () => {
    const { body } = await create({ mode: 'live', account: liveAccount });
    const live: TestAgent = { ...agent, id: body.id, http: (method, path, ask = {}) => t.http(method, path, { ...ask, token: body.apiKey }) };
    expect((await beat({}, {}, live)).body).toMatchObject({ status: 400, code: 'INSTANCE_ID_REQUIRED' });
    expect((await state(live)).lastSeenAt).toBeNull();
    const copy = { 'x-instance-id': 'vps-1' };
    expect((await beat({ status: 'running' }, copy, live)).status).toBe(200);
    await t.http('POST', `/agents/${body.id}/commands`, { body: { type: 'start' } });
    expect(await state(live)).toMatchObject({ instanceId: 'vps-1', desiredState: { run: 'running' }, canTrade: false });
    await beat({ brokerConnected: true }, copy, live);
    expect((await state(live)).canTrade).toBe(false);
    await beat({ tradeAllowed: true }, copy, live);
    expect((await state(live)).canTrade).toBe(false);
    await live.http('POST', '/agents/me/positions', { body: { asOf: before(0), complete: true, positions: [], orders: [] }, headers: copy });
    expect((await state(live)).canTrade).toBe(true);
  });
});
