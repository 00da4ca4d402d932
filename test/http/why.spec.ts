import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SupervisionService } from '../../src/supervisor/supervision.service.js';
import { WaitingIdeas } from '../../src/trade-ideas/waiting.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { Closing, leaseOne } from '../support/closures.js';
import { tamper } from '../support/decisions.js';
import { clientOf } from '../support/http.js';
import { type Idea, limitAll, propose, trader } from '../support/ideas.js';
import { held, reportOf } from '../support/positions.js';
import type { Why } from '../support/why.js';

let t: TestApp;
let closing: Closing;
let agent: TestAgent;
let viewer: string;
beforeAll(async () => {
  t = await startTestApp();
  closing = new Closing(t);
  viewer = await t.person('viewer');
});
afterAll(() => t.close());
beforeEach(async () => {
  await limitAll(t);
  agent = await trader(t);
});

const ask = (id: string | null | undefined, token: string = viewer) => clientOf(t.base, token)<Why>('GET', `/why/${id}`);
const why = async (id: string | null | undefined) => {
  const { status, body, text } = await ask(id);
  if (status !== 200) throw new Error(text);
  return body;
};
const kinds = ({ chain }: Why) => chain.map(({ type }) => type);
const said = ({ chain }: Why, type: string) => chain.filter((each) => each.type === type).map(({ summary }) => summary);
const ids = ({ chain }: Why, type: string) => chain.filter((each) => each.type === type).map(({ id }) => id);

let predictions = 0;
const predict = async (more: object = {}) => (await agent.http<{ id: string }>('POST', '/predictions', {
  body: { model: 'ensemble', symbol: 'EURUSD', timestamp: new Date(Date.now() - 10_000 + ++predictions).toISOString(), direction: 'long', confidence: '0.9', ...more },
})).body.id;

/** As an agent that carries out what it proposed. */
async function trade(idea: Idea): Promise<{ id: string; commandId: string | null }> {
  const command = idea.command ?? (await agent.http<{ commands: { id: string; leaseToken: string }[] }>('POST', '/agents/me/commands/lease', { body: {} })).body.commands[0];
  const made = await agent.http<{ id: string; origin: string }>('POST', '/trades', { body: {
    clientOrderId: randomUUID(), symbol: 'EURUSD', direction: 'long', lotSize: '0.1', stopLoss: '1.09', entryPrice: '1.1002', entryTime: new Date().toISOString(), ideaId: idea.id, commandId: command?.id,
  } });
  expect([made.status, made.body.origin]).toEqual([201, 'gated']);
  expect((await agent.http('POST', `/commands/${command?.id}/complete`, { body: { leaseToken: command?.leaseToken } })).status).toBe(200);
  return { id: made.body.id, commandId: command?.id ?? null };
}

const fill = (id: string, role: string, price: string, more: object = {}) => agent.http('POST', `/trades/${id}/fills`, { body: { brokerDealId: randomUUID(), role, price, size: '0.1', at: new Date().toISOString(), ...more } });

