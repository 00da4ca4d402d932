import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { cli } from '../support/cli.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { beat, limitAll, propose, trader } from '../support/ideas.js';

let t: TestApp;
let env: Record<string, string>;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  env = { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl };
  await limitAll(t, { maxLotSize: '0.05' });
  agent = await trader(t);
});
afterAll(() => t.close());

describe('why, at the command line', () => {
  it('is one line for each step, with the rules that refused and what they looked at', async () => {
    const { body: idea } = await propose(agent, { rationale: 'first\nsecond' });
    const { code, stdout } = await cli(['why', idea.id], env);
    const lines = stdout.trimEnd().split('\n');
    expect([code, lines[0], lines.at(-1)]).toEqual([0, `Why idea ${idea.id}:`, 'Not complete.']);
    expect(lines.filter((line) => /^\d{4}-.*Z {2}(idea|decision) {2,}/.test(line))).toHaveLength(2);
    expect(stdout).toContain('Because: first second');
    expect(stdout).toMatch(/^ {4}rejected: lot_size: SIZE_LIMIT .*\(.*0\.05.*\)$/m);
    expect(stdout).toMatch(/^Missing: .*neither a prediction nor a snapshotRef/m);
    const { json } = await cli<{ subject: object; chain: { type: string }[] }>(['why', idea.id, '--json'], env);
    expect([json.subject, json.chain.map(({ type }) => type)]).toEqual([{ type: 'idea', id: idea.id }, ['idea', 'decision']]);
  });

  it('is wrong usage without an id, and a failure for what is not there', async () => {
    expect([(await cli(['why'], env)).code, (await cli(['why', 'it'], env)).code]).toEqual([2, 2]);
    expect(await cli(['why', randomUUID(), '--json'], env)).toMatchObject({ code: 1, json: { error: { code: 'NOT_FOUND' } } });
  });
});

describe('reconcile, at the command line', () => {
  it('asks the agents that are meant, each once, and a server hands it on', async () => {
    const other = await trader(t);
    const one = await cli<{ commands: { agent: string; commandId: string }[] }>(['reconcile', '--agent', agent.name, '--json'], env);
    expect([one.code, one.json.commands.map(({ agent: name }) => name)]).toEqual([0, [agent.name]]);
    const all = await cli<{ commands: { agent: string; commandId: string }[] }>(['reconcile', '--json'], env);
    expect(all.json.commands.map(({ agent: name }) => name).sort()).toEqual([agent.name, other.name].sort());
    expect(all.json.commands.find(({ agent: name }) => name === agent.name)?.commandId).toBe(one.json.commands[0]?.commandId);
    expect((await cli(['reconcile', '--account', other.name], env)).stdout).toMatch(new RegExp(`^Asked ${other.name}: command [0-9a-f-]{36} \\(queued\\)\\n$`));
    const { body } = await agent.http<{ commands: { id: string; type: string }[] }>('POST', '/agents/me/commands/lease', { body: {} });
    expect(body.commands).toMatchObject([{ id: one.json.commands[0]?.commandId, type: 'reconcile' }]);
    for (const wrong of [['--agent', 'nobody'], ['--account', 'nowhere']]) expect((await cli(['reconcile', ...wrong], env)).code).toBe(1);
  });

  it('works while no server runs', async () => {
    const db: TestDatabase = await createTestDatabase();
    try {
      expect(await cli(['reconcile'], { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl })).toMatchObject({ code: 0, stdout: 'There is no agent to ask.\n' });
    } finally {
      await db.drop();
    }
  });
});

describe('status, at the command line', () => {
  it('names tripped breakers, closures under nobody\'s control and agents that cannot trade, with the age of their reports', async () => {
    const silent = await t.agent();
    const { body: trade } = await silent.http<{ id: string }>('POST', '/trades', { body: { clientOrderId: 's', symbol: 'EURUSD', direction: 'long', lotSize: '1', entryPrice: '1.1', entryTime: new Date().toISOString() } });
    await t.db.query(`insert into closures (trade_id, agent_id, account_id, cause, open_size_before, exit_reason, actor) values ($1, $2, $3, 'operator', 1, 'operator', 'system')`, [trade.id, silent.id, silent.accountId]);
    await t.db.query(`insert into breaker_states (name, account_id, execution_mode, scope_type, scope_id, state, since, resets_at) values ('drawdown', $1::uuid, 'paper', 'account', ($1::uuid)::text, 'testing', app_clock(), null)`, [agent.accountId]);
    await beat(agent);
    const { json } = await cli<{ trading: { breakers: object[]; closures: object[]; agents: { agent: string }[] } }>(['status', '--json'], env);
    expect(json.trading.breakers).toMatchObject([{ breaker: 'drawdown', state: 'testing', scope: `account ${agent.name} paper` }]);
    expect(json.trading.closures).toMatchObject([{ tradeId: trade.id, agent: silent.name, why: 'its agent is offline' }]);
    expect(json.trading.agents.find(({ agent: name }) => name === silent.name)).toMatchObject({ canTrade: false, why: 'never heard of', lastSeenSeconds: null });
    expect(json.trading.agents.find(({ agent: name }) => name === agent.name)).toMatchObject({ canTrade: true, why: null, lastSeenSeconds: expect.any(Number) });
    const { stdout } = await cli(['status'], env);
    expect(stdout).toMatch(new RegExp(`^agent {4}${silent.name}: cannot trade: never heard of; heard never, positions never$`, 'm'));
    expect(stdout).toMatch(/^breaker {2}drawdown of account .* testing since /m);
    expect(stdout).toMatch(/^closing {2}EURUSD of .* not under control: its agent is offline/m);
  });
});
