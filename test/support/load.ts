import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { TestDatabase } from './database.js';
import { type Answer, type Ask, clientOf } from './http.js';
import type { Idea } from './ideas.js';
import { LONG } from './ideas.js';
import { seeded } from './random.js';

/** Where requests go at this moment; chosen anew for each. */
export interface Cast {
  bases(): string[];
  /** Of an administrator, at this moment. */
  adminToken(): string;
  agents: { id: string; apiKey: string }[];
  seed: number;
  /** Seconds that the clock of an agent is off, by its number. */
  skew?: (n: number) => number;
}

interface Handed { began: number; ended: number; agentId: string; commandId: string; leaseToken: string }

const ANSWER_WITHIN_MS = 40_000;

/**
 * Agents and people who work at once and write down what was answered 2xx: that must be there, whatever was killed meanwhile.
 * Who gets no answer, or 503, knows nothing, and asks again as a client does: a trade and a fill under the same id.
 */
export class Load {
  readonly queued = new Set<string>();
  /** Commands that were answered as completed, with the lease tokens of those answers. */
  readonly completed = new Map<string, Set<string>>();
  /** Openings in the hands of agents, by whichever answer. */
  readonly handed: Handed[] = [];
  /** By the client's own id: the ids that it was ever told. */
  readonly trades = new Map<string, Set<string>>();
  readonly deals = new Set<string>();
  readonly marks = new Set<string>();
  readonly predictions = new Set<string>();
  /** The count of cycles in the last heartbeat that was answered, of agents that said its time. */
  readonly beats = new Map<string, number>();
  /** Answers that a client must never get. */
  readonly faults: string[] = [];
  answered = 0;
  refused = 0;
  private working: Promise<unknown> = Promise.resolve();
  private stopping = false;

  constructor(private readonly cast: Cast) {}

  start(): void {
    this.working = Promise.all(this.cast.agents.flatMap((agent, n) => [this.agentOf(agent, n), ...(n % 5 === 0 ? [this.person(agent, n)] : [])]));
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.working;
  }

  /** Openings that came into somebody's hands by a request that began after the one moment and was answered before the other. */
  handedBetween(from: number, to: number): string[] {
    return this.handed.filter(({ began, ended }) => began > from && ended < to).map(({ commandId }) => commandId);
  }

  /** Resolves with the seconds until something is answered well again. */
  async untilAnswered(since = performance.now()): Promise<number> {
    const before = this.answered;
    while (this.answered === before) await pause(10);
    return (performance.now() - since) / 1_000;
  }

