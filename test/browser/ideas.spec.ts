import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, light, seriousViolations, type Watched } from '../support/browser.js';
import { clientOf } from '../support/http.js';
import { beat, type Idea, ideaOf, limit, limitAll, propose, quote, trader } from '../support/ideas.js';
import { pagePerson } from '../support/page-people.js';

const b = new BrowserTest();
let t: TestApp;
let agent: TestAgent;
let operator: { id: string; email: string; password: string };
beforeAll(async () => {
  t = await startTestApp();
  operator = await pagePerson(t, 'operator');
});
afterAll(() => t.close());
beforeEach(async () => {
  await limitAll(t);
  agent = await trader(t);
  const instrument = { symbol: 'EURUSD', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', minSize: '0.01', sizeStep: '0.01', baseCurrency: 'EUR', quoteCurrency: 'USD' };
  const listed = await agent.http('POST', '/instruments', { body: instrument });
  if (listed.status !== 201) throw new Error(listed.text);
});

const asked = async (more: object = {}): Promise<Idea> => {
  const { status, body, text } = await propose(agent, { confidence: '0.5', rationale: 'Breakout above the range of the morning', ...more });
  if (status !== 201) throw new Error(text);
  return body;
};
const openings = async () => (await t.http<{ items: { id: string; status: string }[] }>('GET', `/commands?agentId=${agent.id}&type=open_trade`)).body.items;
const accountName = async () => (await t.http<{ name: string }>('GET', `/accounts/${agent.accountId}`)).body.name;
const at = async (idea: Pick<Idea, 'id'>, who = operator): Promise<Watched> => {
  const watched = await b.signedIn(t, `/ideas/${idea.id}`, who);
  // To sign in may take most of the minute for which an agent that was heard may open.
  await beat(agent);
  return watched;
};
const approveButton = ({ page }: Watched) => page.getByRole('button', { name: /^Approve: / });

describeInBrowser('an idea that asks a person', () => {
  it('shows what it risks, what the gate said and the price now, and approved in the page it is handed to the agent', async () => {
    const idea = await asked();
    const watched = await at(idea);
    const { page, faults } = watched;
    await page.getByRole('heading', { name: 'Buy 0.1 EURUSD' }).waitFor();
    for (const text of ['Breakout above the range of the morning', 'asks a person', '1.1002', 'inside']) await page.getByText(text).first().waitFor();
    // 1.1002 to 1.09 is 102 pips of 10,000.
    await page.getByText('102.00').first().waitFor();
    await page.getByRole('region', { name: 'Rules of the gate', exact: true }).getByText('The confidence is 0.5; minConfidenceThreshold').waitFor();
    await page.getByText(/^\d+ s left$/).waitFor();
    const button = page.getByRole('button', { name: `Approve: buy 0.1 EURUSD on ${await accountName()}` });
    await button.click();
    await page.getByText(light('Approved.')).waitFor();
    await button.waitFor({ state: 'detached' });
    const { body } = await agent.http<{ commands: { type: string; payload: Record<string, unknown> }[] }>('POST', '/agents/me/commands/lease', { body: {} });
    expect(body.commands).toMatchObject([{ type: 'open_trade', payload: { ideaId: idea.id, lotSize: '0.1' } }]);
    await page.getByText('leased', { exact: true }).waitFor();
    expect(await ideaOf(t, idea.id)).toMatchObject({ status: 'approved', approvedBy: `user:${operator.id}` });
    expect(faults).toEqual([]);
  });

  it('is rejected only with a reason, and nothing is traded', async () => {
    const idea = await asked();
    const { page, faults } = await at(idea);
    const reject = page.getByRole('button', { name: 'Reject: nothing is traded' });
    await reject.waitFor();
    expect(await reject.isDisabled()).toBe(true);
    await page.getByLabel('Reason (to reject it; optional to approve)').fill('News in ten minutes');
    await reject.click();
    await page.getByText('Rejected: nothing is traded.').waitFor();
    expect([await ideaOf(t, idea.id), await openings()]).toMatchObject([{ status: 'rejected', endedReason: 'News in ten minutes', decidedBy: `user:${operator.id}` }, []]);
    expect(faults).toEqual([]);
  });

  it('is decided once: of two pages that approve together one is told that it was late', async () => {
    const idea = await asked();
    const pages = [await at(idea), await at(idea, await pagePerson(t, 'operator'))];
    await Promise.all(pages.map((each) => approveButton(each).waitFor()));
    await Promise.all(pages.map((each) => approveButton(each).evaluate((button) => (button as unknown as { click(): void }).click())));
    const told = await Promise.all(pages.map(async ({ page }) => {
      const outcome = page.getByText(light('Approved.')).or(page.getByText('somebody was first'));
      await outcome.first().waitFor();
      return outcome.first().textContent();
    }));
    expect(told.map((text) => (text?.includes('somebody was first') ? 'late' : 'won')).sort()).toEqual(['late', 'won']);
    expect((await openings()).length).toBe(1);
    for (const { page, faults } of pages) {
      await page.getByRole('button', { name: /^Approve: / }).waitFor({ state: 'detached' });
      expect(faults).toEqual([]);
    }
  });

  it('counts its time down, and its buttons go when it is over', async () => {
    const idea = await asked();
    await t.db.query(`update trade_ideas set approve_until = app_clock() + interval '25 seconds' where id = $1`, [idea.id]);
    const watched = await at(idea);
    const { page, faults } = watched;
    await page.clock.install();
    await page.reload();
    await approveButton(watched).waitFor();
    const left = async () => Number(/(\d+) s left/.exec((await page.getByText(/^\d+ s left$/).textContent()) ?? '')?.[1]);
    const before = await left();
    await page.clock.runFor(4_000);
    expect(await left()).toBeLessThan(before);
    await page.clock.runFor(26_000);
    await approveButton(watched).waitFor({ state: 'detached' });
    await page.getByText('time is over').or(page.getByText(light('expired'))).first().waitFor();
    expect(faults).toEqual([]);
  });

  it('whose price has left the band says so before it is approved, and the refusal shows what an approval covers now', async () => {
    const idea = await asked();
    const watched = await at(idea);
    const { page, faults } = watched;
    await approveButton(watched).waitFor();
    await quote(agent, '1.11', '1.1102');
    await page.getByText(light('outside')).waitFor();
    await approveButton(watched).click();
    await page.getByRole('alert').getByText('PRICE_MOVED').waitFor();
    await page.getByText('Nothing was approved.').waitFor();
    await page.getByText(light('inside')).waitFor();
    expect([(await ideaOf(t, idea.id)).status, await openings()]).toEqual(['needs_approval', []]);
    await approveButton(watched).click();
    await page.getByText(light('Approved.')).waitFor();
    expect(faults).toEqual([]);
  });

  it('approved and then refused by the gate says both', async () => {
    const idea = await asked();
    const watched = await at(idea);
    await approveButton(watched).waitFor();
    await limit(t, 'account', agent.accountId, { maxLotSize: '0.05' });
    await approveButton(watched).click();
    await watched.page.getByText('You approved it, and the gate refused it now: nothing is traded.').waitFor();
    await watched.page.getByText('SIZE_LIMIT').first().waitFor();
    expect([(await ideaOf(t, idea.id)).status, await openings()]).toEqual(['rejected', []]);
    expect(watched.faults).toEqual([]);
  });

  it('lets a viewer look and do nothing', async () => {
    const idea = await asked();
    const viewer = await pagePerson(t, 'viewer');
    const { page, faults } = await at(idea, viewer);
    await page.getByRole('heading', { name: 'Buy 0.1 EURUSD' }).waitFor();
    await page.getByText('What the gate said').waitFor();
    expect(await page.getByRole('main').getByRole('button').allTextContents()).toEqual([]);
    expect(await page.getByRole('main').getByRole('textbox').count()).toBe(0);
    await page.goto(`${t.base}/ideas`);
    await page.getByRole('link', { name: 'buy 0.1 EURUSD' }).first().waitFor();
    expect(await page.getByRole('link', { name: 'Propose a trade' }).count()).toBe(0);
    const as = clientOf(t.base, await t.signIn(viewer.email, viewer.password));
    expect((await as('POST', `/trade-ideas/${idea.id}/approve`, { body: { digest: idea.digest } })).status).toBe(403);
    expect(faults).toEqual([]);
  });
});

describeInBrowser('the list of ideas', () => {
  it('has those that wait first, keeps its filters in the address, and is filled by events', async () => {
    await propose(agent, { symbol: 'GBPUSD' });
    const { page, faults } = await b.signedIn(t, `/ideas?agentId=${agent.id}`, operator);
    await page.getByRole('region', { name: 'Ideas', exact: true }).getByRole('link', { name: 'buy 0.1 GBPUSD' }).waitFor();
    await page.getByText('Nothing waits.').waitFor();
    const idea = await asked();
    const waiting = page.getByRole('region', { name: 'Ideas that wait' });
    await waiting.getByRole('link', { name: 'buy 0.1 EURUSD' }).waitFor();
    await waiting.getByText('inside').waitFor();
    await page.getByLabel('Status').selectOption('expired');
    await page.getByText('No idea fits these filters.').waitFor();
    expect(new URL(page.url()).search).toContain('status=expired');
    await waiting.getByRole('link', { name: 'buy 0.1 EURUSD' }).click();
    await page.waitForURL(`**/ideas/${idea.id}`);
    expect(faults).toEqual([]);
  });
});

describeInBrowser('an idea by hand', () => {
  it('is first told what the gate would say, and then goes to the gate', async () => {
    const { page, faults } = await b.signedIn(t, '/ideas/new', operator);
    await page.getByLabel('Traded by').selectOption(agent.id);
    await page.getByLabel('Symbol').fill('EURUSD');
    await page.getByLabel('Size').fill('0.1');
    await page.getByLabel('Stop').fill('abc');
    await page.getByLabel('Why').fill('by hand');
    const send = page.getByRole('button', { name: /^Propose: buy 0.1 EURUSD on / });
    expect(await send.isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'What would the gate say?' }).click();
    await page.getByRole('alert').first().waitFor();
    expect(await page.getByLabel('Stop').getAttribute('aria-invalid')).toBe('true');
    await page.getByLabel('Stop').fill('1.09');
    await page.getByLabel('Confidence').fill('0.9');
    await beat(agent);
    await page.getByRole('button', { name: 'What would the gate say?' }).click();
    await page.getByText('The gate lets it through').waitFor();
    expect((await t.http<{ items: Idea[] }>('GET', `/trade-ideas?agentId=${agent.id}`)).body.items).toEqual([]);
    await send.click();
    await page.waitForURL(/\/ideas\/[0-9a-f]{8}-/);
    await page.getByText(light('let through')).waitFor();
    expect((await t.http<{ items: Idea[] }>('GET', `/trade-ideas?agentId=${agent.id}`)).body.items).toMatchObject([{ status: 'auto_executed', proposedBy: `user:${operator.id}`, rationale: 'by hand' }]);
    expect(faults).toEqual([]);
  });
});

