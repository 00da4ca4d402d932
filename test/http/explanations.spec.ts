import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Client, clientOf } from '../support/http.js';

interface Explanation { id: string; agentId: string; tradeId: string | null; ideaId: string | null; predictionId: string | null; kind: string; explanation: string }
interface Page { items: Explanation[]; nextCursor: string | null }
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

let orders = 0;
const trade = async (more: Record<string, unknown> = {}, by: TestAgent = agent): Promise<string> => {
  const body = { clientOrderId: `o-${++orders}`, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', ...more };
  return (await by.http<{ id: string }>('POST', '/trades', { body })).body.id;
};
const predict = async (by: TestAgent = agent): Promise<string> => {
  const body = { model: 'm', symbol: 'EURUSD', timestamp: '2026-01-05T10:00:00Z', direction: 'long', confidence: '0.8' };
  return (await by.http<{ id: string }>('POST', '/predictions', { body })).body.id;
};
const explain = async (tradeId: string, more: Record<string, unknown> = {}, by: TestAgent = agent): Promise<Explanation> => {
  const made = await by.http<Explanation>('POST', `/trades/${tradeId}/explanations`, { body: { kind: 'entry', explanation: 'The averages crossed.', ...more } });
  if (made.status !== 201) throw new Error(made.text);
  return made.body;
};
const list = async (query: string, http: Client = t.http): Promise<Page> => {
  const answer = await http<Page>('GET', `/explanations?${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
};

describe('an explanation', () => {
  it('comes back as it was told, and trade and explanation lead to each other', async () => {
    const predictionId = await predict();
    const tradeId = await trade({ predictionId });
    const told = {
      kind: 'entry', explanation: 'Long, because …', confidenceFactors: { rsi: '61.2', regime: 'trending' }, riskFactors: ['news at 14:30', 'wide spread'],
      llmModel: 'some-model', promptHash: 'ab12', prompt: 'You are …', rawResponse: '{"buy": true}', tokens: 1_234, cost: '0.0123',
    };
    const made = await agent.http('POST', `/trades/${tradeId}/explanations`, { body: told });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({ ...told, id: expect.any(String), agentId: agent.id, tradeId, predictionId, ideaId: null, createdAt: expect.any(String) });
    const { id } = made.body as unknown as Explanation;
    const { body } = await t.http<{ explanations: unknown[] }>('GET', `/trades/${tradeId}`);
    expect(body.explanations).toEqual([{ id, kind: 'entry' }]);
    expect((await t.http<Page>('GET', `/trades/${tradeId}/explanations`)).body.items).toEqual([made.body]);
    const [event] = await t.db.query(`select agent_id, account_id, data from events where type = 'trade.explained' and subject_id = $1`, [tradeId]);
    expect(event).toMatchObject({ agent_id: agent.id, account_id: expect.any(String), data: { explanationId: id, kind: 'entry' } });
  });

  it('may name another prediction of its agent, and no other agent\'s', async () => {
    const tradeId = await trade();
    const own = await predict();
    expect((await explain(tradeId)).predictionId).toBeNull();
    expect((await explain(tradeId, { predictionId: own })).predictionId).toBe(own);
    const answer = async (predictionId: string) => {
      const { status, body } = await agent.http<Refusal>('POST', `/trades/${tradeId}/explanations`, { body: { kind: 'exit', explanation: 'x', predictionId } });
      return [status, body.code];
    };
    expect(await answer(await predict(await t.agent()))).toEqual([409, 'PREDICTION_OF_ANOTHER_AGENT']);
    expect(await answer('019a0000-0000-7000-8000-00000000dead')).toEqual([404, 'NOT_FOUND']);
  });

  it('keeps SQL and markup as the text they are', async () => {
    const nasty = `'); delete from trades; --<img src=x onerror=alert(1)>`;
    const tradeId = await trade();
    const made = await explain(tradeId, { explanation: nasty, llmModel: nasty, prompt: nasty, riskFactors: [nasty] });
    expect(made).toMatchObject({ explanation: nasty, llmModel: nasty, prompt: nasty, riskFactors: [nasty] });
  });

  it('is stored once for one Idempotency-Key', async () => {
    const tradeId = await trade();
    const ask = { body: { kind: 'exit', explanation: 'done' }, headers: { 'idempotency-key': `e-${tradeId}` } };
    const first = await agent.http('POST', `/trades/${tradeId}/explanations`, ask);
    const again = await agent.http('POST', `/trades/${tradeId}/explanations`, ask);
    expect([again.status, again.headers.get('idempotency-replayed'), again.body]).toEqual([201, 'true', first.body]);
    expect((await list(`tradeId=${tradeId}`)).items).toHaveLength(1);
  });
});

