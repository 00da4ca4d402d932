import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Arrival } from '../../src/restore/arrival.service.js';
import { numbersAhead, numbersOf } from '../../src/restore/numbers-ahead.js';
import { ADMIN, startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { Closing, openTrade } from '../support/closures.js';
import { beat, enqueue, type Halt, lease, release, releaseAll } from '../support/halts.js';
import { type Idea, limitAll, propose, trader } from '../support/ideas.js';
import { until } from '../support/timing.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
  await limitAll(t);
});
afterAll(() => t.close());

const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();
const BACKUP = 'tradewarden-20260101T000000Z-0a1b2c3d';
/** People sign in anew after it, but for the administrator of these tests. */
async function arrive(more: { id?: string; backupAt?: string } = {}) {
  const arrived = await t.app.get(Arrival).arrive({ id: randomUUID(), backup: BACKUP, backupAt: ago(60), drill: false, ...more });
  await t.db.query(`update refresh_tokens set revoked_at = null where user_id = (select id from users where email = $1)`, [ADMIN.email]);
  return arrived;
}
const one = async <T>(text: string, values: unknown[] = []) => (await t.db.query<Record<string, T>>(text, values))[0] as T;
const command = (id: string) => one<unknown>(`select status, reason, attempt, lease_token from agent_commands where id = $1`, [id]) as Promise<{ status: string; attempt: number; lease_token: string | null }>;

/** As it stood in the queue when the backup was made. */
async function queued(agent: TestAgent, type: string, more: { class?: string; once?: boolean; payload?: object; tradeId?: string; expires?: number } = {}): Promise<string> {
  const { class: kind = 'neutral', once = false, payload = {}, tradeId = null, expires = null } = more;
  const [row] = await t.db.query<{ id: string }>(
    `insert into agent_commands (id, agent_id, type, class, once, payload, priority, trade_id, expires_at, actor) values (gen_random_uuid(), $1, $2, $3, $4, $5, 2, $6, app_clock() + make_interval(secs => $7), 'system') returning id`,
    [agent.id, type, kind, once, JSON.stringify(payload), tradeId, expires]);
  return row?.id ?? '';
}

async function leased(id: string): Promise<string> {
  const token = randomUUID();
  await t.db.query(`update agent_commands set status = 'leased', lease_token = $2, lease_expires_at = app_clock() + interval '1 hour', attempt = attempt + 1 where id = $1`, [id, token]);
  await t.db.query(`insert into command_attempts (command_id, attempt, lease_token) select id, attempt, lease_token from agent_commands where id = $1`, [id]);
  return token;
}

const opening = { class: 'opens', once: true, payload: { symbol: 'EURUSD', direction: 'long', lotSize: '1', orderTag: 'ABCDEFGH12345678' }, expires: 600 };

describe('a system that comes out of a backup', () => {
  it('is halted until a person releases it, and trades on after that', async () => {
    const agent = await trader(t);
    const arrived = await arrive();
    expect(arrived).toMatchObject({ backup: BACKUP, effective: true });
    expect((await t.http<Halt>('GET', `/kill-switch/${arrived.halt_id}`)).body).toMatchObject({ source: 'restore', scope: { type: 'global' }, mode: 'halt', inForce: true, reason: expect.stringContaining(BACKUP) });
    expect((await propose(agent)).body).toMatchObject({ status: 'halted_by_risk' });
    expect((await enqueue(t, agent, 'custom')).status).toBe(409);
    expect((await release(t, arrived.halt_id)).body).toMatchObject({ released: true });
    const again = await trader(t);
    expect((await propose(again)).body).toMatchObject({ status: 'auto_executed' });
  });

  it('is told of in the history of decisions, as an event and in the audit trail', async () => {
    const { id, halt_id: haltId } = await arrive();
    expect(await t.db.query(`select type from decision_history where halt_id = $1`, [haltId])).toEqual([{ type: 'ai_halted' }]);
    expect(await t.db.query(`select data ->> 'haltId' as halt from events where type = 'restore.finished' and subject_id = $1`, [id])).toEqual([{ halt: haltId }]);
    expect((await t.http<{ items: { kind: string }[] }>('GET', '/auth/audit?limit=20')).body.items).toContainEqual(expect.objectContaining({ kind: 'restored', actor: 'system' }));
    await releaseAll(t);
  });

  it('arrives once, however often the same run says so', async () => {
    const id = randomUUID();
    const first = await arrive({ id });
    const before = await one(`select count(*)::int as n from events`);
    expect(await arrive({ id })).toEqual(first);
    expect(await one(`select count(*)::int as n from events`)).toEqual(before);
    const halts = await one(`select count(*)::int as n from halts where source = 'restore' and released_at is null`);
    expect(halts).toEqual({ n: 1 });
    await releaseAll(t);
  });

  it('is refused by the database as a halt of a part, or one that a clock ends', async () => {
    const insert = (columns: string, values: string) => t.db.query(`insert into halts (reason, imposed_by, source, mode, ${columns}) values ('x', 'system', 'restore', 'halt', ${values})`);
    await expect(insert('scope_type, expires_at', `'global', app_clock()`)).rejects.toThrow(/halts_restore/);
    await expect(insert('scope_type, scope_id', `'symbol', 'EURUSD'`)).rejects.toThrow(/halts_restore/);
  });
});

