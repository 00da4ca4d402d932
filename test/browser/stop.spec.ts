import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { ADMIN, startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, holdByMouse, seriousViolations, type Watched } from '../support/browser.js';
import { beat, type Halt, lease, releaseAll } from '../support/halts.js';
import { expectWithin, timeOf } from '../support/timing.js';

const b = new BrowserTest();
let t: TestApp;
let agent: TestAgent;
const [VIEWER, OPERATOR] = [{ email: 'looks-on@example.com', password: ADMIN.password }, { email: 'operates@example.com', password: ADMIN.password }];

beforeAll(async () => {
  t = await startTestApp();
  await t.db.query('update risk_config set ai_trading_enabled = true');
  await t.http('POST', '/users', { body: { ...VIEWER, role: 'viewer' } });
  await t.http('POST', '/users', { body: { ...OPERATOR, role: 'operator' } });
  agent = await t.agent({ name: 'scalper' });
  await beat(agent);
});
afterAll(() => t.close());

const halts = () => t.db.query<{ id: string; scope_type: string; mode: string; released_at: string | null }>('select id, scope_type, mode, released_at from halts order by seq');
const inForce = async () => (await t.http<{ items: Halt[] }>('GET', '/kill-switch?active=true')).body.items;
const word = (page: Page, text: string) => page.getByRole('status', { name: 'State of trading' }).filter({ hasText: text }).waitFor();
const halted = (page: Page) => page.getByRole('dialog').getByText(/Released nothing since/);
const notDone = (page: Page) => page.getByRole('alert', { name: 'A stop that is not done' });
const hold = (page: Page, name: string | RegExp, seen: Locator = halted(page)) => holdByMouse(page, page.getByRole('button', { name }), seen);

async function openStop(page: Page): Promise<void> {
  await page.getByRole('button', { name: '■ Stop …' }).click();
  await page.getByRole('dialog', { name: 'Stop' }).waitFor();
}

/** The server is not there for this page: no request of it is answered. */
const away = (page: Page) => page.route('**/api/**', (route) => route.abort());
const back = (page: Page) => page.unroute('**/api/**');

