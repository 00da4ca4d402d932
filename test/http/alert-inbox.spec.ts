import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { conflict, unavailable } from '../../src/common/problem.js';
import type { Tx } from '../../src/database/transaction.js';
import { Inbox } from '../../src/webhooks/inbox/inbox.service.js';
import { MappingRepository } from '../../src/webhooks/inbox/mapping.repository.js';
import { AlertMapping } from '../../src/webhooks/inbox/mapping.service.js';
import { SilenceWatch } from '../../src/webhooks/inbox/silence.service.js';
import type { Signal } from '../../src/webhooks/mapping/signal.js';
import type { Routed, RoutedAlert } from '../../src/webhooks/routing/routed.js';
import { AlertRouter } from '../../src/webhooks/routing/router.service.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { scrape } from '../support/metrics.js';
import { until } from '../support/timing.js';
import { makeSource, postAlert, runnablePlan, type TestSource } from '../support/webhooks.js';

type Route = (tx: Tx, alert: RoutedAlert, signal: Signal) => Promise<Routed>;
interface Row { id: string; seq: number; status: string; code: string | null; detail: string | null; run: number; attempts: number; is_exit: boolean | null; symbol: string; outcome: Record<string, unknown> | null; tag: string }

const done: Routed = { status: 'processed', code: null, detail: null, outcome: {} };
const MAPPING = {
  fields: { symbol: 's', action: 'a', alertId: 'id', tag: 'tag' },
  actions: { in: 'enter_long', short: 'enter_short', out: 'exit_long', buy: 'buy', sell: 'sell', pause: 'pause' },
};

let t: TestApp;
let second: TestApp;
let agentId: string;
let source: TestSource;
/** What the router was asked for, by tag, in the order in which it was; on both instances. */
let routed: string[];
let route: Route;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
  agentId = (await t.agent()).id;
  for (const app of [t, second]) {
    app.app.get(AlertMapping, { strict: false }).waitForStoringMs = 60_000;
    app.app.get(AlertRouter, { strict: false }).route = async (tx, alert, signal) => {
      routed.push(signal.tag ?? '');
      return route(tx, alert, signal);
    };
  }
});
beforeEach(async () => {
  routed = [];
  route = async () => done;
  source = await makeSource(t.http, { mapping: MAPPING, route: { action: 'command', executorAgentId: agentId } });
});
/** What a test leaves waiting would be tried during the next. */
afterEach(async () => {
  route = async () => done;
  await t.db.query(`update alerts set status = 'ignored', finished_at = app_clock() where status = 'received'`);
});
afterAll(async () => {
  await second.close();
  await t.close();
});

let ids = 0;
/** Posts an alert with this tag; answers its id once it is stored. */
const post = async (tag: string, a = 'in', s = 'EURUSD', app = t, to = source): Promise<string> => {
  const answer = await postAlert(app, to.path, JSON.stringify({ s, a, tag, id: `inbox-${++ids}` }));
  if (answer.status !== 202) throw new Error(answer.text);
  return answer.body.alertId;
};
const rows = (of = source) => t.db.query<Row & pg.QueryResultRow>(`select *, signal ->> 'tag' as tag from alerts where source_id = $1 order by seq`, [of.id]);
const statuses = async (of = source) => (await rows(of)).map(({ tag, status, code }) => [tag, status, code]);
const settled = () => t.app.get(Inbox).settle();
const row = async (id: string) => (await t.db.query<Row & pg.QueryResultRow>(`select *, signal ->> 'tag' as tag from alerts where id = $1`, [id]))[0] as Row;
const ended = (id: string) => until(async () => (await row(id)).status !== 'received', 5_000);
/** As if so many seconds had gone by for what waits. */
const later = (seconds: number) => t.db.query(`update alerts set next_attempt_at = next_attempt_at - make_interval(secs => $1), first_failed_at = first_failed_at - make_interval(secs => $1) where status = 'received'`, [seconds]);
/** Has failed once, and neither its pause nor its time before the others goes by while this machine is slow. */
const failedOnce = async (id: string) => {
  await until(async () => (await row(id)).attempts === 1, 5_000);
  await t.db.query(`update alerts set next_attempt_at = next_attempt_at + interval '1 hour', first_failed_at = first_failed_at + interval '1 hour' where id = $1`, [id]);
};
const HOUR = 3_600;
/** Whoever is of these tags fails; the others pass. */
const failing = (...tags: string[]): Route => async (_tx, _alert, signal) => {
  if (tags.includes(signal.tag ?? '')) throw new Error('out of order');
  return done;
};
const incidents = async (kind: string, of = source) => (await t.db.query<{ severity: string; occurrences: number; resolved_at: Date | null }>(`select * from incidents where kind = $1 and subject_id = $2 order by seq`, [kind, of.id]));

