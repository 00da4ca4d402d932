import { setTimeout as pause } from 'node:timers/promises';
import { chromium, type Page } from 'playwright-core';
import { ask, bearer, type BenchAgent, makeAgents, signIn } from './fixtures.js';
import { percentile, spreadOf } from './percentiles.js';
import type { Bench, Report } from './scenario.js';
import { ADMIN, startTradewarden } from './server-process.js';
import { msText, type Row } from './table.js';

const CHROMIUM = '/usr/bin/chromium';
/** A phone of some years ago. */
const THROTTLING = 4;
const FIRST_VIEW_MS = 1_500;
const LONG_TASK_MS = 200;
const AGENTS = 20;
const EVENTS_A_MINUTE = 1_000;
/** Created, leased, succeeded. */
const EVENTS_A_COMMAND = 3;

/** What a person waits for, and whether the page stays smooth while much happens: the built page in Chromium, its processor slowed down. */
export async function page(bench: Bench): Promise<Report> {
  const database = await bench.databases.newDatabase('page');
  const server = await startTradewarden(bench.databases.folder, database);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'] });
  try {
    const agents = await makeAgents(server.base, AGENTS);
    await Promise.all(agents.map((agent) => beat(server.base, agent)));
    const tab = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
    await tab.goto(server.base);
    await tab.getByLabel('E-mail').fill(ADMIN.email);
    await tab.getByLabel('Password').fill(ADMIN.password);
    await tab.getByRole('button', { name: 'Sign in' }).click();
    await overviewShown(tab);
    await (await tab.context().newCDPSession(tab)).send('Emulation.setCPUThrottlingRate', { rate: THROTTLING });
    const views: number[] = [];
    for (let n = 0; n < (bench.quick ? 3 : 4 * bench.rounds); n++) views.push(await firstView(tab));
    bench.say('page: events');
    const seconds = bench.quick ? 10 : 60;
    const told = await longTasks(tab, server.base, agents, seconds);
    return report(views, told, seconds);
  } finally {
    await browser.close();
    await server.stop();
    await database.close();
  }
}

const overviewShown = async (tab: Page): Promise<void> => void (await tab.getByRole('main').getByText(/bench-\d+/).first().waitFor());

/** From the navigation until the agents of the overview stand there, by the page's own clock; nothing is in the browser's memory. */
async function firstView(tab: Page): Promise<number> {
  const session = await tab.context().newCDPSession(tab);
  await session.send('Network.clearBrowserCache');
  await tab.reload({ waitUntil: 'commit' });
  await overviewShown(tab);
  return Number(await tab.evaluate('performance.now()'));
}

interface Told { tasks: number[]; events: number }

async function longTasks(tab: Page, base: string, agents: readonly BenchAgent[], seconds: number): Promise<Told> {
  await tab.evaluate('window.longTasks = []; new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((each) => each.duration))).observe({ type: "longtask" })');
  const operator = bearer(await signIn(base));
  const until = performance.now() + seconds * 1_000;
  const everyMs = (60_000 * EVENTS_A_COMMAND) / EVENTS_A_MINUTE;
  let commands = 0;
  for (let next = performance.now(); performance.now() < until; next += everyMs) {
    const agent = agents[commands % agents.length]!;
    await oneCommand(base, operator, agent);
    commands += 1;
    if (commands % 4 === 0) await beat(base, agent);
    await pause(Math.max(0, next + everyMs - performance.now()));
  }
  return { tasks: (await tab.evaluate('window.longTasks')) as number[], events: commands * EVENTS_A_COMMAND };
}

const key = ({ apiKey }: BenchAgent) => `x-api-key: ${apiKey}\r\n`;

const beat = (base: string, agent: BenchAgent) => ask(base, 'POST', '/api/v1/agents/me/heartbeat', 200, key(agent), { status: 'running', equity: '10000', balance: '10000', currency: 'USD', agentVersion: '1.0.0' });

async function oneCommand(base: string, operator: string, agent: BenchAgent): Promise<void> {
  await ask(base, 'POST', `/api/v1/agents/${agent.id}/commands`, 201, operator, { type: 'custom', payload: {} });
  const { commands } = await ask<{ commands: { id: string; leaseToken: string }[] }>(base, 'POST', '/api/v1/agents/me/commands/lease', 200, key(agent), { max: 1 });
  for (const { id, leaseToken } of commands) await ask(base, 'POST', `/api/v1/commands/${id}/complete`, 200, key(agent), { leaseToken, result: {} });
}

function report(views: readonly number[], { tasks, events }: Told, seconds: number): Report {
  const { median, least, most } = spreadOf(views);
  const slowest = Math.max(0, ...tasks);
  const row = (what: string, ours: string, bar = '', passed: boolean | null = null): Row => ({ what, ours, peer: '', ratio: '', bar, passed });
  return {
    rows: [
      row(`first view of the overview, processor ${THROTTLING} times slower`, `${msText(median)} (${msText(least)} to ${msText(most)})`, `< ${FIRST_VIEW_MS / 1_000} s`, median < FIRST_VIEW_MS),
      row(`longest task at ${Math.round((events * 60) / seconds).toLocaleString('en-US')} events a minute`, msText(slowest), `≤ ${LONG_TASK_MS} ms`, slowest <= LONG_TASK_MS),
    ],
    notes: [
      `${views.length} loads of a signed-in tab with an empty cache on loopback, with ${AGENTS} agents, until they stand on the page; the first request for a token is in it.`,
      `${events.toLocaleString('en-US')} events in ${seconds} s, ${tasks.length} tasks of more than 50 ms${tasks.length > 0 ? `, of these p90 ${msText(percentile(tasks, 0.9))}` : ''}; the overview was open.`,
    ],
  };
}
