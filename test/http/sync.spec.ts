import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';

interface Outcome { element: string; status: string; code?: string; detail?: string }
interface Sync {
  syncSeq: number; replayed: boolean; commands: { id: string; type: string; leaseToken: string; payload: Record<string, unknown> }[]; oversized: string[];
  acks: (Outcome & { commandId: string | null })[]; results: (Outcome & { clientRef: string | null; id?: string; version?: number })[];
  desiredState: { run: string; version: number }; tradingLeaseSeconds: number; nextPollAfterMs: number; serverTime: string; code: string; detail: string;
}

let t: TestApp;
let second: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const sync = (body: Record<string, unknown>, headers: Record<string, string> = { 'x-instance-id': 'one' }) => agent.http<Sync>('POST', '/agents/me/sync', { body, headers });
const queue = async (body: Record<string, unknown> = { type: 'reconcile' }) => (await t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body })).body.id;
const statusOf = async (id: string) => (await t.http<{ status: string }>('GET', `/commands/${id}`)).body.status;
const trade = (clientOrderId: string, more: Record<string, unknown> = {}) => ({
  clientRef: `ref-${clientOrderId}`, clientOrderId, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1', entryTime: new Date(Date.now() - 60_000).toISOString(), ...more,
});
const tradesOf = () => t.db.query<{ client_order_id: string; status: string }>('select client_order_id, status from trades where agent_id = $1 order by seq', [agent.id]);

