import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { ADMIN, startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, holdUntil, seriousViolations } from '../support/browser.js';
import { clientOf } from '../support/http.js';
import { beat, limitAll, propose, trader } from '../support/ideas.js';

interface Leased { commands: { id: string; type: string; payload: Record<string, unknown>; leaseToken: string }[] }
interface Command { id: string; status: string; type: string; payload: Record<string, unknown>; reason: string | null; priority: string }

/** A heading of each part of an agent, for who may look only. */
const SEEN_BY: Record<string, string> = { '': 'Limits in effect', '/commands': 'Commands', '/positions': 'Positions', '/configuration': 'Settings', '/executors': 'Executors', '/history': 'Events' };

const b = new BrowserTest();
let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

const person = async (role: 'viewer' | 'operator') => {
  const email = `${role}-of-agents@example.com`;
  await t.http('POST', '/users', { body: { email, role, password: ADMIN.password } });
  return { email, password: ADMIN.password };
};
const lease = async (agent: TestAgent) => (await agent.http<Leased>('POST', '/agents/me/commands/lease', { body: { leaseSeconds: 60 } })).body.commands[0]!;
const commandOf = async (id: string) => (await t.http<Command>('GET', `/commands/${id}`)).body;
/** Within the page, without reading all of it anew. */
const walk = (page: Page, path: string) => page.evaluate(`history.pushState(null, '', ${JSON.stringify(path)})`);
const idIn = (page: Page) => new URL(page.url()).pathname.split('/').at(-1)!;

