import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { clientOf, withinASecond } from '../support/http.js';
import { rawRequest } from '../support/raw-http.js';

interface Key { id: string; apiKey: string; name: string; prefix: string; scopes: string[]; expiresAt: string | null; revokedAt: string | null; lastUsedAt: string | null }

let t: TestApp;
let other: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  other = await t.second();
  agent = await t.agent();
});
afterAll(async () => {
  await other.close();
  await t.close();
});

const newKey = async (body: Record<string, unknown> = {}, id = agent.id) => {
  const made = await t.http<Key>('POST', `/agents/${id}/keys`, { body: { name: 'second', ...body } });
  if (made.status !== 201) throw new Error(made.text);
  return made.body;
};
const asked = (token: string, base = t.base) => clientOf(base)('GET', '/agents/me', { token });
const stored = async (id: string) => (await t.db.query<{ row: string }>('select k::text as row from api_keys k where id = $1', [id]))[0]?.row ?? '';

describe('a key', () => {
  it('is shown once and stored only as its SHA-256', async () => {
    const ask = { body: { name: 'shown', scopes: ['records'], expiresAt: '2099-01-01T00:00:00Z' }, headers: { 'idempotency-key': 'shown-once' } };
    const made = await t.http<Key>('POST', `/agents/${agent.id}/keys`, ask);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: 'shown', scopes: ['records'], expiresAt: '2099-01-01T00:00:00.000Z', revokedAt: null, lastUsedAt: null });
    expect(made.body.apiKey).toMatch(/^tw_[\w-]{43}$/);
    const again = await t.http('POST', `/agents/${agent.id}/keys`, ask);
    expect(again.body).toMatchObject({ id: made.body.id, apiKey: null, secretAlreadyShown: true });
    const list = await t.http<{ items: Key[] }>('GET', `/agents/${agent.id}/keys`);
    expect(list.body.items.map(({ name }) => name)).toEqual(['first', 'shown']);
    expect(list.body.items[1]?.prefix).toBe(made.body.apiKey.slice(0, 9));
    for (const text of [list.text, again.text, await stored(made.body.id)]) expect(text).not.toContain(made.body.apiKey.slice(10));
    expect(await stored(made.body.id)).toContain(createHash('sha256').update(made.body.apiKey).digest('hex'));
    const [admin] = (await t.http<{ items: { id: string }[] }>('GET', '/users?limit=1')).body.items;
    expect(await t.db.query('select kind, actor, agent_id, user_id from auth_audit where key_id = $1', [made.body.id])).toEqual([
      { kind: 'key_created', actor: `user:${admin?.id}`, agent_id: agent.id, user_id: null },
    ]);
    const everywhere = await t.db.query<{ row: string }>('select x::text as row from idempotency_keys x union all select x::text from events x union all select x::text from auth_audit x');
    for (const { row } of everywhere) expect(row).not.toContain(made.body.apiKey.slice(10));
  });

  it('is taken in both header forms, and the bearer token counts when they differ', async () => {
    const { apiKey } = await newKey();
    const guest = clientOf(t.base);
    for (const [name, value] of [['authorization', `Bearer ${apiKey}`], ['authorization', `bearer  ${apiKey} `], ['x-api-key', apiKey]] as const) {
      expect((await guest('GET', '/agents/me', { headers: { [name]: value } })).body).toMatchObject({ id: agent.id });
    }
    expect((await guest('GET', '/agents/me', { headers: { authorization: 'Bearer wrong', 'x-api-key': apiKey } })).status).toBe(401);
    expect((await guest('GET', '/agents/me', { headers: { authorization: `Bearer ${apiKey}`, 'x-api-key': 'tw_wrong' } })).status).toBe(200);
  });

  it.each([
    'Bearer', 'Bearer ', 'Basic YWRtaW46YWRtaW4=', 'tw_', 'Bearer tw_', 'Bearer a b', 'Bearer null', 'Bearer undefined', 'Bearer tw_\u00ff', '{}', 'Bearer ..',
    `Bearer tw_' or '1'='1`, 'Bearer eyJhbGciOiJub25lIn0.e30.', 'Bearer tw_10000×', 'Bearer 10000×',
  ])('a header "%s" is refused and does no harm', async (written) => {
    const authorization = written.replace('10000×', 'x'.repeat(10_000));
    const answer = await clientOf(t.base)('GET', '/agents/me', { headers: { authorization } });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expect(answer.headers.get('x-desired-state')).toBeNull();
  });

  it('in a header larger than 16 KiB is answered 431 as a problem', async () => {
    const answer = await rawRequest(t.base, `GET /api/v1/agents/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tw_${'x'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatchObject({ status: 431, body: { code: 'HEADERS_TOO_LARGE', correlationId: expect.any(String) } });
  });

  it.each(['tw_never-given', 'something else'])('"%s" in X-API-Key is written down, as a digest', async (key) => {
    const before = (await t.db.query(`select 1 from auth_audit where kind = 'credential_refused'`)).length;
    expect((await clientOf(t.base)('GET', '/agents/me', { headers: { 'x-api-key': key } })).body).toMatchObject({ code: 'KEY_REFUSED' });
    const rows = await t.db.query<{ presented_digest: string }>(`select * from auth_audit where kind = 'credential_refused' order by seq`);
    expect(rows).toHaveLength(before + 1);
    expect(rows.at(-1)?.presented_digest).toMatch(/^[0-9a-f]{32}$/);
  });

  it('says whom it speaks for: "me" is its agent, another agent is forbidden, and a person has no "me"', async () => {
    const stranger = await t.agent();
    expect((await agent.http('GET', '/agents/me')).body).toMatchObject({ id: agent.id });
    expect((await agent.http('GET', `/agents/${agent.id.toUpperCase()}`)).body).toMatchObject({ id: agent.id });
    for (const id of [stranger.id, '00000000-0000-7000-8000-000000000000', 'not-an-id']) {
      expect(await agent.http('GET', `/agents/${id}`)).toMatchObject({ status: 403, body: { code: 'NOT_YOUR_AGENT' } });
    }
    expect((await agent.http<{ items: { id: string }[] }>('GET', '/agents')).body.items.map(({ id }) => id)).toEqual([agent.id]);
    expect((await t.http('GET', '/agents/me')).body).toMatchObject({ status: 400, code: 'NOT_AN_AGENT' });
  });

  it('makes no commands, people, keys or agents', async () => {
    const asks: [string, string, object][] = [
      ['POST', `/agents/me/commands`, { type: 'custom' }], ['POST', '/users', { email: 'a@example.com', role: 'admin', password: 'x'.repeat(20) }],
      ['POST', '/agents/me/keys', { name: 'x' }], ['POST', '/agents', { name: 'x', mode: 'paper' }], ['PATCH', '/agents/me', { mode: 'live' }],
    ];
    for (const [method, path, body] of asks) expect(await agent.http(method, path, { body })).toMatchObject({ status: 403, body: { code: 'ONLY_PEOPLE' } });
  });

  it('has only scopes that there are, and never a past expiry', async () => {
    for (const [body, path] of [[{ scopes: ['admin'] }, 'scopes.0'], [{ scopes: 'records' }, 'scopes'], [{ expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'], [{ name: '' }, 'name']] as const) {
      const answer = await t.http<{ errors: { path: string }[] }>('POST', `/agents/${agent.id}/keys`, { body: { name: 'x', ...body } });
      expect([answer.status, answer.body.errors[0]?.path]).toEqual([400, path]);
    }
    expect((await newKey({ scopes: ['records', 'records'] })).scopes).toEqual(['records']);
  });
});

describe('the end of a key', () => {
  it('comes with its expiry, within a second, on every instance', async () => {
    const { apiKey } = await newKey({ expiresAt: new Date(Date.now() + 60_000).toISOString() });
    expect((await asked(apiKey)).status).toBe(200);
    await t.db.advance(61);
    await withinASecond(async () => expect([(await asked(apiKey)).status, (await asked(apiKey, other.base)).status]).toEqual([401, 401]));
    await t.db.advance(-61);
  });

  it('comes with its revocation: the next request is refused, on other instances within a second, and in every form', async () => {
    const { id, apiKey } = await newKey();
    for (let i = 0; i < 3; i++) expect([(await asked(apiKey)).status, (await asked(apiKey, other.base)).status]).toEqual([200, 200]);
    expect((await t.http('DELETE', `/agents/${agent.id}/keys/${id}`)).status).toBe(200);
    expect((await asked(apiKey)).status).toBe(401);
    await withinASecond(async () => expect((await asked(apiKey, other.base)).status).toBe(401));
    expect((await clientOf(other.base)('GET', '/agents/me', { headers: { 'x-api-key': apiKey } })).status).toBe(401);
    const first = await stored(id);
    expect((await t.http('DELETE', `/agents/${agent.id}/keys/${id}`)).status).toBe(200);
    expect(await stored(id)).toBe(first);
    expect(await t.db.query(`select 1 from auth_audit where kind = 'key_revoked' and key_id = $1`, [id])).toHaveLength(1);
    expect((await agent.http('GET', '/agents/me')).status).toBe(200);
  });

  it('comes also when the row is changed past the application: no place knows keys for longer', async () => {
    const { id, apiKey } = await newKey();
    expect((await asked(apiKey)).status).toBe(200);
    await t.db.query('update api_keys set revoked_at = app_clock() where id = $1', [id]);
    await withinASecond(async () => expect([(await asked(apiKey)).status, (await asked(apiKey, other.base)).status]).toEqual([401, 401]));
  });

  it('is not brought about through another agent', async () => {
    const stranger = await t.agent();
    const { id, apiKey } = await newKey();
    expect((await t.http('DELETE', `/agents/${stranger.id}/keys/${id}`)).status).toBe(404);
    expect((await t.http('DELETE', `/agents/${agent.id}/keys/00000000-0000-7000-8000-000000000000`)).status).toBe(404);
    expect((await asked(apiKey)).status).toBe(200);
  });

  it('comes for all of them with the retirement of the agent, and coming back brings none back', async () => {
    const retired = await t.agent();
    const { apiKey } = await newKey({}, retired.id);
    expect((await t.http('PATCH', `/agents/${retired.id}`, { body: { retired: true } })).status).toBe(200);
    const refused = async () => [(await asked(retired.apiKey)).status, (await asked(apiKey, other.base)).status];
    expect(await refused()).toEqual([401, 401]);
    expect((await t.http('POST', `/agents/${retired.id}/keys`, { body: { name: 'x' } })).body).toMatchObject({ status: 409, code: 'AGENT_RETIRED' });
    expect((await t.http('PATCH', `/agents/${retired.id}`, { body: { retired: false } })).status).toBe(200);
    expect(await refused()).toEqual([401, 401]);
    expect((await asked((await newKey({}, retired.id)).apiKey)).status).toBe(200);
  });
});

describe('the use of a key', () => {
  it('is shown by the minute, and written down once for the key, the address and the hour, whatever the instance', async () => {
    // At the beginning of an hour, so that none ends meanwhile.
    await t.db.query(`update test_clock set shift = date_trunc('hour', clock_timestamp()) + interval '1 hour 1 second' - clock_timestamp()`);
    const { id, apiKey } = await newKey();
    const uses = () => t.db.query<{ at: Date; address: string; actor: string; agent_id: string }>(`select * from auth_audit where kind = 'key_used' and key_id = $1 order by seq`, [id]);
    for (const base of [t.base, other.base, t.base]) {
      for (const { status } of await Promise.all([asked(apiKey, base), asked(apiKey, base)])) expect(status).toBe(200);
    }
    const [use, ...more] = await uses();
    expect(more).toEqual([]);
    expect(use).toMatchObject({ address: '127.0.0.1', actor: `agent:${agent.id}`, agent_id: agent.id });
    expect(use?.at.toISOString()).toMatch(/:00:00\.000Z$/);
    const lastUsed = async () => (await t.http<{ items: Key[] }>('GET', `/agents/${agent.id}/keys?limit=500`)).body.items.find((key) => key.id === id)?.lastUsedAt ?? '';
    const before = await lastUsed();
    await asked(apiKey);
    expect(await lastUsed()).toBe(before);
    await t.db.advance(3_600);
    await withinASecond(async () => {
      for (const base of [other.base, t.base]) await asked(apiKey, base);
      expect(await uses()).toHaveLength(2);
    });
    expect(Date.parse(await lastUsed()) - Date.parse(before)).toBeGreaterThan(3_590_000);
    await t.db.query(`update test_clock set shift = '0'`);
  });
});

describe('what every viewer sees of an agent', () => {
  const secret = 'hunter2-hunter2';
  const url = `postgresql://bot:${secret}@db.internal:5432/trading`;

  it.each<[string, object, string]>([
    ['by name', { mt5: { password: secret } }, 'config.mt5.password'], ['in a list', { feeds: ['a', { apiKey: secret }] }, 'config.feeds.1.apiKey'],
    ['in a URL', { storage: url }, 'config.storage'],
  ])('takes no configuration that looks like a credential: %s', async (_what, config, path) => {
    const answers = [
      await t.http<{ errors: { path: string }[] }>('POST', '/agents', { body: { name: 'careless', mode: 'paper', config } }),
      await t.http<{ errors: { path: string }[] }>('PATCH', `/agents/${agent.id}`, { body: { config } }),
    ];
    for (const answer of answers) {
      expect([answer.status, answer.body.errors[0]?.path]).toEqual([400, path]);
      expect(answer.text).not.toContain(secret);
    }
  });

  it('holds no secret that its agent reports by mistake, in its state, its commands or any row', async () => {
    const careless = await t.agent({ config: { maxTokens: 4096, passThrough: true } });
    const beat = await careless.http('POST', '/agents/me/heartbeat', { body: { status: 'error', errorMessage: `cannot connect to ${url}` } });
    expect(beat.status).toBe(200);
    await t.http('POST', `/agents/${careless.id}/commands`, { body: { type: 'update_config', payload: { config: { lots: 2 } } } });
    await t.http('POST', `/agents/${careless.id}/commands`, { body: { type: 'custom' } });
    const { commands } = (await careless.http<{ commands: { id: string; leaseToken: string }[] }>('POST', '/agents/me/commands/lease', { body: {} })).body;
    const [first, second] = commands;
    const done = await careless.http('POST', `/commands/${first?.id}/complete`, { body: { leaseToken: first?.leaseToken, result: { config: { database_url: url, lots: 2 }, log: [`read ${url}`] } } });
    expect(done.body).toMatchObject({ status: 'succeeded', result: { config: { database_url: '***', lots: 2 }, log: ['read postgresql://bot:***@db.internal:5432/trading'] } });
    await careless.http('POST', `/commands/${second?.id}/fail`, { body: { leaseToken: second?.leaseToken, outcome: 'rejected', error: { code: 'DB', message: url } } });
    const viewer = await t.person('viewer');
    for (const path of [`/agents/${careless.id}/state`, `/agents/${careless.id}`, '/agents', `/commands?agentId=${careless.id}`]) {
      const seen = await t.http('GET', path, { token: viewer });
      expect(seen.status).toBe(200);
      expect(seen.text).not.toContain(secret);
    }
    expect((await t.http('GET', `/agents/${careless.id}/state`)).body).toMatchObject({ errorMessage: 'cannot connect to postgresql://bot:***@db.internal:5432/trading' });
    for (const table of ['agent_state', 'agents', 'agent_commands', 'command_attempts', 'events']) {
      for (const { row } of await t.db.query<{ row: string }>(`select x::text as row from ${table} x`)) expect(row).not.toContain(secret);
    }
  });

  it('takes no version or server name that looks like one', async () => {
    for (const [body, path] of [[{ agentVersion: `tw_${'x'.repeat(43)}` }, 'agentVersion'], [{ brokerAccount: { loginHash: 'a'.repeat(64), server: url } }, 'brokerAccount.server']] as const) {
      const answer = await agent.http<{ errors: { path: string }[] }>('POST', '/agents/me/heartbeat', { body });
      expect([answer.status, answer.body.errors[0]?.path]).toEqual([400, path]);
    }
  });
});
