import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { BREAKER_NAMES } from '../../src/circuit-breaker/breakers.js';
import { Sweeper } from '../../src/commands/sweeper.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { Breakers } from '../support/breakers.js';
import { impose, lease, release, releaseAll, whenEffective } from '../support/halts.js';
import { at, beat, type Decision, type Idea, LONG, limit, limitAll, propose, quote } from '../support/ideas.js';
import { seeded } from '../support/random.js';
import { startServerBeside, stopServerProcesses } from '../support/server-process.js';

/** Walks of so many steps; a tenth in the everyday run, `npm run test:fuzz` takes all. */
const [WALKS, STEPS] = process.env['FULL_FIGURES'] ? [10, 200] : [2, 60];
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_262);
const RESTART_EVERY = 30;

let t: TestApp;
/** A process of its own. */
let second: Awaited<ReturnType<typeof startServerBeside>>;
beforeAll(async () => {
  t = await startTestApp();
  second = await startServerBeside(t);
  await limitAll(t);
  // A walk fails and loses more often than any breaker lets pass.
  for (const name of BREAKER_NAMES) await new Breakers(t).set(name, { enabled: false });
});
afterEach(() => releaseAll(t));
afterAll(async () => {
  await stopServerProcesses();
  await t.close();
});

/** What is known of an idea that was let through. */
interface Opening {
  agent: TestAgent;
  idea: Idea;
  size: number;
  command: 'queued' | 'leased' | 'succeeded' | 'unknown' | 'gone';
  token: string | null;
  /** A person has looked, and there was nothing. */
  freed: boolean;
  trade: { id: string; lot: number; entered: number; left: number; status: 'pending' | 'open' | 'over' } | null;
}

const goesOn = ({ command }: Opening) => ['queued', 'leased', 'unknown'].includes(command);
const tenth = (n: number) => Math.round(n * 100) / 100;

/** Each promised or held size, once. */
function heldOf(opening: Opening): { kind: string; id: string; size: number } | null {
  const { trade, size, idea, command, freed } = opening;
  if (!trade) return command === 'gone' || freed ? null : { kind: 'reservation', id: idea.commandId ?? '', size };
  if (trade.status === 'over') return null;
  const promised = goesOn(opening) ? Math.max(trade.lot, size) : trade.lot;
  return { kind: 'trade', id: trade.id, size: tenth(trade.status === 'pending' ? promised : trade.left + (goesOn(opening) ? promised - trade.entered : 0)) };
}

/** The other server sweeps too: what it holds at this moment is over when it lets go. */
async function swept({ idea: { commandId } }: Opening): Promise<void> {
  const due = () => t.db.query(`select 1 from agent_commands where id = $1 and (status = 'queued' and expires_at <= app_clock() or status = 'leased' and lease_expires_at <= app_clock())`, [commandId]);
  do await t.app.get(Sweeper).sweep();
  while ((await due()).length > 0);
}

class Walk {
  readonly openings: Opening[] = [];
  readonly told: string[] = [];
  halt: { id: string; of: TestAgent | null } | null = null;
  private deals = 0;

  constructor(readonly agents: readonly [TestAgent, TestAgent], private readonly random: () => number) {}

