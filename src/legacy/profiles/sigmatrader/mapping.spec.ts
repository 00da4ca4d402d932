import { describe, expect, it } from '@jest/globals';
import { createStrategySchema } from '../../../strategies/strategies.schemas.js';
import { outcomeOf, plain, type Rows } from '../../../../test/support/sigmatrader-rows.js';
import { BadText, type Cell } from '../../source/cell.js';
import { Ref } from '../../profile.js';

describe('a pair of orders', () => {
  const order = (id: bigint, more: Record<string, Cell> = {}) => ({
    id, symbol: 'INFY', exchange: 'NSE', side: 'BUY', qty: 10, price: 1500.1, product: 'CNC', status: 'EXECUTED', execution_target: 'LIVE', simulated: 0n, broker_name: 'zerodha', broker_order_id: null, zerodha_order_id: '251119', ...more,
  });
  const pair = { entry_order_id: 1n, exit_order_id: 2n, strategy_id: 3n, pnl: 99.99, r_multiple: 1.5, opened_at: '2026-11-02 04:00:00.000001', closed_at: '2026-11-02 09:30:00' };
  const orders = (entry: Record<string, Cell> = {}, exit: Record<string, Cell> = {}): Rows => ({ orders: [order(1n, entry), order(2n, { side: 'SELL', price: 1510.1, ...exit })] });

  it('is a closed trade with the result that was told, and the prices of its orders', () => {
    const { rows, values, notes } = outcomeOf('analytics_trades', pair, orders());
    expect(values).toMatchObject({
      agent_id: 'live agent', account_id: 'live account', client_order_id: 'imported:analytics_trades:1', symbol: 'INFY', exchange: 'NSE', product: 'CNC', direction: 'long', lot_size: '10', entered_size: '10', exited_size: '10', entry_price: '1500.1',
      entry_time: '2026-11-02T04:00:00.000001Z', exit_price: '1510.1', exit_time: '2026-11-02T09:30:00Z', finished_at: '2026-11-02T09:30:00Z', exit_reason: 'unknown', gross_profit: '99.99', profit_source: 'told', status: 'closed',
      origin: 'imported', execution_mode: 'live', broker: 'zerodha', broker_order_id: '251119', strategy_id: new Ref('strategies', '3'), request_hash: 'imported',
    });
    for (const cost of ['commission', 'swap', 'fee']) expect(values).not.toHaveProperty(cost);
    expect(notes).toEqual(['PRICE_OF_ORDER']);
    expect(rows?.[1]).toMatchObject({ table: 'trade_transitions', values: { from_status: null, to_status: 'closed', occurred_at: '2026-11-02T09:30:00Z' } });
  });

  it.each<[string, Record<string, Cell>, Record<string, Cell>, Record<string, unknown>]>([
    ['a sale first', { side: 'sell' }, { side: 'BUY' }, { direction: 'short' }], ['simulated', { simulated: 1n }, {}, { execution_mode: 'paper', agent_id: 'paper agent' }], ['of paper', { execution_target: 'paper' }, {}, { execution_mode: 'paper' }],
    ['of a revision without a target', { execution_target: null }, {}, { execution_mode: 'live' }], ['at the market', { price: null }, { price: null }, { entry_price: null, exit_price: null, exit_reason: 'unknown' }],
    ['priced at 0', { price: 0 }, { price: Infinity }, { entry_price: null, exit_price: null }], ['written with blanks', { symbol: ' NSE:INFY ', exchange: ' nse' }, {}, { symbol: 'INFY', exchange: 'NSE' }],
    ['in small letters', { symbol: 'infy', exchange: 'nse' }, {}, { symbol: 'INFY', exchange: 'NSE' }], ['without an exchange', { exchange: null }, {}, { symbol: 'INFY', exchange: 'NSE' }], ['of two exchanges', { symbol: 'BSE:INFY' }, {}, { exchange: 'BSE' }],
  ])('may be %s', (_, entry, exit, expected) => expect(outcomeOf('analytics_trades', pair, orders(entry, exit)).values).toMatchObject(expected));

  it.each<[string, Record<string, Cell>, Rows, RegExp]>([
    ['its entry is not there', {}, {}, /^REFERENCE_MISSING: entry_order_id is 1/], ['its size is infinite', {}, orders({ qty: Infinity }), /^NUMBER_NOT_FINITE: orders.qty/], ['its size is 0', {}, orders({ qty: 0 }), /^SIZE_OUT_OF_RANGE/],
    ['its side is no side', {}, orders({ side: 'HOLD' }), /^VALUE_UNKNOWN: orders.side is "HOLD"/], ['its symbol was never filled in', {}, orders({ symbol: '{{ticker}}' }), /^SYMBOL_INVALID/], ['its result is none', { pnl: null }, orders(), /^VALUE_MISSING: pnl/],
    ['its result is infinite', { pnl: -Infinity }, orders(), /^NUMBER_NOT_FINITE: pnl/], ['its time is none', { closed_at: 'soon' }, orders(), /^TIME_INVALID: closed_at/], ['its target is unknown', {}, orders({ execution_target: 'DEMO' }), /^VALUE_UNKNOWN/],
  ])('is refused when %s', (_, more, others, why) => expect(outcomeOf('analytics_trades', { ...pair, ...more }, others).rejected).toMatch(why));

  it('says why it ended where a stop was watched, and that its exit is gone where it is', () => {
    const watched = { managed_risk_positions: [{ id: 8n, exit_order_id: 2n, exit_reason: 'TRAIL' }] };
    expect(outcomeOf('analytics_trades', pair, { ...orders(), ...watched }).values).toMatchObject({ exit_reason: 'trailing', exit_price: '1510.1' });
    expect(outcomeOf('analytics_trades', pair, { orders: [order(1n)] })).toMatchObject({ values: { exit_price: null, exit_reason: 'unknown' }, notes: ['REFERENCE_MISSING', 'PRICE_OF_ORDER'] });
  });
});

