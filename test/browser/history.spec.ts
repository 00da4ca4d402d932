import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, light, seriousViolations } from '../support/browser.js';
import { tamper } from '../support/decisions.js';
import { impose, release } from '../support/halts.js';
import { clientOf } from '../support/http.js';
import { type Idea, limitAll, propose, trader } from '../support/ideas.js';
import { pagePerson } from '../support/page-people.js';
import { scoreByHand } from '../support/scoring.js';

const b = new BrowserTest();
let t: TestApp;
let agent: TestAgent;
let idea: Idea;
beforeAll(async () => {
  t = await startTestApp();
  await scoreByHand(t);
  await limitAll(t);
  agent = await trader(t);
  idea = (await propose(agent)).body;
  await propose(agent, { stopLoss: '1.2' });
});
afterAll(() => t.close());

/** Said to be so sure, and so many of them right. */
async function predicted(confidence: string, ...right: boolean[]): Promise<void> {
  for (const [n, isRight] of right.entries()) {
    const body = { model: 'm', symbol: 'EURUSD', timestamp: new Date(Date.now() - 3_600_000 - n * 1_000).toISOString(), horizonSeconds: 60, direction: 'long', confidence, marketPrice: '1.1' };
    const { status, body: made, text } = await agent.http<{ id: string }>('POST', '/predictions', { body });
    if (status !== 201) throw new Error(text);
    await t.db.query(`update prediction_scores set outcome = $2, start_price = 1, start_at = starts_at, start_source = 'told', end_price = 2, end_at = horizon_at, end_source = 'quote', move = 1, costs = 0,
      costs_source = 'assumed', look_at = null, scored_at = app_clock() where prediction_id = $1`, [made.id, isRight ? 'right' : 'wrong']);
  }
}

/** A second copy of the agent is refused: a person must see it. */
async function conflicted(): Promise<string> {
  const other = await t.agent();
  for (const instance of ['one', 'two']) await clientOf(t.base, other.apiKey)('POST', '/agents/me/heartbeat', { body: {}, headers: { 'x-instance-id': instance } });
  const { body } = await t.http<{ items: { id: string; kind: string }[] }>('GET', `/incidents?agentId=${other.id}`);
  if (body.items[0]?.kind !== 'INSTANCE_CONFLICT') throw new Error('there is no incident');
  return body.items[0].id;
}

describeInBrowser('decisions', () => {
  it('are listed with filters in the address, shown with what the gate saw, and lead to the idea', async () => {
    const { page, faults } = await b.signedIn(t, '/history');
    await page.waitForURL('**/history/decisions');
    const list = page.getByRole('region', { name: 'Decisions', exact: true }).last();
    await list.getByRole('link', { name: 'Let through by the gate' }).waitFor();
    await list.getByRole('link', { name: 'Refused or ended' }).waitFor();
    await page.getByLabel('Kind').selectOption('ai_auto_executed');
    await list.getByRole('link', { name: 'Refused or ended' }).waitFor({ state: 'detached' });
    expect(new URL(page.url()).search).toBe('?type=ai_auto_executed');
    await list.getByRole('link', { name: 'Let through by the gate' }).click();
    await page.getByText('The gate lets it through').waitFor();
    await page.getByRole('region', { name: 'Rules of the gate', exact: true }).getByText('Worth and risk').waitFor();
    await page.getByRole('link', { name: 'the idea' }).click();
    await page.waitForURL(`**/ideas/${idea.id}`);
    expect(faults).toEqual([]);
  });

  it('are checked against their seals, and the first that was changed is named', async () => {
    const { page, faults } = await b.signedIn(t, '/history/decisions');
    const check = page.getByRole('region', { name: 'Is the history as it was written?' });
    await check.getByText(light('Yes')).waitFor();
    const { body } = await t.http<{ items: { id: string }[] }>('GET', `/decisions?ideaId=${idea.id}`);
    const [{ canonical } = { canonical: '' }] = await t.db.query<{ canonical: string }>('select canonical from decision_history where id = $1', [body.items[0]?.id]);
    const put = (text: string) => tamper(t, `update decision_history set canonical = '${text.replaceAll("'", "''")}' where id = '${body.items[0]?.id}'`);
    await put(canonical.replace('auto_executed', 'manually_done'));
    await check.getByRole('button', { name: 'Check again' }).click();
    await check.getByText(/^No: \d+ faults? found/).or(check.getByText('No: ')).first().waitFor();
    await check.getByRole('link', { name: 'the decision' }).waitFor();
    await put(canonical);
    await check.getByRole('button', { name: 'Check again' }).click();
    await check.getByText(light('Yes')).waitFor();
    expect(faults).toEqual([]);
  });
});

