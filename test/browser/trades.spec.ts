import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { ADMIN, startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, holdUntil, seriousViolations } from '../support/browser.js';
import { clientOf } from '../support/http.js';
import { limitAll, trader } from '../support/ideas.js';
import { storeTrades } from '../support/trade-rows.js';
import { closed, opened, sendCandles, type Traded } from '../support/traded.js';

const b = new BrowserTest();
let t: TestApp;
let agent: TestAgent;
let other: TestAgent;
let over: Traded;
let running: Traded;

interface Listed { items: { id: string; netProfit: string | null; symbol: string; status: string }[] }

/** Closed trades of a month, of two accounts; of one of them nobody knows the profit. */
const month = (of: TestAgent, count: number) => Array.from({ length: count }, (_, n) => ({
  agentId: of.id, accountId: of.accountId, symbol: n % 3 === 0 ? 'GBPUSD' : 'EURUSD', entryTime: new Date(Date.parse('2026-01-05T08:00:00Z') + n * 3_600_000).toISOString(),
  exitTime: new Date(Date.parse('2026-01-05T08:40:00Z') + n * 3_600_000).toISOString(), grossProfit: n === 7 ? null : ((n * 37) % 61 - 25.5).toFixed(2), commission: '-0.35', swap: '0', fee: '0',
}));

beforeAll(async () => {
  t = await startTestApp();
  await limitAll(t);
  agent = await trader(t);
  other = await t.agent({});
  await storeTrades(t.db, [...month(agent, 230), ...month(other, 5)]);
  await sendCandles(agent);
  const terms = { symbol: 'EURUSD', brokerSymbol: 'EURUSD', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', tickValueCurrency: 'USD', minSize: '0.01', sizeStep: '0.01', baseCurrency: 'EUR', quoteCurrency: 'USD' };
  expect((await agent.http('POST', '/instruments', { body: terms })).status).toBe(201);
  over = await opened(agent);
  await closed(agent, over);
  running = await opened(agent);
});
afterAll(() => t.close());

const rowsIn = (page: Page) => page.getByRole('region', { name: 'Trades', exact: true }).locator('tbody tr:not([aria-hidden])');
/** That something was drawn: many colours among the pixels of a canvas. The page's policy allows no polling by text, so it looks at each frame. */
const isDrawn = (page: Page) => page.evaluate(`new Promise((resolve) => {
  const colours = (canvas) => {
    if (canvas.width < 50 || canvas.height < 50) return 0;
    return new Set(new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size;
  };
  const look = () => ([...document.querySelectorAll('canvas')].some((canvas) => colours(canvas) > 3) ? resolve(true) : requestAnimationFrame(look));
  look();
})`);
const fits = async (page: Page) => expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);

describeInBrowser('trades', () => {
  it('are listed by filters that the address keeps over a reload, and back', async () => {
    const { page, faults } = await b.signedIn(t, '/trades');
    await rowsIn(page).first().waitFor();
    await page.getByLabel('Account').selectOption(other.accountId);
    await page.getByLabel('Symbol').fill('GBPUSD');
    await page.getByLabel('Symbol').press('Enter');
    await page.getByLabel('Status').selectOption('closed');
    await expectRows(page, 2);
    expect(new URL(page.url()).search).toContain(`account=${other.accountId}`);
    await page.reload();
    await expectRows(page, 2);
    expect(await page.getByLabel('Status').inputValue()).toBe('closed');
    await rowsIn(page).first().getByRole('link', { name: 'GBPUSD long' }).click();
    await page.getByRole('heading', { name: /GBPUSD long/ }).waitFor();
    await page.goBack();
    await expectRows(page, 2);
    expect(await page.getByLabel('Symbol').inputValue()).toBe('GBPUSD');
    await page.getByLabel('Symbol').fill('USDJPY');
    await page.getByLabel('Symbol').press('Enter');
    await page.getByText('No trade matches these filters.').waitFor();
    expect(faults).toEqual([]);
  });

  it('are told by the days of the viewer, with totals for each book and never over books', async () => {
    const { page } = await b.signedIn(t, '/trades?from=2026-01-05&to=2026-01-05&status=closed');
    const totals = page.getByRole('region', { name: 'Totals by book' }).locator('tbody tr');
    await totals.first().waitFor();
    expect(await totals.count()).toBe(2);
    const { body } = await t.http<{ items: { closedTrades: number }[] }>('GET', '/trades/stats?from=2026-01-04T23:00:00Z&to=2026-01-05T23:00:00Z');
    expect((await totals.locator('td:nth-child(2)').allInnerTexts()).sort()).toEqual(body.items.map(({ closedTrades }) => String(closedTrades)).sort());
    await page.context().close();
  });

  it('of more than 200 rows keep only those in view in the document', async () => {
    const { page } = await b.signedIn(t, `/trades?account=${agent.accountId}`);
    const table = page.getByRole('region', { name: 'Trades', exact: true }).getByRole('table');
    for (const count of ['100', '200', '232']) {
      await page.locator(`table[aria-rowcount="${count}"]`).waitFor();
      if (count !== '232') await page.getByRole('button', { name: 'Show more' }).click();
    }
    expect(await table.locator('tbody tr').count()).toBeLessThan(100);
    await page.context().close();
  });

  it('are exported as CSV with all that the API has, and without a token in an address', async () => {
    const { page, faults } = await b.signedIn(t, `/trades?account=${agent.accountId}&symbol=GBPUSD`);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await rowsIn(page).first().waitFor();
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export all of these as CSV' }).click()]);
    expect(file.suggestedFilename()).toMatch(/^trades-.*\.csv$/);
    const [header, ...lines] = readFileSync(await file.path(), 'utf8').trim().split('\r\n').map((line) => line.split(','));
    const { body } = await t.http<Listed>('GET', `/trades?accountId=${agent.accountId}&symbol=GBPUSD&limit=500`);
    const cell = (line: string[], name: string) => line[header!.indexOf(name)];
    expect(lines.map((line) => [cell(line, 'id'), cell(line, 'netProfit')])).toEqual(body.items.map(({ id, netProfit }) => [id, netProfit ?? '']));
    expect(body.items.length).toBeGreaterThan(70);
    expect(asked.filter((url) => /eyJ|token/.test(url))).toEqual([]);
    expect(faults).toEqual([]);
  });
});