describe('a trade that was decided, traded and closed by its stop', () => {
  let predictionId: string;
  let idea: Idea;
  let made: { id: string; commandId: string | null };
  beforeEach(async () => {
    predictionId = await predict();
    idea = (await propose(agent, { predictionId }, '?lease=1')).body;
    made = await trade(idea);
    await fill(made.id, 'entry', '1.1002');
    await agent.http('POST', `/trades/${made.id}/explanations`, { body: { kind: 'entry', explanation: 'it breaks out', llmModel: 'small' } });
    await fill(made.id, 'exit', '1.09', { profit: '-102', exitReason: 'stop' });
  });

  it('answers with the whole chain, causes first, and nothing is missing', async () => {
    const answer = await why(made.id);
    expect(answer).toMatchObject({ subject: { type: 'trade', id: made.id }, complete: true, missing: [], cut: false });
    const order = kinds(answer);
    expect(order.slice(0, 6)).toEqual(['prediction', 'idea', 'decision', 'reservation', 'command', 'transition']);
    expect(order.at(-1)).toBe('outcome');
    expect([...order].sort()).toEqual(expect.arrayContaining(['explanation', 'fill']));
    expect(order.filter((type) => type === 'fill')).toHaveLength(2);
    expect(answer.chain.find(({ type }) => type === 'command')?.data).toMatchObject({ tradeId: made.id });
    const [decision] = answer.chain.filter(({ type }) => type === 'decision');
    const rules = (decision?.data['riskCheckResult'] as { rules: { rule: string; input: object }[] }).rules;
    expect(rules.length).toBeGreaterThan(30);
    for (const each of rules) expect(each.input).toBeInstanceOf(Object);
    expect(said(answer, 'outcome')[0]).toMatch(/^Outcome: closed at 1\.09 by stop, net profit -102 USD \(-1 R\), source broker\.$/);
    expect(answer.chain.find(({ type }) => type === 'command')).toMatchObject({ id: made.commandId, data: { status: 'succeeded', attempts: [{ attempt: 1, outcome: expect.any(String) }] } });
    expect(answer.chain.filter(({ actor }) => actor === `agent:${agent.id}`).map(({ type }) => type)).toEqual(expect.arrayContaining(['prediction', 'idea', 'decision', 'fill']));
  });

  it('answers with the same from every end of it', async () => {
    const whole = await why(made.id);
    const decisionId = ids(whole, 'decision')[0];
    for (const [id, type] of [[idea.id, 'idea'], [made.commandId, 'command'], [predictionId, 'prediction'], [decisionId, 'decision']]) {
      const answer = await why(id);
      expect([type, answer.subject, answer.chain, answer.missing]).toEqual([type, { type, id }, whole.chain, []]);
    }
  });

  it('says that the decision was changed when it was', async () => {
    const [id] = ids(await why(made.id), 'decision');
    await tamper(t, `update decision_history set canonical = replace(canonical, '"approved"', '"rejected"') where id = '${id}'`);
    expect(await why(made.id)).toMatchObject({ complete: false, missing: [expect.stringContaining('was changed after it was written')] });
    await tamper(t, `update decision_history set canonical = 'no json' where id = '${id}'`);
    expect(said(await why(made.id), 'decision')).toEqual([expect.stringContaining('cannot be read')]);
  });
});

describe('what was not traded', () => {
  it('because of a limit names the rule, what was found and the limit', async () => {
    await limitAll(t, { maxLotSize: '0.05' });
    const { body: idea } = await propose(agent, { predictionId: await predict() });
    const answer = await why(idea.id);
    expect(kinds(answer)).toEqual(['prediction', 'idea', 'decision']);
    expect(said(answer, 'decision')[0]).toMatch(/^Refused by the gate, for agent:.*, verdict rejected.*: lot_size rejected \(SIZE_LIMIT: .*\[is 0\.1, limit 0\.05\]\); assumed: /);
    expect(answer).toMatchObject({ complete: true, missing: [] });
  });

  it('because of a halt shows the halt before the decision, and later its release after it', async () => {
    const { body: halt } = await t.http<{ id: string }>('POST', '/kill-switch', { body: { scope: { type: 'agent', id: agent.id }, mode: 'halt', reason: 'odd prices' } });
    const { body: idea } = await propose(agent);
    const answer = await why(idea.id);
    expect([kinds(answer).indexOf('halt') < kinds(answer).indexOf('decision'), ids(answer, 'halt')]).toEqual([true, [halt.id]]);
    expect(said(answer, 'halt')[0]).toMatch(/^Halt of agent agent-.* by user:.*: odd prices; carried through at /);
    expect(answer.missing).toEqual([expect.stringContaining('neither a prediction nor a snapshotRef')]);
    await t.http('POST', `/kill-switch/${halt.id}/release`, { body: { confirm: 'RELEASE', reason: 'well again' } });
    expect(kinds(await why(idea.id))).toEqual(['halt', 'idea', 'decision', 'release']);
  });

  it('because nobody approved it in time', async () => {
    const { body: idea } = await propose(agent, { confidence: '0.5', predictionId: await predict() });
    expect(await why(idea.id)).toMatchObject({ complete: false, missing: [expect.stringContaining('not decided yet: needs_approval')] });
    await t.db.query(`update trade_ideas set approve_until = app_clock() where id = $1`, [idea.id]);
    await t.app.get(WaitingIdeas).look();
    const answer = await why(idea.id);
    expect(kinds(answer)).toEqual(['prediction', 'idea', 'decision', 'decision']);
    expect(said(answer, 'decision')).toEqual([expect.stringMatching(/^Held for a person or a price .*CONFIDENCE_LOW/), expect.stringMatching(/^Refused by system\. Said: nobody approved it in time\.$/)]);
    expect(answer.missing).toEqual([]);
  });

  it('because a person said no, and what a person approved', async () => {
    const { body: no } = await propose(agent, { confidence: '0.5' });
    await t.http('POST', `/trade-ideas/${no.id}/reject`, { body: { reason: 'not today' } });
    expect(said(await why(no.id), 'decision').at(-1)).toMatch(/^Rejected by a person by user:.*Said: not today\.$/);
    const { body: yes } = await propose(agent, { confidence: '0.5' });
    const { body: approved } = await t.http<Idea>('POST', `/trade-ideas/${yes.id}/approve`, { body: { digest: yes.digest, reason: 'fine' } });
    expect(approved.status).toBe('approved');
    const answer = await why(approved.commandId);
    expect(kinds(answer)).toEqual(['idea', 'decision', 'decision', 'reservation', 'command']);
    expect(said(answer, 'decision')[1]).toMatch(/^Approved by user:.*verdict approved.*Said: fine\.$/);
    expect(answer.missing).toEqual(expect.arrayContaining([expect.stringMatching(/command .* has not ended: queued/)]));
  });

  it('though it was predicted', async () => {
    const unused = await why(await predict());
    expect([kinds(unused), unused.complete, unused.missing]).toEqual([['prediction'], false, ['The prediction was to be traded, and no idea and no trade names it.']]);
    const unsure = await why(await predict({ confidence: '0.2' }));
    expect([unsure.complete, said(unsure, 'prediction')]).toEqual([true, [expect.stringContaining('not to be traded')]]);
  });
});

