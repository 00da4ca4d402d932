import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Schedules } from '../../src/database/schedules.js';
import type { Tx } from '../../src/database/transaction.js';
import { Inbox } from '../../src/webhooks/inbox/inbox.service.js';
import { SilenceRepository } from '../../src/webhooks/inbox/silence.repository.js';
import { SilenceWatch } from '../../src/webhooks/inbox/silence.service.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { closeGateways, type Gateway, openGateway } from '../support/gateway.js';
import { runnablePlan } from '../support/webhooks.js';

const SOURCES = 1_000;
const ALERTS_OF_EACH = 20;

let db: TestDatabase;
let gateway: Gateway;
let t: TestApp;
beforeAll(async () => {
  db = await createTestDatabase();
  gateway = await openGateway(db.url);
  t = await startTestApp({ DATABASE_URL: gateway.url, DB_LISTEN: 'off' }, db);
});
afterAll(async () => {
  await t.close();
  await closeGateways();
  await db.drop();
});

/** Statements of one look of everything that looks for alerts and sources by the clock. What else looks may fall in between: the least of some counts. */
async function statementsOfALook(): Promise<number> {
  const counts: number[] = [];
  await t.app.get(Schedules).runDue();
  for (let n = 0; n < 8; n++) {
    gateway.cutAt(Infinity, 'before');
    await t.app.get(Inbox).settle();
    await t.app.get(SilenceWatch).look();
    counts.push(gateway.statements());
  }
  return Math.min(...counts);
}

/** Pages that a statement has read, by its plan; what planning it has read is the catalogue's. */
const pagesOf = (plan: string): number => Math.max(0, ...[...(plan.split('Planning:')[0] ?? '').matchAll(/shared (?:hit=(\d+))?(?: ?read=(\d+))?/g)].map(([, hit, read]) => Number(hit ?? 0) + Number(read ?? 0)));
/** Of the statement that `ask` would run. */
async function planOf(ask: (tx: Tx) => Promise<unknown>): Promise<string> {
  let plan = '';
  const sql = async (texts: TemplateStringsArray, ...parts: (() => string)[]) => {
    const text = texts.reduce((whole, each, n) => whole + (parts[n - 1]?.() ?? '') + each);
    plan = (await db.query<{ 'QUERY PLAN': string }>(`explain (analyze, buffers) ${text}`)).map((row) => row['QUERY PLAN']).join('\n');
    return [];
  };
  await ask({ sql } as unknown as Tx);
  return plan;
}

describe('a thousand sources that send nothing', () => {
  it('cost no statement more than none, and no page more than their own', async () => {
    const without = await statementsOfALook();
    expect(without).toBeLessThan(30);
    await db.query(`insert into webhook_sources (id, name, mapping, action, token_hash, created_by, updated_by)
      select gen_random_uuid(), 'idle ' || n, '"sigmatrader"', 'store', encode(sha256(n::text::bytea), 'hex'), 'system', 'system' from generate_series(1, ${SOURCES}) n`);
    await db.query(`insert into alerts (id, source_id, key_kind, body, symbol, status, finished_at, is_exit)
      select gen_random_uuid(), s.id, 'bytes', 'x', 'S' || n, 'processed', app_clock(), false from webhook_sources s, generate_series(1, ${ALERTS_OF_EACH}) n`);
    await db.query('vacuum analyze alerts, webhook_sources');
    expect(await statementsOfALook()).toBeLessThanOrEqual(without);
    // A look of every second: to the first that waits, and there is none.
    const runnable = await runnablePlan(db);
    expect(runnable).not.toMatch(/Seq Scan on alerts|webhook_sources/);
    expect(pagesOf(runnable)).toBeLessThan(20);
    // Of every half minute: nobody expects anything of them, so none of their alerts is looked at.
    for (const ask of [(tx: Tx) => t.app.get(SilenceRepository).silent(tx), (tx: Tx) => t.app.get(SilenceRepository).heardAgain(tx)]) {
      const plan = await planOf(ask);
      expect(plan).not.toMatch(/Seq Scan on alerts/);
      expect(pagesOf(plan)).toBeLessThan(150);
    }
  });

  it('cost one look into an index each, where they are expected to send something', async () => {
    await db.query('update webhook_sources set expect_signal_within_seconds = 60');
    await db.query('vacuum analyze webhook_sources');
    const plan = await planOf((tx) => t.app.get(SilenceRepository).silent(tx));
    expect(plan).not.toMatch(/Seq Scan on alerts/);
    expect(pagesOf(plan)).toBeLessThan(10 * SOURCES);
    // All of them go silent, and a person is told of each, once; that they still are costs no more.
    await db.query(`update webhook_sources set created_at = created_at - interval '1 hour', updated_at = updated_at - interval '1 hour'`);
    await db.query(`update alerts set received_at = received_at - interval '1 hour'`);
    const watch = t.app.get(SilenceWatch);
    while ((await db.query<{ n: number }>(`select count(*)::int as n from incidents where kind = 'SIGNAL_SILENCE'`))[0]?.n !== SOURCES) await watch.look();
    await db.query('vacuum analyze incidents, alerts');
    for (const ask of [(tx: Tx) => t.app.get(SilenceRepository).silent(tx), (tx: Tx) => t.app.get(SilenceRepository).heardAgain(tx)]) {
      const again = await planOf(ask);
      expect(again).not.toMatch(/Seq Scan on alerts/);
      expect(pagesOf(again)).toBeLessThan(10 * SOURCES);
    }
    await watch.look();
    expect(await db.query(`select 1 from incidents where kind = 'SIGNAL_SILENCE' and (occurrences <> 1 or resolved_at is not null)`)).toEqual([]);
  });
});