async function expectRows(page: Page, count: number): Promise<void> {
  await page.locator(`table[aria-rowcount="${count}"]`).first().waitFor();
  expect(await rowsIn(page).count()).toBe(count);
}

describeInBrowser('the equity curve', () => {
  it('is drawn for one book, with halts, limits and cash flows above it and in words', async () => {
    const { body: halt } = await t.http<{ id: string }>('POST', '/kill-switch', { body: { scope: { type: 'account', id: agent.accountId }, mode: 'halt', reason: 'odd prices' } });
    await t.http('POST', `/kill-switch/${halt.id}/release`, { body: { confirm: 'RELEASE', reason: 'prices are well again' } });
    const { page, faults } = await b.signedIn(t, `/trades/curve?account=${agent.accountId}&mode=paper`);
    await isDrawn(page);
    await page.getByText(/halt of account .*: odd prices/).waitFor();
    await page.getByText(/prices are well again/).waitFor();
    await page.getByText(/▲ the profit of 1 is not known/).waitFor();
    await page.getByText('TradingView Lightweight Charts').waitFor();
    const { body } = await t.http<{ items: { netProfit: string }[] }>('GET', `/trades/stats?accountId=${agent.accountId}&executionMode=paper`);
    const shown = await page.getByText('Net profit', { exact: true }).locator('xpath=following-sibling::div[1]').innerText();
    expect(shown.replace(/[^\d.−]/g, '').replace('−', '-')).toBe(Number(body.items[0]!.netProfit).toFixed(2));
    await page.getByLabel('H Halt', { exact: false }).first().uncheck();
    await page.getByText(/: odd prices/).waitFor({ state: 'detached' });
    expect(new URL(page.url()).searchParams.get('hide')).toBe('halt_imposed');
    await page.getByText('The chart as a table').click();
    await page.getByRole('region', { name: 'Sum of net profits' }).waitFor();
    expect(faults).toEqual([]);
  });
});

describeInBrowser('the performance', () => {
  it('is shown by each grouping, book by book, and says what it does not know', async () => {
    const { page, faults } = await b.signedIn(t, '/trades/performance');
    await page.getByRole('heading', { name: /in USD/ }).first().waitFor();
    for (const by of ['agent', 'version', 'model', 'strategy', 'symbol', 'exitReason', 'hour', 'weekday', 'regime', 'confidenceDecile']) {
      await page.getByLabel('Grouped by').selectOption(by);
      const name = await page.getByLabel('Grouped by').locator('option:checked').innerText();
      await page.getByRole('columnheader', { name }).first().waitFor();
    }
    await page.goto(`${t.base}/trades/performance?by=symbol&account=${agent.accountId}`);
    await page.getByRole('cell', { name: 'GBPUSD' }).waitFor();
    await page.getByText('▲ 1 of unknown profit').first().waitFor();
    await page.getByText('tradewarden statement <file> --account <name>').waitFor();
    expect(faults).toEqual([]);
  });
});

