import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Inbox } from '../../src/webhooks/inbox/inbox.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, light, seriousViolations } from '../support/browser.js';
import { clientOf } from '../support/http.js';
import { beat, limitAll, trader } from '../support/ideas.js';
import { pagePerson } from '../support/page-people.js';
import { makeSource, postAlert, type TestSource } from '../support/webhooks.js';

const b = new BrowserTest();
let t: TestApp;
let agent: TestAgent;
let source: TestSource;
let made = 0;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());
beforeEach(async () => {
  await limitAll(t);
  agent = await trader(t);
  // The symbol stands under `s`, and the mapping looks for it under `pair`.
  source = await makeSource(t.http, { mapping: mapping('pair'), route: { action: 'idea', executorAgentId: agent.id, maxAgeSeconds: 3_600 }, defaults: { lotSize: '0.1', stopDistance: '0.005', confidence: '0.9' } });
});

const mapping = (symbol: string) => ({ format: 'json', fields: { symbol, action: 'a', alertId: 'id', price: 'p' }, actions: { in: 'enter_long', out: 'exit_long' } });
const bodyOf = (id: string) => JSON.stringify({ s: 'EURUSD', a: 'in', p: '1.1001', id });
/** Posted and worked through; answers its id. */
const post = async (id = `page-alert-${++made}-12345678`): Promise<string> => {
  const { status, body, text } = await postAlert(t, source.path, bodyOf(id));
  if (status !== 202) throw new Error(text);
  await t.app.get(Inbox).settle();
  return body.alertId;
};
const alertOf = async (id: string) => (await t.http<{ status: string; run: number; ideas: { id: string }[] }>('GET', `/alerts/${id}`)).body;

describeInBrowser('an alert in quarantine', () => {
  it('is carried out when its mapping was mended in the page, tried in the preview, and it was redriven', async () => {
    const id = await post();
    const { page, faults } = await b.signedIn(t, '/alerts');
    const held = page.getByRole('region', { name: 'Alerts in quarantine' });
    await held.getByText('SYMBOL_MISSING').first().waitFor();
    await page.goto(`${t.base}/alerts/sources/${source.id}`);
    await page.getByLabel('Body of an alert').fill(bodyOf('page-alert-99999999'));
    await page.getByText('It would wait in quarantine').waitFor();
    await page.getByLabel('My own mapping').fill(JSON.stringify(mapping('s')));
    await page.getByText('It is understood').waitFor();
    await page.getByText('which is not yet the source').waitFor();
    await page.getByRole('button', { name: /^Change source-/ }).click();
    await page.getByText('It is changed: version 2.').waitFor();
    await page.getByText('which is not yet the source').waitFor({ state: 'detached' });
    await page.goto(`${t.base}/alerts/${id}`);
    await page.getByText('in quarantine').first().waitFor();
    await page.getByRole('button', { name: 'Redrive: carry it out once more' }).click();
    await page.getByText('It is redriven').waitFor();
    // All of this may have taken more than the minute for which an agent that was heard may open.
    await beat(agent);
    await t.app.get(Inbox).settle();
    await page.getByText(light('carried out')).first().waitFor();
    const alert = await alertOf(id);
    expect(alert).toMatchObject({ status: 'processed', run: 2, ideas: [{ id: expect.any(String) }] });
    await page.getByRole('link', { name: 'Idea', exact: true }).click();
    await page.waitForURL(`**/ideas/${alert.ideas[0]?.id}`);
    await page.getByText(light('let through')).waitFor();
    expect(faults).toEqual([]);
  });

  it('is redriven with all others that fit the filter, and their number is told', async () => {
    const ids = [await post(), await post()];
    await t.http('PATCH', `/webhook-sources/${source.id}`, { body: { mapping: mapping('s') } });
    const { page, faults } = await b.signedIn(t, `/alerts?sourceId=${source.id}`);
    await page.getByRole('button', { name: 'Redrive several …' }).click();
    await page.getByLabel('With this code only').fill('SYMBOL_MISSING');
    await page.getByRole('button', { name: 'Redrive all that are in quarantine' }).click();
    await page.getByText('2 alerts are redriven').waitFor();
    await t.app.get(Inbox).settle();
    expect((await Promise.all(ids.map(alertOf))).map(({ run }) => run)).toEqual([2, 2]);
    await page.getByRole('button', { name: 'Close' }).first().click();
    await page.getByText('Nothing is in quarantine.').waitFor();
    expect(faults).toEqual([]);
  });

  it('that somebody else has redriven meanwhile is not redriven twice', async () => {
    const id = await post();
    const { page, faults } = await b.signedIn(t, `/alerts/${id}`);
    const redrive = page.getByRole('button', { name: 'Redrive: carry it out once more' });
    await redrive.waitFor();
    // The page knows of run 1 until it is told: so its question is held up, and asked after the other one's.
    await page.route('**/redrive', async (route) => {
      await t.http('POST', `/alerts/${id}/redrive`, { body: { run: 1 } });
      await route.continue();
    });
    await redrive.click();
    await page.getByText('ALERT_RUN_CHANGED').waitFor();
    await t.app.get(Inbox).settle();
    expect((await alertOf(id)).run).toBe(2);
    expect(faults).toEqual([]);
  });
});