describe('what is reserved', () => {
  describeInBrowser('for an opening of which no trade was told', () => {
    it('is freed by a person with a reason', async () => {
      const { body } = await propose(agent, {}, '?lease=1');
      await agent.http('POST', `/commands/${body.commandId}/complete`, { body: { leaseToken: body.command?.leaseToken } });
      await beat(agent);
      const { page, faults } = await at(body);
      await page.getByLabel('Reason to free what is reserved').fill('The broker shows nothing');
      await page.getByRole('button', { name: 'Free what is reserved for buy 0.1 EURUSD' }).click();
      await page.getByText('What was reserved is free again.').waitFor();
      expect((await ideaOf(t, body.id)).reservation).toMatchObject({ held: false, endedAs: 'released' });
      expect(faults).toEqual([]);
    });
  });
});

describeInBrowser('the pages of ideas', () => {
  it('have no serious fault of accessibility, in light and dark, and fit a phone', async () => {
    const idea = await asked();
    await propose(agent, { confidence: '0.9' });
    await propose(agent, { stopLoss: '1.2' });
    const { page, faults } = await b.signedIn(t, '/ideas', operator);
    for (const [name, address, ready] of [['list', '/ideas', 'Ideas that wait'], ['one', `/ideas/${idea.id}`, 'Rules of the gate'], ['new', '/ideas/new', 'The idea']] as const) {
      await page.goto(t.base + address);
      await page.getByRole('region', { name: ready, exact: true }).first().waitFor();
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