describe('everything in one call', () => {
  it('reports, records, answers for commands and leases new ones', async () => {
    const first = await queue();
    const one = await sync({ syncSeq: 1, state: { status: 'running', equity: '1000' }, lease: {} });
    expect(one.status).toBe(200);
    expect(one.body).toMatchObject({ syncSeq: 1, replayed: false, tradingLeaseSeconds: 60, desiredState: { run: 'running' }, nextPollAfterMs: 1_000, commands: [{ id: first, type: 'reconcile' }] });
    expect(one.headers.get('x-desired-state')).toMatch(/^active;v=\d+;run=running$/);
    const next = await queue();
    const two = await sync({
      syncSeq: 2, trades: [trade('a')], acks: [{ commandId: first, leaseToken: one.body.commands[0]?.leaseToken, outcome: 'succeeded', result: { note: 'nothing to say' } }], lease: { max: 3 },
    });
    expect(two.body).toMatchObject({
      results: [{ element: 'trades[0]', clientRef: 'ref-a', status: 'ok', version: 1 }], acks: [{ element: 'acks[0]', commandId: first, status: 'ok' }], commands: [{ id: next }],
    });
    const three = await sync({
      syncSeq: 3, state: { status: 'running' },
      transitions: [{ clientRef: 'x', clientOrderId: 'a', to: 'closed', exitPrice: '1.2', exitReason: 'target', occurredAt: new Date().toISOString(), brokerDealId: 'd1', grossProfit: '10' }],
      acks: [{ commandId: next, leaseToken: two.body.commands[0]?.leaseToken, outcome: 'not_sent', error: { code: 'BROKER_BUSY' }, retryable: true }],
    });
    expect(three.body).toMatchObject({ results: [{ clientRef: 'x', status: 'ok', version: 2 }], acks: [{ status: 'ok' }], commands: [] });
    expect([await statusOf(first), await statusOf(next)]).toEqual(['succeeded', 'queued']);
    expect(await tradesOf()).toEqual([{ client_order_id: 'a', status: 'closed' }]);
    expect((await t.http<{ equity: string; liveness: string }>('GET', `/agents/${agent.id}/state`)).body).toMatchObject({ equity: '1000', liveness: 'online' });
  });

  it('answers an ack by its clientRef as every other element, taken or refused', async () => {
    const id = await queue();
    const [command] = (await sync({ syncSeq: 1, lease: {} })).body.commands;
    const done = { commandId: id, leaseToken: command?.leaseToken, outcome: 'succeeded' };
    const { acks } = (await sync({ syncSeq: 2, acks: [{ clientRef: 'a1', ...done }, { clientRef: 'a2', ...done, leaseToken: randomUUID() }, { clientRef: 'a3', ...done, more: 1 }] })).body;
    expect(acks).toEqual([
      { element: 'acks[0]', clientRef: 'a1', commandId: id, status: 'ok' },
      expect.objectContaining({ clientRef: 'a2', status: 'refused', code: 'COMMAND_LEASE_LOST' }),
      expect.objectContaining({ clientRef: 'a3', status: 'refused', detail: 'more: is not a field of this request' }),
    ]);
    expect(await statusOf(id)).toBe('succeeded');
  });

  it('answers a report of positions by its clientRef as every other element, taken or refused', async () => {
    const report = { clientRef: 'p', asOf: new Date().toISOString(), complete: true, positions: [] };
    expect((await sync({ syncSeq: 1, positions: report })).body.results).toMatchObject([{ element: 'positions', clientRef: 'p', status: 'ok', report: { applied: true } }]);
    expect((await sync({ syncSeq: 2, positions: { ...report, more: 1 } })).body.results)
      .toMatchObject([{ element: 'positions', clientRef: 'p', status: 'refused', detail: 'more: is not a field of this request' }]);
  });

  it('takes an empty one for a heartbeat', async () => {
    expect((await sync({ syncSeq: 1 })).body).toMatchObject({ commands: [], acks: [], results: [], nextPollAfterMs: 1_000 });
    expect((await t.http('GET', `/agents/${agent.id}/state`)).body).toMatchObject({ liveness: 'online', instanceId: 'one' });
  });

  it('takes null for what is not told: as a part of it, and within its state', async () => {
    const none = { trades: null, transitions: null, fills: null, marks: null, positions: null, quotes: null, ideas: null, acks: null, lease: null };
    expect(await sync({ syncSeq: 1, state: null, ...none })).toMatchObject({ status: 200, body: { commands: [], acks: [], results: [] } });
    expect((await sync({ syncSeq: 2, ...none, state: { status: 'running', equity: '1000', balance: null } })).body.results).toEqual([]);
    expect((await t.http('GET', `/agents/${agent.id}/state`)).body).toMatchObject({ status: 'running', equity: '1000' });
  });

  it('lets one bad element fail alone, each answered at its place', async () => {
    const { id: tradeId } = (await agent.http<{ id: string }>('POST', '/trades', { body: { ...trade('old'), clientRef: undefined } })).body;
    const answer = await sync({
      syncSeq: 1, state: { equity: 'NaN' },
      trades: [trade('a'), trade('b', { lotSize: '-1' }), 7, trade('c', { unknown: 1 }), trade('d', { clientRef: 'x'.repeat(33) }), trade('e')],
      transitions: [{ clientRef: 't1', tradeId, to: 'open', version: 9 }, { clientRef: 't2', clientOrderId: 'nobody', to: 'open', version: 1 }, { clientRef: 't3', to: 'open', version: 1 }],
      acks: [{ commandId: randomUUID(), leaseToken: randomUUID(), outcome: 'succeeded' }, { commandId: 'x', outcome: 'maybe' }],
    });
    expect(answer.status).toBe(200);
    expect(answer.body.results.map(({ element, clientRef, status, code }) => [element, clientRef, status, code])).toEqual([
      ['state', null, 'refused', 'VALIDATION_FAILED'], ['trades[0]', 'ref-a', 'ok', undefined], ['trades[1]', 'ref-b', 'refused', 'VALIDATION_FAILED'],
      ['trades[2]', null, 'refused', 'VALIDATION_FAILED'], ['trades[3]', 'ref-c', 'refused', 'VALIDATION_FAILED'], ['trades[4]', null, 'refused', 'VALIDATION_FAILED'],
      ['trades[5]', 'ref-e', 'ok', undefined], ['transitions[0]', 't1', 'refused', 'TRADE_VERSION_CONFLICT'], ['transitions[1]', 't2', 'refused', 'NOT_FOUND'],
      ['transitions[2]', 't3', 'refused', 'VALIDATION_FAILED'],
    ]);
    expect(answer.body.results[0]?.detail).toMatch(/^equity: must be a decimal number/);
    expect(answer.body.results[2]?.detail).toMatch(/^lotSize: must be above 0/);
    expect(answer.body.acks.map(({ status, code }) => [status, code])).toEqual([['refused', 'COMMAND_LEASE_LOST'], ['refused', 'VALIDATION_FAILED']]);
    expect((await tradesOf()).map((row) => row.client_order_id)).toEqual(['old', 'a', 'e']);
  });

  it('hears the agent, its acks and its other elements also when a number has too many digits, or a text a NUL', async () => {
    const id = await queue();
    const { leaseToken } = (await sync({ syncSeq: 1, lease: {} })).body.commands[0] ?? {};
    const trades = [JSON.stringify(trade('a')), JSON.stringify(trade('b')).replace('"0.1"', '0.10000000000000000001'), JSON.stringify(trade('c', { symbol: 'EUR\u0000' })), '1e400'];
    const acks = [`{"clientRef":"x","commandId":"${id}","leaseToken":"${leaseToken}","outcome":"succeeded"}`, `{"clientRef":"y","commandId":"${id}","result":{"n":[12345678901234567891]}}`];
    const raw = (state: string) => `{"syncSeq":2,"state":${state},"trades":[${trades.join()}],"positions":{"asOf":1e400},"acks":[${acks.join()}]}`;
    const send = (state: string) => agent.http<Sync>('POST', '/agents/me/sync', { raw: raw(state), headers: { 'x-instance-id': 'one', 'content-type': 'application/json' } });
    const { status, body } = await send('{"status":"running","equity":"1000"}');
    const tooLong = 'This number has more digits than JSON numbers keep: send it as a string.';
    const tooLarge = 'Whole numbers in JSON go to 9007199254740991: send less, or a string where one is taken.';
    expect([status, body.results, body.acks]).toMatchObject([200, [
      { element: 'trades[0]', clientRef: 'ref-a', status: 'ok' }, { element: 'trades[1]', clientRef: 'ref-b', status: 'refused', code: 'NUMBER_NOT_EXACT', detail: `lotSize: ${tooLong}` },
      { element: 'trades[2]', clientRef: 'ref-c', status: 'refused', code: 'TEXT_HAS_NUL' }, { element: 'trades[3]', clientRef: null, status: 'refused' },
      { element: 'positions', status: 'refused', code: 'NUMBER_NOT_EXACT', detail: `asOf: ${tooLong}` },
    ], [
      { clientRef: 'x', commandId: id, status: 'ok' }, { clientRef: 'y', commandId: id, status: 'refused', code: 'NUMBER_NOT_EXACT', detail: `result.n.0: ${tooLarge}` },
    ]]);
    expect((await t.http('GET', `/agents/${agent.id}/state`)).body).toMatchObject({ status: 'running', equity: '1000' });
    expect((await send('{"equity":1e400}')).body).toMatchObject({ replayed: true, results: body.results });
    const next = await agent.http<Sync>('POST', '/agents/me/sync', { raw: '{"syncSeq":3,"state":{"equity":1e400}}', headers: { 'x-instance-id': 'one', 'content-type': 'application/json' } });
    expect(next).toMatchObject({ status: 200, body: { results: [{ element: 'state', status: 'refused', code: 'NUMBER_NOT_EXACT', detail: `equity: ${tooLong}` }] } });
    expect(await tradesOf()).toHaveLength(1);
  });

  it('says of a syncSeq that is too large how large it may be, once, and not to send a text', async () => {
    const raw = (syncSeq: string) => agent.http<Sync & { errors: unknown[] }>('POST', '/agents/me/sync', { raw: `{"syncSeq":${syncSeq}}`, headers: { 'content-type': 'application/json' } });
    for (const syncSeq of ['9007199254740993', '12345678901234567890']) {
      expect(await raw(syncSeq)).toMatchObject({ status: 400, body: { code: 'NUMBER_NOT_EXACT', detail: expect.stringMatching(/^syncSeq: .*9007199254740991.*send less/) } });
    }
    expect((await raw('9007199254740992')).body.errors).toEqual([{ path: 'syncSeq', message: 'must be at most 9007199254740991' }]);
  });

  it('keeps a broken rule of the data to its element', async () => {
    const answer = await sync({ syncSeq: 1, trades: [trade('a', { predictionId: randomUUID() }), trade('b')] });
    expect(answer.body.results.map(({ status, code }) => [status, code])).toEqual([['refused', 'NOT_FOUND'], ['ok', undefined]]);
  });

  it('keeps an ack whose command id is no id to itself, also one that ends in half an emoji where it is cut', async () => {
    const acks = [{ commandId: `x${'😀'.repeat(18)}` }, { commandId: 'é"\\\n' }, { commandId: 7 }].map((ack) => ({ leaseToken: randomUUID(), outcome: 'succeeded', ...ack }));
    const answer = await sync({ syncSeq: 1, trades: [trade('a')], acks });
    expect([answer.status, answer.body.results[0]?.status]).toEqual([200, 'ok']);
    expect(answer.body.acks.map(({ status, code }) => [status, code])).toEqual(acks.map(() => ['refused', 'VALIDATION_FAILED']));
  });

  it('takes the next configuration over when it is acknowledged', async () => {
    await queue({ type: 'update_config', payload: { config: { maxLot: 1 } } });
    const { body } = await sync({ syncSeq: 1, lease: {} });
    await sync({ syncSeq: 2, acks: [{ commandId: body.commands[0]?.id, leaseToken: body.commands[0]?.leaseToken, outcome: 'succeeded' }] });
    expect((await t.http('GET', `/agents/${agent.id}`)).body).toMatchObject({ config: { maxLot: 1 } });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['without a number', {}, 'syncSeq'], ['with number 0', { syncSeq: 0 }, 'syncSeq'], ['with an unknown field', { syncSeq: 1, order: [] }, 'order'],
    ['with more elements than an answer holds', { syncSeq: 1, trades: Array.from({ length: 13 }, () => ({})), acks: Array.from({ length: 12 }, () => ({})) }, ''],
    ['with a lease of nothing', { syncSeq: 1, lease: { max: 0 } }, 'lease.max'], ['with a NUL where it is no part', { syncSeq: '\u0000' }, 'syncSeq'],
  ])('%s is refused as a whole, and does nothing', async (_what, body, path) => {
    const answer = await agent.http<{ errors: { path: string }[] }>('POST', '/agents/me/sync', { body });
    expect([answer.status, answer.body.errors[0]?.path]).toEqual([400, path]);
    expect((await t.http('GET', `/agents/${agent.id}/state`)).body).toMatchObject({ lastSeenAt: null });
  });

  it('needs no scope to say that the agent lives; what the key may not send is refused alone', async () => {
    const keyWith = async (scopes: string[]) => (await t.http<{ apiKey: string }>('POST', `/agents/${agent.id}/keys`, { body: { name: scopes.join(' ') || 'bare', scopes } })).body.apiKey;
    const [bare, records] = [await keyWith([]), await keyWith(['records'])];
    const ask = (token: string, body: object) => agent.http<Sync>('POST', '/agents/me/sync', { token, body });
    const id = await queue();
    const { commands: [leased] } = (await agent.http<Sync>('POST', '/agents/me/commands/lease', { body: {} })).body;
    const more = await queue();
    const body = {
      state: { equity: '12' }, trades: [trade('scoped')], transitions: [{ clientRef: 'b' }], fills: [{ clientRef: 'c' }], marks: [{ clientRef: 'd' }], positions: {}, quotes: [{ clientRef: 'e' }], ideas: [{ clientRef: 'f' }],
      acks: [{ clientRef: 'g', commandId: leased?.id, leaseToken: leased?.leaseToken, outcome: 'succeeded' }], lease: {},
    };
    const refused = (scope: string) => ({ status: 'refused', code: 'SCOPE_MISSING', detail: `This key lacks the scope ${scope}.` });
    const heard = await ask(bare, { syncSeq: 1, ...body });
    expect(heard).toMatchObject({ status: 200, body: { commands: [], acks: [{ clientRef: 'g', commandId: id, ...refused('commands') }] } });
    expect(heard.body.results).toEqual([
      ...(['trades[0] ref-scoped', 'transitions[0] b', 'fills[0] c', 'marks[0] d', 'positions', 'quotes[0] e'] as const).map((each) => each.split(' ')).map(([element, clientRef = null]) => ({ element, clientRef, ...refused('records') })),
      { element: 'ideas[0]', clientRef: 'f', ...refused('ideas') }, { element: 'lease', clientRef: null, ...refused('commands') },
    ]);
    expect((await t.http('GET', `/agents/${agent.id}/state`)).body).toMatchObject({ equity: '12' });
    expect((await t.http<{ items: object[] }>('GET', `/trades?agentId=${agent.id}`)).body.items).toEqual([]);
    // A key with more gets no answer of one with less, and the other way round, but under a number of its own.
    expect(await ask(records, { syncSeq: 1, ...body })).toMatchObject({ status: 422, body: { code: 'SYNC_SEQ_REUSED' } });
    const second = { syncSeq: 2, trades: [trade('scoped')], lease: {} };
    expect((await ask(records, second)).body).toMatchObject({ commands: [], results: [{ element: 'trades[0]', status: 'ok' }, { element: 'lease', code: 'SCOPE_MISSING' }] });
    expect((await agent.http<Sync>('POST', '/agents/me/sync', { body: { syncSeq: 3, acks: body.acks, lease: {} } })).body).toMatchObject({ acks: [{ status: 'ok' }], commands: [{ id: more }] });
    expect(await ask(records, { syncSeq: 3, acks: body.acks, lease: {} })).toMatchObject({ status: 422, body: { code: 'SYNC_SEQ_REUSED' } });
    expect((await t.http('POST', `/agents/${agent.id}/sync`, { body: { syncSeq: 1 } })).status).toBe(403);
  });
});

