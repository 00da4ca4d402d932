import { DataSource } from 'typeorm';
import { BreakerTests } from '../../src/circuit-breaker/breaker-tests.service.js';
import { BreakerLooks } from '../../src/circuit-breaker/looks.service.js';
import type { TestAgent, TestApp } from './app.js';
import { type Client, clientOf } from './http.js';

export interface BreakerState {
  scope: { type: string; id: string | null }; accountId: string | null; executionMode: string | null; state: string; value: string | null; limit: string | null; unit: string | null;
  samples: number | null; since: string | null; resets: { rule: string | null; at: string | null; tradesLeft: number | null; sentence: string }; haltId: string | null;
}

export interface Breaker {
  name: string; scope: string; trips: string; enabled: boolean; minimumSamples: number | null; warningFraction: string | null; haltMode: string;
  reset: { rule: string; afterSeconds: number | null; testingTrades: number | null; testingSizeFraction: string | null }; parameters: Record<string, unknown>; version: number; states: BreakerState[];
  takes: { samples: boolean; resetRules: string[]; parameters: { properties: Record<string, object> } };
}

export interface Halt {
  id: string; scope_type: string; scope_id: string | null; account_id: string | null; execution_mode: string | null; mode: string; breaker: string | null; source: string; released_at: string | null; expires_at: string | null;
}

/** What a test asks of breakers, with the server in it that looks when the test says so. */
export class Breakers {
  private made = 0;

  constructor(readonly t: TestApp) {}

  /** The clock stands three weeks back, so that it can be moved on without a time of the future: on a Tuesday at eight, whenever this is run, since days end at midnight and markets with the week. */
  async begin(): Promise<void> {
    await this.t.db.query(`update test_clock set shift = date_trunc('week', clock_timestamp() - interval '20 days', 'UTC') + interval '1 day 8 hours' - clock_timestamp()`);
    await this.t.db.query(`select ensure_months((app_clock() - interval '2 months')::date, (app_clock() + interval '2 months')::date)`);
    await this.look();
  }

  clientOf(app: TestApp, agent: TestAgent): Client {
    return clientOf(app.base, agent.apiKey);
  }

  /** One look at the book of an agent. */
  lookAt({ accountId }: TestAgent, mode: 'paper' | 'simulation' | 'live' = 'paper'): Promise<void> {
    return this.t.app.get(BreakerLooks).lookAt({ account_id: accountId, execution_mode: mode });
  }

  /** What it waits for has come. */
  async timeIsUp(breaker: string, scopeId: string | null): Promise<void> {
    const rows = await this.t.db.query(`update breaker_states set resets_at = app_clock() where name = $1 and scope_id is not distinct from $2 and resets_at is not null returning 1`, [breaker, scopeId]);
    if (rows.length === 0) throw new Error('nothing waits for a time');
  }

  /** What a decision of this agent is told of tests. */
  testing({ id, accountId }: TestAgent, symbol = 'EURUSD') {
    return this.t.app.get(BreakerTests).testingFor(this.t.app.get(DataSource).manager, { accountId, executionMode: 'paper', agentIds: [id], strategyId: null, symbol });
  }

  /** As its schedule would. */
  look(t: TestApp = this.t): Promise<boolean> {
    return t.app.get(BreakerLooks).look();
  }

  async get(name: string, http: Client = this.t.http): Promise<Breaker> {
    const answer = await http<Breaker>('GET', `/circuit-breakers/${name}`);
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.body;
  }

  /** Its settings with these changes; everything else stays. */
  async set(name: string, change: Record<string, unknown>, parameters: Record<string, unknown> = {}): Promise<Breaker> {
    const { enabled, minimumSamples, warningFraction, haltMode, reset, parameters: known, version } = await this.get(name);
    const body = { enabled, minimumSamples, warningFraction, haltMode, reset, parameters: { ...known, ...parameters }, reason: 'a test', ...change };
    const answer = await this.t.http<Breaker>('PUT', `/circuit-breakers/${name}`, { body, headers: { 'if-match': `"${version}"` } });
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.body;
  }

