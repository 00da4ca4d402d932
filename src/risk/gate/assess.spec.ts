import { describe, expect, it } from '@jest/globals';
import { AGENT, DEFAULTS, gateInput, held, layer } from '../../../test/support/gate-input.js';
import { assess, RULES } from './assess.js';
import type { GateInput } from './gate-input.js';
import { REASON_CODES } from './reason-codes.js';
import { expectWithin, timeOf } from '../../../test/support/timing.js';

const ORDER = `halt suspension trading agent lease instance account positions broker strategy instrument closing size price stop take_profit confidence watchlist session news reward value lot_size
  gross_exposure net_exposure open_risk concurrent_trades trades_per_symbol trades_per_day daily_loss daily_target drawdown loss_headroom cooldown duplicate ownership margin approval entry_range`.split(/\s+/);
const defaults = (change: Parameters<typeof gateInput>[0] = {}) => gateInput({ limits: [layer(DEFAULTS)], ...change });
const codes = (input: GateInput) => assess(input).reasons.map(({ code }) => code);

describe('the gate', () => {
  it('lets a sane idea through under the default limits, at the side of the quote that it takes', () => {
    expect(assess(defaults())).toMatchObject({ verdict: 'approved', reasons: [], price: '1.1001' });
    expect(assess(defaults({ idea: { entryPrice: '1.1' } })).price).toBe('1.1');
  });

  it('runs and records every rule in one order, also after a refusal', () => {
    const halts: GateInput['halts'] = [{ id: 'h', scope: 'global', mode: 'halt', reason: 'fire', breaker: null }];
    for (const input of [defaults(), defaults({ halts, idea: { stopLoss: null, lotSize: 'NaN' }, quote: null })]) expect(assess(input).rules.map(({ rule }) => rule)).toEqual(ORDER);
  });

  it('names the first refusal, and records the later ones', () => {
    const found = assess(defaults({ idea: { stopLoss: null }, executor: { positionsSeconds: '61' } }));
    expect(found).toMatchObject({ verdict: 'rejected', reasons: [{ code: 'POSITIONS_STALE', actual: '61', limit: '60' }] });
    expect(found.rules.filter(({ outcome }) => outcome === 'rejected').map(({ rule }) => rule)).toContain('stop');
  });

  it('never hides a refusal behind the question for approval', () => {
    const asking = { limits: [layer({ ...DEFAULTS, requireApproval: true })], idea: { confidence: '0.1' } };
    expect(assess(gateInput(asking))).toMatchObject({ verdict: 'needs_approval', reasons: [{ code: 'CONFIDENCE_LOW' }, { code: 'APPROVAL_REQUIRED' }] });
    expect(assess(gateInput({ ...asking, executor: { marginFree: '0' } }))).toMatchObject({ verdict: 'rejected', reasons: [{ code: 'MARGIN_SHORT' }] });
  });

  it('lets an idea wait only when nobody has to approve it', () => {
    const waits = { idea: { entryRange: { low: '1.0985', high: '1.099' } } };
    expect(assess(defaults(waits))).toMatchObject({ verdict: 'waiting', reasons: [{ code: 'PRICE_OUTSIDE_RANGE' }], price: '1.099' });
    expect(assess(defaults({ ...waits, limits: [layer({ ...DEFAULTS, requireApproval: true })] })).verdict).toBe('needs_approval');
    expect(assess(defaults({ ...waits, executor: { holdsTradingLease: false } })).verdict).toBe('halted_by_risk');
  });

  it('asks nobody any more about what was approved, and still refuses it', () => {
    const limits = [layer({ ...DEFAULTS, requireApproval: true })];
    const idea = { approved: true, confidence: null };
    expect(assess(gateInput({ limits, idea, executor: { symbols: ['GBPUSD'] } })).verdict).toBe('approved');
    expect(codes(gateInput({ limits, idea: { ...idea, lotSize: '1.01' } }))).toEqual(['SIZE_LIMIT']);
  });

  it('says a rule that throws as a refusal', () => {
    const sessions = { zone: 'Mars/Olympus', windows: [{ days: ['wed' as const], from: '00:00', to: '24:00' }], holidays: [], earlyCloses: [] };
    expect(codes(defaults({ instrument: { terms: { ...(gateInput().instrument.terms as NonNullable<GateInput['instrument']['terms']>), sessions } } }))).toEqual(['RULE_FAILED']);
  });

  it('knows each code from a rule, but for what is said when approving and by the gate itself', () => {
    const given = new Set(RULES.flatMap((rule) => rule.codes));
    expect(Object.keys(REASON_CODES).filter((code) => !given.has(code as never))).toEqual(['PRICE_MOVED', 'RULE_FAILED']);
    expect(new Set(RULES.map(({ name }) => name)).size).toBe(RULES.length);
  });

  it('takes milliseconds, not tens of them, for a book of 20', async () => {
    const limits = (['global', 'account', 'agent'] as const).map((from) =>
      layer({ ...DEFAULTS, maxConcurrentTrades: 30, maxTradesPerSymbol: 30, maxGrossExposureAmount: '1000000', maxNetCurrencyExposureAmount: '1000000', maxOpenRiskAmount: '10000', dailyLossLimitFraction: '0.5', maxDrawdownFraction: '0.5' }, from));
    const book = { held: Array.from({ length: 20 }, (_, n) => held({ size: `0.0${(n % 9) + 1}`, markPrice: '1.1' }, { agentId: AGENT, kind: n % 2 ? 'trade' : 'reservation' })) };
    const input = gateInput({ limits, book });
    for (let n = 0; n < 50; n += 1) assess(input);
    // A hundred times what it takes, for each of a hundred: only a mistake in the order of the cost is found here.
    await expectWithin(5_000, () => timeOf(async () => {
      for (let n = 0; n < 100; n += 1) expect(assess(input).verdict).toBe('approved');
    }));
  });
});
