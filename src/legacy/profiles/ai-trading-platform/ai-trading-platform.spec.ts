import { describe, expect, it } from '@jest/globals';
import { AGENTS, mapped, mappedBy, NO_SOURCE, refusal, STARTED, tableOf } from '../../../../test/support/mapped.js';
import { putStrategySchema } from '../../../strategies/strategies.schemas.js';
import { Json } from '../../profile.js';
import type { Cell, Source } from '../../source/cell.js';
import { parseJson } from '../../source/json-text.js';
import { AI_TRADING_PLATFORM as PLATFORM } from './profile.js';

/** A document as the folder's reader gives it: its numbers are not doubles. */
const document = (value: unknown): Record<string, Cell> => parseJson(JSON.stringify(value)).value as Record<string, Cell>;

const STRATEGY = {
  id: 'EURUSD_H1', name: 'EURUSD H1 Trend Following', description: 'Trend', enabled: true, symbol: 'EURUSD', timeframe: 'H1', sessions: ['London', 'NewYork'], indicators: { ema: { fast: 20, slow: 50 }, atr: { period: 14, multiplier: 1.5 } },
  conditions: { entry: ['ema_fast_gt_slow'], exit: ['rsi_gt_70'], strong: [], weak: ['long_upper_wick'] }, strategy: { direction: 'long', min_rr: 2.0, news_embargo_minutes: 30, invalidations: ['price_close_lt_ema_slow'], max_risk_pct: 0.01 },
  created_at: '2025-10-28T10:00:00Z', updated_at: '2025-10-28T12:00:00+02:00', created_by: 'system',
};
const strategy = (change: object = {}) => mapped(PLATFORM, 'strategies', document({ ...STRATEGY, ...change }));

/** What PUT would be sent by a page that changes nothing. */
const sentBack = (values: Record<string, unknown>) => {
  const open = (value: unknown) => (value instanceof Json ? value.value : value);
  return {
    name: values.name, isActive: values.is_active, allowedSymbols: values.allowed_symbols, sessionWindows: open(values.session_windows), holidays: open(values.holidays), entryConditions: open(values.entry_conditions), exitRules: open(values.exit_rules),
    forbiddenConditions: open(values.forbidden_conditions), riskCaps: open(values.risk_caps), rrExpectation: values.rr_expectation,
  };
};

