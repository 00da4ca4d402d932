import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Client, clientOf } from '../support/http.js';

interface Trade {
  id: string; agentId: string; accountId: string; clientOrderId: string; status: string; version: number; executionMode: string; origin: string;
  lotSize: string; entryPrice: string | null; predictionId: string | null; repeated?: boolean; differs?: string[]; explanations?: { id: string; kind: string }[];
}
interface Page { items: Trade[]; nextCursor: string | null }
interface Refusal { code: string; errors?: { path: string; message: string }[] }

let t: TestApp;
let other: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  other = await t.second();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterEach(() => t.db.query(`update test_clock set shift = '0'`));
afterAll(async () => {
  await other.close();
  await t.close();
});

let orders = 0;
const ENTERED = '2026-01-05T10:00:00.000Z';
const order = (more: Record<string, unknown> = {}) => ({ clientOrderId: `o-${++orders}`, symbol: 'EURUSD', direction: 'long', lotSize: '0.10', ...more });
const entered = (more: Record<string, unknown> = {}) => order({ entryPrice: '1.1000', entryTime: ENTERED, ...more });
const post = async (body: Record<string, unknown>, by: TestAgent = agent): Promise<Trade> => {
  const made = await by.http<Trade>('POST', '/trades', { body });
  if (made.status !== 201) throw new Error(made.text);
  return made.body;
};
const list = async (query: string, http: Client = t.http): Promise<Page> => {
  const answer = await http<Page>('GET', `/trades?${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
};
const predict = async (by: TestAgent = agent): Promise<string> => {
  const body = { model: 'm', symbol: 'EURUSD', timestamp: ENTERED, direction: 'long', confidence: '0.8' };
  return (await by.http<{ id: string }>('POST', '/predictions', { body })).body.id;
};
const count = async (table: string) => Number((await t.db.query(`select count(*) from ${table}`))[0]?.['count']);

describe('a trade', () => {
  it('comes back as it was told, in the mode and account of its agent, and is not said to have passed a gate', async () => {
    const predictionId = await predict();
    const ideaId = '019a0000-0000-7000-8000-000000000001';
    const { body: command } = await t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'pause' } });
    const told = {
      clientOrderId: 'first', symbol: 'EURUSD', exchange: 'NSE', product: 'MIS', direction: 'short', outcome: 'yes', lotSize: 0.5, entryPrice: '1.10000',
      entryTime: ENTERED, stopLoss: '1.105', takeProfit: [{ price: '1.09', sizeFraction: '0.7' }, { price: '1.08', sizeFraction: '0.3' }],
      broker: 'mt5', brokerOrderId: 'o1', brokerPositionId: 'p1', brokerTicket: '18446744073709551615', predictionId, ideaId, commandId: command.id,
      sourceTime: '2020-01-01T00:00:00Z',
    };
    const made = await agent.http('POST', '/trades', { body: told });
    expect(made.status).toBe(201);
    const [account] = await t.db.query('select account_id from agents where id = $1', [agent.id]);
    expect(made.body).toEqual({
      ...told, id: expect.any(String), agentId: agent.id, accountId: account?.['account_id'], lotSize: '0.5', entryPrice: '1.1', executionMode: 'paper',
      brokerSymbol: null, agentVersion: null, configHash: null, modelVersion: null, promptHash: null, origin: 'ungated', status: 'open', version: 1, exitPrice: null, exitTime: null, exitReason: null, grossProfit: null, commission: null, swap: null,
      fee: null, netProfit: null, orderTag: expect.stringMatching(/^[A-Z0-9]{16}$/), missingSince: null, settlement: null, enteredSize: '0.5', exitedSize: '0', openSize: '0.5', overfilledSize: '0', profitSource: null, computedProfit: null,
      profitDifference: null, figuresAssumed: true, entrySlippage: null, exitSlippage: null, initialStopLoss: '1.105', initialRiskAmount: '0.0025',
      rMultiple: null, highPrice: '1.1', lowPrice: '1.1', maePrice: '0', mfePrice: '0', maeAmount: '0', mfeAmount: '0', sourceTime: '2020-01-01T00:00:00.000Z', createdAt: expect.any(String), updatedAt: expect.any(String), finishedAt: null, strategyId: null,
    });
    const { id } = made.body as unknown as Trade;
    expect((await t.http('GET', `/trades/${id}`)).body).toEqual({ ...made.body, explanations: [] });
    const [event] = await t.db.query('select type, agent_id, account_id, data from events where subject_id = $1', [id]);
    expect(event).toMatchObject({ type: 'trade.opened', agent_id: agent.id, account_id: account?.['account_id'], data: { origin: 'ungated', lotSize: '0.5' } });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['open with entry price and time', { entryPrice: '1.1', entryTime: ENTERED }, 'open'],
    ['pending without', {}, 'pending'],
    ['pending with the price asked for', { entryPrice: '1.1' }, 'pending'],
    ['pending when it says so', { entryPrice: '1.1', status: 'pending' }, 'pending'],
  ])('is %s', async (_name, more, status) => {
    const made = await post(order(more));
    expect(made.status).toBe(status);
    const { body } = await t.http<{ items: unknown[] }>('GET', `/trades/${made.id}/transitions`);
    expect(body.items).toEqual([
      expect.objectContaining({ version: 1, from: null, to: status, actor: `agent:${agent.id}`, late: status === 'open', brokerDealId: null }),
    ]);
  });

  it('takes profit at one price for all of it, or at several that add up to exactly 1', async () => {
    const targets = async (takeProfit: unknown) => (await agent.http<{ takeProfit: unknown }>('POST', '/trades', { body: order({ takeProfit }) }));
    expect((await targets('1.20')).body.takeProfit).toEqual([{ price: '1.2', sizeFraction: '1' }]);
    expect((await targets(['1.20'])).body.takeProfit).toEqual([{ price: '1.2', sizeFraction: '1' }]);
    expect((await targets(1.2)).body.takeProfit).toEqual([{ price: '1.2', sizeFraction: '1' }]);
    const thirds = ['0.333333333333333333', '0.333333333333333333', '0.333333333333333334'].map((sizeFraction) => ({ price: '1.2', sizeFraction }));
    expect((await targets(thirds)).status).toBe(201);
    for (const wrong of [thirds.slice(1), [...thirds, { price: '1.3', sizeFraction: '0.000000000000000001' }], [], [{ price: '1.2', sizeFraction: '0' }], '0']) {
      const answer = await targets(wrong);
      expect([answer.status, (answer.body as unknown as Refusal).errors?.[0]?.path]).toEqual([400, expect.stringMatching(/^takeProfit/)]);
    }
  });

  it('belongs to the mode of its agent', async () => {
    const answer = await agent.http<Refusal>('POST', '/trades', { body: order({ executionMode: 'live' }) });
    expect([answer.status, answer.body.code]).toEqual([409, 'EXECUTION_MODE_MISMATCH']);
    expect((await post(order({ executionMode: 'paper' }))).executionMode).toBe('paper');
  });

  it('names a prediction and a command of its own agent only', async () => {
    const stranger = await t.agent();
    const nobody = '019a0000-0000-7000-8000-00000000dead';
    const { body: command } = await t.http<{ id: string }>('POST', `/agents/${stranger.id}/commands`, { body: { type: 'pause' } });
    const answer = async (more: Record<string, unknown>) => {
      const { status, body } = await agent.http<Refusal>('POST', '/trades', { body: order(more) });
      return [status, body.code];
    };
    expect(await answer({ predictionId: nobody })).toEqual([404, 'NOT_FOUND']);
    expect(await answer({ predictionId: await predict(stranger) })).toEqual([409, 'PREDICTION_OF_ANOTHER_AGENT']);
    expect(await answer({ commandId: nobody })).toEqual([404, 'NOT_FOUND']);
    expect(await answer({ commandId: command.id })).toEqual([409, 'COMMAND_OF_ANOTHER_AGENT']);
  });

  it('stays when its prediction is deleted, and so does its explanation', async () => {
    const predictionId = await predict();
    const trade = await post(entered({ predictionId }));
    await agent.http('POST', `/trades/${trade.id}/explanations`, { body: { kind: 'entry', explanation: 'why' } });
    const owner = new pg.Client({ connectionString: t.db.ownerUrl });
    await owner.connect();
    await owner.query('delete from predictions where id = $1', [predictionId]).finally(() => owner.end());
    const { body } = await t.http<Trade>('GET', `/trades/${trade.id}`);
    expect(body).toMatchObject({ id: trade.id, predictionId: null, explanations: [{ kind: 'entry' }] });
    expect(await t.db.query('select prediction_id from trade_explanations where trade_id = $1', [trade.id])).toEqual([{ prediction_id: null }]);
  });

  it('keeps tickets beyond 53 bits, and SQL as text', async () => {
    const nasty = `'; drop table trades; --`;
    const made = await agent.http('POST', '/trades', { body: order({ clientOrderId: nasty, broker: nasty, brokerTicket: '9007199254740993', brokerOrderId: nasty }) });
    expect(made.body).toMatchObject({ clientOrderId: nasty, broker: nasty, brokerTicket: '9007199254740993', brokerOrderId: nasty });
  });
});