describeInBrowser('Stop', () => {
  it('halts everything by holding, tells its effect agent by agent, and is released by typing', async () => {
    const before = (await halts()).length;
    const { page, faults } = await b.signedIn(t, '/trades');
    await word(page, 'TRADING');
    await page.keyboard.press('Shift+S');
    await page.getByRole('button', { name: /Halt everything/ }).click();
    expect(await halts()).toHaveLength(before);
    await hold(page, /Halt everything/);
    await page.getByText('0 of 1 agent has stopped; no entry order left on 0; waiting for scalper.').waitFor();
    expect((await halts()).slice(before)).toMatchObject([{ scope_type: 'global', mode: 'halt', released_at: null }]);
    await word(page, 'HALTED');

    const told = await lease(agent);
    expect(told.body.desiredState.state).toBe('halted');
    await beat(agent, { status: 'running', observedStateVersion: told.body.desiredState.version });
    await page.getByText('1 of 1 agent has stopped; no entry order left on 1.').waitFor();
    expect(await seriousViolations(page)).toEqual([]);

    const release = page.getByRole('button', { name: 'Let everything trade again' });
    await page.getByLabel('Why it may go on').fill('all is well');
    await page.getByLabel('Type RELEASE to confirm').fill('RELEAS');
    expect(await release.isDisabled()).toBe(true);
    await page.getByLabel('Type RELEASE to confirm').fill('RELEASE');
    await release.click();
    await page.getByText(/all is well/).waitFor();
    expect(await inForce()).toEqual([]);
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await word(page, 'TRADING');
    expect(faults).toEqual([]);
  });

  it('stops one agent, in the mode that was chosen, with the reason that was given', async () => {
    const { page } = await b.signedIn(t, '/overview', OPERATOR);
    await word(page, 'TRADING');
    await openStop(page);
    await page.getByRole('radio', { name: 'Agent' }).check();
    expect(await page.getByRole('button', { name: 'Choose which agent first' }).isDisabled()).toBe(true);
    await page.getByLabel('Which').selectOption({ label: 'scalper' });
    await page.getByRole('radio', { name: /^Reduce only/ }).check();
    await page.getByLabel('Why').fill('it doubles its size');
    await hold(page, /Reduce only agent scalper/);
    expect(await inForce()).toMatchObject([{ scope: { type: 'agent', id: agent.id }, mode: 'reduce', reason: 'it doubles its size' }]);
    await page.getByText('Only administrators release a halt.').waitFor();
    await releaseAll(t);
  });

  it('shows a viewer who may stop, and refuses it', async () => {
    const { page } = await b.signedIn(t, '/overview', VIEWER);
    await openStop(page);
    await page.getByText('You may look, not stop.').waitFor();
    expect(await page.getByRole('button', { name: /hold/ }).count()).toBe(0);
    const token = await t.signIn(VIEWER.email, VIEWER.password);
    expect((await t.http('POST', '/kill-switch', { token, body: { scope: { type: 'global' }, mode: 'halt', reason: 'x' } })).status).toBe(403);
  });

  it('says NOT KNOWN while the server is away, keeps the request over a reload, and makes exactly one halt', async () => {
    const before = (await halts()).length;
    const { page } = await b.signedIn(t);
    await expectWithin(12_000, async () => {
      await back(page);
      await word(page, 'TRADING');
      await away(page);
      return timeOf(() => word(page, 'NOT KNOWN'));
    });
    await page.keyboard.press('Shift+S');
    const kept = page.getByRole('dialog').getByRole('alert', { name: 'A stop that is not done' });
    await hold(page, /Halt everything/, kept);
    await kept.filter({ hasText: 'not yet done, try 2' }).waitFor();
    await kept.getByText(/scalper/).waitFor();
    await word(page, 'NOT KNOWN');
    expect(await halts()).toHaveLength(before);

    await page.reload();
    await page.getByRole('heading', { name: '■ NOT KNOWN' }).waitFor();
    await notDone(page).waitFor();
    expect(await page.evaluate('JSON.stringify({ ...localStorage })')).not.toMatch(/eyJ|Bearer/);
    await back(page);
    await page.getByText(/asked at .*, and done/).waitFor();
    await word(page, 'HALTED');
    expect((await halts()).slice(before)).toMatchObject([{ scope_type: 'global', mode: 'halt' }]);
    await page.getByRole('button', { name: 'Seen' }).click();
    await releaseAll(t);
  });

  it('is one halt also where the answer was lost, and where two tabs ask again', async () => {
    const before = (await halts()).length;
    const { page, context } = await b.signedIn(t);
    const other = await context.newPage();
    await other.goto(`${t.base}/agents`);
    await word(other, 'TRADING');
    // It is done, and the answer does not arrive: the worst case of all.
    let lost = 0;
    await context.route('**/api/v1/kill-switch', async (route) => {
      if (route.request().method() !== 'POST' || ++lost > 3) return route.continue();
      await route.fetch();
      return route.abort();
    });
    await page.keyboard.press('Shift+S');
    await hold(page, /Halt everything/);
    await other.getByText(/asked at .*, and done/).waitFor();
    expect(lost).toBeGreaterThan(3);
    expect(await halts()).toHaveLength(before + 1);
    await releaseAll(t);
  });

  it('is sent, and told, where the browser keeps nothing', async () => {
    const before = (await halts()).length;
    const { page } = await b.signedIn(t);
    await word(page, 'TRADING');
    await page.evaluate(`Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }`);
    await page.keyboard.press('Shift+S');
    await hold(page, /Halt everything/);
    expect(await halts()).toHaveLength(before + 1);
    await releaseAll(t);
  });

  it('that was asked for by nobody is the one\'s who sent it first, and not sent again under another name', async () => {
    const before = (await halts()).length;
    const { page, context } = await b.signedIn(t, '/overview', OPERATOR);
    await word(page, 'TRADING');
    await away(page);
    await page.reload();
    await hold(page, /Halt everything as soon as it answers/, notDone(page));
    await back(page);
    // Carried out, and every answer is lost until another person has signed in here.
    let isLost = true;
    let tries = 0;
    await context.route('**/api/v1/kill-switch', async (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      // One that is under way while somebody signs out is one of before, however long it takes.
      const isOfBefore = isLost;
      tries += 1;
      await route.fetch();
      return isOfBefore ? route.abort() : route.continue();
    });
    await notDone(page).filter({ hasText: 'may have been done' }).waitFor();
    await page.locator('summary', { hasText: 'Signed in as' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('E-mail').fill(ADMIN.email);
    await page.getByLabel('Password').fill(ADMIN.password);
    const asked = tries;
    isLost = false;
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Another person asked for it here.').waitFor();
    expect([tries - asked, (await halts()).length]).toEqual([0, before + 1]);
    await releaseAll(t);
  });

  it('stays where a page fails, or is no longer on the server', async () => {
    const { page, context } = await b.signedIn(t, '/settings');
    // What it has read already it would not read again.
    await context.route(/pages-.*\.js/, (route) => route.fulfill({ status: 404 }));
    await page.goto(`${t.base}/risk`);
    await page.getByText('This page could not be shown').waitFor();
    await page.getByRole('button', { name: '■ Stop …' }).waitFor();
    await page.keyboard.press('Shift+S');
    await hold(page, /Halt everything/);
    await releaseAll(t);
  });

  it('is there, and is sent, also where the frame itself fails', async () => {
    const before = (await halts()).length;
    const { page } = await b.signedIn(t);
    await word(page, 'TRADING');
    await page.route('**/api/v1/overview', (route) => route.fulfill({ json: {} }));
    await page.getByRole('heading', { name: '■ NOT KNOWN' }).waitFor();
    await hold(page, /Halt everything/, page.getByText(/asked at .*, and done/));
    expect(await halts()).toHaveLength(before + 1);
    await page.unroute('**/api/v1/overview');
    await page.getByRole('button', { name: 'Reload' }).click();
    await word(page, 'HALTED');
    await releaseAll(t);
  });

  it('can be withdrawn, and is then not sent', async () => {
    const before = (await halts()).length;
    const { page } = await b.signedIn(t);
    await word(page, 'TRADING');
    await away(page);
    await page.keyboard.press('Shift+S');
    const withdraw = page.getByRole('dialog').getByRole('button', { name: 'Withdraw' });
    await hold(page, /Halt everything/, withdraw);
    await withdraw.click();
    await page.getByText(/Withdrawn/).waitFor();
    await back(page);
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await word(page, 'TRADING');
    expect(await halts()).toHaveLength(before);
  });

  it('works while streams hold every connection of the browser', async () => {
    const first: Watched = await b.signedIn(t);
    const pages = [first.page];
    while (pages.length < 6) {
      const page = await first.context.newPage();
      pages.push(page);
      await page.goto(`${t.base}/overview`, { waitUntil: 'commit' });
      await page.getByRole('button', { name: '■ Stop …' }).waitFor();
    }
    const last = pages[5]!;
    await last.keyboard.press('Shift+S');
    await hold(last, /Halt everything/);
    await releaseAll(t);
    await first.context.close();
  });

  it('gives its connection back while the tab is hidden, and is NOT KNOWN rather than old until it hears again', async () => {
    const { page } = await b.signedIn(t);
    await word(page, 'TRADING');
    const hide = (hidden: boolean) => page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))`);
    const ended = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/api/v1/events'));
    await hide(true);
    await ended;
    await word(page, 'NOT KNOWN');
    const again = page.waitForRequest((request) => request.url().endsWith('/api/v1/events'));
    await hide(false);
    await again;
    await word(page, 'TRADING');
  });
});
