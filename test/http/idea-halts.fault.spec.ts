import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { WaitingIdeas } from '../../src/trade-ideas/waiting.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Halt, impose, lease, release, releaseAll, whenEffective } from '../support/halts.js';
import { at, beat, type Idea, ideaOf, limitAll, propose, quote } from '../support/ideas.js';
import { seeded } from '../support/random.js';
import { startServerBeside, stopServerProcesses } from '../support/server-process.js';

const SCOPES = ['global', 'account', 'executor', 'proposer', 'strategy', 'symbol'] as const;
type Scope = (typeof SCOPES)[number];
/** Random interleavings for each scope; all of them in `npm run test:fuzz`. */
const ROUNDS = process.env['FULL_FIGURES'] ? 34 : 2;
const ENDINGS = process.env['FULL_FIGURES'] ? 200 : 20;
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261);
const LATEST_MS = 40;

let t: TestApp;
/** A process of its own. */
let second: Pick<TestApp, 'base' | 'http'>;
beforeAll(async () => {
  t = await startTestApp();
  second = await startServerBeside(t);
  await limitAll(t);
  // Deferred: each transaction sleeps once at its commit, with everything done and locked, and nothing to be seen by others yet.
  await t.db.query(`create table delays (most_ms int not null)`);
  await t.db.query(`insert into delays values (0)`);
  await t.db.query(`grant select on delays to public`);
  await t.db.query(`create function delay() returns trigger language plpgsql as $$ begin
    if current_setting('delay.done', true) is distinct from txid_current()::text then
      perform set_config('delay.done', txid_current()::text, true), pg_sleep(random() * (select most_ms from delays) / 1000);
    end if;
    return null;
  end $$`);
  for (const [table, what] of [['halts', 'insert or update'], ['halt_accounts', 'insert'], ['agent_commands', 'insert or update'], ['trade_ideas', 'insert or update'], ['reservations', 'insert']]) {
    await t.db.query(`create constraint trigger delayed after ${what} on ${table} deferrable initially deferred for each row execute function delay()`);
  }
});
afterAll(async () => {
  await stopServerProcesses();
  await t.close();
});

afterEach(async () => {
  await delayed(0);
  await releaseAll(t);
});

const delayed = (ms: number) => t.db.query('update delays set most_ms = $1', [ms]);
const via = (agent: TestAgent, n: number) => ({ ...agent, ...at((n % 2 === 0 ? t : second).base, agent) });
const approve = ({ id, digest }: Idea, n = 0) => (n % 2 === 0 ? t : second).http<Idea>('POST', `/trade-ideas/${id}/approve`, { body: { digest } });

/** Two accounts: one agent proposes on the one and lets another trade on the other. */
interface Crew { executor: TestAgent; proposer: TestAgent; strategyId: string }
let made = 0;
async function crew(): Promise<Crew> {
  const [executor, proposer] = await Promise.all([t.agent(), t.agent()]);
  const { body: { id: strategyId } } = await t.http<{ id: string }>('POST', '/strategies', { body: { name: `halted-${++made}`, isActive: true } });
  for (const agent of [executor, proposer]) {
    await beat(agent);
    await quote(agent, '1.1', '1.1002');
    await quote(agent, '1.1', '1.1002', 'GBPUSD');
  }
  await t.http('PUT', `/agents/${proposer.id}/executors`, { body: { executorAgentIds: [executor.id] } });
  return { executor, proposer, strategyId };
}

const scopeOf = (scope: Scope, { executor, proposer, strategyId }: Crew) => ({
  global: { type: 'global' }, account: { type: 'account', id: executor.accountId }, executor: { type: 'agent', id: executor.id }, proposer: { type: 'agent', id: proposer.id },
  strategy: { type: 'strategy', id: strategyId }, symbol: { type: 'symbol', id: 'EURUSD' },
})[scope];

/** What the halt holds, of what the crew proposes: its own, the other's, with and without the strategy, in two symbols. */
const KINDS = [{ by: 'executor', symbol: 'EURUSD', with: true }, { by: 'proposer', symbol: 'EURUSD', with: false }, { by: 'executor', symbol: 'GBPUSD', with: false }, { by: 'proposer', symbol: 'GBPUSD', with: true }] as const;
type Kind = (typeof KINDS)[number];
const isHeld = (scope: Scope, kind: Kind) => ({ global: true, account: true, executor: true, proposer: kind.by === 'proposer', strategy: kind.with, symbol: kind.symbol === 'EURUSD' })[scope];
const bodyOf = (kind: Kind, { executor, strategyId }: Crew) => ({ symbol: kind.symbol, executorAgentId: executor.id, ...(kind.with ? { strategyId } : {}) });
const heldSql = { global: 'true', account: 'account_id::text = $1', executor: 'executor_id::text = $1', proposer: 'proposer_id::text = $1', strategy: 'strategy_id::text = $1', symbol: 'symbol = $1' };