describe('what a trade may not say', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['no clientOrderId', { clientOrderId: undefined }, 'clientOrderId'],
    ['a clientOrderId that is too long', { clientOrderId: 'x'.repeat(101) }, 'clientOrderId'],
    ['no size', { lotSize: undefined }, 'lotSize'],
    ['a size of 0', { lotSize: 0 }, 'lotSize'],
    ['a negative size', { lotSize: '-0.1' }, 'lotSize'],
    ['a size of NaN', { lotSize: 'NaN' }, 'lotSize'],
    ['a size without end', { lotSize: 'Infinity' }, 'lotSize'],
    ['a price with 19 digits behind the point', { entryPrice: '1.1234567890123456789' }, 'entryPrice'],
    ['a negative stop', { stopLoss: -1 }, 'stopLoss'],
    ['a direction of hold', { direction: 'hold' }, 'direction'],
    ['an outcome of maybe', { outcome: 'maybe' }, 'outcome'],
    ['a status of closed', { status: 'closed' }, 'status'],
    ['open without a price', { status: 'open', entryTime: ENTERED }, 'entryPrice'],
    ['open without a time', { status: 'open', entryPrice: '1.1' }, 'entryTime'],
    ['a time without a price', { entryTime: ENTERED }, 'entryPrice'],
    ['pending with an entry time', { status: 'pending', entryPrice: '1.1', entryTime: ENTERED }, 'entryTime'],
    ['a time without a zone', { entryPrice: '1.1', entryTime: '2026-01-05T10:00:00' }, 'entryTime'],
    ['a ticket of 65 bits', { brokerTicket: '18446744073709551616' }, 'brokerTicket'],
    ['a negative ticket', { brokerTicket: -1 }, 'brokerTicket'],
    ['a prediction that is no id', { predictionId: '1' }, 'predictionId'],
    ['that it passed the gate', { origin: 'gated' }, ''],
    ['its own profit', { netProfit: '1' }, ''],
  ])('%s', async (_name, more, path) => {
    const before = await count('trades');
    const answer = await agent.http<Refusal>('POST', '/trades', { body: order(more) });
    expect([answer.status, answer.body.code]).toEqual([400, 'VALIDATION_FAILED']);
    if (path) expect(answer.body.errors?.map((error) => error.path)).toContain(path);
    expect(await count('trades')).toBe(before);
  });

  it('an entry more than 120 s ahead', async () => {
    const answer = await agent.http<Refusal>('POST', '/trades', { body: entered({ entryTime: new Date(Date.now() + 180_000).toISOString() }) });
    expect([answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([400, 'TIME_IN_FUTURE', 'entryTime']);
  });
});

