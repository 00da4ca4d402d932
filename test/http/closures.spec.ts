import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { Closing, type Command, leaseOne, openTrade } from '../support/closures.js';
import { reportOf } from '../support/positions.js';

interface Incident { severity: string; data: { count: number; positions: Record<string, unknown>[] } }

let t: TestApp;
let other: TestApp;
let closing: Closing;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  other = await t.second();
  closing = new Closing(t);
});
beforeEach(async () => {
  agent = await t.agent();
  await agent.http('POST', '/agents/me/heartbeat', { body: { status: 'running' } });
});
afterAll(async () => {
  await other.close();
  await t.close();
});

const fail = (command: Command | undefined, outcome: string, code = 'NO_ROUTE') => agent.http('POST', `/commands/${command?.id}/fail`, { body: { leaseToken: command?.leaseToken, outcome, error: { code, message: 'no' } } });
const complete = (command: Command | undefined) => agent.http('POST', `/commands/${command?.id}/complete`, { body: { leaseToken: command?.leaseToken } });
const exit = (tradeId: string, brokerDealId: string, size: string, more: object = {}) => agent.http('POST', `/trades/${tradeId}/fills`, { body: { items: [
  { brokerDealId: `in-${tradeId}`, role: 'entry', price: '1.1', size: '1', at: new Date(Date.now() - 3_600_000).toISOString() },
  { brokerDealId, role: 'exit', price: '1.2', size, at: new Date().toISOString(), ...more },
] } });
const incidents = async (kind: string) => (await t.http<{ items: Incident[] }>('GET', `/incidents?agentId=${agent.id}&kind=${kind}&status=open`)).body.items;
const statuses = async (tradeId: string) => (await closing.commands(tradeId)).map(({ status }) => status);
/** The queue makes it wait from its failure on; that it goes by while this machine is slow is not waited for. */
const waits = async (tradeId: string) => (await t.db.query(`update agent_commands c set not_before = not_before + interval '1 hour' where trade_id = $1 and status = 'queued'
  and not_before > (select max(ended_at) from command_attempts where command_id = c.id) returning 1`, [tradeId])).length === 1;
/** The queue's own wait is over. */
const waited = (tradeId: string) => t.db.query(`update agent_commands set not_before = app_clock() where trade_id = $1 and status in ('queued', 'waiting_for_market')`, [tradeId]);
/** A complete report, so many seconds after its last command ended, by the record of it. */
const reported = (seconds: number) => t.db.query(
  `insert into agent_reports (agent_id, as_of, received_at, complete_as_of, complete_received_at, positions, orders)
   select $1, app_clock(), app_clock(), max(finished_at) + make_interval(secs => $2), max(finished_at) + make_interval(secs => $2), 0, 0 from agent_commands where agent_id = $1
   on conflict (agent_id) do update set complete_as_of = excluded.complete_as_of, complete_received_at = excluded.complete_received_at`, [agent.id, seconds]);