/** What may still open of what the halt holds: in the queue, or in an agent's hands without a word that it is not to be sent. */
const openings = (scope: Scope, crewIds: string[], id: string | undefined) => t.db.query(
  `select i.id, i.status, i.proposer_id, c.status as command from trade_ideas i join agent_commands c on c.id = i.command_id
   where i.executor_id = any($${scope === 'global' ? 1 : 2}::uuid[]) and ${heldSql[scope]} and c.status in ('queued', 'waiting_for_market', 'leased') and not c.cancel_requested`, scope === 'global' ? [crewIds] : [id, crewIds]);

describe(`a halt among ideas, approvals and leases through two servers, with commits that take their time (seed ${SEED})`, () => {
  it.each(SCOPES)('of the scope %s lets nothing of it be opened from its 2xx on, and revives nothing', async (scope) => {
    const random = seeded(SEED + SCOPES.indexOf(scope));
    for (let round = 0; round < ROUNDS; round++) {
      const all = await crew();
      const { executor } = all;
      const by = (kind: Kind, n: number) => via(all[kind.by], n);
      const asked: { kind: Kind; idea: Idea }[] = [];
      const waiting: { kind: Kind; idea: Idea }[] = [];
      for (const kind of KINDS) {
        for (let n = 0; n < 3; n++) asked.push({ kind, idea: (await propose(by(kind, n), { ...bodyOf(kind, all), confidence: undefined })).body });
        waiting.push({ kind, idea: (await propose(by(kind, 0), { ...bodyOf(kind, all), entryRange: { low: '1.098', high: '1.099' }, validForSeconds: 600 })).body });
      }
      expect([...asked, ...waiting].map(({ idea }) => idea.status)).toEqual([...asked.map(() => 'needs_approval'), ...waiting.map(() => 'waiting')]);
      await delayed(LATEST_MS);
      const stop = { at: Infinity, asking: true };
      const late: { kind: Kind | null; what: string; status: string; command: string | null }[] = [];
      const got: { at: number; ids: string[] }[] = [];
      const proposing = KINDS.map(async (kind, k) => {
        for (let n = 0; stop.asking; n++) {
          const began = performance.now();
          const { body } = await propose(by(kind, n + k), bodyOf(kind, all), kind.by === 'executor' && n % 2 === 0 ? '?lease=1' : '');
          if (body.command) got.push({ at: began, ids: [body.command.id] });
          if (began > stop.at) late.push({ kind, what: 'idea', status: body.status, command: body.commandId });
          await pause(random() * 15);
        }
      });
      const leasing = [0, 1].map(async (n) => {
        for (let i = 0; stop.asking; i++) {
          const began = performance.now();
          got.push({ at: began, ids: (await lease(via(executor, n + i), { max: 1, waitSeconds: (i % 2) * 0.2 })).body.commands.map(({ id }) => id) });
          await pause(random() * 10);
        }
      });
      const approving = asked.map(async ({ kind, idea }, n) => {
        await pause(random() * 200);
        const began = performance.now();
        const { status, body } = await approve(idea, n);
        if (began > stop.at) late.push({ kind, what: `approval ${status}`, status: body.status, command: body.commandId ?? null });
      });
      await pause(random() * 120);
      const where = scopeOf(scope, all);
      const { status, body: halt } = await (random() < 0.5 ? t : second).http<Halt>('POST', '/kill-switch', { body: { scope: where, mode: 'halt', reason: 'race' } });
      stop.at = performance.now();
      // The price that waiting ideas wait for; inside the band of those that wait for a person.
      for (const symbol of ['EURUSD', 'GBPUSD']) await quote(via(executor, round), '1.0983', '1.0985', symbol);
      await pause(120);
      stop.asking = false;
      await Promise.all([...proposing, ...leasing, ...approving]);
      await delayed(0);
      expect([201, 202]).toContain(status);
      await whenEffective(t, halt.id);
      await t.app.get(WaitingIdeas).look();
      const openedLate = late.filter(({ kind, command, status: answered }) => kind && isHeld(scope, kind) && (command !== null || answered !== 'halted_by_risk'));
      expect([scope, round, openedLate]).toEqual([scope, round, []]);
      const lateIds = got.filter(({ at: began }) => began > stop.at).flatMap(({ ids }) => ids);
      const [ids, id] = [[executor.id], (where as { id?: string }).id];
      const heldIdeas = `select id from trade_ideas where command_id = any($${scope === 'global' ? 1 : 2}::uuid[]) and ${heldSql[scope]}`;
      expect([scope, round, await t.db.query(heldIdeas, scope === 'global' ? [lateIds] : [id, lateIds])]).toEqual([scope, round, []]);
      expect([scope, round, await openings(scope, ids, id)]).toEqual([scope, round, []]);
      for (const { kind, idea } of waiting) {
        const now = await ideaOf(t, idea.id);
        if (isHeld(scope, kind)) expect([scope, round, now.status, now.commandId]).toEqual([scope, round, 'halted_by_risk', null]);
        else expect([scope, round, now.status]).toEqual([scope, round, 'auto_executed']);
      }
      for (const { kind, idea } of asked.filter((one) => isHeld(scope, one.kind))) {
        const now = await ideaOf(t, idea.id);
        if (now.status === 'needs_approval') expect([kind, (await approve(idea)).body]).toMatchObject([kind, { status: 'halted_by_risk', commandId: null }]);
      }
      await release(t, halt.id);
      await t.app.get(WaitingIdeas).look();
      expect([scope, round, await openings(scope, ids, id)]).toEqual([scope, round, []]);
      const revived = (await lease(executor)).body.commands.map((command) => command.id);
      expect(await t.db.query(heldIdeas, scope === 'global' ? [revived] : [id, revived])).toEqual([]);
    }
  });
});

