import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, seriousViolations } from '../support/browser.js';
import { rawRequest } from '../support/raw-http.js';

const b = new BrowserTest();
let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

describeInBrowser('the page', () => {
  it('is served at its addresses with a strict policy, and nowhere else', async () => {
    for (const path of ['/', '/overview', '/trades/01900000-0000-7000-8000-000000000000', '/why/x']) {
      const { status, headers } = await rawRequest(t.base, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect([path, status]).toEqual([path, 200]);
      expect(headers).toMatch(/content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';/i);
      // Over plain http a browser would be sent to an https that is not there.
      expect(headers).not.toMatch(/upgrade-insecure-requests/);
    }
    for (const path of ['/nowhere', '/overviews', '/assets/none.js', '/assets/../package.json', '/assets/%2e%2e/%2e%2e/package.json', '/.env']) {
      const { status, text } = await rawRequest(t.base, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect([path, [403, 404].includes(status), text.includes('dependencies')]).toEqual([path, true, false]);
    }
  });

  it('asks for sign-in, says what is wrong with it, and lets in', async () => {
    const { page, faults } = await b.open(t.base);
    await page.goto(t.base);
    await page.getByLabel('E-mail').fill('nobody@example.com');
    await page.getByLabel('Password').fill('wrong password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('keeps the session over a reload, and the token in neither address nor storage', async () => {
    const { page, context, faults } = await b.signedIn(t);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.reload();
    await page.getByRole('navigation', { name: 'Pages' }).waitFor();
    const stored = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])');
    expect(stored).not.toMatch(/eyJ|tw_/);
    expect(asked.join('\n')).not.toMatch(/eyJ|token=/);
    expect((await context.cookies()).map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite }))).toEqual([{ name: 'tw_refresh', httpOnly: true, sameSite: 'Strict' }]);
    expect(faults).toEqual([]);
  });
});