describe('commands of the past', () => {
  it.each<[string, Parameters<typeof queued>[1], Parameters<typeof queued>[2], string, string]>([
    ['an opening may have been carried out since', 'open_trade', opening, 'unknown', 'unknown'],
    ['a start is wanted no more', 'start', { class: 'opens' }, 'expired', 'expired'],
    ['nor code of its own', 'custom', { class: 'opens' }, 'expired', 'expired'],
    ['a stop stays wanted', 'stop', { class: 'reduces' }, 'queued', 'queued'],
    ['as does a kill', 'kill', { class: 'reduces' }, 'queued', 'queued'],
    ['a stop that moves closer', 'modify_trade', { class: 'reduces' }, 'queued', 'queued'],
    ['an order that is to be cancelled', 'cancel_order', { class: 'reduces', payload: { brokerOrderId: '7' } }, 'queued', 'queued'],
    ['settings that are more careful', 'update_config', { payload: { config: { lot: 1 } } }, 'queued', 'queued'],
  ])('%s', async (_what, type, more, whenQueued, whenLeased) => {
    const agent = await t.agent();
    const [waiting, taken] = [await queued(agent, type, more), await queued(agent, type, more)];
    const token = await leased(taken);
    await arrive();
    expect([await command(waiting), await command(taken)]).toMatchObject([{ status: whenQueued, lease_token: null }, { status: whenLeased, lease_token: null }]);
    const late = await agent.http<{ code: string }>('POST', `/commands/${taken}/complete`, { body: { leaseToken: token, result: {} } });
    expect([late.status, late.body.code]).toEqual([409, 'COMMAND_LEASE_LOST']);
    expect((await agent.http('POST', `/commands/${taken}/extend`, { body: { leaseToken: token, leaseSeconds: 60 } })).status).toBe(409);
    await releaseAll(t);
  });

  it('an opening whose time was over when the backup was made reached nobody', async () => {
    const agent = await t.agent();
    const id = await queued(agent, 'open_trade', { ...opening, expires: -120 });
    await arrive();
    expect(await command(id)).toMatchObject({ status: 'expired' });
    expect(await t.db.query(`select 1 from incidents where subject_id = $1`, [id])).toEqual([]);
    await releaseAll(t);
  });

  it('an opening of which nobody knows is an incident, and is never handed out again', async () => {
    const agent = await t.agent();
    const id = await queued(agent, 'open_trade', opening);
    const { halt_id: haltId } = await arrive();
    expect(await t.db.query(`select kind, severity from incidents where subject_id = $1`, [id])).toEqual([{ kind: 'COMMAND_UNKNOWN', severity: 'critical' }]);
    expect((await lease(agent)).body.commands.map(({ type }) => type)).toEqual(['reconcile']);
    await release(t, haltId);
    expect((await lease(agent)).body.commands.map(({ type }) => type)).not.toContain('open_trade');
  });

  it('an opening is settled by what the broker shows, as done or as never sent', async () => {
    const agent = await t.agent();
    const done = await queued(agent, 'open_trade', opening);
    const never = await queued(agent, 'open_trade', { ...opening, payload: { ...opening.payload, orderTag: 'NEVERSENT1234567' } });
    await arrive();
    await t.db.query(`update command_attempts set ended_at = ended_at - interval '1 minute' where command_id = any($1::uuid[])`, [[done, never]]);
    const [asked] = (await lease(agent)).body.commands;
    expect(asked?.payload).toMatchObject({ reason: 'RESTORED', since: expect.any(String) });
    // A deal of a week before the backup is still told and taken: it may have been told after the backup, and then nobody tells it again by himself.
    expect(Date.parse((asked?.payload as { since: string }).since)).toBeLessThanOrEqual(Date.now() - 7 * 86_400_000);
    const shown = { brokerPositionId: 'p', symbol: 'EURUSD', direction: 'long', size: '1', entryPrice: '1.1', orderTag: 'ABCDEFGH12345678' };
    const told = await agent.http('POST', `/commands/${asked?.id}/complete`, { body: { leaseToken: asked?.leaseToken, result: { asOf: ago(0), positions: [shown], orders: [], deals: [] } } });
    expect(told.status).toBe(200);
    expect([await command(done), await command(never)]).toMatchObject([{ status: 'succeeded' }, { status: 'failed' }]);
    await releaseAll(t);
  });
});