describeInBrowser('predictions', () => {
  it('are held against what came, as a table and a drawing', async () => {
    await predicted('0.65', true, true, false);
    await predicted('0.95', true, true, true, false);
    const { page, faults } = await b.signedIn(t, `/history/predictions?agentId=${agent.id}`);
    const row = page.getByRole('region', { name: 'Calibration by confidence' }).getByRole('row', { name: /^90 % to 100 %/ });
    await row.getByText('75 %').waitFor();
    await row.getByText('95 %').waitFor();
    await page.getByRole('img', { name: /^Calibration/ }).waitFor();
    await page.getByText('5 of 7 scored').waitFor();
    const list = page.getByRole('region', { name: 'Predictions', exact: true }).last();
    await list.getByText('wrong').first().waitFor();
    await list.getByText('right').first().waitFor();
    expect(faults).toEqual([]);
  });
});

describeInBrowser('an incident', () => {
  it('is acknowledged with a note, which stays', async () => {
    const id = await conflicted();
    const { page, faults } = await b.signedIn(t, '/history/incidents?status=open');
    await page.getByRole('region', { name: 'Incidents', exact: true }).last().getByRole('link').first().waitFor();
    await page.goto(`${t.base}/history/incidents/${id}`);
    await page.getByLabel('Note (optional)').fill('Known: I move it to another host');
    await page.getByRole('button', { name: 'Acknowledge: it is not told again' }).click();
    await page.getByText('seen by a person').waitFor();
    await page.getByText('Known: I move it to another host').first().waitFor();
    await page.getByRole('button', { name: 'Acknowledge: it is not told again' }).waitFor({ state: 'detached' });
    expect((await t.http('GET', `/incidents/${id}`)).body).toMatchObject({ status: 'acknowledged', note: 'Known: I move it to another host' });
    expect(faults).toEqual([]);
  });

  it('is not acknowledged by a viewer', async () => {
    const id = await conflicted();
    const viewer = await pagePerson(t, 'viewer');
    const { page, faults } = await b.signedIn(t, `/history/incidents/${id}`, viewer);
    await page.getByText('What is known').waitFor();
    expect(await page.getByRole('main').getByRole('button').allTextContents()).toEqual([]);
    expect((await clientOf(t.base, await t.signIn(viewer.email, viewer.password))('POST', `/incidents/${id}/ack`, { body: {} })).status).toBe(403);
    expect(faults).toEqual([]);
  });
});

describeInBrowser('halts, commands and breaker events', () => {
  it('are shown, present and past', async () => {
    const other = await t.agent();
    const past = await impose(t, { type: 'agent', id: other.id }, { reason: 'it was wrong' });
    await release(t, past.body.id);
    await impose(t, { type: 'agent', id: other.id }, { reason: 'it is wrong' });
    const own = await other.http('POST', '/circuit-breakers/events', { body: { breakerType: 'own_guard', action: 'triggered', value: '3', limit: '2', reason: 'three in a row', triggeredAt: new Date().toISOString() } });
    expect(own.status).toBe(201);
    const { page, faults } = await b.signedIn(t, '/history/halts');
    const halts = page.getByRole('region', { name: 'Halts', exact: true }).last();
    await halts.getByRole('row', { name: /it is wrong/ }).getByText('in force').waitFor();
    await halts.getByRole('row', { name: /it was wrong/ }).getByText(light('ended')).waitFor();
    await page.getByRole('link', { name: 'Commands', exact: true }).click();
    await page.getByRole('region', { name: 'Commands', exact: true }).getByRole('link', { name: 'open trade' }).first().waitFor();
    await page.getByRole('link', { name: 'Breaker events' }).click();
    await page.getByRole('region', { name: 'Events of circuit breakers' }).getByText('three in a row').waitFor();
    expect(faults).toEqual([]);
  });
});

describeInBrowser('the pages of history', () => {
  it('have no serious fault of accessibility, in light and dark, and fit a phone', async () => {
    await predicted('0.75', true, false, true);
    const incident = await conflicted();
    const { body } = await t.http<{ items: { id: string }[] }>('GET', `/decisions?ideaId=${idea.id}`);
    const { page, faults } = await b.signedIn(t, '/history/decisions');
    const pages = [['decisions', '', 'Seal'], ['decisions', `/${body.items[0]?.id}`, 'Hash'], ['predictions', '', 'Came true'], ['commands', '', 'Commands of all agents'], ['incidents', '', 'How bad'], ['incidents', `/${incident}`, 'What is known'], ['breakers', '', 'What circuit breakers did'], ['halts', '', 'Halts, in force and past']] as const;
    for (const [name, rest, ready] of pages) {
      await page.goto(`${t.base}/history/${name}${rest}`);
      await page.getByText(ready, { exact: true }).first().waitFor();
      await page.getByText('Reading …').first().waitFor({ state: 'detached' });
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