describe('a trade that is wanted closed', () => {
  it('gets one command, with which whoever wants it besides is content', async () => {
    const { id } = await openTrade(agent);
    const first = await closing.want({ tradeId: id, cause: 'supervisor', rule: 'stop', detail: { stopLoss: '1.09' }, exitReason: 'supervisor' });
    expect(await closing.want({ tradeId: id })).toBeNull();
    for (let n = 0; n < 3; n++) await closing.work(n % 2 === 0 ? t : other);
    const commands = await closing.commands(id);
    expect(commands).toMatchObject([{ status: 'queued', payload: { tradeId: id, reason: 'supervisor stop' } }]);
    expect(await closing.list(`tradeId=${id}`)).toMatchObject([{ id: first?.id, cause: 'supervisor', rule: 'stop', detail: { stopLoss: '1.09' }, size: null, tries: 1, commandId: commands[0]?.id, commandStatus: 'queued', endedAs: null }]);
    expect(await leaseOne(agent)).toMatchObject({ type: 'close_trade', payload: { tradeId: id } });
  });

  it('gets one from 20 who want it at once on two instances, with both at work', async () => {
    const trades = await Promise.all(Array.from({ length: 5 }, () => openTrade(agent)));
    const wanted = await Promise.all(trades.flatMap(({ id }) => Array.from({ length: 20 }, (_each, n) => closing.want({ tradeId: id }, n % 2 === 0 ? t : other))));
    expect(wanted.filter(Boolean)).toHaveLength(5);
    await Promise.all(Array.from({ length: 6 }, (_each, n) => closing.work(n % 2 === 0 ? t : other)));
    for (const { id } of trades) expect(await statuses(id)).toEqual(['queued']);
    expect(await t.db.query(`select 1 from events where type = 'closure.wanted' and agent_id = $1`, [agent.id])).toHaveLength(5);
  });

  it('is found by the schedule of any instance when the one that wanted it was killed before the command', async () => {
    const { id, } = await openTrade(agent);
    await t.db.query(`insert into closures (trade_id, agent_id, account_id, cause, open_size_before, exit_reason, actor) values ($1, $2, $3, 'operator', 1, 'operator', 'system')`, [id, agent.id, agent.accountId]);
    expect(await statuses(id)).toEqual([]);
    await closing.work(other);
    expect(await statuses(id)).toEqual(['queued']);
  });

  it('is not wanted when it has ended, and a closure whose trade ends is over, with the command that waits', async () => {
    const { id } = await openTrade(agent);
    await closing.want({ tradeId: id });
    await closing.work();
    await exit(id, 'stop', '1', { exitReason: 'stop' });
    await closing.work();
    expect(await statuses(id)).toEqual(['cancelled']);
    expect(await closing.list(`agentId=${agent.id}&open=true`)).toEqual([]);
    expect(await closing.list(`agentId=${agent.id}&open=false`)).toMatchObject([{ endedAs: 'flat', tradeStatus: 'closed' }]);
    expect(await closing.want({ tradeId: id })).toBeNull();
    // What the broker says of the end is better than why we sent a close.
    expect((await closing.trade(id)).exitReason).toBe('stop');
  });

  it('tells the reason of its end where the deal says none', async () => {
    const [one, two] = [await openTrade(agent), await openTrade(agent)];
    await closing.want({ tradeId: one.id, exitReason: 'supervisor' });
    await closing.work();
    await exit(one.id, 'quiet-1', '1');
    await exit(two.id, 'quiet-2', '1');
    expect([(await closing.trade(one.id)).exitReason, (await closing.trade(two.id)).exitReason]).toEqual(['supervisor', 'unknown']);
  });
});

