import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMIN, TEST_SECRETS } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Client, clientOf, withinASecond } from '../support/http.js';
import { type ServerProcess, startServerProcess, whenReady } from '../support/server-process.js';

let db: TestDatabase;
let server: ServerProcess;
let http: Client;
beforeAll(async () => {
  db = await createTestDatabase();
  server = await startServerProcess({ env: { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off', LOG_LEVEL: 'trace', SLOW_STATEMENT_MS: '1' } });
  await whenReady(server.base);
  http = clientOf(server.base);
});
afterAll(async () => {
  server.kill('SIGTERM');
  await server.exited;
  await db.drop();
});

describe('the log of a whole server, at its most talkative', () => {
  it('tells of every request, and holds no password, token, key, cookie, body or query', async () => {
    const secret = `s3cret${randomBytes(9).toString('hex')}`;
    const seen: string[] = [secret, ADMIN.password, TEST_SECRETS.JWT_SECRET, TEST_SECRETS.AUDIT_KEY];
    await http('POST', '/auth/login', { body: { email: ADMIN.email, password: secret } });
    const session = await http<{ accessToken: string }>('POST', '/auth/login', { body: { email: ADMIN.email, password: ADMIN.password } });
    const cookie = session.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const next = await http<{ accessToken: string }>('POST', '/auth/refresh', { headers: { cookie } });
    const token = next.body.accessToken;
    seen.push(session.body.accessToken, token, cookie.replace('tw_refresh=', ''), (next.headers.getSetCookie()[0]?.split(';')[0] ?? '').replace('tw_refresh=', ''));
    await http('POST', '/users', { token, body: { email: 'someone@example.com', role: 'viewer', password: `${secret}-password` }, headers: { 'idempotency-key': 'one' } });
    const agent = await http<{ id: string; apiKey: string }>('POST', '/agents', { token, body: { name: 'logged', mode: 'paper', config: { [secret.slice(6)]: 1 } } });
    expect(agent.status).toBe(201);
    seen.push(agent.body.apiKey);
    await http('POST', '/agents', { token, body: { name: 'refused', mode: 'paper', config: { password: secret } } });
    await http('POST', '/agents/me/heartbeat', { token: agent.body.apiKey, body: { status: 'error', errorMessage: `postgres://u:${secret}@h/db` } });
    for (const wrong of [`tw_${secret}`, `header.${secret}.signature`]) await http('GET', '/agents', { token: wrong });
    await http('GET', `/agents?name=${secret}&token=${secret}`, { token });
    const bodySecret = `word-${randomBytes(9).toString('hex')}`;
    const source = await http<{ id: string; url: string }>('POST', '/webhook-sources', { token, body: { name: 'logged', mapping: 'sigmatrader', bodySecret } });
    const { pathname } = new URL(source.body.url);
    seen.push(pathname.slice('/webhooks/tradingview/tws_'.length), bodySecret);
    for (const path of [pathname, `${pathname}/more`, `/${pathname}`, pathname.toUpperCase(), `${pathname}%`, `${pathname}${'x'.repeat(300)}`]) {
      for (const method of ['POST', 'GET']) await fetch(server.base + path, { method, ...(method === 'POST' ? { body: `{"secret":"${bodySecret}","symbol":"X"}` } : {}) });
    }
    const refused = await fetch(server.base + pathname, { method: 'POST', headers: { 'x-webhook-secret': `${bodySecret}-wrong` }, body: '{"symbol":"X"}' });
    expect([source.status, refused.status]).toEqual([201, 401]);
    await http('POST', `/webhook-sources/${source.body.id}/rotate`, { token, headers: { 'idempotency-key': 'rotated' } });
    await http('POST', '/auth/login', { raw: `{"email":"${secret}", ` });
    await http('POST', '/auth/login', { raw: `{"email":"a@example.com","password":"${secret}\\u0000"}` });
    await http('POST', '/auth/login', { body: { email: 'a@example.com', password: secret, [secret]: secret } });
    // A fault of the server's own, in the middle of storing a password.
    await db.query('alter table users rename to users_hidden');
    const broken = await http<{ code: string }>('POST', '/auth/login', { body: { email: ADMIN.email, password: secret } });
    expect([broken.status, broken.body.code]).toEqual([500, 'INTERNAL']);
    expect(broken.text).not.toMatch(/relation "|users|select|42P01/i);
    await db.query('alter table users_hidden rename to users');
    const last = await http('POST', '/auth/logout', { headers: { cookie } });
    // Lines of a tenth of a second are written together.
    await withinASecond(async () => expect(server.output()).toContain(last.headers.get('x-request-id')));
    const log = server.output();
    for (const each of seen) expect([each.slice(0, 3), log.includes(each)]).toEqual([each.slice(0, 3), false]);
    expect(log).not.toContain('argon2id');
    // Statements were told of as well, without their values.
    expect(log).toContain('slow statement');
    const lines = log.split('\n').filter((line) => line.includes('"route":"/api/v1/'));
    expect(lines.length).toBeGreaterThanOrEqual(13);
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ method: expect.any(String), status: expect.any(Number), correlationId: expect.any(String) });
    // The fault can be found by what its answer said.
    expect(log.split('\n').filter((line) => line.includes(broken.headers.get('x-request-id') ?? '?') && line.includes('42P01'))).toHaveLength(1);
  });
});
