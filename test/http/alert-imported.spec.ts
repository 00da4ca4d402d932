import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { makeSource } from '../support/webhooks.js';

/** More than the alerts that are looked at beyond the ends of a window of time. */
const MANY = 12_000;

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

describe('the list of alerts, when old ones came after new ones', () => {
  it('has in each window of time what was received in it', async () => {
    const { id } = await makeSource(app.http);
    const stored = (symbol: string, first: string) => app.db.query(`
      insert into alerts (id, source_id, key_kind, body, symbol, status, received_at, finished_at, is_exit)
      select gen_random_uuid(), $1, 'content', '{}', $2, 'ignored', $3::timestamptz + n * interval '1 second', $3::timestamptz, false from generate_series(1, ${MANY}) n`, [id, symbol, first]);
    await stored('NSE:NEW', '2026-11-01T00:00:00Z');
    await app.db.query(`
      insert into import_runs (id, source, system, shape, file_name, sha256, options, status, actor, app_version, finished_at)
      values (gen_random_uuid(), 's', 'sigmatrader', 'partial', 'f', repeat('0', 64), '{}', 'finished', 'import', '0', app_clock())`);
    await stored('NSE:OLD', '2025-01-01T00:00:00Z');
    const first = async (query: string) => (await app.http<{ items: { symbol: string }[] }>('GET', `/alerts?limit=1&${query}`)).body.items.map(({ symbol }) => symbol);
    expect({
      since: await first('from=2026-11-01T00:00:00Z&to=2026-11-01T00:00:03Z'), 'since then': await first('symbol=NSE:NEW&from=2024-01-01T00:00:00Z'), before: await first('symbol=NSE:OLD&to=2026-10-01T00:00:00Z'), 'before and now': await first('to=2026-12-01T00:00:00Z'),
    }).toEqual({ since: ['NSE:NEW'], 'since then': ['NSE:NEW'], before: ['NSE:OLD'], 'before and now': ['NSE:OLD'] });
    const some = await app.http<{ items: unknown[] }>('GET', '/alerts?limit=200&symbol=NSE:NEW&from=2025-01-01T00:00:00Z&to=2026-11-01T00:01:40Z');
    expect(some.body.items).toHaveLength(99);
  });
});