describe('a sync whose answer was lost', () => {
  it('is sent again with the same number, and gets the stored answer with fresh state', async () => {
    const id = await queue();
    const body = { syncSeq: 5, trades: [trade('a')], lease: {} };
    const first = (await sync(body)).body;
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'pause' } });
    const again = (await sync({ ...body, state: { equity: '7' } })).body;
    expect(again).toMatchObject({ replayed: true, commands: first.commands, results: first.results, acks: first.acks, desiredState: { run: 'paused' } });
    expect(again.commands.map((command) => command.id)).toEqual([id]);
    expect(await tradesOf()).toHaveLength(1);
    expect(await t.db.query('select 1 from command_attempts a join agent_commands c on c.id = a.command_id where c.agent_id = $1', [agent.id])).toHaveLength(1);
  });

  it('is done once, however many copies of it arrive together on two servers', async () => {
    for (let n = 0; n < 3; n++) await queue();
    const body = { syncSeq: 1, trades: [trade('a'), trade('b')], lease: { max: 2 } };
    const over = (n: number) => (n % 2 === 0 ? t : second).base;
    const answers = await Promise.all(Array.from({ length: 12 }, async (_, n) => {
      const response = await fetch(`${over(n)}/api/v1/agents/me/sync`, { method: 'POST', headers: { authorization: `Bearer ${agent.apiKey}`, 'content-type': 'application/json', 'x-instance-id': 'one' }, body: JSON.stringify(body) });
      return (await response.json()) as Sync;
    }));
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(answers.map(({ commands }) => JSON.stringify(commands.map(({ leaseToken }) => leaseToken)))).size).toBe(1);
    expect(await tradesOf()).toHaveLength(2);
  });

  it('is told when its number is old, or was used for something else', async () => {
    await sync({ syncSeq: 5, trades: [trade('a')] });
    expect(await sync({ syncSeq: 5, trades: [trade('b')] })).toMatchObject({ status: 422, body: { code: 'SYNC_SEQ_REUSED', lastSyncSeq: 5 } });
    expect(await sync({ syncSeq: 4, trades: [trade('b')] })).toMatchObject({ status: 409, body: { code: 'SYNC_SEQ_STALE', detail: expect.stringMatching(/number 5; .*Go on with 6/), lastSyncSeq: 5 } });
    expect(await tradesOf()).toHaveLength(1);
    expect((await sync({ syncSeq: 900 })).status).toBe(200);
  });

  it('counts anew in a new running copy, which waits until the first has stopped', async () => {
    await sync({ syncSeq: 9, trades: [trade('a')] });
    expect(await sync({ syncSeq: 1, trades: [trade('b')] }, { 'x-instance-id': 'two' })).toMatchObject({ status: 409, body: { code: 'AGENT_INSTANCE_CONFLICT' } });
    expect(await tradesOf()).toHaveLength(1);
    await sync({ syncSeq: 10, state: { status: 'stopped' } });
    expect((await sync({ syncSeq: 1, trades: [trade('b')] }, { 'x-instance-id': 'two' })).status).toBe(200);
  });
});

