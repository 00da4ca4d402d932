import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { ADMIN, startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, seriousViolations } from '../support/browser.js';
import { limitAll, propose, trader } from '../support/ideas.js';
import { closed, foresee, opened, sendCandles, type Traded } from '../support/traded.js';
import type { Why } from '../support/why.js';

const b = new BrowserTest();
let t: TestApp;
let agent: TestAgent;
let traded: Traded;
let refusedId: string;
beforeAll(async () => {
  t = await startTestApp();
  await limitAll(t);
  agent = await trader(t);
  await sendCandles(agent);
  traded = await opened(agent);
  await closed(agent, traded);
  await limitAll(t, { maxLotSize: '0.05' });
  refusedId = (await propose(agent, { predictionId: await foresee(agent), rationale: 'More of the same.' })).body.id;
  await limitAll(t);
});
afterAll(() => t.close());

const cards = (page: Page) => page.getByRole('list', { name: 'Steps, causes first' }).locator('> li');
const kinds = (page: Page) => cards(page).evaluateAll((all) => all.map((each) => (each as unknown as { dataset: { type: string } }).dataset.type));
const headings = (page: Page) => cards(page).locator('h2').allInnerTexts();

describeInBrowser('why', () => {
  it('a trade was made is told from the prediction to the outcome, in the order of the API', async () => {
    const { page, faults } = await b.signedIn(t, `/why/${traded.id}`);
    await page.getByText('Nothing that one would expect is missing').waitFor();
    const { body } = await t.http<Why>('GET', `/why/${traded.id}`);
    expect(await kinds(page)).toEqual(body.chain.map(({ type }) => type));
    expect(await kinds(page)).toEqual(expect.arrayContaining(['prediction', 'idea', 'decision', 'reservation', 'command', 'fill', 'explanation', 'outcome']));
    await page.getByText('source broker').first().waitFor();
    await page.locator('canvas').first().waitFor();
    await page.getByText('The chart as a table').click();
    await page.getByRole('region', { name: 'What is marked' }).getByText(/^Idea: /).waitFor();
    expect(faults).toEqual([]);
  });

  it('leads from a trade to its idea and on to its decision, and back', async () => {
    const { page } = await b.signedIn(t, `/trades/${traded.id}`);
    await page.getByRole('link', { name: 'Why this trade' }).click();
    const idea = cards(page).and(page.locator('[data-type="idea"]'));
    await idea.waitFor();
    expect(await idea.getByRole('link', { name: 'Open' }).getAttribute('href')).toBe(`/ideas/${traded.idea.id}`);
    const { body } = await t.http<Why>('GET', `/why/${traded.id}`);
    const decisionId = body.chain.find(({ type }) => type === 'decision')!.id;
    const decision = cards(page).and(page.locator('[data-type="decision"]'));
    expect(await decision.getByRole('link', { name: 'Open' }).getAttribute('href')).toBe(`/history/decisions/${decisionId}`);
    await page.goBack();
    await page.getByRole('heading', { name: /EURUSD long/ }).waitFor();
    await page.context().close();
  });

  it('shows each rule of the verdict with what it found and its limit, and the record only when asked for', async () => {
    const { page } = await b.signedIn(t, `/why/${refusedId}`);
    const verdict = cards(page).and(page.locator('[data-type="decision"]'));
    const rule = verdict.getByRole('row', { name: /lot_size/ });
    await rule.waitFor();
    expect(await rule.innerText()).toMatch(/refused[\s\S]*SIZE_LIMIT[\s\S]*0\.1[\s\S]*0\.05/);
    expect(await verdict.locator('pre').isVisible()).toBe(false);
    await verdict.getByText('Raw record').click();
    expect(await verdict.locator('pre').innerText()).toContain('"riskCheckResult"');
    await page.context().close();
  });

  it('nothing was traded ends in a card of its own, that says who refused it and why', async () => {
    const { page, faults } = await b.signedIn(t, `/why/${refusedId}`);
    const end = cards(page).last();
    await end.getByText('It ended here: nothing was traded').waitFor();
    expect(await end.innerText()).toMatch(/The gate refused it\. No order was sent\.[\s\S]*SIZE_LIMIT/);
    expect(await page.locator('canvas').count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it('is told of what waits for a person, what a person rejected, and of a halt', async () => {
    const { body: idea } = await propose(agent, { confidence: '0.5', predictionId: await foresee(agent) });
    const { page } = await b.signedIn(t, `/why/${idea.id}`);
    await cards(page).last().getByText('It waits for a person').waitFor();
    await page.getByText(/not decided yet: needs_approval/).waitFor();
    await t.http('POST', `/trade-ideas/${idea.id}/reject`, { body: { reason: 'not before the news' } });
    // Without a reload: the event says that the answer is old.
    await cards(page).last().getByText('It ended here: nothing was traded').waitFor();
    expect(await cards(page).last().innerText()).toMatch(/A person said no\.[\s\S]*not before the news/);
    expect(await headings(page)).toEqual(expect.arrayContaining([expect.stringContaining('Rejection')]));
    await page.context().close();
  });

  it('works for the id of each step, and says so when nothing has an id', async () => {
    const { body } = await t.http<Why>('GET', `/why/${traded.id}`);
    const decisionId = body.chain.find(({ type }) => type === 'decision')!.id;
    const { page, faults } = await b.signedIn(t, '/why');
    for (const [id, type] of [[traded.idea.id, 'idea'], [traded.commandId, 'command'], [traded.predictionId, 'prediction'], [decisionId, 'decision']] as const) {
      await page.goto(`${t.base}/why/${id}`);
      await page.getByRole('heading', { name: `Why: ${type} …${id.slice(-8)}` }).waitFor();
      expect(await cards(page).and(page.locator('[aria-current="step"]')).locator('h2').count()).toBe(1);
    }
    await page.goto(`${t.base}/why/01900000-0000-7000-8000-000000000000`);
    await page.getByText(/^Nothing has the id/).waitFor();
    await page.getByLabel('Id').fill('no id');
    await page.getByRole('button', { name: 'Show why' }).click();
    await page.getByText('This is no id: no id.').waitFor();
    expect(faults).toEqual([]);
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`has no serious fault of accessibility in ${colorScheme}, and fits a phone`, async () => {
      const { page, faults } = await b.signedIn(t, `/why/${refusedId}`, ADMIN, { colorScheme });
      for (const [name, id, says] of [['refused', refusedId, 'It ended here: nothing was traded'], ['taken', traded.id, 'source broker']] as const) {
        await page.setViewportSize({ width: 1280, height: 900 });
        await page.goto(`${t.base}/why/${id}`);
        await page.getByText(says).first().waitFor();
        if (name === 'taken') await page.locator('[data-drawn="true"]').waitFor();
        expect([name, await seriousViolations(page)]).toEqual([name, []]);
        await page.setViewportSize({ width: 360, height: 740 });
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
      }
      expect(faults).toEqual([]);
    });
  }
});

