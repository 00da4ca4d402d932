import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { COUNTED_TO } from '../../src/commands/queue-figures.js';
import { DatabaseService } from '../../src/database/database.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { onConnection } from '../support/cluster.js';
import { clientOf } from '../support/http.js';
import { scrape, scrapeOnce } from '../support/metrics.js';
import { expectWithin, until } from '../support/timing.js';

interface Leased { id: string }

const opened: TestApp[] = [];
/** An application for one test, closed after it also when it fails. */
const open = async (settings: Record<string, string> = {}): Promise<TestApp> => {
  const app = await startTestApp(settings);
  opened.push(app);
  return app;
};
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close();
});

const times = <T>(n: number, one: (i: number) => Promise<T>) => Promise.all(Array.from({ length: n }, (_, i) => one(i)));
const requests = (method: string, route: string, status: string) => `tradewarden_http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`;
const outcome = (name: string) => `tradewarden_lease_outcomes_total{outcome="${name}"}`;
const queued = (status: string) => `tradewarden_queue_commands{status="${status}"}`;

const queue = async (t: TestApp, agent: TestAgent, count: number, body: object = {}) =>
  (await times(count, () => t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom', ...body } }))).map((made) => made.body.id);
const lease = async (agent: TestAgent, body: object = {}): Promise<Leased[]> =>
  (await agent.http<{ commands: Leased[] }>('POST', '/agents/me/commands/lease', { body })).body.commands;

describe('the queue in /metrics', () => {
  it('is counted by status, with what is due and how long the oldest of it has waited', async () => {
    const t = await open();
    const agent = await t.agent();
    const figures = async () => {
      const seen = await scrape(t.base);
      return {
        byStatus: ['queued', 'waiting_for_market', 'leased', 'unknown', 'dead'].map((status) => seen.value(queued(status))),
        due: seen.value('tradewarden_queue_due_commands'), oldest: seen.value('tradewarden_queue_oldest_due_seconds'),
      };
    };
    /** Moves a command: time and state are written where they are looked for. */
    const become = (id: string | undefined, change: string) => t.db.query(`update agent_commands set ${change} where id = $1`, [id]);
    expect(await figures()).toEqual({ byStatus: [0, 0, 0, 0, 0], due: 0, oldest: 0 });
    await queue(t, agent, 2, { notBefore: new Date(Date.now() + 3_600_000).toISOString() });
    // One after the other: which of nine at once are leased first is nobody's promise.
    const ids: string[] = [];
    for (let i = 0; i < 9; i++) ids.push(...(await queue(t, agent, 1)));
    const [market, dead, unknown] = await lease(agent, { max: 4 });
    await become(market?.id, `status = 'waiting_for_market', lease_token = null, lease_expires_at = null`);
    await become(dead?.id, `status = 'dead', lease_token = null, lease_expires_at = null, finished_at = app_clock()`);
    await become(unknown?.id, `status = 'unknown', lease_token = null, lease_expires_at = null`);
    const [first, second, third] = ids.slice(-3);
    await become(first, `not_before = app_clock() - interval '500 seconds'`);
    // What has expired and what is to be cancelled waits for nobody.
    await become(second, `not_before = app_clock() - interval '2 hours', expires_at = app_clock() - interval '1 hour'`);
    await become(third, `not_before = app_clock() - interval '3 hours', cancel_requested = true`);
    const { byStatus, due, oldest } = await figures();
    expect(byStatus).toEqual([7, 1, 1, 1, 1]);
    // Of the queue three, and what waits for its market, whose time has come.
    expect(due).toBe(4);
    expect(oldest).toBeGreaterThanOrEqual(500);
    expect(oldest).toBeLessThan(1_000);
  });

  it(`is counted to ${COUNTED_TO} of a status, however many have piled up`, async () => {
    const t = await open();
    const agent = await t.agent();
    for (const [status, finished] of [['dead', 'app_clock()'], ['queued', 'null']]) {
      await t.db.query(`insert into agent_commands (id, agent_id, type, class, priority, status, actor, finished_at)
        select gen_random_uuid(), $1, 'custom', 'opens', 2, '${status}', 'test', ${finished} from generate_series(1, ${COUNTED_TO + 500})`, [agent.id]);
    }
    const seen = await scrape(t.base);
    expect([seen.value(queued('dead')), seen.value(queued('queued')), seen.value('tradewarden_queue_due_commands')]).toEqual([COUNTED_TO, COUNTED_TO, COUNTED_TO]);
    expect(seen.text).toContain(`counted to ${COUNTED_TO}, which means that many or more`);
  });

  it('is the same on two instances, each of which counts its own requests', async () => {
    const t = await open();
    const second = await t.second();
    const agent = await t.agent();
    await queue(t, agent, 3);
    await clientOf(second.base, t.adminToken)('GET', '/agents');
    const [first, other] = [await scrape(t.base), await scrape(second.base)];
    expect([first.value(queued('queued')), other.value(queued('queued'))]).toEqual([3, 3]);
    expect(first.text).toMatch(/# HELP tradewarden_queue_commands .*the same on every instance/);
    expect([first.value(requests('POST', '/api/v1/agents/:agentId/commands', '2xx')), other.value(requests('POST', '/api/v1/agents/:agentId/commands', '2xx'))]).toEqual([3, undefined]);
    expect([first.value(requests('GET', '/api/v1/agents', '2xx')), other.value(requests('GET', '/api/v1/agents', '2xx'))]).toEqual([undefined, 1]);
    await agent.http('POST', '/agents/me/commands/lease', { body: { max: 2 } });
    expect([(await scrape(t.base)).value(outcome('leased')), (await scrape(second.base)).value(outcome('leased'))]).toEqual([2, 0]);
    await second.close();
    expect((await scrape(t.base)).value(outcome('leased'))).toBe(2);
  });
});

describe('a scrape', () => {
  const exhausted = { DB_POOL_SIZE: '2', DB_POOL_OVERFLOW: '1', DB_POOL_TIMEOUT: '50', DB_LISTEN: 'off' };

  it('takes no connection of the pool, and is answered in time while there is none', async () => {
    const t = await open(exhausted);
    const pool = () => t.app.get(DatabaseService).pool();
    // What the server does by itself may take one meanwhile.
    await until(async () => {
      const { acquiredTotal } = pool();
      for (let i = 0; i < 5; i++) await scrape(t.base);
      return pool().acquiredTotal === acquiredTotal;
    }, 10_000);
    await onConnection(t.db.adminUrl, async (other) => {
      await other.query('begin; lock table predictions in access exclusive mode');
      const blocked = times(9, () => t.http('GET', '/predictions'));
      await until(() => pool().active === 3 && pool().waiting > 0, 5_000);
      await expectWithin(1_500, async () => {
        const all = await times(10, () => scrapeOnce(t.base));
        for (const seen of [...all, await scrape(t.base)]) {
          expect(seen.value('tradewarden_db_pool_connections{type="pooled",state="active"}')).toBe(3);
          expect(seen.value('tradewarden_db_pool_waiting{type="pooled"}')).toBeGreaterThan(0);
        }
        return Math.max(...all.map(({ ms }) => ms));
      });
      expect((await scrape(t.base)).value(queued('queued'))).toBe(0);
      const hasty = await t.second({ DB_POOL_TIMEOUT: '1' });
      const cut = times(4, () => hasty.http('GET', '/predictions'));
      await until(() => hasty.app.get(DatabaseService).pool().timeoutsTotal > 0, 4_000);
      const { timeoutsTotal } = hasty.app.get(DatabaseService).pool();
      expect((await scrape(hasty.base)).value('tradewarden_db_pool_timeouts_total{type="pooled"}')).toBeGreaterThanOrEqual(timeoutsTotal);
      await other.query('rollback');
      await cut;
      await hasty.close();
      await blocked;
    });
  });

  it('leaves out what cannot be read in time, and leaves no statement behind', async () => {
    const t = await open();
    await onConnection(t.db.adminUrl, async (other) => {
      await other.query('begin; lock table agent_commands in access exclusive mode');
      let seen = await scrapeOnce(t.base);
      // On a busy machine connecting may take all the time there is.
      const up = async () => {
        await until(async () => (seen = await scrapeOnce(t.base)).value('tradewarden_database_up') === 1, 5_000);
        return seen.ms;
      };
      await expectWithin(1_500, up);
      expect([seen.status, seen.value('tradewarden_database_up'), seen.value('tradewarden_schema_pending_migrations')]).toEqual([200, 1, 0]);
      expect(seen.text).not.toContain('tradewarden_queue');
      await until(async () => (await other.query(`select 1 from pg_stat_activity where application_name = 'tradewarden-metrics' and datname = current_database()`)).rowCount === 0, 2_000);
      await other.query('rollback');
    });
    expect((await scrape(t.base)).value(queued('queued'))).toBe(0);
  });

  it('with the null pool says so, and no connection is left after it', async () => {
    const t = await open({ SERVERLESS: 'on' });
    expect((await scrape(t.base)).value('tradewarden_db_pool_size{type="null"}')).toBe(5);
    const connections = async () => (await t.db.query(`select 1 from pg_stat_activity where datname = current_database() and application_name like 'tradewarden%'`)).length;
    await until(async () => (await connections()) === 0, 5_000);
  });
});

describe('scrapes at the same moment', () => {
  it('share one look at the database, and neither says NaN', async () => {
    const t = await open();
    const [first, ...more] = await times(20, () => scrapeOnce(t.base));
    expect(more.every(({ text }) => !/nan/i.test(text)) && first !== undefined).toBe(true);
    let most = 0;
    let over = false;
    const watching = (async () => {
      while (!over) {
        most = Math.max(most, (await t.db.query(`select 1 from pg_stat_activity where application_name = 'tradewarden-metrics' and datname = current_database()`)).length);
        await pause(2);
      }
    })();
    for (let i = 0; i < 10; i++) await times(20, () => scrapeOnce(t.base));
    over = true;
    await watching;
    // On a busy machine the goodbyes of earlier looks overlap with the next; unshared there would be 20 at once.
    expect(most).toBeLessThanOrEqual(5);
  });
});
