import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { insertEvent, insertEvents, openStreams, storedSeqs, wake } from '../support/event-log.js';
import { closeEventSources, type EventSource, openEvents } from '../support/event-source.js';
import { expectWithin, timeOf, until } from '../support/timing.js';
import { rawRequest } from '../support/raw-http.js';

let t: TestApp;
let agent: TestAgent;
let viewer: string;
beforeAll(async () => {
  t = await startTestApp();
  agent = await t.agent();
  viewer = await t.person('viewer');
});
afterEach(async () => {
  closeEventSources();
  await until(() => openStreams(t) === 0, 2_000);
});
afterAll(() => t.close());

const open = async (options: Parameters<typeof openEvents>[2] = {}, token = viewer): Promise<EventSource> => {
  const stream = await openEvents(t.base, token, options);
  if (stream.status === 200) await stream.ready();
  return stream;
};
const seqsOf = (stream: EventSource) => stream.events.map(({ seq }) => seq);
const typesOf = (stream: EventSource) => stream.events.map(({ type }) => type);

describe('a stream', () => {
  it('begins now, and tells what is committed with all that is stored of it', async () => {
    await insertEvent(t.db, { type: 'test.before' });
    const stream = await open();
    const { body } = await t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' }, headers: { 'x-request-id': 'why-1' } });
    await stream.has(1);
    const [row] = await t.db.query<{ seq: string; at: Date; actor: string; data: object; us: string }>(`select *, (extract(epoch from at) * 1000000)::bigint as us from events where subject_id = $1`, [body.id]);
    expect(stream.events).toEqual([{
      seq: Number(row?.seq), at: row?.at.toISOString(), type: 'command.created', agentId: agent.id, accountId: null, subjectId: body.id, actor: row?.actor, correlationId: 'why-1', data: row?.data,
    }]);
    expect(stream.messages.map(({ id, event }) => [id, event])).toEqual([[expect.stringMatching(/^\d+-\d+$/), 'ready'], [`${row?.seq}-${row?.us}`, 'command.created']]);
    expect(row?.actor).toMatch(/^user:/);
  });

  it('has the headers that keep proxies from holding it back, those of every other answer, and a time to come back in', async () => {
    const { status, headers, retryMs } = await open();
    expect([status, headers['content-type'], headers['x-accel-buffering'], headers['content-length'], headers['content-encoding']]).toEqual([200, 'text/event-stream', 'no', undefined, undefined]);
    expect(headers['cache-control']).toMatch(/no-cache/);
    expect(headers['x-request-id']).toMatch(/./);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(retryMs).toBeGreaterThanOrEqual(1_000);
    expect(retryMs).toBeLessThanOrEqual(3_000);
  });

  it('tells an agent its desired state like every other answer', async () => {
    expect((await open({}, agent.apiKey)).headers['x-desired-state']).toMatch(/^active;v=1;run=/);
  });

  it('tells of a change within milliseconds when it was made here', async () => {
    const stream = await open();
    let told = 0;
    const tell = async () => {
      await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' } });
      await stream.has(++told);
    };
    // Right after a look the next is a second away, unless it is woken.
    await tell();
    await expectWithin(500, () => timeOf(tell));
  });

  it('tells of a change that another instance or nobody announced, within two seconds', async () => {
    const stream = await open();
    await insertEvent(t.db);
    await stream.has(1, 2_000);
  });

  it('sends a heartbeat that says it is current, and where to go on from when nothing was picked', async () => {
    const stream = await open({ query: 'type=nothing.like_this' });
    const begun = stream.lastId;
    const seq = await insertEvent(t.db);
    // While the machine stands still it is behind, and says so.
    await until(() => stream.comments.at(-1) === 'current', 7_000);
    expect(stream.events).toEqual([]);
    expect([stream.lastId === begun, stream.lastId.split('-')[0]]).toEqual([false, String(seq)]);
  });

  it('asked for by HEAD is headers, and no stream', async () => {
    const { status, headers } = await t.http('HEAD', '/events');
    expect([status, headers.get('content-type'), openStreams(t)]).toEqual([200, 'text/event-stream', 0]);
    expect((await t.http('HEAD', '/events?type=x')).status).toBe(400);
  });
});

