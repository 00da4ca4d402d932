import { describe, expect, it } from '@jest/globals';
import { AGENTS, mapped, NO_SOURCE, refusal, tableOf } from '../../../../test/support/mapped.js';
import type { Cell, Source } from '../../source/cell.js';
import { BadText } from '../../source/cell.js';
import { Json, Ref, Reject } from '../../profile.js';
import { AI_TRADER } from './profile.js';
import { timeframeIn } from './snapshots.js';

const PREDICTION: Record<string, Cell> = {
  id: 1n, timestamp: '2026-01-21 07:00:00.000000', symbol: 'EURUSD', direction: 'short', confidence: 0.5685535669326782, prob_up: 0.4314464032649994, prob_down: 0.5685535669326782, pred_1h: 0n, conf_1h: 0.5, pred_4h: 1n,
  conf_4h: 0.5, pred_d: 0n, conf_d: 0.5, agreement_count: 3n, agreement_score: 1, market_regime: 'ranging_low_vol', market_price: 1.1712344884872437, vix_value: 18.84, trade_executed: 0n, created_at: '2026-01-21 07:01:29.617156',
  should_trade: 0n, dynamic_threshold_used: null,
};
const TRADE: Record<string, Cell> = {
  id: 7n, prediction_id: 1n, symbol: 'EURUSD', direction: 'long', entry_price: 1.17, entry_time: '2026-01-20 08:00:00.000000', exit_price: 1.1725, exit_time: '2026-01-20 12:00:00.000000', exit_reason: 'tp', lot_size: 0.1,
  position_value: null, take_profit: 1.1725, stop_loss: 1.1685, max_holding_bars: null, pips: 25, pnl_usd: 25.000000000000004, is_winner: 1n, confidence: 0.61, status: 'closed', created_at: '2026-01-20 08:00:01.000000',
  updated_at: '2026-01-20 12:00:01.000000',
};
const prediction = (cells: Record<string, Cell> = {}) => mapped(AI_TRADER, 'predictions', { ...PREDICTION, ...cells });
const trade = (cells: Record<string, Cell> = {}) => mapped(AI_TRADER, 'trades', { ...TRADE, ...cells });
const without = (cells: Record<string, Cell>, ...names: string[]) => Object.fromEntries(Object.entries(cells).filter(([name]) => !names.includes(name)));

