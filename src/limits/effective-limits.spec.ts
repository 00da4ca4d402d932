import { describe, expect, it } from '@jest/globals';
import { effectiveLimits, type LimitLayer, looserThan } from './effective-limits.js';
import { effectOf, isAmount, LIMIT_NAMES, limitChanges, type LimitName, type LimitValue, type LimitValues, limitWarnings, looseness, rowOf, valuesOf } from './limit-fields.js';

/** Of each field: what stands above, the next tighter, and the next looser. */
const STEPS: Record<LimitName, [LimitValue, LimitValue, LimitValue]> = {
  aiTradingEnabled: [true, false, true], requireApproval: [false, true, false], stopAfterTarget: [false, true, false], haltOnDrawdown: [false, true, false],
  allowOffWatchlistAutotrade: [true, false, true],
  minConfidenceThreshold: ['0.7', '0.700000000000000001', '0.699999999999999999'], minRewardToRisk: ['2', '2.000000000000000001', '1.999999999999999999'],
  duplicateIntentSeconds: [60, 61, 59], cooldownSeconds: [60, 61, 59], newsEmbargoMinutes: [30, 31, 29],
  maxLotSize: ['1', '0.999999999999999999', '1.000000000000000001'], maxConcurrentTrades: [3, 2, 4], maxTradesPerSymbol: [3, 2, 4], maxTradesPerDay: [50, 49, 51],
  maxGrossExposureAmount: ['9007199254740993', '9007199254740992', '9007199254740994'], maxNetCurrencyExposureAmount: ['100', '99.99', '100.01'],
  maxOpenRiskAmount: ['100', '99.99', '100.01'], dailyProfitTarget: ['100', '99.99', '100.01'], dailyLossLimitAmount: ['100', '99.99', '100.01'],
  maxDrawdownAmount: ['100', '99.99', '100.01'], dailyLossLimitFraction: ['0.05', '0.04', '0.06'], maxDrawdownFraction: ['0.15', '0.14', '0.16'],
  maxPriceDeviation: ['0.01', '0.009', '0.011'], maxPriceAgeSeconds: [10, 9, 11],
};
const SWITCHES: LimitName[] = ['aiTradingEnabled', 'requireApproval', 'stopAfterTarget', 'haltOnDrawdown', 'allowOffWatchlistAutotrade'];
const layer = (values: Partial<LimitValues>, currency = 'USD'): LimitLayer => ({ values, currency });
const only = (name: LimitName, value: LimitValue, currency?: string): LimitLayer => layer({ [name]: value }, currency);
const currencyOf = (name: LimitName) => (isAmount(name) ? 'USD' : null);

describe.each(LIMIT_NAMES)('%s', (name) => {
  const [above, tighter, looser] = STEPS[name];
  const bound = (value: LimitValue, from: string) => ({ value, from, currency: currencyOf(name) });

  it.each(['account', 'agent', 'strategy', 'riskCaps'] as const)('is tightened by the %s, never loosened, whichever was stored first', (narrow) => {
    expect(effectiveLimits({ global: only(name, above), [narrow]: only(name, tighter) })[name]).toEqual([bound(tighter, narrow)]);
    expect(effectiveLimits({ global: only(name, above), [narrow]: only(name, looser) })[name]).toEqual([bound(above, 'global')]);
    expect(effectiveLimits({ global: only(name, above), [narrow]: only(name, null) })[name]).toEqual([bound(above, 'global')]);
    expect(effectiveLimits({ global: only(name, null), [narrow]: only(name, looser) })[name]).toEqual([bound(looser, narrow)]);
  });

  it('names the widest of those that say the same', () => {
    expect(effectiveLimits({ account: only(name, above), agent: only(name, above), strategy: only(name, above) })[name]).toEqual([bound(above, 'account')]);
  });

  it('is refused when it is looser than above, and taken when it is as tight', () => {
    const bounds = effectiveLimits({ global: only(name, above) });
    const isSwitch = SWITCHES.includes(name);
    const looserAbove = isSwitch ? effectiveLimits({ global: only(name, tighter) }) : bounds;
    expect(looserThan(looserAbove, only(name, looser)).map(({ field }) => field)).toEqual([name]);
    for (const fine of [above, tighter, null]) expect(looserThan(bounds, only(name, fine))).toEqual([]);
  });

  it('that is off above may be anything below', () => {
    for (const asked of STEPS[name]) expect(looserThan(effectiveLimits({ global: layer({}) }), only(name, asked))).toEqual([]);
  });

  it('says of a change whether it lets more through', () => {
    const change = (before: LimitValue, after: LimitValue) => effectOf(limitChanges({ ...valuesOf({}), [name]: before }, { ...valuesOf({}), [name]: after }));
    expect([change(above, tighter), change(tighter, above), change(above, above)]).toEqual(['tighter', 'looser', 'none']);
    expect([change(null, above), change(above, null)]).toEqual(['tighter', 'looser']);
  });

  it('comes back from its column', () => expect(valuesOf(rowOf({ [name]: above }))[name]).toBe(above));
});

describe('an amount', () => {
  const amounts = LIMIT_NAMES.filter(isAmount);

  it('is one of six', () => expect(amounts).toHaveLength(6));

  it.each(amounts)('%s in another currency can be neither tighter nor looser: both hold', (name) => {
    const both = effectiveLimits({ global: only(name, '100'), account: only(name, '5000', 'JPY'), agent: only(name, '80') });
    expect(both[name]).toEqual([{ value: '80', from: 'agent', currency: 'USD' }, { value: '5000', from: 'account', currency: 'JPY' }]);
    expect(looserThan(both, only(name, '4999', 'EUR'))).toEqual([]);
    expect(looserThan(both, only(name, '5001', 'JPY'))).toMatchObject([{ field: name, asked: '5001', bound: { value: '5000', from: 'account' } }]);
  });

  it('knows of digits behind the sixteenth', () => {
    expect(looseness('maxOpenRiskAmount', '10000000000000000.000000000000000001', '10000000000000000')).toBeGreaterThan(0);
    expect(looseness('maxOpenRiskAmount', '100.00', '100')).toBe(0);
  });
});

describe('limits of nobody', () => {
  it('hold nothing', () => expect(Object.values(effectiveLimits({})).flat()).toEqual([]));

  it('are told to people, as are those that let nothing through', () => {
    const warned = limitWarnings({ ...valuesOf({}), aiTradingEnabled: false, maxLotSize: '0', cooldownSeconds: 0, minRewardToRisk: '0.0', maxTradesPerDay: 1 });
    expect(warned).toContain('maxLotSize is 0: nothing is allowed');
    expect(warned).toContain('cooldownSeconds is 0: it asks for nothing');
    expect(warned).toContain('minRewardToRisk is 0: it asks for nothing');
    expect(warned).toContain('maxDrawdownAmount is off: null limits nothing');
    expect(warned.join()).not.toMatch(/maxTradesPerDay|aiTradingEnabled/);
  });

  it('that become tighter in one field and looser in another are looser', () => {
    const before = { ...valuesOf({}), maxLotSize: '1', cooldownSeconds: 5 };
    expect(effectOf(limitChanges(before, { ...before, maxLotSize: '2', cooldownSeconds: 10 }))).toBe('looser');
  });
});
