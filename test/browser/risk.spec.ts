import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { ADMIN, startTestApp, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, seriousViolations } from '../support/browser.js';
import { OPEN_LIMITS } from '../support/ideas.js';

const b = new BrowserTest();
let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

type Config = Record<string, unknown> & { version: number };
const config = async () => (await t.http<Config>('GET', '/risk-config')).body;
const put = async (more: object) => {
  const { version } = await config();
  const answer = await t.http('PUT', '/risk-config', { body: { ...OPEN_LIMITS, aiTradingEnabled: false, maxLotSize: '1', maxTradesPerDay: 50, ...more }, headers: { 'if-match': `"${version}"` } });
  if (answer.status !== 200) throw new Error(answer.text);
};

/** Of every page: nothing that axe finds serious, in light and dark, and nothing wider than a phone. */
async function isFitToBeSeen(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect([name, colorScheme, await seriousViolations(page)]).toEqual([name, colorScheme, []]);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  const before = page.viewportSize()!;
  await page.setViewportSize({ width: 360, height: 740 });
  expect([name, (await page.evaluate('document.documentElement.scrollWidth')) as number]).toEqual([name, 360]);
  await page.setViewportSize(before);
}

const saveLoosened = async (page: Page) => {
  await page.getByRole('button', { name: 'Review changes' }).click();
  await page.getByLabel('Type LOOSEN to confirm').fill('LOOSEN');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
};

