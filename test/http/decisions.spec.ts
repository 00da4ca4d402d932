import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { aDecision, append, tamper } from '../support/decisions.js';

interface Decision { id: string; type: string; number: number; accountId: string | null; agentId: string | null; seal: string; at: string }
interface Page { items: Decision[]; nextCursor: string | null }
interface Verdict { ok: boolean; complete: boolean; checked: number; nextCursor: string | null; firstBad: { stream: string; number: number; problem: string } | null; streams: { stream: string; checked: number }[] }

let t: TestApp;
let mine: TestAgent;
let theirs: TestAgent;
const ideaId = randomUUID();
beforeAll(async () => {
  t = await startTestApp();
  [mine, theirs] = [await t.agent(), await t.agent()];
  await append(t, aDecision(mine.accountId, { agentId: mine.id, ideaId, reason: 'trend' }), aDecision(mine.accountId, { agentId: mine.id, ideaId, type: 'risk_rejected', strategyId: randomUUID() }));
  await append(t, aDecision(theirs.accountId, { agentId: theirs.id }));
  await append(t, aDecision('system', { type: 'ai_halted', haltId: randomUUID(), humanOverride: { by: 'ann' } }));
});
afterAll(() => t.close());

const list = async (query = '', http = t.http) => (await http<Page>('GET', `/decisions${query}`)).body.items;

describe('GET /decisions', () => {
  it('shows all, newest first, with what was sealed', async () => {
    const items = await list();
    expect(items.map(({ type, accountId, number, seal }) => [type, accountId, number, seal])).toEqual([
      ['ai_halted', null, 1, 'intact'], ['ai_proposed', theirs.accountId, 1, 'intact'], ['risk_rejected', mine.accountId, 2, 'intact'], ['ai_proposed', mine.accountId, 1, 'intact'],
    ]);
    expect(items[3]).toMatchObject({ agentId: mine.id, ideaId, reason: 'trend', riskCheckResult: { verdict: 'accepted' }, actor: 'system', previousHash: null });
    expect(items[0]).toMatchObject({ humanOverride: { by: 'ann' } });
    expect(items[2]).toMatchObject({ previousHash: (items[3] as unknown as { hash: string }).hash });
  });

  it.each([
    ['type=risk_rejected', 1], ['accountId=system', 1], [() => `accountId=${mine.accountId}`, 2], [() => `agentId=${theirs.id}`, 1], [`ideaId=${ideaId}`, 2],
    [`ideaId=${ideaId}&type=ai_proposed`, 1], [() => `accountId=${theirs.accountId}&agentId=${mine.id}`, 0], ['from=2020-01-01T00:00:00Z', 4], ['to=2020-01-01T00:00:00Z', 0],
    ['from=2999-01-01T00:00:00Z', 0],
  ])('filters by %p', async (query, count) => {
    expect(await list(`?${typeof query === 'string' ? query : query()}`)).toHaveLength(count);
  });

  it('pages without losing or repeating one', async () => {
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body }: { body: Page } = await t.http<Page>('GET', `/decisions?limit=1${cursor && `&cursor=${cursor}`}`);
      seen.push(...body.items.map(({ id }) => id));
      cursor = body.nextCursor;
    }
    expect(seen).toEqual((await list()).map(({ id }) => id));
  });

  it('shows a key its own agent\'s only, and says 403 when it asks for another\'s', async () => {
    expect((await list('', mine.http)).map(({ agentId }) => agentId)).toEqual([mine.id, mine.id]);
    expect((await mine.http('GET', `/decisions?agentId=${theirs.id}`)).status).toBe(403);
    const [other, system] = [(await list(`?agentId=${theirs.id}`))[0], (await list('?accountId=system'))[0]];
    for (const each of [other, system]) expect(await mine.http('GET', `/decisions/${each?.id}`)).toMatchObject({ status: 403, body: { code: 'NOT_YOUR_AGENT' } });
    expect((await theirs.http<Decision>('GET', `/decisions/${other?.id}`)).body.id).toBe(other?.id);
  });

  it.each(['type=x', 'accountId=*', 'accountId=EURUSD', 'from=yesterday', 'from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'number=1'])('refuses %s', async (query) => {
    expect((await t.http('GET', `/decisions?${query}`)).status).toBe(400);
  });

  it('of an id that nobody has is 404', async () => {
    expect((await t.http('GET', `/decisions/${randomUUID()}`)).status).toBe(404);
  });
});

describe('GET /decisions/verify', () => {
  const verify = async (query = '') => (await t.http<Verdict>('GET', `/decisions/verify${query}`)).body;

  it('says that nothing was changed, of all or of one account', async () => {
    expect(await verify()).toMatchObject({ ok: true, complete: true, checked: 4, nextCursor: null, firstBad: null });
    expect(await verify(`?accountId=${mine.accountId}`)).toMatchObject({ ok: true, checked: 2, streams: [{ stream: mine.accountId, checked: 2, ok: true }] });
    expect(await verify('?accountId=system')).toMatchObject({ ok: true, checked: 1 });
    expect(await verify(`?accountId=${randomUUID()}`)).toMatchObject({ ok: true, checked: 0 });
  });

  it('goes on where a part ended, over pages and streams, and takes no cursor that was given for something else', async () => {
    const account = randomUUID();
    await append(t, ...Array.from({ length: 450 }, () => aDecision(account)));
    let [checked, parts] = [0, 0];
    for (let cursor: string | null = ''; cursor !== null; parts++) {
      const part: Verdict = await verify(`?rows=1${cursor && `&cursor=${cursor}`}`);
      expect(part).toMatchObject({ ok: true, complete: part.nextCursor === null });
      checked += part.checked;
      cursor = part.nextCursor;
    }
    expect(checked).toBe(454);
    expect(parts).toBeGreaterThan(3);
    const { nextCursor } = await verify(`?rows=1&accountId=${account}`);
    expect((await t.http('GET', `/decisions/verify?rows=1&cursor=${nextCursor}`)).status).toBe(400);
    expect(await t.http('GET', `/decisions/verify?accountId=${account}&cursor=${nextCursor?.replace(/^./, 'X')}`)).toMatchObject({ status: 400, body: { errors: [{ path: 'cursor' }] } });
    // A row behind the page boundary is held against the one before it.
    await tamper(t, `delete from decision_history where stream = '${account}' and number = 201`);
    expect(await verify(`?accountId=${account}&cursor=${nextCursor}`)).toMatchObject({ ok: false, firstBad: { stream: account, number: 201, problem: 'MISSING' } });
  });

  it('is for people, and refuses limits out of range', async () => {
    expect((await mine.http('GET', '/decisions/verify')).status).toBe(403);
    for (const query of ['rows=0', 'rows=100001', 'rows=1e2', 'cursor=x', 'accountId=*']) expect((await t.http('GET', `/decisions/verify?${query}`)).status).toBe(400);
  });
});
