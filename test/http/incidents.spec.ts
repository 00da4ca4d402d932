import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { CommandIncidents } from '../../src/commands/command-incidents.js';
import { CommandsRepository } from '../../src/commands/commands.repository.js';
import { Sweeper } from '../../src/commands/sweeper.js';
import { Incidents } from '../../src/incidents/incidents.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { clientOf } from '../support/http.js';

interface Incident {
  id: string; kind: string; severity: string; status: string; subject: { type: string; id: string }; agentId: string; accountId: string | null; summary: string;
  data: Record<string, unknown>; occurrences: number; repeats: number; acknowledgedBy: string | null; note: string | null; resolvedBy: string | null; resolution: string | null;
}
interface Leased { id: string; leaseToken: string }

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

const list = async (query = `agentId=${agent.id}`) => (await t.http<{ items: Incident[] }>('GET', `/incidents?${query}`)).body.items;
const only = async (): Promise<Incident> => {
  const found = await list();
  expect(found).toHaveLength(1);
  return found[0] as Incident;
};
const told = async (id: string) => (await t.db.query<{ type: string }>('select type from events where subject_id = $1 order by seq', [id])).map(({ type }) => type);
const ack = (id: string, body: object = {}, token = t.adminToken) => clientOf(t.base, token)<Incident>('POST', `/incidents/${id}/ack`, { body });
const beat = (instance: string, base = t.base) => clientOf(base, agent.apiKey)('POST', '/agents/me/heartbeat', { body: {}, headers: { 'x-instance-id': instance } });

/** As the gate will make it: nothing above HTTP can. */
async function leasedOpening(leaseSeconds = 900): Promise<Leased> {
  await t.app.get(DataSource).transaction((tx) => t.app.get(CommandsRepository).insert(tx, {
    id: randomUUID(), agentId: agent.id, type: 'open_trade', class: 'opens', once: true, payload: {}, priority: 2, notBefore: null, expiresAt: null, maxAttempts: 5,
    tradeId: null, actor: 'system', correlationId: null,
  }));
  return lease(leaseSeconds);
}
async function lease(leaseSeconds = 900): Promise<Leased> {
  const [command] = (await agent.http<{ commands: Leased[] }>('POST', '/agents/me/commands/lease', { body: { max: 1, leaseSeconds } })).body.commands;
  if (!command) throw new Error('nothing was leased');
  return command;
}
const fail = ({ id, leaseToken }: Leased, outcome: string) =>
  agent.http('POST', `/commands/${id}/fail`, { body: { leaseToken, outcome, retryable: true, error: { code: 'NO_ANSWER', message: 'timed out' } } });

describe('an incident', () => {
  it('is opened once for its cause, from however many requests and servers, and counts how often that is seen', async () => {
    await beat('one');
    await Promise.all(Array.from({ length: 12 }, (_, n) => beat(`stranger-${n % 4}`, n % 2 ? t.base : second.base)));
    const incident = await only();
    expect(incident).toMatchObject({
      kind: 'INSTANCE_CONFLICT', severity: 'warning', status: 'open', subject: { type: 'agent', id: agent.id }, agentId: agent.id, occurrences: 4, repeats: 0,
      summary: expect.stringContaining(agent.name), data: { holder: 'one' }, acknowledgedBy: null, resolvedBy: null,
    });
    expect(incident.accountId).toEqual(expect.any(String));
    expect(await told(incident.id)).toEqual(['incident.opened']);
  });

  it('is told again until somebody acknowledges it; who did so first stays named', async () => {
    await beat('one');
    await beat('two');
    const { id } = await only();
    for (let round = 1; round <= 2; round++) {
      await t.db.query(`update incidents set repeat_at = app_clock() where id = $1`, [id]);
      await Promise.all([t.app.get(Incidents).tellAgain(), second.app.get(Incidents).tellAgain()]);
      expect((await only()).repeats).toBe(round);
    }
    const [first, again] = [await ack(id, { note: 'password=hunter2 is mine' }), await ack(id, { note: 'me too' }, await t.person('operator'))];
    expect(first).toMatchObject({ status: 200, body: { status: 'acknowledged', note: 'password=*** is mine' } });
    expect(again).toMatchObject({ status: 200, body: { acknowledgedBy: first.body.acknowledgedBy, note: first.body.note } });
    await t.db.advance(7_200);
    await t.app.get(Incidents).tellAgain();
    await t.db.advance(-7_200);
    expect(await told(id)).toEqual(['incident.opened', 'incident.repeated', 'incident.repeated', 'incident.acknowledged']);
  });

  it('ends when its cause has not been seen for long enough; a new one is opened when it comes back', async () => {
    await beat('one');
    await beat('two');
    const first = await only();
    await t.app.get(Incidents).closeQuiet();
    expect((await only()).status).toBe('open');
    await t.db.query(`update incidents set last_seen_at = app_clock() - interval '11 minutes' where id = $1`, [first.id]);
    await Promise.all([t.app.get(Incidents).closeQuiet(), second.app.get(Incidents).closeQuiet()]);
    expect(await only()).toMatchObject({ id: first.id, status: 'resolved', resolvedBy: 'system', resolution: 'not seen again' });
    expect(await told(first.id)).toEqual(['incident.opened', 'incident.resolved']);
    await t.db.query(`update agent_state set refused_at = app_clock() - interval '6 minutes' where agent_id = $1`, [agent.id]);
    await beat('two');
    expect((await list()).map(({ status }) => status)).toEqual(['open', 'resolved']);
    // Seen by a person after it was over: nothing is told again.
    expect((await ack(first.id)).body).toMatchObject({ status: 'resolved', acknowledgedBy: expect.any(String) });
  });

  it('that got worse has to be acknowledged anew, and never gets better by being seen again', async () => {
    const incidents = t.app.get(Incidents);
    const seen = (severity: 'warning' | 'critical') => t.app.get(DataSource).transaction((tx) =>
      incidents.open(tx, null, { kind: 'CLOSE_REJECTED', severity, subjectId: agent.id, agentId: agent.id, summary: severity }));
    await seen('warning');
    const { id } = await only();
    await ack(id);
    await seen('warning');
    expect(await only()).toMatchObject({ status: 'acknowledged', occurrences: 2 });
    await seen('critical');
    expect(await only()).toMatchObject({ status: 'open', severity: 'critical', occurrences: 3 });
    await seen('warning');
    expect(await only()).toMatchObject({ status: 'open', severity: 'critical', occurrences: 4 });
    await t.db.query('delete from incidents where id = $1', [id]);
  });

  it('is shown to people, and to a key only if it is of its own agent; acknowledging takes an operator', async () => {
    await beat('one');
    await beat('two');
    const incident = await only();
    const other = await t.agent();
    expect((await agent.http<{ items: Incident[] }>('GET', '/incidents')).body.items.map(({ id }) => id)).toEqual([incident.id]);
    expect((await other.http<{ items: Incident[] }>('GET', '/incidents')).body.items).toEqual([]);
    expect((await other.http('GET', `/incidents/${incident.id}`)).status).toBe(403);
    expect((await agent.http<Incident>('GET', `/incidents/${incident.id}`)).body).toEqual(incident);
    expect((await ack(incident.id, {}, await t.person('viewer'))).status).toBe(403);
    expect((await ack(incident.id, {}, agent.apiKey)).status).toBe(403);
    expect((await ack(randomUUID())).status).toBe(404);
    expect((await ack(incident.id, { note: 'x'.repeat(1_001) })).status).toBe(400);
    for (const [query, found] of [['status=open', 1], ['status=acknowledged', 0], ['status=resolved', 0], ['severity=warning', 1], ['severity=critical', 0], ['kind=INSTANCE_CONFLICT', 1], ['kind=COMMAND_UNKNOWN', 0], [`accountId=${incident.accountId}`, 1]] as const) {
      expect([query, (await list(`agentId=${agent.id}&${query}`)).length]).toEqual([query, found]);
    }
  });
});