describe('an alert', () => {
  const payload = (more: Record<string, unknown> = {}) => JSON.stringify({ secret: 'hunter2hunter2', platform: 'TRADINGVIEW', strategy_name: 'S', comment: 'hunter2hunter2 again', quantity: 1.50, ...more });
  const alert = (more: Record<string, Cell> = {}) => ({
    user_id: 1n, strategy_id: null, symbol: 'NSE:INFY', exchange: 'NSE', interval: '5', action: 'BUY', qty: 1.5, price: 1500.05, platform: 'TRADINGVIEW', source: 'TRADINGVIEW', raw_payload: payload(), reason: null,
    received_at: '2026-11-19 04:00:00.5', bar_time: null, rule_id: null, ...more,
  });
  const bodyOf = (outcome: ReturnType<typeof outcomeOf>) => Buffer.from(String(outcome.values?.['body']).slice(2), 'hex').toString();

  it('has ended, says what it said, and has lost its secret wherever it stood', () => {
    const outcome = outcomeOf('alerts', alert());
    expect(outcome.values).toMatchObject({
      source_id: 'source of alerts', status: 'processed', code: 'IMPORTED', symbol: 'NSE:INFY', is_exit: false, received_at: '2026-11-19T04:00:00.5Z', finished_at: '2026-11-19T04:00:00.5Z',
      signal: { intent: 'order', side: 'long', symbol: 'INFY', exchange: 'NSE', quantity: '1.5', price: '1500.05', timeframe: '5', strategy: 'S' },
    });
    expect(bodyOf(outcome)).toBe('{"secret":"[secret removed]","platform":"TRADINGVIEW","strategy_name":"S","comment":"[secret removed] again","quantity":1.5}');
    expect(outcome.rows?.[1]).toMatchObject({ table: 'alert_runs', values: { alert_id: 'alerts#1', run: '1', status: 'processed', actor: 'import' } });
    expect(JSON.stringify(outcome)).not.toContain('hunter2');
  });

  it.each([
    ['nested', '{"meta":{"secret":"hunter2hunter2"}}'], ['written with escapes', '{"\\u0073ecret":"hunter2hunter2"}'], ['a number', '{"secret": 20250101}'], ['not closed', '{"secret":"hunter2hunter2","x":'], ['with a quote inside', '{"secret":"hunter2\\"hunter2"}'],
    ['in another name', '{"webhook_secret":"hunter2hunter2","apiKey":"hunter2hunter2"}'],
  ])('keeps no secret that is %s', (_, raw_payload) => expect(bodyOf(outcomeOf('alerts', alert({ raw_payload })))).not.toMatch(/hunter2|20250101/));

  it.each<[string, Record<string, Cell>, Record<string, unknown>, string[]]>([
    ['no symbol', { symbol: '{{ticker}}' }, { symbol: '' }, ['SYMBOL_NOT_READ']], ['300 characters for a symbol', { symbol: 'A'.repeat(300) }, { symbol: '' }, ['SYMBOL_NOT_READ']], ['an infinite size', { qty: Infinity }, { signal: { quantity: null } }, ['NUMBER_NOT_FINITE']],
    ['blanks and small letters', { symbol: ' nse:infy ', exchange: ' nse' }, { symbol: 'NSE:INFY' }, ['SYMBOL_RESPELLED']], ['neither buy nor sell', { action: 'HOLD' }, { signal: { side: null } }, ['VALUE_UNKNOWN']], ['no payload', { raw_payload: '' }, { body: '\\x7b7d' }, ['BODY_NOT_SHOWN']],
    ['a payload of broken text', { raw_payload: new BadText(new Uint8Array([0]), 'NUL') }, { body: '\\x7b7d' }, ['BODY_NOT_SHOWN']], ['a payload too large', { raw_payload: `"${'x'.repeat(200_000)}"` }, { body: '\\x7b7d' }, ['BODY_NOT_SHOWN']],
    ['that it was passed over', { reason: 'late | ST: Ignored EXIT (no position).' }, { status: 'ignored', detail: 'late | ST: Ignored EXIT (no position).' }, []],
    ['an exit', { action: 'SELL', raw_payload: '{"signal_side":"EXIT_LONG"}' }, { is_exit: true, signal: { intent: 'exit', side: 'long' } }, []],
    ['a time of its bar without a zone', { bar_time: '2026-11-19 09:15:00' }, { signal: { barTime: '2026-11-19T03:45:00Z' } }, ['ZONE_ASSUMED']],
    ['a time of its bar with one', { bar_time: '2026-11-19 09:15:00', raw_payload: payload({ bar_time: '2026-11-19T09:15:00Z' }) }, { signal: { barTime: '2026-11-19T09:15:00Z' } }, []],
  ])('may say %s', (_, more, expected, notes) => {
    const outcome = outcomeOf('alerts', alert(more));
    expect(outcome.values).toMatchObject(expected);
    expect(outcome.notes).toEqual(notes);
  });

  it('is refused only without the time at which it came', () => {
    expect(outcomeOf('alerts', alert({ received_at: null })).rejected).toMatch(/^VALUE_MISSING: received_at/);
    expect(outcomeOf('alerts', { ...alert(), received_at: 'yesterday' }).rejected).toMatch(/^TIME_INVALID/);
  });
});