describe('a trade told again', () => {
  it('is answered with the first, and says in what it differs', async () => {
    const body = entered({ stopLoss: '1.09' });
    const first = await post(body);
    const same = await agent.http<Trade>('POST', '/trades', { body: { ...body, lotSize: 0.1, executionMode: 'paper', status: 'open', exchange: null } });
    expect(same.status).toBe(200);
    expect(same.body).toEqual({ ...first, repeated: true });
    const changed = await agent.http<Trade>('POST', '/trades', { body: { ...body, lotSize: '0.2', direction: 'short', stopLoss: undefined } });
    expect(changed.status).toBe(200);
    expect(changed.body).toEqual({ ...first, repeated: true, differs: ['direction', 'lotSize', 'stopLoss'] });
  });

  it('is compared with what was told first, however the trade has changed since', async () => {
    const body = order({ entryPrice: '1.1' });
    const trade = await post(body);
    await agent.http('POST', `/trades/${trade.id}/transitions`, { body: { to: 'open', version: 1, entryPrice: '1.2', stopLoss: '1' } });
    const again = await agent.http<Trade>('POST', '/trades', { body });
    expect(again.body).toMatchObject({ id: trade.id, status: 'open', version: 2, entryPrice: '1.2', repeated: true });
    expect(again.body.differs).toBeUndefined();
    expect((await agent.http<Trade>('POST', '/trades', { body: { ...body, entryPrice: '1.2' } })).body.differs).toEqual(['entryPrice']);
  });

  it('is one row, however many tell it at once through two instances', async () => {
    for (let round = 0; round < 5; round++) {
      const body = entered();
      const clients = Array.from({ length: 16 }, (_, i) => clientOf(i % 2 ? t.base : other.base, agent.apiKey));
      const answers = await Promise.all(clients.map((http) => http<Trade>('POST', '/trades', { body })));
      expect(answers.map((answer) => answer.status).sort()).toEqual([...Array<number>(15).fill(200), 201]);
      expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
      const id = answers[0]?.body.id;
      expect(await t.db.query('select count(*)::int as n from trades where client_order_id = $1', [body.clientOrderId])).toEqual([{ n: 1 }]);
      expect(await t.db.query('select count(*)::int as n from trade_transitions where trade_id = $1', [id])).toEqual([{ n: 1 }]);
      expect(await t.db.query('select count(*)::int as n from events where subject_id = $1', [id])).toEqual([{ n: 1 }]);
    }
  });

  it('is another trade for another agent', async () => {
    const body = entered();
    const mine = await post(body);
    expect((await post(body, await t.agent())).id).not.toBe(mine.id);
  });

  it('is replayed as it was for one Idempotency-Key', async () => {
    const ask = { body: entered(), headers: { 'idempotency-key': `key-${orders}` } };
    const first = await agent.http<Trade>('POST', '/trades', ask);
    const again = await agent.http<Trade>('POST', '/trades', ask);
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
    expect(again.body).toEqual(first.body);
  });
});

