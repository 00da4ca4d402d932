import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { Caller } from '../common/http/caller.js';
import { pageOf } from '../common/pagination.js';
import { forbidden } from '../common/problem.js';
import type { Tx } from '../database/transaction.js';
import { exposure } from '../instruments/exposure.js';
import type { Valuation } from '../instruments/figures.js';
import type { Known } from '../instruments/rates.js';
import { effectiveLimits, type LimitLayer } from '../limits/effective-limits.js';
import { valuesOf } from '../limits/limit-fields.js';
import { type BookRow, ExposureRepository, ratesOf } from './exposure.repository.js';
import type { exposureSchema, exposuresSchema } from './exposure.schemas.js';
import type { Held } from './gate/gate-input.js';
import { RiskConfigRepository } from './risk-config.repository.js';
import { RiskLimitsRepository } from './risk-limits.repository.js';

export type BookExposure = z.output<typeof exposureSchema>;

/** What is held and reserved, as the gate counts it. Nothing is locked: it is a look. */
@Injectable()
export class ExposureService {
  constructor(
    private readonly books: ExposureRepository,
    private readonly config: RiskConfigRepository,
    private readonly limits: RiskLimitsRepository,
  ) {}

  /** @throws {Problem} 403 when a key asks for another account */
  async list({ principal }: Caller, asked: string | undefined, mode: string | undefined, limit: number, cursor: string | undefined): Promise<z.output<typeof exposuresSchema>> {
    const own = principal.kind === 'agent' ? await this.books.accountOfAgent(principal.agentId) : null;
    if (principal.kind === 'agent' && asked !== undefined && asked !== own) throw forbidden('NOT_YOUR_ACCOUNT', 'An agent key acts for the account of its agent only.');
    const page = pageOf(await this.books.accounts(own ?? asked ?? null, cursor, limit), limit, ({ seq }) => seq);
    const rows = await this.books.books(page.items, mode ?? null);
    const global: LimitLayer = layerOf(await this.config.get());
    const items: BookExposure[] = [];
    for (const row of rows) {
      const [account] = await this.limits.of({ account: row.account_id });
      items.push(toExposure(row, { global, account: account ? layerOf(account) : null }, principal.kind === 'agent' ? principal.agentId : null));
    }
    return { items, nextCursor: page.nextCursor };
  }

  /** Of every account in use, each book with the rows that its figures are made of, in a transaction of the caller's. @param most accounts */
  async within(tx: Tx, most: number): Promise<{ row: BookRow; shown: BookExposure }[]> {
    const rows = await this.books.books(await this.books.inUse(tx, most), null, tx);
    const global: LimitLayer = layerOf(await this.config.get(tx));
    const own = new Map((await this.limits.ofAccounts(tx, [...new Set(rows.map(({ account_id }) => account_id))])).map((limits) => [limits.account_id, layerOf(limits)]));
    return rows.map((row) => ({ row, shown: toExposure(row, { global, account: own.get(row.account_id) ?? null }, null) }));
  }
}

const layerOf = (row: { currency: string }): LimitLayer => ({ values: valuesOf(row), currency: row.currency });

function toExposure(row: BookRow, layers: { global: LimitLayer; account: LimitLayer | null }, onlyOf: string | null): BookExposure {
  const valuation: Valuation = { currency: row.currency, rates: ratesOf(row.rates), now: row.now, mode: row.execution_mode };
  const { maxConcurrentTrades, maxTradesPerSymbol, maxGrossExposureAmount, maxNetCurrencyExposureAmount, maxOpenRiskAmount } = effectiveLimits(layers);
  const reserved = exposure(row.held.filter(({ kind }) => kind === 'reservation').map(({ holding }) => holding), valuation).openRisk;
  const all = figuresOf(row.held, valuation);
  const groups = Map.groupBy(row.held, ({ holding: { symbol, exchange } }) => JSON.stringify([symbol, exchange]));
  return {
    accountId: row.account_id, account: row.name, executionMode: row.execution_mode, currency: row.currency, at: row.now, ...all.shown, assumed: all.assumed,
    reservedRisk: reserved.known ? reserved.value : null, ...counts(row.held),
    limits: { maxConcurrentTrades, maxTradesPerSymbol, maxGrossExposureAmount, maxNetCurrencyExposureAmount, maxOpenRiskAmount },
    symbols: [...groups.values()].map((held) => ({ symbol: held[0]?.holding.symbol ?? '', exchange: held[0]?.holding.exchange ?? null, ...counts(held), ...figuresOf(held, valuation).shown })),
    held: row.held.filter(({ agentId, proposerId }) => onlyOf === null || agentId === onlyOf || proposerId === onlyOf).map(({ kind, id, agentId, proposerId, strategyId, external, holding: h }) => ({
      kind, id, agentId, proposerAgentId: proposerId, strategyId, external, symbol: h.symbol, exchange: h.exchange, direction: h.direction, outcome: h.outcome, size: h.size,
      entryPrice: h.entryPrice === '' ? null : h.entryPrice, markPrice: h.markPrice, stop: h.stop,
    })),
  };
}

const counts = (held: readonly Held[]) => ({ trades: held.filter(({ kind }) => kind === 'trade').length, reservations: held.filter(({ kind }) => kind === 'reservation').length });

function figuresOf(held: readonly Held[], valuation: Valuation) {
  const found = exposure(held.map(({ holding }) => holding), valuation);
  const value = <T>(figure: Known<T>): T | null => (figure.known ? figure.value : null);
  const reasons = [found.grossNotional, found.netByCurrency, found.netByUnderlying, found.openRisk].flatMap((figure) => (figure.known ? [] : figure.reasons));
  return {
    assumed: found.assumed,
    shown: {
      grossNotional: value(found.grossNotional), netByCurrency: value(found.netByCurrency), netByUnderlying: value(found.netByUnderlying), openRisk: value(found.openRisk),
      unknown: [...new Map(reasons.map(({ code, detail }) => [`${code} ${detail}`, { code, detail }])).values()],
    },
  };
}
