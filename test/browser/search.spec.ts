import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, seriousViolations } from '../support/browser.js';
import { openTrade, type Trade } from '../support/closures.js';

const b = new BrowserTest();
let t: TestApp;
let agent: TestAgent;
let trade: Trade;

beforeAll(async () => {
  t = await startTestApp();
  agent = await t.agent({ name: 'breakout' });
  await t.agent({ name: 'breakout-two' });
  trade = await openTrade(agent, { clientOrderId: 'ticket-4711' });
});
afterAll(() => t.close());

describeInBrowser('the search', () => {
  it('opens by /, finds by name, and goes by the keys alone', async () => {
    const { page, faults } = await b.signedIn(t);
    await page.keyboard.press('/');
    const box = page.getByRole('combobox');
    await box.fill('breakout');
    const options = page.getByRole('option');
    await options.nth(1).waitFor();
    expect(await options.first().getAttribute('aria-selected')).toBe('true');
    expect(await options.first().innerText()).toMatch(/agent[^]*breakout/);
    expect(await seriousViolations(page)).toEqual([]);
    await page.keyboard.press('ArrowDown');
    expect(await options.nth(1).getAttribute('aria-selected')).toBe('true');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${t.base}/agents/${agent.id}`);
    await page.goBack();
    await page.waitForURL(`${t.base}/overview`);
    expect(faults).toEqual([]);
  });

  it.each([['its id', () => trade.id], ['the beginning of its id', () => trade.id.slice(0, 13)], ['its client order id', () => 'ticket-4711']])('goes to a trade by %s, also when Enter comes before the answer', async (_by, q) => {
    const { page } = await b.signedIn(t);
    await page.keyboard.press('/');
    await page.getByRole('combobox').fill(q());
    await page.keyboard.press('Enter');
    await page.waitForURL(`${t.base}/trades/${trade.id}`);
  });

  it('says that nothing is called so, and what went wrong', async () => {
    const { page } = await b.signedIn(t);
    await page.keyboard.press('/');
    await page.getByRole('combobox').fill('nobody-is-called-so');
    await page.getByText('Nothing is called nobody-is-called-so.').waitFor();
    await page.route('**/api/v1/search*', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ status: 503, code: 'DATABASE_UNAVAILABLE', title: 'The database is away.' }) }));
    await page.getByRole('combobox').fill('another');
    await page.getByRole('alert').filter({ hasText: 'The database is away.' }).waitFor();
  });

  it('does not open while somebody types', async () => {
    const { page } = await b.signedIn(t);
    await page.getByRole('button', { name: '■ Stop …' }).click();
    await page.getByLabel('Why').fill('');
    await page.getByLabel('Why').pressSequentially('A/S');
    expect(await page.getByLabel('Why').inputValue()).toBe('A/S');
    expect(await page.getByRole('dialog').count()).toBe(1);
  });
});