describe('turns', () => {
  it('of one symbol come in the order in which alerts were numbered, on two instances, each once; other symbols run beside', async () => {
    const symbols = ['EURUSD', 'GBPUSD', 'NSE:INFY', 'BTCUSD'];
    let inside = 0;
    let most = 0;
    route = async (tx) => {
      most = Math.max(most, ++inside);
      // The first waits for another symbol's: that they run beside is not left to chance.
      if (most < 2) await until(() => most > 1, 20_000);
      await tx.query('select pg_sleep(0.002)');
      inside -= 1;
      return done;
    };
    await Promise.all(Array.from({ length: 160 }, (_, n) => post(String(n), 'in', symbols[n % symbols.length], n % 3 === 0 ? second : t)));
    await until(async () => (await rows()).every(({ status }) => status === 'processed'), 20_000);
    expect(routed).toHaveLength(160);
    expect(new Set(routed).size).toBe(160);
    const order = await t.db.query<{ symbol: string; seqs: string[] }>(
      `select a.symbol, array_agg(a.seq::text order by r.seq) as seqs from alert_runs r join alerts a on a.id = r.alert_id where a.source_id = $1 group by 1`, [source.id]);
    expect(order).toHaveLength(4);
    for (const { seqs } of order) expect(seqs).toEqual([...seqs].sort((a, b) => Number(a) - Number(b)));
    expect(most).toBeGreaterThan(1);
  });

  it('wait for a lower number that is still being stored', async () => {
    const client = new pg.Client({ connectionString: t.db.adminUrl });
    await client.connect();
    try {
      await client.query('begin');
      await client.query(`insert into alerts (id, source_id, key_kind, body) values (gen_random_uuid(), $1, 'bytes', $2)`, [source.id, Buffer.from(JSON.stringify({ s: 'EURUSD', a: 'in', tag: 'first', id: 'held' }))]);
      await post('second');
      // The pass that maps it has been under way for longer than it takes: it waits for who stores.
      await until(async () => (await t.db.query(`select 1 from pg_locks l join pg_stat_activity s on s.pid = l.pid
        where l.locktype = 'advisory' and l.classid = 7302 and l.granted and s.xact_start < clock_timestamp() - interval '300 milliseconds'`)).length > 0, 5_000);
      expect(routed).toEqual([]);
      await client.query('commit');
    } finally {
      await client.end();
    }
    await until(() => routed.length === 2, 5_000);
    expect(routed).toEqual(['first', 'second']);
  });

  it('that fail leave nothing behind, and are taken again after a pause', async () => {
    let fails = true;
    route = async (tx) => {
      await tx.query(`insert into events (type, actor, data) values ('key.created', 'turn', '{}')`);
      if (fails) throw new Error('half way');
      return done;
    };
    const id = await post('one');
    await failedOnce(id);
    expect(await row(id)).toMatchObject({ status: 'received', code: 'PROCESSING_FAILED', detail: expect.not.stringContaining('half way') });
    await settled();
    expect(routed).toHaveLength(1);
    fails = false;
    await later(HOUR + 3);
    await settled();
    expect(await row(id)).toMatchObject({ status: 'processed', code: null, detail: null });
    expect(await t.db.query(`select 1 from events where actor = 'turn'`)).toHaveLength(1);
    expect(await t.db.query(`select 1 from alert_runs where alert_id = $1`, [id])).toHaveLength(1);
  });

  it('that fail hold up their symbol for ten seconds from the first failure, other symbols not at all', async () => {
    route = failing('stuck');
    const stuck = await post('stuck');
    await failedOnce(stuck);
    const behind = await post('behind');
    const beside = await post('beside', 'in', 'GBPUSD');
    await ended(beside);
    await settled();
    expect((await row(behind)).status).toBe('received');
    // Only the first failure is moved: it waits for its next try all the same.
    await t.db.query(`update alerts set first_failed_at = app_clock() - interval '10 seconds' where id = $1`, [stuck]);
    await settled();
    expect((await row(behind)).status).toBe('processed');
    expect((await row(stuck)).status).toBe('received');
  });

  it('end in quarantine after eight that failed, with an incident that is critical for an exit', async () => {
    route = failing('in', 'out');
    const clock = async () => (await t.db.query<{ now: number }>('select extract(epoch from app_clock())::float8 as now'))[0]?.now ?? NaN;
    let before = await clock();
    const [entry, exit] = [await post('in'), await post('out', 'out', 'GBPUSD')];
    for (let attempt = 1; attempt < 8; attempt++) {
      await until(async () => (await row(entry)).attempts === attempt && (await row(exit)).attempts === attempt, 5_000);
      const [{ next } = { next: 0 }] = await t.db.query<{ next: number }>(`select extract(epoch from next_attempt_at)::float8 as next from alerts where id = $1`, [entry]);
      // It failed at some moment between the two looks at the clock.
      const pause = Math.min(60, 2 ** attempt);
      expect([next - before >= pause - 0.01, next - (await clock()) <= pause]).toEqual([true, true]);
      await later(61);
      before = await clock();
      await settled();
    }
    await Promise.all([ended(entry), ended(exit)]);
    for (const id of [entry, exit]) expect(await row(id)).toMatchObject({ status: 'quarantined', code: 'ATTEMPTS_EXHAUSTED' });
    expect(await incidents('ALERT_QUARANTINED')).toMatchObject([{ severity: 'critical', occurrences: 2, resolved_at: null }]);
  });

  it('that are refused end as failed with the code of the refusal; what is busy waits and does not count', async () => {
    route = async (_tx, _alert, { tag }) => {
      throw tag === 'busy' ? unavailable('BUSY', 'later') : conflict('AGENT_RETIRED', 'The agent is retired.');
    };
    const [refused, busy] = [await post('refused'), await post('busy', 'in', 'GBPUSD')];
    await ended(refused);
    expect(await row(refused)).toMatchObject({ status: 'failed', code: 'AGENT_RETIRED', detail: 'The agent is retired.' });
    await until(async () => (await row(busy)).code === 'BUSY', 5_000);
    expect(await row(busy)).toMatchObject({ status: 'received', attempts: 0 });
  });

  it('that wait keep what was done so far, and get it handed in again', async () => {
    const seen: unknown[] = [];
    route = async (_tx, { outcome }) => {
      seen.push(outcome);
      return outcome ? { ...done, outcome: { ...outcome, opened: true } } : { again: { code: 'UNTIL_FLAT', detail: 'closing', inSeconds: 30, counts: false }, outcome: { closed: true } };
    };
    const id = await post('reversal');
    await until(async () => (await row(id)).code === 'UNTIL_FLAT', 5_000);
    expect(await row(id)).toMatchObject({ status: 'received', attempts: 0, outcome: { closed: true } });
    await later(31);
    await settled();
    expect(seen).toEqual([null, { closed: true }]);
    expect(await row(id)).toMatchObject({ status: 'processed', outcome: { closed: true, opened: true } });
  });
});

