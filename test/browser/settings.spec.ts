import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ADMIN, startTestApp, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, seriousViolations } from '../support/browser.js';

const b = new BrowserTest();
let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

const narrow = 'document.documentElement.scrollWidth';

describeInBrowser('settings', () => {
  it('keep the theme over a reload', async () => {
    const { page, faults } = await b.signedIn(t, '/settings');
    await page.getByRole('radio', { name: 'Dark' }).check();
    await page.reload();
    await page.getByRole('radio', { name: 'Dark' }).waitFor();
    expect(await page.getByRole('radio', { name: 'Dark' }).isChecked()).toBe(true);
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(16, 19, 24)');
    expect(await seriousViolations(page)).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('add a person, who can then sign in, and say what the server refuses', async () => {
    const { page, faults } = await b.signedIn(t, '/settings/users');
    await page.getByRole('button', { name: 'Add user' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('E-mail').fill('new@example.com');
    await dialog.getByLabel('Role').selectOption('operator');
    await dialog.getByLabel('Password').fill('short');
    await dialog.getByRole('button', { name: 'Add user' }).click();
    await dialog.getByText('must have at least 12 characters').first().waitFor();
    await dialog.getByLabel('Password').fill(ADMIN.password);
    await dialog.getByRole('button', { name: 'Add user' }).click();
    await page.getByRole('row', { name: /new@example.com.*operator/ }).waitFor();
    expect(await t.signIn('new@example.com', ADMIN.password)).toMatch(/^eyJ/);

    await page.getByRole('button', { name: `Change ${ADMIN.email}` }).click();
    await dialog.getByLabel('Role').selectOption('viewer');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('This is the last administrator').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('row', { name: /User created.*new@example.com/ }).waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('add an account by a form of the API\'s schema, change it, and tell of a deposit', async () => {
    const { page, faults } = await b.signedIn(t, '/settings/accounts');
    await page.getByRole('button', { name: 'Add account' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('FTMO-1');
    await dialog.getByLabel('Kind', { exact: true }).selectOption('demo');
    await dialog.getByLabel('Currency').fill('usd');
    await dialog.getByLabel('Margin mode').selectOption('hedging');
    await dialog.getByRole('button', { name: 'Add account' }).click();
    await dialog.getByText('must be a currency code such as USD').first().waitFor();
    await dialog.getByLabel('Currency').fill('USD');
    await dialog.getByRole('button', { name: 'Add account' }).click();
    await page.getByRole('heading', { name: 'FTMO-1' }).waitFor();
    await page.getByLabel('Initial balance: none').uncheck();
    await page.getByLabel(/^Initial balance \(optional\)$/).fill('100000.10');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('● Saved.').waitFor();
    const { body } = await t.http<{ items: { id: string }[] }>('GET', '/accounts?name=FTMO-1');
    expect(body.items).toMatchObject([{ kind: 'demo', currency: 'USD', initialBalance: '100000.1' }]);

    await page.getByText('Tell of one, in USD').click();
    await page.getByLabel('Amount').fill('250.5');
    await page.getByRole('region', { name: 'Deposits and withdrawals' }).getByLabel('Kind').selectOption('deposit');
    await page.getByLabel('At', { exact: true }).fill('2026-01-05T10:00:00');
    await page.getByRole('button', { name: 'Write it down' }).click();
    await page.getByRole('row', { name: /deposit.*\+250\.50/ }).waitFor();
    const flows = await t.http<{ items: { at: string }[] }>('GET', `/accounts/${body.items[0]!.id}/cash-flows`);
    // Berlin in winter is an hour ahead.
    expect(flows.body.items).toMatchObject([{ amount: '250.5', at: '2026-01-05T09:00:00.000Z' }]);
    expect(await seriousViolations(page)).toEqual([]);
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(narrow)).toBe(360);
    expect(faults).toEqual([]);
  });

  it('show no secret of notifications, keep one that is left empty, and take it away only when told', async () => {
    const { page, faults } = await b.signedIn(t, '/settings/notifications');
    await page.getByText('Nobody is told of anything').waitFor();
    await page.getByRole('button', { name: 'Set up Signed webhook' }).click();
    await page.getByLabel('Url', { exact: true }).fill('https://alerts.example.com/hook/very-secret');
    const save = async () => {
      await page.getByRole('button', { name: 'Review changes' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    };
    await page.getByLabel('Secret', { exact: true }).fill(`whsec_${'A'.repeat(43)}=`);
    await save();
    await page.getByText('Saved. Send a test').waitFor();
    await page.getByText('https://alerts.example.com', { exact: false }).first().waitFor();
    expect(await page.content()).not.toContain('very-secret');
    await page.getByLabel('Minimum severity').selectOption('critical');
    await save();
    await page.getByText('Told from critical up').waitFor();
    expect((await t.http<{ webhook: object }>('GET', '/notifications')).body.webhook).toMatchObject({ minimumSeverity: 'critical', url: { isSet: true } });
    expect(await seriousViolations(page)).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('offer a viewer nothing that changes anything, and the API refuses it too', async () => {
    const viewer = await t.person('viewer');
    await t.http('POST', '/users', { body: { email: 'looker@example.com', role: 'viewer', password: ADMIN.password } });
    const { page, faults } = await b.signedIn(t, '/settings/accounts', { email: 'looker@example.com', password: ADMIN.password });
    await page.getByRole('region', { name: 'Accounts' }).first().waitFor();
    for (const tab of ['accounts', 'instruments', 'notifications']) {
      await page.goto(`${t.base}/settings/${tab}`);
      await page.getByRole('navigation', { name: 'Settings' }).waitFor();
      expect([tab, await page.getByRole('main').getByRole('button').count()]).toEqual([tab, 0]);
    }
    expect(await page.getByRole('link', { name: 'Users' }).count()).toBe(0);
    await page.goto(`${t.base}/settings/users`);
    await page.getByText('Administrators alone see this').waitFor();
    expect((await t.http('POST', '/users', { token: viewer, body: { email: 'x@example.com', role: 'admin', password: ADMIN.password } })).status).toBe(403);
    expect(faults).toEqual([]);
  });
});
