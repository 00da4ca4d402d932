import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Api, Refused, retryAfterMs, ServerAway } from './api.js';
import { Backoff } from './backoff.js';
import { newer, parseDesiredHeader, readDesired } from './desired-state.js';
import { FakeServer, type Fault } from './testing/fake-server.js';

let server: FakeServer;
let api: Api;
beforeEach(async () => {
  server = new FakeServer();
  await server.listen();
  api = new Api(server.url, 'tw_key', 'instance-1');
});
afterEach(() => server.close());

async function failureOf(fault: Fault): Promise<unknown> {
  server.fault = () => fault;
  return api.post('/predictions', {}).then(
    () => 'no failure',
    (error: unknown) => error,
  );
}

describe('a call', () => {
  it('carries the key, the instance, and the idempotency key', async () => {
    await api.post('/predictions', { a: 1 }, { idempotencyKey: 'k-1' });
    expect(server.seen[0]!.headers).toMatchObject({
      authorization: 'Bearer tw_key', 'x-instance-id': 'instance-1', 'idempotency-key': 'k-1', 'content-type': 'application/json',
    });
  });

  it.each([500, 502, 503, 504, 429, 408])('answered %i may be made again', async (status) => {
    expect(await failureOf({ status, headers: { 'retry-after': '7' } })).toMatchObject({ status, retryAfterMs: 7_000 });
    expect(await failureOf({ status })).toBeInstanceOf(ServerAway);
  });

  it.each([400, 401, 403, 404, 409, 412, 413, 415, 422, 428])('answered %i is refused for good', async (status) => {
    const error = await failureOf({ status, body: { code: 'X', detail: 'why', errors: [{ path: 'lotSize', message: 'bad' }] } });
    expect(error).toBeInstanceOf(Refused);
    expect((error as Refused).message).toBe(`${status} X why lotSize: bad`);
  });

  it('answered 409 may be made again where the server says so', async () => {
    expect(await failureOf({ status: 409, body: { retryable: true } })).toBeInstanceOf(ServerAway);
  });

  it.each(['before', 'after'] as const)('without an answer (dropped %s it was done) may be made again', async (drop) => {
    expect(await failureOf({ drop })).toMatchObject({ status: 0 });
  });

  it('to nobody may be made again', async () => {
    const nobody = new Api('http://127.0.0.1:9', null, null);
    await expect(nobody.get('/agents/me')).rejects.toMatchObject({ status: 0, message: expect.stringContaining('GET /agents/me') });
  });

  it('that takes too long is given up', async () => {
    const slow = api.post('/agents/me/commands/lease', { waitSeconds: 30 }, { timeoutMs: 50 });
    await expect(slow).rejects.toMatchObject({ status: 0, message: expect.stringContaining('no answer in time') });
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each([['3', 3_000], ['0', 0], ['Thu, 01 Jan 2026 00:00:10 GMT', 10_000], ['Wed, 31 Dec 2025 00:00:00 GMT', 0], ['soon', 0], [null, 0], ['-5', 0]])(
    '%p is %i ms',
    (header, ms) => expect(retryAfterMs(header, now)).toBe(ms),
  );
});

describe('the backoff', () => {
  it('doubles up to thirty seconds, half of it jitter', () => {
    const [low, high] = [new Backoff(250, 30_000, () => 0), new Backoff(250, 30_000, () => 1)];
    expect([1, 2, 3].map(() => low.next())).toEqual([125, 250, 500]);
    expect(Array.from({ length: 12 }, () => high.next()).slice(-2)).toEqual([30_000, 30_000]);
  });

  it('waits as long as the server asks, but not for ever, and begins anew after a success', () => {
    const backoff = new Backoff(250, 30_000, () => 1);
    expect(backoff.next(60_000)).toBe(60_000);
    expect(backoff.next(9e9)).toBe(300_000);
    backoff.reset();
    expect(backoff.next()).toBe(250);
  });
});

describe('the desired state', () => {
  const known = { state: 'active', run: 'paused', version: 3 } as const;

  it('is read from the header, with or without the run', () => {
    expect(parseDesiredHeader('halted;run=stopped;v=12', null)).toEqual({ state: 'halted', run: 'stopped', version: 12 });
    expect(parseDesiredHeader('halted;v=12', known)).toEqual({ state: 'halted', run: 'paused', version: 12 });
  });

  it.each([null, '', 'active', 'active;v=', 'active;run=running;v=x', 'sleepy;run=running;v=3', 'halted;v=12'])('changes nothing when it cannot be read: %p', (header) => {
    const seen = parseDesiredHeader(header, null);
    expect(seen === null || !Number.isSafeInteger(seen.version) ? null : seen).toBeNull();
  });

  it('is the newest one, in whatever order the answers come', () => {
    expect(newer(known, { state: 'halted', run: 'running', version: 2 })).toBe(known);
    expect(newer(known, { state: 'halted', run: 'running', version: 4 })).toMatchObject({ version: 4 });
    expect(newer(known, null)).toBe(known);
    expect(readDesired({ state: 'active', run: 'running' })).toBeNull();
  });
});
