import { setTimeout as pause } from 'node:timers/promises';
import { JwtService } from '@nestjs/jwt';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { STREAMS_PER_CALLER_MAX } from '../../src/live/streams.js';
import { ADMIN, startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { insertEvent, openStreams, wake } from '../support/event-log.js';
import { closeEventSources, type EventSource, openEvents } from '../support/event-source.js';
import { clientOf } from '../support/http.js';
import { until } from '../support/timing.js';

let t: TestApp;
let second: TestApp;
let agent: TestAgent;
let other: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
  [agent, other] = [await t.agent(), await t.agent()];
});
afterEach(async () => {
  closeEventSources();
  await until(() => openStreams(t) + openStreams(second) === 0, 2_000);
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const open = async (token: string, query?: string, base = t.base): Promise<EventSource> => {
  const stream = await openEvents(base, token, query === undefined ? {} : { query });
  if (stream.status === 200) await stream.ready();
  return stream;
};
const codeOf = (stream: EventSource) => (JSON.parse(stream.messages.at(-1)?.data ?? '{}') as { code?: string }).code;
const ends = async (stream: EventSource, code: string, withinMs: number) => {
  await stream.whenEnded(withinMs);
  expect([stream.messages.at(-1)?.event, codeOf(stream)]).toEqual(['end', code]);
};

describe('an agent\'s key', () => {
  it('sees its own agent\'s events, live and replayed, and none of another or of nobody', async () => {
    const stream = await open(agent.apiKey);
    const from = stream.lastId;
    const own: number[] = [];
    for (let i = 0; i < 5; i++) {
      await insertEvent(t.db, { agentId: other.id });
      await insertEvent(t.db, { type: 'user.created' });
      own.push(await insertEvent(t.db, { agentId: agent.id }));
    }
    wake(t);
    const replayed = await openEvents(t.base, agent.apiKey, { lastEventId: from });
    const all = await openEvents(t.base, agent.apiKey, { lastEventId: '0' });
    for (const each of [stream, replayed]) {
      await each.has(5);
      expect(each.events.map(({ seq }) => seq)).toEqual(own);
    }
    await all.ready();
    expect(new Set(all.events.map(({ agentId }) => agentId))).toEqual(new Set([agent.id]));
  });

  it('gets 403 for another agent, and its own by name', async () => {
    const refused = await open(agent.apiKey, `agentId=${other.id}`);
    expect([refused.status, refused.problem.code]).toEqual([403, 'NOT_YOUR_AGENT']);
    const stream = await open(agent.apiKey, `agentId=${agent.id}`);
    await insertEvent(t.db, { agentId: agent.id });
    wake(t);
    await stream.has(1);
  });

  it('that is revoked ends its streams within about a second on every instance, and those of no other key', async () => {
    const { body: key } = await t.http<{ id: string; apiKey: string }>('POST', `/agents/${agent.id}/keys`, { body: { name: 'short' } });
    const streams = [await open(key.apiKey), await open(key.apiKey, undefined, second.base)];
    const stays = await open(agent.apiKey);
    await t.http('DELETE', `/agents/${agent.id}/keys/${key.id}`);
    for (const stream of streams) await ends(stream, 'CREDENTIAL_ENDED', 2_500);
    await insertEvent(t.db, { agentId: agent.id });
    wake(t);
    await stays.has(1);
    expect((await open(key.apiKey)).status).toBe(401);
  });

  it('that was revoked is not told what was committed a second later', async () => {
    const { body: key } = await t.http<{ id: string; apiKey: string }>('POST', `/agents/${agent.id}/keys`, { body: { name: 'quick' } });
    const stream = await open(key.apiKey);
    await t.db.query(`update api_keys set revoked_at = app_clock() where id = $1`, [key.id]);
    await pause(900);
    await insertEvent(t.db, { agentId: agent.id, type: 'test.secret' });
    wake(t);
    await ends(stream, 'CREDENTIAL_ENDED', 2_500);
    expect(stream.events.map(({ type }) => type)).not.toContain('test.secret');
  });

  it('that runs out, or whose agent is retired, ends its streams', async () => {
    const made = await t.agent();
    const expiring = await open(made.apiKey);
    await t.db.query(`update api_keys set expires_at = app_clock() where agent_id = $1`, [made.id]);
    await ends(expiring, 'CREDENTIAL_ENDED', 2_500);
    const retiring = await t.agent();
    const stream = await open(retiring.apiKey);
    expect((await t.http('PATCH', `/agents/${retiring.id}`, { body: { retired: true } })).status).toBe(200);
    await ends(stream, 'CREDENTIAL_ENDED', 2_500);
  });
});

describe('a person\'s stream', () => {
  const somebody = async () => {
    const email = `reader-${Math.random()}@example.com`;
    const { body } = await t.http<{ id: string }>('POST', '/users', { body: { email, role: 'operator', password: ADMIN.password } });
    const signedIn = await clientOf(t.base)<{ accessToken: string }>('POST', '/auth/login', { body: { email, password: ADMIN.password } });
    return { id: body.id, token: signedIn.body.accessToken, cookie: signedIn.headers.get('set-cookie')?.split(';')[0] ?? '' };
  };

  it('ends with the access token, to the second', async () => {
    const { token } = await somebody();
    const jwt = t.app.get(JwtService, { strict: false });
    const claims = jwt.decode<Record<string, unknown>>(token);
    // Longer ones where the machine takes longer to open the two.
    for (const seconds of [3, 12, 60]) {
      const now = Math.floor(Date.now() / 1000);
      const streams = [await openEvents(t.base, jwt.sign({ ...claims, iat: now - 10, exp: now + seconds })), await openEvents(t.base, jwt.sign({ ...claims, iat: now - 900 + seconds, exp: now + 3_600 }))];
      if (Date.now() >= (now + seconds - 1) * 1000 && seconds < 60) continue;
      for (const stream of streams) {
        await ends(stream, 'TOKEN_EXPIRED', 1_000 * (seconds + 1));
        expect(Date.now()).toBeGreaterThanOrEqual((now + seconds) * 1000 - 20);
      }
      break;
    }
  });

  it.each<[string, (person: Awaited<ReturnType<typeof somebody>>) => Promise<unknown>]>([
    ['signs out', ({ cookie }) => clientOf(t.base)('POST', '/auth/logout', { headers: { cookie } })],
    ['gets another role', ({ id }) => t.http('PATCH', `/users/${id}`, { body: { role: 'viewer' } })],
    ['gets another password', ({ id }) => t.http('PATCH', `/users/${id}`, { body: { password: 'another correct horse' } })],
    ['is disabled', ({ id }) => t.http('PATCH', `/users/${id}`, { body: { disabled: true } })],
  ])('ends when the person %s, within about a second on every instance', async (_what, change) => {
    const person = await somebody();
    const bystander = await somebody();
    const streams = [await open(person.token), await open(person.token, undefined, second.base)];
    const stays = await open(bystander.token);
    await change(person);
    for (const stream of streams) await ends(stream, 'CREDENTIAL_ENDED', 2_500);
    expect(stays.ended).toBe(false);
  });

  it('is the oldest that gives way when there are too many of one caller; others are not touched', async () => {
    const { token } = await somebody();
    const stays = await open(t.adminToken);
    const streams: EventSource[] = [];
    for (let i = 0; i < STREAMS_PER_CALLER_MAX; i++) streams.push(await open(token));
    expect(openStreams(t)).toBe(STREAMS_PER_CALLER_MAX + 1);
    const newest = await open(token);
    expect(newest.status).toBe(200);
    await ends(streams[0] as EventSource, 'TOO_MANY_STREAMS', 1_000);
    await until(() => openStreams(t) === STREAMS_PER_CALLER_MAX + 1, 2_000);
    expect([...streams.slice(1), newest, stays].filter(({ ended }) => ended)).toEqual([]);
  });
});
