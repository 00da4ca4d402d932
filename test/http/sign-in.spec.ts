import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ADMIN } from '../support/app.js';
import { stopClock } from '../support/frozen-clock.js';
import { clientOf } from '../support/http.js';
import { cookieOf, PASSWORD, SignInTest } from '../support/sign-in.js';

const s = new SignInTest();

describe('signing in', () => {
  it('gives a token for 15 minutes, the person, and a refresh cookie that scripts and other sites cannot use', async () => {
    const { id, email } = await s.user('operator');
    const answer = await s.signIn(email.toUpperCase());
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ tokenType: 'Bearer', expiresIn: 900, user: { id, email, role: 'operator' } });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^tw_refresh=[\w-]{43}; Max-Age=2592000; Path=\/api\/v1\/auth; HttpOnly; SameSite=Strict$/);
    expect((await s.me(answer.body.accessToken)).body).toMatchObject({ id, email });
    expect(answer.text).not.toContain(cookieOf(answer).split('=')[1]);
  });

  it('marks the cookie Secure when the declared proxy says https, and believes nobody else who says so', async () => {
    const { email } = await s.user();
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.7' };
    expect((await s.signIn(email, PASSWORD, s.behindProxy, headers)).headers.getSetCookie()[0]).toMatch(/; HttpOnly; Secure; SameSite=Strict$/);
    expect((await s.signIn(email, PASSWORD, s.guest, headers)).headers.getSetCookie()[0]).not.toMatch(/Secure/);
  });

  it('answers a wrong password, an unknown user and a disabled one the same', async () => {
    const disabled = await s.user();
    await s.t.http('PATCH', `/users/${disabled.id}`, { body: { disabled: true } });
    const answers = [
      await s.signIn((await s.user()).email, 'not the password'), await s.signIn('nobody@example.com', 'not the password'), await s.signIn(disabled.email),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(401);
      expect(answer.headers.getSetCookie()).toEqual([]);
      expect({ ...answer.body, correlationId: '' }).toEqual({ ...answers[0]?.body, correlationId: '' });
    }
    expect(answers[0]?.body.code).toBe('SIGN_IN_FAILED');
  });

  it('takes as long for an unknown user as for a wrong password', async () => {
    const known = await s.user();
    const took = async (email: string, network: number) => {
      const begin = performance.now();
      await s.signIn(email, 'not the password', s.behindProxy, { 'x-forwarded-for': `192.0.2.${network}` });
      return performance.now() - begin;
    };
    const times = { known: [] as number[], unknown: [] as number[] };
    for (let i = 1; i <= 7; i++) {
      times.known.push(await took(known.email, i));
      times.unknown.push(await took(`unknown-${i}@example.com`, i));
    }
    const median = (list: number[]) => list.sort((a, b) => a - b)[3] ?? 0;
    // Without the work on nobody's hash it is a twentieth.
    expect(median(times.unknown) / median(times.known)).toBeGreaterThan(0.5);
  });

  it('stores passwords as argon2id, each with a salt of its own', async () => {
    for (const n of [1, 2]) await s.t.http('POST', '/users', { body: { email: `stored-${n}@example.com`, role: 'viewer', password: PASSWORD } });
    const rows = await s.t.db.query<{ password_hash: string }>(`select password_hash from users where email like 'stored-%'`);
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row.password_hash).toMatch(/^\$argon2id\$v=19\$m=65536,p=4,t=3\$/);
    expect(new Set(rows.map((row) => row.password_hash)).size).toBe(2);
  });
});

describe('the last administrator', () => {
  it('stays: no demotion, no disabling, and of two that demote each other at once one wins', async () => {
    const [first] = (await s.t.http<{ items: { id: string }[] }>('GET', '/users?limit=1')).body.items;
    await s.t.db.query(`update users set role = 'viewer' where role = 'admin' and id <> $1`, [first?.id]);
    for (const change of [{ role: 'operator' }, { disabled: true }]) {
      expect(await s.t.http('PATCH', `/users/${first?.id}`, { body: change })).toMatchObject({ status: 409, body: { code: 'LAST_ADMIN' } });
    }
    for (let round = 0; round < 4; round++) {
      s.t.adminToken = await s.t.signIn(ADMIN.email, ADMIN.password);
      s.t.http = clientOf(s.t.base, s.t.adminToken);
      const second = await s.user('admin');
      const secondToken = (await s.signIn(second.email)).body.accessToken;
      const answers = await Promise.all([
        s.guest('PATCH', `/users/${first?.id}`, { token: secondToken, body: { role: 'viewer' } }),
        s.behindProxy('PATCH', `/users/${second.id}`, { token: s.t.adminToken, body: { disabled: true } }),
      ]);
      expect(await s.t.db.query(`select 1 from users where role = 'admin' and disabled_at is null`)).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      await s.t.db.query(`update users set role = case when id = $1 then 'admin' else 'viewer' end where role = 'admin' or id = $1`, [first?.id]);
    }
    s.t.adminToken = await s.t.signIn(ADMIN.email, ADMIN.password);
    s.t.http = clientOf(s.t.base, s.t.adminToken);
  });
});

