import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { Agent } from '../../clients/typescript/agent.js';
import { instrumentFor } from '../../clients/typescript/instrument.js';
import { randomMarket } from '../../clients/typescript/market.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { BrowserTest, describeInBrowser, holdByMouse } from '../support/browser.js';
import { limitAll } from '../support/ideas.js';
import { type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';

const EURUSD = instrumentFor('EURUSD');
const b = new BrowserTest();
let t: TestApp;
let server: ServerProcess;
const folder = mkdtempSync(join(tmpdir(), 'operator-'));
const running: { told: TestAgent; agent: Agent; ended: Promise<unknown> }[] = [];

const startServer = (port?: number) => startServerProcess({ env: { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl, MIGRATE_ON_START: 'off', ...(port && { PORT: String(port) }) } });

/** The reference agent, on a market of its own that goes slowly. */
async function startAgent(name: string, seed: number): Promise<void> {
  const told = await t.agent({ name });
  const agent = new Agent({
    baseUrl: server.base, apiKey: told.apiKey, folder: join(folder, name), instrument: EURUSD, market: randomMarket(seed, EURUSD, 1_100_000, 60), candlesPerSecond: 2, maxCandles: null, initialBalance: '10000.00', say: () => undefined,
  });
  running.push({ told, agent, ended: agent.run().catch(() => undefined) });
}

beforeAll(async () => {
  t = await startTestApp();
  await limitAll(t);
  server = await startServer();
  await whenReady(server.base);
  await startAgent('trend', 1);
  await startAgent('reversal', 2);
});
afterAll(async () => {
  for (const { agent } of running) agent.stop();
  await Promise.all(running.map(({ ended }) => ended));
  await stopServerProcesses();
  await t.close();
  rmSync(folder, { recursive: true, force: true });
});

const word = (page: Page, text: string) => page.getByRole('status', { name: 'State of trading' }).filter({ hasText: text }).waitFor();
const holdStop = async (page: Page, seen: Locator) => {
  await page.keyboard.press('Shift+S');
  await holdByMouse(page, page.getByRole('button', { name: /Halt everything/ }), seen);
};
const runStates = () => t.db.query<{ name: string; status: string }>('select a.name, s.status from agents a join agent_state s on s.agent_id = a.id order by a.name');

describeInBrowser('an operator, with the reference agents running', () => {
  it('sends a command and sees its result', async () => {
    const [{ told }] = running as [(typeof running)[number]];
    const { page, faults } = await b.signedIn(server, `/agents/${told.id}/command`);
    await page.getByLabel('Command', { exact: true }).selectOption('reconcile');
    await page.getByRole('button', { name: /Ask .* what its broker shows/ }).click();
    await page.getByText('It is done.').waitFor();
    const { body } = await t.http<{ items: { type: string; status: string }[] }>('GET', `/commands?agentId=${told.id}&type=reconcile`);
    expect(body.items).toContainEqual(expect.objectContaining({ status: 'succeeded' }));
    expect(faults).toEqual([]);
  });

  it('trips and releases the kill switch, and both agents obey', async () => {
    const { page, faults } = await b.signedIn(server);
    await word(page, 'TRADING');
    await holdStop(page, page.getByText(/2 of 2 agents have stopped/));
    await word(page, 'HALTED');
    const observed = await t.db.query<{ all: boolean }>('select bool_and(s.observed_state_version = a.state_version) as all from agents a join agent_state s on s.agent_id = a.id');
    expect(observed).toEqual([{ all: true }]);
    await page.getByLabel('Why it may go on').fill('the test goes on');
    await page.getByLabel('Type RELEASE to confirm').fill('RELEASE');
    await page.getByRole('button', { name: 'Let everything trade again' }).click();
    await page.getByText(/the test goes on/).waitFor();
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await word(page, 'TRADING');
    expect((await runStates()).map(({ status }) => status)).toEqual(['running', 'running']);
    expect(faults).toEqual([]);
  });

  it('loses the server and regains it: nothing known meanwhile, a Stop kept, and one halt in the end', async () => {
    const { page } = await b.signedIn(server);
    await word(page, 'TRADING');
    server.kill('SIGKILL');
    await server.exited;
    await word(page, 'NOT KNOWN');
    await holdStop(page, page.getByRole('alert', { name: 'A stop that is not done' }).first().getByText(/not yet done/));
    server = await startServer(server.port);
    await page.getByText(/asked at .*, and done/).waitFor();
    await word(page, 'HALTED');
    expect(await t.db.query('select mode from halts where released_at is null and source <> $1', ['breaker'])).toHaveLength(1);
  });
});
