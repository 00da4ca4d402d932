import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { cli } from '../support/cli.js';
import { type Halt, lease, queueOpening, type Release } from '../support/halts.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { held, reportOf } from '../support/positions.js';

let t: TestApp;
let env: Record<string, string>;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  env = { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl };
  agent = await t.agent();
});
afterAll(() => t.close());

describe('halt, status and release, at the command line', () => {
  it('stop a server that runs: what is queued ends, and a poll that waits is told', async () => {
    const opening = await queueOpening(t, agent);
    await t.db.query(`update agent_commands set not_before = app_clock() + interval '1 hour' where id = $1`, [opening]);
    // Again when its time is up, as agents poll: a process may take longer to start.
    const told = async () => {
      for (;;) {
        const { desiredState } = (await lease(agent, { waitSeconds: 25 })).body;
        if (desiredState.state !== 'active') return desiredState;
      }
    };
    const waiting = told();
    const { code, json } = await cli<Halt>(['halt', '--scope', 'account', '--id', agent.name, '--mode', 'reduce', '--reason', 'from the terminal', '--json'], env);
    expect([code, json.scope.id, json.by, json.effectiveAt !== null]).toEqual([0, agent.accountId, 'system', true]);
    expect(await waiting).toMatchObject({ state: 'reducing', reasons: [{ haltId: json.id, reason: 'from the terminal' }] });
    expect((await t.http('GET', `/commands/${opening}`)).body).toMatchObject({ status: 'cancelled' });

    const status = await cli<{ safe: boolean; halted: boolean; halts: { id: string }[] }>(['status', '--json'], env);
    expect([status.code, status.json.halted, status.json.halts.map(({ id }) => id)]).toEqual([3, true, [json.id]]);
    expect((await cli(['status'], env)).stdout).toContain(`halted   account ${agent.name} (reduce) since `);
    expect(await cli(['release', json.id, '--reason', 'well', '--json'], env)).toMatchObject({ code: 2 });
    expect(await cli(['release', json.id, '--reason', 'well', '--confirm', 'RELEASE', '--json'], { ...env, TWO_PERSON_RELEASE: 'on' })).toMatchObject({ code: 1, json: { error: { code: 'TWO_PERSON_RELEASE' } } });
    const released = await cli<Release>(['release', json.id, '--reason', 'well', '--confirm', 'RELEASE', '--json'], env);
    expect([released.code, released.json.released, released.json.halt.released?.by]).toEqual([0, true, 'system']);
    expect(await cli(['status', '--json'], env)).toMatchObject({ json: { halted: false, halts: [] } });
  });

  it('work while no server runs, and hold the one that starts after them', async () => {
    const db: TestDatabase = await createTestDatabase();
    try {
      const { code, stdout } = await cli(['halt', '--reason', 'nobody is there'], { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl });
      expect([code, stdout]).toEqual([0, expect.stringContaining('Halted global (halt)')]);
      const later = await startTestApp({}, db);
      try {
        expect((await later.http('GET', '/kill-switch?active=true')).body).toMatchObject({ items: [{ reason: 'nobody is there', scope: { type: 'global' } }] });
        expect((await later.http('POST', `/agents/${(await later.agent()).id}/commands`, { body: { type: 'custom' } })).status).toBe(409);
      } finally {
        await later.close();
      }
    } finally {
      await db.drop();
    }
  });

  it('refuse what is no scope, mode or halt', async () => {
    for (const wrong of [['halt'], ['halt', '--reason', 'x', '--scope', 'agent'], ['halt', '--reason', 'x', '--mode', 'stop'], ['halt', '--reason', 'x', '--scope', 'all'], ['release', 'it', '--reason', 'x', '--confirm', 'RELEASE']]) {
      expect([wrong, (await cli(wrong, env)).code]).toEqual([wrong, 2]);
    }
    expect(await cli(['halt', '--scope', 'agent', '--id', 'nobody', '--reason', 'x', '--json'], env)).toMatchObject({ code: 1, json: { error: { code: 'NOT_FOUND' } } });
    expect(await t.db.query('select 1 from halts where released_at is null')).toEqual([]);
  });
});

describe('positions, at the command line', () => {
  it('are what brokers show, account by account', async () => {
    expect(await cli(['positions', '--account', agent.name], env)).toMatchObject({ code: 0, stdout: 'No broker shows a position.\n' });
    await agent.http('POST', '/agents/me/positions', { body: reportOf({ positions: [held({ stopLoss: '1.05' })] }) });
    const { code, json } = await cli<{ accounts: { account: string; positions: { symbol: string; size: string }[] }[] }>(['positions', '--json'], env);
    expect([code, json.accounts]).toMatchObject([0, [{ account: agent.name, positions: [{ symbol: 'EURUSD', size: '0.1', stopLoss: '1.05' }] }]]);
    expect(await cli(['positions', '--account', 'nobody'], env)).toMatchObject({ code: 1 });
  });
});
