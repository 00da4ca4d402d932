import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { release } from '../support/halts.js';
import { beat, type Idea, limitAll, propose, quote } from '../support/ideas.js';

interface Desired { state: string; reasons: { code: string; reason?: string }[] }

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  await limitAll(t);
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

const runs = async (agentVersion: string, configHash?: string, of = agent) => (await of.http<{ desiredState: Desired }>('POST', '/agents/me/heartbeat', { body: { agentVersion, configHash } })).body.desiredState;
const halting = () => t.http('PATCH', `/agents/${agent.id}`, { body: { versionPolicy: 'halt' } });
const changes = async (of = agent) => (await t.db.query<{ data: object }>(`select data from events where agent_id = $1 and type = 'agent.version_changed' order by seq`, [of.id])).map(({ data }) => data);
const incidents = (of = agent) => t.db.query<{ severity: string; summary: string; occurrences: number }>(`select severity, summary, occurrences from incidents where kind = 'VERSION_CHANGED' and subject_id = $1`, [of.id]);
const halts = (of = agent) => t.db.query<{ mode: string; reason: string; imposed_by: string }>(`select mode, reason, imposed_by from halts where scope_id = $1 and released_at is null`, [of.id]);
const START = Date.parse('2026-01-05T10:00:00Z');
const prediction = (minute: number, more: object = {}) => ({ model: 'gpt', symbol: 'EURUSD', timestamp: new Date(START + minute * 60_000).toISOString(), direction: 'long', confidence: '0.8', ...more });
const predict = async (minute: number, more: object = {}, headers: Record<string, string> = {}) => {
  const { status, body, text } = await agent.http<{ id: string; agentVersion: string | null; configHash: string | null }>('POST', '/predictions', { body: prediction(minute, more), headers });
  if (status !== 201) throw new Error(text);
  return body;
};

describe('an agent that runs another version, or with another configuration', () => {
  it('is told to a person once for each, and goes on; that it says so for the first time, or says nothing, is no change', async () => {
    for (const [version, hash] of [['1.0'], ['1.0', 'aa'], ['1.1', 'aa'], ['1.1', 'bb'], ['1.1']] as const) expect((await runs(version, hash)).state).toBe('active');
    await beat(agent);
    expect(await changes()).toEqual([{ field: 'agentVersion', from: '1.0', to: '1.1' }, { field: 'configHash', from: 'aa', to: 'bb' }]);
    expect(await incidents()).toEqual([{ severity: 'warning', occurrences: 2, summary: `Agent ${agent.name} changed: configuration bb, before aa.` }]);
    expect([await halts(), (await t.http<object>('GET', `/agents/${agent.id}/state`)).body]).toMatchObject([[], { agentVersion: '1.1', configHash: 'bb' }]);
  });

  it('opens nothing more with versionPolicy halt, from that answer on, until a person releases it', async () => {
    expect((await t.http('PATCH', `/agents/${agent.id}`, { body: { versionPolicy: 'stop' } })).body).toMatchObject({ errors: [{ path: 'versionPolicy' }] });
    expect((await halting()).body).toMatchObject({ versionPolicy: 'halt' });
    await beat(agent);
    await quote(agent, '1.1', '1.1002');
    expect((await runs('1.0')).state).toBe('active');
    expect((await propose(agent)).body.status).toBe('auto_executed');
    expect(await runs('1.1')).toMatchObject({ state: 'reducing', reasons: [{ code: 'HALT', reason: 'it runs another version than before' }] });
    expect((await propose(agent)).body).toMatchObject({ status: 'halted_by_risk', reasons: [{ code: 'HALT_AGENT' }] });
    await runs('1.2');
    expect([await halts(), await incidents()]).toMatchObject([[{ mode: 'reduce', imposed_by: 'system' }], [{ severity: 'critical', occurrences: 2 }]]);
    const [{ id = '' } = {}] = await t.db.query<{ id: string }>('select id from halts where scope_id = $1', [agent.id]);
    expect((await release(t, id)).status).toBe(200);
    expect((await runs('1.2')).state).toBe('active');
  });

  it('has one event, one incident and one halt, however many of its reports say so at once', async () => {
    await halting();
    await runs('1.0', 'aa');
    await Promise.all(Array.from({ length: 24 }, () => runs('2.0', 'bb')));
    expect([await changes(), await halts()]).toMatchObject([[{ to: '2.0' }, { to: 'bb' }], [{}]]);
    expect(await incidents()).toMatchObject([{ occurrences: 1 }]);
  });

  it('is not taken for the new one where the halt could not be stored', async () => {
    await halting();
    await runs('1.0');
    await t.db.query(`alter table halts add constraint halts_full check (mode <> 'reduce') not valid`);
    try {
      expect((await agent.http('POST', '/agents/me/heartbeat', { body: { agentVersion: '1.1' } })).status).toBe(409);
    } finally {
      await t.db.query(`alter table halts drop constraint halts_full`);
    }
    expect([await changes(), await halts(), (await t.http('GET', `/agents/${agent.id}/state`)).body]).toMatchObject([[], [], { agentVersion: '1.0' }]);
    expect((await runs('1.1')).state).toBe('reducing');
  });

  it('is noticed in a sync as in a heartbeat, and an older report says nothing of it', async () => {
    await runs('1.0');
    const synced = await agent.http('POST', `/agents/${agent.id}/sync`, { body: { syncSeq: 1, state: { agentVersion: '1.1' } } });
    expect(synced.status).toBe(200);
    await agent.http('POST', '/agents/me/heartbeat', { body: { agentVersion: '1.0', asOf: new Date(Date.now() - 60_000).toISOString() } });
    expect(await changes()).toEqual([{ field: 'agentVersion', from: '1.0', to: '1.1' }]);
  });

  it('says no secret', async () => {
    const { status, text } = await agent.http('POST', '/agents/me/heartbeat', { body: { configHash: `tw_${'x'.repeat(43)}` } });
    expect([status, text]).toEqual([400, expect.stringContaining('"path":"configHash"')]);
  });
});

