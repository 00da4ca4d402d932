import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { clientOf } from '../support/http.js';
import { makeSource, postAlert } from '../support/webhooks.js';

interface Refusal { status: number; code: string; detail: string; errors?: { path: string; message: string }[] }

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  agent = await t.agent();
});
afterAll(() => t.close());

const raw = async (body: string): Promise<Refusal> => {
  const answer = await fetch(`${t.base}/api/v1/agents/me/heartbeat`, { method: 'POST', body, headers: { 'content-type': 'application/json', authorization: `Bearer ${agent.apiKey}` } });
  return (await answer.json()) as Refusal;
};

/** As clients do that read nothing before they have written all. */
const writesAll = (path: string, bytes: number): Promise<{ answer: string; error: string | null }> => new Promise((resolve) => {
  const { hostname, port } = new URL(t.base);
  let [answer, error] = ['', null as string | null];
  const socket = connect(Number(port), hostname);
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
  socket.on('error', (fault) => (error = fault.message));
  socket.on('close', () => resolve({ answer, error }));
  const write = (left: number): void => {
    if (error !== null) return;
    if (left <= 0) setTimeout(() => socket.end(), 100);
    else socket.write('x'.repeat(Math.min(left, 65_536)), () => write(left - 65_536));
  };
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\nAuthorization: Bearer ${agent.apiKey}\r\n\r\n`, () => write(bytes));
});

describe('every 400 says what was wrong in errors', () => {
  it.each(['{', 'nul', '{"equity":NaN}'])('also of a body that is no JSON: %p', async (body) => {
    const answer = await raw(body);
    expect(answer).toMatchObject({ status: 400, code: 'BODY_NOT_JSON', errors: [{ path: '', message: answer.detail }] });
  });

  it('also of an empty alert and of an address that cannot be decoded', async () => {
    const { path } = await makeSource(t.http);
    expect((await postAlert(t, path, '')).body).toMatchObject({ status: 400, code: 'BODY_EMPTY', errors: [{ path: '', message: expect.any(String) }] });
    expect((await clientOf(t.base)<Refusal>('GET', '/agents/%zz')).body).toMatchObject({ status: 400, errors: [{ path: '', message: expect.any(String) }] });
  });

  it('with one entry for each field that is not taken, wherever it stands', async () => {
    const top = await t.http<Refusal>('POST', '/agents', { body: { name: 'two too many', mode: 'paper', one: 1, other: 2 } });
    expect(top.body.errors).toEqual([{ path: 'one', message: 'is not a field of this request' }, { path: 'other', message: 'is not a field of this request' }]);
    const inner = await t.http<Refusal>('POST', '/kill-switch', { body: { scope: { type: 'global', one: 1, other: 2 }, mode: 'halt', reason: 'r' } });
    expect(inner.body.errors?.map(({ path }) => path)).toEqual(['scope.one', 'scope.other']);
    const query = await t.http<Refusal>('GET', '/agents?one=1&other=2');
    expect(query.body.errors?.map(({ path }) => path)).toEqual(['one', 'other']);
  });

  it('and nothing of the length of what has the wrong type', async () => {
    const answer = await t.http<Refusal>('POST', `/agents/${agent.id}/keys`, { body: { name: 'one', scopes: 'ideas' } });
    expect(answer.body.errors).toEqual([{ path: 'scopes', message: 'must be a list' }]);
  });

  it('naming the types of scopes where the type of a scope is wrong', async () => {
    const of = async (scope: unknown) => (await t.http<Refusal>('POST', '/kill-switch', { body: { scope, mode: 'halt', reason: 'r' } })).body.errors;
    expect(await of({ type: 'planet', id: 'earth' })).toEqual([{ path: 'scope.type', message: 'must be one of symbol, account, agent, strategy, global' }]);
    expect(await of('global')).toEqual([{ path: 'scope', message: expect.stringContaining('must be an object with type') }]);
    expect(await of(undefined)).toEqual([{ path: 'scope', message: 'is required' }]);
  });
});

describe('a time as a number', () => {
  it.each([1_795_285_943, 2026, 99_999_999_999])('in seconds is not taken for January 1970: %p', async (lastCycleAt) => {
    const answer = await agent.http<Refusal>('POST', '/agents/me/heartbeat', { body: { lastCycleAt } });
    expect(answer.body).toMatchObject({ status: 400, errors: [{ path: 'lastCycleAt', message: 'must be epoch milliseconds, at least 100000000000: this looks like seconds' }] });
    expect((await t.http<Refusal>('GET', `/trades?from=${lastCycleAt}`)).body.errors?.[0]?.path).toBe('from');
  });

  it.each([0, 100_000_000_000, 1_795_285_943_000])('in milliseconds is taken: %p', async (lastCycleAt) => {
    expect((await agent.http('POST', '/agents/me/heartbeat', { body: { lastCycleAt } })).status).toBe(200);
    expect((await agent.http<{ lastCycleAt: string }>('GET', '/agents/me/state')).body.lastCycleAt).toBe(new Date(lastCycleAt).toISOString());
  });
});

describe('a body that is too large', () => {
  it('is answered with its limit', async () => {
    expect(await raw(`{"a":"${'x'.repeat(1_048_576)}"}`)).toMatchObject({ status: 413, code: 'BODY_TOO_LARGE', detail: 'The body may have at most 1048576 bytes.' });
    const { path } = await makeSource(t.http);
    expect((await postAlert(t, path, 'x'.repeat(65_537))).body).toMatchObject({ status: 413, code: 'BODY_TOO_LARGE', detail: 'The body may have at most 65536 bytes.' });
  });

  it('is answered also to those who read only after they have written all of it', async () => {
    const { path } = await makeSource(t.http);
    for (const where of ['/api/v1/agents/me/heartbeat', path]) {
      const { answer, error } = await writesAll(where, 8_388_608);
      expect([where, error, answer.split('\r\n')[0]]).toEqual([where, null, expect.stringMatching(/^HTTP\/1\.1 413 /)]);
    }
  });
});

describe('a month that the event log lacks', () => {
  it('is a fault of the server, to be tried again, and no conflict of the caller; nothing is half done', async () => {
    const [month] = await t.db.query<{ name: string; bound: string }>(`select c.oid::regclass::text as name, pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_inherits join pg_class c on c.oid = inhrelid where inhparent = 'events'::regclass and c.relname = 'events_' || to_char(app_clock() at time zone 'UTC', '"y"YYYY"m"MM')`);
    const open = () => agent.http<Refusal>('POST', '/trades', { body: { clientOrderId: 'of-a-lost-month', symbol: 'EURUSD', direction: 'long', lotSize: '1' } });
    await t.db.query(`alter table events detach partition ${month?.name}`);
    try {
      expect(await open()).toMatchObject({ status: 500, body: { code: 'INTERNAL' } });
    } finally {
      await t.db.query(`alter table events attach partition ${month?.name} ${month?.bound}`);
    }
    expect((await open()).status).toBe(201);
  });
});
