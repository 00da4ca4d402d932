import { createHmac } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { TEST_SECRETS } from '../support/app.js';
import { stopClock } from '../support/frozen-clock.js';
import { clientOf, withinASecond } from '../support/http.js';
import { cookieOf, type Session, SignInTest } from '../support/sign-in.js';

const s = new SignInTest();

describe('an access token', () => {
  const jwt = new JwtService();
  let session: Session;
  let claims: Record<string, unknown>;
  beforeAll(async () => {
    session = (await s.signIn((await s.user()).email)).body;
    claims = jwt.decode(session.accessToken);
  });

  const signed = (change: Record<string, unknown>, secret = TEST_SECRETS.JWT_SECRET, header: Record<string, unknown> = { alg: 'HS256', typ: 'JWT' }) => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part(header)}.${part({ ...claims, ...change })}`;
    const hash = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' }[String(header['alg'])];
    return `${text}.${hash ? createHmac(hash, secret).update(text).digest('base64url') : ''}`;
  };
  const now = () => Math.floor(Date.now() / 1000);

  it('names person, session and times, and is believed when it is ours', async () => {
    expect(claims).toEqual({
      sub: session.user.id, sid: expect.any(String), sv: 1, iss: 'tradewarden', aud: 'tradewarden-api', iat: expect.any(Number), exp: expect.any(Number),
    });
    expect(Number(claims['exp']) - Number(claims['iat'])).toBe(900);
    expect((await s.me(signed({}))).status).toBe(200);
  });

  it.each<[string, () => string]>([
    ['that was tampered with', () => session.accessToken.replace(/\.[^.]+\./, `.${Buffer.from(JSON.stringify({ ...claims, sub: '00000000-0000-4000-8000-000000000000' })).toString('base64url')}.`)],
    ['without a signature', () => signed({}, '', { alg: 'none', typ: 'JWT' })],
    ['whose signature was cut off', () => session.accessToken.replace(/[^.]+$/, '')],
    ['of another secret', () => signed({}, TEST_SECRETS.AUDIT_KEY)],
    ['of an empty secret', () => signed({}, '')],
    ['of another algorithm', () => signed({}, TEST_SECRETS.JWT_SECRET, { alg: 'HS512', typ: 'JWT' })],
    ['that has expired', () => signed({ iat: now() - 901, exp: now() - 1 })],
    ['that never expires', () => signed({ exp: undefined })],
    ['without the time of issue', () => signed({ iat: undefined })],
    ['that was given for a year', () => signed({ iat: now() - 1_000, exp: now() + 31_536_000 })],
    ['without a person', () => signed({ sub: undefined })],
    ['of a person whose id is none', () => signed({ sub: `' or 1=1 --` })],
    ['without a session', () => signed({ sid: undefined })],
    ['of a session that never was', () => signed({ sid: '01930000-0000-7000-8000-000000000000' })],
    ['of an older session version', () => signed({ sv: 0 })],
    ['without a session version', () => signed({ sv: undefined })],
    ['for somebody else', () => signed({ aud: 'elsewhere' })],
    ['from somebody else', () => signed({ iss: 'elsewhere' })],
    ['that is none', () => 'x'.repeat(500)],
  ])('%s is refused', async (_what, token) => {
    expect(await s.me(token())).toMatchObject({ status: 401, body: { code: 'TOKEN_REFUSED' } });
  });

  it('of another session of somebody else does not lend that session', async () => {
    const other = jwt.decode<Record<string, unknown>>((await s.signIn((await s.user()).email)).body.accessToken);
    expect((await s.me(signed({ sid: other['sid'] }))).status).toBe(401);
  });

  it('is written down when it is forged, not when it has only run out, and never as it is', async () => {
    const before = (await s.audit('credential_refused')).length;
    const forged = signed({ forged: true }, 'x');
    await s.me(forged);
    await s.me(signed({ iat: now() - 901, exp: now() - 1 }));
    const rows = await s.audit('credential_refused');
    expect(rows).toHaveLength(before + 1);
    expect(rows[0]).toMatchObject({ address: '127.0.0.1', presentedDigest: expect.stringMatching(/^[0-9a-f]{32}$/), correlationId: expect.any(String) });
  });
});