describeInBrowser('the page of a trade', () => {
  it('shows its facts, its chart among candles, fills, history and what the model said', async () => {
    const { page, faults } = await b.signedIn(t, `/trades/${over.id}`);
    await page.getByRole('heading', { name: /EURUSD long/ }).waitFor();
    await isDrawn(page);
    await page.getByText('+24.60').first().waitFor();
    await page.getByText("source: the broker's own fills").first().waitFor();
    await page.getByText('It broke out of the range').first().waitFor();
    await page.getByText('812').first().waitFor();
    expect(await page.getByText('Yes: it breaks out.').isVisible()).toBe(false);
    await page.getByText('What the model was asked and answered').click();
    await page.getByText('Yes: it breaks out.').waitFor();
    expect(await page.getByRole('region', { name: 'Fills' }).locator('tbody tr').count()).toBe(4);
    await page.getByText('The chart as a table').click();
    await page.getByRole('region', { name: 'What is marked' }).getByText('exit of 0.05 by stop').waitFor();
    await page.getByRole('link', { name: 'Why this trade' }).click();
    await page.getByRole('heading', { name: /^Why: trade/ }).waitFor();
    expect(faults).toEqual([]);
  });

  it('says so where there are no candles, and what no id names', async () => {
    const [id] = await storeTrades(t.db, [{ agentId: agent.id, accountId: agent.accountId, symbol: 'USDCHF', exitTime: '2026-01-06T00:00:00Z', grossProfit: '1' }]);
    const { page } = await b.signedIn(t, `/trades/${id}`);
    await page.getByText('There are no candles of USDCHF around this trade').waitFor();
    await page.goto(`${t.base}/trades/nothing`);
    await page.getByText('This address names no trade.').waitFor();
    await page.goto(`${t.base}/trades/01900000-0000-7000-8000-000000000000`);
    await page.getByRole('alert').waitFor();
    await page.context().close();
  });

  it('asks the agent to close half of it, once held, and shows what the server refuses after', async () => {
    const { page, faults } = await b.signedIn(t, `/trades/${running.id}`);
    await holdUntil(page, /^Close half, 0\.05/, page.getByText(/The agent is asked to close 0\.05/));
    const asked = () => t.db.query<{ payload: { size?: string } }>(`select payload from agent_commands where trade_id = $1 and type = 'close_trade'`, [running.id]);
    expect((await asked()).map(({ payload }) => payload.size)).toEqual(['0.05']);
    await page.reload();
    await page.getByRole('button', { name: /^Close half/ }).waitFor();
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'close_trade', payload: { tradeId: running.id, size: '0.05' } } });
    await holdUntil(page, /^Close all/, page.getByText(/commands under way close/));
    expect(await asked()).toHaveLength(2);
    expect(faults).toEqual([]);
  });

  it('writes down by hand what the broker did, on the version that was seen', async () => {
    const trade = await opened(agent);
    const { page, faults } = await b.signedIn(t, `/trades/${trade.id}`);
    await page.getByRole('button', { name: 'Settle by hand' }).click();
    await page.getByLabel('Exit price').fill('-1');
    await page.getByLabel('Why you write this').fill('the broker closed it over the weekend');
    await page.getByLabel('Type SETTLE to confirm').fill('SETTLE');
    await page.getByRole('button', { name: 'Write down that it is closed' }).click();
    await page.getByRole('alert').first().waitFor();
    await page.getByLabel('Exit price').fill('1.102');
    await page.getByLabel('Gross profit (optional)').fill('18');
    await page.getByRole('button', { name: 'Write down that it is closed' }).click();
    await page.getByText('known when the trade is closed').first().waitFor({ state: 'detached' });
    const { body } = await t.http<{ status: string; exitPrice: string; grossProfit: string }>('GET', `/trades/${trade.id}`);
    expect(body).toMatchObject({ status: 'closed', exitPrice: '1.102', grossProfit: '18' });
    expect(faults).toEqual([]);
  });

  it('shows a viewer no control, and the API refuses one', async () => {
    const token = await t.person('viewer');
    const { body: me } = await clientOf(t.base, token)<{ email: string }>('GET', '/auth/me');
    const { page } = await b.signedIn(t, `/trades/${running.id}`, { email: me.email, password: ADMIN.password });
    await page.getByRole('heading', { name: /EURUSD long/ }).waitFor();
    await isDrawn(page);
    expect(await page.getByRole('button', { name: /Close|Settle|Withdraw/ }).count()).toBe(0);
    const refused = await clientOf(t.base, token)('POST', `/agents/${agent.id}/commands`, { body: { type: 'close_trade', payload: { tradeId: running.id } } });
    expect(refused.status).toBe(403);
    await page.context().close();
  });
});

describeInBrowser('of the pages of trades', () => {
  it.each([
    ['list', () => `/trades?account=${other.accountId}`, 'Trades, newest first'], ['curve', () => `/trades/curve?account=${agent.accountId}`, 'The chart as a table'], ['performance', () => '/trades/performance', 'Does the broker say the same?'],
    ['trade', () => `/trades/${running.id}`, 'The chart as a table'],
  ])('the %s has no serious fault of accessibility in light and dark, and fits a phone', async (_name, address, shows) => {
    const { page, faults } = await b.signedIn(t, address());
    await page.getByText(shows).or(page.getByRole('region', { name: shows })).first().waitFor();
    if (shows === 'The chart as a table') await isDrawn(page);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect([colorScheme, await seriousViolations(page)]).toEqual([colorScheme, []]);
    }
    await page.setViewportSize({ width: 360, height: 740 });
    await fits(page);
    expect(faults).toEqual([]);
    await page.context().close();
  });
});