describeInBrowser('the page of the agents', () => {
  it('shows of each whether it is alive, whether it can trade and why not, what is wanted and what it says', async () => {
    const [well, silent] = [await t.agent({ name: 'alder' }), await t.agent({ name: 'birch' })];
    await beat(well, { equity: '10250.50', currency: 'USD', openPositions: 2, agentVersion: '4.2.0' });
    await t.http('POST', `/agents/${well.id}/commands`, { body: { type: 'pause', payload: { reason: 'lunch' } } });
    const { page, faults } = await b.signedIn(t, '/agents');
    const row = page.getByRole('row').filter({ hasText: 'alder' });
    await row.getByText('online').filter({ visible: true }).waitFor();
    await row.getByText('cannot trade').waitFor();
    await row.getByText(/it is to be paused: somebody paused it/).waitFor();
    await row.getByText('10,250.50').waitFor();
    await row.getByText('4.2.0').waitFor();
    await page.getByRole('row').filter({ hasText: 'birch' }).getByText('○ never heard').filter({ visible: true }).waitFor();
    await page.getByLabel('Mode').selectOption('live');
    await page.getByText('No agent is like that.').waitFor();
    expect(page.url()).toContain('mode=live');
    await t.http('PATCH', `/agents/${silent.id}`, { body: { retired: true } });
    expect(faults).toEqual([]);
  });

  it('sends a command, and shows what the agent makes of it without a reload', async () => {
    const agent = await trader(t);
    const { page, faults } = await b.signedIn(t, `/agents/${agent.id}/command`);
    await page.getByLabel('Command', { exact: true }).selectOption('reconcile');
    await page.getByText('passes also under a halt', { exact: true }).waitFor();
    await page.getByLabel('Reason (optional)').fill('is all well?');
    await page.getByText('When and how it is handed out').click();
    await page.getByLabel('Priority').selectOption('high');
    await page.getByRole('button', { name: /Ask .* what its broker shows/ }).click();
    await page.getByText('It waits for its agent to fetch it.').waitFor();
    const command = await lease(agent);
    expect(await commandOf(command.id)).toMatchObject({ type: 'reconcile', priority: 'high', payload: { reason: 'is all well?' } });
    await page.getByText('Its agent has it (attempt 1).').waitFor();
    await agent.http('POST', `/commands/${command.id}/complete`, { body: { leaseToken: command.leaseToken, result: { seen: 'nothing new' } } });
    await page.getByText('It is done.').waitFor();
    await page.getByText('"seen": "nothing new"').first().waitFor();
    await page.getByRole('region', { name: 'Attempts' }).getByText('succeeded').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('says at its field what the server refuses, and that nothing was queued', async () => {
    const agent = await trader(t);
    const { page } = await b.signedIn(t, `/agents/${agent.id}/command?type=cancel_order`);
    await page.getByLabel('Order tag').fill('x'.repeat(20));
    await holdUntil(page, /Cancel this order/, page.getByRole('alert').filter({ hasText: 'Nothing was queued' }));
    await page.getByText('must have at most 16 characters').first().waitFor();
    expect((await t.http<{ items: unknown[] }>('GET', `/commands?agentId=${agent.id}`)).body.items).toEqual([]);
  });

  it('asks to hold for what stops and to type for what starts, and sends nobody an opening', async () => {
    const agent = await trader(t);
    const { page, faults } = await b.signedIn(t, `/agents/${agent.id}/command?type=kill`);
    const kill = page.getByRole('button', { name: `Kill ${agent.name}` });
    await kill.click();
    await holdUntil(page, new RegExp(`Kill ${agent.name}`), page.getByRole('heading', { name: 'kill', level: 1 }));
    expect((await t.http<{ items: Command[] }>('GET', `/commands?agentId=${agent.id}`)).body.items.map(({ type }) => type)).toEqual(['kill']);
    await page.goto(`${t.base}/agents/${agent.id}/command?type=start`);
    const start = page.getByRole('button', { name: `Start ${agent.name}` });
    await start.waitFor();
    expect(await start.isDisabled()).toBe(true);
    await page.getByLabel('Type START to confirm').fill('START');
    await start.click();
    await page.getByRole('heading', { name: 'start', level: 1 }).waitFor();
    await page.goto(`${t.base}/agents/${agent.id}/command?type=open_trade`);
    await page.getByText('An opening is made by the gate, never by hand').waitFor();
    expect(faults).toEqual([]);
  });

  it('cancels what waits, requeues what was given up, and settles what is unknown, each with a reason', async () => {
    const agent = await trader(t);
    const queue = async (body: object) => (await t.http<Command>('POST', `/agents/${agent.id}/commands`, { body })).body.id;
    const waiting = await queue({ type: 'custom', payload: { n: 1 }, notBefore: new Date(Date.now() + 3_600_000).toISOString() });
    const { page, faults } = await b.signedIn(t, `/agents/${agent.id}/commands/${waiting}`);
    await page.getByText('It is not handed out before its time.').waitFor();
    await page.getByLabel('Reason').fill('not needed');
    await page.getByRole('button', { name: 'Cancel command' }).click();
    await page.getByText('It was cancelled: nothing of it is handed out any more.').waitFor();
    expect(await commandOf(waiting)).toMatchObject({ status: 'cancelled', reason: 'not needed' });

    await queue({ type: 'custom', payload: { n: 2 }, maxAttempts: 1 });
    const dead = await lease(agent);
    await agent.http('POST', `/commands/${dead.id}/fail`, { body: { leaseToken: dead.leaseToken, outcome: 'not_sent', retryable: true, error: { code: 'AWAY', message: 'no line' } } });
    await page.goto(`${t.base}/agents/${agent.id}/commands/${dead.id}`);
    await page.getByText('It was given up after 1 failure.').waitFor();
    await page.getByText('"no line"').first().waitFor();
    await page.getByRole('button', { name: 'Requeue command' }).click();
    await page.getByText('It waits to be handed out again.').waitFor();
    expect((await commandOf(dead.id)).status).toBe('queued');

    const again = await lease(agent);
    await agent.http('POST', `/commands/${again.id}/fail`, { body: { leaseToken: again.leaseToken, outcome: 'unknown', error: { code: 'LOST', message: 'no answer' } } });
    await page.getByText('Nobody knows whether it was done.').waitFor();
    await page.getByLabel('Outcome').selectOption('succeeded');
    await page.getByLabel('Reason').fill('seen at the broker');
    await page.getByRole('button', { name: 'Settle command' }).click();
    await page.getByText('It is done.').waitFor();
    expect(await commandOf(dead.id)).toMatchObject({ status: 'succeeded', reason: 'seen at the broker' });
    expect(faults).toEqual([]);
  });

  it('makes a key that is shown once and works, and ends it', async () => {
    const agent = await t.agent();
    const { page, faults } = await b.signedIn(t, `/agents/${agent.id}/keys`);
    await page.getByLabel('Name', { exact: true }).fill('second machine');
    await page.getByLabel('ideas', { exact: false }).uncheck();
    await page.getByLabel('Requests a second (optional)').fill('7');
    await page.getByRole('button', { name: 'Make key' }).click();
    await page.getByText('This is the only time that this key is shown.').waitFor();
    const key = (await page.getByLabel('key', { exact: true }).innerText()).trim();
    expect((await clientOf(t.base, key)('POST', '/agents/me/heartbeat', { body: { status: 'running' } })).status).toBe(200);
    await page.getByRole('button', { name: 'Copy key' }).click();
    await page.getByRole('status').filter({ hasText: /Copied|selected/ }).waitFor();
    await page.reload();
    const row = page.getByRole('row').filter({ hasText: 'second machine' });
    await row.getByText('7 a second').waitFor();
    await row.getByText('commands, records', { exact: true }).waitFor();
    expect(await page.content()).not.toContain(key);
    await row.getByRole('button', { name: 'Revoke second machine' }).click();
    await page.getByRole('dialog').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: /Revoke second machine/ }).focus();
    await page.keyboard.down('Space');
    await row.getByText('revoked').waitFor();
    await page.keyboard.up('Space');
    expect((await clientOf(t.base, key)('POST', '/agents/me/heartbeat', { body: { status: 'running' } })).status).toBe(401);
    expect(faults).toEqual([]);
  });

  it('changes configuration and settings, refuses a credential by name, and retires', async () => {
    const agent = await t.agent({ config: { lots: 1 }, symbols: ['EURUSD'] });
    const { page, faults } = await b.signedIn(t, `/agents/${agent.id}/configuration`);
    await page.getByRole('button', { name: 'Edit configuration' }).click();
    const config = page.getByRole('textbox', { name: 'Configuration' });
    await config.fill('{"lots": 2,');
    await page.getByRole('button', { name: 'Save configuration' }).click();
    await page.getByText(/is no JSON/).waitFor();
    await config.fill('{"apiKey": "tw_0123456789abcdef0123456789abcdef0123456789"}');
    await page.getByRole('button', { name: 'Save configuration' }).click();
    await page.getByText('The configuration is as it was.').waitFor();
    await config.fill('{"lots": 2}');
    await page.getByRole('button', { name: 'Save configuration' }).click();
    await page.getByRole('button', { name: 'Edit configuration' }).waitFor();
    await page.getByRole('button', { name: 'Change settings' }).click();
    await page.getByLabel('Symbols').fill('EURUSD, GBPUSD');
    await page.getByLabel('When it is silent').selectOption('flatten');
    await page.getByLabel('After so many seconds').fill('300');
    await page.getByLabel('When its version changes').selectOption('halt');
    await page.getByRole('button', { name: 'Save settings' }).click();
    await page.getByText('its trades are closed after 5 min of silence').waitFor();
    expect((await t.http('GET', `/agents/${agent.id}`)).body).toMatchObject({ config: { lots: 2 }, symbols: ['EURUSD', 'GBPUSD'], windDownPolicy: 'flatten', windDownAfterSeconds: 300, versionPolicy: 'halt' });
    await page.getByText('it opens nothing more until a person releases the halt').waitFor();
    await holdUntil(page, new RegExp(`Retire ${agent.name}`), page.getByRole('button', { name: `Bring ${agent.name} back` }));
    expect((await t.http('GET', `/agents/${agent.id}`)).body).toMatchObject({ retired: true });
    expect((await agent.http('POST', '/agents/me/heartbeat', { body: {} })).status).toBe(401);
    expect(faults).toEqual([]);
  });

  it('lets an administrator make it live by typing, on a live account, and it waits for a start', async () => {
    await t.http('POST', '/accounts', { body: { name: 'real money', kind: 'live', currency: 'USD', marginMode: 'hedging' } });
    const agent = await trader(t);
    const { page } = await b.signedIn(t, `/agents/${agent.id}/configuration`);
    await page.getByLabel('Another mode').selectOption('live');
    await page.getByLabel('On the account').selectOption('real money');
    await page.getByLabel('Type LIVE to confirm').fill('LIVE');
    await page.getByRole('button', { name: `Make ${agent.name} live` }).click();
    await page.getByText(/its mode became live: somebody has to start it/).waitFor();
    expect((await t.http('GET', `/agents/${agent.id}`)).body).toMatchObject({ mode: 'live', account: 'real money', desiredState: { run: 'paused' } });
  });

  it('shows state, what would stop an opening, limits in effect, executors and history', async () => {
    await limitAll(t, { maxLotSize: '2' });
    const [agent, other] = [await trader(t, { symbols: ['EURUSD'] }), await t.agent({ name: 'cedar' })];
    await propose(agent);
    const { page, faults } = await b.signedIn(t, `/agents/${agent.id}`);
    await page.getByText('An opening would pass.').waitFor();
    await page.getByRole('row', { name: /Max lot size 2 everybody/ }).waitFor();
    await page.getByRole('row', { name: /Max drawdown amount .*off/ }).waitFor();
    await t.http('POST', '/kill-switch', { body: { scope: { type: 'agent', id: agent.id }, mode: 'halt', reason: 'a look' } });
    await page.getByText(/The rule halt would stop it/).waitFor();
    await page.getByRole('link', { name: 'Executors' }).click();
    await page.getByLabel(/cedar/).check();
    await page.getByRole('button', { name: 'Save executors' }).click();
    await page.getByRole('link', { name: 'cedar' }).waitFor();
    expect((await t.http('GET', `/agents/${agent.id}/executors`)).body).toEqual({ executorAgentIds: [other.id] });
    await page.getByRole('link', { name: 'History', exact: true }).last().click();
    await page.getByText('made, in mode paper').waitFor();
    await page.getByText('may propose for others than before').waitFor();
    expect(faults).toEqual([]);
  });

  it('shows a viewer everything but keys, and nothing that changes anything; the API refuses too', async () => {
    const agent = await trader(t);
    const made = await t.http<Command>('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom', payload: { n: 1 } } });
    const viewer = await person('viewer');
    const { page, faults } = await b.signedIn(t, `/agents/${agent.id}`, viewer);
    await page.getByRole('heading', { name: 'What it says' }).waitFor();
    for (const part of ['', '/commands', '/positions', '/configuration', '/executors', '/history', `/commands/${made.body.id}`]) {
      await walk(page, `/agents/${agent.id}${part}`);
      await page.getByRole('main').getByRole('heading', { level: 2, name: SEEN_BY[part] ?? 'Attempts' }).waitFor();
      const buttons = await page.getByRole('main').getByRole('button').allInnerTexts();
      expect([part, buttons]).toEqual([part, []]);
    }
    await page.goto(`${t.base}/agents/${agent.id}/command`);
    await page.getByText('Commands are sent by operators and administrators.').waitFor();
    await page.goto(`${t.base}/agents/${agent.id}/keys`);
    await page.getByText('Keys are the business of administrators.').waitFor();
    const token = await t.signIn(viewer.email, viewer.password);
    expect((await t.http('POST', `/agents/${agent.id}/commands`, { token, body: { type: 'pause' } })).status).toBe(403);
    expect((await t.http('PATCH', `/agents/${agent.id}`, { token, body: { config: {} } })).status).toBe(403);
    expect((await t.http('POST', `/agents/${agent.id}/keys`, { token, body: { name: 'x' } })).status).toBe(403);
    expect(faults).toEqual([]);
  });

  it('has no serious fault for who cannot see or hold a mouse, in light and dark, and fits a phone', async () => {
    const agent = await trader(t);
    const command = await t.http<Command>('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom', payload: { words: 'x'.repeat(300) } } });
    const { page } = await b.signedIn(t, '/agents', ADMIN, { viewport: { width: 360, height: 740 } });
    const parts = ['', `/${agent.id}`, `/${agent.id}/commands`, `/${agent.id}/commands/${command.body.id}`, `/${agent.id}/command?type=flatten`, `/${agent.id}/positions`, `/${agent.id}/keys`, `/${agent.id}/configuration`, `/${agent.id}/executors`, `/${agent.id}/history`, '/new'];
    for (const part of parts) {
      await walk(page, `/agents${part}`);
      await page.getByRole('main').getByRole('heading').first().waitFor();
      await page.getByText('Reading …').first().waitFor({ state: 'detached' });
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect([part, colorScheme, await seriousViolations(page)]).toEqual([part, colorScheme, []]);
      }
      expect([part, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([part, 360]);
    }
    expect(idIn(page)).toBe('new');
  });
});