describe('a prediction of AI Trader', () => {
  it('has every figure of the old row, digit by digit, and its horizons as components', () => {
    expect(prediction().values).toEqual({
      id: 'predictions/1', agent_id: AGENTS.simulation, model: 'ai-trader', model_version: null, symbol: 'EURUSD', broker_symbol: null, predicted_at: '2026-01-21T07:00:00Z', horizon_seconds: null, direction: 'short',
      confidence: '0.5685535669326782', prob_up: '0.4314464032649994', prob_down: '0.5685535669326782', agreement_count: '3', agreement_score: '1', market_regime: 'ranging_low_vol', market_price: '1.1712344884872437',
      components: new Json({ '1h': { direction: 'down', confidence: '0.5' }, '4h': { direction: 'up', confidence: '0.5' }, '1d': { direction: 'down', confidence: '0.5' } }),
      agent_cycle_number: null, used_by_agent: false, should_trade: false, threshold_used: '0.6', source_time: null, created_at: '2026-01-21T07:01:29.617156Z',
    });
    expect(prediction().codes).toEqual(['THRESHOLD_STATIC']);
  });

  it.each<[string, Record<string, Cell>, Record<string, unknown>, string[]]>([
    ['takes the dynamic threshold where one is stored', { dynamic_threshold_used: 0.62 }, { threshold_used: '0.62' }, []],
    ['holds where no direction is stored', { direction: null, dynamic_threshold_used: 0.62 }, { direction: 'hold' }, ['DIRECTION_MISSING']],
    ['does not trade where nobody said that it should', { should_trade: null, dynamic_threshold_used: 0.62 }, { should_trade: false }, ['SHOULD_TRADE_UNKNOWN']],
    ['is labelled where it was written hours after its time', { created_at: '2026-01-21 09:46:29', dynamic_threshold_used: 0.62 }, { created_at: '2026-01-21T09:46:29Z' }, ['PREDICTION_BACKDATED']],
    ['has no price where the old one is 0', { market_price: 0, dynamic_threshold_used: 0.62 }, { market_price: null }, ['PRICE_NOT_POSITIVE']],
    ['keeps what the agent said of itself', { used_by_agent: 't', agent_cycle_number: 42n, dynamic_threshold_used: '0.62', should_trade: 'true' }, { used_by_agent: true, agent_cycle_number: '42', should_trade: true }, []],
    ['keeps the spelling of another broker', { symbol: 'EURUSD=X', dynamic_threshold_used: 0.62 }, { symbol: 'EURUSD', broker_symbol: 'EURUSD=X' }, ['SYMBOL_RESPELLED']],
    ['says of a class that it does not know what it was', { pred_1h: 2n, pred_4h: null, conf_4h: null, pred_d: null, conf_d: null, dynamic_threshold_used: 0.62 }, { components: new Json({ '1h': { direction: '2', confidence: '0.5' } }) }, ['PREDICTION_CLASS_UNKNOWN']],
    ['reads a time with an offset', { timestamp: '2026-01-21T09:00:00+02:00', dynamic_threshold_used: 0.62 }, { predicted_at: '2026-01-21T07:00:00Z' }, []],
  ])('%s', (_, cells, values, codes) => {
    const found = prediction(cells);
    expect(found.values).toMatchObject(values);
    expect(found.codes).toEqual(codes);
  });

  it.each<[string, Record<string, Cell>, string]>([
    ['a confidence above 1', { confidence: 56.8 }, 'FRACTION_OUT_OF_RANGE confidence'],
    ['the direction that the old validation left', { direction: 'test' }, 'VALUE_UNKNOWN direction'],
    ['no time', { timestamp: null }, 'VALUE_MISSING timestamp'],
    ['a time that is none', { timestamp: 'yesterday' }, 'TIME_INVALID timestamp'],
    ['a NUL in its regime', { market_regime: new BadText(new Uint8Array([0]), 'NUL') }, 'TEXT_NUL market_regime'],
  ])('is refused with %s', (_, cells, code) => expect(refusal(() => prediction(cells))).toBe(code));

  it('of a file without the newer columns is one all the same, and one without a column that it needs is refused', () => {
    expect(mapped(AI_TRADER, 'predictions', without(PREDICTION, 'should_trade', 'dynamic_threshold_used')).codes).toEqual(['SHOULD_TRADE_UNKNOWN', 'THRESHOLD_STATIC']);
    expect(refusal(() => mapped(AI_TRADER, 'predictions', without(PREDICTION, 'symbol')))).toBe('VALUE_MISSING symbol');
  });
});

