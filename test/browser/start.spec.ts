import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { ADMIN, startTestApp, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, seriousViolations } from '../support/browser.js';
import { type Client, clientOf } from '../support/http.js';
import { until } from '../support/timing.js';

const b = new BrowserTest();
let t: TestApp;
let page: Page;
let faults: string[];
let agentId: string;
let accountId: string;
let bot: Client;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

const step = (name: string) => page.getByRole('listitem', { name: new RegExp(`^\\d\\. ${name}$`) });
const isGreen = (name: string) => step(name).getByText('● done').waitFor();
const told = async (answer: Promise<{ status: number; text: string }>) => {
  const { status, text } = await answer;
  if (status > 299) throw new Error(text);
};

/** An agent on paper: alive, with a price; takes what the gate hands it. */
async function alive() {
  await told(bot('POST', '/agents/me/heartbeat', { body: { status: 'running', equity: '10000', currency: 'USD' } }));
  await told(bot('POST', '/quotes', { body: { items: [{ symbol: 'EURUSD', bid: '1.25000', ask: '1.25010', quotedAt: new Date().toISOString() }] } }));
}

interface Opening { id: string; type: string; leaseToken: string; payload: { orderTag: string; lotSize: string } }

async function leased(): Promise<Opening> {
  let commands: Opening[] = [];
  await until(async () => ({ commands } = (await bot<{ commands: Opening[] }>('POST', '/agents/me/commands/lease', { body: { waitSeconds: 5 } })).body).commands.length > 0, 30_000);
  const [opening] = commands;
  if (opening?.type !== 'open_trade') throw new Error(`no opening: ${JSON.stringify(commands)}`);
  return opening;
}

async function refuse() {
  const { id, leaseToken } = await leased();
  await told(bot('POST', `/commands/${id}/fail`, { body: { leaseToken, outcome: 'not_sent', error: { code: 'PRICE_MOVED', message: 'the price is 1.26' } } }));
}

async function carryOut() {
  const { id, leaseToken, payload: { orderTag, lotSize } } = await leased();
  const fill = { brokerDealId: 'd-1', price: '1.25010', size: lotSize, at: new Date().toISOString() };
  await told(bot('POST', `/commands/${id}/complete`, { body: { leaseToken, result: { orderTag, brokerPositionId: 'p-1', fill } } }));
}