describe('a candle', () => {
  const candle = (more: Record<string, Cell> = {}) => ({ symbol: 'INFY', exchange: 'NSE', timeframe: '1m', ts: '2026-11-19 09:15:00.000000', open: 1500.1, high: 1501, low: 1499.95, close: 1500.5, volume: 12345, ...more });

  it("is at the wall clock of India, and as long as its timeframe", () => {
    expect(outcomeOf('candles', candle()).values).toMatchObject({
      agent_id: null, symbol: 'NSE:INFY', timeframe: '1m', frame: 'M1', open_time: '2026-11-19T03:45:00Z', close_time: '2026-11-19T03:46:00.000Z', open: '1500.1', high: '1501', low: '1499.95', close: '1500.5', volume: '12345',
    });
    expect(outcomeOf('candles', candle({ timeframe: '1d', ts: '2026-11-19 00:00:00' })).values).toMatchObject({ frame: 'D1', open_time: '2026-11-18T18:30:00Z', close_time: '2026-11-19T18:30:00.000Z' });
    expect(outcomeOf('candles', candle()).notes).toEqual([]);
    expect(outcomeOf('candles', candle({ symbol: 'nse:infy ' }))).toMatchObject({ values: { symbol: 'NSE:INFY' }, notes: ['SYMBOL_RESPELLED'] });
  });

  it.each<[string, Record<string, Cell>, RegExp]>([
    ['an infinite price', { high: Infinity }, /^NUMBER_NOT_FINITE: high/], ['no price', { open: null }, /^VALUE_MISSING: open/], ['a timeframe that is none', { timeframe: 'x' }, /^TIMEFRAME_UNKNOWN/], ['no time', { ts: null }, /^VALUE_MISSING: ts/],
    ['no symbol', { symbol: '' }, /^SYMBOL_INVALID/], ['an exchange that is none', { exchange: 'N S E' }, /^SYMBOL_INVALID/],
  ])('with %s is refused', (_, more, why) => expect(outcomeOf('candles', candle(more)).rejected).toMatch(why));
});