describe('a trade of AI Trader', () => {
  it('that is closed keeps its money, and is recorded as it ended', () => {
    const { rows: [first, second], codes } = trade();
    expect(first?.values).toEqual({
      id: 'trades/1', agent_id: AGENTS.simulation, account_id: 'account', client_order_id: 'imported:trades:1', symbol: 'EURUSD', broker_symbol: null, direction: 'long', lot_size: '0.1', entry_price: '1.17', entry_time: '2026-01-20T08:00:00Z',
      stop_loss: '1.1685', first_stop_loss: '1.1685', take_profit: new Json([{ price: '1.1725', sizeFraction: '1' }]), execution_mode: 'simulation', origin: 'imported', broker: null, broker_ticket: null, prediction_id: new Ref('predictions', '1'),
      status: 'closed', exit_price: '1.1725', exit_time: '2026-01-20T12:00:00Z', exit_reason: 'target', gross_profit: '25.000000000000004', profit_source: 'told', entered_size: '0.1', exited_size: '0.1', request_hash: 'imported',
      created_at: '2026-01-20T08:00:01Z', updated_at: '2026-01-20T12:00:01Z', finished_at: '2026-01-20T12:00:00Z',
    });
    expect(second).toEqual({ table: 'trade_transitions', values: { trade_id: 'trades/1', version: '1', from_status: null, to_status: 'closed', occurred_at: '2026-01-20T12:00:00Z', late: true, facts: new Json({}), reason: 'imported; it was closed', actor: 'import' } });
    expect(codes).toEqual(['EXECUTION_MODE_MISSING']);
  });

  const MODE = { execution_mode: 'paper' };
  it.each<[string, Record<string, Cell>, Record<string, unknown>, string[]]>([
    ['in live is of the live account', { execution_mode: 'live', broker: 'mt5', mt5_ticket: 9007199254740993n }, { execution_mode: 'live', agent_id: AGENTS.live, account_id: 'account-live', broker: 'mt5', broker_ticket: '9007199254740993' }, []],
    ['that is open is unknown, and stays unfinished', { ...MODE, status: 'open', exit_price: null, exit_time: null, exit_reason: null, pnl_usd: null, is_winner: null }, { status: 'unknown', exit_price: null, exit_time: null, exit_reason: null, finished_at: null, gross_profit: null, profit_source: null, exited_size: null, entered_size: '0.1' }, ['TRADE_OPEN']],
    ['that is open with an exit is still unknown', { ...MODE, status: 'open' }, { status: 'unknown', exit_time: null, gross_profit: '25.000000000000004' }, ['TRADE_OPEN_WITH_EXIT', 'TRADE_OPEN']],
    ['whose winner is no winner is a note, and the profit counts', { ...MODE, pnl_usd: -3.5 }, { gross_profit: '-3.5' }, ['WINNER_DIFFERS']],
    ['that came to zero is no winner', { ...MODE, pnl_usd: 0, is_winner: 0n }, { gross_profit: '0' }, []],
    ['without an exit price ended nobody knows how', { ...MODE, exit_price: null }, { exit_price: null, exit_reason: 'unknown' }, ['EXIT_PRICE_MISSING']],
    ['without an exit time ended when it was last changed', { ...MODE, exit_time: null }, { exit_time: '2026-01-20T12:00:01Z', finished_at: '2026-01-20T12:00:01Z' }, ['EXIT_TIME_MISSING']],
    ['that ended before it began keeps both times', { ...MODE, exit_time: '2026-01-20 07:00:00' }, { exit_time: '2026-01-20T07:00:00Z' }, ['EXIT_BEFORE_ENTRY']],
    ['with a stop of 0 has none', { ...MODE, stop_loss: 0 }, { stop_loss: null, first_stop_loss: null }, ['PRICE_ZERO']],
    ['with a ticket that its column could not hold has none', { ...MODE, mt5_ticket: -1294967296n }, { broker_ticket: null }, ['TICKET_INVALID']],
    ['with a part of the account at risk keeps it in the old row alone', { ...MODE, risk_percentage_used: 1.5 }, { status: 'closed' }, []],
  ])('%s', (_, cells, values, codes) => {
    const found = trade(cells);
    expect(found.values).toMatchObject(values);
    expect(found.codes).toEqual(codes);
  });

  it.each<[Cell, string]>([
    ['tp', 'target'], ['take_profit', 'target'], ['TAKE_PROFIT', 'target'], ['sl', 'stop'], ['stop_loss', 'stop'], ['timeout', 'supervisor'], ['manual', 'operator'], ['agent_stopped', 'flatten'], ['by the moon', 'unknown'], [null, 'unknown'],
  ])('with the exit reason %p ended by %s', (said, reason) => {
    expect(trade({ exit_reason: said }).values.exit_reason).toBe(reason);
    expect(trade({ exit_reason: said }).codes.includes('EXIT_REASON_UNKNOWN')).toBe(reason === 'unknown');
  });

  const SEEDED = { prediction_id: null, created_at: '2026-01-22 09:00:00', updated_at: '2026-01-22 09:00:00' };
  it.each<[string, Record<string, Cell>, boolean]>([
    ['written after it had ended, with no prediction', SEEDED, true],
    ['that ended on a Saturday', { prediction_id: null, exit_time: '2026-01-24 03:00:00', created_at: null }, true],
    ['written after it had ended, with its prediction', { ...SEEDED, prediction_id: 1n }, false],
    ['written after it had ended, with a ticket', { ...SEEDED, mt5_ticket: 5n }, false],
    ['written as it was entered', { prediction_id: null }, false],
    ['that missed its target by a little', { prediction_id: null, exit_price: 1.1726 }, false],
  ])('%s is labelled as made up, or not', (_, cells, isMadeUp) => expect(trade(cells).codes.includes('TRADE_SYNTHETIC')).toBe(isMadeUp));

  it('says by which marks it is known as made up', () => {
    expect(trade({ ...SEEDED, exit_price: 1.1726 }).notes.at(-1)).toBe(
      'TRADE_SYNTHETIC: made up by the back-test seeding, not traded: written at 2026-01-22T09:00:00Z, after its exit at 2026-01-20T12:00:00Z; its exit at the target is at 1.1726, not at 1.1725');
  });

  it('in the words of the old documents is the same', () => {
    const { direction, lot_size: size, pnl_usd: profit, exit_reason: reason, ...rest } = TRADE;
    const found = mapped(AI_TRADER, 'trades', { ...rest, side: direction ?? null, volume: size ?? null, profit_usd: profit ?? null, close_reason: reason ?? null });
    expect(found.values).toEqual(trade().values);
  });

  it.each<[string, Record<string, Cell>, string]>([
    ['a size that is missing', { lot_size: null }, 'VALUE_MISSING lot_size'], ['an infinite profit', { pnl_usd: Infinity }, 'NUMBER_NOT_FINITE pnl_usd'], ['a status that is none', { status: 'maybe' }, 'VALUE_UNKNOWN status'],
    ['an execution mode that is none', { execution_mode: 'demo' }, 'VALUE_UNKNOWN execution_mode'], ['closed at no time', { exit_time: null, updated_at: null }, 'VALUE_MISSING exit_time'], ['a stop below 0', { stop_loss: -1 }, 'PRICE_NEGATIVE stop_loss'],
  ])('is refused with %s', (_, cells, code) => expect(refusal(() => trade(cells))).toBe(code));
});

