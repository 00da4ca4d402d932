import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../../test/support/app.js';
import { hasPython, python, type Running, stopPython } from './testing/python.js';
import { UnreliableWay } from './testing/unreliable-way.js';

interface Summary { complete: boolean; ticks: number; trades: number; closed: number; balance: string; unsentFacts: number; rejectedFacts: number }
interface Deal { tag: string; number: number; role: 'entry' | 'exit'; closes?: object }
interface Books { deals: Deal[]; balance: string }
interface Queued { id: string; status: string; attempt: number; result: Record<string, unknown> | null; attempts: { outcome: string | null }[] }

/** Each start of a process takes a while on a busy machine. */
const MANY_STARTS_MS = 180_000;
const BOTH_WAYS: [string, string[]][] = [['long polls', []], ['sync', ['--sync']]];

let t: TestApp;
let agent: TestAgent;
let way: UnreliableWay;
let folder: string;
const cleanUp: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  agent = await t.agent();
  way = await new UnreliableWay(t.base).open();
  folder = mkdtempSync(join(tmpdir(), 'python-client-'));
});
afterEach(async () => {
  await stopPython();
  await way.goAway();
  for (const undo of cleanUp.splice(0)) await undo();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(() => t.close());

const keys = (of: TestAgent) => ({ TRADEWARDEN_URL: way.url, TRADEWARDEN_API_KEY: of.apiKey });
const start = (...args: string[]): Running => python(['example.py', '--folder', folder, '--json', ...args], keys(agent));
/** As the example, but while another copy trades it asks every half second instead of every quarter of a minute. */
const EAGER = `import sys, tradewarden, example; tradewarden.Agent.__init__.__kwdefaults__['conflict_seconds'] = 0.5; sys.exit(example.main(sys.argv[1:]))`;
const startEager = (...args: string[]): Running => python(['-c', EAGER, '--folder', folder, '--json', ...args], keys(agent));
/** As fast as the server takes it, to a fixed end. */
const replay = (...args: string[]) => start('--ticks', '300', '--speed', '0', ...args);

async function until<T>(what: string, look: () => Promise<T | false | null | undefined> | T | false | null | undefined): Promise<T> {
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; await pause(20)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`it did not come to this: ${what}`);
}

async function summaryOf(run: Running): Promise<Summary> {
  const { code, out, err } = await run.ended;
  if (code !== 0) throw new Error(`ended with ${code}: ${err}`);
  return JSON.parse(out) as Summary;
}

const books = (of = folder) => JSON.parse(readFileSync(join(of, 'broker.json'), 'utf8')) as Books;
const state = async () => (await t.http<{ status: string; instanceId: string; errorMessage: string | null; openPositions: number; observedStateVersion: number }>('GET', `/agents/${agent.id}/state`)).body;
const column = async (text: string) => (await t.db.query<{ value: string }>(text, [agent.id])).map(({ value }) => value);
const tradeIds = () => column('select client_order_id as value from trades where agent_id = $1 order by seq');
/** As after a minute of silence: another copy may take over. */
const loseTheLease = () => t.db.query(`update agent_state set trading_lease_until = app_clock() where agent_id = $1`, [agent.id]);
/** Starts a copy and waits until the server listens to it. What the one before had on its way may have renewed its lease after its end. */
async function heard(launch: () => Running): Promise<Running> {
  const known = (await state()).instanceId;
  const run = launch();
  await until('it is heard', async () => {
    await loseTheLease();
    return (await state()).instanceId !== known;
  });
  return run;
}
/** As after half a minute in which nobody answered for its commands. */
const loseTheCommands = () => t.db.query(`update agent_commands set lease_expires_at = app_clock() - interval '1 second' where agent_id = $1 and status = 'leased'`, [agent.id]);

async function command(type: string, payload: Record<string, unknown> = {}): Promise<() => Promise<Queued>> {
  const { body, status, text } = await t.http<Queued>('POST', `/agents/${agent.id}/commands`, { body: { type, payload } });
  if (status !== 201) throw new Error(text);
  return async () => (await t.http<Queued>('GET', `/commands/${body.id}`)).body;
}

const done = (look: () => Promise<Queued>) => until('the command is finished', async () => {
  const found = await look();
  return !['queued', 'leased'].includes(found.status) && found;
});

/** The database against the broker's books: every order once, every closing once, to the cent. */
async function expectEqualBooks(of = folder): Promise<void> {
  const { deals, balance } = books(of);
  const entries = deals.filter(({ role }) => role === 'entry').map(({ tag }) => tag);
  expect(new Set(entries).size).toBe(entries.length);
  expect((await tradeIds()).sort()).toEqual(entries.sort());
  const told = await column(`select s.broker_deal_id as value from trade_transitions s join trades on trades.id = s.trade_id where agent_id = $1 and s.to_status = 'closed'`);
  expect(told.sort()).toEqual(deals.filter(({ closes }) => closes).map(({ tag, number }) => `${tag}-${number}`).sort());
  const [sums] = await t.db.query<{ net: string; explained: number; entries: number; predicted: number }>(
    `select 10000 + coalesce(sum(gross_profit + coalesce(commission, 0)), 0) as net, (select count(*)::int from trade_explanations where agent_id = $1) as explained,
       count(*)::int as entries, count(prediction_id)::int as predicted from trades where agent_id = $1`, [agent.id]);
  expect(Number(sums?.net)).toBeCloseTo(Number(balance), 2);
  expect(sums?.explained).toBe(entries.length + told.length);
}

(hasPython ? describe : describe.skip)('the Python example and the real server', () => {
  it.each(BOTH_WAYS)('come to equal books over %s', async (_name, args) => {
    const told = await summaryOf(replay(...args));
    expect(told).toMatchObject({ complete: true, ticks: 300, unsentFacts: 0, rejectedFacts: 0 });
    expect(told.trades).toBeGreaterThan(5);
    await expectEqualBooks();
    expect(await column(`select distinct status as value from trades where agent_id = $1`)).toEqual(['closed']);
    const [predictions] = await t.db.query<{ used: number }>('select count(*) filter (where used_by_agent)::int as used from predictions where agent_id = $1', [agent.id]);
    expect(predictions?.used).toBe(told.trades);
    expect(await state()).toMatchObject({ status: 'stopped', errorMessage: null, openPositions: 0 });
  });

  it.each(BOTH_WAYS)('lose nothing when answers are lost, over %s', async (_name, args) => {
    way.loseEvery = 4;
    expect(await summaryOf(replay(...args))).toMatchObject({ complete: true, unsentFacts: 0, rejectedFacts: 0 });
    expect(way.lost).toBeGreaterThan(5);
    await expectEqualBooks();
  }, MANY_STARTS_MS);

  it.each(BOTH_WAYS)('lose nothing when the server goes away and another instance takes its place, over %s', async (_name, args) => {
    const run = start('--ticks', '400', '--speed', '100', ...args);
    for (let outage = 0; outage < 2; outage++) {
      const known = (await tradeIds()).length;
      await until('trades', async () => (await tradeIds()).length > known + 1);
      await way.goAway();
      const other = await t.second();
      cleanUp.push(() => other.close());
      way.target = other.base;
      await pause(300);
      await way.open();
    }
    expect(await summaryOf(run)).toMatchObject({ complete: true, unsentFacts: 0, rejectedFacts: 0 });
    await expectEqualBooks();
  }, MANY_STARTS_MS);

  it.each(BOTH_WAYS)('lose and double nothing under kill -9 at any moment, over %s', async (_name, args) => {
    for (let kills = 0; kills < (process.env['FULL_FIGURES'] ? 60 : 8); kills++) {
      const run = await heard(() => startEager('--ticks', '100000', '--speed', '300', ...args));
      await pause(100 + kills * 90);
      run.child.kill('SIGKILL');
      expect((await run.ended).code).toBeNull();
    }
    expect(await summaryOf(await heard(() => startEager('--ticks', '1', '--speed', '0', ...args)))).toMatchObject({ complete: true, unsentFacts: 0, rejectedFacts: 0 });
    await expectEqualBooks();
    expect((await tradeIds()).length).toBeGreaterThan(2);
  }, MANY_STARTS_MS);

  it.each([['an hour ahead', 3_600], ['an hour behind', -3_600]])('agree on the time when the machine is %s', async (_name, seconds) => {
    const code = `import sys, time; real = time.time; time.time = lambda: real() + ${seconds}; import example; sys.exit(example.main(sys.argv[1:]))`;
    const run = python(['-c', code, '--folder', folder, '--json', '--ticks', '150', '--speed', '0'], keys(agent));
    expect(await summaryOf(run)).toMatchObject({ complete: true, rejectedFacts: 0 });
    const [off] = await t.db.query<{ trades: number; entry: number; predicted: number }>(
      `select count(*)::int as trades, max(abs(extract(epoch from t.entry_time - t.created_at)))::float as entry,
         max(abs(extract(epoch from p.predicted_at - p.created_at)))::float as predicted from trades t join predictions p on p.id = t.prediction_id where t.agent_id = $1`, [agent.id]);
    expect(off?.trades).toBeGreaterThan(1);
    expect(Math.max(off?.entry ?? 999, off?.predicted ?? 999)).toBeLessThan(30);
    expect(await state()).toMatchObject({ errorMessage: null });
  }, MANY_STARTS_MS);
});

(hasPython ? describe : describe.skip)('commands to the Python example', () => {
  /** Two prices, and the next in 100 s: the strategy stays out of the way. */
  const idle = (...args: string[]) => start('--speed', '0.01', ...args);

  it.each(BOTH_WAYS)('are carried out once each, over %s', async (_name, args) => {
    const run = idle(...args);
    const opened = await done(await command('custom', { open: 'long' }));
    expect(opened).toMatchObject({ status: 'succeeded', attempt: 1, result: { size: '0.10' } });
    const [trade] = await until('the trade', async () => {
      const rows = await t.db.query<{ id: string; command_id: string; status: string }>('select id, command_id, status from trades where agent_id = $1', [agent.id]);
      return rows.length > 0 && rows;
    });
    expect(trade).toMatchObject({ command_id: opened.id, status: 'open' });
    expect(await done(await command('close_trade', { tradeId: trade?.id, size: '0.04' }))).toMatchObject({ status: 'succeeded', result: { closedSize: '0.04', openSize: '0.06' } });
    await command('pause');
    const refused = await command('custom', { open: 'long' });
    expect(await done(refused)).toMatchObject({ status: 'failed', attempts: [{ outcome: 'not_sent' }] });
    await done(await command('resume'));
    expect(await done(await command('flatten'))).toMatchObject({ status: 'succeeded', result: { closed: [trade?.id] } });
    expect(await done(await command('update_config', { lots: '0.3' }))).toMatchObject({ status: 'succeeded', result: { lots: '0.30' } });
    expect(await done(await command('kill'))).toMatchObject({ status: 'succeeded', result: { ending: true } });
    expect(await summaryOf(run)).toMatchObject({ complete: false, unsentFacts: 0, trades: 1 });
    await expectEqualBooks();
    // A restart of the machine does not undo it.
    const again = idle(...args);
    const { instanceId } = await state();
    await until('the next life', async () => (await state()).instanceId !== instanceId && (await state()).status === 'stopped');
    again.child.kill('SIGTERM');
    expect((await again.ended).code).toBe(0);
  }, MANY_STARTS_MS);

  it.each(BOTH_WAYS.flatMap(([name, args]) => (['before', 'after'] as const).map((when) => [when, name, args] as const)))(
    'that open are carried out at most once when the process dies %s the order is sent, over %s', async (when, _name, args) => {
      const dying = `
import os, signal, sys, example
real = example.PaperBroker.open
def dies(self, *args):
    if ${when === 'after' ? 'True' : 'False'}: real(self, *args)
    os.kill(os.getpid(), signal.SIGKILL)
example.PaperBroker.open = dies
sys.exit(example.main(sys.argv[1:]))`;
      const opening = await command('custom', { open: 'long' });
      const first = python(['-c', dying, '--folder', folder, '--json', '--speed', '0.01', ...args], keys(agent));
      expect((await first.ended).code).toBeNull();
      const second = await heard(() => startEager('--speed', '0.01', ...args));
      if (when === 'before') await loseTheCommands();
      // Not at the broker: not sent, and so it ends. At the broker: found there.
      const end = await done(opening);
      expect(when === 'after' ? ['succeeded'] : ['succeeded', 'failed']).toContain(end.status);
      second.child.kill('SIGTERM');
      expect((await second.ended).code).toBe(0);
      // A broker that never got an order has no books.
      if (end.status === 'succeeded' || existsSync(join(folder, 'broker.json'))) await expectEqualBooks();
      expect((await tradeIds()).length).toBe(end.status === 'succeeded' ? 1 : 0);
    }, MANY_STARTS_MS);
});

(hasPython ? describe : describe.skip)('a second copy of the Python example', () => {
  it.each(BOTH_WAYS)('opens nothing until the first has stopped, and then takes over, over %s', async (_name, args) => {
    const first = start('--speed', '100', ...args);
    await until('a trade of the first', async () => (await tradeIds()).length > 0);
    const other = mkdtempSync(join(tmpdir(), 'python-client-'));
    cleanUp.push(async () => rmSync(other, { recursive: true, force: true }));
    const second = python(['-c', EAGER, '--folder', other, '--json', '--speed', '100', ...args], keys(agent));
    await until('it says so', () => second.said().includes('another copy of this agent is running'));
    await pause(1_500);
    expect(second.said().match(/another copy of this agent is running/g)).toHaveLength(1);
    const conflicts = await t.db.query<{ data: { holder: string; refused: string } }>(`select data from events where agent_id = $1 and type = 'agent.instance_conflict'`, [agent.id]);
    expect(conflicts).toHaveLength(1);
    first.child.kill('SIGTERM');
    expect(await summaryOf(first)).toMatchObject({ unsentFacts: 0, rejectedFacts: 0 });
    const ofFirst = books().deals.filter(({ role }) => role === 'entry').map(({ tag }) => tag);
    expect((await tradeIds()).sort()).toEqual(ofFirst.sort());
    await until('it takes over', async () => (await tradeIds()).length > ofFirst.length);
    expect(second.said()).toContain('this one takes over');
    second.child.kill('SIGTERM');
    expect((await second.ended).code).toBe(0);
    const both = [folder, other].flatMap((one) => books(one).deals.filter(({ role }) => role === 'entry').map(({ tag }) => tag));
    expect((await tradeIds()).sort()).toEqual(both.sort());
    expect(new Set(both).size).toBe(both.length);
  }, MANY_STARTS_MS);

  it('does not even begin with the same folder', async () => {
    const first = start('--speed', '1');
    await until('it is heard', async () => (await state()).instanceId);
    expect(await replay().ended).toMatchObject({ code: 1, err: expect.stringContaining(`process ${first.child.pid} already works with`) });
  });

  it('with a key that was revoked ends, and says why', async () => {
    const run = start('--speed', '5');
    await until('it is heard', async () => (await state()).instanceId);
    const { body } = await t.http<{ items: { id: string }[] }>('GET', `/agents/${agent.id}/keys`);
    await t.http('DELETE', `/agents/${agent.id}/keys/${body.items[0]?.id}`);
    await command('resume');
    const { code, err } = await run.ended;
    expect([code, err]).toEqual([1, expect.stringContaining('does not accept the API key')]);
    expect(err).not.toContain(agent.apiKey);
  }, MANY_STARTS_MS);
});
