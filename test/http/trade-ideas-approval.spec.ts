import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Schedules } from '../../src/database/schedules.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Answer, clientOf } from '../support/http.js';
import { type Idea, ideaOf, limitAll, propose, quote, trader } from '../support/ideas.js';

let t: TestApp;
let second: TestApp;
let agent: TestAgent;
let operator: string;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
  operator = await t.person('operator');
});
afterAll(async () => {
  await second.close();
  await t.close();
});
beforeEach(async () => {
  await limitAll(t);
  agent = await trader(t);
});

const UNSURE = { confidence: '0.69' };
const approve = (idea: Pick<Idea, 'id' | 'digest'>, more: { token?: string; base?: string; reason?: string } = {}): Promise<Answer<Idea>> =>
  clientOf(more.base ?? t.base, more.token ?? operator)<Idea>('POST', `/trade-ideas/${idea.id}/approve`, { body: { digest: idea.digest, ...(more.reason ? { reason: more.reason } : {}) } });
const reject = (idea: Pick<Idea, 'id'>, base = t.base) => clientOf(base, operator)<Idea>('POST', `/trade-ideas/${idea.id}/reject`, { body: { reason: 'not today' } });
const asked = async (more: object = {}) => (await propose(agent, { ...UNSURE, ...more })).body;
const openings = async (who = agent) => (await t.http<{ items: { id: string; status: string; payload: Record<string, unknown> }[] }>('GET', `/commands?agentId=${who.id}&type=open_trade`)).body.items;