describe('what else AI Trader stored', () => {
  it('of its performance is a snapshot of the account', () => {
    const found = mapped(AI_TRADER, 'performance_snapshots', { id: 1n, timestamp: '2026-01-22 10:05:00.000771', balance: 100000, equity: 100000.25, unrealized_pnl: 0.25, total_trades: 0n, winning_trades: 0n, losing_trades: 0n, total_pips: 0, total_pnl_usd: 0, max_drawdown: null });
    expect(found.rows).toEqual([{ table: 'snapshot_account', values: { id: 'performance_snapshots/1', agent_id: AGENTS.simulation, sender: AGENTS.simulation, account_id: 'account', captured_at: '2026-01-22T10:05:00.000771Z', last_captured_at: '2026-01-22T10:05:00.000771Z', balance: '100000', equity: '100000.25', margin_used: null, margin_free: null, open_pl: '0.25', open_positions: null } }]);
  });

  it.each([['5min', 'M5', '2026-01-20T08:05:00.000Z'], ['1H', 'H1', '2026-01-20T09:00:00.000Z'], ['4H', 'H4', '2026-01-20T12:00:00.000Z'], ['daily', 'D1', '2026-01-21T08:00:00.000Z'], ['1D', 'D1', '2026-01-21T08:00:00.000Z'], ['15 min', 'M15', '2026-01-20T08:15:00.000Z'], [null, 'M5', '2026-01-20T08:05:00.000Z']])(
    'of the market in %p is a candle that is over', (timeframe, frame, closes) => {
      const { values } = mapped(AI_TRADER, 'market_data', { id: 1n, symbol: 'EURUSD=X', timestamp: '2026-01-20 08:00:00', open: 1.1, high: 1.2, low: 1.05, close: 1.15, volume: null, timeframe });
      expect(values).toMatchObject({ symbol: 'EURUSD=X', timeframe: timeframe ?? '5min', frame, open_time: '2026-01-20T08:00:00Z', close_time: closes, captured_at: closes, open: '1.1', close: '1.15', volume: null });
    });

  it('of the market is kept in bulk, but not with a column that ours has no place for', () => {
    const columns = ['id', 'symbol', 'timestamp', 'open', 'high', 'low', 'close', 'volume', 'timeframe'];
    expect([columns, [...columns, 'spread']].map((each) => AI_TRADER.mapping(tableOf('market_data', each), '', NO_SOURCE)?.bulk)).toEqual([true, false]);
    expect(refusal(() => mapped(AI_TRADER, 'market_data', { id: 1n, symbol: 'EURUSD', timestamp: '2026-01-20 08:00:00', open: 1, high: 1, low: 1, close: 1, volume: 0, timeframe: 'soon' }))).toBe('TIMEFRAME_UNKNOWN timeframe');
  });

  it.each<[string, Record<string, Cell>, Record<string, unknown>, string[]]>([
    ['new', { id: 1n, breaker_type: 'daily_loss_limit', action: 'triggered', triggered_at: '2026-01-22 10:00:00+00:00', recovered_at: null, value: -3.2, event_metadata: '{"reason": "daily loss"}', created_at: null }, { breaker_type: 'daily_loss_limit', action: 'triggered', value: '-3.2', limit_value: null, reason: 'daily loss', triggered_at: '2026-01-22T10:00:00Z' }, []],
    ['old', { id: 1n, breaker_type: 'Kill Switch', action: 'warning', severity: 'critical', reason: 'by hand', value: null, threshold: 5, triggered_at: '2026-01-22 10:00:00', created_at: '2026-01-22 10:00:01' }, { breaker_type: 'kill_switch', action: 'warned', value: null, limit_value: '5', reason: 'by hand', created_at: '2026-01-22T10:00:01Z' }, ['NAME_RESPELLED']],
    ['new, with a recovery', { id: 1n, breaker_type: 'drawdown', action: 'recovered', triggered_at: '2026-01-22 10:00:00', recovered_at: '2026-01-22 11:00:00', value: 1, event_metadata: null, created_at: null }, { reason: 'drawdown recovered, as the old system stored it' }, ['BREAKER_RECOVERED']],
  ])('of a breaker in the %s shape is an event of the agent', (_, cells, values, codes) => {
    const found = mapped(AI_TRADER, 'circuit_breaker_events', cells);
    expect(found.values).toMatchObject({ scope_type: 'agent', scope_id: AGENTS.simulation, source: 'agent', reported_by: 'import', unit: null, ...values });
    expect(found.codes).toEqual(codes);
  });

  it('of a trade explains its entry, and without a trade it is a review', () => {
    const cells = { id: 1n, trade_id: 7n, prediction_id: null, explanation: 'it rose', confidence_factors: '["a"]', risk_factors: '3', llm_model: 'm', created_at: '2026-01-22 10:00:00' };
    expect(mapped(AI_TRADER, 'trade_explanations', cells)).toMatchObject({ values: { trade_id: new Ref('trades', '7'), kind: 'entry', confidence_factors: new Json(['a']), risk_factors: new Json({ factors: 3 }) }, codes: ['FACTORS_WRAPPED'] });
    expect(mapped(AI_TRADER, 'trade_explanations', { ...cells, trade_id: null, risk_factors: null })).toMatchObject({ values: { trade_id: null, kind: 'review' }, codes: ['TRADE_MISSING'] });
  });

  it.each([['pending', ['COMMAND_NOT_RUN']], ['processing', ['COMMAND_NOT_RUN']], ['completed', []]])('as a command that was %s is never a command here', (status, codes) => {
    const found = mapped(AI_TRADER, 'agent_commands', { id: 1n, command: 'start', payload: null, status, created_at: '2026-01-22 10:00:00' });
    expect(found).toMatchObject({ rows: [], codes });
  });

  it('under the name of a credential is a secret, wherever its value stands', () => {
    const secrets = (base: string, cells: Record<string, Cell>) => AI_TRADER.mapping(tableOf(base, Object.keys(cells)), '', NO_SOURCE)?.secretsOf?.(cells);
    expect(secrets('configuration_settings', { category: 'system', key: 'mt5_password', value: '"hunter2"', value_type: 'string' })).toEqual(['value']);
    expect(secrets('configuration_settings', { category: 'risk', key: 'max_trades', value: '5', value_type: 'int' })).toEqual([]);
    expect(secrets('configuration_history', { setting_id: 1n, category: 'system', key: 'API_KEY', old_value: null, new_value: '"x"' })).toEqual(['new_value']);
  });
});

describe('AI Trader', () => {
  const source = (...tables: [string, string[]][]): Source => ({ medium: 'sqlite', sha256: '', tables: tables.map(([base, columns]) => tableOf(base, columns)), close: () => undefined });
  it('is recognised by columns, never by the names of tables', () => {
    expect(AI_TRADER.recognise(source(['predictions', Object.keys(PREDICTION)], ['trades', Object.keys(TRADE)]))).toEqual({ shape: 'paper', tables: 2 });
    expect(AI_TRADER.recognise(source(['predictions', [...Object.keys(PREDICTION), 'used_by_agent']], ['agent_state', ['id', 'status', 'cycle_count', 'config']]))).toEqual({ shape: 'agent', tables: 2 });
    expect(AI_TRADER.recognise(source(['trades', ['id', 'ticker', 'side', 'buy_price', 'position', 'contract']], ['predictions', ['id', 'what']]))).toBeNull();
  });
});

describe('the length of a candle', () => {
  it.each([['constructor'], ['__proto__'], ['toString']])('is refused where it is %s, as any word is', (word) => expect(() => timeframeIn(word)).toThrow(Reject));
});