describe('what fits into one answer', () => {
  it('is 8 KiB of ASCII: commands that do not fit stay in the queue, untouched', async () => {
    const ids = [];
    for (let n = 0; n < 5; n++) ids.push(await queue({ type: 'custom', payload: { text: 'é€😀'.repeat(60), n } }));
    const first = await sync({ syncSeq: 1, lease: { max: 5 } });
    expect(first.text).toMatch(/^[\x20-\x7e]*$/);
    expect(first.text.length).toBeLessThanOrEqual(8_192);
    expect(first.body.commands.length).toBeGreaterThan(0);
    expect(first.body.commands.length).toBeLessThan(5);
    expect(first.body.nextPollAfterMs).toBe(0);
    const seen = first.body.commands.map(({ id }) => id);
    for (let seq = 2; seen.length < 5 && seq < 8; seq++) seen.push(...(await sync({ syncSeq: seq, lease: { max: 5 } })).body.commands.map(({ id }) => id));
    expect(seen).toEqual(ids);
    expect(first.body.commands[0]?.payload['text']).toBe('é€😀'.repeat(60));
    const attempts = await t.db.query<{ attempt: number }>('select attempt from agent_commands where agent_id = $1', [agent.id]);
    expect(attempts.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1]);
  });

  it('passes over a command that fits into no answer, names it, and hands out the next', async () => {
    const large = await queue({ type: 'custom', payload: { text: 'x'.repeat(7_000) } });
    const small = await queue();
    const { body } = await sync({ syncSeq: 1, lease: {} });
    expect(body).toMatchObject({ commands: [{ id: small }], oversized: [large], nextPollAfterMs: 1_000 });
    expect((await agent.http<Sync>('POST', '/agents/me/commands/lease', { headers: { 'x-instance-id': 'one' } })).body.commands).toMatchObject([{ id: large }]);
  });

  it('holds the longest refusals of as many elements as there may be', async () => {
    const worst = Array.from({ length: 24 }, (_, n) => ({ clientRef: '~'.repeat(32), clientOrderId: `nobody-${n}`, to: 'closed', exitReason: 'é"\\'.repeat(30), exitPrice: 1 }));
    await queue({ type: 'custom', payload: { text: 'x'.repeat(5_900) } });
    const { text, body } = await sync({ syncSeq: 1, transitions: worst, lease: {} });
    expect(body.results.filter(({ status }) => status === 'refused')).toHaveLength(24);
    expect(text.length).toBeLessThanOrEqual(8_192);
    expect(text).toMatch(/^[\x20-\x7e]*$/);
    expect(body).toMatchObject({ commands: [], nextPollAfterMs: 0 });
    expect((await sync({ syncSeq: 2, lease: {} })).body.commands).toHaveLength(1);
  });

  it.each(['é', '"', '\u0001', '😀'])('holds as many refused acks, whatever stands for their command ids: %j', async (character) => {
    const { text, body } = await sync({ syncSeq: 1, acks: Array.from({ length: 24 }, () => ({ commandId: character.repeat(40), leaseToken: randomUUID(), outcome: 'x'.repeat(100) })), lease: {} });
    expect(body.acks).toHaveLength(24);
    expect(text.length).toBeLessThanOrEqual(8_192);
  });
});