  private pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.random() * list.length)];
  }

  private via(agent: TestAgent) {
    return at(this.random() < 0.5 ? t.base : second.base, agent).http;
  }

  async step(): Promise<void> {
    const acts = this.acts();
    const [name, act] = this.pick(acts) as (typeof acts)[number];
    this.told.push(name);
    await act();
  }

  private acts(): [string, () => Promise<void>][] {
    const live = this.openings.filter((each) => each.trade?.status !== 'over');
    const where = (test: (each: Opening) => boolean) => this.pick(live.filter(test));
    const some = (name: string, opening: Opening | undefined, act: (opening: Opening) => Promise<void>): [string, () => Promise<void>][] =>
      opening ? [[`${name} ${this.openings.indexOf(opening)}`, () => act(opening)]] : [];
    return [
      ['propose', () => this.propose(false)], ['propose and lease', () => this.propose(true)], ['lease', () => this.lease()], this.halt ? ['release', () => this.release()] : ['halt', () => this.stop()],
      ...some('cancel', where(({ command }) => command === 'queued'), (each) => this.person(each, 'cancel', { reason: 'no' }, 'gone')),
      ...some('run out', where(({ command }) => command === 'queued'), async (each) => {
        await t.db.query(`update agent_commands set expires_at = app_clock() where id = $1`, [each.idea.commandId]);
        await swept(each);
        each.command = 'gone';
      }),
      ...some('complete', where(({ command }) => command === 'leased'), (each) => this.say(each, 'complete', {}, 'succeeded')),
      ...(['not_sent', 'rejected'] as const).flatMap((outcome) => some(outcome, where(({ command }) => command === 'leased'), (each) => this.say(each, 'fail', { outcome, error: { code: 'X' } }, 'gone'))),
      ...some('unknown', where(({ command }) => command === 'leased'), (each) => this.say(each, 'fail', { outcome: 'unknown', error: { code: 'X' } }, 'unknown')),
      ...some('lapse', where(({ command }) => command === 'leased'), async (each) => {
        await t.db.query(`update agent_commands set lease_expires_at = app_clock() where id = $1`, [each.idea.commandId]);
        await swept(each);
        each.command = 'unknown';
      }),
      ...some('settle as not sent', where(({ command }) => command === 'unknown'), (each) => this.person(each, 'settle', { outcome: 'not_sent', reason: 'looked' }, 'gone')),
      ...some('settle as done', where(({ command }) => command === 'unknown'), (each) => this.person(each, 'settle', { outcome: 'succeeded', reason: 'looked' }, 'succeeded')),
      ...some('free', where(({ command, trade, freed }) => command === 'succeeded' && !trade && !freed), async (each) => {
        expect((await t.http('POST', `/trade-ideas/${each.idea.id}/release`, { body: { reason: 'nothing at the broker' } })).status).toBe(200);
        each.freed = true;
      }),
      // Also of what was said not to have been sent: it counts from then on. What was never handed out carries no trade.
      ...some('tell', where(({ trade, token }) => !trade && token !== null), (each) => this.tell(each, 'open')),
      ...some('tell as pending', where(({ trade, token }) => !trade && token !== null), (each) => this.tell(each, 'pending')),
      ...some('fill', where(({ trade }) => trade !== null && trade.entered < trade.lot), (each) => this.fill(each, 'entry')),
      ...some('take out', where(({ trade }) => trade?.status === 'open' && trade.left > 0.02), (each) => this.fill(each, 'exit')),
      ...some('close', where(({ trade }) => trade?.status === 'open'), (each) => this.close(each)),
    ];
  }

  private async propose(leased: boolean): Promise<void> {
    const agent = this.pick(this.agents) as TestAgent;
    const size = this.pick([0.04, 0.1, 0.3]) as number;
    const { status, body } = await propose({ http: this.via(agent) }, { lotSize: String(size) }, leased ? '?lease=1' : '');
    const isHalted = this.halt !== null && (this.halt.of === null || this.halt.of.id === agent.id);
    expect([status, body.status]).toEqual([201, isHalted ? 'halted_by_risk' : 'auto_executed']);
    if (!isHalted) this.openings.push({ agent, idea: body, size, command: leased ? 'leased' : 'queued', token: body.command?.leaseToken ?? null, freed: false, trade: null });
  }

  private async lease(): Promise<void> {
    const agent = this.pick(this.agents) as TestAgent;
    const { body } = await lease({ ...agent, http: this.via(agent) });
    const queued = this.openings.filter((each) => each.agent === agent && each.command === 'queued');
    // What became of the unknown is asked too.
    expect(body.commands.filter(({ type }) => type === 'open_trade').map(({ id }) => id).sort()).toEqual(queued.map(({ idea }) => idea.commandId).sort());
    for (const each of queued) Object.assign(each, { command: 'leased', token: body.commands.find(({ id }) => id === each.idea.commandId)?.leaseToken });
  }

  private async stop(): Promise<void> {
    const of = this.random() < 0.5 ? null : this.pick(this.agents) as TestAgent;
    const { status, body } = await impose(this.random() < 0.5 ? t : second, of ? { type: 'agent', id: of.id } : { type: 'account', id: this.agents[0].accountId });
    expect([201, 202]).toContain(status);
    await whenEffective(t, body.id);
    this.halt = { id: body.id, of };
    for (const each of this.openings) if (each.command === 'queued' && (of === null || of === each.agent)) each.command = 'gone';
  }

  private async release(): Promise<void> {
    expect((await release(second, this.halt?.id ?? '')).status).toBe(200);
    this.halt = null;
  }

  private async person({ idea, ...each }: Opening, what: string, body: object, becomes: Opening['command']): Promise<void> {
    const answer = await (this.random() < 0.5 ? t : second).http('POST', `/commands/${idea.commandId}/${what}`, { body });
    expect([each.command, what, answer.status]).toEqual([each.command, what, 200]);
    this.of(idea).command = becomes;
  }

  private async say({ idea, agent, token }: Opening, what: 'complete' | 'fail', body: object, becomes: Opening['command']): Promise<void> {
    const answer = await this.via(agent)('POST', `/commands/${idea.commandId}/${what}`, { body: { leaseToken: token, ...body } });
    expect([what, answer.status, answer.text]).toEqual([what, 200, answer.text]);
    this.of(idea).command = becomes;
  }

  private of(idea: Idea): Opening {
    return this.openings.find((each) => each.idea === idea) as Opening;
  }

  private async tell(each: Opening, status: 'open' | 'pending'): Promise<void> {
    const lot = this.random() < 0.5 ? each.size : tenth(each.size / 2);
    const answer = await this.via(each.agent)<{ id: string; origin: string }>('POST', '/trades', {
      body: {
        clientOrderId: each.idea.id, symbol: 'EURUSD', direction: 'long', lotSize: String(lot), entryPrice: '1.1002', entryTime: status === 'open' ? new Date().toISOString() : null, status,
        stopLoss: '1.09', commandId: each.idea.commandId,
      },
    });
    expect([answer.status, answer.text]).toEqual([201, answer.text]);
    const open = status === 'open' ? lot : 0;
    each.trade = { id: answer.body.id, lot, entered: open, left: open, status };
  }

  private async fill({ agent, trade }: Opening, role: 'entry' | 'exit'): Promise<void> {
    if (!trade) return;
    const size = role === 'exit' ? 0.01 : this.random() < 0.5 ? tenth(trade.lot - trade.entered) : 0.01;
    const answer = await this.via(agent)('POST', `/trades/${trade.id}/fills`, { body: { brokerDealId: `d-${trade.id}-${++this.deals}`, role, price: '1.1', size: String(size), at: new Date().toISOString() } });
    expect([role, answer.status, answer.text]).toEqual([role, 201, answer.text]);
    if (role === 'entry') Object.assign(trade, { status: 'open', entered: tenth(trade.entered + size), left: tenth(trade.left + size) });
    else trade.left = tenth(trade.left - size);
  }

  private async close({ agent, trade }: Opening): Promise<void> {
    if (!trade) return;
    const answer = await this.via(agent)('POST', `/trades/${trade.id}/transitions`, { body: { to: 'closed', brokerDealId: `d-${trade.id}-${++this.deals}`, exitPrice: '1.1003', exitReason: 'signal', occurredAt: new Date().toISOString(), grossProfit: '1' } });
    expect([answer.status, answer.text]).toEqual([200, answer.text]);
    trade.status = 'over';
  }

  /** The book as people see it, and as the gate counts it. */
  async agrees(): Promise<void> {
    const agent = this.pick(this.agents) as TestAgent;
    const expected = this.openings.flatMap((each) => heldOf(each) ?? []).sort((a, b) => (a.id < b.id ? -1 : 1));
    const [{ body }, { body: checked }] = await Promise.all([
      second.http<{ items: { held: { kind: string; id: string; size: string }[] }[] }>('GET', `/risk/exposure?accountId=${agent.accountId}&executionMode=paper`),
      this.via(agent)<Decision>('POST', '/risk/check', { body: LONG }),
    ]);
    const found = (body.items[0]?.held ?? []).map(({ kind, id, size }) => ({ kind, id, size: Number(size) })).sort((a, b) => (a.id < b.id ? -1 : 1));
    expect([this.told.join(', '), found]).toEqual([this.told.join(', '), expected]);
    expect([this.told.join(', '), checked.rules.find(({ rule }) => rule === 'concurrent_trades')?.input['account']]).toEqual([this.told.join(', '), String(expected.length + 1)]);
    // Written down, each ended once.
    const [written] = await t.db.query<{ ended: number; events: number }>(`select count(*) filter (where ended_at is not null)::int as ended,
      (select count(*)::int from events e where e.account_id = $1 and e.type in ('reservation.released', 'reservation.converted')) as events from reservations where account_id = $1`, [agent.accountId]);
    expect(written?.events).toBe(written?.ended);
  }
}

describe('what is held and what is reserved', () => {
  it(`is what a small model says after each of ${WALKS} times ${STEPS} steps (seed ${SEED})`, async () => {
    const random = seeded(SEED);
    for (let n = 0; n < WALKS; n++) {
      const account = `walk-${process.pid}-${n}`;
      const agents: [TestAgent, TestAgent] = [await t.agent({ account }), await t.agent({ account })];
      for (const agent of agents) await beat(agent);
      await quote(agents[0], '1.1', '1.1002');
      await limit(t, 'account', agents[0].accountId, { maxConcurrentTrades: 500 });
      const walk = new Walk(agents, random);
      for (let step = 1; step <= STEPS; step++) {
        await walk.step();
        await walk.agrees();
        if (step % RESTART_EVERY !== 0) continue;
        second.kill('SIGKILL');
        await second.exited;
        second = await startServerBeside(t);
        for (const agent of agents) await beat(agent);
        await walk.agrees();
      }
      await releaseAll(t);
    }
  });
});