describe('what an explanation may not say', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['nothing', { explanation: ' ' }, 'explanation'],
    ['more than 20,000 characters', { explanation: 'x'.repeat(20_001) }, 'explanation'],
    ['an unknown kind', { kind: 'other' }, 'kind'],
    ['factors that are numbers', { riskFactors: [1, 2] }, 'riskFactors'],
    ['factors that are text', { confidenceFactors: 'rsi' }, 'confidenceFactors'],
    ['factors without end', { confidenceFactors: { a: 'x'.repeat(17_000) } }, 'confidenceFactors'],
    ['negative tokens', { tokens: -1 }, 'tokens'],
    ['tokens beyond the column', { tokens: 2_147_483_648 }, 'tokens'],
    ['a negative cost', { cost: '-0.01' }, 'cost'],
    ['a cost of NaN', { cost: 'NaN' }, 'cost'],
    ['a prompt without end', { prompt: 'x'.repeat(100_001) }, 'prompt'],
    ['a prediction that is no id', { predictionId: 'x' }, 'predictionId'],
    ['a field that is none', { mood: 'good' }, ''],
  ])('%s', async (_name, more, path) => {
    const tradeId = await trade();
    const answer = await agent.http<Refusal>('POST', `/trades/${tradeId}/explanations`, { body: { kind: 'entry', explanation: 'x', ...more } });
    expect([answer.status, answer.body.code]).toEqual([400, 'VALIDATION_FAILED']);
    if (path) expect(answer.body.errors?.map((error) => error.path)).toContain(path);
  });

  it('20,000 characters and NUL', async () => {
    const tradeId = await trade();
    expect((await explain(tradeId, { explanation: 'é'.repeat(20_000) })).explanation).toHaveLength(20_000);
    expect((await agent.http('POST', `/trades/${tradeId}/explanations`, { body: { kind: 'entry', explanation: 'a\0b' } })).status).toBe(400);
  });
});

describe('the list of explanations', () => {
  it('is newest first in pages, and filters by agent, trade, prediction and kind', async () => {
    const predictionId = await predict();
    const [a, b] = [await trade({ predictionId }), await trade()];
    const entry = await explain(a);
    const skip = await explain(b, { kind: 'skip' });
    const exit = await explain(b, { kind: 'exit' });
    const ids = async (query: string) => (await list(`agentId=${agent.id}&${query}`)).items.map((item) => item.id);
    expect(await ids('')).toEqual([exit.id, skip.id, entry.id]);
    expect(await ids(`tradeId=${b}`)).toEqual([exit.id, skip.id]);
    expect(await ids(`predictionId=${predictionId}`)).toEqual([entry.id]);
    expect(await ids('kind=skip')).toEqual([skip.id]);
    const first = await list(`agentId=${agent.id}&limit=2`);
    const second = await list(`agentId=${agent.id}&limit=2&cursor=${first.nextCursor}`);
    expect([...first.items, ...second.items].map((item) => item.id)).toEqual([exit.id, skip.id, entry.id]);
    expect(second.nextCursor).toBeNull();
  });

  it('ends a page early rather than answer with megabytes, and loses none', async () => {
    const tradeId = await trade();
    const ids: string[] = [];
    // 200 KB each: 20 of them fill a page of 4 MiB.
    for (let i = 0; i < 45; i++) ids.unshift((await explain(tradeId, { prompt: 'p'.repeat(100_000), rawResponse: 'r'.repeat(100_000) })).id);
    const shown: string[][] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Page = await list(`tradeId=${tradeId}&limit=500${cursor && `&cursor=${cursor}`}`);
      shown.push(page.items.map((item) => item.id));
      cursor = page.nextCursor;
    }
    expect(shown.map((page) => page.length)).toEqual([20, 20, 5]);
    expect(shown.flat()).toEqual(ids);
  });

  it.each(['limit=-1', 'kind=other', 'tradeId=x', 'predictionId=%27', 'cursor=x', 'q=1'])('refuses ?%s with 400', async (query) => {
    expect((await t.http('GET', `/explanations?${query}`)).status).toBe(400);
  });
});

