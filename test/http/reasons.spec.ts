import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { Closing, leaseOne, openTrade } from '../support/closures.js';

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

const SECRET = 'hunter2hunter2';
const reason = `the terminal asked for password=${SECRET} again`;

/** Tables in which it stands, in any column. */
async function tablesWithSecret(): Promise<string[]> {
  const tables = await t.db.query<{ name: string }>(`select c.oid::regclass::text as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`);
  const found: string[] = [];
  for (const { name } of tables) {
    const [row] = await t.db.query<{ found: boolean }>(`select exists (select from ${name} x where x::text like $1) as found`, [`%${SECRET}%`]);
    if (row!.found) found.push(name);
  }
  return found;
}

const queue = async (type: string, payload: Record<string, unknown>) => {
  const made = await t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type, payload } });
  expect(made).toMatchObject({ status: 201 });
  return made.body.id;
};
/** A close of which nobody knows what became. */
const unknown = async () => {
  const id = await queue('close_trade', { tradeId: (await openTrade(agent)).id });
  const { leaseToken } = (await leaseOne(agent))!;
  const body = { leaseToken, outcome: 'unknown', error: { code: 'TIMEOUT', message: 'no answer' } };
  expect(await agent.http('POST', `/commands/${id}/fail`, { body })).toMatchObject({ status: 200, body: { status: 'unknown' } });
  return id;
};

describe('a credential in a reason is masked before it is stored', () => {
  it.each<[string, () => Promise<{ status: number }>]>([
    ['of a transition', async () => agent.http('POST', `/trades/${(await openTrade(agent)).id}/transitions`, { body: { to: 'closed', version: 1, exitPrice: '1.2', exitReason: 'signal', reason } })],
    ['of a fill that a person tells', async () => t.http('POST', `/trades/${(await openTrade(agent)).id}/fills`, { body: { brokerDealId: randomUUID(), role: 'exit', price: '1.2', size: '1', at: new Date().toISOString(), reason } })],
    ['in the payload of a command', () => t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'pause', payload: { reason } } })],
    ['of a cancelled command', async () => t.http('POST', `/commands/${await queue('reconcile', {})}/cancel`, { body: { reason } })],
    ['of a settled command', async () => t.http('POST', `/commands/${await unknown()}/settle`, { body: { outcome: 'not_sent', reason } })],
    ['of a closure that is withdrawn', async () => {
      const { id } = await openTrade(agent);
      const closing = new Closing(t);
      await closing.want({ tradeId: id });
      const [closure] = await closing.list(`tradeId=${id}`);
      return t.http('POST', `/closures/${closure!.id}/withdraw`, { body: { reason } });
    }],
  ])('%s', async (_, tell) => {
    const { status } = await tell();
    expect([200, 201]).toContain(status);
    expect(await tablesWithSecret()).toEqual([]);
  });
});