  /** Null: nobody knows what became of it. */
  private async ask<T = Record<string, never>>(token: string, n: number, path: string, ask: Ask = {}): Promise<Answer<T> | null> {
    const bases = this.cast.bases();
    const base = bases[n % bases.length];
    const answer = base === undefined ? null : await clientOf(base, token)<T>('POST', path, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS), ...ask }).catch(() => null);
    if (answer && answer.status < 300) this.answered += 1;
    else this.refused += 1;
    if (answer && answer.status >= 500 && answer.status !== 503) this.faults.push(`${path} ${answer.status} ${answer.text}`);
    if (!answer || answer.status === 503) await pause(50 + Math.random() * 100);
    return answer;
  }

  /** Until it is answered, or nothing is asked any more. */
  private async insist<T>(token: string, n: () => number, path: string, body: unknown): Promise<Answer<T> | null> {
    while (!this.stopping) {
      const answer = await this.ask<T>(token, n(), path, { body });
      if (answer && answer.status !== 503) return answer;
    }
    return null;
  }

  private async person(agent: { id: string }, n: number): Promise<void> {
    const random = seeded(this.cast.seed + 7_000 + n);
    while (!this.stopping) {
      const made = await this.ask<{ id: string }>(this.cast.adminToken(), Math.floor(random() * 9), `/agents/${agent.id}/commands`, { body: { type: 'reconcile', maxAttempts: 100 } });
      if (made?.status === 201) this.queued.add(made.body.id);
      await pause(100 + random() * 200);
    }
  }

  private async agentOf(agent: { id: string; apiKey: string }, n: number): Promise<void> {
    const random = seeded(this.cast.seed + n);
    const any = () => Math.floor(random() * 9);
    const now = () => new Date(Date.now() + (this.cast.skew?.(n) ?? 0) * 1_000).toISOString();
    // One whose clock is ahead says no time: it would be refused. Without one the newest is by the database's clock, which may be set back.
    const saysTime = (this.cast.skew?.(n) ?? 0) <= 0;
    for (let cycle = 1; !this.stopping; cycle++) {
      const beaten = await this.ask(agent.apiKey, any(), '/agents/me/heartbeat', { body: { status: 'running', brokerConnected: true, tradeAllowed: true, cycleCount: cycle, ...(saysTime ? { asOf: now() } : {}) } });
      if (beaten?.status === 200 && saysTime) this.beats.set(agent.id, cycle);
      await this.work(agent, any, random);
      const dice = random();
      if (dice < 0.3) await this.trade(agent, any, now);
      else if (dice < 0.6) {
        const told = await this.ask<{ id: string }>(agent.apiKey, any(), '/predictions', { body: { model: 'm', symbol: 'EURUSD', timestamp: new Date().toISOString(), direction: 'long', confidence: '0.7' } });
        if (told?.status === 201) this.predictions.add(told.body.id);
      }
      await pause(100 + random() * 300);
    }
  }

  /** Takes what is in the queue and answers for it, sometimes twice at once, sometimes never. */
  private async work(agent: { id: string; apiKey: string }, any: () => number, random: () => number): Promise<void> {
    const began = performance.now();
    const leased = await this.ask<{ commands: { id: string; type: string; leaseToken: string }[] }>(agent.apiKey, any(), '/agents/me/commands/lease', { body: { max: 5, leaseSeconds: 5, waitSeconds: random() < 0.5 ? 0.5 : 0 } });
    for (const { id, type, leaseToken } of leased?.status === 200 ? leased.body.commands : []) {
      if (type === 'open_trade') this.handed.push({ began, ended: performance.now(), agentId: agent.id, commandId: id, leaseToken });
      if (random() < 0.1) continue;
      await Promise.all(Array.from({ length: random() < 0.2 ? 2 : 1 }, () => this.complete(agent.apiKey, any(), id, leaseToken)));
    }
  }

  private async complete(apiKey: string, n: number, id: string, leaseToken: string): Promise<void> {
    const answer = await this.ask(apiKey, n, `/commands/${id}/complete`, { body: { leaseToken } });
    if (answer?.status === 200) this.completed.set(id, (this.completed.get(id) ?? new Set()).add(leaseToken));
  }

  /** Through the gate, with a quote of this moment, to a trade that is filled, marked and left. */
  private async trade({ id: agentId, apiKey }: { id: string; apiKey: string }, any: () => number, now: () => string): Promise<void> {
    await this.ask(apiKey, any(), '/quotes', { body: { items: [{ symbol: 'EURUSD', bid: '1.1', ask: '1.1002', quotedAt: now() }] } });
    const began = performance.now();
    const proposed = await this.ask<Idea>(apiKey, any(), '/trade-ideas?lease=1', { body: LONG });
    const command = proposed && proposed.status < 300 ? proposed.body.command : null;
    if (!proposed || !command) return;
    this.handed.push({ began, ended: performance.now(), agentId, commandId: command.id, leaseToken: command.leaseToken });
    const clientOrderId = randomUUID();
    const opened = { clientOrderId, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', stopLoss: '1.09', takeProfit: '1.13', ideaId: proposed.body.id, commandId: command.id };
    const made = await this.insist<{ id: string }>(apiKey, any, '/trades', opened);
    if (!made || made.status >= 300) return;
    const { id } = made.body;
    this.trades.set(clientOrderId, (this.trades.get(clientOrderId) ?? new Set()).add(id));
    await this.complete(apiKey, any(), command.id, command.leaseToken);
    for (const [role, price] of [['entry', '1.1002'], ['exit', '1.1012']] as const) {
      const brokerDealId = randomUUID();
      const filled = await this.insist(apiKey, any, `/trades/${id}/fills`, { role, price, size: '0.1', at: new Date().toISOString(), brokerDealId, ...(role === 'exit' ? { profit: '10', exitReason: 'target' } : {}) });
      if (filled && filled.status < 300) this.deals.add(brokerDealId);
      const marked = role === 'entry' && (await this.ask<{ items: { quotedAt: string }[] }>(apiKey, any(), `/trades/${id}/marks`, { body: { quotedAt: new Date().toISOString(), bid: '1.1005', ask: '1.1007' } }));
      if (marked && marked.status === 200) for (const { quotedAt } of marked.body.items) this.marks.add(`${id} ${quotedAt}`);
    }
  }

  /** What was answered and is not there, and what happened twice. Nothing of either, or the promise is broken. */
  async compare(db: Pick<TestDatabase, 'query'>): Promise<Record<string, unknown[]>> {
    const missing = async (what: Set<string>, select: string) => {
      const there = new Set((await db.query<{ key: string }>(select)).map(({ key }) => key));
      return [...what].filter((key) => !there.has(key));
    };
    const rows = (select: string) => db.query(select);
    const told = [...this.trades.values()].flatMap((ids) => [...ids]);
    const cycles = new Map((await db.query<{ agent_id: string; n: number }>('select agent_id, coalesce(cycle_count, 0)::int as n from agent_state')).map((row) => [row.agent_id, row.n]));
    return {
      queuedLost: await missing(this.queued, 'select id as key from agent_commands'),
      completionsLost: await missing(new Set(this.completed.keys()), `select id as key from agent_commands where status = 'succeeded'`),
      tradesLost: await missing(new Set(told), 'select id as key from trades'),
      fillsLost: await missing(this.deals, 'select broker_deal_id as key from fills'),
      marksLost: await missing(this.marks, `select trade_id || ' ' || to_char(quoted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as key from trade_marks`),
      predictionsLost: await missing(this.predictions, 'select id as key from predictions'),
      beatsLost: [...this.beats].filter(([id, n]) => (cycles.get(id) ?? 0) < n),
      completedTwice: [...this.completed].filter(([, tokens]) => tokens.size > 1),
      attemptsTwice: await rows(`select command_id from command_attempts where outcome = 'succeeded' group by 1 having count(*) > 1`),
      eventsTwice: await rows(`select subject_id from events where type = 'command.succeeded' group by 1 having count(*) > 1`),
      eventsLost: await rows(`select id from agent_commands c where status = 'succeeded' and not exists (select from events where type = 'command.succeeded' and subject_id = c.id)`),
      tradesTwice: [...this.trades].filter(([, ids]) => ids.size > 1),
      // An opening is sent to one pair of hands, under one token.
      openingsTwice: [...Map.groupBy(this.handed, ({ commandId }) => commandId)].filter(([, all]) => new Set(all.map(({ leaseToken }) => leaseToken)).size > 1).map(([id]) => id),
      tradesOfOneIdea: await rows(`select idea_id from trades where idea_id is not null group by 1 having count(*) > 1`),
    };
  }
}

export const NOTHING_BROKEN = {
  queuedLost: [], completionsLost: [], tradesLost: [], fillsLost: [], marksLost: [], predictionsLost: [], beatsLost: [], completedTwice: [], attemptsTwice: [], eventsTwice: [], eventsLost: [], tradesTwice: [], openingsTwice: [],
  tradesOfOneIdea: [],
};
