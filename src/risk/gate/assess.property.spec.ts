import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AGENT, ago, EURUSD, gateInput, held, layer, OTHER } from '../../../test/support/gate-input.js';
import { LIMIT_NAMES, type LimitName, type LimitValue, type LimitValues, looseness } from '../../limits/limit-fields.js';
import { assess, RULES } from './assess.js';
import { factsOf } from './facts.js';
import type { GateInput, LimitsOf } from './gate-input.js';
import { grossExposure } from './rules/gross-exposure.js';
import { openRisk } from './rules/open-risk.js';
import type { Assessment } from './verdict.js';

/** Wide enough for the sample, so that only what is not known refuses; every rule has something to hold. */
const WIDE: Partial<LimitValues> = {
  aiTradingEnabled: true, requireApproval: false, stopAfterTarget: true, haltOnDrawdown: true, allowOffWatchlistAutotrade: false, minConfidenceThreshold: '0.5', maxLotSize: '10',
  maxConcurrentTrades: 30, maxTradesPerSymbol: 30, maxTradesPerDay: 50, maxGrossExposureAmount: '1000000', maxNetCurrencyExposureAmount: '1000000', maxOpenRiskAmount: '5000',
  dailyProfitTarget: '5000', dailyLossLimitAmount: '5000', dailyLossLimitFraction: '0.5', maxDrawdownAmount: '5000', maxDrawdownFraction: '0.5', minRewardToRisk: '1',
  duplicateIntentSeconds: 5, cooldownSeconds: 5, newsEmbargoMinutes: 5, maxPriceDeviation: '0.01', maxPriceAgeSeconds: 10,
};
const base = (mode: GateInput['mode']): GateInput => gateInput({
  mode, limits: [layer(WIDE), layer(WIDE, 'agent')], idea: { entryPrice: '1.1001', entryRange: { low: '1.1', high: '1.11' } }, instrument: { terms: { ...EURUSD, stopLevel: '0.001' } },
  calendar: { fed: true, ageSeconds: '60', events: [{ title: 'NFP', currency: 'USD', at: ago(-7_200) }] }, account: { marginMode: 'netting' },
  book: { held: [held(), held({ markPrice: '1.1001' }, { kind: 'reservation', agentId: OTHER })], lastIntent: { at: ago(60), ideaId: null }, lastLossAt: ago(60) },
  testing: [{ breaker: 'losing_streak', sizeFraction: '0.5' }],
});

const GARBAGE = ['NaN', 'Infinity', '-Infinity', '', ' ', 'null', '1e3', '0x10', '1,5', '१', '1.1.1', '9'.repeat(60)];
/** Where nothing may stand that cannot be read, in any mode. */
const READ = `now idea.lotSize idea.entryPrice idea.entryRange.low idea.entryRange.high idea.stopLoss idea.takeProfit.0.price idea.takeProfit.0.sizeFraction idea.confidence
  executor.positionsSeconds executor.marginFree instrument.terms.stopLevel instrument.terms.contractSize instrument.terms.tickSize instrument.terms.tickValue instrument.terms.minSize
  instrument.terms.sizeStep instrument.terms.maxSize instrument.terms.closesAt quote.bid quote.ask quote.ageSeconds calendar.ageSeconds calendar.events.0.at book.held.0.holding.size
  book.held.0.holding.entryPrice book.held.0.holding.stop book.held.1.holding.markPrice book.held.0.holding.terms.contractSize book.lastIntent.at book.lastLossAt losses.equity
  losses.dayBaseline losses.drawdownReference losses.profitToday.agent testing.0.sizeFraction
  ${LIMIT_NAMES.filter((name) => typeof WIDE[name] !== 'boolean').map((name) => `limits.1.values.${name}`).join(' ')}`.split(/\s+/);