describe('the list of trades', () => {
  it('is newest first, in pages without gap or repeat, whatever arrives between', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await post(order())).id);
    const first = await list(`agentId=${agent.id}&limit=2`);
    await post(order());
    const second = await list(`agentId=${agent.id}&limit=2&cursor=${first.nextCursor}`);
    const third = await list(`agentId=${agent.id}&limit=2&cursor=${second.nextCursor}`);
    expect([first, second, third].flatMap((page) => page.items.map((item) => item.id))).toEqual(ids);
    expect(third.nextCursor).toBeNull();
  });

  it('is in the order of entry within a window, also for trades told late, and pending ones are in none', async () => {
    const at = (minute: number) => new Date(Date.parse(ENTERED) + minute * 60_000).toISOString();
    const ids = new Map<number, string>();
    for (const minute of [3, 1, 4, 2]) ids.set(minute, (await post(entered({ entryTime: at(minute) }))).id);
    const pending = await post(order());
    const window = `agentId=${agent.id}&from=${at(1)}&to=${at(4)}&limit=2`;
    const first = await list(window);
    const second = await list(`${window}&cursor=${first.nextCursor}`);
    expect([...first.items, ...second.items].map((item) => item.id)).toEqual([3, 2, 1].map((minute) => ids.get(minute)));
    expect(second.nextCursor).toBeNull();
    const { nextCursor } = await list(`agentId=${agent.id}&limit=1`);
    expect((await list(`agentId=${agent.id}&limit=1`)).items[0]?.id).toBe(pending.id);
    expect((await t.http('GET', `/trades?${window}&cursor=${nextCursor}`)).status).toBe(400);
  });

  it('filters by status, symbol, mode and prediction', async () => {
    const predictionId = await predict();
    const gold = await post(order({ symbol: 'XAUUSD' }));
    const open = await post(entered({ predictionId }));
    const ids = async (query: string) => (await list(`agentId=${agent.id}&${query}`)).items.map((item) => item.id);
    expect(await ids('status=pending')).toEqual([gold.id]);
    expect(await ids('symbol=XAUUSD')).toEqual([gold.id]);
    expect(await ids(`predictionId=${predictionId}`)).toEqual([open.id]);
    expect(await ids('executionMode=paper')).toEqual([open.id, gold.id]);
    expect(await ids('executionMode=live')).toEqual([]);
    expect(await ids(`predictionId=${predictionId}&from=${ENTERED}`)).toEqual([open.id]);
  });

  it('of an account has those of all its agents and modes, in one order and in pages, alone and with other filters', async () => {
    const { name } = (await t.http<{ name: string }>('GET', `/accounts/${agent.accountId}`)).body;
    const [mate, simulated] = [await t.agent({ account: name }), await t.agent({ account: name, mode: 'simulation' })];
    await post(entered(), await t.agent());
    const at = (minute: number) => new Date(Date.parse(ENTERED) + minute * 60_000).toISOString();
    const ids: string[] = [];
    for (const [n, by] of [agent, simulated, mate, simulated, agent].entries()) ids.push((await post(entered({ entryTime: at(10 - n), symbol: n === 2 ? 'XAUUSD' : 'EURUSD' }), by)).id);
    const walk = async (query: string, http?: Client) => {
      const found: number[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const page: Page = await list(`accountId=${agent.accountId}&limit=2&${query}${cursor && `&cursor=${cursor}`}`, http);
        found.push(...page.items.map(({ id }) => ids.indexOf(id)));
        cursor = page.nextCursor;
      }
      return found;
    };
    expect(await walk('')).toEqual([4, 3, 2, 1, 0]);
    expect(await walk(`from=${at(7)}`)).toEqual([0, 1, 2, 3]);
    expect(await walk('executionMode=simulation')).toEqual([3, 1]);
    expect(await walk('symbol=XAUUSD')).toEqual([2]);
    expect(await walk(`symbol=XAUUSD&from=${at(0)}`)).toEqual([2]);
    expect(await walk(`agentId=${simulated.id}`)).toEqual([3, 1]);
    expect(await walk('', mate.http)).toEqual([2]);
    expect(await walk('', (await t.agent()).http)).toEqual([]);
    expect(await walk('status=pending')).toEqual([]);
  });

  it.each(['limit=-1', 'accountId=x', 'limit=abc', 'cursor=%00', 'status=done', 'from=2026-01-05', 'executionMode=LIVE', 'predictionId=x', `symbol=${encodeURIComponent("'--")}`, 'x=1'])(
    'refuses ?%s with 400', async (query) => expect((await t.http('GET', `/trades?${query}`)).status).toBe(400),
  );
});