describe('what the old gate computed and said', () => {
  const equity = (more: Record<string, Cell> = {}) => ({ user_id: null, as_of_date: '2026-11-19', equity: 1000099.99, peak_equity: 1, drawdown_pct: 0, created_at: '2026-11-19 00:00:00', updated_at: '2026-11-19 10:00:00.25', ...more });

  it("of a day's equity stands with the paper account, each row for itself", () => {
    expect(outcomeOf('equity_snapshots', equity()).values).toEqual({
      id: 'equity_snapshots#1', agent_id: 'paper agent', sender: 'equity_snapshots#1', account_id: 'paper account', captured_at: '2026-11-19T10:00:00.25Z', last_captured_at: '2026-11-19T10:00:00.25Z', balance: '1000099.99', equity: '1000099.99',
    });
  });

  it.each<[string, Cell, string]>([
    ['changed on another day', '2027-01-01 00:00:00', '2026-11-19T18:29:59.999999Z'], ['that was never changed', null, '2026-11-19T18:29:59.999999Z'], ['changed before its first second', '2026-11-18 18:29:59', '2026-11-19T18:29:59.999999Z'],
    ['changed in its first second', '2026-11-18 18:30:00', '2026-11-18T18:30:00Z'], ['changed in its last second', '2026-11-19 18:29:59', '2026-11-19T18:29:59Z'],
  ])('of a day %s is at its end', (_, updated_at, captured_at) => expect(outcomeOf('equity_snapshots', equity({ updated_at })).values).toMatchObject({ captured_at }));

  it('of an alert is a decision', () => {
    const log = { alert_id: 4n, order_id: 7n, source: 'TRADINGVIEW', symbol: 'infy', exchange: 'NSE', side: 'BUY', trigger_price: Infinity, decision: 'BLOCKED', reasons_json: '["daily loss","token=abcdefghijkl"]', details_json: '{"final_qty": 1.50}', created_at: '2026-11-19 10:00:00' };
    const orders = { orders: [{ id: 7n, execution_target: 'PAPER', simulated: 0n }] };
    expect(outcomeOf('alert_decision_logs', log, orders)).toMatchObject({
      values: { type: 'risk_rejected', at: '2026-11-19T10:00:00Z', agent_id: 'paper agent', reason: expect.stringContaining('daily loss'), risk_check_result: { symbol: 'NSE:INFY', triggerPrice: null, alert: '4', details: { final_qty: 1.5 } } },
      notes: expect.arrayContaining(['NUMBER_NOT_FINITE']),
    });
    expect(outcomeOf('alert_decision_logs', { ...log, decision: 'placed' }).values).toMatchObject({ type: 'ai_auto_executed', agent_id: null });
    expect(outcomeOf('alert_decision_logs', { ...log, decision: 'MAYBE' }).rejected).toMatch(/^VALUE_UNKNOWN: decision is "MAYBE"/);
    expect(outcomeOf('alert_decision_logs', { ...log, reasons_json: 'no json' })).toMatchObject({ values: { reason: null }, notes: expect.arrayContaining(['JSON_INVALID']) });
  });
});

