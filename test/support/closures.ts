import { ClosuresService } from '../../src/closures/closures.service.js';
import type { WantedClosure } from '../../src/closures/closures.repository.js';
import { inTransaction } from '../../src/database/transaction.js';
import { DataSource } from 'typeorm';
import type { TestAgent, TestApp } from './app.js';

export interface Closure {
  id: string; tradeId: string; cause: string; rule: string | null; size: string | null; tries: number; commandId: string | null; commandStatus: string | null; endedAs: string | null;
  detail: Record<string, unknown>; tradeStatus: string; openSize: string;
}
export interface Command { id: string; leaseToken: string; type: string; payload: { tradeId: string; size?: string; reason?: string } }
export interface Trade { id: string; status: string; exitReason: string | null; openSize: string; version: number; strategyId: string | null }

let orders = 0;

/** A trade of 1, entered an hour ago. */
export async function openTrade(agent: TestAgent, more: Record<string, unknown> = {}): Promise<Trade> {
  const body = { clientOrderId: `c-${++orders}`, symbol: 'EURUSD', direction: 'long', lotSize: '1', entryPrice: '1.1', entryTime: new Date(Date.now() - 3_600_000).toISOString(), ...more };
  const made = await agent.http<Trade>('POST', '/trades', { body });
  if (made.status !== 201) throw new Error(made.text);
  return made.body;
}

/** What wants trades closed until they are, as tests drive it. */
export class Closing {
  constructor(private readonly t: TestApp) {}

  want(wanted: Partial<WantedClosure> & { tradeId: string }, t = this.t) {
    return inTransaction(t.app.get(DataSource), (tx) => t.app.get(ClosuresService).want(tx, null, { cause: 'operator', exitReason: 'flatten', ...wanted }));
  }

  /** What the schedule does every five seconds, on one instance. */
  async work(t = this.t): Promise<void> {
    await t.app.get(ClosuresService).idle();
    await t.app.get(ClosuresService).work();
  }

  async list(query: string): Promise<Closure[]> {
    return (await this.t.http<{ items: Closure[] }>('GET', `/closures?${query}`)).body.items;
  }

  /** Every command to close it that was ever made. */
  commands(tradeId: string): Promise<{ id: string; status: string; payload: Command['payload'] }[]> {
    return this.t.db.query(`select id, status, payload from agent_commands where trade_id = $1 and type = 'close_trade' order by seq`, [tradeId]);
  }

  async trade(id: string): Promise<Trade> {
    return (await this.t.http<Trade>('GET', `/trades/${id}`)).body;
  }
}

export async function leaseOne(agent: TestAgent): Promise<Command | undefined> {
  const { body } = await agent.http<{ commands: Command[] }>('POST', '/agents/me/commands/lease', { body: { max: 1 } });
  return body.commands[0];
}
