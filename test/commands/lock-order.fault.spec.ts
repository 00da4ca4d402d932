import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startTestApp, type TestApp } from '../support/app.js';
import { until } from '../support/timing.js';

interface Leased { id: string; leaseToken: string }

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

const waiting = async () => (await t.db.query(`select 1 from pg_stat_activity where datname = current_database() and application_name = 'tradewarden' and wait_event_type = 'Lock'`)).length;

describe('what ends commands and changes their agent', () => {
  // What sets the run state holds the agent, and then its commands: the other way round they would meet in a deadlock, and a kill would wait a second for its end.
  it.each<[string, (command: Leased) => [string, object]]>([
    ['a completion', ({ id, leaseToken }) => [`/commands/${id}/complete`, { leaseToken }]],
    ['a sync', ({ id, leaseToken }) => ['/agents/me/sync', { syncSeq: 1, acks: [{ commandId: id, leaseToken, outcome: 'succeeded' }] }]],
  ])('%s waits for its agent before it holds a command', async (_what, requestOf) => {
    const agent = await t.agent();
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'update_config', payload: { config: { n: 1 } } } });
    const { body } = await agent.http<{ commands: [Leased] }>('POST', '/agents/me/commands/lease', { body: {} });
    const [path, ask] = requestOf(body.commands[0]);
    const holder = new pg.Client({ connectionString: t.db.adminUrl });
    await holder.connect();
    await holder.query('begin');
    await holder.query('select 1 from agents where id = $1 for no key update', [agent.id]);
    const answer = agent.http('POST', path, { body: ask });
    await until(async () => (await waiting()) > 0, 10_000);
    const free = await holder.query('select 1 from agent_commands where id = $1 for no key update skip locked', [body.commands[0].id]);
    await holder.query('rollback');
    await holder.end();
    expect([free.rowCount, (await answer).status]).toEqual([1, 200]);
    expect((await t.http('GET', `/agents/${agent.id}`)).body).toMatchObject({ config: { n: 1 } });
  });
});
