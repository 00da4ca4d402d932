import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../../test/support/app.js';
import { limitAll } from '../../test/support/ideas.js';
import { EXAMPLE, hasPython, PATIENT, python, type Running, stopPython } from './testing/python.js';
import { UnreliableWay } from './testing/unreliable-way.js';

interface Summary { complete: boolean; ticks: number; trades: number; closed: number; balance: string; unsentFacts: number; rejectedFacts: number; skipped: Record<string, number> }
interface Deal { tag: string; number: number; role: 'entry' | 'exit'; lots: string; closes?: object }
interface Books { deals: Deal[]; balance: string; positions: { tag: string; lots: string }[] }
interface Queued { id: string; status: string; attempt: number; result: Record<string, unknown> | null; attempts: { outcome: string | null }[] }

const BOTH_WAYS: [string, string[]][] = [['long polls', []], ['sync', ['--sync']]];
/** As delivered, but for the switch, a confidence that nobody has after few trades, and a replay's many trades in a day. */
const DELIVERED = {
  minConfidenceThreshold: '0', maxTradesPerDay: null, maxLotSize: '1', maxConcurrentTrades: 3, maxTradesPerSymbol: 1, minRewardToRisk: '2', maxPriceAgeSeconds: 10,
  dailyLossLimitFraction: '0.05', maxDrawdownFraction: '0.15',
};
/** A command that a process took with it, or whose answer was lost, keeps its place until its lease has lapsed and the broker was asked; so does a copy's trade. */
const LIMITS = { ...DELIVERED, maxConcurrentTrades: null, maxTradesPerSymbol: null, maxPriceAgeSeconds: 600 };