/** What live must know. */
const KNOWN = `executor.instanceId executor.brokerConnected executor.tradeAllowed executor.positionsSeconds executor.marginFree instrument.terms quote calendar.ageSeconds idea.stopLoss
  idea.confidence book.held.0.holding.terms book.held.0.holding.stop losses.equity losses.dayBaseline losses.drawdownReference losses.profitToday.agent`.split(/\s+/);

function changed(input: GateInput, path: string, value: unknown): GateInput {
  const copy = structuredClone(input);
  const steps = path.split('.');
  let at = copy as unknown as Record<string, unknown>;
  for (const step of steps.slice(0, -1)) {
    if (at[step] === null || typeof at[step] !== 'object') return copy;
    at = at[step] as Record<string, unknown>;
  }
  at[steps.at(-1) ?? ''] = value;
  return copy;
}

/** Whatever was found: each rule once, no code that it does not list, none that threw, and a verdict that follows. */
function expectSound({ verdict, reasons, rules }: Assessment): void {
  expect(rules.map(({ rule }) => rule)).toEqual(RULES.map(({ name }) => name));
  for (const [n, rule] of RULES.entries()) for (const { code, message } of rules[n]?.reasons ?? []) {
    expect(rule.codes).toContain(code);
    expect(message).toMatch(/\w.*\.$/);
    expect(message).not.toMatch(/undefined|\[object/);
  }
  expect(verdict === 'approved').toBe(rules.every(({ outcome }) => ['passed', 'assumed', 'off', 'skipped'].includes(outcome)));
  expect(verdict === 'approved').toBe(reasons.length === 0);
}

describe('what is not known', () => {
  it('the sample itself is approved, in every mode', () => {
    for (const mode of ['live', 'paper', 'simulation'] as const) expect(assess(base(mode))).toMatchObject({ verdict: 'approved' });
  });

  it.each(READ)('%s that cannot be read refuses in every mode, with a code', (path) => {
    for (const mode of ['live', 'paper'] as const) for (const value of GARBAGE) {
      const found = assess(changed(base(mode), path, value));
      expectSound(found);
      expect([value, mode, found.verdict]).toEqual([value, mode, 'rejected']);
    }
  });

  it.each(KNOWN)('%s that is null refuses in live, or asks a person', (path) => {
    const found = assess(changed(base('live'), path, null));
    expectSound(found);
    expect(found.verdict).toBe(path === 'idea.confidence' ? 'needs_approval' : 'rejected');
  });

  it('never becomes an approval in live by several of them at once', () => {
    const change = fc.oneof(
      fc.tuple(fc.constantFrom(...READ), fc.oneof(fc.constantFrom<unknown>(...GARBAGE), fc.string({ maxLength: 6 }).filter((text) => !/\d/.test(text)))),
      fc.tuple(fc.constantFrom(...KNOWN), fc.constant<unknown>(null)),
    );
    fc.assert(fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
      // In the order in which nothing is put into what was taken away.
      const found = assess(changes.reduce((input, [path, value]) => changed(input, path, value), base('live')));
      expectSound(found);
      expect(found.verdict).not.toBe('approved');
    }), { numRuns: 150 });
  });
});

const RANK: Record<Assessment['verdict'], number> = { approved: 0, waiting: 1, needs_approval: 2, rejected: 3, halted_by_risk: 3 };