describe('an exit', () => {
  it('overtakes entries that wait, and they are not opened after it; those of the other direction and those that come later are', async () => {
    route = failing('stuck');
    await failedOnce(await post('stuck'));
    await post('behind');
    await post('other way', 'short');
    const exit = await post('out', 'out');
    await post('afterwards');
    await ended(exit);
    expect(routed.slice(0, 2)).toEqual(['stuck', 'out']);
    route = async () => done;
    await until(async () => (await rows()).every(({ status }) => status !== 'received'), 5_000);
    expect(await statuses()).toEqual([
      ['stuck', 'ignored', 'OVERTAKEN_BY_EXIT'], ['behind', 'ignored', 'OVERTAKEN_BY_EXIT'], ['other way', 'processed', null], ['out', 'processed', null], ['afterwards', 'processed', null],
    ]);
    expect(routed.slice(2)).toEqual(['other way', 'afterwards']);
  });

  it('ends all that it overtakes, however much has piled up', async () => {
    await t.db.query(`insert into alerts (id, source_id, key_kind, body, symbol, is_exit, signal, next_attempt_at)
      select gen_random_uuid(), $1, 'bytes', 'x', 'EURUSD', false, '{"intent":"entry","side":"long"}', app_clock() + interval '1 hour' from generate_series(1, 2100) n`, [source.id]);
    await ended(await post('out', 'out'));
    expect(await t.db.query('select status, code, count(*)::int as n from alerts where source_id = $1 and not is_exit group by 1, 2', [source.id])).toEqual([{ status: 'ignored', code: 'OVERTAKEN_BY_EXIT', n: 2_100 }]);
  });

  it('is carried out while alerts come faster than they are mapped', async () => {
    const mappings = [t, second].map(({ app }) => app.get(MappingRepository, { strict: false }));
    for (const mapping of mappings) mapping.isAnyUnmapped = async () => true;
    try {
      // The second one asks for another pass, which never comes.
      for (const tag of ['first', 'second']) {
        const id = await post(tag, 'in', 'GBPUSD');
        await until(async () => (await row(id)).is_exit !== null, 5_000);
      }
      await ended(await post('exit', 'out'));
    } finally {
      for (const mapping of mappings) Reflect.deleteProperty(mapping, 'isAnyUnmapped');
    }
  });

  it('lets an order that it overtook close what is held against it, and open nothing', async () => {
    const signals: Signal[] = [];
    route = async (_tx, _alert, signal) => {
      if (signal.tag === 'buy' && signal.intent === 'order') throw new Error('not yet');
      signals.push(signal);
      return done;
    };
    await failedOnce(await post('buy', 'buy'));
    await ended(await post('out', 'out'));
    await later(HOUR + 3);
    await settled();
    expect(signals.map(({ tag, intent, side }) => [tag, intent, side])).toEqual([['out', 'exit', 'long'], ['buy', 'exit', 'short']]);
  });

  it('is held up by none that failed before it; a command ends what waits in every symbol', async () => {
    route = failing('first');
    const first = await post('first', 'out');
    await failedOnce(first);
    await ended(await post('second', 'out'));
    route = failing('entry');
    const entry = await post('entry', 'in', 'GBPUSD');
    await failedOnce(entry);
    await ended(await post('pause', 'pause', 'NSE:INFY'));
    expect(await row(entry)).toMatchObject({ status: 'ignored', code: 'OVERTAKEN_BY_EXIT' });
    expect((await row(first)).status).toBe('received');
  });
});

