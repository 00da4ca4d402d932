import { createHash, randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { inTransaction } from '../../src/database/transaction.js';
import type { Signal } from '../../src/webhooks/mapping/signal.js';
import type { Finished, Routed, RoutingSource } from '../../src/webhooks/routing/routed.js';
import type { SourceDefaults } from '../../src/webhooks/sources/sources.repository.js';
import { AlertRouter } from '../../src/webhooks/routing/router.service.js';
import type { TestAgent, TestApp } from './app.js';

export const NO_DEFAULTS: SourceDefaults = { lotSize: null, riskRule: null, stopDistance: null, rewardToRisk: null, confidence: null, product: null };

/** A market entry of EURUSD that says no more than it must. */
export const ENTRY: Signal = {
  intent: 'entry', side: 'long', command: null, symbol: 'EURUSD', exchange: null, product: null, quantity: null, price: null, orderType: null, limitPrice: null, stopLoss: null, takeProfit: null,
  confidence: null, position: { now: null, before: null, size: null, sizeBefore: null }, strategy: null, user: null, orderId: null, tag: null, timeframe: null, barTime: null, firedAt: null, comment: null, hints: {},
};

export interface RoutedAlertRow { id: string; run: number; received_at: string; redriven_at: string | null; correlation_id: string | null; outcome: Record<string, unknown> | null }

/** A source and its alerts as the inbox hands them over, one turn at a time. */
export class Routing {
  constructor(private readonly t: TestApp, readonly source: RoutingSource) {}

  static async of(t: TestApp, agent: TestAgent, more: Partial<RoutingSource> = {}): Promise<Routing> {
    const source: RoutingSource = {
      id: randomUUID(), name: `Trend ${randomUUID()}`, action: 'idea', executorAgentId: agent.id, strategyId: null, maxAgeSeconds: 60, ...more,
      defaults: { ...NO_DEFAULTS, lotSize: '0.1', stopDistance: { price: '0.01' }, confidence: '0.9', ...more.defaults },
    };
    const json = (value: object | null) => (value === null ? null : JSON.stringify(value));
    await t.db.query(
      `insert into webhook_sources (id, name, mapping, action, executor_agent_id, strategy_id, default_lot_size, default_risk_rule, default_stop_distance, token_hash, created_by, updated_by)
       values ($1, $2, '"sigmatrader"', $3, $4, $5, $6, $7, $8, $9, 'system', 'system')`,
      [source.id, source.name, source.action, source.executorAgentId, source.strategyId, source.defaults.lotSize, json(source.defaults.riskRule), json(source.defaults.stopDistance), createHash('sha256').update(source.id).digest('hex')]);
    return new Routing(t, source);
  }

  /** Stores an alert, out of reach of the inbox that runs in the same app: it would find a body that says nothing, and quarantine it between two turns. */
  async alert(signal: Partial<Signal> = {}): Promise<string> {
    const id = randomUUID();
    const all = { ...ENTRY, ...signal };
    await this.t.db.query(
      `insert into alerts (id, source_id, key_kind, body, symbol, signal, is_exit, next_attempt_at) values ($1, $2, 'content', 'x', 'EURUSD', $3, $4, app_clock() + interval '1 day')`,
      [id, this.source.id, JSON.stringify(all), all.intent === 'exit']);
    return id;
  }

  /** One turn of it, with what it leaves written down as the inbox does, in the same transaction. */
  turn(id: string, t = this.t, fails = false): Promise<Routed> {
    return inTransaction(t.app.get(DataSource), async (tx) => {
      const [row] = await tx.sql<(RoutedAlertRow & { signal: Signal })[]>`select * from alerts where id = ${id} for update`;
      if (!row) throw new Error('there is no such alert');
      const routed = await t.app.get(AlertRouter).route(tx, row, row.signal, this.source);
      await tx.sql`update alerts set outcome = ${JSON.stringify(routed.outcome)}::jsonb where id = ${id}`;
      if (!('again' in routed)) {
        await tx.sql`update alerts set status = ${routed.status}, code = ${routed.code}, detail = ${routed.detail}, finished_at = app_clock() where id = ${id}`;
        await tx.sql`insert into alert_runs (alert_id, run, status, code, detail, outcome, actor) values (${id}, ${row.run}, ${routed.status}, ${routed.code}, ${routed.detail}, ${JSON.stringify(routed.outcome)}::jsonb, 'system')`;
      }
      if (fails) throw new Error('the server dies here');
      return routed;
    });
  }

  /** A new alert, and its first turn. */
  async send(signal: Partial<Signal> = {}): Promise<{ id: string; routed: Routed }> {
    const id = await this.alert(signal);
    return { id, routed: await this.turn(id) };
  }

  /** A new alert, which is done in one turn. */
  async done(signal: Partial<Signal> = {}): Promise<Finished & { id: string }> {
    const { id, routed } = await this.send(signal);
    if ('again' in routed) throw new Error(`again: ${JSON.stringify(routed)}`);
    return { ...routed, id };
  }

  /** A person sends it once more. */
  redrive(id: string): Promise<unknown> {
    return this.t.db.query(`update alerts set status = 'received', run = run + 1, redriven_at = app_clock(), redriven_by = 'user:x', finished_at = null, attempts = 0 where id = $1`, [id]);
  }

  /** It was received, and fired, so many seconds ago. */
  async age(id: string, seconds: number): Promise<void> {
    await this.t.db.query(`update alerts set received_at = app_clock() - make_interval(secs => $2) where id = $1`, [id, seconds]);
  }
}

export const again = (routed: Routed): string => ('again' in routed ? routed.again.code : `done: ${routed.status} ${routed.code}`);