describe('an idea that needs a person', () => {
  it.each([['an unsure one', UNSURE, {}], ['one without confidence', { confidence: null }, {}], ['any, where all need one', {}, { requireApproval: true }], ['one off the watchlist', {}, { allowOffWatchlistAutotrade: false }]])('%s is asked about, reserves nothing, and is carried out as shown', async (_what, more, limits) => {
    await limitAll(t, limits);
    agent = await trader(t, { symbols: ['GBPUSD'] });
    const { body: idea } = await propose(agent, more);
    expect(idea).toMatchObject({ status: 'needs_approval', commandId: null, approveUntil: expect.any(String), priceBand: { low: '1.09765', high: '1.10275' }, decidedAt: null });
    expect(await openings()).toEqual([]);
    const { status, body } = await approve(idea, { reason: 'looks right' });
    expect([status, body.status, body.endedReason]).toEqual([200, 'approved', 'looks right']);
    expect(body.approvedBy).toMatch(/^user:/);
    const stored = await ideaOf(t, idea.id);
    expect(stored).toMatchObject({
      reservation: { held: true },
      decisions: [{ type: 'human_approved', actor: body.approvedBy, humanOverride: { action: 'approve', digest: idea.digest, reason: 'looks right', by: body.approvedBy }, riskCheckResult: { verdict: 'approved' } }, { type: 'ai_proposed' }],
    });
    expect(await openings()).toMatchObject([{ id: body.commandId, status: 'queued', payload: { ideaId: idea.id } }]);
  });

  it('is approved by a person only', async () => {
    const idea = await asked();
    for (const token of [agent.apiKey, await t.person('viewer')]) expect((await approve(idea, { token })).status).toBe(403);
    for (const what of ['reject', 'release']) expect((await clientOf(t.base, agent.apiKey)('POST', `/trade-ideas/${idea.id}/${what}`, { body: { reason: 'x' } })).status).toBe(403);
    expect(await ideaOf(t, idea.id)).toMatchObject({ status: 'needs_approval' });
  });

  it('is carried out only under the digest that names what would be traded', async () => {
    const [one, other] = [await asked(), await asked({ lotSize: '0.2' })];
    expect(one.digest).not.toBe(other.digest);
    expect((await approve({ id: one.id, digest: other.digest })).body).toMatchObject({ status: 409, code: 'DIGEST_MISMATCH', digest: one.digest });
    for (const digest of ['', 'x', one.digest.toUpperCase(), one.digest.slice(1)]) expect((await approve({ id: one.id, digest })).body).toMatchObject({ status: 400 });
    expect(await openings()).toEqual([]);
  });

  it('has a digest of everything that would be traded', async () => {
    const same = await Promise.all([asked(), asked()]);
    expect(same[0].digest).toBe(same[1].digest);
    const digests = [same[0].digest];
    for (const more of [{ lotSize: '0.11' }, { stopLoss: '1.08' }, { takeProfit: '1.14' }, { entryPrice: '1.1' }, { validForSeconds: 31 }, { direction: 'short', stopLoss: '1.11', takeProfit: '1.07' }]) digests.push((await asked(more)).digest);
    agent = await trader(t);
    digests.push((await asked()).digest);
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('is over after 120 s: who comes then is told, and so is the history', async () => {
    const idea = await asked();
    expect(Date.parse(idea.approveUntil ?? '')).toBeGreaterThan(Date.now() + 110_000);
    await t.db.query(`update trade_ideas set approve_until = app_clock() where id = $1`, [idea.id]);
    expect((await approve(idea)).body).toMatchObject({ status: 409, code: 'IDEA_EXPIRED' });
    expect(await ideaOf(t, idea.id)).toMatchObject({ status: 'expired', endedReason: 'nobody approved it in time', decidedBy: 'system', decisions: [{ type: 'risk_rejected' }, { type: 'ai_proposed' }] });
    expect((await approve(idea)).body).toMatchObject({ code: 'IDEA_NOT_PENDING', detail: expect.stringContaining('expired') });
  });

  it('is ended by the schedule, also when nobody comes', async () => {
    const idea = await asked();
    await t.db.query(`update trade_ideas set approve_until = app_clock() where id = $1`, [idea.id]);
    await t.db.query(`update schedules set next_run_at = '-infinity' where name = 'ideas.look'`);
    await t.app.get(Schedules).runDue();
    expect(await ideaOf(t, idea.id)).toMatchObject({ status: 'expired' });
  });

  it('is not carried out at a price outside its band, until that price is approved, in the same time', async () => {
    const idea = await asked();
    await quote(agent, '1.1028', '1.103');
    const moved = (await approve(idea)).body as Idea & { digest: string };
    expect(moved).toMatchObject({ status: 409, code: 'PRICE_MOVED', digest: expect.not.stringMatching(idea.digest), priceBand: { low: '1.09975', high: '1.10625' } });
    expect(await ideaOf(t, idea.id)).toMatchObject({ status: 'needs_approval', digest: moved.digest, approveUntil: idea.approveUntil });
    expect((await approve(idea)).body).toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(await openings()).toEqual([]);
    expect((await approve({ id: idea.id, digest: moved.digest })).body).toMatchObject({ status: 'approved' });
    expect(await openings()).toMatchObject([{ payload: { limitPrice: '1.103' } }]);
  });

  it.each([['at the edge of the band', '1.10275', 200], ['one digit beyond it', '1.102751', 409]])('%s is %s answered %s', async (_where, ask, status) => {
    const idea = await asked();
    await quote(agent, '1.1', ask);
    expect((await approve(idea)).status).toBe(status);
  });

  it('keeps its own range as the band', async () => {
    const idea = await asked({ entryRange: { low: '1.1', high: '1.101' } });
    expect(idea).toMatchObject({ status: 'needs_approval', priceBand: { low: '1.1', high: '1.101' } });
    await quote(agent, '1.1008', '1.1011');
    expect((await approve(idea)).body).toMatchObject({ code: 'PRICE_MOVED', digest: idea.digest });
    await quote(agent, '1.1007', '1.1009');
    expect((await approve(idea)).body).toMatchObject({ status: 'approved' });
  });

  it('is refused by the gate as any other when it is approved, and is over then', async () => {
    for (const [limits, status] of [[{ aiTradingEnabled: false }, 'halted_by_risk'], [{ maxLotSize: '0.05' }, 'rejected']] as const) {
      await limitAll(t);
      const idea = await asked();
      await limitAll(t, limits);
      const { status: http, body } = await approve(idea);
      expect([http, body.status, body.commandId]).toEqual([200, status, null]);
      expect(await ideaOf(t, idea.id)).toMatchObject({ status, decisions: [{ type: 'risk_rejected', humanOverride: { action: 'approve' } }, { type: 'ai_proposed' }] });
      expect((await approve(idea)).body).toMatchObject({ code: 'IDEA_NOT_PENDING' });
    }
    expect(await openings()).toEqual([]);
  });

  it('is shown anew when its strategy has become another version', async () => {
    const name = `s-${agent.id}`;
    const { body: strategy } = await t.http<{ id: string; version: number }>('POST', '/strategies', { body: { name, isActive: true, sessionWindows: null, allowedSymbols: ['EURUSD'] } });
    expect(strategy.id).toEqual(expect.any(String));
    const idea = await asked({ strategyId: strategy.id });
    const { body: whole } = await t.http<Record<string, unknown>>('GET', `/strategies/${strategy.id}`);
    const content = Object.fromEntries(['name', 'isActive', 'allowedSymbols', 'sessionWindows', 'holidays', 'entryConditions', 'exitRules', 'forbiddenConditions', 'riskCaps', 'rrExpectation'].map((field) => [field, whole[field]]));
    const put = await t.http('PUT', `/strategies/${strategy.id}`, { body: { ...content, forbiddenConditions: { news: true } }, headers: { 'if-match': '"1"' } });
    expect(put.status).toBe(200);
    const shown = (await approve(idea)).body;
    expect(shown).toMatchObject({ code: 'DIGEST_MISMATCH', digest: expect.not.stringMatching(idea.digest) });
    expect((await approve({ id: idea.id, digest: shown.digest })).body).toMatchObject({ status: 'approved', strategyVersion: 2 });
  });

  it('is rejected with a reason', async () => {
    const idea = await asked();
    expect((await t.http('POST', `/trade-ideas/${idea.id}/reject`, { body: {} })).status).toBe(400);
    expect((await reject(idea)).body).toMatchObject({ status: 'rejected', endedReason: 'not today' });
    expect(await ideaOf(t, idea.id)).toMatchObject({ decisions: [{ type: 'human_rejected', reason: 'not today', humanOverride: { action: 'reject', digest: idea.digest } }, { type: 'ai_proposed' }] });
    expect((await approve(idea)).body).toMatchObject({ code: 'IDEA_NOT_PENDING', detail: expect.stringMatching(/rejected, by user:.*not today/) });
  });
});

describe('several people at once', () => {
  const ROUNDS = process.env['FULL_FIGURES'] ? 50 : 5;

  it('approve once: one command, and everybody else is told who it was', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      agent = await trader(t);
      const idea = await asked();
      const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => approve(idea, { base: n % 2 ? t.base : second.base })));
      const won = answers.filter(({ status }) => status === 200);
      expect([won.length, answers.filter(({ status, body }) => status === 409 && body.code === 'IDEA_NOT_PENDING').length]).toEqual([1, 9]);
      for (const { body } of answers.filter(({ status }) => status === 409)) expect(body.detail).toContain(won[0]?.body.approvedBy);
      expect((await openings()).map(({ id }) => id)).toEqual([won[0]?.body.commandId]);
      expect((await ideaOf(t, idea.id)).decisions.map(({ type }) => type)).toEqual(['human_approved', 'ai_proposed']);
    }
  });

  it('approve, reject, halt and let expire: one of them wins, and what is left agrees with it', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      agent = await trader(t);
      const idea = await asked();
      const halt = () => t.http<{ id: string }>('POST', '/kill-switch', { body: { scope: { type: 'agent', id: agent.id }, mode: 'halt', reason: 'a race' } });
      const [first, last, , stop] = await Promise.all([
        approve(idea), reject(idea, second.base), t.db.query(`update trade_ideas set approve_until = app_clock() where id = $1 and decided_at is null and $2`, [idea.id, round % 3 === 0]).catch(() => undefined),
        round % 2 ? halt() : null,
      ]);
      const { status, commandId, decisions } = await ideaOf(t, idea.id);
      expect([first, last].filter((answer) => answer.status === 200).length).toBeLessThanOrEqual(1);
      expect(decisions).toHaveLength(2);
      const made = await openings();
      expect([status, made.map(({ id }) => id)]).toEqual([status, status === 'approved' ? [commandId] : []]);
      if (first.status === 200) expect(status).toBe(first.body.status);
      if (last.status === 200) expect(status).toBe('rejected');
      // The halt was answered: nothing that was approved before it is still to be had.
      if (stop) expect((await agent.http<{ commands: { type: string }[] }>('POST', '/agents/me/commands/lease', { body: {} })).body.commands.filter(({ type }) => type === 'open_trade')).toEqual([]);
    }
  });
});
