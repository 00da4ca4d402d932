import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ADMIN, startTestApp, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, seriousViolations } from '../support/browser.js';

const b = new BrowserTest();
let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

const MINUTES = 30;

describeInBrowser('the system', () => {
  it('shows the pool over time with its figures, and the schema, and nothing that does not exist', async () => {
    const { page, faults } = await b.open(t.base);
    let mirrors: object[] = [];
    let monitor: object | null = null;
    let replica: object | null = null;
    let retention: object | null | undefined;
    // An hour of figures takes an hour; these stand for one with a queue in it.
    await page.route('**/api/v1/system', async (route) => {
      const response = await route.fetch();
      if (!response.ok()) return route.fulfill({ response });
      const body = (await response.json()) as { samples: { items: object[] } };
      const items = Array.from({ length: MINUTES }, (_, n) => ({
        at: new Date(Date.now() - (MINUTES - n) * 60_000).toISOString(), size: 10, max: 15, total: 8, active: n % 7, idle: 8 - (n % 7), waiting: n === 20 ? 9 : 0, timeouts: 0, latencyMs: n === 10 ? null : 1.5 + (n % 3),
      }));
      return route.fulfill({ response, json: { ...body, mirrors, replica, ...(monitor && { monitor }), ...(retention !== undefined && { retention }), samples: { ...body.samples, items } } });
    });
    await page.goto(`${t.base}/system`);
    await page.getByLabel('E-mail').fill(ADMIN.email);
    await page.getByLabel('Password').fill(ADMIN.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    const chart = page.getByRole('img', { name: /Connections over time/ });
    await chart.waitFor();
    expect(await chart.getAttribute('aria-label')).toMatch(/size \d+, active \d+, idle \d+, waiting \d+; the highest was 9 connections/);
    // Where the database did not answer the line is open: two beginnings.
    const latency = page.getByRole('img', { name: /Latency over time/ }).locator('path');
    expect((await latency.getAttribute('d'))?.match(/M/g)).toHaveLength(2);
    await page.getByText('Schema', { exact: true }).waitFor();
    await page.getByRole('region', { name: 'Schedules' }).getByText(/in time|late|running/).first().waitFor();
    expect(await page.getByRole('main').innerText()).not.toMatch(/replication/i);
    // Nobody has backed anything up, and the page does not call that good.
    expect(await page.getByRole('region', { name: 'Backup' }).innerText()).toMatch(/overdue[^]*never[^]*never[^]*Nothing of what is stored here could be got back/);
    expect(await page.getByRole('region', { name: 'Retention' }).innerText()).toMatch(/has not run|good|running/);
    expect(await page.getByRole('region', { name: 'Mirrors' }).count()).toBe(0);
    expect(await page.getByText('Replica', { exact: true }).count()).toBe(0);
    replica = { reason: 'behind', lagSeconds: 75.2, lagMaxSeconds: 10, asOf: new Date(Date.now() - 75_200).toISOString(), reads: 41, fallbacks: 3 };
    const lines = { place: 'sqlite:/srv/old.db', shape: 'ai-trader', behindEvents: 3, silentSeconds: 1, rowsWritten: 7, error: null };
    mirrors = [{ id: '0195a000-0000-7000-8000-000000000001', ...lines, behindSeconds: 2 }, { id: '0195a000-0000-7000-8000-000000000002', ...lines, place: 'csv:/srv/old', behindSeconds: 900, error: 'no space left' }];
    await page.reload();
    const shown = page.getByRole('region', { name: 'Mirrors' }).first();
    await shown.waitFor();
    expect(await shown.innerText()).toMatch(/old\.db[\s\S]*up to date[\s\S]*failing[\s\S]*no space left/);
    const since = new Date().toISOString();
    const part = (name: string, level: string, why = '') => ({ name, level, why, since });
    monitor = {
      level: 'cascading', since, cause: 'disk', lookedAt: since, parts: [part('agents', 'none'), part('disk', 'critical', '1.2 % of the disk of data is free'), part('database', 'warning', 'an empty statement takes 140 ms')],
      suspension: { id: '0195a000-0000-7000-8000-000000000003', cause: 'disk', reason: 'the disk is full', since, lapsesAt: since, endedAt: null, endedBy: null, endReason: null },
    };
    await page.reload();
    const whole = page.getByRole('region', { name: 'The whole' }).first();
    await whole.getByText('Most likely it comes from: disk').waitFor();
    expect(await whole.innerText()).toMatch(/The system holds openings since[\s\S]*the disk is full[\s\S]*disk[\s\S]*critical[\s\S]*database[\s\S]*warning[\s\S]*agents/);
    await whole.getByText('Let openings through now').click();
    expect(await whole.getByRole('button', { name: 'Let openings through' }).isDisabled()).toBe(true);
    await page.getByText('Reports are read from the primary: it is behind.').waitFor();
    // A run that failed is no grey word, and what nobody knows is not left out.
    retention = { lastRun: { asOf: since, status: 'failed', startedAt: since, finishedAt: since, error: 'an archive is not there', held: [] }, lastSuccessAt: null, removed: [], archives: { files: 0, decisions: 0, bytes: 0 } };
    await page.reload();
    await page.getByText('The last run failed, and what is old stays until one goes well: an archive is not there').waitFor();
    expect(await page.getByRole('region', { name: 'Retention' }).innerText()).toMatch(/■ failed/);
    retention = null;
    await page.reload();
    await page.getByRole('region', { name: 'Retention' }).getByText('Not known while the database is away.').waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await seriousViolations(page)).toEqual([]);
    }
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    // Why a part fails is what a phone is looked at for: it needs no scrolling sideways.
    const reason = await page.getByRole('cell', { name: '1.2 % of the disk of data is free' }).boundingBox();
    expect((reason?.x ?? 999) + (reason?.width ?? 999)).toBeLessThanOrEqual(360);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    expect(faults).toEqual([]);
  });

  it('says so while the database is away, and shows what the probe says', async () => {
    const { page, faults } = await b.signedIn(t, '/system');
    await page.getByText('answers').first().waitFor();
    await page.route('**/api/v1/system', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', json: { status: 503, code: 'DATABASE_UNAVAILABLE', title: 'The database is not available.', retryable: true } }));
    await page.route('**/health', (route) => route.fulfill({ status: 503, json: { status: 'error', version: '1.2.3', uptimeSeconds: 65, database: { available: false, error: 'connection refused' } } }));
    await page.getByText('The database does not answer: connection refused').waitFor();
    await page.getByText('1.2.3', { exact: true }).waitFor();
    await page.getByText('What /health says').click();
    await page.getByText('"httpStatus": 503').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    expect(faults).toEqual([]);
  });
});