// One story: each of these begins where the one before ended.
describeInBrowser('the first steps', () => {
  it('begin with an empty system, with nothing open but the account', async () => {
    ({ page, faults } = await b.signedIn(t, '/start'));
    await step('Account').getByText('▲ to do').waitFor();
    await step('Instruments').getByText('waits for: Account').waitFor();
    await page.getByLabel('Name of the account').fill('practice');
    await page.getByLabel('Zone of its day').fill('Atlantis/Nowhere');
    await page.getByRole('button', { name: 'Make paper account' }).click();
    await page.getByRole('alert').first().waitFor();
    await page.getByLabel('Zone of its day').fill('Europe/Prague');
    await page.getByRole('button', { name: 'Make paper account' }).click();
    await isGreen('Account');
    const { body } = await t.http<{ items: { id: string; name: string; kind: string; tradingDay: object }[] }>('GET', '/accounts');
    expect(body.items).toMatchObject([{ name: 'practice', kind: 'paper', tradingDay: { zone: 'Europe/Prague', rollover: '00:00' } }]);
    accountId = body.items[0]!.id;
  });

  it('lists an instrument with its terms', async () => {
    await step('Instruments').getByRole('button', { name: 'List EURUSD' }).click();
    await isGreen('Instruments');
    const { body } = await t.http<{ items: object[] }>('GET', `/instruments?accountId=${accountId}`);
    expect(body.items).toMatchObject([{ symbol: 'EURUSD', contractSize: '100000', tickValueCurrency: 'USD' }]);
  });

  it('sets the first limits and turns trading on by typing', async () => {
    const limits = step('Limits');
    await limits.getByRole('button', { name: 'Change these limits' }).click();
    await limits.getByLabel('Loss of a day').fill('3');
    await limits.getByRole('button', { name: 'Save limits' }).click();
    await limits.getByText('The limits are as they were.').waitFor();
    await limits.getByLabel('Loss of a day').fill('0.03');
    await limits.getByRole('button', { name: 'Save limits' }).click();
    await limits.getByText('3 %', { exact: true }).waitFor();
    await limits.getByLabel('Type TRADE to confirm').fill('TRADE');
    await limits.getByRole('button', { name: 'Turn trading on' }).click();
    await isGreen('Limits');
    expect((await t.http('GET', '/risk-config')).body).toMatchObject({ aiTradingEnabled: true, dailyLossLimitFraction: '0.03', maxPriceAgeSeconds: 10 });
    // Ten seconds may pass between a price that is told and a button that is pressed.
    await t.db.query('update risk_config set max_price_age_seconds = 600');
  });

  it('makes an agent, shows its key once with lines to paste, and says what would stop it until nothing does', async () => {
    const agent = step('Agent');
    await agent.getByLabel('Name of the agent').fill('robin');
    await agent.getByRole('button', { name: 'Make agent' }).click();
    const key = (await agent.getByLabel('key', { exact: true }).innerText()).trim();
    expect(await agent.getByLabel('lines', { exact: true }).innerText()).toContain(`TRADEWARDEN_API_KEY=${key}`);
    await agent.getByRole('button', { name: 'curl' }).click();
    const pasted = await agent.getByLabel('lines', { exact: true }).innerText();
    const readme = readFileSync('README.md', 'utf8');
    for (const line of pasted.split('\n').filter((each) => /^curl .*(heartbeat|lease)/.test(each))) expect(readme).toContain(line);
    expect(pasted).toContain(`API=${t.base}/api/v1`);
    for (const command of ['python3 clients/python/example.py', 'npm run demo     # the agent alone']) expect(readme + readFileSync('clients/python/README.md', 'utf8') + readFileSync('clients/typescript/README.md', 'utf8')).toContain(command);
    await agent.getByText('nobody told a quote of EURUSD').waitFor();
    bot = clientOf(t.base, key);
    const { body } = await t.http<{ items: { id: string; account: string; mode: string; symbols: string[] }[] }>('GET', '/agents');
    expect(body.items).toMatchObject([{ account: 'practice', mode: 'paper', symbols: ['EURUSD'] }]);
    agentId = body.items[0]!.id;
    await alive();
    await agent.getByText('An opening would pass.').waitFor();
    await isGreen('Agent');
  });

  it('goes on where it was after a reload, without the key', async () => {
    // Whose last word is 45 s old is not online.
    await alive();
    await page.goto(`${t.base}/start`);
    await isGreen('Agent');
    for (const name of ['Account', 'Instruments', 'Limits']) await isGreen(name);
    await step('A trade on paper').getByText('▲ to do').waitFor();
    expect(await page.content()).not.toMatch(/tw_[A-Za-z0-9]{8}/);
  });

  it('makes an address for alerts of TradingView, shown once, with the message to paste', async () => {
    const agent = step('Agent');
    await agent.getByText('Lines to start it with').click();
    await agent.getByRole('button', { name: 'TradingView' }).click();
    await agent.getByRole('button', { name: 'Make an address for alerts' }).click();
    expect(await agent.getByLabel('address', { exact: true }).innerText()).toContain('/webhooks/tradingview/');
    expect(await agent.getByLabel('message', { exact: true }).innerText()).toContain('strategy.order.action');
    expect((await t.http('GET', '/webhook-sources')).body).toMatchObject({ items: [{ mapping: 'sigmatrader', route: { action: 'idea', executorAgentId: agentId } }] });
  });

  it('shows a refused idea with its rule, an opening that failed with what its agent said, and one that goes all the way to a trade as the form stood', async () => {
    const paper = step('A trade on paper');
    await alive();
    await paper.getByLabel('Stop').fill('1.3');
    await paper.getByRole('button', { name: 'Propose to robin' }).click();
    await paper.getByText(/it was refused/).waitFor();
    await page.reload();
    await alive();
    await paper.getByRole('button', { name: 'Propose to robin' }).click();
    await paper.getByText(/the gate let it through/).waitFor();
    await refuse();
    await paper.getByText('PRICE_MOVED, the price is 1.26').waitFor();
    await alive();
    await paper.getByRole('button', { name: 'Propose to robin' }).click();
    await carryOut();
    await isGreen('A trade on paper');
    const { body } = await t.http<{ items: object[] }>('GET', `/trades?agentId=${agentId}`);
    expect(body.items).toMatchObject([{ origin: 'gated', executionMode: 'paper', status: 'open', symbol: 'EURUSD' }]);
  });

  it('has no serious fault in light and dark, and fits a phone', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect([colorScheme, await seriousViolations(page)]).toEqual([colorScheme, []]);
    }
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  it('says what live takes, and makes it live by typing alone', async () => {
    const live = step('Go live');
    await live.getByText('A live account is registered').waitFor();
    await live.getByLabel('Name of the account').fill('real');
    await live.getByLabel('Broker (optional)').fill('A Broker');
    await live.getByRole('button', { name: 'Make live account' }).click();
    const make = live.getByRole('button', { name: 'Make robin live' });
    await make.waitFor();
    await live.getByLabel('On the account').selectOption('real');
    expect(await make.isDisabled()).toBe(true);
    await live.getByLabel('Type LIVE to confirm').fill('LIVE');
    await make.click();
    await isGreen('Go live');
    await live.getByText('opens nothing yet').waitFor();
    await live.getByRole('link', { name: 'send start' }).waitFor();
    expect((await t.http('GET', `/agents/${agentId}`)).body).toMatchObject({ mode: 'live', account: 'real', desiredState: { run: 'paused' } });
    expect(faults).toEqual([]);
  });

  it('show a viewer how far it is, and nothing to press', async () => {
    const viewer = { email: 'viewer-of-steps@example.com', password: ADMIN.password };
    await t.http('POST', '/users', { body: { ...viewer, role: 'viewer' } });
    const { page: theirs } = await b.signedIn(t, '/start', viewer);
    await theirs.getByRole('listitem', { name: /Go live/ }).getByText('● done').waitFor();
    const pressed = (await theirs.getByRole('main').getByRole('button').allInnerTexts()).filter((name) => !/^(Copy|Python|TypeScript|curl|TradingView)/.test(name));
    expect(pressed).toEqual([]);
  });
});