describeInBrowser('a source', () => {
  it('is made with an address that is shown once and can be taken away over plain http, and takes alerts under it', async () => {
    const { page, faults } = await b.signedIn(t, '/alerts/sources/new');
    await page.getByLabel('Name').fill(`Trend ${++made}`);
    await page.getByLabel('What is done with its alerts').selectOption('idea');
    await page.getByRole('button', { name: 'Make it, and show its address once' }).click();
    await page.getByText('EXECUTOR_MISSING').waitFor();
    expect(await page.getByLabel('Traded by').getAttribute('aria-invalid')).toBe('true');
    await page.getByLabel('What is done with its alerts').selectOption('store');
    await page.getByRole('button', { name: 'Make it, and show its address once' }).click();
    await page.getByText('This address is shown once.').waitFor();
    const url = (await page.getByLabel('address', { exact: true }).textContent()) ?? '';
    await page.getByRole('button', { name: 'Copy address' }).click();
    await page.getByText(/^(Copied\.|It is selected)/).waitFor();
    expect((await postAlert(t, new URL(url).pathname)).status).toBe(202);
    await page.getByRole('link', { name: /^To the source/ }).click();
    await page.getByText('The text to paste into TradingView').waitFor();
    expect(await page.content()).not.toContain(new URL(url).pathname.split('/').at(-1));
    expect(faults).toEqual([]);
  });

  it('gives the text to paste for a strategy and an indicator, gets another address, and is retired', async () => {
    const { page, faults } = await b.signedIn(t, `/alerts/sources/${source.id}`);
    const text = page.getByLabel('text', { exact: true });
    await text.getByText('{{strategy.order.action}}').waitFor();
    await page.getByLabel('The alert is made on').selectOption('indicator');
    await text.getByText('{{strategy.order.action}}').waitFor({ state: 'detached' });
    await text.getByText('{{close}}').waitFor();
    await page.getByLabel('The present address stays good for').selectOption('0');
    await page.getByRole('button', { name: 'Give it another address' }).click();
    await page.getByText('This address is shown once.').waitFor();
    expect((await postAlert(t, source.path, bodyOf('page-old-12345678'))).status).toBeGreaterThanOrEqual(400);
    await page.getByRole('button', { name: /^Retire source-/ }).focus();
    await page.keyboard.down('Enter');
    await page.getByText('nothing is taken under its address any more').waitFor();
    await page.keyboard.up('Enter');
    expect((await t.http<{ retired: boolean }>('GET', `/webhook-sources/${source.id}`)).body.retired).toBe(true);
    expect(faults).toEqual([]);
  });
});

describeInBrowser('a viewer', () => {
  it('sees alerts and sources, and no control', async () => {
    const id = await post();
    const viewer = await pagePerson(t, 'viewer');
    const { page, faults } = await b.signedIn(t, `/alerts/${id}`, viewer);
    await page.getByText('As it came, secrets masked').waitFor();
    expect(await page.getByRole('main').getByRole('button').allTextContents()).toEqual([]);
    await page.goto(`${t.base}/alerts`);
    await page.getByRole('region', { name: 'Alerts in quarantine' }).waitFor();
    expect(await page.getByRole('main').getByRole('button').allTextContents()).toEqual([]);
    await page.goto(`${t.base}/alerts/sources/${source.id}`);
    await page.getByRole('button', { name: 'Copy text' }).waitFor();
    expect(await page.getByRole('main').getByRole('button').allTextContents()).toEqual(['Copy text']);
    const as = clientOf(t.base, await t.signIn(viewer.email, viewer.password));
    expect((await as('POST', `/alerts/${id}/redrive`, { body: {} })).status).toBe(403);
    expect(faults).toEqual([]);
  });
});

describeInBrowser('the pages of alerts', () => {
  it('have no serious fault of accessibility, in light and dark, and fit a phone', async () => {
    const id = await post();
    const { page, faults } = await b.signedIn(t, '/alerts');
    for (const [name, address, ready] of [['inbox', '/alerts', 'Alerts in quarantine'], ['one', `/alerts/${id}`, 'Runs'], ['sources', '/alerts/sources', 'Sources of alerts'], ['source', `/alerts/sources/${source.id}`, 'The text to paste into TradingView']] as const) {
      await page.goto(t.base + address);
      await page.getByRole('region', { name: ready, exact: true }).first().waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await seriousViolations(page)).toEqual([]);
      }
      await page.setViewportSize({ width: 360, height: 740 });
      expect([name, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([name, 360]);
      await page.setViewportSize({ width: 1280, height: 800 });
    }
    expect(faults).toEqual([]);
  });
});