  /** Of the one scope that this id, and where given this symbol, names; `active` where nothing was ever measured. */
  async state(name: string, id: string | null, accountId?: string): Promise<BreakerState> {
    const { states } = await this.get(name);
    const found = states.filter(({ scope, accountId: of }) => scope.id === id && (accountId === undefined || of === accountId));
    if (found.length > 1) throw new Error(`${found.length} states of ${id}`);
    return found[0] ?? { scope: { type: '', id }, accountId: null, executionMode: null, state: 'active', value: null, limit: null, unit: null, samples: null, since: null, resets: { rule: null, at: null, tradesLeft: null, sentence: '' }, haltId: null };
  }

  /** In force. */
  halts(breaker: string, scopeId: string | null): Promise<Halt[]> {
    return this.t.db.query<Halt & Record<string, unknown>>(`select id, scope_type, scope_id, account_id, execution_mode, mode, breaker, source, released_at, expires_at from halts
      where breaker = $1 and scope_id is not distinct from $2 and released_at is null and (expires_at is null or expires_at > app_clock()) order by seq`, [breaker, scopeId]);
  }

  /** What was written down, oldest first. */
  async actions(breaker: string, scopeId: string | null): Promise<string[]> {
    const rows = await this.t.db.query<{ action: string }>(`select action from circuit_breaker_events where breaker_type = $1 and scope_id is not distinct from $2 order by seq`, [breaker, scopeId]);
    return rows.map(({ action }) => action);
  }

  async clock(): Promise<string> {
    const [row] = await this.t.db.query<{ now: Date }>('select app_clock() as now');
    return (row?.now as Date).toISOString();
  }

  async ago(seconds: number): Promise<string> {
    return new Date(Date.parse(await this.clock()) - seconds * 1_000).toISOString();
  }

  async open(agent: TestAgent, more: Record<string, unknown> = {}): Promise<string> {
    const body = { clientOrderId: `b-${++this.made}`, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1', entryTime: await this.clock(), ...more };
    const answer = await agent.http<{ id: string }>('POST', '/trades', { body });
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.body.id;
  }

  async close(agent: TestAgent, id: string, profit: string, more: Record<string, unknown> = {}): Promise<void> {
    const body = { to: 'closed', occurredAt: await this.clock(), brokerDealId: `bd-${++this.made}`, exitPrice: '1.1', exitReason: 'signal', grossProfit: profit, ...more };
    const answer = await agent.http('POST', `/trades/${id}/transitions`, { body });
    if (answer.status !== 200 && answer.status !== 201) throw new Error(answer.text);
  }

  /** A whole trade that came to this. */
  async trade(agent: TestAgent, profit: string, more: Record<string, unknown> = {}): Promise<string> {
    const id = await this.open(agent, more);
    await this.close(agent, id, profit);
    return id;
  }

  async trades(agent: TestAgent, ...profits: string[]): Promise<void> {
    for (const profit of profits) await this.trade(agent, profit);
  }

  async beat(agent: TestAgent, body: Record<string, unknown> = {}): Promise<void> {
    const answer = await agent.http('POST', '/agents/me/heartbeat', { body });
    if (answer.status !== 200) throw new Error(answer.text);
  }

  /** A command that was leased and so answered. */
  async command(agent: TestAgent, type: string, outcome: 'complete' | 'rejected' | 'not_sent', payload: Record<string, unknown> = {}): Promise<void> {
    const made = await this.t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type, payload, ...(outcome === 'not_sent' ? { maxAttempts: 1 } : {}) } });
    if (made.status !== 201) throw new Error(made.text);
    const leased = await agent.http<{ commands: { id: string; leaseToken: string }[] }>('POST', '/agents/me/commands/lease', { body: { max: 10 } });
    const mine = leased.body.commands?.find(({ id }) => id === made.body.id);
    if (!mine) throw new Error(leased.text);
    const answer = outcome === 'complete' ? await agent.http('POST', `/commands/${mine.id}/complete`, { body: { leaseToken: mine.leaseToken } })
      : await agent.http('POST', `/commands/${mine.id}/fail`, { body: { leaseToken: mine.leaseToken, outcome, error: { code: 'NO', message: 'no' }, retryable: false } });
    if (answer.status !== 200) throw new Error(answer.text);
  }
}
