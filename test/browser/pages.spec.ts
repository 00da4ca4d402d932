import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { startTestApp, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, seriousViolations } from '../support/browser.js';
import { SystemMonitor } from '../../src/system-monitor/system-monitor.service.js';
import { beatAll, type BusyDay, busyDay } from '../support/busy-day.js';

/** `UPDATE_PICTURES=1` writes docs/pictures anew. */
const PICTURES = process.env['UPDATE_PICTURES'] ? join('docs', 'pictures') : null;

const b = new BrowserTest();
let t: TestApp;
let day: BusyDay;
beforeAll(async () => {
  t = await startTestApp();
  day = await busyDay(t);
  await t.app.get(SystemMonitor).step();
});
afterAll(() => t.close());

/** Every page: the name of its picture, and its address. */
const PAGES: [name: string, address: (day: BusyDay) => string][] = [
  ['overview', () => '/overview'],
  ['agents', () => '/agents'],
  ['agent', ({ agents }) => `/agents/${agents.trend.id}`],
  ['agent-commands', ({ agents }) => `/agents/${agents.lab.id}/commands`],
  ['trades', () => '/trades'],
  ['equity-curve', ({ accounts }) => `/trades/curve?account=${accounts.lab}&mode=paper`],
  ['performance', ({ accounts }) => `/trades/performance?account=${accounts.lab}&mode=paper`],
  ['trade', ({ tradeId }) => `/trades/${tradeId}`],
  ['why', ({ tradeId }) => `/why/${tradeId}`],
  ['why-refused', ({ refusedIdeaId }) => `/why/${refusedIdeaId}`],
  ['ideas', () => '/ideas'],
  ['idea', ({ waitingIdeaId }) => `/ideas/${waitingIdeaId}`],
  ['alerts', () => '/alerts'],
  ['alert', ({ quarantinedAlertId }) => `/alerts/${quarantinedAlertId}`],
  ['alert-sources', () => '/alerts/sources'],
  ['alert-source', ({ sourceId }) => `/alerts/sources/${sourceId}`],
  ['risk', () => '/risk'],
  ['exposure', () => '/risk/exposure'],
  ['breakers', () => '/risk/breakers'],
  ['breaker', () => '/risk/breakers/losing_streak_symbol'],
  ['halts', () => '/risk/halts'],
  ['strategies', () => '/risk/strategies'],
  ['strategy', ({ strategyId }) => `/risk/strategies/${strategyId}`],
  ['decisions', () => '/history'],
  ['predictions', () => '/history/predictions'],
  ['incidents', () => '/history/incidents'],
  ['system', () => '/system'],
  ['settings', () => '/settings'],
  ['notifications', () => '/settings/notifications'],
  ['first-run', () => '/start'],
];

/** Nothing is being read any more, and nothing failed to be read. */
async function settled(page: Page): Promise<void> {
  await page.locator('main h1').first().waitFor();
  // What was read first may ask for more.
  for (const role of ['main', 'banner'] as const) await page.getByRole(role).getByText('Reading …').first().waitFor({ state: 'detached' });
  await page.evaluate('new Promise((done) => requestIdleCallback(done))');
  await page.getByRole('main').getByText('Reading …').first().waitFor({ state: 'detached' });
}

describeInBrowser('every page', () => {
  it.each(['light', 'dark'] as const)('can be read by everybody, keeps to its width and asks nobody else: %s', async (colorScheme) => {
    const { page, faults, context } = await b.signedIn(t, '/overview', undefined, { colorScheme });
    const wrong: string[] = [];
    if (PICTURES) mkdirSync(PICTURES, { recursive: true });
    for (const [name, address] of PAGES) {
      await beatAll(day);
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.goto(t.base + address(day));
      await settled(page);
      wrong.push(...(await page.getByRole('main').getByRole('alert').allInnerTexts()).map((text) => `${name}: ${text}`));
      wrong.push(...(await seriousViolations(page)).map((violation) => `${name}: ${violation}`));
      if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}-${colorScheme}.png`) });
      await page.setViewportSize({ width: 360, height: 720 });
      const width = Number(await page.evaluate('document.documentElement.scrollWidth'));
      if (width > 360) wrong.push(`${name}: ${width} px wide at 360`);
    }
    await context.close();
    expect(wrong).toEqual([]);
    expect(faults).toEqual([]);
  });
});