describe('a halt of who proposed what another agent opens', () => {
  it('ends it in the executor\'s queue, and marks it in its hands', async () => {
    const { executor, proposer } = await crew();
    const [first, second_] = [(await propose(proposer, { executorAgentId: executor.id })).body, (await propose(proposer, { executorAgentId: executor.id })).body];
    expect((await lease(executor, { max: 1 })).body.commands.map(({ id }) => id)).toEqual([first.commandId]);
    await impose(t, { type: 'agent', id: proposer.id });
    const { body: own } = await propose(executor);
    const stands = (idea: Idea) => t.db.query(`select status, cancel_requested as marked from agent_commands where id = $1`, [idea.commandId]);
    expect([await stands(first), await stands(second_), await stands(own)]).toEqual([[{ status: 'leased', marked: true }], [{ status: 'cancelled', marked: false }], [{ status: 'queued', marked: false }]]);
    expect((await lease(executor)).body.commands.map(({ id }) => id)).toEqual([own.commandId]);
  });

  it('holds it before anything has ended it', async () => {
    const { executor, proposer } = await crew();
    const { body: idea } = await propose(proposer, { executorAgentId: executor.id });
    await t.db.query(`insert into halts (scope_type, scope_id, mode, reason, source, imposed_by) values ('agent', $1, 'halt', 'just now', 'person', 'user:test')`, [proposer.id]);
    expect((await lease(executor)).body.commands).toEqual([]);
    expect(await t.db.query(`select status from agent_commands where id = $1`, [idea.commandId])).toEqual([{ status: 'queued' }]);
  });
});

describe('one idea and everything that ends it at once', () => {
  it(`has one end, one command if that is an approval, and everybody else is told (seed ${SEED})`, async () => {
    const random = seeded(SEED);
    const ends = new Map<string, number>();
    for (let round = 0; round < ENDINGS; round++) {
      const executor = await t.agent();
      await beat(executor);
      await quote(executor, '1.1', '1.1002');
      const { body: idea } = await propose(executor, { confidence: undefined });
      await delayed(LATEST_MS / 2);
      const reject = (n: number) => (n % 2 === 0 ? t : second).http<Idea>('POST', `/trade-ideas/${idea.id}/reject`, { body: { reason: 'no' } });
      // The time of all ideas comes earlier for this one; the clock of the others does not move.
      const expire = async () => {
        await t.db.query(`update trade_ideas set approve_until = app_clock() where id = $1 and decided_at is null`, [idea.id]).catch(() => undefined);
        await t.app.get(WaitingIdeas).look();
        return null;
      };
      const stop = async () => {
        await impose(t, { type: 'agent', id: executor.id });
        return null;
      };
      const acts = [approve, approve, (_: Idea, n: number) => reject(n), ...(round % 2 ? [expire] : []), ...(round % 3 === 0 ? [stop] : [])];
      // Twice one of them is over before the others begin: there are two ends at least, whoever wins the other races.
      const ahead = [2, 0][round];
      const first = ahead === undefined ? null : (await acts[ahead]?.(idea, ahead)) ?? null;
      const others = await Promise.all(acts.map(async (act, n) => {
        await pause(random() * 30);
        return n === ahead ? null : act(idea, n);
      }));
      const answers = [first, ...others].filter((answer) => answer !== null);
      await delayed(0);
      const { status, commandId, decisions } = await ideaOf(t, idea.id);
      ends.set(status, (ends.get(status) ?? 0) + 1);
      const won = answers.filter((answer) => answer.status === 200);
      expect([status, won.length]).toEqual([status, status === 'expired' ? 0 : 1]);
      for (const { body } of won) expect(body.status).toBe(status);
      for (const { status: http, body } of answers.filter((answer) => answer.status !== 200)) expect([http, body.code]).toEqual([409, expect.stringMatching(/^IDEA_(NOT_PENDING|EXPIRED)$/)]);
      const kind = { approved: 'human_approved', rejected: 'human_rejected', expired: 'risk_rejected', halted_by_risk: 'risk_rejected' }[status];
      expect(decisions.map(({ type }) => type)).toEqual([kind, 'ai_proposed']);
      expect(await t.db.query<{ id: string }>(`select id from agent_commands where agent_id = $1 and type = 'open_trade'`, [executor.id])).toEqual(status === 'approved' ? [{ id: commandId }] : []);
    }
    expect([...ends.keys()].length).toBeGreaterThan(1);
  });
});