describe('a try that did not close it', () => {
  it.each([['not_sent', 'queued'], ['rejected', 'queued']])('because it was %s is the same command again, after its wait, and never a second one', async (outcome, status) => {
    const { id } = await openTrade(agent);
    await closing.want({ tradeId: id });
    for (let n = 0; n < 3; n++) {
      await closing.work();
      await waited(id);
      await fail(await leaseOne(agent), outcome);
      await closing.work();
      expect([await statuses(id), await waits(id)]).toEqual([[status], true]);
      expect(await leaseOne(agent)).toBeUndefined();
    }
    expect((await closing.list(`tradeId=${id}`))[0]).toMatchObject({ endedAs: null, tries: 1 });
    if (outcome === 'rejected') expect(await incidents('CLOSE_REJECTED')).toHaveLength(1);
  });

  it('because the market is closed waits for it', async () => {
    const { id } = await openTrade(agent);
    await closing.want({ tradeId: id });
    await closing.work();
    await fail(await leaseOne(agent), 'rejected', 'MARKET_CLOSED');
    await closing.work();
    expect(await statuses(id)).toEqual(['waiting_for_market']);
  });

  it('because its lease lapsed comes back', async () => {
    const { id } = await openTrade(agent);
    await closing.want({ tradeId: id });
    await closing.work();
    const first = await leaseOne(agent);
    await t.db.query(`update agent_commands set lease_expires_at = app_clock() where id = $1`, [first?.id]);
    await closing.work();
    expect((await leaseOne(agent))?.id).toBe(first?.id);
    expect(await statuses(id)).toEqual(['leased']);
  });

  it('of unknown outcome lets no other try be made until it is settled, and a person is told', async () => {
    const { id } = await openTrade(agent);
    await closing.want({ tradeId: id });
    await closing.work();
    const first = await leaseOne(agent);
    await fail(first, 'unknown');
    await closing.work();
    expect(await statuses(id)).toEqual(['unknown']);
    expect(await incidents('CLOSURE_NOT_UNDER_CONTROL')).toMatchObject([{ severity: 'critical', data: { count: 1, positions: [{ tradeId: id, why: 'OUTCOME_UNKNOWN', symbol: 'EURUSD', size: '1' }] } }]);
    await t.http('POST', `/commands/${first?.id}/settle`, { body: { outcome: 'rejected', reason: 'asked the broker' } });
    await closing.work();
    expect(await statuses(id)).toEqual(['failed', 'queued']);
    expect(await incidents('CLOSURE_NOT_UNDER_CONTROL')).toEqual([]);
  });

  it('though it was told done is no end: the next complete report 10 s later that shows the trade still makes another', async () => {
    const { id } = await openTrade(agent);
    await closing.want({ tradeId: id });
    await closing.work();
    await complete(await leaseOne(agent));
    await closing.work();
    expect(await statuses(id)).toEqual(['succeeded']);
    await reported(9.5);
    await closing.work();
    expect(await statuses(id)).toEqual(['succeeded']);
    await reported(10);
    await closing.work();
    expect(await statuses(id)).toEqual(['succeeded', 'queued']);
    expect((await closing.list(`tradeId=${id}`))[0]).toMatchObject({ tries: 2, endedAs: null });
  });

  it('told done and never seen flat has the agent asked for its positions, and a person told after a minute', async () => {
    const { id } = await openTrade(agent);
    await closing.want({ tradeId: id });
    await closing.work();
    await complete(await leaseOne(agent));
    const ago = (seconds: number) => t.db.query(`update agent_commands set finished_at = app_clock() - make_interval(secs => $2) where trade_id = $1 and status = 'succeeded'`, [id, seconds]);
    await t.db.query(`update closures set created_at = created_at - interval '10 minutes' where trade_id = $1`, [id]);
    // Half of the minute, since the other half may pass on these lines.
    await ago(30);
    await closing.work();
    expect(await incidents('CLOSURE_NOT_UNDER_CONTROL')).toEqual([]);
    await ago(61);
    await closing.work();
    expect(await incidents('CLOSURE_NOT_UNDER_CONTROL')).toMatchObject([{ data: { positions: [{ tradeId: id, why: 'NOT_SEEN_FLAT' }] } }]);
    expect(await leaseOne(agent)).toMatchObject({ type: 'reconcile', payload: { reason: 'CLOSE_NOT_SEEN' } });
    expect(await statuses(id)).toEqual(['succeeded']);
  });

  it('ends it when the broker shows nothing any more: two complete reports without the position', async () => {
    const { id } = await openTrade(agent, { brokerPositionId: 'p-1' });
    await closing.want({ tradeId: id, exitReason: 'flatten' });
    await closing.work();
    await complete(await leaseOne(agent));
    for (const seconds of [1, 12]) await agent.http('POST', '/agents/me/positions', { body: reportOf({ asOf: new Date(Date.now() + seconds * 1_000).toISOString() }) });
    await closing.work();
    expect(await closing.trade(id)).toMatchObject({ status: 'closed', exitReason: 'flatten' });
    expect((await closing.list(`tradeId=${id}`))[0]).toMatchObject({ endedAs: 'flat', tries: 1 });
  });

  it('that closed a part leaves the rest wanted', async () => {
    const { id } = await openTrade(agent);
    await closing.want({ tradeId: id });
    await closing.work();
    const command = await leaseOne(agent);
    await exit(id, `part-${id}`, '0.4');
    await complete(command);
    await reported(11);
    await closing.work();
    expect(await closing.commands(id)).toMatchObject([{ status: 'succeeded' }, { status: 'queued', payload: { tradeId: id } }]);
    expect(await closing.trade(id)).toMatchObject({ openSize: '0.6' });
  });

  it('of a part takes no more than is left of it, and ends when that is closed', async () => {
    const { id } = await openTrade(agent);
    await closing.want({ tradeId: id, cause: 'supervisor', rule: 'target_1', size: '0.5', exitReason: 'supervisor' });
    await closing.work();
    expect(await closing.commands(id)).toMatchObject([{ payload: { size: '0.5' } }]);
    await fail(await leaseOne(agent), 'rejected');
    await exit(id, `some-${id}`, '0.3');
    await closing.work();
    expect(await closing.commands(id)).toMatchObject([{ status: 'queued', payload: { size: '0.2' } }]);
    await exit(id, `rest-${id}`, '0.2');
    await closing.work();
    expect(await statuses(id)).toEqual(['cancelled']);
    expect((await closing.list(`tradeId=${id}`))[0]).toMatchObject({ endedAs: 'reduced', openSize: '0.5' });
  });

  it("of a person's takes no more than is left when it is handed out, and none of what has ended", async () => {
    const { id } = await openTrade(agent);
    const ask = (size: string) => t.http<Command>('POST', `/agents/${agent.id}/commands`, { body: { type: 'close_trade', payload: { tradeId: id, size } } });
    const first = (await ask('0.7')).body.id;
    const second = (await ask('0.3')).body.id;
    await exit(id, `stop-${id}`, '0.5');
    // Both as they were asked for would sell 1.0 of 0.5: on a netting account that is a position the other way.
    const leased = await leaseOne(agent);
    expect(leased).toMatchObject({ id: first, payload: { tradeId: id, size: '0.5' } });
    expect(await leaseOne(agent)).toBeUndefined();
    await fail(leased, 'rejected');
    await exit(id, `more-${id}`, '0.1');
    await waited(id);
    const again = await leaseOne(agent);
    expect(again).toMatchObject({ id: first, payload: { size: '0.4' } });
    // Its fill is told before its end: what another would close waits for that, and then is what is left.
    await exit(id, `part-${id}`, '0.2');
    expect(await leaseOne(agent)).toBeUndefined();
    await complete(again);
    const rest = await leaseOne(agent);
    expect(rest).toMatchObject({ id: second, payload: { size: '0.2' } });
    await fail(rest, 'rejected');
    await exit(id, `end-${id}`, '0.2', { exitReason: 'stop' });
    await waited(id);
    expect(await leaseOne(agent)).toBeUndefined();
    await closing.work();
    expect(await statuses(id)).toEqual(['succeeded', 'cancelled']);
  });

  it('of all of a trade that has ended meanwhile is not handed out, in a lease or a sync, and ends', async () => {
    const { id } = await openTrade(agent);
    const { body: { id: command } } = await t.http<Command>('POST', `/agents/${agent.id}/commands`, { body: { type: 'close_trade', payload: { tradeId: id } } });
    await exit(id, `stop-${id}`, '1', { exitReason: 'stop' });
    expect(await leaseOne(agent)).toBeUndefined();
    expect((await agent.http('POST', '/agents/me/sync', { body: { syncSeq: 1, lease: { max: 5 } } })).body).toMatchObject({ commands: [] });
    await closing.work();
    expect((await t.http('GET', `/commands/${command}`)).body).toMatchObject({ status: 'cancelled', reason: 'the trade is closed already' });
  });

  it('of a part is taken over by who wants all of it', async () => {
    const { id } = await openTrade(agent);
    await closing.want({ tradeId: id, cause: 'supervisor', rule: 'target_1', size: '0.5', exitReason: 'supervisor' });
    await closing.work();
    expect(await closing.want({ tradeId: id, cause: 'halt', haltId: id })).toMatchObject({ size: null, cause: 'halt', rule: null });
    const command = await leaseOne(agent);
    await exit(id, `half-${id}`, '0.5');
    await complete(command);
    await reported(11);
    await closing.work();
    expect(await closing.commands(id)).toMatchObject([{ status: 'succeeded', payload: { size: '0.5' } }, { status: 'queued', payload: { tradeId: id } }]);
  });
});