describe('a strategy of the AI Trading Platform', () => {
  it('in a file becomes one with its windows, its caps and its first version', () => {
    const { rows: [first, second], notes } = strategy();
    const windows = [
      { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:00', zone: 'Africa/Johannesburg' },
      { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '17:00', to: '23:00', zone: 'Africa/Johannesburg' },
    ];
    const content = {
      name: 'EURUSD H1 Trend Following', isActive: true, allowedSymbols: ['EURUSD'], sessionWindows: windows, holidays: [],
      entryConditions: { ...STRATEGY.conditions, direction: 'long', timeframe: 'H1', indicators: STRATEGY.indicators, description: 'Trend', importedFrom: 'EURUSD_H1', createdBy: 'system' },
      exitRules: {}, forbiddenConditions: { invalidations: ['price_close_lt_ema_slow'], newsEmbargoMinutes: 30, maxRiskFraction: '0.01' }, riskCaps: { minRewardToRisk: '2', newsEmbargoMinutes: 30 }, rrExpectation: '2',
    };
    expect(first?.values).toEqual({
      id: 'strategies/1', version: '1', name: content.name, is_active: true, allowed_symbols: ['EURUSD'], session_windows: new Json(windows), holidays: new Json([]), entry_conditions: new Json(content.entryConditions), exit_rules: new Json({}),
      forbidden_conditions: new Json(content.forbiddenConditions), risk_caps: new Json(content.riskCaps), currency: 'USD', rr_expectation: '2', created_at: '2025-10-28T10:00:00Z', updated_at: '2025-10-28T10:00:00Z', updated_by: 'import',
    });
    expect(second).toEqual({ table: 'strategy_versions', values: { strategy_id: 'strategies/1', version: '1', content: new Json({ ...content, currency: 'USD', retired: false }), changed: [], reason: 'imported', actor: 'import' } });
    expect(notes).toEqual([expect.stringMatching(/^RISK_FRACTION_NOT_ENFORCED: max_risk_pct 0.01 /)]);
  });

  it('has its id behind its name where another one before it is called so: a copied file keeps its name', () => {
    const [first, second] = [document(STRATEGY), document({ ...STRATEGY, id: 'US30_M1' })];
    const table = { ...tableOf('strategies', Object.keys(STRATEGY)), rows: () => [{ id: 'EURUSD_H1', cells: first }, { id: 'US30_M1', cells: second }] };
    const mapping = PLATFORM.mapping(table, '', NO_SOURCE);
    if (mapping === null) throw new Error('strategies are of this system');
    const found = [mappedBy(mapping, first, 'EURUSD_H1'), mappedBy(mapping, second, 'US30_M1')];
    expect(found.map(({ values, codes }) => [values.name, codes.includes('NAME_TWICE')])).toEqual([['EURUSD H1 Trend Following', false], ['EURUSD H1 Trend Following (US30_M1)', true]]);
  });

  it.each<[string, object, Record<string, unknown>, string[]]>([
    ['that is disabled stays so', { enabled: false }, { is_active: false }, []],
    ['without a session is inactive: none would be any time', { sessions: [] }, { is_active: false, session_windows: null }, ['STRATEGY_INACTIVE']],
    ['without an entry is inactive: none was never true', { conditions: { entry: [] } }, { is_active: false }, ['STRATEGY_INACTIVE']],
    ['that does not say whether it is enabled is inactive', { enabled: undefined }, { is_active: false }, ['STRATEGY_INACTIVE']],
    ['with an embargo of 0 has none', { strategy: { ...STRATEGY.strategy, news_embargo_minutes: 0 } }, { risk_caps: new Json({ minRewardToRisk: '2' }) }, ['LIMIT_OFF']],
    ['in Sydney trades over midnight, before a working day', { sessions: ['Sydney'] }, { session_windows: new Json([{ days: ['mon', 'tue', 'wed', 'thu', 'sun'], from: '23:00', to: '02:00', zone: 'Africa/Johannesburg' }]) }, []],
  ])('%s', (_, change, values, codes) => {
    const found = strategy(change);
    expect(found.values).toMatchObject(values);
    expect(found.codes.filter((code) => code !== 'RISK_FRACTION_NOT_ENFORCED')).toEqual(codes);
    expect(putStrategySchema.safeParse(sentBack(found.values)).success).toBe(true);
  });

  it.each<[string, object, string]>([
    ['no symbol, for none would be any', { symbol: null }, 'VALUE_MISSING symbol'], ['a session that nobody knows', { sessions: ['Mars'] }, 'SESSION_UNKNOWN sessions'], ['a name in two lines', { name: 'a\nb' }, 'STRATEGY_INVALID name'],
    ['a credential among its conditions', { indicators: { api_key: 'abcdefghijklmnop' } }, 'STRATEGY_INVALID entryConditions'], ['a reward below 0', { strategy: { ...STRATEGY.strategy, min_rr: -1 } }, 'NUMBER_INVALID strategy.min_rr'],
  ])('is refused with %s', (_, change, code) => expect(refusal(() => strategy(change))).toBe(code));

  const ROW: Record<string, Cell> = {
    id: 'f00d', name: 'Breakout', is_active: 't', allowed_symbols: '{EURUSD,"GBP/USD"}', session_windows: '[{"start":"07:00Z","end":"11:00Z","days":["Mon","Tue-Thu"]}]', entry_conditions: '{"rsi_below":70}',
    exit_rules: '{"stop_loss":"1.5 ATR","time_limit_min":90}', forbidden_conditions: '{"block_high_impact_news_minutes":15}', risk_caps: '{"max_lot_size":0.5,"max_concurrent_positions":0,"max_leverage":10}', rr_expectation: 2.5,
    created_at: '2025-10-28 10:00:00+00', updated_at: '2025-10-28 10:00:00.123456+02:00',
  };
  it('in the table becomes one with its own windows and caps', () => {
    const found = mapped(PLATFORM, 'strategies', ROW, 'tables');
    expect(found.values).toMatchObject({
      name: 'Breakout', is_active: true, allowed_symbols: ['EURUSD', 'GBPUSD'], session_windows: new Json([{ days: ['mon', 'tue', 'wed', 'thu'], from: '07:00', to: '11:00', zone: 'UTC' }]), exit_rules: new Json({ maxHoldingSeconds: 5400 }),
      entry_conditions: new Json({ rsi_below: 70, exitRules: { stop_loss: '1.5 ATR', time_limit_min: 90 } }), forbidden_conditions: new Json({ block_high_impact_news_minutes: 15, riskCaps: { max_leverage: 10 } }),
      risk_caps: new Json({ maxLotSize: '0.5', newsEmbargoMinutes: 15 }), rr_expectation: '2.5', updated_at: '2025-10-28T08:00:00.123456Z',
    });
    expect(found.codes).toEqual(['LIMIT_OFF', 'RISK_CAP_NOT_ENFORCED']);
    expect(putStrategySchema.safeParse(sentBack(found.values)).success).toBe(true);
  });

  it.each<[string, Record<string, Cell>]>([['symbols', { allowed_symbols: '{}' }], ['windows', { session_windows: '[]' }]])('in the table without %s is inactive', (_, change) => {
    expect(mapped(PLATFORM, 'strategies', { ...ROW, ...change }, 'tables').values.is_active).toBe(false);
  });
  it.each<[string, Record<string, Cell>, string]>([
    ['a window that is none', { session_windows: '[{"start":"7","end":"11:00Z"}]' }, 'SESSION_UNKNOWN session_windows'], ['a window of another offset', { session_windows: '[{"start":"07:00+02:00","end":"11:00Z"}]' }, 'SESSION_UNKNOWN session_windows'],
    ['symbols that are no list', { allowed_symbols: 'EURUSD' }, 'LIST_INVALID allowed_symbols'], ['conditions that are no JSON', { entry_conditions: '{' }, 'JSON_INVALID entry_conditions'],
  ])('in the table is refused with %s', (_, change, code) => expect(refusal(() => mapped(PLATFORM, 'strategies', { ...ROW, ...change }, 'tables'))).toBe(code));
});

describe('an idea of the AI Trading Platform', () => {
  const IDEA = {
    id: 'EURUSD_H1_20251028_100000', timestamp: '2025-10-28T10:00:00', symbol: 'EURUSD', timeframe: 'H1', confidence: 75, action: 'open_or_scale', direction: 'long', entry_price: 1.1, stop_loss: 1.09, take_profit: 1.12, volume: 0.01, rr_ratio: 2.0,
    emnr_flags: 'entry=True', indicators: null, execution_plan: { action: 'open_or_scale', riskPct: '0.01' }, status: 'pending_approval', notes: 'up', source: 'engine', approval_status: 'pending',
  };
  const idea = (change: object = {}) => mapped(PLATFORM, 'trade_ideas', document({ ...IDEA, ...change }));
  const steps = (change: object) => idea(change).rows.map(({ table, values }) => [table, values.type, values.at]);
  const PROPOSED = ['decision_history', 'ai_proposed', '2025-10-28T10:00:00Z'];

  it('that nobody decided on was proposed, and is nothing that anybody could approve', () => {
    const { rows, notes } = idea();
    expect(rows).toEqual([{
      table: 'decision_history',
      values: {
        id: 'trade_ideas/1', type: 'ai_proposed', at: '2025-10-28T10:00:00Z', agent_id: AGENTS.paper, risk_check_result: null, human_override: null,
        reason: 'Imported: the idea EURUSD_H1_20251028_100000 (long, 0.01, EURUSD, H1, at 1.1, stop 1.09, target 1.12, reward to risk 2, confidence 75 of 100, action open_or_scale); it was pending. up',
      },
    }]);
    expect(notes).toEqual([expect.stringMatching(/^IDEA_PENDING: /)]);
  });

  it.each<[string, object, unknown[], string[]]>([
    ['approved and not carried out', { status: 'approved', approval_status: 'approved', approved_by: 'ann', approved_at: '2025-10-28T12:30:00+02:00' }, [['decision_history', 'human_approved', '2025-10-28T10:30:00Z']], ['IDEA_NOT_EXECUTED']],
    ['approved and carried out', { status: 'executed', approved_by: 'ann', approved_at: '2025-10-28T10:30:00Z' }, [['decision_history', 'human_approved', '2025-10-28T10:30:00Z']], []],
    ['carried out with nobody named', { status: 'executed' }, [['decision_history', 'ai_auto_executed', '2025-10-28T10:00:00Z']], []],
    ['rejected', { status: 'rejected', rejected_by: 'ann', rejected_at: '2025-10-28T11:00:00Z', rejection_reason: 'news' }, [['decision_history', 'human_rejected', '2025-10-28T11:00:00Z']], []],
    ['cancelled', { status: 'cancelled', cancelled_at: '2025-10-28T11:00:00Z' }, [['decision_history', 'human_rejected', '2025-10-28T11:00:00Z']], []],
    ['rejected, and then approved', { status: 'executed', rejected_at: '2025-10-28T11:00:00Z', approved_at: '2025-10-28T12:00:00Z' }, [['decision_history', 'human_rejected', '2025-10-28T11:00:00Z'], ['decision_history', 'human_approved', '2025-10-28T12:00:00Z']], []],
  ])('that was %s tells each step', (_, change, later, codes) => {
    expect(steps(change)).toEqual([PROPOSED, ...later]);
    expect(idea(change).codes).toEqual(codes);
    const ids = idea(change).rows.map(({ values }) => values.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('keeps what a person had changed', () => {
    const { rows } = idea({ status: 'approved', approved_by: 'ann', approved_at: '2025-10-28T10:30:00Z', manual_overrides: { volume: 0.5 } });
    expect(rows[1]?.values).toMatchObject({ human_override: new Json({ by: 'ann', overrides: { volume: 0.5 }, imported: true }), reason: expect.stringMatching(/was approved by ann$/) });
  });

  it('without a time has that of its name, and else that of the import', () => {
    expect(idea({ timestamp: null })).toMatchObject({ values: { at: '2025-10-28T10:00:00Z' }, codes: ['TIME_OF_NAME', 'IDEA_PENDING'] });
    expect(idea({ timestamp: null, id: 'x' })).toMatchObject({ values: { at: STARTED }, codes: ['TIME_MISSING', 'IDEA_PENDING'] });
  });

  it('with a figure that is none is told without it', () => {
    const found = idea({ entry_price: 'None', rr_ratio: { value: 2 } });
    expect(found.codes).toEqual(['IDEA_FIGURE_UNREADABLE', 'IDEA_FIGURE_UNREADABLE', 'IDEA_PENDING']);
    expect(found.values.reason).toMatch(/\(long, 0.01, EURUSD, H1, stop 1.09, target 1.12, confidence 75 of 100, /);
  });

  it('is refused with a status that nobody knows', () => expect(refusal(() => idea({ status: 'maybe' }))).toBe('VALUE_UNKNOWN status'));

  const ROW: Record<string, Cell> = { id: 'a', symbol: 'EURUSD', direction: 'buy', entry_price: null, entry_range: '{1.1,1.2}', stop_loss: 1.09, take_profit: '[1.2, 1.3]', expected_hold: 'swing_1d', rationale: 'up', confidence_score: 91, status: 'HALTED_BY_RISK', strategy_id: null, snapshot_ref: null, created_at: '2025-10-28 10:00:00', updated_at: '2025-10-28 10:05:00' };
  it('in the table is told where no log of decisions is beside it, and archived where one is', () => {
    const { rows } = mapped(PLATFORM, 'trade_ideas', ROW, 'tables');
    expect(rows.map(({ values }) => [values.type, values.at, values.reason])).toEqual([
      ['ai_proposed', '2025-10-28T10:00:00Z', 'Imported: an idea (buy, EURUSD, from 1.1 / 1.2, stop 1.09, target 1.2 / 1.3, confidence 91 of 100, swing_1d), which was halted_by_risk: up'],
      ['ai_halted', '2025-10-28T10:05:00Z', 'Imported: the idea (buy, EURUSD, from 1.1 / 1.2, stop 1.09, target 1.2 / 1.3, confidence 91 of 100, swing_1d) was halted_by_risk'],
    ]);
    expect(mapped(PLATFORM, 'trade_ideas', { ...ROW, status: 'needs_approval' }, 'tables').codes).toEqual(['IDEA_PENDING']);
    expect(PLATFORM.mapping(tableOf('trade_ideas', Object.keys(ROW)), 'tables with decisions', NO_SOURCE)?.as).not.toBe('import');
  });
});

describe('what else the AI Trading Platform stored', () => {
  const DECISION: Record<string, Cell> = { id: 'd', occurred_at: '2025-10-28 10:00:00+00', symbol: null, action: 'AI_HALTED', rationale: 'too deep', confidence_score: null, risk_check_result: 'fail:max_drawdown', strategy_id: null, trade_idea_id: null, snapshot_ref: null, human_override: 0n };
  it.each<[string, Record<string, Cell>, Record<string, unknown>]>([
    ['in capitals, with what failed', {}, { type: 'ai_halted', at: '2025-10-28T10:00:00Z', reason: 'Imported: too deep', risk_check_result: new Json({ imported: true, verdict: 'fail', rules: [{ rule: 'max_drawdown', outcome: 'rejected', reasons: [] }] }), human_override: null }],
    ['of a person', { action: 'human_approved', symbol: 'EURUSD', confidence_score: 91.5, risk_check_result: 'pass', human_override: 't', rationale: null }, { type: 'human_approved', reason: 'Imported (EURUSD, confidence 91.5 of 100): no rationale was stored', risk_check_result: new Json({ imported: true, verdict: 'pass', rules: [] }), human_override: new Json({ by: null, imported: true }) }],
  ])('of decisions is one of the run, %s', (_, change, values) => expect(mapped(PLATFORM, 'decision_history', { ...DECISION, ...change }).values).toMatchObject(values));
  it('of decisions that is none is kept or refused', () => {
    expect(mapped(PLATFORM, 'decision_history', { ...DECISION, action: 'admin_note' })).toMatchObject({ rows: [], codes: ['DECISION_NOTE'] });
    expect(refusal(() => mapped(PLATFORM, 'decision_history', { ...DECISION, action: 'guessed' }))).toBe('VALUE_UNKNOWN action');
  });

  it('of an account is a snapshot, in the table and in a file of any name', () => {
    const row = { balance: '100.10', equity: 99.5, open_positions: 2n };
    const expected = { sender: AGENTS.paper, account_id: 'account', captured_at: '2025-10-28T10:00:00Z', balance: '100.1', equity: '99.5', open_pl: '-0.6', margin_used: '1', margin_free: null, open_positions: '2' };
    expect(mapped(PLATFORM, 'snapshot_account', { ...row, id: 1n, captured_at: '2025-10-28 10:00:00', margin_used: 1, margin_free: null, open_pl: -0.6 }).values).toMatchObject(expected);
    expect(mapped(PLATFORM, 'account_history', { balance: '100.10', equity: '99.5', ts_utc: '2025-10-28T10:00:00Z', Profit: '-0.6', margin: '1', positions: '2' }, 'files').values).toMatchObject(expected);
  });

  it('of indicators, the calendar and the news are snapshots', () => {
    expect(mapped(PLATFORM, 'snapshot_indicators', { id: 'i', symbol: 'EURUSD', timeframe: '1h', rsi_14: 55.25, sma_50: null, sma_200: null, macd: '{"macd":0.1,"signal":"0.2","hist":-0.1}', atr: 0.001, captured_at: '2025-10-28 10:00:00' }).values)
      .toMatchObject({ sender: AGENTS.paper, timeframe: '1h', frame: 'H1', rsi_14: '55.25', macd: '0.1', macd_signal: '0.2', macd_hist: '-0.1', atr: '0.001' });
    expect(mapped(PLATFORM, 'snapshot_calendar', { id: 'c', event_time: '2025-10-28 12:30:00', currency: 'usd', impact_level: 'HIGH', title: 'CPI', previous_value: '3.1%', forecast_value: null, actual_value: null, captured_at: '2025-10-28 10:00:00' }).values)
      .toMatchObject({ event_time: '2025-10-28T12:30:00Z', currency: 'USD', impact_level: 'high', title: 'CPI', previous_value: '3.1%' });
    expect(mapped(PLATFORM, 'snapshot_news', { id: 'n', headline: 'Up', source: 'wire', symbols: '{XAUUSD,EURUSD}', published_at: '2025-10-28 10:00:00', captured_at: null }).values)
      .toMatchObject({ symbols: ['EURUSD', 'XAUUSD'], captured_at: '2025-10-28T10:00:00Z' });
  });

  it.each<[string, Record<string, Cell>, string[]]>([
    ['risk_limits', { key: 'daily_loss_limit_r', value: '0', notes: 'off' }, ['LIMIT_OFF: daily_loss_limit_r is 0, which was no limit; it is no limit here either, and not 0, which would allow nothing']],
    ['risk_limits', { key: 'max_symbol_positions', value: '3', notes: '' }, ['LIMIT_PROPOSED: max_symbol_positions 3 is maxTradesPerSymbol 3 here; set it in /limits where it is wanted']],
    ['risk_limits', { key: 'sl_atr_mult', value: '1.5', notes: '' }, ['LIMIT_NOT_HERE: sl_atr_mult 1.5 has no limit of ours that means the same']],
    ['settings', document({ confidence_threshold: 75, evaluation_interval_seconds: 300, mode: 'semi-auto' }), ['LIMIT_PROPOSED: confidence_threshold 75 is minConfidenceThreshold 0.75 here; set it in /limits where it is wanted']],
    ['risk_config', { id: 1n, ai_trading_enabled: 0n, halt_on_drawdown: 't', max_drawdown_amount: 1000 }, ['LIMIT_PROPOSED: ai_trading_enabled 0 is aiTradingEnabled false here; set it in /limits where it is wanted', 'LIMIT_PROPOSED: halt_on_drawdown t is haltOnDrawdown true here; set it in /limits where it is wanted', 'LIMIT_PROPOSED: max_drawdown_amount 1000 is maxDrawdownAmount 1000 here; set it in /limits where it is wanted']],
  ])('of limits in %s sets nothing, and says what each would be', (base, cells, notes) => expect(mapped(PLATFORM, base, cells)).toMatchObject({ rows: [], notes }));

  it.each([['accounts', ['id', 'name', 'login', 'password_encrypted', 'server'], ['login', 'password_encrypted']], ['api_integrations', ['id', 'name', 'api_key_encrypted', 'base_url'], ['api_key_encrypted']], ['users', ['id', 'email', 'hashed_password'], ['hashed_password']]])(
    'as %s is archived without its secrets', (base, columns, secrets) => {
      const mapping = PLATFORM.mapping(tableOf(base, columns), 'files', NO_SOURCE);
      expect(mapping?.as).not.toBe('import');
      expect(mapping?.secrets).toEqual(expect.arrayContaining(secrets));
    });
});

describe('the AI Trading Platform', () => {
  const source = (medium: Source['medium'], ...tables: [string, string[]][]): Source => ({ medium, sha256: '', tables: tables.map(([base, columns]) => tableOf(base, columns)), close: () => undefined });
  it.each<[string, Source, unknown]>([
    ['its files', source('folder', ['strategies', Object.keys(STRATEGY)], ['risk_limits', ['key', 'value', 'notes']]), { shape: 'files', tables: 2 }],
    ['its settings store', source('sqlite', ['accounts', ['id', 'name', 'login', 'password_encrypted', 'server', 'is_active']], ['appearance_settings', ['id', 'density', 'theme']]), { shape: 'settings store', tables: 2 }],
    ['its tables', source('sqlite', ['strategies', ['id', 'name', 'allowed_symbols', 'session_windows']], ['decision_history', ['id', 'occurred_at', 'action', 'rationale']]), { shape: 'tables with decisions', tables: 2 }],
    ['nothing of another system', source('sqlite', ['accounts', ['id', 'username']], ['users', ['id', 'name']]), null],
  ])('is recognised by the columns of %s', (_, given, expected) => expect(PLATFORM.recognise(given)).toEqual(expected));
});
