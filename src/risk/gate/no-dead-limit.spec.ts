import { describe, expect, it } from '@jest/globals';
import { ago, DEFAULTS, gateInput, held, layer, NOW } from '../../../test/support/gate-input.js';
import { LIMIT_NAMES, type LimitName, type LimitValue } from '../../limits/limit-fields.js';
import { assess } from './assess.js';
import type { GateInput } from './gate-input.js';

type Change = NonNullable<Parameters<typeof gateInput>[0]>;
/** Two values of one field; what is looked at with them; and the verdict and the first code that the second gives. The first approves. */
type Changes = [approves: LimitValue, refuses: LimitValue, change: Change, verdict: string];

/** Whether drawdown becomes a halt that stays is the circuit breaker's matter; the gate refuses at the limit either way. */
const OF_A_BREAKER: LimitName[] = ['haltOnDrawdown'];

const book = (more: Partial<GateInput['book']>): Change => ({ book: more });
const CHANGES: { [K in Exclude<LimitName, 'haltOnDrawdown'>]: Changes } = {
  aiTradingEnabled: [true, false, {}, 'halted_by_risk TRADING_DISABLED'],
  requireApproval: [false, true, {}, 'needs_approval APPROVAL_REQUIRED'],
  minConfidenceThreshold: ['0.8', '0.81', {}, 'needs_approval CONFIDENCE_LOW'],
  maxLotSize: ['0.1', '0.09', {}, 'rejected SIZE_LIMIT'],
  maxConcurrentTrades: [2, 1, book({ held: [held({ symbol: 'GBPUSD' })] }), 'rejected TRADES_CONCURRENT'],
  maxTradesPerSymbol: [2, 1, book({ held: [held()] }), 'rejected TRADES_PER_SYMBOL'],
  maxTradesPerDay: [5, 4, book({ openedToday: { account: 4, agent: 4, strategy: 4 } }), 'rejected TRADES_PER_DAY'],
  maxGrossExposureAmount: ['11001', '11000', {}, 'rejected EXPOSURE_GROSS'],
  maxNetCurrencyExposureAmount: ['11001', '11000', {}, 'rejected EXPOSURE_NET'],
  maxOpenRiskAmount: ['51', '50', {}, 'rejected EXPOSURE_RISK'],
  dailyProfitTarget: ['301', '300', { losses: { equity: '10300' } }, 'rejected TARGET_REACHED'],
  stopAfterTarget: [false, true, { losses: { equity: '10300' } }, 'rejected TARGET_REACHED'],
  dailyLossLimitAmount: ['500', '300', { losses: { equity: '9700' } }, 'rejected LOSS_DAILY'],
  dailyLossLimitFraction: ['0.05', '0.03', { losses: { equity: '9700' } }, 'rejected LOSS_DAILY'],
  maxDrawdownAmount: ['500', '300', { losses: { equity: '9700' } }, 'rejected LOSS_DRAWDOWN'],
  maxDrawdownFraction: ['0.05', '0.03', { losses: { equity: '9700' } }, 'rejected LOSS_DRAWDOWN'],
  minRewardToRisk: ['2', '3', {}, 'rejected REWARD_LOW'],
  duplicateIntentSeconds: [60, 61, book({ lastIntent: { at: ago(60), ideaId: null } }), 'rejected INTENT_DUPLICATE'],
  cooldownSeconds: [60, 61, book({ lastLossAt: ago(60) }), 'rejected COOLDOWN_RUNNING'],
  newsEmbargoMinutes: [30, 31, { calendar: { fed: true, ageSeconds: '60', events: [{ title: 'NFP', currency: 'USD', at: ago(-1_860) }] } }, 'rejected NEWS_EMBARGO'],
  maxPriceDeviation: ['0.01', '0.001', { idea: { entryPrice: '1.105' } }, 'rejected PRICE_DEVIATION'],
  maxPriceAgeSeconds: [10, 5, { quote: { ageSeconds: '7' } }, 'rejected QUOTE_STALE'],
  allowOffWatchlistAutotrade: [true, false, { executor: { symbols: ['GBPUSD'] } }, 'needs_approval WATCHLIST_OFF'],
};

/** Beside a field, only what it needs to have a say. */
const BESIDE: Partial<Record<LimitName, object>> = { dailyProfitTarget: { stopAfterTarget: true }, stopAfterTarget: { dailyProfitTarget: '300' } };
const verdictWith = (name: LimitName, value: LimitValue, change: Change) => {
  const { verdict, reasons } = assess(gateInput({ ...change, limits: [layer({ aiTradingEnabled: true, ...BESIDE[name], [name]: value })] }));
  return [verdict, ...reasons.slice(0, 1).map(({ code }) => code)].join(' ');
};

describe('no limit is dead', () => {
  it('each has a verdict that it changes', () => expect([...Object.keys(CHANGES), ...OF_A_BREAKER].sort()).toEqual([...LIMIT_NAMES].sort()));

  it.each(Object.entries(CHANGES) as [LimitName, Changes][])('%s', (name, [approves, refuses, change, verdict]) => {
    expect(verdictWith(name, approves, change)).toBe('approved');
    expect(verdictWith(name, refuses, change)).toBe(verdict);
    if (typeof refuses !== 'boolean' && refuses !== null) expect(verdictWith(name, null, change)).toBe('approved');
  });

  it.each(['account', 'agent', 'strategy', 'riskCaps'] as const)('each is held where the %s tightens it', (from) => {
    for (const [name, [, refuses, change]] of Object.entries(CHANGES) as [LimitName, Changes][]) {
      const tight = name.startsWith('daily') || name === 'stopAfterTarget' ? { profitToday: { agent: '0', strategy: '0' } } : {};
      const profit = name === 'dailyProfitTarget' || name === 'stopAfterTarget' ? '300' : '-300';
      const losses = 'losses' in change ? { ...change.losses, ...(Object.keys(tight).length > 0 ? { profitToday: { agent: profit, strategy: profit } } : {}) } : {};
      const inBook = 'book' in change ? { ...change.book, held: (change.book?.held ?? []).map((each) => ({ ...each, strategyId: 'strategy' })) } : {};
      const strategy = { id: 'strategy', version: 1, name: 'S', isActive: true, retired: false, allowedSymbols: null, sessionWindows: null, holidays: [], rrExpectation: null, exitRules: {} };
      const input = gateInput({ ...change, losses, book: inBook, strategy, limits: [layer({ aiTradingEnabled: true }), layer({ ...BESIDE[name], [name]: refuses }, from)] });
      expect([name, assess(input).verdict]).toEqual([name, expect.not.stringMatching('approved')]);
    }
  });

  it('the defaults let a first idea through, and nothing before trading is enabled', () => {
    expect(assess(gateInput({ now: NOW, limits: [layer(DEFAULTS)] })).verdict).toBe('approved');
    expect(assess(gateInput({ limits: [layer({ ...DEFAULTS, aiTradingEnabled: false })] })).verdict).toBe('halted_by_risk');
  });

  it('drawdown refuses whether or not it halts', () => {
    for (const haltOnDrawdown of [true, false]) {
      expect(assess(gateInput({ losses: { equity: '9000' }, limits: [layer({ aiTradingEnabled: true, maxDrawdownFraction: '0.1', haltOnDrawdown })] })).verdict).toBe('rejected');
    }
  });
});