describe('what ends a session at once, on other instances within a second', () => {
  const session = async (role = 'operator') => {
    const { id, email } = await s.user(role);
    const answer = await s.signIn(email);
    return { id, email, token: answer.body.accessToken, cookie: cookieOf(answer) };
  };

  it.each<[string, Record<string, unknown>]>([
    ['disabling', { disabled: true }], ['a new password', { password: 'quite another password' }], ['another role', { role: 'viewer' }],
  ])('%s ends its tokens of both kinds', async (_what, change) => {
    const { id, token, cookie } = await session();
    const asked = () => clientOf(s.proxied.base)('GET', '/auth/me', { token });
    expect((await asked()).status).toBe(200);
    expect((await s.me(token)).status).toBe(200);
    expect((await s.t.http('PATCH', `/users/${id}`, { body: change })).status).toBe(200);
    expect((await s.me(token)).status).toBe(401);
    await withinASecond(async () => expect((await asked()).status).toBe(401));
    expect((await s.refresh(cookie, s.behindProxy)).status).toBe(401);
  });

  it('a role that was taken away by whatever means holds within a second', async () => {
    const { id, token } = await session('admin');
    expect((await s.guest('GET', '/users', { token })).status).toBe(200);
    await s.t.db.query(`update users set role = 'viewer' where id = $1`, [id]);
    await withinASecond(async () => expect(await s.guest('GET', '/users', { token })).toMatchObject({ status: 403, body: { code: 'ROLE_TOO_LOW' } }));
  });

  it('a sign-in with the old password that overlaps with the new one leaves no session behind', async () => {
    const { id, email } = await session();
    await Promise.all([
      s.t.http('PATCH', `/users/${id}`, { body: { password: 'quite another password' } }),
      ...Array.from({ length: 3 }, () => s.signIn(email)),
    ]);
    const open = await s.t.db.query('select 1 from refresh_tokens where user_id = $1 and revoked_at is null', [id]);
    expect(open).toEqual([]);
    expect((await s.signIn(email, 'quite another password', s.behindProxy, { 'x-forwarded-for': '192.0.2.99' })).status).toBe(200);
  });

  it('a refresh that overlaps with disabling leaves no session behind', async () => {
    for (let round = 0; round < 20; round++) {
      const { id } = await s.user();
      const cookie = await s.session(id);
      await Promise.all([s.refresh(cookie), s.t.http('PATCH', `/users/${id}`, { body: { disabled: true } }), s.refresh(cookie, s.behindProxy)]);
      expect(await s.t.db.query('select 1 from refresh_tokens where user_id = $1 and revoked_at is null', [id])).toEqual([]);
    }
  });
});

