import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe } from '@jest/globals';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { ADMIN, type TestApp } from './app.js';

export const CHROMIUM = '/usr/bin/chromium';

/** Left out, and listed as such, on a machine without the system's Chromium. */
export const describeInBrowser: typeof describe = (existsSync(CHROMIUM) ? describe : describe.skip) as typeof describe;

/** A real Chromium that asks nobody but the server under test. */
export const launchChromium = (): Promise<Browser> => chromium.launch({
  executablePath: CHROMIUM, timeout: 300_000,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
});

/** What a page must never do; read at the end of each test. */
export interface Watched {
  page: Page;
  context: BrowserContext;
  /** Errors of scripts, refusals of the content security policy, requests to other hosts. */
  faults: string[];
}

export class BrowserTest {
  browser!: Browser;

  constructor() {
    if (!existsSync(CHROMIUM)) return;
    beforeAll(async () => {
      this.browser = await launchChromium();
    });
    afterAll(() => this.browser.close());
  }

  async open(base: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<Watched> {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options });
    context.setDefaultTimeout(150_000);
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(`script: ${error.message}`));
    page.on('console', (message) => {
      if (/Content Security Policy|Refused to/.test(message.text())) faults.push(`policy: ${message.text()}`);
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(base) && !request.url().startsWith('data:') && !request.url().startsWith('blob:')) faults.push(`elsewhere: ${request.url()}`);
    });
    return { page, context, faults };
  }

  /** Signed in as this person, at this address of the page. */
  async signedIn(t: Pick<TestApp, 'base'>, address = '/overview', person: { email: string; password: string } = ADMIN, options: Parameters<Browser['newContext']>[0] = {}): Promise<Watched> {
    const watched = await this.open(t.base, options);
    const { page } = watched;
    await page.goto(`${t.base}${address}`);
    await page.getByLabel('E-mail').fill(person.email);
    await page.getByLabel('Password').fill(person.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('navigation', { name: 'Pages' }).waitFor();
    return watched;
  }
}

/** Held by a key, as a person without a mouse does, until what it does is seen. */
export async function holdUntil(page: Page, name: string | RegExp, seen: Locator): Promise<void> {
  await page.getByRole('button', { name }).focus();
  await page.keyboard.down('Enter');
  try {
    await seen.waitFor();
  } catch (error) {
    throw new Error(`not seen; the page says: ${(await page.getByRole('alert').allInnerTexts()).join(' | ')}`, { cause: error });
  }
  await page.keyboard.up('Enter');
}

/**
 * Held by the mouse until what it does is seen. One that is let go after 1.3 s is too short where the page stands still
 * for 0.3 of them: it hears of the end of the hold before its own second is over.
 */
export async function holdByMouse(page: Page, button: Locator, seen: Locator): Promise<void> {
  await button.hover();
  await page.mouse.down();
  await seen.waitFor().finally(() => page.mouse.up());
}

/** Violations that axe-core calls serious or critical, as sentences. */
export async function seriousViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as { violations: { id: string; impact: string; help: string; nodes: { html: string; failureSummary: string }[] }[] };
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary.slice(0, 200)}`).join(' | ')}`);
}

/** A word of a light, which has its shape before it: `● approved`. */
export const light = (word: string): RegExp => new RegExp(`^[●▲■○] ${word.replaceAll('.', '\\.')}$`);