describe('trades with real money that had not ended', () => {
  /** Ungated: that halts their agent, which is none of this test's. */
  async function live(): Promise<{ agent: TestAgent; trade: string }> {
    const name = `live ${randomUUID()}`;
    await t.http('POST', '/accounts', { body: { name, kind: 'live', broker: 'B', server: 'S', currency: 'USD', marginMode: 'netting' } });
    const made = await t.agent({ account: name, mode: 'live' });
    const http = ((method: string, path: string, options: { headers?: object } = {}) => made.http(method, path, { ...options, headers: { 'x-instance-id': 'copy-1', ...options.headers } })) as TestAgent['http'];
    const agent = { ...made, http };
    const { id: trade } = await openTrade(agent, { brokerPositionId: 'p' });
    await releaseAll(t);
    return { agent, trade };
  }
  const status = async (id: string) => (await t.http<{ status: string }>('GET', `/trades/${id}`)).body.status;
  const position = { brokerPositionId: 'p', symbol: 'EURUSD', direction: 'long', size: '1', entryPrice: '1.1' };
  const answer = async (agent: TestAgent, positions: unknown[], deals: unknown[] = []) => {
    const asked = (await lease(agent)).body.commands.find(({ type }) => type === 'reconcile');
    return agent.http('POST', `/commands/${asked?.id}/complete`, { body: { leaseToken: asked?.leaseToken, result: { asOf: ago(0), positions, orders: [], deals } } });
  };

  it('are unknown since the backup, and open again when their broker shows them', async () => {
    const { agent, trade } = await live();
    const paper = await openTrade(await t.agent());
    await arrive({ backupAt: ago(90) });
    expect([await status(trade), await status(paper.id)]).toEqual(['unknown', 'open']);
    expect((await answer(agent, [position])).status).toBe(200);
    expect(await status(trade)).toBe('open');
    await releaseAll(t);
  });

  it('have ended as a deal after the backup says', async () => {
    const { agent, trade } = await live();
    await arrive({ backupAt: ago(90) });
    await answer(agent, [], [{ brokerDealId: randomUUID(), role: 'exit', symbol: 'EURUSD', direction: 'long', brokerPositionId: 'p', price: '1.2', size: '1', at: ago(30), profit: '10', exitReason: 'stop' }]);
    expect(await status(trade)).toBe('closed');
    await releaseAll(t);
  });

  it('are closed by nobody before they were seen, and are when that was asked for', async () => {
    const { agent, trade } = await live();
    const asked = await t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'close_trade', payload: { tradeId: trade } } });
    await leased(asked.body.id);
    const closing = new Closing(t);
    await arrive({ backupAt: ago(90) });
    await t.db.query(`update command_attempts set ended_at = ended_at - interval '1 minute' where command_id = $1`, [asked.body.id]);
    await closing.work();
    expect((await closing.commands(trade)).map((each) => each.status)).toEqual(['unknown']);
    await answer(agent, [position]);
    await closing.work();
    expect((await closing.commands(trade)).map((each) => each.status)).toEqual(['queued']);
    await releaseAll(t);
  });

  it('that a rule wants closed wait for the first report too: a second close of a netting account would open the opposite', async () => {
    const { agent, trade } = await live();
    const closing = new Closing(t);
    await arrive({ backupAt: ago(90) });
    await closing.want({ tradeId: trade, cause: 'wind_down', exitReason: 'flatten' });
    await closing.work();
    expect(await closing.commands(trade)).toEqual([]);
    await answer(agent, [], [{ brokerDealId: randomUUID(), role: 'exit', symbol: 'EURUSD', direction: 'long', brokerPositionId: 'p', price: '1.2', size: '1', at: ago(30), profit: '10', exitReason: 'stop' }]);
    await closing.work();
    expect([await closing.commands(trade), await closing.list(`tradeId=${trade}`)]).toMatchObject([[], [{ endedAs: 'flat' }]]);
    await releaseAll(t);
  });
});

