import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { cli } from '../support/cli.js';
import { freezeClock } from '../support/frozen-clock.js';
import { clientOf } from '../support/http.js';

let t: TestApp;
let env: Record<string, string>;
beforeAll(async () => {
  t = await startTestApp();
  env = { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl };
});
afterAll(() => t.close());

const signIn = (email: string, password: string) => clientOf(t.base)<{ accessToken: string }>('POST', '/auth/login', { body: { email, password } });

describe('user:create', () => {
  it('makes a person whose password is shown once, and who can sign in', async () => {
    const run = await cli<{ id: string; password: string }>(['user:create', 'Ann@Example.com', '--role', 'operator', '--name', 'Ann', '--json'], env);
    expect(run).toMatchObject({ code: 0, stderr: '', json: { email: 'ann@example.com', role: 'operator', name: 'Ann', password: expect.stringMatching(/^[\w-]{24}$/) } });
    expect((await signIn('ann@example.com', run.json.password)).status).toBe(200);
    expect(await t.db.query(`select actor, data from events where type = 'user.created' and subject_id = $1`, [run.json.id])).toEqual([{ actor: 'system', data: { role: 'operator' } }]);
    expect(await t.db.query(`select kind, email, user_agent from auth_audit where user_id = $1 order by seq limit 1`, [run.json.id])).toEqual([
      { kind: 'user_created', email: 'ann@example.com', user_agent: 'tradewarden command line' },
    ]);
  });

  it('takes the password from stdin and does not show it', async () => {
    const run = await cli(['user:create', 'bob@example.com', '--role', 'viewer', '--password', 'stdin'], env, 'correct horse battery staple\n');
    expect(run).toMatchObject({ code: 0, stdout: 'Made viewer bob@example.com.\n' });
    expect((await signIn('bob@example.com', 'correct horse battery staple')).status).toBe(200);
  });

  it('makes nobody for an address that is taken, a password that is short, or none at all', async () => {
    expect(await cli(['user:create', 'bob@example.com', '--role', 'admin', '--json'], env)).toMatchObject({ code: 1, json: { error: { code: 'EMAIL_TAKEN' } } });
    expect(await cli(['user:create', 'carl@example.com', '--role', 'admin', '--password', 'stdin'], env, 'short\n')).toMatchObject({ code: 2, stdout: '' });
    expect(await cli(['user:create', 'carl@example.com', '--role', 'admin', '--password', 'stdin'], env)).toMatchObject({ code: 2, stdout: '' });
    expect(await cli(['user:create', 'carl@example.com', '--role', 'admin', '--password', 'prompt'], env)).toMatchObject({ code: 2, stderr: expect.stringContaining('no terminal') });
    expect(await t.db.query(`select role from users where email in ('bob@example.com', 'carl@example.com')`)).toEqual([{ role: 'viewer' }]);
  });
});

describe('user:password', () => {
  it('gives another password and ends the sessions', async () => {
    const { body } = await signIn('bob@example.com', 'correct horse battery staple');
    const me = () => clientOf(t.base, body.accessToken)('GET', '/auth/me');
    expect((await me()).status).toBe(200);
    const run = await cli<{ password: string }>(['user:password', 'bob@example.com', '--json'], env);
    expect(run.code).toBe(0);
    expect((await me()).status).toBe(401);
    expect((await signIn('bob@example.com', 'correct horse battery staple')).status).toBe(401);
    expect((await signIn('bob@example.com', run.json.password)).status).toBe(200);
  });

  it('of nobody is a failure', async () => {
    expect(await cli(['user:password', 'nobody@example.com'], env)).toMatchObject({ code: 1, stdout: '', stderr: 'No such user.\n' });
  });
});

describe('key:create', () => {
  it('makes a key for an agent by its name, with scopes and an end, which works at once and is stored as a hash', async () => {
    const agent = await t.agent();
    const expires = new Date(Date.now() + 86_400_000).toISOString();
    const run = await cli<{ id: string; apiKey: string }>(['key:create', agent.name, '--name', 'second', '--scopes', 'commands', '--expires', expires, '--json'], env);
    expect(run).toMatchObject({ code: 0, stderr: '', json: { agentId: agent.id, name: 'second', scopes: ['commands'], expiresAt: expires } });
    const http = clientOf(t.base, run.json.apiKey);
    expect((await http('POST', '/agents/me/commands/lease', { body: {} })).status).toBe(200);
    expect((await http('POST', '/predictions', { body: {} })).status).toBe(403);
    expect(await t.db.query(`select created_by from api_keys where id = $1 and strpos(api_keys::text, $2) = 0`, [run.json.id, run.json.apiKey])).toEqual([{ created_by: 'system' }]);
    expect(await t.db.query(`select actor, agent_id from events where type = 'key.created' and subject_id = $1`, [run.json.id])).toEqual([{ actor: 'system', agent_id: agent.id }]);
  });

  it('takes the agent by its id too, and gives all scopes and no limit where none are named', async () => {
    const agent = await t.agent();
    const run = await cli(['key:create', agent.id, '--name', 'third'], env);
    expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining(`Made the key "third" for ${agent.name} (commands, records, ideas).\n`) });
    const key = /^Key \(shown once\): (tw_\S+)$/m.exec(run.stdout)?.[1] ?? null;
    expect((await clientOf(t.base, key)('GET', '/agents/me')).status).toBe(200);
  });

  it('makes one with a limit, which holds', async () => {
    const agent = await t.agent();
    const run = await cli(['key:create', agent.name, '--name', 'slow', '--scopes', 'records', '--rate-limit-per-second', '2'], env);
    expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining(`Made the key "slow" for ${agent.name} (records, at most 2 requests a second).\n`) });
    const http = clientOf(t.base, /^Key \(shown once\): (tw_\S+)$/m.exec(run.stdout)?.[1] ?? null);
    // All in one second, however many a slow machine takes for them.
    await freezeClock(t.db);
    const answers = await Promise.all(Array.from({ length: 20 }, () => http('GET', '/agents/me')));
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(18);
    const { body } = await t.http<{ items: object[] }>('GET', `/agents/${agent.id}/keys`);
    expect(body.items[1]).toMatchObject({ name: 'slow', rateLimitPerSecond: 2 });
    expect((await cli<object>(['key:create', agent.name, '--name', 'wide', '--rate-limit-per-second', '10000', '--json'], env)).json).toMatchObject({ rateLimitPerSecond: 10_000 });
  });

  it('makes none for an agent that is not there or retired, nor one that has ended already', async () => {
    const agent = await t.agent();
    await t.http('PATCH', `/agents/${agent.id}`, { body: { retired: true } });
    expect(await cli(['key:create', agent.name, '--name', 'k', '--json'], env)).toMatchObject({ code: 1, json: { error: { code: 'AGENT_RETIRED' } } });
    expect(await cli(['key:create', 'nobody', '--name', 'k', '--json'], env)).toMatchObject({ code: 1, json: { error: { code: 'NOT_FOUND' } } });
    const other = await t.agent();
    expect((await cli(['key:create', other.name, '--name', 'k', '--expires', '2020-01-01T00:00:00Z'], env)).code).not.toBe(0);
    expect(await t.db.query(`select count(*)::int as n from api_keys where agent_id = $1`, [other.id])).toEqual([{ n: 1 }]);
  });
});
