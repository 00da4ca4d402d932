import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ADMIN, startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { cli } from '../support/cli.js';
import { openTrade } from '../support/closures.js';
import { closeEventSources, openEvents } from '../support/event-source.js';
import { beat, type Halt, lease, release, type Told } from '../support/halts.js';
import { clientOf } from '../support/http.js';
import { type Idea, limitAll, propose, quote, trader } from '../support/ideas.js';
import { describeOnPostgres15 } from '../support/postgres15.js';
import { type Restorable, restorable } from '../support/restores.js';


interface Opened { agent: TestAgent; idea: Idea; token: string }

/** As an agent does it all day: the gate lets it through, the broker carries it out, both are told. */
async function opens(agent: TestAgent, done: boolean): Promise<Opened> {
  await beat(agent);
  await quote(agent, '1.1', '1.1002');
  const { body: idea, text } = await propose(agent, { symbol: 'EURUSD' }, '?lease=1');
  if (!idea.command) throw new Error(text);
  if (done) {
    await openTrade(agent, { commandId: idea.command.id, ideaId: idea.id, clientOrderId: randomUUID(), lotSize: '0.1' });
    await agent.http('POST', `/commands/${idea.command.id}/complete`, { body: { leaseToken: idea.command.leaseToken } });
  }
  return { agent, idea, token: idea.command.leaseToken };
}

