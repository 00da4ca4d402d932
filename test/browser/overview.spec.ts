import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ADMIN, startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, holdByMouse, seriousViolations } from '../support/browser.js';
import { openTrade } from '../support/closures.js';
import { quote, trader } from '../support/ideas.js';
import { held, reportOf } from '../support/positions.js';

const b = new BrowserTest();
let t: TestApp;
let agent: TestAgent;
const VIEWER = { email: 'looks-on@example.com', password: ADMIN.password };

const beat = (of: TestAgent, more: object = {}) => of.http('POST', '/agents/me/heartbeat', { body: { status: 'running', brokerConnected: true, tradeAllowed: true, asOf: new Date().toISOString(), ...more } });

beforeAll(async () => {
  t = await startTestApp();
  await t.db.query('update risk_config set ai_trading_enabled = true');
  await t.http('POST', '/users', { body: { ...VIEWER, role: 'viewer' } });
});
afterAll(() => t.close());

const instrument = { symbol: 'EURUSD', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', minSize: '0.01', sizeStep: '0.01', maxSize: '100' };

/** An account of its own, with limits, an instrument and an agent that reports its money. */
async function desk(name: string, mode = 'paper'): Promise<TestAgent> {
  const account = await t.http<{ id: string }>('POST', '/accounts', { body: { name, kind: mode === 'live' ? 'live' : 'demo', currency: 'USD', marginMode: 'hedging', initialBalance: '10000' } });
  expect([account.status, account.text.slice(0, 200)]).toEqual([201, expect.any(String)]);
  const made = await trader(t, { account: name, mode, name: `${name}-agent` });
  await t.http('POST', '/instruments', { body: { accountId: account.body.id, ...instrument } });
  await t.db.query(`insert into risk_limits (account_id, version, currency, updated_by, daily_loss_limit_amount, max_drawdown_amount, halt_on_drawdown) values ($1, 1, 'USD', 'system', 500, 1000, true)`, [account.body.id]);
  await beat(made, { equity: '10000', balance: '10000' });
  await beat(made, { equity: '9812.5', balance: '9900', floatingPnl: '-87.5', margin: '212.30', marginFree: '9600.20' });
  return made;
}

describeInBrowser('the overview', () => {
  it('of an empty system says what to do first, calmly', async () => {
    const { page, faults } = await b.signedIn(t);
    await page.getByRole('link', { name: 'Set up the first one' }).waitFor();
    await page.getByText('No halt is in force, and every breaker is quiet.').waitFor();
    await page.getByText('Nothing waits for a person.').waitFor();
    await page.getByRole('status', { name: 'State of trading' }).filter({ hasText: 'TRADING' }).waitFor();
    expect(faults).toEqual([]);
  });

  it('shows the money that is left to the nearest floor of each account, and never a sum', async () => {
    agent = await desk('FTMO-1');
    const { page, faults } = await b.signedIn(t);
    const card = page.getByRole('article', { name: 'FTMO-1 paper' });
    await card.getByText("left to the day's floor").waitFor();
    const text = await card.innerText();
    expect(text).toMatch(/312\.50 USD/);
    expect(text).toMatch(/−87\.50 USD/);
    expect(text).toMatch(/Day floor 9,500\.00/);
    expect(text).toMatch(/rolls over in/);
    expect(faults).toEqual([]);
  });

  it('closes half of a position, rounded down to its step, by holding; then more than is left is refused and told', async () => {
    const trade = await openTrade(agent, { lotSize: '0.03', stopLoss: '1.09' });
    await quote(agent, '1.1', '1.1002');
    const { page, faults } = await b.signedIn(t);
    const row = page.getByRole('row', { name: /EURUSD long/ });
    await row.getByRole('button', { name: 'Close EURUSD …' }).click();
    const half = page.getByRole('button', { name: /Close half: 0\.01 lot/ });
    await half.click();
    expect(await t.db.query('select 1 from agent_commands where trade_id = $1', [trade.id])).toEqual([]);
    await holdByMouse(page, half, page.getByText('Asked for. It waits for its agent to take it.'));
    expect(await t.db.query('select type, payload ->> \'size\' as size from agent_commands where trade_id = $1', [trade.id])).toEqual([{ type: 'close_trade', size: '0.01' }]);
    await page.getByRole('button', { name: 'Close', exact: true }).click();

    // Others ask for the rest, and this page has not heard of it.
    await row.getByRole('button', { name: 'Close EURUSD …' }).click();
    const all = page.getByRole('button', { name: /Close all 0\.03 lot/ });
    await all.waitFor();
    await page.route('**/api/v1/overview', (route) => route.abort());
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'close_trade', payload: { tradeId: trade.id } } });
    await holdByMouse(page, all, page.getByRole('alert').filter({ hasText: 'CLOSE_EXCEEDS_POSITION' }));
    expect(faults).toEqual([]);
  });

  it('shows a broker position that nobody told of, and what is missing at the broker before it', async () => {
    const report = await agent.http('POST', '/agents/me/positions', { body: reportOf({ positions: [held({ symbol: 'GBPUSD', size: '0.2' })] }) });
    expect([report.status, report.text.slice(0, 300)]).toEqual([200, expect.any(String)]);
    const { page } = await b.signedIn(t);
    const row = page.getByRole('row', { name: /GBPUSD long/ });
    await row.waitFor();
    expect(await row.innerText()).toMatch(/external/);
    const rows = await page.getByRole('region', { name: 'Open positions' }).getByRole('row').allInnerTexts();
    expect(rows.slice(1).map((text) => /missing|external/.exec(text)?.[0])).toEqual(['missing', 'external']);
  });

  it('does not let close what nobody would close, and says why', async () => {
    const old = await desk('OLD-1');
    await openTrade(old, { symbol: 'AUDUSD', stopLoss: '0.6' });
    expect((await t.http('PATCH', `/agents/${old.id}`, { body: { retired: true, force: true } })).status).toBe(200);
    const { page } = await b.signedIn(t);
    const button = page.getByRole('button', { name: 'Close AUDUSD …' });
    await button.waitFor();
    expect([await button.isDisabled(), await button.getAttribute('title')]).toEqual([true, expect.stringContaining('retired')]);
  });

  it('marks the incident of its address, and acknowledges it', async () => {
    const [incident] = await t.db.query<{ id: string; kind: string }>(`select id, kind from incidents where acknowledged_at is null and resolved_at is null order by seq limit 1`);
    expect(incident).toBeDefined();
    const { page, faults } = await b.signedIn(t, `/overview?incident=${incident!.id}`);
    const marked = page.locator('li[data-marked="true"]');
    await marked.getByRole('button', { name: 'Acknowledge' }).click();
    await marked.getByText(/Acknowledged/).waitFor();
    expect(await t.db.query('select acknowledged_at is not null as acknowledged from incidents where id = $1', [incident!.id])).toEqual([{ acknowledged: true }]);
    expect(faults).toEqual([]);
  });

  it('gives a viewer nothing to press, and the API refuses the same', async () => {
    const { page, faults } = await b.signedIn(t, '/overview', VIEWER);
    await page.getByRole('row', { name: /GBPUSD long/ }).waitFor();
    expect(await page.getByRole('button', { name: /^(Close|Acknowledge)/ }).count()).toBe(0);
    const token = await t.signIn(VIEWER.email, VIEWER.password);
    expect((await t.http('POST', `/agents/${agent.id}/commands`, { token, body: { type: 'close_trade', payload: { tradeId: agent.id } } })).status).toBe(403);
    expect(faults).toEqual([]);
  });

  it('has no serious fault of access, light and dark, and fits a phone', async () => {
    await desk('LIVE-1', 'live');
    await t.http('POST', '/kill-switch', { body: { scope: { type: 'symbol', id: 'GBPUSD' }, mode: 'halt', reason: 'news' } });
    const { page, faults } = await b.signedIn(t);
    await page.getByRole('article', { name: 'LIVE-1 live' }).waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await seriousViolations(page)).toEqual([]);
    }
    await page.setViewportSize({ width: 360, height: 740 });
    await page.getByRole('button', { name: '■ Stop …' }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    expect(faults).toEqual([]);
  });
});