describe('what cannot be read', () => {
  it('is put in quarantine with its reason and stops nobody', async () => {
    const bodies = ['\u0000\u0001', '{"s":', JSON.stringify({ s: 'EURUSD' }), JSON.stringify({ s: 'EURUSD', a: 'in', tag: 'a\u0000b\ud800', id: 'odd' }), '[]', '{"__proto__":{"s":1},"a":"in"}'];
    for (const body of bodies) expect((await postAlert(t, source.path, body)).status).toBe(202);
    const id = await post('well');
    await ended(id);
    await until(async () => (await rows()).every(({ status }) => status !== 'received'), 5_000);
    const found = await rows();
    expect(found).toHaveLength(7);
    for (const { status, code, detail } of found.filter((each) => each.status !== 'processed')) expect([status, /^[A-Z_]+$/.test(code ?? ''), (detail ?? '').length > 0]).toEqual(['quarantined', true, true]);
    expect(await row(id)).toMatchObject({ status: 'processed', tag: 'well' });
    expect((await incidents('ALERT_QUARANTINED'))[0]).toMatchObject({ severity: 'critical' });
  });
});

describe('redriving', () => {
  const redrive = (id: string, body: object = {}, headers = {}) => t.http<{ code: string; redriven: number; more: boolean }>('POST', `/alerts/${id}/redrive`, { body, headers });
  interface Whole { status: string; run: number; runs: { run: number; status: string; code: string | null }[]; redrivenBy: string | null; body: string; bodyEncoding: string; signal: object | null }

  it('maps anew: a mended mapping lets through what it had not understood, and its incident ends', async () => {
    const answer = await postAlert(t, source.path, JSON.stringify({ s: 'EURUSD', a: 'kaufen', tag: 'mended', id: 'mend' }));
    const id = answer.body.alertId;
    await ended(id);
    expect((await row(id)).status).toBe('quarantined');
    expect((await t.http('PATCH', `/webhook-sources/${source.id}`, { body: { mapping: { ...MAPPING, actions: { ...MAPPING.actions, kaufen: 'buy' } } } })).status).toBe(200);
    expect(await redrive(id)).toMatchObject({ status: 200, body: { redriven: 1, more: false } });
    await ended(id);
    const { body } = await t.http<Whole>('GET', `/alerts/${id}`);
    expect(body).toMatchObject({ status: 'processed', run: 2, bodyEncoding: 'utf-8', redrivenBy: expect.stringMatching(/^user:/), runs: [{ run: 2, status: 'processed', code: null }, { run: 1, status: 'quarantined' }] });
    expect(JSON.parse(body.body)).toMatchObject({ a: 'kaufen' });
    expect(await incidents('ALERT_QUARANTINED')).toMatchObject([{ resolved_at: expect.any(Date) }]);
    const types = await t.db.query<{ type: string }>(`select type from events where subject_id = $1 order by seq`, [id]);
    expect(types.map(({ type }) => type)).toEqual(['alert.received', 'alert.finished', 'alert.redriven', 'alert.finished']);
  });

  it('is refused while the alert waits, for another run than the last, and repeated with one key it is done once', async () => {
    route = failing('one');
    const id = await post('one');
    await failedOnce(id);
    expect(await redrive(id)).toMatchObject({ status: 409, body: { code: 'ALERT_WAITS' } });
    route = async () => done;
    await later(HOUR + 3);
    await settled();
    expect(await redrive(id, { run: 2 })).toMatchObject({ status: 409, body: { code: 'ALERT_RUN_CHANGED' } });
    const same = { 'idempotency-key': `again-${id}` };
    expect(await redrive(id, { run: 1 }, same)).toMatchObject({ status: 200 });
    await ended(id);
    const again = await redrive(id, { run: 1 }, same);
    expect([again.status, again.headers.get('idempotency-replayed'), (await row(id)).run]).toEqual([200, 'true', 2]);
    expect(routed).toEqual(['one', 'one', 'one']);
  });

  it('by eight people at once with one run is one run more', async () => {
    const id = await post('one');
    await ended(id);
    const answers = await Promise.all(Array.from({ length: 8 }, () => redrive(id, { run: 1 })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    await ended(id);
    expect([(await row(id)).run, routed.length]).toEqual([2, 2]);
  });

  it('of many takes what fits the filter, oldest first, and no more than a thousand', async () => {
    await t.db.query(`insert into alerts (id, source_id, key_kind, body, status, code, finished_at)
      select gen_random_uuid(), $1, 'bytes', convert_to('{"s":"S' || n % 8 || '","a":"in"}', 'UTF8'), case when n % 2 = 0 then 'failed' else 'quarantined' end, 'OLD_FAULT', app_clock() from generate_series(1, 1100) n`, [source.id]);
    const ask = (filter: object) => t.http<{ redriven: number; more: boolean; code: string }>('POST', '/alerts/redrive', { body: { filter } });
    expect((await ask({ sourceId: source.id, status: 'processed' })).status).toBe(400);
    expect(await ask({ sourceId: source.id, code: 'OTHER_FAULT' })).toMatchObject({ status: 200, body: { redriven: 0, more: false } });
    expect((await ask({ sourceId: source.id, status: 'failed', code: 'OLD_FAULT', to: '2020-01-01T00:00:00Z' })).body).toEqual({ redriven: 0, more: false });
    expect((await ask({ sourceId: source.id, code: 'OLD_FAULT' })).body).toEqual({ redriven: 1_000, more: true });
    expect((await t.db.query(`select 1 from alerts where source_id = $1 and run = 2 and seq in (select seq from alerts where source_id = $1 order by seq limit 1000)`, [source.id]))).toHaveLength(1_000);
    expect((await ask({ sourceId: source.id, code: 'OLD_FAULT' })).body).toEqual({ redriven: 100, more: false });
    const isAnyWaiting = async () => (await t.db.query(`select 1 from alerts where source_id = $1 and status <> 'processed' limit 1`, [source.id])).length > 0;
    await until(async () => !(await isAnyWaiting()), 25_000);
    expect(routed).toHaveLength(1_100);
  });
});

describe('lists', () => {
  it('filter by status, source, symbol and time, and page without losing or repeating any', async () => {
    for (let n = 0; n < 5; n++) await ended(await post(String(n), 'in', n % 2 ? 'NSE:INFY' : 'EURUSD'));
    const [first] = await t.db.query<{ at: Date }>('select received_at as at from alerts where source_id = $1 order by seq offset 2 limit 1', [source.id]);
    const list = async (query: string) => (await t.http<{ items: { id: string; symbol: string }[]; nextCursor: string | null }>('GET', `/alerts?sourceId=${source.id}&${query}`)).body;
    expect((await list('symbol=NSE:INFY')).items).toHaveLength(2);
    expect((await list('status=received')).items).toEqual([]);
    expect((await list('status=processed')).items).toHaveLength(5);
    const at = first?.at.toISOString() ?? '';
    expect((await list(`from=${at}`)).items.length + (await list(`to=${at}`)).items.length).toBe(5);
    expect((await list('from=2090-01-01T00:00:00Z')).items).toEqual([]);
    expect((await list('to=1990-01-01T00:00:00Z')).items).toEqual([]);
    const pages: string[] = [];
    let cursor: string | null = '';
    do {
      const page: { items: { id: string }[]; nextCursor: string | null } = await list(`limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      pages.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor);
    expect(pages).toEqual((await rows()).map(({ id }) => id).reverse());
    expect((await t.http('GET', '/alerts?status=lost')).status).toBe(400);
    expect((await t.http('GET', '/alerts?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z')).status).toBe(400);
    expect((await t.http('GET', '/alerts/01930000-0000-7000-8000-00000000dead')).status).toBe(404);
  });
});

describe('silence', () => {
  it('longer than expected is one incident, which ends with the next alert', async () => {
    const quiet = await makeSource(t.http, { mapping: MAPPING, route: { action: 'store', expectSignalWithin: 60 } });
    const watch = t.app.get(SilenceWatch);
    await watch.look();
    expect(await incidents('SIGNAL_SILENCE', quiet)).toEqual([]);
    await t.db.query(`update webhook_sources set created_at = created_at - interval '61 seconds', updated_at = updated_at - interval '61 seconds' where id = $1`, [quiet.id]);
    await Promise.all([watch.look(), second.app.get(SilenceWatch).look()]);
    await watch.look();
    expect(await incidents('SIGNAL_SILENCE', quiet)).toMatchObject([{ resolved_at: null }]);
    await ended(await post('sound', 'in', 'EURUSD', t, quiet));
    expect(await incidents('SIGNAL_SILENCE', quiet)).toMatchObject([{ resolved_at: expect.any(Date) }]);
    await watch.look();
    expect(await incidents('SIGNAL_SILENCE', quiet)).toHaveLength(1);
  });
});

describe('the inbox for operators', () => {
  it('counts what ended by outcome, what waits, and how long the oldest has waited', async () => {
    const outcome = (name: string) => `tradewarden_alerts_total{outcome="${name}"}`;
    const before = (await scrape(t.base)).value(outcome('processed')) ?? 0;
    route = failing('stuck');
    await ended(await post('well'));
    const stuck = await post('stuck');
    await until(async () => (await row(stuck)).attempts === 1, 5_000);
    await t.db.query(`update alerts set received_at = received_at - interval '500 seconds' where id = $1`, [stuck]);
    const seen = await scrape(t.base);
    expect(seen.value(outcome('processed'))).toBeGreaterThan(before);
    expect(seen.value('tradewarden_inbox_alerts')).toBe(1);
    expect(seen.value('tradewarden_inbox_oldest_seconds')).toBeGreaterThanOrEqual(500);
  });

  it('costs as much with many alerts done as with none: a look reads what waits and nothing else', async () => {
    await t.db.query(`insert into alerts (id, source_id, key_kind, body, symbol, status, finished_at, is_exit, signal)
      select gen_random_uuid(), $1, 'bytes', 'x', 'S' || n % 50, 'processed', app_clock(), n % 3 = 0, '{}' from generate_series(1, 30000) n`, [source.id]);
    // Also vacuumed: pages of rows that tests before it left dead are read once more by whoever comes first (209 were seen).
    await t.db.query('vacuum (analyze) alerts');
    route = failing('stuck');
    await post('stuck');
    const plan = await runnablePlan(t.db);
    expect(plan).not.toMatch(/Seq Scan on alerts/);
    const buffers = Math.max(...[...plan.matchAll(/shared hit=(\d+)/g)].map(([, hit]) => Number(hit)));
    expect(buffers).toBeLessThan(200);
    await t.db.query(`delete from alerts where source_id = $1 and octet_length(body) = 1`, [source.id]);
  });
});
