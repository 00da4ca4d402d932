import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Signal } from '../../src/webhooks/mapping/signal.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { until } from '../support/timing.js';
import { makeSource, postAlert, type Posted, type TestSource } from '../support/webhooks.js';
import { ORDERS, QUARANTINED, type Recorded, recorded, shownAs } from './recorded.js';

interface Shown { id: string; status: string; code: string | null; body: string; signal: Signal | null; run: number; duplicateCount: number }

/** Of whom the secret was another than the alert told. */
const REFUSED = [36, 59, 67];
/** What was sent twice. */
const REPEATED = new Map([[2, 1], [24, 23], [47, 46]]);
const EXPECTED = new Map([...ORDERS, ...QUARANTINED].flatMap(([numbers, order]) => numbers.map((n): [number, string] => [n, order])));

const toldIn = ({ body_raw, header_secret }: Recorded): string | null => header_secret ?? /"secret"\s*:\s*"([^"]+)"/.exec(body_raw)?.[1] ?? null;

/** A declared mapping for alerts whose texts the chart left as they were: what it says all the time stands in the mapping. */
const MENDED = {
  fields: { symbol: { const: 'INFY' }, exchange: { const: 'NSE' }, action: { const: 'in' }, quantity: { const: '1' }, comment: { const: 'mended' } }, actions: { in: 'enter_long' },
};

describe('recorded requests, sent to a server', () => {
  it(recorded.length > 0 ? 'are here' : 'are not here: nothing was checked', () => undefined);
  if (recorded.length === 0) return;

  let t: TestApp;
  const answers = new Map<number, Posted>();
  const sources = new Map<string | null, TestSource>();
  const sourceOf = async (secret: string | null): Promise<TestSource> => {
    const source = sources.get(secret) ?? (await makeSource(t.http, { ...(secret === null ? {} : { bodySecret: secret }), route: { action: 'store' } }));
    sources.set(secret, source);
    return source;
  };
  const shown = async (n: number) => (await t.http<Shown>('GET', `/alerts/${answers.get(n)?.body.alertId ?? ''}`)).body;
  const isDone = async () => (await t.db.query(`select 1 from alerts where status = 'received'`)).length === 0;
  const stored = recorded.map(({ n }) => n).filter((n) => !REFUSED.includes(n));

  beforeAll(async () => {
    t = await startTestApp();
    // One after the other, as they were recorded; who was refused there is so by a source that has another secret.
    for (const request of recorded) {
      const secret = REFUSED.includes(request.n) ? 'another-secret' : toldIn(request);
      const { path } = await sourceOf(secret);
      const headers: Record<string, string> = { ...(request.content_type === null ? {} : { 'content-type': request.content_type }), ...(request.header_secret === null ? {} : { 'x-sigmatrader-secret': request.header_secret }) };
      answers.set(request.n, await postAlert(t, path, Buffer.from(request.body_raw), headers));
    }
    await until(isDone, 10_000);
  });
  afterAll(() => t.close());

  it('are refused with a wrong secret, and else accepted, whatever they say; what was sent twice has the first id', () => {
    for (const { n } of recorded) {
      const { status, body } = answers.get(n) as Posted;
      const expected = REFUSED.includes(n) ? [401, 'WRONG_BODY_SECRET'] : [202, REPEATED.has(n) ? 'duplicate' : 'accepted'];
      expect([n, status, status === 401 ? body.code : body.status]).toEqual([n, ...expected]);
    }
    for (const [second, first] of REPEATED) expect(answers.get(second)?.body.alertId).toBe(answers.get(first)?.body.alertId);
  });

  it('are stored once each, with nothing of a secret anywhere', async () => {
    const [{ n, repeated } = { n: 0, repeated: 0 }] = await t.db.query<{ n: number; repeated: number }>('select count(*)::int as n, sum(duplicate_count)::int as repeated from alerts');
    expect([n, repeated]).toEqual([stored.length - REPEATED.size, REPEATED.size]);
    const secrets = [...new Set([...recorded.map(toldIn), 'another-secret'])].filter((secret) => secret !== null && !secret.startsWith('{{'));
    expect(secrets.length).toBeGreaterThan(5);
    const traces = await t.db.query(`
      select secret, what from unnest($1::text[]) as s (secret) cross join lateral (
        select 'alert ' || id as what from alerts where position(convert_to(secret, 'UTF8') in body) > 0 or signal::text like '%' || secret || '%' or detail like '%' || secret || '%'
        union all select 'event ' || seq from events where data::text like '%' || secret || '%'
        union all select 'source ' || id from webhook_sources w where w::text like '%' || secret || '%') found`, [secrets]);
    expect(traces).toEqual([]);
  });

  it('end as what they ask for, or wait for a person with the reason', async () => {
    for (const n of stored) {
      const { status, code, signal } = await shown(n);
      const expected = EXPECTED.get(n);
      expect([n, status, signal ? shownAs(signal) : code]).toEqual([n, QUARANTINED.some(([numbers]) => numbers.includes(n)) ? 'quarantined' : 'processed', expected]);
    }
  });

  it('that wait for a person go through when they are redriven, once the mapping of their source is mended', async () => {
    const waiting = QUARANTINED.flatMap(([numbers]) => numbers);
    const readable = waiting.filter((n) => n !== 74);
    for (const source of sources.values()) {
      expect((await t.http('POST', '/alerts/redrive', { body: { filter: { sourceId: source.id, code: 'SYMBOL_MISSING' } } })).body).toEqual({ redriven: 0, more: false });
      expect((await t.http('PATCH', `/webhook-sources/${source.id}`, { body: { mapping: MENDED } })).status).toBe(200);
    }
    expect((await t.http('POST', '/alerts/redrive', { body: { filter: {}, reason: 'the mapping is mended' } })).body).toEqual({ redriven: waiting.length, more: false });
    await until(isDone, 10_000);
    for (const n of readable) {
      const { status, signal, run } = await shown(n);
      expect([n, status, signal && shownAs(signal), run]).toEqual([n, 'processed', 'entry long INFY@NSE 1 market - ref - -', 2]);
    }
    // Of a piece that is no JSON no mapping makes an alert: it waits on, under its first reason.
    expect(await shown(74)).toMatchObject({ status: 'quarantined', code: 'BODY_NOT_READABLE', run: 2 });
    // What had ended well before was not touched.
    expect(await shown(1)).toMatchObject({ status: 'processed', run: 1 });
  });
});
