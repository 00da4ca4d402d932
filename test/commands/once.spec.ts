import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { CommandsRepository } from '../../src/commands/commands.repository.js';
import { LeaseRepository } from '../../src/commands/lease.repository.js';
import { Sweeper } from '../../src/commands/sweeper.js';
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

interface Leased { id: string; leaseToken: string }

/** As the gate will make it: nothing above HTTP can. */
async function queueOpening(): Promise<string> {
  const row = await t.app.get(DataSource).transaction((tx) =>
    t.app.get(CommandsRepository).insert(tx, {
      id: randomUUID(), agentId: agent.id, type: 'open_trade', class: 'opens', once: true, payload: {}, priority: 2, notBefore: null, expiresAt: null,
      maxAttempts: 5, tradeId: null, actor: 'system', correlationId: null,
    }));
  return row.id;
}
const lease = async (): Promise<Leased[]> =>
  (await agent.http<{ commands: Leased[] }>('POST', '/agents/me/commands/lease', { body: { leaseSeconds: 900, max: 100 } })).body.commands;
const status = async (id: string) => (await t.http<{ status: string }>('GET', `/commands/${id}`)).body.status;

describe('an opening', () => {
  it('is handed out once: a lapsed lease leaves it unknown, whatever the clock says after', async () => {
    const id = await queueOpening();
    expect((await lease()).map((command) => command.id)).toEqual([id]);
    for (const seconds of [901, 600, 86_400]) {
      await t.db.advance(seconds);
      await t.app.get(Sweeper).sweep();
      // Its agent is asked what became of it, at some moment.
      expect((await lease()).map((command) => command.id)).not.toContain(id);
      expect(await status(id)).toBe('unknown');
    }
    expect((await t.http('POST', `/commands/${id}/requeue`, { body: {} })).status).toBe(409);
    await t.db.advance(-(901 + 600 + 86_400));
  });

  it('is never given back when its answer was lost: a byte of it may have arrived', async () => {
    const id = await queueOpening();
    const [command] = await lease();
    expect(await t.app.get(LeaseRepository).giveBack([command?.leaseToken ?? ''], false)).toEqual([]);
    expect(await status(id)).toBe('leased');
  });

  it('comes not again after not_sent by itself: the gate decides anew', async () => {
    const id = await queueOpening();
    const [command] = await lease();
    await agent.http('POST', `/commands/${id}/fail`, {
      body: { leaseToken: command?.leaseToken, outcome: 'not_sent', retryable: true, error: { code: 'PRICE_MOVED', message: '' } },
    });
    expect(await status(id)).toBe('failed');
  });

  it('goes to one of sixteen concurrent leases', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, queueOpening));
    const handed = (await Promise.all(Array.from({ length: 16 }, lease))).flat().map((command) => command.id);
    expect(handed.sort()).toEqual(ids.sort());
  });
});
