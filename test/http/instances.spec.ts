import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';

let t: TestApp;
let second: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const as = (instanceId: string) => ({ 'x-instance-id': instanceId });
const beat = (instanceId: string, body: Record<string, unknown> = {}) => agent.http<{ code: string; detail: string }>('POST', '/agents/me/heartbeat', { body, headers: as(instanceId) });
const lease = (instanceId: string) => agent.http<{ code: string; commands: { id: string; leaseToken: string }[] }>('POST', '/agents/me/commands/lease', { headers: as(instanceId) });
const queue = () => t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'reconcile' } });
const conflicts = () => t.db.query<{ data: { holder: string; refused: string } }>(`select data from events where agent_id = $1 and type = 'agent.instance_conflict' order by seq`, [agent.id]);
const instanceOf = async () => (await t.http<{ instanceId: string; equity: string | null }>('GET', `/agents/${agent.id}/state`)).body;

describe('two running copies of one agent', () => {
  it('the first holds the trading lease; the second gets 409, and changes nothing', async () => {
    expect((await beat('one', { status: 'running', equity: '100' })).status).toBe(200);
    const refused = await beat('two', { status: 'running', equity: '7' });
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({ code: 'AGENT_INSTANCE_CONFLICT', retryable: false, detail: expect.stringMatching(/\(one\).*\(two\)/) });
    expect(await instanceOf()).toMatchObject({ instanceId: 'one', equity: '100' });
    expect((await beat('one')).status).toBe(200);
  });

  it('hands no command to the second, and keeps it for the first', async () => {
    await beat('one');
    const { body: command } = await queue();
    expect(await lease('two')).toMatchObject({ status: 409, body: { code: 'AGENT_INSTANCE_CONFLICT' } });
    expect((await lease('one')).body.commands.map(({ id }) => id)).toEqual([command.id]);
  });

  it('refuses a poll that waited while another copy took the lease', async () => {
    const waiting = agent.http<{ code: string }>('POST', '/agents/me/commands/lease', { body: { waitSeconds: 20 }, headers: as('two') });
    await beat('one');
    await queue();
    expect(await waiting).toMatchObject({ status: 409, body: { code: 'AGENT_INSTANCE_CONFLICT' } });
    expect((await lease('one')).body.commands).toHaveLength(1);
  });

  it('lets the second finish what it had leased before: facts are welcome', async () => {
    const { body: command } = await queue();
    const [leased] = (await lease('two')).body.commands;
    await beat('one');
    const done = await agent.http('POST', `/commands/${command.id}/complete`, { body: { leaseToken: leased?.leaseToken }, headers: as('two') });
    expect(done.status).toBe(200);
  });

  it('lets the second take over when the first has been silent for a minute', async () => {
    await beat('one');
    // As long before the end of the minute as this line may take.
    await t.db.advance(20);
    expect((await beat('two')).status).toBe(409);
    await t.db.advance(41);
    expect((await beat('two')).status).toBe(200);
    expect((await beat('one')).status).toBe(409);
    await t.db.advance(-61);
  });

  it('lets the second take over at once when the first says that it stops', async () => {
    await beat('one', { status: 'running' });
    await beat('one', { status: 'stopped' });
    expect((await beat('two')).status).toBe(200);
  });

  it('writes both names into the log once for each stranger in five minutes, however often it asks', async () => {
    await beat('one');
    for (let i = 0; i < 3; i++) await beat('two');
    await lease('two');
    await beat('three');
    expect((await conflicts()).map(({ data }) => data)).toEqual([{ holder: 'one', refused: 'two' }, { holder: 'one', refused: 'three' }]);
    for (let i = 0; i < 3; i++) for (const stranger of ['two', 'three']) await beat(stranger);
    expect(await conflicts()).toHaveLength(2);
    await t.db.advance(301);
    await beat('one');
    await beat('three');
    expect(await conflicts()).toHaveLength(3);
    await t.db.advance(-301);
  });

  it('does not fill the log with copies that give themselves a new name each time they ask', async () => {
    await beat('one');
    const copies = Array.from({ length: 60 }, (_, n) => `loop-${n}`);
    await Promise.all(copies.map((copy) => beat(copy)));
    expect((await conflicts()).length).toBe(20);
  });

  it('gives the lease to one of twenty copies that begin together on two servers', async () => {
    const copies = Array.from({ length: 20 }, (_, n) => `copy-${n}`);
    const over = (n: number) => (n % 2 === 0 ? t : second);
    const answers = await Promise.all(copies.map((copy, n) => fetch(`${over(n).base}/api/v1/agents/me/heartbeat`, { method: 'POST', headers: { ...as(copy), authorization: `Bearer ${agent.apiKey}` } })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(19);
  });
});
