import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Uptime } from '../../src/agents/uptime.service.js';
import { WindDownService } from '../../src/supervisor/wind-down.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { Closing, openTrade } from '../support/closures.js';
import { stopClock } from '../support/frozen-clock.js';
import { clientOf } from '../support/http.js';

let t: TestApp;
let closing: Closing;
let agent: TestAgent;
// The clock is moved, and moves by nothing else: each test has a database of its own.
beforeEach(async () => {
  t = await startTestApp();
  closing = new Closing(t);
  agent = await t.agent({ windDownPolicy: 'flatten' });
  await stopClock(t.db);
});
afterEach(() => t.close());

const beat = (instance = 'one', http = agent.http) => http('POST', '/agents/me/heartbeat', { body: { status: 'running' }, headers: { 'x-instance-id': instance } });
/** Time passes, and this server is well all the while. */
const pass = async (seconds: number, on = t) => {
  await t.db.advance(seconds);
  await on.app.get(Uptime).beat();
};
const look = (on = t) => on.app.get(WindDownService).look();
const wanted = () => closing.list(`agentId=${agent.id}&open=true`);
const incidents = async () => (await t.http<{ items: { data: object }[] }>('GET', `/incidents?agentId=${agent.id}&kind=WIND_DOWN&status=open`)).body.items;
/** The server ends, time passes, and another begins: what a restart is. */
const away = async (seconds: number): Promise<TestApp> => {
  await t.app.close();
  await t.db.advance(seconds);
  const next = await t.second();
  closing = new Closing(next);
  return next;
};

describe('an agent that is silent', () => {
  it('has its trades closed when its policy says so, after the seconds that it says, once, with an incident', async () => {
    const trades = [await openTrade(agent), await openTrade(agent)];
    await beat();
    await pass(895);
    await look();
    expect(await wanted()).toEqual([]);
    await pass(10);
    await Promise.all([look(), look()]);
    expect((await wanted()).map(({ tradeId, cause }) => [tradeId, cause]).sort()).toEqual(trades.map(({ id }) => [id, 'wind_down']).sort());
    expect(await incidents()).toMatchObject([{ data: { count: 2 } }]);
    for (const { id } of await wanted()) await t.http('POST', `/closures/${id}/withdraw`, { body: { reason: 'mine' } });
    await pass(1_000);
    await look();
    expect([await wanted(), await incidents()]).toEqual([[], []]);
    // Silent anew, it is closed anew.
    await beat();
    await pass(905);
    await look();
    expect(await wanted()).toHaveLength(2);
  });

  it.each<[string, object]>([['keep', { windDownPolicy: 'keep' }], ['flatten, but it was told to stop', {}]])('keeps its trades with policy %s', async (_policy, change) => {
    await t.http('PATCH', `/agents/${agent.id}`, { body: { windDownAfterSeconds: 60, ...change } });
    await openTrade(agent);
    await beat();
    if (Object.keys(change).length === 0) await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'stop' } });
    await pass(10_000);
    await look();
    expect(await wanted()).toEqual([]);
  });

  it('keeps them when it was never heard, or was heard in between', async () => {
    await openTrade(agent);
    await pass(2_000);
    await look();
    await beat();
    await pass(600);
    await beat();
    await pass(600);
    await look();
    expect(await wanted()).toEqual([]);
  });

  it('has 900 seconds unless its configuration says otherwise, from 60 to a week', async () => {
    const get = async () => (await t.http<{ windDownAfterSeconds: number }>('GET', `/agents/${agent.id}`)).body.windDownAfterSeconds;
    expect(await get()).toBe(900);
    for (const windDownAfterSeconds of [59, 604_801, 1.5, null]) {
      expect(await t.http('PATCH', `/agents/${agent.id}`, { body: { windDownAfterSeconds } })).toMatchObject({ status: 400, body: { errors: [{ path: 'windDownAfterSeconds' }] } });
    }
    expect((await t.http('PATCH', `/agents/${agent.id}`, { body: { windDownAfterSeconds: 60 } })).status).toBe(200);
    expect(await get()).toBe(60);
    await openTrade(agent);
    await beat();
    await pass(65);
    await look();
    expect(await wanted()).toHaveLength(1);
  });
});

describe('time in which no server was well', () => {
  it('is not the silence of an agent, and three heartbeats of grace come after it', async () => {
    await openTrade(agent);
    await beat();
    const next = await away(2_000);
    try {
      await look(next);
      expect(await wanted()).toEqual([]);
      await pass(880, next);
      await look(next);
      expect(await wanted()).toEqual([]);
      await pass(30, next);
      await look(next);
      expect(await wanted()).toHaveLength(1);
    } finally {
      await next.close();
    }
  });

  it('gives an agent that had been silent before it 45 s to come back', async () => {
    await openTrade(agent);
    await beat();
    await pass(890);
    const next = await away(300);
    try {
      await pass(35, next);
      await look(next);
      expect(await wanted()).toEqual([]);
      await pass(15, next);
      await look(next);
      expect(await wanted()).toHaveLength(1);
    } finally {
      await next.close();
    }
  });

  it('takes no trading lease away: it has 45 s from then on, in which another copy is refused', async () => {
    await beat('one');
    const next = await away(600);
    try {
      const http = clientOf(next.base, agent.apiKey);
      expect(await beat('two', http)).toMatchObject({ status: 409, body: { code: 'AGENT_INSTANCE_CONFLICT' } });
      await pass(40, next);
      expect(await beat('two', http)).toMatchObject({ status: 409 });
      await pass(10, next);
      expect((await beat('two', http)).status).toBe(200);
    } finally {
      await next.close();
    }
  });

  it('gives no lease to a copy that had none when it began: one that stopped, or had lapsed', async () => {
    await agent.http('POST', '/agents/me/heartbeat', { body: { status: 'stopped' }, headers: { 'x-instance-id': 'one' } });
    const lapsed = await t.agent();
    await beat('one', lapsed.http);
    await pass(65);
    const next = await away(600);
    try {
      for (const each of [agent, lapsed]) expect((await beat('two', clientOf(next.base, each.apiKey))).status).toBe(200);
    } finally {
      await next.close();
    }
  });

  it('is not counted before it is written down', async () => {
    await openTrade(agent);
    await beat();
    await t.db.advance(2_000);
    await look();
    expect(await wanted()).toEqual([]);
  });

  it('is none when the clock of the database was set while this server was well', async () => {
    await beat('one');
    await pass(600);
    expect(await t.db.query('select 1 from server_gaps')).toEqual([]);
    expect((await beat('two')).status).toBe(200);
  });

  it('is written down once by servers that come back together', async () => {
    await t.app.close();
    await t.db.advance(600);
    const back = await Promise.all([t.second(), t.second(), t.second()]);
    try {
      expect(await t.db.query('select 1 from server_gaps')).toHaveLength(1);
    } finally {
      for (const each of back) await each.close();
    }
  });
});
