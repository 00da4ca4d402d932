import { UnexplainedService } from '../../src/accounts/unexplained.service.js';
import { Schedules } from '../../src/database/schedules.js';
import { restSchedules, type TestAgent, type TestApp } from './app.js';

export interface AccountDay {
  accountId: string; executionMode: string; currency: string; day: string; startsAt: string; endsAt: string; openingBalance: string | null; openingEquity: string | null;
  openingEstimated: boolean; lowestEquity: string | null; netCashFlows: string; realisedProfit: string; unpricedTrades: number; unexplained: string | null; unexplainedLoss: string | null;
  baselines: { balance: string | null; equity: string | null; higher: string | null; initial: string | null }; lastBalance: string | null; lastEquity: string | null; lastReportedAt: string | null;
  closingBalance: string | null; closingEquity: string | null; closingEstimated: boolean | null; estimated: boolean; closedAt: string | null;
}

export interface BookFigures {
  executionMode: string; peakEquity: string | null; peakDayEndBalance: string | null;
}

export interface Trader {
  accountId: string;
  agent: TestAgent;
  /** Of the running copy, which live agents name. */
  instance?: string;
}

/** An account with its trading day, and an agent on it. Its reports move the clock to the time they are of. */
export class Days {
  private made = 0;

  constructor(readonly t: TestApp) {}

  /**
   * Months of the past, for the events of a clock that is set there; retention, which would take them away again, rests. What
   * is unexplained is looked for, and days are closed, when a test says so: the clock jumps under the schedule's, and what another
   * look has begun a test does not wait for.
   * @param others instances on the same database
   */
  async begin(...others: TestApp[]): Promise<void> {
    for (const app of [this.t, ...others]) restSchedules(app);
    await this.t.db.query(`insert into schedules (name, next_run_at) select unnest(array['accounts.explain-days', 'retention.remove-old']), 'infinity'
      on conflict (name) do update set next_run_at = 'infinity', token = null, lease_until = null`);
    await this.t.db.query(`select ensure_months('2025-01-01', '2026-12-01')`);
  }

  async trader(zone = 'UTC', rollover = '00:00', more: Record<string, unknown> = {}, agent: Record<string, unknown> = {}): Promise<Trader> {
    const name = `days ${++this.made}`;
    const { body } = await this.t.http<{ id: string }>('POST', '/accounts', { body: { name, kind: 'demo', currency: 'USD', marginMode: 'hedging', tradingDay: { zone, rollover }, ...more } });
    return { accountId: body.id, agent: await this.t.agent({ account: name, ...agent }) };
  }

  /** The clock goes on from there. */
  async setClock(at: string): Promise<void> {
    await this.t.db.query('update test_clock set shift = $1::timestamptz - clock_timestamp()', [at]);
  }

  /** @param equity also the balance, unless that is named */
  async report({ agent, instance }: Trader, at: string, equity: number | string | undefined, more: Record<string, unknown> = {}): Promise<void> {
    await this.setClock(at);
    const body = { asOf: at, ...(equity === undefined ? {} : { equity, balance: equity }), ...more };
    const answer = await agent.http('POST', '/agents/me/heartbeat', { body, ...(instance ? { headers: { 'x-instance-id': instance } } : {}) });
    if (answer.status !== 200) throw new Error(answer.text);
  }

  async flow({ accountId }: Trader, at: string, kind: string, amount: number): Promise<void> {
    const answer = await this.t.http('POST', `/accounts/${accountId}/cash-flows`, { body: { at, kind, amount } });
    if (answer.status !== 201) throw new Error(answer.text);
  }

  /** A trade that waits for its fills. */
  async trade({ agent }: Trader, more: Record<string, unknown> = {}): Promise<string> {
    const made = await agent.http<{ id: string }>('POST', '/trades', { body: { clientOrderId: `t-${++this.made}`, symbol: 'EURUSD', direction: 'long', lotSize: '1', ...more } });
    if (made.status !== 201) throw new Error(made.text);
    return made.body.id;
  }

  /** @param more profit, commission, swap, fee; an exit unless it says otherwise */
  async fill({ agent }: Trader, tradeId: string, at: string, more: Record<string, unknown> = {}): Promise<void> {
    const answer = await agent.http('POST', `/trades/${tradeId}/fills`, { body: { brokerDealId: `d-${++this.made}`, role: 'exit', price: '1.1', size: '1', at, ...more } });
    if (answer.status !== 201) throw new Error(answer.text);
  }

  /** A trade of one size, told by its two fills. */
  async traded(trader: Trader, enteredAt: string, exitedAt: string, profit: string, commission = '0'): Promise<string> {
    const id = await this.trade(trader);
    await this.fill(trader, id, enteredAt, { role: 'entry', commission });
    await this.fill(trader, id, exitedAt, { profit, commission });
    return id;
  }

  /** What the schedule finds unexplained at this time. */
  async explain(at: string, ...apps: TestApp[]): Promise<void> {
    await this.setClock(at);
    await Promise.all((apps.length > 0 ? apps : [this.t]).map((t) => t.app.get(UnexplainedService).look()));
  }

  async books({ accountId }: Trader): Promise<BookFigures[]> {
    return (await this.t.http<{ books: BookFigures[] }>('GET', `/accounts/${accountId}`)).body.books;
  }

  /** What is due at this time, as the schedule does it. */
  async close(at: string, ...apps: TestApp[]): Promise<void> {
    await this.setClock(at);
    await this.t.db.query(`update schedules set next_run_at = app_clock(), lease_until = null where name = 'accounts.close-days'`);
    await Promise.all((apps.length > 0 ? apps : [this.t]).map((t) => t.app.get(Schedules).runDue()));
  }

  /** Oldest first. */
  async of({ accountId }: Trader, query = ''): Promise<AccountDay[]> {
    const answer = await this.t.http<{ items: AccountDay[] }>('GET', `/accounts/${accountId}/days?limit=500${query}`);
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.body.items.reverse();
  }

  /** In a line each: `date: opening > closing, lowest, flows`, figures with ~ where they are estimated; equity, then balance where it differs. */
  async lines(trader: Trader): Promise<string[]> {
    const pair = (equity: string | null, balance: string | null, estimated: boolean | null) => `${estimated === true ? '~' : ''}${equity}${balance === equity ? '' : `/${balance}`}`;
    return (await this.of(trader)).map((day) => [
      `${day.day}: ${pair(day.openingEquity, day.openingBalance, day.openingEstimated)} > ${day.closedAt === null ? 'open' : pair(day.closingEquity, day.closingBalance, day.closingEstimated)}`,
      `lowest ${day.lowestEquity}`, ...(day.netCashFlows === '0' ? [] : [`flows ${day.netCashFlows}`]),
    ].join(', '));
  }
}