let t: TestApp;
let agent: TestAgent;
let way: UnreliableWay;
let folder: string;
const cleanUp: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  await limitAll(t, LIMITS);
  agent = await t.agent();
  way = await new UnreliableWay(t.base).open();
  folder = mkdtempSync(join(tmpdir(), 'python-client-'));
});
afterEach(async () => {
  await stopPython();
  await way.close();
  for (const undo of cleanUp.splice(0)) await undo();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(() => t.close());

const keys = (of: TestAgent) => ({ TRADEWARDEN_URL: way.url, TRADEWARDEN_API_KEY: of.apiKey });
const start = (...args: string[]): Running => python(['-c', EXAMPLE, '--folder', folder, '--json', ...args], keys(agent));
/** As the example, but while another copy trades it asks every half second instead of every quarter of a minute. */
const EAGER = `${PATIENT}tradewarden.Agent.__init__.__kwdefaults__['conflict_seconds'] = 0.5; sys.exit(example.main(sys.argv[1:]))`;
/** As fast as the server takes it, to a fixed end. */
const replay = (...args: string[]) => start('--ticks', '300', '--speed', '0', ...args);

async function until<T>(what: string, look: () => Promise<T | false | null | undefined> | T | false | null | undefined): Promise<T> {
  for (const deadline = performance.now() + 300_000; performance.now() < deadline; await pause(20)) {
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
const state = async () => (await t.http<{ status: string; startedAt: string; instanceId: string; errorMessage: string | null; openPositions: number; observedStateVersion: number }>('GET', `/agents/${agent.id}/state`)).body;
const column = async (text: string) => (await t.db.query<{ value: string }>(text, [agent.id])).map(({ value }) => value);
const tradeIds = () => column('select client_order_id as value from trades where agent_id = $1 order by seq');
/** Starts the example and waits until the server listens to it, as it does at once to the next process of the same folder. */
async function heard(launch: () => Running): Promise<Running> {
  const run = launch();
  // The server may still be busy with what the process before had on its way: only the run itself knows that it was heard.
  await until('it is heard', () => run.said().includes('desired state: '));
  return run;
}
const conflicts = () => t.db.query<{ data: { holder: string; refused: string } }>(`select data from events where agent_id = $1 and type = 'agent.instance_conflict'`, [agent.id]);

async function command(type: string, payload: Record<string, unknown> = {}): Promise<() => Promise<Queued>> {
  const { body, status, text } = await t.http<Queued>('POST', `/agents/${agent.id}/commands`, { body: { type, payload } });
  if (status !== 201) throw new Error(text);
  return async () => (await t.http<Queued>('GET', `/commands/${body.id}`)).body;
}

const opening = (id: string) => async () => (await t.http<Queued>('GET', `/commands/${id}`)).body;

const done = (look: () => Promise<Queued>) => until('the command is finished', async () => {
  const found = await look();
  return !['queued', 'leased', 'unknown'].includes(found.status) && found;
});

/** The database against the broker's books: every order once, every closing once, to the cent. */
async function expectEqualBooks(of = folder): Promise<void> {
  const { deals, balance, positions } = books(of);
  const entries = deals.filter(({ role }) => role === 'entry').map(({ tag }) => tag);
  expect(new Set(entries).size).toBe(entries.length);
  expect((await tradeIds()).sort()).toEqual(entries.sort());
  const told = await column(`select f.role || ' ' || f.broker_deal_id || ' ' || trim_scale(f.size) as value from fills f join trades on trades.id = f.trade_id where trades.agent_id = $1`);
  expect(told.sort()).toEqual(deals.map(({ tag, number, role, lots }) => `${role} ${tag}-${number} ${Number(lots)}`).sort());
  const open = await column(`select client_order_id || ' ' || trim_scale(open_size) as value from trades where agent_id = $1 and finished_at is null`);
  expect(open).toEqual(positions.map(({ tag, lots }) => `${tag} ${Number(lots)}`));
  const [sums] = await t.db.query<{ net: string; explained: number }>(
    `select 10000 + coalesce(sum(profit), 0) + coalesce(sum(commission), 0) as net, (select count(*)::int from trade_explanations where agent_id = $1 and kind <> 'skip') as explained
     from fills where trade_id in (select id from trades where agent_id = $1)`, [agent.id]);
  expect(Number(sums?.net)).toBeCloseTo(Number(balance), 2);
  // What an outage made look foreign or gone has been settled by the facts behind it.
  expect(await column(`select status || ' ' || origin as value from trades where agent_id = $1 and (status = 'unknown' or origin = 'external')`)).toEqual([]);
  expect(sums?.explained).toBe(entries.length + deals.filter(({ closes }) => closes).length);
  // Nothing was traded but what the gate let through, under the tag that it gave, and no promise is left of what was.
  expect(await column(`select trades.client_order_id as value from trades where agent_id = $1 and not exists (
    select 1 from agent_commands c join trade_ideas i on i.command_id = c.id
    where c.id = trades.command_id and i.id = trades.idea_id and c.payload->>'orderTag' = trades.client_order_id and trades.order_tag = trades.client_order_id)`)).toEqual([]);
  expect(await column(`select command_id::text as value from held_reservations where agent_id = $1 and command_id in (select command_id from trades)`)).toEqual([]);
}

/** In normal running nothing of its own is taken for somebody else's, and nothing is missed. */
async function expectNoSurprises(): Promise<void> {
  expect(await column(`select distinct type as value from events where agent_id = $1 and type in ('position.adopted', 'position.missing')`)).toEqual([]);
  expect(await column(`select kind as value from incidents where agent_id = $1`)).toEqual([]);
  expect(await column(`select reports.positions || '' as value from agent_reports reports where agent_id = $1 and complete_as_of is not null`)).toEqual([`${books().positions.length}`]);
}

(hasPython ? describe : describe.skip)('the Python example and the real server', () => {
  it.each(BOTH_WAYS)('come to equal books over %s', async (_name, args) => {
    await limitAll(t, DELIVERED);
    // As anybody starts it.
    const told = await summaryOf(python(['example.py', '--folder', folder, '--json', '--ticks', '300', '--speed', '0', ...args], keys(agent)));
    expect(told).toMatchObject({ complete: true, ticks: 300, unsentFacts: 0, rejectedFacts: 0 });
    expect(told.trades).toBeGreaterThan(5);
    await expectEqualBooks();
    await expectNoSurprises();
    expect(await column(`select q.symbol as value from quotes q join agents a on a.account_id = q.account_id where a.id = $1`)).toEqual(['EURUSD']);
    expect(await column(`select distinct status as value from trades where agent_id = $1`)).toEqual(['closed']);
    const [predictions] = await t.db.query<{ used: number }>('select count(*) filter (where used_by_agent)::int as used from predictions where agent_id = $1', [agent.id]);
    const ideas = await column('select status as value from trade_ideas where executor_id = $1');
    expect(predictions?.used).toBe(ideas.length);
    expect(ideas.filter((status) => status === 'auto_executed')).toHaveLength(told.trades);
    expect(await state()).toMatchObject({ status: 'stopped', errorMessage: null, openPositions: 0 });
  });

  it.each(BOTH_WAYS)('lose nothing when answers are lost, over %s', async (_name, args) => {
    // Every return costs two requests and a wait before the next fact: much more often, and this takes minutes.
    way.loseEvery = 7;
    expect(await summaryOf(replay('--ticks', '150', ...args))).toMatchObject({ complete: true, unsentFacts: 0, rejectedFacts: 0 });
    expect(way.lost).toBeGreaterThan(2);
    await expectEqualBooks();
  });

  it.each(BOTH_WAYS)('lose nothing when the server goes away and another instance takes its place, over %s', async (_name, args) => {
    const run = start('--ticks', '100000', '--speed', '100', ...args);
    for (let outage = 0; outage < 2; outage++) {
      const known = (await tradeIds()).length;
      await until('trades', async () => (await tradeIds()).length > known + 1);
      way.goAway();
      const other = await t.second();
      cleanUp.push(() => other.close());
      way.target = other.base;
      await pause(300);
      way.comeBack();
    }
    run.child.kill('SIGTERM');
    expect(await summaryOf(run)).toMatchObject({ complete: false, rejectedFacts: 0 });
    expect(await summaryOf(start('--ticks', '1', '--speed', '0', ...args))).toMatchObject({ complete: true, unsentFacts: 0, rejectedFacts: 0 });
    await expectEqualBooks();
  });

  it.each(BOTH_WAYS)('lose and double nothing under kill -9 at any moment, over %s', async (_name, args) => {
    const least = process.env['FULL_FIGURES'] ? 60 : 6;
    for (let kills = 0; kills < least || (await tradeIds()).length <= 2; kills++) {
      const known = (await tradeIds()).length;
      const run = await heard(() => start('--ticks', '100000', '--speed', '300', ...args));
      await pause(200 + kills * 150);
      // On a busy machine hardly anything is traded between two kills.
      if (kills >= least) await until('a trade', async () => (await tradeIds()).length > known);
      run.child.kill('SIGKILL');
      expect((await run.ended).code).toBeNull();
    }
    expect(await summaryOf(await heard(() => start('--ticks', '1', '--speed', '0', ...args)))).toMatchObject({ complete: true, unsentFacts: 0, rejectedFacts: 0 });
    await expectEqualBooks();
    expect((await tradeIds()).length).toBeGreaterThan(2);
    expect(await conflicts()).toEqual([]);
  });

  it.each(BOTH_WAYS)('are the same copy after kill -9: facts and commands flow at once, over %s', async (_name, args) => {
    const trading = () => start('--ticks', '100000', '--speed', '300', ...args);
    const first = trading();
    await until('a trade', async () => (await tradeIds()).length > 0);
    const { instanceId, startedAt } = await state();
    first.child.kill('SIGKILL');
    await first.ended;
    const known = (await tradeIds()).length;
    const second = trading();
    await until('a trade of the next process', async () => (await tradeIds()).length > known);
    expect(await done(await command('reconcile'))).toMatchObject({ status: 'succeeded', attempt: 1 });
    // Nothing waited for the trading lease of a copy that fell silent: one that is refused would be a conflict.
    expect([(await state()).instanceId, await conflicts()]).toEqual([instanceId, []]);
    expect(Date.parse((await state()).startedAt)).toBeGreaterThan(Date.parse(startedAt));
    second.child.kill('SIGTERM');
    expect(await summaryOf(second)).toMatchObject({ unsentFacts: 0, rejectedFacts: 0 });
    expect(second.said()).not.toContain('SYNC_SEQ');
    await expectEqualBooks();
  });

  it('are told the number to go on above when the folder came back from a backup', async () => {
    expect((await start('--ticks', '30', '--speed', '0', '--sync').ended).code).toBe(0);
    await t.db.query('update agent_syncs set sync_seq = sync_seq + 1000000 where agent_id = $1', [agent.id]);
    const run = start('--ticks', '300', '--speed', '0', '--sync');
    expect(await summaryOf(run)).toMatchObject({ complete: true, unsentFacts: 0, rejectedFacts: 0 });
    expect(run.said().match(/SYNC_SEQ_STALE/g)).toHaveLength(1);
    expect(Number((await column('select sync_seq as value from agent_syncs where agent_id = $1'))[0])).toBeGreaterThan(1_000_000);
    await expectEqualBooks();
  });

  it.each([['an hour ahead', 3_600], ['an hour behind', -3_600]])('agree on the time when the machine is %s', async (_name, seconds) => {
    const code = `import time; real = time.time; time.time = lambda: real() + ${seconds}\n${EXAMPLE}`;
    const run = python(['-c', code, '--folder', folder, '--json', '--ticks', '150', '--speed', '0'], keys(agent));
    expect(await summaryOf(run)).toMatchObject({ complete: true, rejectedFacts: 0 });
    const [off] = await t.db.query<{ trades: number; entry: number; predicted: number }>(
      `select count(*)::int as trades, max(abs(extract(epoch from t.entry_time - t.created_at)))::float as entry,
         max(abs(extract(epoch from p.predicted_at - p.created_at)))::float as predicted from trades t join predictions p on p.id = t.prediction_id where t.agent_id = $1`, [agent.id]);
    expect(off?.trades).toBeGreaterThan(1);
    expect(Math.max(off?.entry ?? 999, off?.predicted ?? 999)).toBeLessThan(900);
    expect(await state()).toMatchObject({ errorMessage: null });
  });
});

(hasPython ? describe : describe.skip)('the Python example and the gate', () => {
  it.each(BOTH_WAYS)('open nothing while trading is off, and know why, over %s', async (_name, args) => {
    await limitAll(t, { ...LIMITS, aiTradingEnabled: false });
    const told = await summaryOf(start('--ticks', '150', '--speed', '0', ...args));
    expect(told).toMatchObject({ complete: true, trades: 0, unsentFacts: 0, rejectedFacts: 0, skipped: { TRADING_DISABLED: expect.any(Number) } });
    const ideas = await column('select status as value from trade_ideas where executor_id = $1');
    expect(new Set(ideas)).toEqual(new Set(['halted_by_risk']));
    expect(told.skipped['TRADING_DISABLED']).toBe(ideas.length);
    expect(await tradeIds()).toEqual([]);
  });

  it.each(BOTH_WAYS)('trade what a person approved, over %s', async (_name, args) => {
    await limitAll(t, { ...LIMITS, minConfidenceThreshold: '0.9' });
    // A market that stands still: what a person takes a while to approve is still worth its price.
    const prices = join(folder, 'prices.csv');
    writeFileSync(prices, `close\n${'1.1\n'.repeat(100)}`);
    const run = start('--speed', '0.01', '--csv', prices, ...args);
    expect(await done(await command('custom', { open: 'long' }))).toMatchObject({ status: 'succeeded', result: { status: 'needs_approval', codes: ['CONFIDENCE_LOW'] } });
    const [idea] = (await t.http<{ items: { id: string; digest: string }[] }>('GET', `/trade-ideas?agentId=${agent.id}`)).body.items;
    const approved = await t.http<{ commandId: string }>('POST', `/trade-ideas/${idea?.id}/approve`, { body: { digest: idea?.digest, reason: 'I see it too' } });
    expect(await done(opening(approved.body.commandId))).toMatchObject({ status: 'succeeded', attempt: 1 });
    run.child.kill('SIGTERM');
    expect((await run.ended).code).toBe(0);
    expect(await column('select idea_id as value from trades where agent_id = $1')).toEqual([idea?.id]);
    await expectEqualBooks();
  });
});

(hasPython ? describe : describe.skip)('commands to the Python example', () => {
  /** Two prices, and the next in 100 s: the strategy stays out of the way. */
  const idle = (...args: string[]) => start('--speed', '0.01', ...args);

  it.each(BOTH_WAYS)('are carried out once each, over %s', async (_name, args) => {
    const run = idle(...args);
    const opened = await done(await command('custom', { open: 'long' }));
    expect(opened).toMatchObject({ status: 'succeeded', attempt: 1, result: { status: 'auto_executed', codes: [] } });
    const [trade] = await until('the trade', async () => {
      const rows = await t.db.query<{ id: string; command_id: string; status: string }>('select id, command_id, status from trades where agent_id = $1', [agent.id]);
      return rows.length > 0 && rows;
    });
    expect(await done(opening(`${trade?.command_id}`))).toMatchObject({ status: 'succeeded', attempt: 1, result: { fill: { size: '0.1' } } });
    expect(trade?.status).toBe('open');
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
    const again = await heard(() => idle(...args));
    await until('the next life', async () => (await state()).status === 'stopped');
    again.child.kill('SIGTERM');
    expect((await again.ended).code).toBe(0);
  });

  it.each(BOTH_WAYS.flatMap(([name, args]) => (['before', 'after'] as const).map((when) => [when, name, args] as const)))(
    'that open are carried out at most once when the process dies %s the order is sent, over %s', async (when, _name, args) => {
      const dying = `${PATIENT}
real = example.PaperBroker.open
def dies(self, *args):
    if ${when === 'after' ? 'True' : 'False'}: real(self, *args)
    os.kill(os.getpid(), signal.SIGKILL)
example.PaperBroker.open = dies
sys.exit(example.main(sys.argv[1:]))`;
      await command('custom', { open: 'long' });
      const first = python(['-c', dying, '--folder', folder, '--json', '--speed', '0.01', ...args], keys(agent));
      expect((await first.ended).code).toBeNull();
      const second = await heard(() => start('--speed', '0.01', ...args));
      // At the broker: found there. Not at the broker: nobody knows, until the agent was asked for its tag.
      const [id] = await column(`select id as value from agent_commands where agent_id = $1 and type = 'open_trade'`);
      if (when === 'before') {
        await until('it is unknown', async () => (await opening(`${id}`)()).status === 'unknown');
        // So long after it an order that was under way would be shown.
        await t.db.query(`update command_attempts set ended_at = ended_at - interval '20 seconds', leased_at = leased_at - interval '20 seconds' where command_id = $1`, [id]);
        await done(await command('reconcile'));
      }
      const end = await done(opening(`${id}`));
      expect(end).toMatchObject({ status: when === 'after' ? 'succeeded' : 'failed', attempt: 1 });
      second.child.kill('SIGTERM');
      expect((await second.ended).code).toBe(0);
      // A broker that never got an order has no books.
      if (when === 'after' || existsSync(join(folder, 'broker.json'))) await expectEqualBooks();
      expect((await tradeIds()).length).toBe(when === 'after' ? 1 : 0);
      expect(await column('select command_id as value from held_reservations where agent_id = $1')).toEqual([]);
    });
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
    expect(await conflicts()).toHaveLength(1);
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
  });

  it.each([['on another host', `import socket; socket.gethostname = lambda: 'another'; `], ['on the same', '']])('is also one in a copy of the folder %s', async (_name, elsewhere) => {
    const first = start('--ticks', '100000', '--speed', '100');
    await until('a trade', async () => (await tradeIds()).length > 0);
    first.child.kill('SIGKILL');
    await first.ended;
    const copy = mkdtempSync(join(tmpdir(), 'python-client-'));
    cleanUp.push(async () => rmSync(copy, { recursive: true, force: true }));
    cpSync(folder, copy, { recursive: true });
    const { instanceId } = await state();
    const again = await heard(() => start('--ticks', '100000', '--speed', '0.01'));
    // An agent that is up takes commands, and says goodbye.
    await done(await command('reconcile'));
    const second = python(['-c', elsewhere + EAGER, '--folder', copy, '--json', '--speed', '0.01'], keys(agent));
    await until('it says so', () => second.said().includes('another copy of this agent is running'));
    expect(await conflicts()).toEqual([{ data: { holder: instanceId, refused: expect.not.stringMatching(instanceId) } }]);
    again.child.kill('SIGTERM');
    expect((await again.ended).code).toBe(0);
    await until('it takes over', async () => (await state()).instanceId !== instanceId);
    second.child.kill('SIGTERM');
    expect((await second.ended).code).toBe(0);
  });

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
  });
});