describe('what else closes', () => {
  it("a person's own close, or an order to flatten, is waited for", async () => {
    const [one, two] = [await openTrade(agent), await openTrade(agent)];
    const own = await t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'close_trade', payload: { tradeId: one.id } } });
    await closing.want({ tradeId: one.id });
    await closing.work();
    expect((await closing.commands(one.id)).map(({ id }) => id)).toEqual([own.body.id]);
    const flatten = await t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'flatten' } });
    await closing.want({ tradeId: two.id });
    await closing.work();
    expect(await statuses(two.id)).toEqual([]);
    await t.http('POST', `/commands/${flatten.body.id}/cancel`, { body: { reason: 'no' } });
    await closing.work();
    expect(await statuses(two.id)).toEqual(['queued']);
  });

  it('a binary contract that has closed waits for its settlement: what waits is taken back, and nothing is sent', async () => {
    const made = await agent.http('POST', '/instruments', {
      body: { symbol: `KX${agent.name.slice(-6)}`, kind: 'binary', sizeUnit: 'contract', contractSize: '1', tickSize: '0.01', tickValue: '0.01', minSize: '1', sizeStep: '1', quoteCurrency: 'USD', closesAt: new Date(Date.now() + 3_600_000).toISOString() },
    });
    expect(made.status).toBe(201);
    const { id } = await openTrade(agent, { symbol: `KX${agent.name.slice(-6)}`, outcome: 'yes', entryPrice: '0.5' });
    await closing.want({ tradeId: id });
    await closing.work();
    expect(await statuses(id)).toEqual(['queued']);
    await t.db.query(`update instruments set closes_at = app_clock() where account_id = $1`, [agent.accountId]);
    await closing.work();
    await closing.work();
    expect(await statuses(id)).toEqual(['cancelled']);
    expect(await closing.trade(id)).toMatchObject({ status: 'open' });
  });
});

