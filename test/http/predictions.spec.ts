import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Client, clientOf } from '../support/http.js';

interface Prediction {
  id: string; agentId: string; symbol: string; timestamp: string; direction: string; confidence: string; shouldTrade: boolean;
  thresholdUsed: string; marketPrice: string | null; model: string; agentCycleNumber: number | null;
}
interface Page { items: Prediction[]; nextCursor: string | null }
interface Refusal { code: string; errors?: { path: string; message: string }[] }

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

const START = Date.parse('2026-01-05T10:00:00Z');
const at = (minute: number) => new Date(START + minute * 60_000).toISOString();
const claim = (more: Record<string, unknown> = {}) => ({
  model: 'ma-cross', symbol: 'EURUSD', timestamp: at(0), direction: 'long', confidence: '0.8', ...more,
});
const post = async (more: Record<string, unknown> = {}, by: TestAgent = agent): Promise<Prediction> => {
  const made = await by.http<Prediction>('POST', '/predictions', { body: claim(more) });
  if (made.status !== 201) throw new Error(made.text);
  return made.body;
};
const list = async (query: string, http: Client = t.http): Promise<Page> => {
  const answer = await http<Page>('GET', `/predictions?${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
};
const count = async () => Number((await t.db.query('select count(*) from predictions'))[0]?.['count']);

describe('a prediction', () => {
  it('comes back as it was sent, decimals as text to the last digit', async () => {
    const full = {
      model: 'ma-cross', modelVersion: '1.2.0', promptHash: 'ab12', symbol: 'BTC-USD', timestamp: '2026-01-05T12:00:00.5+02:00', horizonSeconds: 3600,
      direction: 'short', confidence: 0.75, probUp: '0.123456789012345678', probDown: 0.25, components: { '1h': { up: 0.4 }, '4h': { up: 0.1 } },
      agreementCount: 2, agreementScore: '0.67', marketRegime: 'trending', marketPrice: '64000.10', agentCycleNumber: 41, usedByAgent: true,
      sourceTime: Date.parse('2020-03-01T00:00:00Z'),
    };
    const made = await agent.http('POST', '/predictions', { body: full });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      ...full, id: expect.any(String), agentId: agent.id, timestamp: '2026-01-05T10:00:00.500Z', confidence: '0.75', probDown: '0.25', marketPrice: '64000.1',
      sourceTime: '2020-03-01T00:00:00.000Z', shouldTrade: true, thresholdUsed: '0.7', brokerSymbol: null,
      score: null, calibratedProbability: null, agentVersion: null, configHash: null, createdAt: expect.any(String),
    });
  });

  it.each([
    ['long', '0.70', true],
    ['short', 0.7, true],
    ['long', '0.699999999999999999', false],
    ['hold', '1', false],
  ])('that says %s with confidence %s should trade: %s', async (direction, confidence, shouldTrade) => {
    const made = await post({ direction, confidence });
    expect(made).toMatchObject({ shouldTrade, thresholdUsed: '0.7' });
    expect(await t.db.query('select should_trade, threshold_used::float as threshold from predictions where id = $1', [made.id]))
      .toEqual([{ should_trade: shouldTrade, threshold: 0.7 }]);
  });

  describe('is judged by minConfidenceThreshold', () => {
    const limits = async (path: string, minConfidenceThreshold: string | null) => {
      const before = await t.http<Record<string, unknown>>('GET', path);
      const { version, warnings: _w, updatedAt: _a, updatedBy: _b, lastHaltReason: _r, scope: _s, id: _i, currency: _c, ...values } = before.body;
      const put = await t.http('PUT', path, { body: { ...values, minConfidenceThreshold }, headers: { 'if-match': `"${String(version)}"` } });
      expect(put.status).toBe(200);
    };
    const judgement = async () => {
      const [one, many] = [await post({ confidence: '0.75' }), await agent.http<{ items: Prediction[] }>('POST', '/predictions/batch', { body: { items: [claim({ confidence: '0.75' })] } })];
      const [first] = many.body.items;
      expect([first?.shouldTrade, first?.thresholdUsed]).toEqual([one.shouldTrade, one.thresholdUsed]);
      return [one.shouldTrade, one.thresholdUsed];
    };
    afterEach(() => limits('/risk-config', '0.70'));

    it('as it stands now, off included', async () => {
      await limits('/risk-config', '0.75');
      expect(await judgement()).toEqual([true, '0.75']);
      await limits('/risk-config', '0.750000000000000001');
      expect(await judgement()).toEqual([false, '0.750000000000000001']);
      await limits('/risk-config', null);
      expect(await judgement()).toEqual([true, '0']);
    });

    it('as the account or the agent tightens it, never loosened by them', async () => {
      const { accountId } = (await t.http<{ accountId: string }>('GET', `/agents/${agent.id}`)).body;
      await limits(`/limits/account/${accountId}`, '0.72');
      expect(await judgement()).toEqual([true, '0.72']);
      await limits(`/limits/agent/${agent.id}`, '0.8');
      expect(await judgement()).toEqual([false, '0.8']);
      await limits('/risk-config', '0.9');
      expect(await judgement()).toEqual([false, '0.9']);
    });
  });

  it('is an event', async () => {
    const made = await post();
    const [event] = await t.db.query('select type, agent_id, actor, data from events where subject_id = $1', [made.id]);
    expect(event).toMatchObject({ type: 'prediction.created', agent_id: agent.id, actor: `agent:${agent.id}`, data: { symbol: 'EURUSD', shouldTrade: true } });
  });

  it('is stored once for one Idempotency-Key', async () => {
    const ask = { body: claim(), headers: { 'idempotency-key': 'p-1' } };
    const first = await agent.http<Prediction>('POST', '/predictions', ask);
    const again = await agent.http<Prediction>('POST', '/predictions', ask);
    expect([first.status, again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 201, 'true']);
    expect(again.body).toEqual(first.body);
    expect((await agent.http('POST', '/predictions', { ...ask, body: claim({ symbol: 'GBPUSD' }) })).status).toBe(422);
    expect((await list(`agentId=${agent.id}`)).items).toHaveLength(1);
  });

  it('keeps SQL and markup as the text they are', async () => {
    const nasty = `x'); drop table predictions; --<script>$1 \${0}`;
    const made = await post({ model: nasty, modelVersion: nasty, marketRegime: nasty.slice(0, 60), components: { [nasty]: nasty } });
    const [shown] = (await list(`agentId=${agent.id}`)).items;
    expect(shown).toMatchObject({ id: made.id, model: nasty, modelVersion: nasty, components: { [nasty]: nasty } });
  });
});

