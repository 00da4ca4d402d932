import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

describe('agents', () => {
  it('shows the key of a new agent once, and a replay says that it was shown', async () => {
    const ask = { body: { name: 'alpha', mode: 'paper' }, headers: { 'idempotency-key': '"first"' } };
    const made = await t.http<{ id: string; apiKey: string; account: string }>('POST', '/agents', ask);
    expect(made.status).toBe(201);
    expect(made.body.apiKey).toMatch(/^tw_[\w-]{43}$/);
    expect(made.body.account).toBe('alpha');
    const again = await t.http('POST', '/agents', ask);
    expect(again.status).toBe(201);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.body).toMatchObject({ id: made.body.id, apiKey: null, secretAlreadyShown: true });
    expect(await t.db.query('select body::text as body from idempotency_keys')).toEqual([{ body: expect.not.stringContaining(made.body.apiKey) }]);
  });

  it('computes liveness from its own clock, never from what an agent claims', async () => {
    const agent = await t.agent();
    const state = async () => (await t.http<{ liveness: string; canTrade: boolean }>('GET', `/agents/${agent.id}/state`)).body;
    expect(await state()).toMatchObject({ liveness: 'offline', canTrade: false, openPositions: null, equity: null });
    const beat = await agent.http('POST', '/agents/me/heartbeat', { body: { status: 'running', equity: '10000.10', openPositions: 2 } });
    expect(beat.status).toBe(200);
    expect(beat.body).toMatchObject({ tradingLeaseSeconds: 60, heartbeatSeconds: 15, desiredState: { state: 'active', run: 'running' } });
    expect(await state()).toMatchObject({ liveness: 'online', canTrade: true, equity: '10000.1', openPositions: 2 });
    await t.db.advance(46);
    expect(await state()).toMatchObject({ liveness: 'suspect' });
    await t.db.advance(45);
    expect(await state()).toMatchObject({ liveness: 'offline', canTrade: false });
    await t.db.advance(-91);
  });
});
