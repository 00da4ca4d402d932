import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Overview } from '../../src/overview/overview.schemas.js';
import { overviewSchema } from '../../src/overview/overview.schemas.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { clientOf } from '../support/http.js';
import { held, reportOf } from '../support/positions.js';
import { storeTrades } from '../support/trade-rows.js';

let t: TestApp;
let viewer: string;
let agent: TestAgent;
let accounts = 0;

beforeAll(async () => {
  t = await startTestApp();
  viewer = await t.person('viewer');
});
afterAll(() => t.close());

async function account(more: Record<string, unknown> = {}): Promise<{ id: string; name: string }> {
  const name = `overview ${++accounts}`;
  const made = await t.http<{ id: string }>('POST', '/accounts', { body: { name, kind: 'demo', currency: 'USD', marginMode: 'hedging', initialBalance: '10000', ...more } });
  expect(made.status).toBe(201);
  return { id: made.body.id, name };
}
const look = async (): Promise<Overview> => {
  const answer = await clientOf(t.base, viewer)<Overview>('GET', '/overview');
  if (answer.status !== 200) throw new Error(answer.text);
  // What the contract promises, field by field.
  expect(overviewSchema.safeParse(answer.body).error?.issues ?? []).toEqual([]);
  return answer.body;
};
const book = (seen: Overview, of = agent) => {
  const found = seen.accounts.find(({ id }) => id === of.accountId);
  if (!found) throw new Error('the book is not shown');
  return found;
};
const beat = (body: Record<string, unknown> = {}, of = agent) => of.http('POST', '/agents/me/heartbeat', { body: { status: 'running', asOf: new Date().toISOString(), ...body } });

beforeEach(async () => {
  const { name } = await account();
  agent = await t.agent({ account: name });
});

describe('the overview', () => {
  it('is for people only', async () => {
    expect((await agent.http('GET', '/overview')).status).toBe(403);
    expect((await clientOf(t.base)('GET', '/overview')).status).toBe(401);
    expect((await look()).serverTime).toEqual(expect.any(String));
  });
});