describe('who may do what with explanations', () => {
  it('nobody without credentials', async () => {
    const tradeId = await trade();
    for (const [method, path] of [['POST', `/trades/${tradeId}/explanations`], ['GET', `/trades/${tradeId}/explanations`], ['GET', '/explanations']] as const) {
      expect((await t.http(method, path, { token: null, ...(method === 'POST' ? { body: {} } : {}) })).status).toBe(401);
    }
  });

  it('an agent its own only; people read; only agents with the scope "records" explain', async () => {
    const stranger = await t.agent();
    const theirs = await trade({}, stranger);
    await explain(theirs, {}, stranger);
    const body = { kind: 'review', explanation: 'x' };
    const post = await agent.http<Refusal>('POST', `/trades/${theirs}/explanations`, { body });
    expect([post.status, post.body.code]).toEqual([403, 'NOT_YOUR_AGENT']);
    expect((await agent.http('GET', `/trades/${theirs}/explanations`)).status).toBe(403);
    expect((await agent.http('GET', `/explanations?agentId=${stranger.id}`)).status).toBe(403);
    expect((await list(`tradeId=${theirs}`, agent.http)).items).toEqual([]);
    expect((await list('', agent.http)).items).toEqual([]);
    expect((await t.http<Page>('GET', `/trades/${theirs}/explanations`, { token: await t.person('viewer') })).body.items).toHaveLength(1);
    expect((await t.http('POST', `/trades/${theirs}/explanations`, { body })).status).toBe(403);
    expect((await agent.http('POST', '/trades/019a0000-0000-7000-8000-00000000dead/explanations', { body })).status).toBe(404);
    const { body: key } = await t.http<{ apiKey: string }>('POST', `/agents/${agent.id}/keys`, { body: { name: 'commands only', scopes: ['commands'] } });
    expect((await clientOf(t.base, key.apiKey)('POST', `/trades/${await trade()}/explanations`, { body })).status).toBe(403);
  });
});

describe('an explanation without a trade', () => {
  const skip = (more: Record<string, unknown> = {}, by: TestAgent = agent) => by.http<Explanation & Refusal>('POST', '/explanations', { body: { kind: 'skip', explanation: 'The spread was wide.', ...more } });

  it('says why something was not traded, and is found by its prediction', async () => {
    const predictionId = await predict();
    const made = await skip({ predictionId, riskFactors: ['spread'] });
    expect([made.status, made.body]).toEqual([201, expect.objectContaining({ tradeId: null, ideaId: null, predictionId, kind: 'skip', riskFactors: ['spread'], agentId: agent.id })]);
    await skip({ kind: 'review' });
    expect((await list(`predictionId=${predictionId}`)).items.map(({ id }) => id)).toEqual([made.body.id]);
    expect((await list(`agentId=${agent.id}`)).items.map(({ kind }) => kind)).toEqual(['review', 'skip']);
    const events = await t.db.query(`select agent_id, data from events where type = 'explanation.created' and subject_id = $1`, [made.body.id]);
    expect(events).toMatchObject([{ agent_id: agent.id, data: { kind: 'skip', predictionId } }]);
  });

  it('is found by its idea', async () => {
    const { body: idea } = await agent.http<{ id: string }>('POST', '/trade-ideas', { body: { symbol: 'EURUSD', direction: 'long', lotSize: '0.1', stopLoss: '1.09', confidence: '0.9', rationale: 'a test' } });
    const { body } = await skip({ ideaId: idea.id });
    expect((await list(`ideaId=${idea.id}`)).items).toMatchObject([{ id: body.id, ideaId: idea.id }]);
    expect((await skip({ ideaId: idea.id }, await t.agent())).body.code).toBe('IDEA_OF_ANOTHER_AGENT');
  });

  it('is of no entry or exit, and of nothing of another agent', async () => {
    expect((await skip({ kind: 'entry' })).body.errors?.[0]?.path).toBe('kind');
    expect((await skip({ predictionId: await predict(await t.agent()) })).body.code).toBe('PREDICTION_OF_ANOTHER_AGENT');
    expect((await skip({ ideaId: '00000000-0000-4000-8000-000000000000' })).status).toBe(404);
    await expect(t.db.query(`insert into trade_explanations (id, agent_id, kind, explanation) values (gen_random_uuid(), $1, 'exit', 'x')`, [agent.id])).rejects.toThrow(/trade_explanations_about/);
  });
});