describeOnPostgres15('a whole system, from the backup to trading on', () => {
  let r: Restorable;
  let t: TestApp;
  beforeAll(async () => {
    r = await restorable();
    t = await startTestApp({}, r.db);
    await limitAll(t);
  });
  afterAll(async () => {
    closeEventSources();
    await t.close();
    await r.end();
  });

  it('goes back to the backup, comes up halted, hears its agents and goes on when a person releases it', async () => {
    const agents = await Promise.all(Array.from({ length: 4 }, () => trader(t)));
    const before = await Promise.all(agents.map((agent) => opens(agent, true)));
    const inHand = await opens(agents[0] as TestAgent, false);
    // Traffic goes on while it is backed up.
    const [name, during] = await Promise.all([r.backUp(), Promise.all(agents.map((agent) => opens(agent, true)))]);
    const manifestAt = Date.now();
    const after = await opens(agents[1] as TestAgent, true);
    const stream = await openEvents(t.base, t.adminToken);
    await stream.ready();
    const lost = await t.agent();
    await stream.has(1);
    const { lastId } = stream;
    closeEventSources();
    const [events] = await r.db.query<{ most: number }>(`select max(seq)::float8 as most from events`);
    await t.close();

    const run = await r.restore(['latest', '--yes']);
    expect([run.code, run.stderr.includes('password')]).toEqual([0, false]);
    expect(run.json).toMatchObject({ backup: name, database: 'tradewarden', before: expect.stringMatching(/^tradewarden_before_\d{8}t\d{6}z$/), migrations: [], notes: [] });
    expect(Date.parse(run.json.backupAt)).toBeLessThan(manifestAt);

    t = await startTestApp({}, r.db);
    t.http = clientOf(t.base, await t.signIn(ADMIN.email, ADMIN.password));
    const at = (agent: TestAgent): TestAgent => ({ ...agent, http: clientOf(t.base, agent.apiKey) });
    // What was acknowledged before the backup is there, and what came after it is not.
    for (const { idea } of before) expect((await t.http('GET', `/trade-ideas/${idea.id}`)).status).toBe(200);
    expect((await t.http('GET', `/trade-ideas/${after.idea.id}`)).status).toBe(404);
    expect((await clientOf(t.base, lost.apiKey)('POST', '/agents/me/heartbeat', { body: {} })).status).toBe(401);
    expect((await cli(['audit:verify', '--json'], r.env)).code).toBe(0);

    // Halted, whoever asks.
    expect((await t.http<Halt>('GET', `/kill-switch/${run.json.haltId}`)).body).toMatchObject({ source: 'restore', inForce: true, effectiveAt: expect.any(String) });
    for (const agent of agents.map(at)) {
      await quote(agent, '1.1', '1.1002');
      expect([(await beat(agent)).body.desiredState.state, (await propose(agent)).body.status]).toEqual(['halted', 'halted_by_risk']);
    }
    // A lease from before is none, and what nobody knows is not handed out again.
    const first = at(agents[0] as TestAgent);
    const late = await first.http<{ code: string }>('POST', `/commands/${inHand.idea.commandId}/complete`, { body: { leaseToken: inHand.token } });
    expect([late.status, late.body.code]).toEqual([409, 'COMMAND_LEASE_LOST']);
    const gone = await at(after.agent).http('POST', `/commands/${after.idea.commandId}/complete`, { body: { leaseToken: after.token } });
    expect(gone.status).toBe(404);
    // Who followed the events is told to begin anew; no number is given twice.
    const again = await clientOf(t.base, await t.signIn(ADMIN.email, ADMIN.password))<{ code: string }>('GET', '/events', { headers: { 'last-event-id': lastId } });
    expect([again.status, again.body.code]).toEqual([410, 'EVENT_ID_GONE']);
    expect((await r.db.query<{ least: number }>(`select min(seq)::float8 as least from events where seq > $1`, [events?.most]))[0]?.least).toBeGreaterThan(events?.most ?? 0);

    // Agents say what is so, one of them that the opening in its hand was carried out.
    for (const agent of agents.map(at)) {
      const commands = (await lease(agent)).body.commands;
      expect(commands.map(({ type }) => type)).toEqual(['reconcile']);
      const [{ id, leaseToken, payload }] = commands as [Told['commands'][number]];
      // What was done before the backup may have been told after it.
      expect(payload).toMatchObject({ since: new Date(Date.parse(run.json.backupAt) - 7 * 86_400_000).toISOString() });
      expect((await agent.http('POST', `/commands/${id}/complete`, { body: { leaseToken, result: { note: 'a paper agent' } } })).status).toBe(200);
    }
    const twice = await r.db.query(`select command_id from command_attempts where outcome = 'succeeded' group by 1 having count(*) > 1`);
    expect(twice).toEqual([]);
    const opened = await r.db.query(`select 1 from agent_commands c join restores b on c.created_at > b.arrived_at where c.class = 'opens'`);
    expect(opened).toEqual([]);

    expect((await release(t, run.json.haltId)).body.released).toBe(true);
    for (const agent of agents.map(at)) await opens(agent, true);
    expect(during).toHaveLength(4);

    // What was live is kept until somebody says otherwise, twice.
    const old = run.json.before ?? '';
    expect((await cli<{ kept: object[] }>(['restore:old', '--json'], r.env)).json.kept).toMatchObject([{ name: old, backup: name }]);
    expect(await cli(['restore:old', '--drop', old, '--json'], r.env)).toMatchObject({ code: 2 });
    expect(await cli(['restore:old', '--drop', 'tradewarden', '--confirm', 'tradewarden', '--json'], r.env)).toMatchObject({ code: 1, json: { error: { code: 'NOT_KEPT' } } });
    expect((await cli(['restore:old', '--drop', old, '--confirm', old, '--json'], r.env)).code).toBe(0);
    expect(await r.databases()).toEqual(['tradewarden']);
  });

  it('is not taken away while it is in use, unless that is said; then the server goes on with what came back', async () => {
    const name = await r.backUp();
    const agent = await trader(t);
    const refused = await r.restore([name, '--yes']);
    expect(refused).toMatchObject({ code: 1, json: { error: { code: 'IN_USE', message: expect.stringContaining('tradewarden') } } });
    expect((await beat(agent)).status).toBe(200);
    const run = await r.restore([name, '--yes', '--disconnect']);
    expect(run.code).toBe(0);
    // The agent was made after the backup: its key is not known any more.
    const told = async () => (await agent.http('POST', '/agents/me/heartbeat', { body: {} })).status;
    for (let n = 0; n < 50 && (await told()) !== 401; n++) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await told()).toBe(401);
    expect(await r.db.query(`select source from halts where released_at is null`)).toMatchObject([{ source: 'restore' }]);
  });
});