describe('what a prediction may not say', () => {
  const inFuture = () => new Date(Date.now() + 180_000).toISOString();
  it.each<[string, Record<string, unknown>, string]>([
    ['whether it should trade', { shouldTrade: true }, ''],
    ['the threshold', { thresholdUsed: '0.1' }, ''],
    ['a confidence above 1', { confidence: '1.000000000000000001' }, 'confidence'],
    ['a negative confidence', { confidence: -0.1 }, 'confidence'],
    ['NaN', { confidence: 'NaN' }, 'confidence'],
    ['Infinity', { probUp: 'Infinity' }, 'probUp'],
    ['no confidence', { confidence: undefined }, 'confidence'],
    ['no model', { model: '  ' }, 'model'],
    ['a model that is too long', { model: 'm'.repeat(101) }, 'model'],
    ['a time without a zone', { timestamp: '2026-01-05T10:00:00' }, 'timestamp'],
    ['a date alone', { timestamp: '2026-01-05' }, 'timestamp'],
    ['a source time without a zone', { sourceTime: '2026-01-05 10:00' }, 'sourceTime'],
    ['an unknown direction', { direction: 'up' }, 'direction'],
    ['a price of 0', { marketPrice: '0' }, 'marketPrice'],
    ['a negative price', { marketPrice: '-1' }, 'marketPrice'],
    ['a symbol with a quote', { symbol: `EUR'USD` }, 'symbol'],
    ['a horizon of 0', { horizonSeconds: 0 }, 'horizonSeconds'],
    ['a cycle that is not whole', { agentCycleNumber: 1.5 }, 'agentCycleNumber'],
    ['components that are no object', { components: ['1h'] }, 'components'],
    ['components without end', { components: { a: 'x'.repeat(17_000) } }, 'components'],
  ])('%s', async (_name, more, path) => {
    const before = await count();
    const answer = await agent.http<Refusal>('POST', '/predictions', { body: claim(more) });
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe('VALIDATION_FAILED');
    if (path) expect(answer.body.errors?.map((error) => error.path)).toContain(path);
    else expect(answer.text).toContain(Object.keys(more)[0]);
    expect(await count()).toBe(before);
  });

  it('a time more than 120 s ahead', async () => {
    const answer = await agent.http<Refusal>('POST', '/predictions', { body: claim({ timestamp: inFuture() }) });
    expect([answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([400, 'TIME_IN_FUTURE', 'timestamp']);
    await post({ timestamp: new Date(Date.now() + 60_000).toISOString() });
  });

  it('NUL, or numbers that lose digits', async () => {
    expect((await agent.http('POST', '/predictions', { body: claim({ model: 'a\0b' }) })).status).toBe(400);
    const raw = JSON.stringify(claim({ confidence: 1 })).replace('"confidence":1', '"confidence":0.12345678901234567890');
    expect((await agent.http<Refusal>('POST', '/predictions', { raw })).body.code).toBe('NUMBER_NOT_EXACT');
  });
});

describe('a batch of predictions', () => {
  it('stores a thousand in the order given, and answers each', async () => {
    const items = Array.from({ length: 1_000 }, (_, i) => claim({ timestamp: at(0), agentCycleNumber: i, confidence: i % 2 ? '0.7' : '0.69' }));
    const made = await agent.http<{ items: Prediction[] }>('POST', '/predictions/batch', { body: { items } });
    expect(made.status).toBe(201);
    expect(made.body.items).toHaveLength(1_000);
    expect(made.body.items[1]).toEqual({ id: expect.any(String), shouldTrade: true, thresholdUsed: '0.7' });
    expect(made.body.items.map((item) => item.shouldTrade)).toEqual(items.map((_, i) => i % 2 === 1));
    const stored = await t.db.query('select id from predictions where agent_id = $1 order by seq', [agent.id]);
    expect(stored.map((row) => row['id'])).toEqual(made.body.items.map((item) => item.id));
    const events = await t.db.query(`select data from events where agent_id = $1 and type like 'prediction.%'`, [agent.id]);
    expect(events).toEqual([{ data: { count: 1_000, from: expect.any(String), to: expect.any(String) } }]);
  });

  it('is stored whole or not at all, and names the item that is wrong', async () => {
    const items = [claim(), claim(), claim({ confidence: '2' }), claim({ symbol: '' })];
    const answer = await agent.http<Refusal>('POST', '/predictions/batch', { body: { items } });
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.map((error) => error.path)).toEqual(['items.2.confidence', 'items.3.symbol']);
    expect((await list(`agentId=${agent.id}`)).items).toEqual([]);
  });

  it.each([0, 1_001])('refuses %s items', async (length) => {
    const answer = await agent.http<Refusal>('POST', '/predictions/batch', { body: { items: Array.from({ length }, () => claim()) } });
    expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, 'items']);
  });
});