describe('what was traded without being asked', () => {
  it('by an agent alone, or found at the broker, says that no decision is there', async () => {
    const { body } = await agent.http<{ adopted: { tradeId: string }[] }>('POST', '/agents/me/positions', { body: reportOf({ positions: [held()] }) });
    const external = await why(body.adopted[0]?.tradeId);
    expect([kinds(external), external.complete]).toEqual([['transition'], false]);
    expect(external.missing).toEqual([expect.stringContaining('found at the broker'), expect.stringContaining('is not over: open')]);
    const own = await agent.http<{ id: string }>('POST', '/trades', { body: { clientOrderId: 'by itself', symbol: 'EURUSD', direction: 'long', lotSize: '1' } });
    expect((await why(own.body.id)).missing).toEqual([expect.stringContaining('without asking'), expect.stringContaining('is not over: pending')]);
  });
});

describe('a trade that the supervisor closed', () => {
  it('names the rule that fired, and every command that was tried', async () => {
    const { body: idea } = await propose(agent, { predictionId: await predict() }, '?lease=1');
    const made = await trade(idea);
    await fill(made.id, 'entry', '1.1002');
    for (const ago of [2, 0]) {
      await agent.http('POST', `/trades/${made.id}/marks`, { body: { items: [{ quotedAt: new Date(Date.now() - ago * 1_000).toISOString(), bid: '1.0899', ask: '1.0899' }] } });
      await t.app.get(SupervisionService).idle();
    }
    await closing.work();
    const first = await leaseOne(agent);
    await agent.http('POST', `/commands/${first?.id}/fail`, { body: { leaseToken: first?.leaseToken, outcome: 'rejected', error: { code: 'NO_ROUTE', message: 'no' } } });
    await closing.work();
    const commands = (await closing.commands(made.id)).map(({ id }) => id);
    const running = await why(made.id);
    expect(running.missing).toEqual(expect.arrayContaining([expect.stringContaining('has not ended: nobody has seen its trade flat')]));
    await fill(made.id, 'exit', '1.0898', { profit: '-104', exitReason: 'supervisor' });
    await closing.work();
    const answer = await why(made.id);
    expect(said(answer, 'closure')).toEqual([expect.stringMatching(/^All wanted closed by supervisor, rule stop: .*stopLoss 1\.09.*; flat\.$/)]);
    const order = answer.chain.map(({ type, id }) => `${type} ${id}`);
    const [closure] = ids(answer, 'closure');
    for (const id of commands) expect([id, order.indexOf(`command ${id}`) > order.indexOf(`closure ${closure}`)]).toEqual([id, true]);
    expect(kinds(answer).at(-1)).toBe('outcome');
    expect((await why(closure)).chain).toEqual(answer.chain);
  });
});