describeInBrowser('limits for everybody', () => {
  it('show what is off in amber, and say what that means', async () => {
    await put({ maxOpenRiskAmount: null });
    const { page, faults } = await b.signedIn(t, '/risk');
    const off = page.locator('[data-off="true"]', { hasText: 'Open risk' });
    await off.getByText('off: nothing is held back').waitFor();
    // Dark on amber in light, as the tokens have it; the words say it too.
    expect(await page.evaluate(`getComputedStyle([...document.querySelectorAll('[data-off="true"] .doubt')][0]).color`)).toBe('rgb(122, 75, 0)');
    await isFitToBeSeen(page, 'limits');
    expect(faults).toEqual([]);
  });

  it('are saved after their differences were looked at: what holds back more by a click, what lets more through by a word', async () => {
    await put({});
    const { page, faults } = await b.signedIn(t, '/risk');
    await page.getByLabel('Largest size', { exact: true }).fill('0.5');
    await page.getByRole('button', { name: 'Review changes' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('▼ tighter').waitFor();
    await dialog.getByLabel('Reason').fill('less at once');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText(/Version \d+ is in force/).waitFor();
    expect(await config()).toMatchObject({ maxLotSize: '0.5' });

    await page.getByLabel('Agents may open trades').selectOption('true');
    await page.getByRole('button', { name: 'Review changes' }).click();
    await dialog.getByText('agents may open trades by themselves').waitFor();
    expect(await dialog.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
    await dialog.getByLabel('Type LOOSEN to confirm').fill('LOOSEN');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText(/Version \d+ is in force/).waitFor();
    expect(await config()).toMatchObject({ aiTradingEnabled: true, maxLotSize: '0.5' });

    const history = page.getByRole('region', { name: 'Versions of the limits' }).last();
    await history.getByText('less at once').waitFor();
    await page.getByRole('region', { name: /From version/ }).getByText('Agents may open trades').waitFor();
    expect(faults).toEqual([]);
  });

  it('tell of a conflicting change, show both, lose nothing, and save the second time', async () => {
    await put({});
    const { page, faults } = await b.signedIn(t, '/risk');
    // Another person is faster by so much that this page cannot have known.
    let isFirst = true;
    const statuses: number[] = [];
    await page.route('**/api/v1/risk-config', async (route) => {
      if (route.request().method() !== 'PUT') return route.continue();
      if (isFirst) await put({ maxTradesPerDay: 20, maxLotSize: '2' });
      isFirst = false;
      const response = await route.fetch();
      statuses.push(response.status());
      return route.fulfill({ response });
    });
    await page.getByLabel('Largest size', { exact: true }).fill('3');
    await page.getByLabel('Least reward to risk: off').uncheck();
    await page.getByLabel('Least reward to risk', { exact: true }).fill('2.5');
    await saveLoosened(page);
    const conflict = page.getByRole('region', { name: 'Changed by another person' });
    await conflict.getByText('Nothing of yours was saved, and nothing of it is lost').waitFor();
    const row = (name: string) => conflict.getByRole('row', { name: new RegExp(name) });
    expect(await row('Largest size').innerText()).toMatch(/1 lots[\s\S]*2 lots[\s\S]*3 lots/);
    expect(await row('Openings in a day').innerText()).toMatch(/50 trades[\s\S]*20 trades[\s\S]*50 trades/);
    expect(await conflict.getByLabel('Largest size: yours').isChecked()).toBe(true);
    expect(await conflict.getByLabel('Openings in a day: what is there now').isChecked()).toBe(true);
    expect(await seriousViolations(page)).toEqual([]);
    await conflict.getByRole('button', { name: 'Go on with these values' }).click();
    await saveLoosened(page);
    await page.getByText(/Version \d+ is in force/).waitFor();
    expect(await config()).toMatchObject({ maxLotSize: '3', maxTradesPerDay: 20, minRewardToRisk: '2.5' });
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    expect(statuses).toEqual([412, 200]);
    expect(faults).toEqual([]);
  });

  it("show the server's refusal at the field that it is about", async () => {
    await put({});
    const { page } = await b.signedIn(t, '/risk');
    await page.getByLabel('Largest size', { exact: true }).fill('a lot');
    await page.getByRole('button', { name: 'Review changes' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('dialog').getByText('Nothing was saved').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('alert').filter({ hasText: 'must be a decimal' }).first().waitFor();
    expect(await page.getByLabel('Largest size', { exact: true }).inputValue()).toBe('a lot');
  });

  it('are held tighter for an agent, and what holds in the end says where it stands', async () => {
    await put({});
    const agent = await t.agent({ name: 'held-tighter' });
    const { page, faults } = await b.signedIn(t, `/risk/limits/agent/${agent.id}`);
    await page.getByLabel('Largest size: not set here').uncheck();
    await page.getByLabel('Largest size', { exact: true }).fill('0.25');
    await page.getByRole('button', { name: 'Review changes' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('region', { name: 'Effective limits' }).getByRole('row', { name: /Largest size/ }).getByRole('link', { name: 'the agent' }).waitFor();
    expect((await t.http('GET', `/limits/agent/${agent.id}`)).body).toMatchObject({ maxLotSize: '0.25', version: 1 });
    await isFitToBeSeen(page, 'narrower');
    expect(faults).toEqual([]);
  });
});

describeInBrowser('circuit breakers', () => {
  it('are tripped by holding, shown with what would reset them, and reset by a typed word', async () => {
    const agent = await t.agent({ name: 'tripped-agent' });
    const { page, faults } = await b.signedIn(t, '/risk/breakers/reject_rate');
    await page.getByLabel('Agent').selectOption({ label: agent.name });
    await page.getByLabel('Reason for tripping').fill('orders look wrong');
    const hold = page.getByRole('button', { name: /^Trip reject rate/ });
    await hold.click();
    expect((await t.http<{ items: unknown[] }>('GET', '/kill-switch?active=true')).body.items).toEqual([]);
    await hold.hover();
    await page.mouse.down();
    await page.getByText('Tripped: it holds').waitFor();
    await page.mouse.up();
    await page.getByRole('row', { name: /tripped-agent.*(tripped|cooling)/ }).first().waitFor();
    const { body } = await t.http<{ items: { breaker: string }[] }>('GET', '/kill-switch?active=true');
    expect(body.items.map(({ breaker }) => breaker)).toEqual(['reject_rate']);
    await isFitToBeSeen(page, 'breaker');

    await page.getByRole('link', { name: 'its halt' }).click();
    await page.getByText('Agents that have observed it').waitFor();
    await isFitToBeSeen(page, 'halt');
    await page.goBack();

    await page.getByLabel('Reason for the reset').fill('looked at');
    await page.getByLabel('Type RESET to confirm').fill('RESET');
    await page.getByRole('button', { name: 'Reset reject rate' }).click();
    await page.getByText('Reset in one place').waitFor();
    expect((await t.http<{ items: unknown[] }>('GET', '/kill-switch?active=true')).body.items).toEqual([]);
    await page.getByRole('region', { name: 'What they did' }).getByText('looked at').first().waitFor();
    expect(faults).toEqual([]);
  });

  it('have their settings changed by a form of what each takes, with the old ones kept', async () => {
    const { page, faults } = await b.signedIn(t, '/risk/breakers/consecutive_losses');
    await page.getByLabel('Losses most').fill('7');
    await page.getByLabel('Kind of reset').selectOption({ label: 'Timed' });
    await page.getByLabel('After seconds').fill('900');
    await saveLoosened(page);
    await page.getByText(/Version 2 is in force/).waitFor();
    expect((await t.http('GET', '/circuit-breakers/consecutive_losses')).body).toMatchObject({ parameters: { lossesMost: 7 }, reset: { rule: 'timed', afterSeconds: 900, testingTrades: null } });
    const compared = page.getByRole('region', { name: 'From version 1 to 2' });
    expect(await compared.getByRole('row', { name: /Losses most/ }).innerText()).toMatch(/5[\s\S]*7[\s\S]*looser/);
    await page.goto(`${t.base}/risk/breakers`);
    await page.getByText('No breaker has tripped').waitFor();
    await page.getByRole('region', { name: 'All breakers' }).last().getByRole('link', { name: 'Daily loss' }).waitFor();
    await isFitToBeSeen(page, 'breakers');
    expect(faults).toEqual([]);
  });
});

describeInBrowser('strategies', () => {
  it('are added switched off, changed by their form, and show what differs between versions', async () => {
    const { page, faults } = await b.signedIn(t, '/risk/strategies');
    await page.getByRole('button', { name: 'Add strategy' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('breakout');
    await page.getByRole('dialog').getByRole('button', { name: 'Add strategy' }).click();
    await page.getByLabel('Is active').waitFor();
    await page.getByLabel('Allowed symbols: none').uncheck();
    await page.getByLabel('Allowed symbols', { exact: true }).fill('eur/usd\nGBPUSD');
    await page.getByLabel('Session windows: none').uncheck();
    await page.getByRole('group', { name: 'Session windows', exact: true }).getByRole('button', { name: 'Add one' }).click();
    await page.getByLabel('mon').first().check();
    await page.getByLabel('From', { exact: true }).fill('08:00');
    await page.getByLabel('To', { exact: true }).fill('17:00');
    await page.getByLabel('Largest size: not set here').uncheck();
    await page.getByLabel('Largest size', { exact: true }).fill('0.4');
    await page.getByRole('button', { name: 'Review changes' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByText(/Version 2 is in force/).waitFor();
    const { body } = await t.http<{ items: unknown[] }>('GET', '/strategies?name=breakout');
    expect(body.items).toMatchObject([{ isActive: false, allowedSymbols: ['EURUSD', 'GBPUSD'], sessionWindows: [{ days: ['mon'], from: '08:00', to: '17:00', zone: 'UTC' }], riskCaps: { maxLotSize: '0.4' } }]);
    const compared = page.getByRole('region', { name: 'From version 1 to 2' });
    await compared.getByText('EURUSD, GBPUSD').waitFor();
    expect(await compared.getByRole('row', { name: /Cap: largest size/ }).innerText()).toMatch(/no cap[\s\S]*0\.4/);
    await isFitToBeSeen(page, 'strategy');
    expect(faults).toEqual([]);
  });
});

describeInBrowser('exposure and halts', () => {
  it('are shown where nothing is halted, and say so', async () => {
    const { page, faults } = await b.signedIn(t, '/risk/halts');
    await page.getByText('Nothing is halted').waitFor();
    await isFitToBeSeen(page, 'halts');
    expect(faults).toEqual([]);
  });

  it('show each account against its limits', async () => {
    await put({ maxConcurrentTrades: 2 });
    const agent = await t.agent({ name: 'holder' });
    await agent.http('POST', '/agents/me/heartbeat', { body: {} });
    const opened = await agent.http('POST', '/trades', { body: { clientOrderId: 'held-1', symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1', entryTime: new Date().toISOString() } });
    expect(opened.status).toBe(201);
    const { page, faults } = await b.signedIn(t, '/risk/exposure');
    await page.getByText('1 open, 0 reserved').waitFor();
    expect(await page.getByRole('region', { name: 'holder, paper' }).getByRole('meter', { name: 'Trades against its limit' }).getAttribute('aria-valuetext')).toBe('50 %');
    await isFitToBeSeen(page, 'exposure');
    expect(faults).toEqual([]);
  });
});

describeInBrowser('who may only look', () => {
  it('sees limits, breakers and strategies, and no control that changes them', async () => {
    await t.http('POST', '/users', { body: { email: 'looker@example.com', role: 'viewer', password: ADMIN.password } });
    await t.http('POST', '/strategies', { body: { name: 'seen' } });
    const { page, faults } = await b.signedIn(t, '/risk', { email: 'looker@example.com', password: ADMIN.password });
    const main = page.getByRole('main');
    const controls = () => page.evaluate(`[...document.querySelectorAll('main input:enabled, main textarea:enabled, main button:enabled')].map((each) => each.outerHTML)`);
    await main.getByRole('group', { name: 'How much may be held' }).getByText('Largest size').waitFor();
    expect(await controls()).toEqual([]);
    await page.goto(`${t.base}/risk/breakers/daily_loss`);
    await main.getByText('Baseline').first().waitFor();
    expect(await controls()).toEqual([]);
    await page.goto(`${t.base}/risk/strategies`);
    await main.getByRole('link', { name: 'seen' }).click();
    await main.getByText('Risk caps').waitFor();
    expect(await controls()).toEqual([]);
    const viewer = await t.person('viewer');
    expect((await t.http('POST', '/circuit-breakers/daily_loss/trip', { token: viewer, body: { scope: { type: 'global' }, reason: 'x' } })).status).toBe(403);
    expect(faults).toEqual([]);
  });
});