describe('the list of predictions', () => {
  it('is newest first by the prediction\'s own time, in pages without gap or repeat, whatever arrives between', async () => {
    for (const minute of [3, 1, 2, 2, 5]) await post({ timestamp: at(minute), agentCycleNumber: minute });
    const first = await list(`agentId=${agent.id}&limit=2`);
    await post({ timestamp: at(9), agentCycleNumber: 9 });
    const second = await list(`agentId=${agent.id}&limit=2&cursor=${first.nextCursor}`);
    const third = await list(`agentId=${agent.id}&limit=2&cursor=${second.nextCursor}`);
    const shown = [first, second, third].flatMap((page) => page.items);
    expect(shown.map((item) => item.agentCycleNumber)).toEqual([5, 3, 2, 2, 1]);
    expect(new Set(shown.map((item) => item.id)).size).toBe(5);
    expect(third.nextCursor).toBeNull();
  });

  it('shows predictions without a price', async () => {
    const without = await post({ marketPrice: null, probUp: null, components: null });
    const { items } = await list(`agentId=${agent.id}`);
    expect(items).toEqual([expect.objectContaining({ id: without.id, marketPrice: null, probUp: null, components: null })]);
  });

  it('says so when the row behind a cursor is gone, instead of "there is no more"', async () => {
    const rows = [await post({ timestamp: at(2) }), await post({ timestamp: at(1) })];
    const { nextCursor } = await list(`agentId=${agent.id}&limit=1`);
    await t.db.query('delete from predictions where id = $1', [rows[0]?.id]);
    const answer = await t.http<Refusal>('GET', `/predictions?agentId=${agent.id}&limit=1&cursor=${nextCursor}`);
    expect([answer.status, answer.body.code]).toEqual([400, 'CURSOR_GONE']);
  });

  it('filters by symbol, direction, cycle and a time from which is included and to which is not', async () => {
    const gold = await post({ symbol: 'XAUUSD', timestamp: at(1) });
    const hold = await post({ direction: 'hold', timestamp: at(2) });
    const cycle = await post({ agentCycleNumber: 777, timestamp: at(3) });
    const ids = async (query: string) => (await list(`agentId=${agent.id}&${query}`)).items.map((item) => item.id);
    expect(await ids('symbol=XAUUSD')).toEqual([gold.id]);
    expect(await ids('direction=hold')).toEqual([hold.id]);
    expect(await ids('agentCycleNumber=777')).toEqual([cycle.id]);
    expect(await ids(`from=${at(1)}&to=${at(3)}`)).toEqual([hold.id, gold.id]);
    expect(await ids(`from=${START + 120_000}`)).toEqual([cycle.id, hold.id]);
    expect(await ids(`symbol=${encodeURIComponent('EURUSD')}&to=${at(3)}`)).toEqual([hold.id]);
  });

  it.each([
    'limit=-1', 'limit=0', 'limit=501', 'limit=1e9', 'limit=NaN', 'cursor=abc', 'symbol=a%00b', `symbol=${encodeURIComponent("' or 1=1 --")}`, 'agentId=1',
    'direction=up', 'from=yesterday', 'from=2026-01-05T10:00:00', 'agentCycleNumber=-1', 'offset=5', 'symbol=A&symbol=B',
  ])('refuses ?%s with 400', async (query) => {
    const answer = await t.http<Refusal>('GET', `/predictions?${query}`);
    expect([answer.status, answer.body.code]).toEqual([400, 'VALIDATION_FAILED']);
  });
});