describe('predictions of another version of a model, or of another prompt', () => {
  it('are told once, each model for itself; older ones that come late are not', async () => {
    await predict(0, { modelVersion: '1', promptHash: 'p' });
    await predict(1, { modelVersion: '1' });
    await predict(2, { model: 'other', modelVersion: '9' });
    await predict(10, { modelVersion: '2', promptHash: 'p' });
    await predict(5, { modelVersion: '1', promptHash: 'p' });
    await predict(11, { promptHash: 'q' }, { 'idempotency-key': randomUUID() });
    expect(await changes()).toEqual([{ field: 'modelVersion', model: 'gpt', from: '1', to: '2' }, { field: 'promptHash', model: 'gpt', from: 'p', to: 'q' }]);
    await agent.http('POST', '/predictions/batch', { body: { items: [prediction(20, { modelVersion: '3' }), prediction(30, { modelVersion: '4' }), prediction(30, { model: 'other', modelVersion: '9' })] } });
    expect((await changes()).slice(2)).toEqual([{ field: 'modelVersion', model: 'gpt', from: '2', to: '4' }]);
    expect(await incidents()).toEqual([{ severity: 'warning', occurrences: 3, summary: `Agent ${agent.name} changed: version of gpt 4, before 2.` }]);
  });

  it('halt the agent where it is to be, once for many at once', async () => {
    await halting();
    await predict(0, { promptHash: 'p' });
    await Promise.all(Array.from({ length: 24 }, (_none, n) => predict(1, { promptHash: 'q', marketPrice: String(n + 1) })));
    expect([await changes(), await halts(), await incidents()]).toMatchObject([[{ from: 'p', to: 'q' }], [{ mode: 'reduce' }], [{ occurrences: 1 }]]);
  });
});

describe('what it was made by', () => {
  it('stays with a prediction, an idea and a trade, whatever runs later', async () => {
    await beat(agent);
    await quote(agent, '1.1', '1.1002');
    await runs('1.0', 'aa');
    const predicted = await predict(0, { modelVersion: 'm1', promptHash: 'p1' });
    expect(predicted).toMatchObject({ agentVersion: '1.0', configHash: 'aa' });
    const { body: idea } = await propose(agent, { predictionId: predicted.id });
    const made = { agentVersion: '1.0', configHash: 'aa', modelVersion: 'm1', promptHash: 'p1' };
    expect(idea).toMatchObject(made);
    await runs('2.0', 'bb');
    await predict(1, { modelVersion: 'm2', promptHash: 'p2' });
    const told = (more: object) => agent.http<object>('POST', '/trades', { body: { clientOrderId: randomUUID(), symbol: 'EURUSD', direction: 'long', lotSize: '0.1', ...more } });
    expect((await told({ ideaId: idea.id })).body).toMatchObject({ ...made, ideaId: idea.id });
    expect((await told({ predictionId: predicted.id })).body).toMatchObject({ agentVersion: '2.0', configHash: 'bb', modelVersion: 'm1', promptHash: 'p1', ideaId: null });
    expect((await t.http<Idea>('GET', `/trade-ideas/${idea.id}`)).body).toMatchObject(made);
    expect((await t.http<{ items: object[] }>('GET', `/predictions?agentId=${agent.id}`)).body.items).toMatchObject([{ agentVersion: '2.0', configHash: 'bb' }, { agentVersion: '1.0', configHash: 'aa' }]);
  });

  it('is not known of a position that was opened by hand, until its agent claims it', async () => {
    await runs('1.0');
    const position = { symbol: 'EURUSD', direction: 'long', size: '0.1', entryPrice: '1.1', brokerPositionId: randomUUID() };
    await agent.http('POST', '/agents/me/positions', { body: { complete: true, asOf: new Date().toISOString(), positions: [position] } });
    const trades = async () => (await t.http<{ items: object[] }>('GET', `/trades?agentId=${agent.id}`)).body.items;
    expect(await trades()).toMatchObject([{ origin: 'external', agentVersion: null }]);
    await agent.http('POST', '/trades', { body: { clientOrderId: randomUUID(), symbol: 'EURUSD', direction: 'long', lotSize: '0.1', brokerPositionId: position.brokerPositionId } });
    expect(await trades()).toMatchObject([{ origin: 'ungated', agentVersion: '1.0' }]);
  });
});