describe('a halt', () => {
  it('says who, why, what it cancelled and wanted closed, and who released it', async () => {
    const { body: queued } = await propose(agent);
    const own = await agent.http<{ id: string }>('POST', '/trades', { body: { clientOrderId: 'held', symbol: 'EURUSD', direction: 'long', lotSize: '1', entryPrice: '1.1', entryTime: new Date().toISOString() } });
    const { body: halt } = await t.http<{ id: string }>('POST', '/kill-switch', { body: { scope: { type: 'account', id: agent.accountId }, mode: 'flatten', reason: 'out now' } });
    await t.http('POST', `/kill-switch/${halt.id}/release`, { body: { confirm: 'RELEASE', reason: 'well again' } });
    const answer = await why(halt.id);
    expect([answer.subject, kinds(answer)[0]]).toEqual([{ type: 'halt', id: halt.id }, 'halt']);
    expect(ids(answer, 'command')).toEqual([queued.commandId]);
    expect(answer.chain.find(({ type }) => type === 'closure')?.data).toMatchObject({ tradeId: own.body.id, haltId: halt.id, cause: 'halt' });
    expect(said(answer, 'release')).toEqual([expect.stringMatching(/released by user:.*: well again/)]);
    expect(said(answer, 'decision').map((words) => words.split(' ')[0])).toEqual(['Halted', 'Resumed']);
    // The idea whose command it was says so too.
    expect([kinds(await why(queued.id)), (await why(queued.id)).chain.at(-2)?.id]).toEqual([['idea', 'decision', 'reservation', 'command', 'halt', 'release'], halt.id]);
    // What another halt cancelled is not this one's.
    const { body: other } = await t.http<{ id: string }>('POST', '/kill-switch', { body: { scope: { type: 'agent', id: agent.id }, mode: 'halt', reason: 'out now' } });
    expect(kinds(await why(other.id))).not.toContain('command');
    expect((await ask(halt.id, agent.apiKey)).body.code).toBe('NOT_YOUR_AGENT');
    expect((await ask(other.id, agent.apiKey)).status).toBe(200);
  });
});

describe('who may ask', () => {
  it('is every person, and the keys of the agent that proposed or executes it', async () => {
    const [executor, stranger] = [await trader(t), await trader(t)];
    await t.http('PUT', `/agents/${agent.id}/executors`, { body: { executorAgentIds: [executor.id] } });
    const predictionId = await predict();
    const { body: idea } = await propose(agent, { executorAgentId: executor.id, predictionId });
    expect(idea.status).toBe('auto_executed');
    for (const id of [idea.id, idea.commandId, idea.decision.id]) {
      for (const [who, key, status] of [['proposer', agent.apiKey, 200], ['executor', executor.apiKey, 200], ['stranger', stranger.apiKey, 403]] as const) {
        expect([who, (await ask(id, key)).status]).toEqual([who, status]);
      }
    }
    expect([(await ask(predictionId, agent.apiKey)).status, (await ask(predictionId, executor.apiKey)).status]).toEqual([200, 403]);
  });

  it('gets 404 for what is not there, and 400 for what is no id', async () => {
    expect([(await ask(randomUUID())).status, (await ask(randomUUID(), agent.apiKey)).status, (await ask('me')).status]).toEqual([404, 404, 400]);
  });
});

describe('a chain that is too long', () => {
  it('is cut in the middle, and says so', async () => {
    const { body: idea } = await propose(agent, {}, '?lease=1');
    const made = await trade(idea);
    await t.db.query(`insert into trade_transitions (trade_id, version, from_status, to_status, occurred_at, late, actor)
      select $1, n, 'open', 'open', app_clock() + n * interval '1 second', false, 'system' from generate_series(2, 700) n`, [made.id]);
    const answer = await why(made.id);
    expect([answer.chain.length, answer.cut, answer.complete, kinds(answer)[0]]).toEqual([500, true, false, 'idea']);
    expect(answer.chain.at(-1)?.data['version']).toBe(700);
  });
});