const STEPS: Record<string, LimitValue[]> = {
  minConfidenceThreshold: ['0', '0.5', '0.8', '0.9'], maxLotSize: ['0', '0.05', '0.1', '1'], maxGrossExposureAmount: ['0', '11001', '22001', '50000'],
  maxNetCurrencyExposureAmount: ['0', '11001', '22001'], maxOpenRiskAmount: ['0', '51', '101', '200'], dailyProfitTarget: ['0', '50', '100'], dailyLossLimitAmount: ['0', '60', '150', '500'],
  dailyLossLimitFraction: ['0', '0.01', '0.05'], maxDrawdownAmount: ['0', '60', '150', '500'], maxDrawdownFraction: ['0', '0.01', '0.15'], minRewardToRisk: ['0', '2', '2.9', '4'],
  duplicateIntentSeconds: [0, 30, 60, 90], cooldownSeconds: [0, 30, 60, 90], newsEmbargoMinutes: [0, 30, 120], maxPriceDeviation: ['0', '0.001', '0.1'], maxPriceAgeSeconds: [0, 1, 10],
  maxConcurrentTrades: [0, 1, 2, 3], maxTradesPerSymbol: [0, 1, 2, 3], maxTradesPerDay: [0, 1, 5],
};
const valuesFor = (name: LimitName): LimitValue[] => [null, null, ...(STEPS[name] ?? [true, false])];
const someLimits = (from: LimitsOf['from'], currency: string): fc.Arbitrary<LimitsOf> =>
  fc.record(Object.fromEntries(LIMIT_NAMES.map((name) => [name, fc.constantFrom(...valuesFor(name))]))).map((values) => layer(values as Partial<LimitValues>, from, currency));
const someHeld = fc.record({
  direction: fc.constantFrom('long' as const, 'short' as const), size: fc.constantFrom('0.01', '0.1', '1'), stop: fc.constantFrom('1.095', '1.105', null), markPrice: fc.constantFrom(null, '1.08', '1.11'),
}).chain((holding) => fc.record({ kind: fc.constantFrom('trade' as const, 'reservation' as const), agentId: fc.constantFrom(AGENT, OTHER) }).map((more) => held(holding, more)));
const someInput: fc.Arbitrary<GateInput> = fc.record({
  mode: fc.constantFrom('live' as const, 'paper' as const), direction: fc.constantFrom('long' as const, 'short' as const), holdings: fc.array(someHeld, { maxLength: 3 }),
  equity: fc.constantFrom('9800', '9950', '10000', '10075', null), rates: fc.boolean(), limits: fc.tuple(someLimits('global', 'USD'), someLimits('account', 'JPY'), someLimits('agent', 'USD')),
}).map(({ mode, direction, holdings, equity, rates, limits }) => ({
  ...base(mode), testing: [], limits, rates: rates ? base(mode).rates : [], losses: { ...base(mode).losses, equity },
  idea: { ...base(mode).idea, direction, ...(direction === 'short' ? { stopLoss: '1.105', takeProfit: [{ price: '1.085', sizeFraction: '1' }] } : {}) }, book: { ...base(mode).book, held: holdings },
}));

describe('limits', () => {
  it('that become tighter never turn a refusal into anything better', () => {
    fc.assert(fc.property(someInput, fc.nat(2), fc.constantFrom(...LIMIT_NAMES), fc.nat(5), (input, which, name, pick) => {
      const before = input.limits[which]?.values[name] ?? null;
      const tighter = valuesFor(name).filter((value) => value !== null && looseness(name, value, before) < 0);
      const value = tighter[pick % Math.max(1, tighter.length)];
      if (value === undefined) return;
      const limits = input.limits.map((each, n) => (n === which ? { ...each, values: { ...each.values, [name]: value } } : each));
      const [one, other] = [assess(input), assess({ ...input, limits })];
      expectSound(other);
      // A switch that enables trading is no limit when nobody said anything before: silence enables nothing.
      if (name === 'aiTradingEnabled' && before === null && value === true) return;
      expect(RANK[other.verdict]).toBeGreaterThanOrEqual(RANK[one.verdict]);
    }), { numRuns: 300 });
  });

  it('of gross exposure and open risk are never loosened by another position', () => {
    const rank = (outcome: string) => (outcome === 'rejected' ? 1 : 0);
    fc.assert(fc.property(someInput, someHeld, (input, more) => {
      const with1 = { ...input, book: { ...input.book, held: [...input.book.held, more] } };
      for (const rule of [grossExposure, openRisk]) expect(rank(rule.check(factsOf(with1)).outcome)).toBeGreaterThanOrEqual(rank(rule.check(factsOf(input)).outcome));
    }), { numRuns: 200 });
  });
});