describe('who was known before', () => {
  it('agents begin anew: their lease, their numbers of syncs and what they had observed are gone', async () => {
    const agent = await t.agent();
    const sync = (syncSeq: number, instance: string, more: object = {}) =>
      agent.http<{ replayed: boolean; commands: { type: string }[]; code: string; desiredState: { state: string } }>('POST', '/agents/me/sync', { body: { syncSeq, state: { status: 'running' }, ...more }, headers: { 'x-instance-id': instance } });
    await queued(agent, 'open_trade', opening);
    expect((await sync(80, 'copy-1', { lease: { max: 10, leaseSeconds: 60 } })).body.commands).toHaveLength(1);
    await arrive();
    const again = await sync(80, 'copy-1', { lease: { max: 10, leaseSeconds: 60 } });
    expect([again.status, again.body.replayed, again.body.commands.map(({ type }) => type), again.body.desiredState.state]).toEqual([200, false, ['reconcile'], 'halted']);
    await arrive();
    expect((await sync(3, 'copy-2')).status).toBe(200);
    expect((await t.http<{ agents: { notYet: { id: string }[] } }>('GET', `/kill-switch/${(await arrive()).halt_id}`)).body.agents.notYet.map(({ id }) => id)).toContain(agent.id);
    await releaseAll(t);
  });

  it('a version of the desired state that was seen after the backup is below those that are told now', async () => {
    const agent = await t.agent();
    const before = (await beat(agent)).body.desiredState.version;
    await arrive();
    expect((await beat(agent)).body.desiredState.version).toBeGreaterThan(before + 1_000);
    await releaseAll(t);
  });

  it('people sign in anew', async () => {
    const token = await t.person('operator');
    expect((await t.http('GET', '/auth/me', { token })).status).toBe(200);
    await arrive();
    await until(async () => (await t.http('GET', '/auth/me', { token })).status === 401, 10_000);
    await releaseAll(t);
  });
});

describe('what waited', () => {
  it('ideas that wait for a person or a price have expired', async () => {
    await limitAll(t, { requireApproval: true });
    const agent = await trader(t);
    const { body } = await propose(agent);
    expect(body.status).toBe('needs_approval');
    await arrive();
    expect((await t.http<Idea>('GET', `/trade-ideas/${body.id}`)).body).toMatchObject({ status: 'expired', endedReason: expect.stringContaining('restored') });
    expect((await t.http<{ code: string }>('POST', `/trade-ideas/${body.id}/approve`, { body: { digest: body.digest } })).body.code).toBe('IDEA_NOT_PENDING');
    await limitAll(t);
    await releaseAll(t);
  });

  it('an answer that handed an opening out is not told again under its key', async () => {
    const agent = await trader(t);
    const key = { 'idempotency-key': randomUUID() };
    const first = (await propose(agent, {}, '?lease=1', key)).body;
    expect(first.command?.leaseToken).toBeDefined();
    await arrive();
    const again = (await propose(agent, {}, '?lease=1', key)).body;
    expect([again.status, again.command ?? null]).toEqual(['halted_by_risk', null]);
    await releaseAll(t);
  });

  it('messages are not sent again, and schedules are due at once', async () => {
    await t.db.query(`insert into notification_channels (channel) values ('webhook') on conflict do nothing`);
    await t.db.query(`insert into notification_messages (channel, content) values ('webhook', '{}')`);
    await t.db.query(`insert into schedules (name, next_run_at, lease_until, token) values ('of.the.past', app_clock() + interval '1 day', app_clock() + interval '1 hour', gen_random_uuid())`);
    await arrive();
    expect(await t.db.query(`select status from notification_messages`)).toEqual([{ status: 'dropped' }]);
    expect(await one(`select next_run_at <= app_clock() and lease_until is null and token is null as due from schedules where name = 'of.the.past'`)).toEqual({ due: true });
    await releaseAll(t);
  });
});

describe('numbers that were drawn after the backup', () => {
  it('are not drawn again, as far as the database that is replaced can say, and a margin where it cannot', async () => {
    const before = await numbersOf(t.db.url);
    await numbersAhead(t.db.ownerUrl, new Map([['trades_seq_seq', 90_000_000]]));
    const after = await numbersOf(t.db.url);
    expect(after.get('events_seq')).toBe((before.get('events_seq') ?? 0) + 10_000_000);
    expect(after.get('trades_seq_seq')).toBe(90_100_000);
    for (const [name, value] of before) if (!/^(migrations|import_tables)_id_seq$/.test(name)) expect([name, (after.get(name) ?? 0) - value >= 1_000_000]).toEqual([name, true]);
    const agent = await t.agent();
    await openTrade(agent);
    expect((await arrive()).effective).toBe(true);
  });
});