describe('a command', () => {
  it('that lapsed into unknown is an incident with the lapse itself, until a person settles it', async () => {
    const command = await leasedOpening(5);
    await t.db.query(`update agent_commands set lease_expires_at = app_clock() where id = $1`, [command.id]);
    await Promise.all([t.app.get(Sweeper).sweep(), second.app.get(Sweeper).sweep()]);
    const incident = await only();
    expect(incident).toMatchObject({ kind: 'COMMAND_UNKNOWN', severity: 'critical', status: 'open', subject: { type: 'command', id: command.id }, occurrences: 1 });
    const [same] = await t.db.query<{ same: boolean }>(`
      select c.xmin = i.xmin and e.xmin = i.xmin as same from incidents i, agent_commands c, events e where i.id = $1 and c.id = $2 and e.subject_id = i.id and e.type = 'incident.opened'`, [incident.id, command.id]);
    expect(same?.same).toBe(true);
    await t.http('POST', `/commands/${command.id}/settle`, { body: { outcome: 'rejected', reason: 'looked at the broker' } });
    expect(await only()).toMatchObject({ status: 'resolved', resolution: 'settled as rejected' });
  });

  it('of which its agent does not know what became is an incident', async () => {
    await fail(await leasedOpening(), 'unknown');
    expect(await only()).toMatchObject({ kind: 'COMMAND_UNKNOWN', severity: 'critical', data: { code: 'NO_ANSWER', type: 'open_trade' } });
  });

  it('that reduces risk and is rejected is one incident however often, until the command has ended', async () => {
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'cancel_order', payload: { brokerOrderId: '1' } } });
    for (let times = 1; times <= 2; times++) {
      await fail(await lease(), 'rejected');
      await t.db.query('update agent_commands set not_before = app_clock() where agent_id = $1', [agent.id]);
    }
    expect(await only()).toMatchObject({ kind: 'CLOSE_REJECTED', severity: 'critical', status: 'open', occurrences: 2 });
    const last = await lease();
    await t.app.get(CommandIncidents).closeEnded();
    expect((await only()).status).toBe('open');
    await agent.http('POST', `/commands/${last.id}/complete`, { body: { leaseToken: last.leaseToken } });
    await t.app.get(CommandIncidents).closeEnded();
    expect(await only()).toMatchObject({ status: 'resolved', resolvedBy: 'system', resolution: 'the command has ended' });
  });

  it('that failed as commands fail, or opened and was rejected, is none', async () => {
    await fail(await leasedOpening(), 'rejected');
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'reconcile' } });
    await fail(await lease(), 'not_sent');
    expect(await list()).toEqual([]);
  });
});