describe('refreshing', () => {
  it('rotates: the successor goes on, and carries the same session', async () => {
    const answer = await s.signIn((await s.user()).email);
    const next = await s.refresh(cookieOf(answer));
    expect(next.status).toBe(200);
    expect(cookieOf(next)).not.toBe(cookieOf(answer));
    expect((await s.me(next.body.accessToken)).status).toBe(200);
    expect((await s.refresh(cookieOf(next))).status).toBe(200);
  });

  it('gives two tabs that come at once, on two instances, the same successor', async () => {
    const cookie = cookieOf(await s.signIn((await s.user()).email));
    const goOn = await stopClock(s.t.db);
    const answers = await Promise.all([s.refresh(cookie), s.refresh(cookie, s.behindProxy), s.refresh(cookie), s.refresh(cookie, s.behindProxy)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(new Set(answers.map(cookieOf)).size).toBe(1);
    await s.t.db.advance(29);
    const late = await s.refresh(cookie);
    expect([late.status, cookieOf(late)]).toEqual([200, answers[0] && cookieOf(answers[0])]);
    await s.t.db.advance(-29);
    await goOn();
  });

  it('ends the whole session when a token comes again after 30 seconds, and writes that down', async () => {
    const { id, email } = await s.user();
    const answer = await s.signIn(email);
    const stolen = cookieOf(answer);
    const next = await s.refresh(stolen);
    await s.t.db.advance(31);
    expect(await s.refresh(stolen)).toMatchObject({ status: 401, body: { code: 'REFRESH_TOKEN_REFUSED' } });
    expect((await s.refresh(cookieOf(next))).status).toBe(401);
    for (const { accessToken } of [answer.body, next.body]) expect((await s.me(accessToken)).status).toBe(401);
    expect((await s.audit('refresh_reused')).filter((entry) => entry.userId === id)).toHaveLength(1);
    await s.t.db.advance(-31);
  });

  it('ends the whole session when a token comes again whose successor was used, also within the 30 seconds', async () => {
    const { id, email } = await s.user();
    const goOn = await stopClock(s.t.db);
    const [first] = [cookieOf(await s.signIn(email))];
    const second = cookieOf(await s.refresh(first));
    expect(cookieOf(await s.refresh(first))).toBe(second);
    const third = await s.refresh(second);
    expect(cookieOf(await s.refresh(second))).toBe(cookieOf(third));
    expect(await s.refresh(first)).toMatchObject({ status: 401, body: { code: 'REFRESH_TOKEN_REFUSED' } });
    expect([(await s.refresh(second)).status, (await s.refresh(cookieOf(third))).status, (await s.me(third.body.accessToken)).status]).toEqual([401, 401, 401]);
    expect((await s.audit('refresh_reused')).filter((entry) => entry.userId === id)).toHaveLength(1);
    await goOn();
  });

  it('leaves the other sessions of the person alone', async () => {
    const { email } = await s.user();
    const [here, there] = [await s.signIn(email), await s.signIn(email)];
    await s.guest('POST', '/auth/logout', { headers: { cookie: cookieOf(here) } });
    expect((await s.refresh(cookieOf(there))).status).toBe(200);
    expect((await s.me(there.body.accessToken)).status).toBe(200);
  });

  it('refuses a token that is unknown, missing, or thirty days old', async () => {
    expect((await s.refresh('tw_refresh=never-given')).status).toBe(401);
    expect((await s.guest('POST', '/auth/refresh')).body).toMatchObject({ status: 401, code: 'REFRESH_TOKEN_MISSING' });
    const cookie = cookieOf(await s.signIn((await s.user()).email));
    await s.t.db.advance(30 * 86_400 + 1);
    expect((await s.refresh(cookie)).status).toBe(401);
    await s.t.db.advance(-(30 * 86_400 + 1));
  });

  it('stores no token that could be used', async () => {
    const cookie = cookieOf(await s.signIn((await s.user()).email)).split('=')[1] ?? '';
    const rows = await s.t.db.query<{ row: string }>('select t::text as row from refresh_tokens t');
    expect(rows.length).toBeGreaterThan(0);
    for (const { row } of rows) expect(row).not.toContain(cookie);
  });
});

describe('signing out', () => {
  it('ends the session with its access tokens, clears the cookie, and may be repeated', async () => {
    const { id, email } = await s.user();
    const answer = await s.signIn(email);
    const out = await s.guest('POST', '/auth/logout', { headers: { cookie: cookieOf(answer) } });
    expect(out.status).toBe(200);
    expect(out.headers.getSetCookie()[0]).toMatch(/^tw_refresh=; .*Path=\/api\/v1\/auth; .*Expires=Thu, 01 Jan 1970/);
    expect((await s.me(answer.body.accessToken)).status).toBe(401);
    expect((await s.refresh(cookieOf(answer))).status).toBe(401);
    expect((await s.guest('POST', '/auth/logout', { headers: { cookie: cookieOf(answer) } })).status).toBe(200);
    expect((await s.audit('signed_out')).filter((entry) => entry.userId === id)).toHaveLength(1);
  });

  it('that overlaps with a refresh of another tab leaves nothing open', async () => {
    for (let round = 0; round < 20; round++) {
      const { id } = await s.user();
      const cookie = await s.session(id);
      await Promise.all([s.refresh(cookie), s.guest('POST', '/auth/logout', { headers: { cookie } }), s.refresh(cookie, s.behindProxy)]);
      expect(await s.t.db.query('select 1 from refresh_tokens where user_id = $1 and revoked_at is null', [id])).toEqual([]);
    }
  });
});