describe('slowing of sign-in', () => {
  const from = (address: string) => ({ 'x-forwarded-for': address });

  it('answers the sixth attempt 429, lets the right password in from elsewhere, and forgets after the wait', async () => {
    const { email } = await s.user();
    for (let i = 0; i < 5; i++) expect((await s.signIn(email, 'wrong password', s.behindProxy, from('198.51.100.1'))).status).toBe(401);
    // The wait of 2 s would run out on a slow machine.
    await s.t.db.advance(-60);
    const sixth = await s.signIn(email, PASSWORD, s.behindProxy, from('198.51.100.1'));
    expect(sixth).toMatchObject({ status: 429, body: { code: 'SIGN_IN_SLOWED', retryable: true } });
    expect(Number(sixth.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await s.signIn(email, PASSWORD, s.behindProxy, from('198.51.100.2'))).status).toBe(200);
    expect((await s.signIn(email, PASSWORD, s.guest)).status).toBe(200);
    expect((await s.signIn(email, PASSWORD, s.behindProxy, from('198.51.100.1'))).status).toBe(429);
    await s.t.db.advance(63);
    expect((await s.signIn(email, PASSWORD, s.behindProxy, from('198.51.100.1'))).status).toBe(200);
    expect((await s.signIn(email, 'wrong password', s.behindProxy, from('198.51.100.1'))).status).toBe(401);
    await s.t.db.advance(-3);
    expect(await s.audit('sign_in_slowed', email)).toHaveLength(2);
    expect(await s.audit('sign_in_failed', email)).toHaveLength(6);
  });

  it('doubles the wait up to five minutes, and forgets after a quiet hour', async () => {
    const { email } = await s.user();
    const throttled = async (failures: number) => {
      await s.t.db.query(`insert into sign_in_throttles (address, email, failures) values ('198.51.100.3', $1, $2)
        on conflict (address, email) do update set failures = $2, blocked_until = null`, [email, failures - 1]);
      await s.signIn(email, 'wrong password', s.behindProxy, from('198.51.100.3'));
      const [row] = await s.t.db.query<{ wait: number }>(`select round(extract(epoch from blocked_until - updated_at))::int as wait from sign_in_throttles where email = $1`, [email]);
      return row?.wait ?? null;
    };
    const waits: (number | null)[] = [];
    for (const failures of [4, 5, 6, 7, 12, 13, 60]) waits.push(await throttled(failures));
    expect(waits).toEqual([null, 2, 4, 8, 256, 300, 300]);
    await s.t.db.query(`update sign_in_throttles set updated_at = updated_at - interval '61 minutes', blocked_until = null where email = $1`, [email]);
    await s.signIn(email, 'wrong password', s.behindProxy, from('198.51.100.3'));
    expect(await s.t.db.query('select failures, blocked_until from sign_in_throttles where email = $1', [email])).toEqual([{ failures: 1, blocked_until: null }]);
  });

  it('counts before it looks: fifty guesses at once, on two instances, are a handful', async () => {
    const { email } = await s.user();
    const goOn = await stopClock(s.t.db);
    const guesses = await Promise.all(Array.from({ length: 50 }, (_, i) => s.signIn(email, `guess ${i}`, i % 2 ? s.behindProxy : clientOf(s.t.base))));
    await goOn();
    const withStatus = (...statuses: number[]) => guesses.filter(({ status }) => statuses.includes(status)).length;
    expect(withStatus(401)).toBeLessThanOrEqual(5);
    // Who waits for a connection for half a minute, as on a busy machine, is refused too.
    expect(withStatus(401, 429, 503)).toBe(50);
    expect(await s.t.db.query('select failures from sign_in_throttles where email = $1', [email])).toEqual([{ failures: 5 }]);
  });

  it('takes a whole IPv6 network for one caller', async () => {
    const { email } = await s.user();
    const addresses = ['2001:db8:1:2::1', '2001:db8:1:2:aaaa:bbbb:cccc:dddd', '2001:0db8:0001:0002::3', '2001:db8:1:2:3::', '2001:db8:1:2::5'];
    for (const address of addresses) expect((await s.signIn(email, 'wrong password', s.behindProxy, from(address))).status).toBe(401);
    await s.t.db.advance(-60);
    expect((await s.signIn(email, PASSWORD, s.behindProxy, from('2001:db8:1:2::77'))).status).toBe(429);
    expect((await s.signIn(email, PASSWORD, s.behindProxy, from('2001:db8:1:3::77'))).status).toBe(200);
    await s.t.db.advance(60);
  });

  it('believes no X-Forwarded-For without a declared proxy, and writes the real address down', async () => {
    const { email } = await s.user();
    for (let i = 0; i < 5; i++) await s.signIn(email, 'wrong password', s.guest, from(`203.0.113.${i}`));
    await s.t.db.advance(-60);
    expect((await s.signIn(email, PASSWORD, s.guest, from('203.0.113.200'))).status).toBe(429);
    await s.t.db.advance(60);
    expect(new Set((await s.audit('sign_in_failed', email)).map(({ address }) => address))).toEqual(new Set(['127.0.0.1']));
  });

  it('takes the address that the declared proxy saw, not the one that its caller claims to have', async () => {
    const { email } = await s.user();
    for (let i = 0; i < 5; i++) await s.signIn(email, 'wrong password', s.behindProxy, from(`203.0.113.${i}, 198.51.100.9`));
    await s.t.db.advance(-60);
    expect((await s.signIn(email, PASSWORD, s.behindProxy, from('203.0.113.200, 198.51.100.9'))).status).toBe(429);
    await s.t.db.advance(60);
    expect((await s.audit('sign_in_slowed', email))[0]?.address).toBe('198.51.100.9');
    // A header that holds no address leaves the one of the connection.
    await s.signIn('garbage@example.com', 'wrong password', s.behindProxy, from(`<script>${'x'.repeat(5_000)}`));
    expect((await s.audit('sign_in_failed', 'garbage@example.com'))[0]?.address).toBe('127.0.0.1');
  });
});