describe('a strategy', () => {
  const strategy = (more: Record<string, Cell> = {}) => ({
    name: 'Bullish', description: 'd', dsl_expression: 'SMA(20, 1d) > 1', expression_json: '{"a":1}', is_builtin: 1n, execution_mode: 'AUTO', execution_target: 'LIVE', enabled: 1n, created_at: '2026-11-01 00:00:00', updated_at: '2026-11-02 00:00:00', ...more,
  });

  it('is retired, keeps its rules, limits nothing, and could have been made here', () => {
    const { rows, values } = outcomeOf('strategies', strategy());
    expect(values).toMatchObject({
      name: 'Bullish', version: '1', is_active: false, retired_at: '2026-11-02T00:00:00Z', currency: 'INR', risk_caps: {}, allowed_symbols: null, session_windows: null,
      entry_conditions: { sigmatrader: { dsl: 'SMA(20, 1d) > 1', expression: { a: 1 }, description: 'd', wasEnabled: true, executionMode: 'AUTO' } },
    });
    const version = plain(rows?.[1]?.values ?? {});
    const { currency, retired, ...content } = version['content'] as Record<string, unknown>;
    expect([version['strategy_id'], currency, retired]).toEqual(['strategies#1', 'INR', true]);
    expect(createStrategySchema.parse(content)).toEqual(content);
  });

  it.each<[string, Record<string, Cell>, string, string[]]>([
    ['a name too long', { name: 'x'.repeat(255) }, 'x'.repeat(100), ['NAME_CHANGED']], ['no name', { name: '' }, 'unnamed 1', ['NAME_MISSING']], ['two lines of name', { name: 'a\nb' }, 'a b', ['NAME_CHANGED']], ['a name that ends in half a pair', { name: `${'x'.repeat(99)}😀` }, 'x'.repeat(99), ['NAME_CHANGED']],
  ])('may have %s', (_, more, name, notes) => {
    const outcome = outcomeOf('strategies', strategy(more));
    expect(createStrategySchema.shape.name.parse(outcome.values?.['name'])).toBe(outcome.values?.['name']);
    expect([outcome.values?.['name'], outcome.notes]).toEqual([name, notes]);
  });

  it('leaves its rules in the old row when they are too large or hold a credential', () => {
    for (const dsl_expression of ['x'.repeat(20_000), 'password = hunter2hunter2'])
      expect(outcomeOf('strategies', strategy({ dsl_expression }))).toMatchObject({ values: { entry_conditions: {} }, notes: ['RULES_LEFT_OUT'] });
  });

  it('of signals says what its latest version says', () => {
    const signal = { scope: 'GLOBAL', name: 'T', description: null, tags_json: '["a"]', regimes_json: '[]', latest_version: 2n, created_at: '2026-11-01 00:00:00', updated_at: '2026-11-01 00:00:00' };
    const versions = { signal_strategy_versions: [1n, 2n].map((version) => ({ id: version, strategy_id: 1n, version, inputs_json: '[]', variables_json: '[]', outputs_json: `[{"dsl":"v${version}"}]` })) };
    expect(outcomeOf('signal_strategies', signal, versions).values).toMatchObject({ entry_conditions: { sigmatrader: { version: '2', tags: ['a'], outputs: [{ dsl: 'v2' }] } } });
    expect(outcomeOf('signal_strategies', signal).notes).toEqual(['VERSION_MISSING']);
  });
});

describe('what is only kept', () => {
  it.each<[string, Record<string, Cell>, string[]]>([
    ['risk_profiles', { max_positions: 0n, capital_per_trade: 0, daily_loss_pct: 2, max_trades_per_day: null }, ['LIMIT_OFF: capital_per_trade, max_positions: 0, which was no limit']], ['risk_profiles', { max_positions: 3n }, []],
    ['risk_settings', { max_daily_loss: '0.0' }, ['LIMIT_OFF: max_daily_loss: 0, which was no limit']], ['drawdown_thresholds', { hard_stop_pct: 0 }, ['LIMIT_OFF: hard_stop_pct: 0, which was no limit']],
    ['orders', { status: 'EXECUTED', execution_target: 'LIVE' }, []], ['orders', { status: 'WAITING' }, ['ORDER_WAITING: it waited for a person or for its price; it is not carried out here']],
    ['orders', { status: 'SENT', execution_target: 'PAPER' }, []],
    ['orders', { status: 'sent', execution_target: 'LIVE', simulated: 0n }, ['ORDER_UNDER_WAY: it is SENT, and nobody here follows it: see at the broker whether it is still working']],
  ])('of %s says what a person has to look at', (table, cells, says) => expect(outcomeOf(table, cells).says).toEqual(says));

  it('is a table whose columns are not enough for a row of ours', () => {
    expect(outcomeOf('alerts', { symbol: 'INFY' }).archived).toMatch(/without received_at/);
  });
});