describe('Last-Event-ID', () => {
  it('goes on behind the event that was seen last, with what happened meanwhile and then', async () => {
    const first = await open();
    await insertEvents(t, 3);
    await first.has(3);
    first.close();
    await insertEvents(t, 700);
    const second = await open({ lastEventId: first.lastId });
    await insertEvents(t, 2);
    await second.has(702);
    expect(seqsOf(second)).toEqual(await storedSeqs(t, first.events.at(-1)?.seq));
  });

  it('in the middle of what was seen repeats exactly the rest, in the same words', async () => {
    const first = await open();
    await insertEvents(t, 5);
    await first.has(5);
    const [, , third] = first.messages.filter(({ event }) => event === 'test.written');
    const second = await open({ lastEventId: third?.id });
    await second.has(2);
    expect(second.messages.filter(({ event }) => event === 'test.written')).toEqual(first.messages.slice(-2));
    expect(second.messages.map(({ event }) => event)).toEqual(['test.written', 'test.written', 'ready']);
  });

  it('of the moment a stream began loses nothing of what came before its first event', async () => {
    const first = await open();
    first.close();
    await insertEvents(t, 2);
    const second = await open({ lastEventId: first.lastId });
    await second.has(2);
    expect(seqsOf(second)).toEqual((await storedSeqs(t)).slice(-2));
  });

  it('may stand in the address; the header, which a browser sends when it comes back, wins', async () => {
    const first = await open();
    await insertEvents(t, 3);
    await first.has(3);
    const ids = first.messages.filter(({ event }) => event === 'test.written').map(({ id }) => id);
    const second = await open({ query: `lastEventId=${ids[0]}` });
    await second.has(2);
    const third = await open({ query: `lastEventId=${ids[0]}`, lastEventId: ids[1] });
    await third.has(1);
    expect([seqsOf(second), seqsOf(third)]).toEqual([seqsOf(first).slice(1), seqsOf(first).slice(2)]);
  });

  it('0 tells all that is stored', async () => {
    const stream = await open({ lastEventId: '0' });
    expect(seqsOf(stream)).toEqual(await storedSeqs(t));
  });

  it.each(['', ' ', 'abc', '12', '-1', '1-1; drop table events', '1-', '5-0', 'null', '9'.repeat(17), '1-1,2-2'])('that is no id (%j) is refused by name', async (id) => {
    const stream = await open({ lastEventId: id });
    expect([stream.status, stream.problem.code, stream.problem.errors?.[0]?.path]).toEqual([400, 'VALIDATION_FAILED', 'Last-Event-ID']);
    const query = await open({ query: `lastEventId=${encodeURIComponent(id)}` });
    expect([query.status, query.problem.errors?.[0]?.path]).toEqual([400, 'lastEventId']);
  });

  it('that was given twice is refused', async () => {
    const answer = await rawRequest(t.base, `GET /api/v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${viewer}\r\nLast-Event-ID: 1-1\r\nLast-Event-ID: 2-2\r\n\r\n`);
    expect(answer.status).toBe(400);
    expect((await open({ query: 'lastEventId=1-1&lastEventId=2-2' })).status).toBe(400);
  });

  it('of an event that is not stored is 410: removed, of another history, or of one to come', async () => {
    const stream = await open();
    await insertEvents(t, 1);
    await stream.has(1);
    const [seq, us] = stream.lastId.split('-').map(Number) as [number, number];
    for (const id of [`${seq}-${us + 1}`, `${seq}-${us - 1_000_000_000}`, `${seq + 1}-${us}`, `${seq + 1_000_000}-${us}`, `999999999999999-${us}`, '1-1', `${seq}-8999999999999999`]) {
      const answer = await open({ lastEventId: id });
      expect([id, answer.status, answer.problem.code]).toEqual([id, 410, 'EVENT_ID_GONE']);
    }
    const retryable = await t.http('GET', '/events', { headers: { 'last-event-id': '1-1' } });
    expect(retryable.body).toMatchObject({ status: 410, title: 'Gone', retryable: false });
  });

  it('of a month that was removed is 410, also when later ones are there', async () => {
    await t.db.query(`select ensure_months('2020-05-01', '2020-05-31')`);
    const [{ us } = { us: '' }] = await t.db.query<{ us: string }>(`insert into events (seq, at, type, actor) values (1000000000, '2020-05-06T07:08:09.123457Z', 'test.old', 'system') returning (extract(epoch from at) * 1000000)::bigint as us`);
    expect((await t.http('HEAD', '/events', { headers: { 'last-event-id': `1000000000-${us}` } })).status).toBe(200);
    await t.db.query(`alter table events detach partition events_y2020m05`);
    await t.db.query(`drop table events_y2020m05`);
    expect((await t.http('HEAD', '/events', { headers: { 'last-event-id': `1000000000-${us}` } })).status).toBe(410);
  });
});