describe('who may do what with trades', () => {
  it('nobody without credentials', async () => {
    const { id } = await post(entered());
    const routes = [['POST', '/trades'], ['GET', '/trades'], ['GET', `/trades/${id}`], ['GET', `/trades/${id}/transitions`], ['POST', `/trades/${id}/transitions`]] as const;
    for (const [method, path] of routes) expect((await t.http(method, path, { token: null, ...(method === 'POST' ? { body: {} } : {}) })).status).toBe(401);
  });

  it('an agent its own only; people read all; only agents with the scope "records" tell trades', async () => {
    const stranger = await t.agent();
    const theirs = await post(entered(), stranger);
    const mine = await post(entered());
    expect((await list('', agent.http)).items.map((item) => item.id)).toEqual([mine.id]);
    for (const path of [`/trades/${theirs.id}`, `/trades/${theirs.id}/transitions`, `/trades?agentId=${stranger.id}`]) {
      const answer = await agent.http<Refusal>('GET', path);
      expect([answer.status, answer.body.code]).toEqual([403, 'NOT_YOUR_AGENT']);
    }
    expect((await agent.http('GET', '/trades/019a0000-0000-7000-8000-00000000dead')).status).toBe(404);
    expect((await agent.http('GET', '/trades/1')).status).toBe(400);
    expect((await t.http('GET', `/trades/${theirs.id}`, { token: await t.person('viewer') })).status).toBe(200);
    expect((await t.http('POST', '/trades', { body: entered() })).status).toBe(403);
    const { body: key } = await t.http<{ apiKey: string }>('POST', `/agents/${agent.id}/keys`, { body: { name: 'ideas only', scopes: ['ideas'] } });
    expect((await clientOf(t.base, key.apiKey)('POST', '/trades', { body: entered() })).status).toBe(403);
  });
});