describe('a closure whose agent is offline', () => {
  it('tells what is not under control, until the agent is back or all is flat', async () => {
    const { id } = await openTrade(agent, { brokerPositionId: 'p-9', stopLoss: '1.05', broker: 'Acme' });
    await closing.want({ tradeId: id });
    await closing.work();
    expect(await incidents('CLOSURE_NOT_UNDER_CONTROL')).toEqual([]);
    await t.db.query(`update agent_state set last_seen_at = app_clock() - interval '90 seconds' where agent_id = $1`, [agent.id]);
    await closing.work();
    await closing.work(other);
    const [found, ...more] = await incidents('CLOSURE_NOT_UNDER_CONTROL');
    expect(more).toEqual([]);
    expect(found?.data.positions).toEqual([{ tradeId: id, why: 'AGENT_OFFLINE', account: expect.any(String), broker: 'Acme', login: null, brokerPositionId: 'p-9', symbol: 'EURUSD', direction: 'long', size: '1', stopLoss: '1.05' }]);
    await agent.http('POST', '/agents/me/heartbeat', { body: { status: 'running' } });
    await closing.work();
    expect(await incidents('CLOSURE_NOT_UNDER_CONTROL')).toEqual([]);
  });
});

describe('a person', () => {
  it('takes a closure back with a reason; the command that waits ends, and no other is made', async () => {
    const { id } = await openTrade(agent);
    const made = await closing.want({ tradeId: id });
    await closing.work();
    expect((await t.http('POST', `/closures/${made?.id}/withdraw`, { body: {} })).status).toBe(400);
    const operator = await t.person('operator');
    expect(await t.http('POST', `/closures/${made?.id}/withdraw`, { body: { reason: 'I hold it' }, token: operator })).toMatchObject({ status: 200, body: { endedAs: 'withdrawn', endReason: 'I hold it', commandStatus: 'cancelled' } });
    expect(await t.http('POST', `/closures/${made?.id}/withdraw`, { body: { reason: 'again' } })).toMatchObject({ status: 409, body: { code: 'CLOSURE_ENDED' } });
    await closing.work();
    expect(await statuses(id)).toEqual(['cancelled']);
    // Wanted anew it is a closure of its own.
    expect(await closing.want({ tradeId: id })).not.toBeNull();
  });

  it('pages through closures by account and agent; a key sees its own', async () => {
    const trades = await Promise.all(Array.from({ length: 3 }, () => openTrade(agent)));
    for (const { id } of trades) await closing.want({ tradeId: id });
    const page = await agent.http<{ items: { tradeId: string }[]; nextCursor: string }>('GET', `/closures?accountId=${agent.accountId}&limit=2`);
    const rest = await agent.http<{ items: { tradeId: string }[] }>('GET', `/closures?accountId=${agent.accountId}&limit=2&cursor=${page.body.nextCursor}`);
    expect([...page.body.items, ...rest.body.items].map(({ tradeId }) => tradeId)).toEqual(trades.map(({ id }) => id).reverse());
    const stranger = await t.agent();
    expect((await stranger.http<{ items: object[] }>('GET', '/closures')).body.items).toEqual([]);
    expect((await stranger.http('GET', `/closures/${(await closing.list(`agentId=${agent.id}`))[0]?.id}`)).status).toBe(403);
  });
});
