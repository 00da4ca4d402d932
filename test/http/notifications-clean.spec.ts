import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DeliveriesRepository } from '../../src/notifications/delivery/deliveries.repository.js';
import { startTestApp, type TestApp } from '../support/app.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

describe('what was told', () => {
  it('is forgotten 30 days after the incident was over, some hundred thousand as well, and nothing that is still to be told or open', async () => {
    await t.db.query(`with i as (insert into incidents (kind, severity, subject_type, subject_id, summary, opened_at, resolved_at, resolved_by, repeat_at)
        select 'MARKS_STALE', 'info', 'agent', 'told ' || n, 's', app_clock() - interval '60 days', case when n > 1 then app_clock() - case n when 2 then interval '29 days' else interval '31 days' end end, case when n > 1 then 'x' end, case when n = 1 then app_clock() end
        from generate_series(1, 60) n returning id, subject_id)
      insert into notification_deliveries (channel, incident_id, occurrence, status, planned_at, ended_at)
      select c, i.id, 'info:1', case when i.subject_id = 'told 3' then 'waiting' else 'sent' end, app_clock() - interval '60 days', case when i.subject_id <> 'told 3' then app_clock() end from i, unnest(array['email', 'webhook']) c`);
    await t.db.query(`insert into notification_messages (id, channel, status, ended_at, content) select gen_random_uuid(), 'email', 'sent', app_clock() - n * interval '10 days', '{}' from generate_series(1, 40) n`);
    const most = await largestBatch(() => t.app.get(DeliveriesRepository, { strict: false }).clean(30, 7));
    expect(await t.db.query(`select i.subject_id, count(*)::int as n from notification_deliveries d join incidents i on i.id = d.incident_id group by 1 order by 1`)).toEqual(['told 1', 'told 2', 'told 3'].map((subject_id) => ({ subject_id, n: 2 })));
    expect(await t.db.query('select 1 from notification_messages')).toHaveLength(2);
    expect(most).toBeLessThanOrEqual(14);
  });

  /** Rows that one statement removed, at most. */
  async function largestBatch(work: () => Promise<void>): Promise<number> {
    await t.db.query(`create table removed_by_statement (n int)`);
    await t.db.query(`grant all on removed_by_statement to public`);
    await t.db.query(`create function count_removed() returns trigger language plpgsql as $$ begin insert into removed_by_statement select count(*) from gone; return null; end $$`);
    for (const table of ['notification_deliveries', 'notification_messages']) await t.db.query(`create trigger count_removed after delete on ${table} referencing old table as gone for each statement execute function count_removed()`);
    await work();
    const [row] = await t.db.query<{ most: number }>('select max(n) as most from removed_by_statement');
    await t.db.query(`drop function count_removed() cascade`);
    await t.db.query('drop table removed_by_statement');
    return row?.most ?? Infinity;
  }
});