describe('the latest prediction of a symbol', () => {
  it('is the one with the latest time, not the one that came last; 404 where there is none', async () => {
    await post({ symbol: 'LATEST1', timestamp: at(5), model: 'newer' });
    await post({ symbol: 'LATEST1', timestamp: at(4), model: 'late' });
    expect((await t.http<Prediction>('GET', '/predictions/latest?symbol=LATEST1')).body.model).toBe('newer');
    expect((await t.http('GET', '/predictions/latest?symbol=LATEST2')).status).toBe(404);
    expect((await t.http('GET', '/predictions/latest')).status).toBe(400);
  });

  it('is its own for an agent', async () => {
    const other = await t.agent();
    await post({ symbol: 'LATEST3', timestamp: at(5) }, other);
    expect((await agent.http('GET', '/predictions/latest?symbol=LATEST3')).status).toBe(404);
    const mine = await post({ symbol: 'LATEST3', timestamp: at(1) });
    expect((await agent.http<Prediction>('GET', '/predictions/latest?symbol=LATEST3')).body.id).toBe(mine.id);
    expect((await t.http<Prediction>('GET', `/predictions/latest?symbol=LATEST3&agentId=${agent.id}`)).body.id).toBe(mine.id);
  });
});

describe('who may do what with predictions', () => {
  const routes: [string, string, unknown][] = [
    ['POST', '/predictions', claim()], ['POST', '/predictions/batch', { items: [claim()] }], ['GET', '/predictions', undefined],
    ['GET', '/predictions/latest?symbol=EURUSD', undefined],
  ];

  it.each(routes)('%s %s is closed without credentials', async (method, path, body) => {
    expect((await t.http(method, path, { token: null, body })).status).toBe(401);
  });

  it('only agents with the scope "records" write, and every person reads', async () => {
    const { body: key } = await t.http<{ apiKey: string }>('POST', `/agents/${agent.id}/keys`, { body: { name: 'commands only', scopes: ['commands'] } });
    const limited = clientOf(t.base, key.apiKey);
    expect((await limited('POST', '/predictions', { body: claim() })).status).toBe(403);
    expect((await limited('POST', '/predictions/batch', { body: { items: [claim()] } })).status).toBe(403);
    expect((await limited('GET', '/predictions')).status).toBe(200);
    expect((await t.http('POST', '/predictions', { body: claim() })).status).toBe(403);
    expect((await t.http('GET', '/predictions', { token: await t.person('viewer') })).status).toBe(200);
  });

  it('shows an agent its own rows only, and refuses another agent by name', async () => {
    const other = await t.agent();
    await post({}, other);
    const mine = await post();
    expect((await list('', agent.http)).items.map((item) => item.id)).toEqual([mine.id]);
    const foreign = await agent.http<Refusal>('GET', `/predictions?agentId=${other.id}`);
    expect([foreign.status, foreign.body.code]).toEqual([403, 'NOT_YOUR_AGENT']);
    expect((await agent.http('GET', `/predictions/latest?symbol=EURUSD&agentId=${other.id}`)).status).toBe(403);
  });
});
