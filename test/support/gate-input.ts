import type { Terms } from '../../src/instruments/terms.js';
import type { Layer } from '../../src/limits/effective-limits.js';
import type { LimitValues } from '../../src/limits/limit-fields.js';
import { factsOf } from '../../src/risk/gate/facts.js';
import type { Rule } from '../../src/risk/gate/finding.js';
import type { GateInput, Held, LimitsOf } from '../../src/risk/gate/gate-input.js';

export const NOW = '2026-01-07T12:00:00.000Z';
/** So many seconds before now; below 0: after. */
export const ago = (seconds: number): string => new Date(Date.parse(NOW) - seconds * 1_000).toISOString();

export const EURUSD: Terms = {
  brokerSymbol: 'EURUSD', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', tickValueCurrency: 'USD', minSize: '0.01', sizeStep: '0.01',
  maxSize: '100', stopLevel: null, baseCurrency: 'EUR', quoteCurrency: 'USD', underlying: null, sessions: null, closesAt: null,
};
export const SHARE: Terms = { ...EURUSD, brokerSymbol: 'AAPL', kind: 'stock', sizeUnit: 'share', contractSize: '1', tickSize: '0.01', tickValue: '0.01', minSize: '1', sizeStep: '1', maxSize: null, baseCurrency: null };
/** A market of yes and no. */
export const MARKET: Terms = { ...SHARE, brokerSymbol: 'KXRAIN-26', kind: 'binary', sizeUnit: 'contract', closesAt: ago(-3_600) };

/** What GET /risk-config answers at first, with trading enabled. */
export const DEFAULTS: Partial<LimitValues> = {
  aiTradingEnabled: true, requireApproval: false, stopAfterTarget: true, haltOnDrawdown: true, allowOffWatchlistAutotrade: false, minConfidenceThreshold: '0.7', maxLotSize: '1',
  maxConcurrentTrades: 3, maxTradesPerSymbol: 1, maxTradesPerDay: 50, dailyLossLimitFraction: '0.05', maxDrawdownFraction: '0.15', minRewardToRisk: '2', newsEmbargoMinutes: 30, maxPriceAgeSeconds: 10,
};
export const layer = (values: Partial<LimitValues>, from: Layer = 'global', currency = 'USD'): LimitsOf => ({ from, values, currency });

export const AGENT = '0190aaaa-0000-7000-8000-000000000001';
export const OTHER = '0190aaaa-0000-7000-8000-000000000002';
export const STRATEGY = '0190bbbb-0000-7000-8000-000000000001';
export const ACCOUNT = '0190cccc-0000-7000-8000-000000000001';

export const strategyFacts = (more: Partial<NonNullable<GateInput['strategy']>> = {}): NonNullable<GateInput['strategy']> =>
  ({ id: STRATEGY, version: 1, name: 'Trend', isActive: true, retired: false, allowedSymbols: null, sessionWindows: null, holidays: [], rrExpectation: null, exitRules: {}, ...more });

/** 0.1 EURUSD long from 1.1, stop 1.095: worth 11,000, risks 50 USD. */
export const held = (holding: Partial<Held['holding']> = {}, more: Partial<Omit<Held, 'holding'>> = {}): Held => ({
  kind: 'trade', id: '0190dddd-0000-7000-8000-000000000001', agentId: AGENT, proposerId: null, strategyId: null, product: null, external: false, ...more,
  holding: { symbol: 'EURUSD', exchange: null, terms: EURUSD, direction: 'long', outcome: null, size: '0.1', entryPrice: '1.1', markPrice: null, stop: '1.095', fees: null, ...holding },
});

type Change = { [K in keyof GateInput]?: GateInput[K] extends readonly unknown[] | string ? GateInput[K] : Partial<NonNullable<GateInput[K]>> | (null extends GateInput[K] ? null : never) };

/**
 * In live, 0.1 EURUSD long at the market, 1.1 / 1.1001: worth 11,001 USD, risks 51 USD to 1.095, and hopes for 149 USD.
 * Everything is known and nothing limited.
 */
export function gateInput(change: Change = {}): GateInput {
  const base: GateInput = {
    now: NOW, mode: 'live',
    idea: {
      symbol: 'EURUSD', exchange: null, product: null, direction: 'long', outcome: null, lotSize: '0.1', entryPrice: null, entryRange: null, stopLoss: '1.095',
      takeProfit: [{ price: '1.115', sizeFraction: '1' }], confidence: '0.8', approved: false,
    },
    halts: [],
    suspension: null,
    executor: {
      id: AGENT, accountId: ACCOUNT, mode: change.mode ?? 'live', retired: false, run: 'running', status: 'running', symbols: [], holdsTradingLease: true, instanceId: 'copy-1', brokerConnected: true,
      tradeAllowed: true, accountMismatch: null, positionsSeconds: '5.2', marginFree: '9000', margin: '100',
    },
    proposer: null,
    account: { id: ACCOUNT, kind: 'live', currency: 'USD', marginMode: 'hedging' },
    strategy: null,
    instrument: { terms: EURUSD, productUnknown: false },
    quote: { bid: '1.1', ask: '1.1001', ageSeconds: '0.5' },
    calendar: { fed: false, ageSeconds: null, events: [] },
    limits: [layer({ aiTradingEnabled: true })],
    book: { held: [], openedToday: { account: 0, agent: 0, strategy: 0 }, lastIntent: null, lastLossAt: null, instrumentOwner: null },
    losses: { equity: '10000', equityAssumed: false, dayBaseline: '10000', drawdownReference: '10000', drawdownLockedAt: null, profitToday: { agent: '0', strategy: '0' } },
    rates: [{ from: 'EUR', to: 'USD', rate: '1.1', asOf: NOW }, { from: 'USD', to: 'JPY', rate: '150', asOf: NOW }],
    testing: [],
  };
  const merged = Object.entries(change).map(([key, value]) => {
    const before = base[key as keyof GateInput];
    const isPart = value !== null && typeof value === 'object' && !Array.isArray(value) && before !== null && typeof before === 'object';
    return [key, isPart ? { ...before, ...value } : value];
  });
  return { ...base, ...Object.fromEntries(merged) } as GateInput;
}

/** `passed`, or `rejected STOP_MISSING`. */
export function outcomeOf(rule: Rule, input: GateInput): string {
  const { outcome, reasons } = rule.check(factsOf(input));
  return [outcome, ...reasons.map(({ code }) => code)].join(' ');
}