describe('filters', () => {
  it('pick types, exactly or by what stands before the point, several by commas or repetition', async () => {
    const asks: [string, string[]][] = [
      ['type=pick.one', ['pick.one']], ['type=pick.*', ['pick.one', 'pick.two']], ['type=pick.one,other.one', ['pick.one', 'other.one']],
      ['type=pick.two&type=other.*', ['pick.two', 'other.one', 'other.one_more']], ['type=pick.*,pick.one', ['pick.one', 'pick.two']], ['type=pic.*', []],
    ];
    const streams = await Promise.all(asks.map(([query]) => open({ query })));
    const from = streams[0]?.lastId;
    for (const type of ['pick.one', 'pick.two', 'other.one', 'other.one_more', 'picky.one']) await insertEvent(t.db, { type });
    const all = await open({ lastEventId: from });
    await all.has(5);
    wake(t);
    for (const [i, [query, types]] of asks.entries()) {
      await streams[i]?.has(types.length);
      const replayed = await open({ query, lastEventId: from });
      await replayed.has(types.length);
      expect([query, typesOf(streams[i] as EventSource), typesOf(replayed)]).toEqual([query, types, types]);
    }
  });

  it('pick an agent', async () => {
    const other = await t.agent();
    const stream = await open({ query: `agentId=${agent.id.toUpperCase()}` });
    await insertEvent(t.db, { agentId: other.id });
    const seq = await insertEvent(t.db, { agentId: agent.id });
    await insertEvent(t.db);
    wake(t);
    await stream.has(1);
    await pause(100);
    expect(seqsOf(stream)).toEqual([seq]);
  });

  const fiftyOne = `type=${Array.from({ length: 51 }, (_, i) => `a.${String.fromCharCode(97 + i % 26)}${i > 25 ? '_' : ''}`).join()}`;
  it.each([
    ['no type at all', 'type='], ['a kind without its point', 'type=command'], ['everything', 'type=*'], ['an ending', 'type=*.created'], ['more than a type', 'type=command.*.x'], ['capitals', 'type=Command.created'],
    ['nothing between commas', 'type=a.b,,c.d'], ['more than 50', fiftyOne], ['a NUL', 'type=a.b%00'], ['SQL', "type='%20or%20true"], ['an agent by another name', 'agentId=me'], ['no agent', 'agentId=x'], ['an unknown one', 'surprise=1'],
  ])('refuse %s by name', async (_what, query) => {
    const stream = await open({ query });
    expect([stream.status, stream.problem.errors?.[0]?.path]).toEqual([400, query.split('=')[0]]);
  });
});