describe('names of people', () => {
  it('are shown to everybody who reads what they did, and nothing else of them is', async () => {
    const { id, email } = await s.user('operator');
    const viewer = await s.refresh(await s.session((await s.user('viewer')).id));
    const { status, body } = await s.guest<{ items: { id: string }[] }>('GET', '/users/names', { token: viewer.body.accessToken });
    expect([status, body.items.find((each) => each.id === id)]).toEqual([200, { id, name: email }]);
  });
});

describe('the audit trail', () => {
  it('says who made and changed whom', async () => {
    const [admin] = (await s.t.http<{ items: { id: string }[] }>('GET', '/users?limit=1')).body.items;
    const email = 'changed@example.com';
    const { id } = (await s.t.http<{ id: string }>('POST', '/users', { body: { email, role: 'viewer', password: PASSWORD } })).body;
    await s.t.http('PATCH', `/users/${id}`, { body: { name: 'Renamed' } });
    await s.t.http('PATCH', `/users/${id}`, { body: { password: 'quite another password' } });
    for (const kind of ['user_created', 'user_changed', 'password_changed']) {
      expect(await s.audit(kind, email)).toEqual([expect.objectContaining({ actor: `user:${admin?.id}`, userId: id, address: '127.0.0.1' })]);
    }
  });

  it('stays when the user is gone, and nobody can change it', async () => {
    const { id, email } = await s.user();
    await s.signIn(email);
    await s.t.db.query('delete from users where id = $1', [id]);
    expect((await s.audit('signed_in', email))[0]).toMatchObject({ userId: id, actor: `user:${id}` });
    for (const statement of ['update auth_audit set kind = kind', 'delete from auth_audit', 'truncate auth_audit']) {
      await expect(s.t.db.query(statement)).rejects.toThrow(/append-only/);
    }
  });

  it('holds no password, token or cookie in any row of any table, nor in an answer of its own', async () => {
    const secret = randomBytes(9).toString('hex');
    const email = 'keeper@example.com';
    await s.t.http('POST', '/users', { body: { email, role: 'viewer', password: `password ${secret}` }, headers: { 'idempotency-key': 'keeper' } });
    const session = await s.signIn(email, `password ${secret}`);
    await s.signIn(email, `wrong ${secret}`);
    const next = await s.refresh(cookieOf(session));
    await s.guest('GET', '/auth/me', { token: `tw_${secret}` });
    await s.guest('GET', '/auth/me', { token: `header.${secret}.signature` });
    await s.refresh(`tw_refresh=${secret}`);
    const secrets = [secret, cookieOf(session), cookieOf(next)].map((each) => each.replace('tw_refresh=', '')).concat(session.body.accessToken, next.body.accessToken);
    const tables = await s.t.db.query<{ name: string }>(`select quote_ident(tablename) as name from pg_tables where schemaname = 'public'`);
    expect(tables.length).toBeGreaterThan(10);
    for (const { name } of tables) {
      const rows = await s.t.db.query<{ row: string }>(`select x::text as row from ${name} x`);
      for (const { row } of rows) for (const each of secrets) expect(row).not.toContain(each);
    }
    const trail = (await s.t.http('GET', '/auth/audit?limit=500')).text;
    for (const each of secrets) expect(trail).not.toContain(each);
  });
});
