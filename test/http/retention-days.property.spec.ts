import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RetentionService } from '../../src/retention/retention.service.js';
import { Schedules } from '../../src/database/schedules.js';
import type { TestAgent } from '../support/app.js';
import { aDecision, append, verified } from '../support/decisions.js';
import { type AgedApp, goTo, monthsThere, startAged } from '../support/retention.js';
import { alertBody, makeSource, postAlert, type TestSource } from '../support/webhooks.js';
import type { Why } from '../support/why.js';

const DAYS = 92;
/** Whole: every hour of every day. Else the hours of a day in which it is written, the others pass. */
const HOURS = process.env['FULL_FIGURES'] ? Array.from({ length: 24 }, (_, hour) => hour) : [12];
const HOUR_MS = 3_600_000;

let t: AgedApp;
let agent: TestAgent;
let source: TestSource;
let firstDay: { decisionId: string; tradeId: string };
const failed: string[] = [];
let requests = 0;
beforeAll(async () => {
  t = await startAged({ RETENTION_SNAPSHOTS_DAYS: '7', RETENTION_MARKS_FULL_DAYS: '7', RETENTION_MARKS_DAYS: '60', RETENTION_DECISIONS_DAYS: '30', RETENTION_EVENTS_DAYS: '30', RETENTION_ALERT_BODIES_DAYS: '14', RETENTION_COMMANDS_DAYS: '30', RETENTION_PREDICTIONS_DAYS: '30' });
  agent = await t.agent();
  source = await makeSource(t.http);
});
afterAll(() => t.close());

async function sent<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await agent.http<T>(method, path, body === undefined ? {} : { body });
  requests += 1;
  if (answer.status >= 300) failed.push(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 200)}`);
  return answer.body;
}

/** What an hour brings, at the time of the simulation. */
async function hour(at: Date): Promise<{ decisionId: string; tradeId: string }> {
  const now = at.toISOString();
  await sent('POST', '/agents/me/heartbeat', { status: 'running', brokerConnected: true, tradeAllowed: true });
  await sent('POST', '/snapshots/market', { symbol: 'EURUSD', timeframe: 'H1', openTime: `${now.slice(0, 13)}:00:00.000Z`, open: '1.1', high: '1.2', low: '1', close: '1.15' });
  const { id: tradeId } = await sent<{ id: string }>('POST', '/trades', { clientOrderId: randomUUID(), symbol: 'EURUSD', direction: 'long', lotSize: '0.1' });
  for (let second = 0; second < 3; second++) await sent('POST', `/trades/${tradeId}/marks`, { quotedAt: new Date(at.getTime() + second * 1_000).toISOString(), bid: '1.1', ask: '1.2' });
  const made = await t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'reconcile' } });
  if (made.status >= 300) failed.push(`command: ${made.status} ${made.text}`);
  const alert = await postAlert(t, source.path, alertBody({ id: randomUUID() }));
  if (alert.status >= 300) failed.push(`alert: ${alert.status} ${alert.text}`);
  const [decisionId = ''] = await append(t, aDecision(agent.accountId, { agentId: agent.id, reason: now }));
  return { decisionId, tradeId };
}

const count = async (table: string, where = 'true') => (await t.db.query<{ n: number }>(`select count(*)::int as n from ${table} where ${where}`))[0]?.n ?? -1;

describe(`${DAYS} days with retention on`, () => {
  it('make and lose months, keep every table within its bound, and let no request fail', async () => {
    const service = t.app.get(RetentionService, { strict: false });
    const schedules = t.app.get(Schedules);
    let largest = 0;
    for (let day = DAYS; day >= 0; day--) {
      await goTo(t, day);
      for (const at of HOURS) {
        const time = new Date(Date.now() - day * 24 * HOUR_MS - (23 - at) * HOUR_MS);
        if (time.getTime() > Date.now()) continue;
        await t.db.query(`update test_clock set shift = make_interval(secs => $1)`, [(time.getTime() - Date.now()) / 1_000]);
        const done = await hour(time);
        firstDay ??= done;
      }
      // All but the last few trades are over, commands are done, and alerts too.
      await t.db.query(`update trades set status = 'cancelled', finished_at = app_clock() where finished_at is null and created_at < app_clock() - interval '2 days'`);
      await t.db.query(`update agent_commands set status = 'succeeded', finished_at = app_clock() where finished_at is null and created_at < app_clock() - interval '1 day'`);
      await t.db.query(`update alerts set status = 'ignored', finished_at = app_clock() where finished_at is null and received_at < app_clock() - interval '1 day'`);
      await t.db.query(`update schedules set next_run_at = 'infinity' where name <> 'retention.remove-old'`);
      await t.db.query(`update schedules set next_run_at = app_clock(), lease_until = null where name = 'retention.remove-old'`);
      // As it comes in the night, while requests come too.
      await Promise.all([schedules.runDue(), ...(day % 10 === 0 ? [hour(new Date(Date.now() - day * 24 * HOUR_MS))] : [])]);
      largest = Math.max(largest, (await monthsThere(t, 'snapshot_market')).length);
    }
    expect(service).toBeDefined();
    expect(failed.slice(0, 5)).toEqual([]);
    expect(requests).toBeGreaterThan((DAYS - 1) * HOURS.length * 5);
    const [{ errors } = { errors: '' }] = await t.db.query<{ errors: string }>(`select string_agg(error, '; ') as errors from retention_runs where status = 'failed'`);
    expect(errors).toBeNull();
    // Days that are kept, and the month that goes as a whole.
    const most = (days: number, each = 1) => (days + 32) * (HOURS.length + 0.2) * each;
    expect(largest).toBeLessThanOrEqual(3);
    expect(await count('snapshot_market')).toBeLessThanOrEqual(most(7));
    expect(await count('trade_marks')).toBeLessThanOrEqual(most(60) + most(7, 3));
    expect(await count('decision_history')).toBeLessThanOrEqual(most(30));
    expect(await count('agent_commands')).toBeLessThanOrEqual(most(30));
    expect(await count('alerts', 'length(body) > 0')).toBeLessThanOrEqual(most(14));
    expect((await t.db.query<{ oldest: string }>(`select min(at)::text as oldest from events where at < app_clock() - interval '62 days'`))[0]?.oldest).toBeNull();
    expect(await count('trades')).toBeGreaterThanOrEqual((DAYS - 1) * HOURS.length);
  });

  it('leave the first day to be read: its decision, its trade and one mark of each minute', async () => {
    await goTo(t, 0);
    expect(await count('decision_archives', 'dropped_at is not null')).toBeGreaterThan(1);
    const verdict = await verified(t);
    expect([verdict.ok, verdict.findings]).toEqual([true, []]);
    expect(verdict.checked).toBeGreaterThan(DAYS);
    const { body: decision } = await t.http<{ seal: string; archive: object | null }>('GET', `/decisions/${firstDay.decisionId}`);
    expect(decision).toMatchObject({ seal: 'intact', archive: { read: true } });
    expect((await t.http<Why>('GET', `/why/${firstDay.decisionId}`)).body.chain.map(({ type }) => type)).toContain('decision');
    const why = await t.http<Why>('GET', `/why/${firstDay.tradeId}`);
    expect([why.status, why.body.subject.type]).toEqual([200, 'trade']);
  });
});
