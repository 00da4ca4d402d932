import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuthAudit, USES_REMEMBERED } from '../../src/auth/audit.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { clientOf, withinASecond } from '../support/http.js';
import type { AuditEntry } from '../support/sign-in.js';

interface Page {
  items: (AuditEntry & { at: string; userAgent: string | null })[];
  nextCursor: string | null;
}

let t: TestApp;
/** Believes the proxy on this machine: callers from many addresses. */
let proxied: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp({ TRUST_PROXY: 'loopback' });
  proxied = await t.second();
  agent = await t.agent();
  // Uses are merged by the hour: the clock stands at the beginning of the next one.
  await t.db.query(`update test_clock set shift = date_trunc('hour', clock_timestamp()) + interval '1 hour 1 second' - clock_timestamp()`);
});
afterAll(async () => {
  await proxied.close();
  await t.close();
});

const newKey = async (body: object = {}) => (await t.http<{ id: string; apiKey: string }>('POST', `/agents/${agent.id}/keys`, { body: { name: 'audited', ...body } })).body;
const use = (key: string, address: string, { base } = t) => clientOf(base)('GET', '/agents/me', { token: key, headers: { 'x-forwarded-for': address } });
/** The whole trail, newest first, by pages. */
async function trail(): Promise<Page['items']> {
  const items: Page['items'] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const { status, text, body }: { status: number; text: string; body: Page } = await t.http<Page>('GET', `/auth/audit?limit=7${cursor ? `&cursor=${cursor}` : ''}`);
    if (status !== 200) throw new Error(text);
    items.push(...body.items);
    cursor = body.nextCursor;
  }
  return items;
}
const ofKey = async (id: string) => (await trail()).filter(({ keyId }) => keyId === id);
const kinds = (entries: AuditEntry[]) => entries.map(({ kind }) => kind);

describe('GET /auth/audit', () => {
  it('has one entry for a key, an address and an hour, however often and on whichever instances at once', async () => {
    const { id, apiKey } = await newKey();
    const addresses = ['192.0.2.1', '192.0.2.2', '2001:db8::1'];
    const asks = Array.from({ length: 36 }, (_, i) => use(apiKey, addresses[i % 3] ?? '', i % 2 ? t : proxied));
    for (const { status } of await Promise.all(asks)) expect(status).toBe(200);
    const uses = async () => (await ofKey(id)).filter(({ kind }) => kind === 'key_used');
    expect((await uses()).map(({ address }) => address).sort()).toEqual([...addresses].sort());
    for (const entry of await uses()) expect(entry).toMatchObject({ actor: `agent:${agent.id}`, agentId: agent.id, at: expect.stringMatching(/:00:00\.000Z$/) });
    await t.db.advance(3_600);
    await withinASecond(async () => {
      for (const where of [t, proxied, t]) await use(apiKey, addresses[0] ?? '', where);
      expect((await uses()).map(({ address }) => address).sort()).toEqual([...addresses, addresses[0]].sort());
    });
    await t.db.advance(-3_600);
  });

  it('has one entry for each refusal and each change of a key', async () => {
    const before = (await trail()).length;
    const { id, apiKey } = await newKey();
    for (const where of [t, proxied, t]) await use('tw_never-given', '192.0.2.9', where);
    await t.http('DELETE', `/agents/${agent.id}/keys/${id}`);
    for (const where of [proxied, t]) await use(apiKey, '192.0.2.9', where);
    const entries = (await trail()).slice(0, -before);
    expect(kinds(entries)).toEqual(['credential_refused', 'credential_refused', 'key_revoked', 'credential_refused', 'credential_refused', 'credential_refused', 'key_created']);
    expect(new Set(entries.filter(({ kind }) => kind === 'credential_refused').map(({ presentedDigest }) => presentedDigest)).size).toBe(2);
    for (const entry of entries.filter(({ kind }) => kind === 'credential_refused')) expect(entry.address).toBe('192.0.2.9');
  });

  it('has the refusals of keys that have run out, and of those of a retired agent', async () => {
    const retired = await t.agent();
    const [{ soon } = { soon: new Date() }] = await t.db.query<{ soon: Date }>(`select app_clock() + interval '1 minute' as soon`);
    const { apiKey } = await newKey({ expiresAt: soon.toISOString() });
    await t.http('PATCH', `/agents/${retired.id}`, { body: { retired: true } });
    await t.db.advance(181);
    for (const key of [apiKey, retired.apiKey]) expect((await use(key, '192.0.2.10')).status).toBe(401);
    await t.db.advance(-181);
    expect((await trail()).filter(({ address, kind }) => address === '192.0.2.10' && kind === 'credential_refused')).toHaveLength(2);
    expect((await trail()).filter((entry) => entry.kind === 'key_revoked' && entry.agentId === retired.id)).toHaveLength(1);
  });

  it('keeps what it says of a key and a person when both are deleted', async () => {
    const { id, apiKey } = await newKey();
    await use(apiKey, '192.0.2.20');
    await t.http('DELETE', `/agents/${agent.id}/keys/${id}`);
    const email = 'leaving@example.com';
    const person = (await t.http<{ id: string }>('POST', '/users', { body: { email, role: 'admin', password: 'correct horse battery' } })).body;
    const signedIn = await t.signIn(email, 'correct horse battery');
    const made = await clientOf(t.base, signedIn)<{ id: string }>('POST', `/agents/${agent.id}/keys`, { body: { name: 'theirs' } });
    const [before, about] = [await ofKey(id), (await trail()).filter(({ userId }) => userId === person.id)];
    expect([kinds(before), kinds(about)]).toEqual([['key_revoked', 'key_used', 'key_created'], ['signed_in', 'user_created']]);
    // As a person with a hand on the database would.
    await t.db.query('delete from api_keys where id in ($1, $2)', [id, made.body.id]);
    await t.db.query('delete from users where id = $1', [person.id]);
    expect(await ofKey(id)).toEqual(before);
    expect((await trail()).filter(({ userId }) => userId === person.id)).toEqual(about);
    expect(await ofKey(made.body.id)).toMatchObject([{ kind: 'key_created', actor: `user:${person.id}`, agentId: agent.id }]);
  });

  it('is paged newest first, and read by administrators only', async () => {
    const all = await trail();
    const { body } = await t.http<Page>('GET', '/auth/audit?limit=500');
    expect(all).toEqual(body.items);
    expect(all.length).toBeGreaterThan(20);
    for (const token of [await t.person('operator'), agent.apiKey]) expect((await t.http('GET', '/auth/audit', { token })).status).toBe(403);
  });

  it('is written from a memory that does not grow with the addresses that a key is used from', async () => {
    const { id, apiKey } = await newKey();
    await use(apiKey, '192.0.2.30');
    const { uses } = (t.app.get(AuthAudit) as unknown as { written: { uses: Set<string> } }).written;
    for (let i = 0; uses.size < USES_REMEMBERED; i++) uses.add(`another use ${i}`);
    expect((await use(apiKey, '192.0.2.31')).status).toBe(200);
    expect((await use(apiKey, '192.0.2.30')).status).toBe(200);
    expect(uses.size).toBe(2);
    expect((await ofKey(id)).filter(({ kind }) => kind === 'key_used')).toHaveLength(2);
  });
});
