import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { TradesService } from '../../src/trades/trades.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

let orders = 0;
const order = (more: Record<string, unknown> = {}) => ({ clientOrderId: `o-${++orders}`, symbol: 'EURUSD', direction: 'long', lotSize: '0.10', ...more });
const entered = (more: Record<string, unknown> = {}) => order({ entryPrice: '1.1', entryTime: '2026-01-05T10:00:00Z', ...more });
const post = async (body: Record<string, unknown>): Promise<{ id: string }> => (await agent.http<{ id: string }>('POST', '/trades', { body })).body;

describe('what the queue asks of trades', () => {
  it('is the size that may be closed, which is all of it while nobody knows, and how many are unfinished', async () => {
    const service = t.app.get(TradesService);
    const dataSource = t.app.get(DataSource);
    const ask = (id: string, agentId = agent.id) => dataSource.transaction((tx) => service.openSize(tx, agentId, id));
    const open = await post(entered({ stopLoss: '1.05' }));
    const pending = await post(order());
    expect(await ask(open.id)).toEqual({ status: 'open', openSize: '0.1', stopLoss: '1.05', direction: 'long' });
    expect(await ask(pending.id)).toMatchObject({ status: 'pending', openSize: '0' });
    expect(await ask(open.id, (await t.agent()).id)).toBeNull();
    expect(await ask('019a0000-0000-7000-8000-00000000dead')).toBeNull();
    const counted = () => dataSource.transaction((tx) => service.openCount(tx, agent.id));
    expect(await counted()).toBe(2);
    await agent.http('POST', `/trades/${pending.id}/transitions`, { body: { to: 'cancelled', version: 1 } });
    await agent.http('POST', `/trades/${open.id}/transitions`, { body: { to: 'unknown', version: 1 } });
    expect(await counted()).toBe(1);
    expect(await ask(open.id)).toMatchObject({ status: 'unknown', openSize: '0.1' });
  });

  it('locks the trade until the end of the transaction, but not those who refer to it', async () => {
    const service = t.app.get(TradesService);
    const trade = await post(entered());
    let moved = false;
    let waiting: Promise<unknown> = Promise.resolve();
    await t.app.get(DataSource).transaction(async (tx) => {
      await service.openSize(tx, agent.id, trade.id);
      waiting = agent.http('POST', `/trades/${trade.id}/transitions`, { body: { to: 'closing', version: 1 } }).then(() => (moved = true));
      expect((await agent.http('POST', `/trades/${trade.id}/explanations`, { body: { kind: 'review', explanation: 'x' } })).status).toBe(201);
      while ((await t.db.query('select 1 from pg_locks where not granted')).length === 0 && !moved) await pause(5);
      expect(moved).toBe(false);
    });
    await waiting;
    expect(moved).toBe(true);
  });
});
