import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readAlert } from '../reading/read-alert.js';
import { mappingSchema, type Mapping } from './declared-mapping.js';
import { mapSignal } from './map-signal.js';

type Body = Record<string, unknown>;

const mapped = (body: Body | string, mapping: Mapping = 'sigmatrader', symbols: Record<string, string> = {}): Body => {
  const { payload, unreadable } = readAlert(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), 'text/plain', mapping);
  if (payload === null) return { unreadable };
  const found = mapSignal(payload, mapping, symbols);
  return 'signal' in found ? { ...found.signal } : { ...found };
};

const A: Body = {
  secret: 'my-secret', platform: 'TRADINGVIEW', st_user_id: 'admin', strategy_name: 'TV-01', symbol: 'NSE:INFY', exchange: 'NSE', interval: '5', bar_time: '2026-02-15T05:17:00Z',
  trade_details: { order_action: 'BUY', quantity: 1, price: 1500.0, product: 'CNC', comment: 'text' },
};
const E: Body = {
  meta: { platform: 'TRADINGVIEW', version: '1.0' },
  signal: {
    strategy_id: 'SUPERTREND', strategy_name: 'ST Strategy v6', symbol: 'INFY', exchange: 'NSE', side: 'ENTRY_LONG', order_action: 'BUY', order_id: 'Long', order_tag: 'ST_ENTRY_LONG', market_position: 'long',
    position_size: '1', position_size_prev: '0', qty: 14, amount: 10000, product: 'MIS', ref_price: 1500.0, timeframe: '5', timestamp: '2026-02-15T05:16:23Z',
  },
  hints: { stop_type: 'SL-M', stop_price: 1485.0, tp_enabled: 'true', take_profit: 1515.0, trail_enabled: 'true', trail_dist: 5.0, order_type: 'MARKET', limit_price: null, product_hint: 'MIS' },
};
const a = (details: Body, root: Body = {}) => ({ ...A, ...root, trade_details: { ...(A.trade_details as Body), ...details } });
const e = (signal: Body, hints: Body = {}) => ({ ...E, signal: { ...(E.signal as Body), ...signal }, hints: { ...(E.hints as Body), ...hints } });
const bare = { order_id: undefined, market_position: undefined, position_size: undefined, position_size_prev: undefined };

it.each<[string, Body]>([['symbol', { symbol: `${'a'.repeat(59)}😀` }], ['platform', { platform: `${'a'.repeat(39)}😀` }]])(
  'a reason that repeats a %s holds no half character, which could not be stored', (_field, told) => {
    expect(mapped({ ...A, ...told })).toMatchObject({ detail: expect.stringMatching(/^\P{Cs}+$/u) });
  });

describe('an alert of SigmaTrader', () => {
  it.each<[string, Body | string, Body]>([
    ['A, nested', A, { intent: 'order', side: 'long', symbol: 'INFY', exchange: 'NSE', quantity: '1', price: '1500', orderType: 'limit', limitPrice: '1500', product: 'CNC', comment: 'text', user: 'admin', strategy: 'TV-01', timeframe: '5', barTime: '2026-02-15T05:17:00.000Z', firedAt: null }],
    ['B, flat', { st_user_id: 'admin', strategy_name: 'TV-01', symbol: 'NSE:INFY', interval: '5', orderAction: 'SELL', order_contracts: 2, order_price: 320.29, trade_type: 'intraday', order_comment: 'c' }, { intent: 'order', side: 'short', quantity: '2', limitPrice: '320.29', product: 'MIS', comment: 'c' }],
    ['C, with a ticker', { st_user_id: 'admin', strategy: 'TV-03', Exchange: 'nse', ticker: 'INFY', tradeDetails: { order_action: 'sell', order_contracts: '3', order_price: '3,500.10', trade_type: 'cash_and_carry', order_comment: 'c' }, timestamp: 1_771_132_620 }, { side: 'short', symbol: 'INFY', exchange: 'NSE', quantity: '3', limitPrice: '3500.1', product: 'CNC', strategy: 'TV-03', barTime: '2026-02-15T05:17:00.000Z' }],
    ['D, of the builder', { meta: { version: '1.0' }, signal: { strategy_id: 'DUAL', strategy_name: 'Dual MA', symbol: 'INFY', exchange: 'NSE', side: 'BUY', price: 320.29, timeframe: '5', timestamp: '2026-01-26T00:00:00Z', order_id: 'OID-1' }, hints: { note: 'hello', tv_quantity: 1 } }, { intent: 'order', side: 'long', quantity: null, orderType: 'limit', limitPrice: '320.29', strategy: 'Dual MA', orderId: 'OID-1', comment: 'hello' }],
    ['E, of a strategy', E, { intent: 'entry', side: 'long', quantity: '14', price: '1500', orderType: 'market', limitPrice: null, stopLoss: '1485', takeProfit: '1515', product: 'MIS', orderId: 'Long', tag: 'ST_ENTRY_LONG', position: { now: 'long', before: 'flat', size: '1', sizeBefore: '0' }, barTime: '2026-02-15T05:16:23.000Z', firedAt: null }],
    ['F, in pairs', 'secret=x&strategy_name=TV-01&st_user_id=admin&symbol=NSE:INFY&order_action=BUY&quantity=1', { intent: 'order', side: 'long', symbol: 'INFY', exchange: 'NSE', quantity: '1', orderType: 'market' }],
    ['without a user', { symbol: 'INFY', order_action: 'BUY' }, { symbol: 'INFY', exchange: null, user: null, quantity: null, orderType: 'market', product: null }],
    ['with hints inside the signal', { signal: { symbol: 'INFY', side: 'BUY', hints: { stop_price: 1, order_type: 'LIMIT', limit_price: 90 } }, hints: { stop_price: 85 } }, { stopLoss: '85', orderType: 'limit', limitPrice: '90' }],
    ['whose target is off', e({}, { tp_enabled: 'false' }), { takeProfit: null, stopLoss: '1485' }],
    ['for another platform that is ours too', { ...A, platform: ['Zerodha'] }, { intent: 'order' }],
    ['fired by our template', { ...A, firedAt: '2026-02-15T10:46:59+05:30' }, { firedAt: '2026-02-15T05:16:59.000Z' }],
    ['that exits, though its order says BUY', e({ ...bare, side: 'EXIT_LONG', order_action: 'BUY' }), { intent: 'exit', side: 'long' }],
    ['that exits, and whose price and bar time were left to fill in', e({ ...bare, side: 'EXIT_LONG', ref_price: '{{close}}', timestamp: '{{time}}' }), { intent: 'exit', side: 'long', price: null, barTime: null }],
    ['that pauses, and whose price was left to fill in', { symbol: 'INFY', action: 'pause', price: '{{close}}' }, { intent: 'command', command: 'pause', price: null }],
    ['that closes all', e({ ...bare, side: 'CLOSE_ALL_SHORT' }), { intent: 'exit', side: 'short' }],
    ['that exits without a size', e({ ...bare, side: 'EXIT_SHORT', qty: 0 }), { intent: 'exit', side: 'short', quantity: null }],
    ['that exits, with nonsense that an exit does not need', e({ ...bare, side: 'EXIT_LONG', ref_price: 'NaN', product: 'NRML', timestamp: 'soon', strategy_name: 'x'.repeat(300) }, { stop_price: -1, order_type: 'SL-M' }), { intent: 'exit', side: 'long', quantity: '14', price: null, stopLoss: null, product: null, strategy: null, barTime: null }],
    ['that leaves the sender flat', e({ side: undefined, order_action: 'SELL', market_position: 'flat', position_size: '0', position_size_prev: '3', qty: 3 }), { intent: 'exit', side: 'long', quantity: '3', position: { now: 'flat', before: 'long', size: '0', sizeBefore: '3' } }],
    ['that sells a part', e({ side: undefined, order_action: 'SELL', market_position: 'long', position_size: '2', position_size_prev: '3', qty: undefined }), { intent: 'exit', side: 'long', quantity: null }],
    ['that turns round', e({ side: undefined, order_action: 'SELL', market_position: 'short', position_size: '-1', position_size_prev: '1', qty: 2 }), { intent: 'order', side: 'short', quantity: '2', position: { now: 'short', before: 'long', size: '1', sizeBefore: '1' } }],
    ['that adds, and leaves the size to its source', e({ qty: null, position_size: '5', position_size_prev: '2' }), { quantity: null, position: { now: 'long', before: 'long', size: '5', sizeBefore: '2' } }],
    ['that enters, and leaves the size to its source', e({ qty: null, position_size: '5', position_size_prev: undefined }), { quantity: null }],
    ['in our own words', { symbol: 'INFY', action: 'enter_short' }, { intent: 'entry', side: 'short' }],
    ['that commands', { symbol: 'INFY', action: 'PAUSE' }, { intent: 'command', command: 'pause', side: null, quantity: null }],
    ['that commands without a symbol', { action: 'kill', quantity: 'NaN' }, { intent: 'command', command: 'kill', symbol: '', quantity: null }],
  ])('%s', (_what, body, expected) => expect(mapped(body)).toMatchObject(expected));

  it.each<[string, Body | string, string]>([
    ['a symbol left to fill in', a({}, { symbol: '{{exchange}}:{{ticker}}' }), 'UNRESOLVED_PLACEHOLDER'], ['a bare price left to fill in', '{"symbol":"INFY","order_action":"BUY","price":{{close}}}', 'UNRESOLVED_PLACEHOLDER'],
    ['an exit of a symbol left to fill in', e({ ...bare, side: 'EXIT_LONG', symbol: '{{ticker}}' }), 'UNRESOLVED_PLACEHOLDER'], ['an exit of a size left to fill in', e({ ...bare, side: 'EXIT_LONG', qty: '{{strategy.order.contracts}}' }), 'UNRESOLVED_PLACEHOLDER'], ['an entry at a price left to fill in', e({ ref_price: '{{close}}' }), 'UNRESOLVED_PLACEHOLDER'],
    ['an order id left to fill in', e({ order_id: '{{strategy.order.id}}' }), 'UNRESOLVED_PLACEHOLDER'], ['an unfilled name for itself', { note: '{{x}}' }, 'UNRESOLVED_PLACEHOLDER'],
    ['no symbol', a({}, { symbol: ' ' }), 'SYMBOL_MISSING'], ['a symbol with blanks', a({}, { symbol: 'IN FY' }), 'SYMBOL_NOT_VALID'], ['a long symbol', a({}, { symbol: `NSE:${'X'.repeat(300)}` }), 'SYMBOL_NOT_VALID'], ['a list of symbols', a({}, { symbol: ['INFY'] }), 'SYMBOL_NOT_VALID'],
    ['two exchanges', a({}, { exchange: 'BSE' }), 'EXCHANGE_CONTRADICTORY'], ['a long exchange', a({}, { exchange: 'N'.repeat(65), symbol: 'INFY' }), 'EXCHANGE_NOT_VALID'],
    ['no action', a({ order_action: '' }), 'ACTION_MISSING'], ['an unknown action', a({ order_action: 'HOLD' }), 'ACTION_UNKNOWN'], ['an entry against its order', e({ order_action: 'SELL' }), 'ACTION_CONTRADICTORY'],
    ['an entry that was closed at once', e({ market_position: 'flat', position_size: '0' }), 'POSITION_CONTRADICTORY'], ['a buy that closes a long', e({ side: undefined, market_position: 'flat', position_size: undefined, prev_market_position: 'long', position_size_prev: undefined }), 'POSITION_CONTRADICTORY'],
    ['a long of minus one', e({ position_size: '-1' }), 'POSITION_CONTRADICTORY'], ['a position sideways', e({ market_position: 'sideways' }), 'POSITION_NOT_VALID'], ['a position of NaN', e({ position_size: 'NaN' }), 'POSITION_SIZE_NOT_VALID'],
    ...['NaN', 'inf', 'Infinity', '-3', '0', '1e308', '1,5', '0x10', '1 000', '١', `0.${'1'.repeat(19)}`, '100000000000001', 'all'].map((quantity): [string, Body, string] => [`a quantity of ${quantity}`, a({ quantity }), 'QUANTITY_NOT_VALID']),
    ['a quantity of many', a({ quantity: [1] }), 'QUANTITY_NOT_VALID'], ['a part of an unknown size', e({ side: undefined, order_action: 'SELL', market_position: 'long', position_size: undefined, position_size_prev: undefined, qty: undefined }), 'QUANTITY_MISSING'],
    ...['NaN', 'inf', '-1', '0', '1e999'].map((price): [string, Body, string] => [`a price of ${price}`, a({ price }), 'PRICE_NOT_VALID']),
    ['a limit of nothing', e({ ref_price: undefined }, { order_type: 'LIMIT' }), 'LIMIT_PRICE_MISSING'], ['a limit of 0', e({}, { order_type: 'LIMIT', limit_price: 0 }), 'LIMIT_PRICE_NOT_VALID'], ['a stop order', e({}, { order_type: 'SL-M' }), 'ORDER_TYPE_NOT_SUPPORTED'],
    ['a stop of NaN', e({}, { stop_price: 'NaN' }), 'STOP_LOSS_NOT_VALID'], ['a target of 0', e({}, { take_profit: 0 }), 'TAKE_PROFIT_NOT_VALID'], ['a confidence of 80', e({}, { confidence: 80 }), 'CONFIDENCE_NOT_VALID'],
    ['an unknown product', a({ product: 'NRML' }), 'PRODUCT_UNKNOWN'], ['an unknown trade type', a({ product: undefined, trade_type: 'swing' }), 'PRODUCT_UNKNOWN'], ['a long tag', e({ order_tag: 'x'.repeat(256) }), 'TEXT_TOO_LONG'], ['a tag of many', e({ order_tag: ['x'] }), 'FIELD_NOT_TEXT'],
    ['a bar time that is none', a({}, { bar_time: '2026-02-31T00:00:00Z' }), 'TIME_NOT_VALID'], ['a fire time that is none', { ...A, firedAt: 'now' }, 'TIME_NOT_VALID'],
  ])('with %s waits for a person', (_what, body, code) => {
    const found = mapped(body);
    expect(found).toMatchObject({ outcome: 'quarantined', code });
    expect(String(found.detail).length).toBeLessThan(250);
  });

  it.each([['at the root', { ...A, platform: 'METATRADER' }], ['in meta', { ...E, meta: { platform: 'ZERODHA' } }], ['in a list', { ...A, platform: ['BINANCE', 'TRADINGVIEW'] }]])('for another platform is ignored: %s', (_where, body) => {
    expect(mapped(body)).toMatchObject({ outcome: 'ignored', code: 'WRONG_PLATFORM' });
  });

  it.each<[string, Record<string, string>, string, string | null]>([
    ['NSE:SCHNEIDER', { SCHNEIDER: 'SCHNEIDER-EQ' }, 'SCHNEIDER-EQ', 'NSE'], ['nse:schneider', { 'NSE:SCHNEIDER': 'NSE:SCHNEIDER-EQ' }, 'SCHNEIDER-EQ', 'NSE'], ['BINANCE:BTCUSDT', { 'binance:btcusdt': 'BTCUSD' }, 'BTCUSD', null],
    ['NSE:SCHNEIDER', { 'BSE:SCHNEIDER': 'X' }, 'SCHNEIDER', 'NSE'], ['OANDA:EURUSD', {}, 'EURUSD', null], ['OANDA:EURUSD', { EURUSD: 'EURUSD.pro' }, 'EURUSD.pro', null], ['tAAVE:USD', {}, 'tAAVE:USD', null],
  ])('%s under %p is %s at %p: for the order too', (symbol, symbols, ours, exchange) => {
    expect(mapped({ ...A, exchange: undefined, symbol }, 'sigmatrader', symbols)).toMatchObject({ symbol: ours, exchange });
  });
});

describe('an alert of TradersPost', () => {
  const T = { ticker: 'AMD', action: 'buy' };
  it.each<[string, Body, Body]>([
    ['the smallest', T, { intent: 'order', side: 'long', symbol: 'AMD', quantity: null, orderType: 'market' }],
    ['of a strategy', { ...T, sentiment: 'long', quantity: '1,000', price: '143.12', time: '2026-02-15T05:17:00Z', interval: '5' }, { intent: 'order', side: 'long', quantity: '1000', price: '143.12', orderType: 'market', position: { now: 'long', before: null, size: null, sizeBefore: null }, barTime: '2026-02-15T05:17:00.000Z', firedAt: null, timeframe: '5' }],
    ['that ends flat', { ...T, action: 'sell', sentiment: 'flat' }, { intent: 'exit', side: 'long' }], ['that is bearish', { ...T, action: 'sell', sentiment: 'bearish' }, { intent: 'order', side: 'short', position: { now: 'short' } }],
    ['exit', { ...T, action: 'exit' }, { intent: 'exit', side: null }], ['exit of a size', { ...T, action: 'exit', quantity: 2 }, { intent: 'exit', quantity: '2' }], ['cancel', { ...T, action: 'cancel' }, { intent: 'command', command: 'cancel_orders', symbol: 'AMD' }],
    ['add to a long', { ...T, action: 'add', sentiment: 'bullish', quantity: 1 }, { intent: 'entry', side: 'long', quantity: '1' }],
    ['with a stop and a limit', { ...T, orderType: 'limit', limitPrice: 100, stopLoss: { type: 'stop', stopPrice: 90 }, takeProfit: { limitPrice: 120 } }, { orderType: 'limit', limitPrice: '100', stopLoss: '90', takeProfit: '120' }],
    ['with distances', { ...T, signalPrice: 143.12, takeProfit: { percent: 10 }, stopLoss: { type: 'stop', percent: 5 } }, { stopLoss: '135.964', takeProfit: '157.432' }],
    ['with distances of a short', { ...T, action: 'sell', signalPrice: 100, takeProfit: { amount: 10 }, stopLoss: { trailAmount: 5 } }, { stopLoss: '105', takeProfit: '90' }],
    ['with extras', { ...T, extras: { alertId: 'x' }, note: 'y' }, { hints: { extras: { alertId: 'x' }, note: 'y' } }],
  ])('%s', (_what, body, expected) => expect(mapped(body, 'traderspost')).toMatchObject(expected));

  it.each<[Body, string]>([
    [{ ...T, test: true }, 'TEST_SIGNAL'], [{ action: 'buy' }, 'SYMBOL_MISSING'], [{ ticker: 'AMD' }, 'ACTION_MISSING'], [{ ...T, action: 'add' }, 'ACTION_UNKNOWN'], [{ ...T, action: 'reverse' }, 'ACTION_UNKNOWN'], [{ ...T, optionType: 'call' }, 'OPTION_NOT_SUPPORTED'],
    [{ ...T, quantity: 5, quantityType: 'percent_of_equity' }, 'QUANTITY_TYPE_NOT_SUPPORTED'], [{ ...T, orderType: 'trailing_stop', trailAmount: 2 }, 'ORDER_TYPE_NOT_SUPPORTED'], [{ ...T, orderType: 'limit' }, 'LIMIT_PRICE_MISSING'], [{ ...T, limitPrice: '=signal.x + 1' }, 'LIMIT_PRICE_NOT_VALID'],
    [{ ...T, stopLoss: { percent: 5 } }, 'STOP_LOSS_NOT_VALID'], [{ ...T, signalPrice: 5, stopLoss: { amount: 5 } }, 'STOP_LOSS_NOT_VALID'], [{ ...T, sentiment: 'moody' }, 'POSITION_NOT_VALID'], [{ ...T, ticker: '{{ticker}}' }, 'UNRESOLVED_PLACEHOLDER'],
  ])('%p: %s', (body, code) => expect(mapped(body, 'traderspost')).toMatchObject({ code, outcome: code === 'TEST_SIGNAL' ? 'ignored' : 'quarantined' }));
});

describe('an alert of OctoBot', () => {
  const lines = (...more: string[]) => ['EXCHANGE=binance', 'SYMBOL=BTCUSDT', ...more].join('\n');
  it.each<[string, string, Body]>([
    ['a buy', lines('SIGNAL=BUY'), { intent: 'order', side: 'long', symbol: 'BTCUSDT', exchange: 'BINANCE', orderType: 'market', quantity: null }],
    ['between semicolons', 'EXCHANGE=binance;SYMBOL=SOLUSDT;VOLUME=0.01;SIGNAL=sell', { side: 'short', quantity: '0.01' }],
    ['a limit with a stop and a target', lines('SIGNAL=BUY', 'ORDER_TYPE=LIMIT', 'VOLUME=0.01', 'PRICE=42000', 'STOP_PRICE=38000', 'TAKE_PROFIT_PRICE_1=55000', 'TAG=t', 'LEVERAGE=2'), { orderType: 'limit', limitPrice: '42000', stopLoss: '38000', takeProfit: '55000', tag: 't', hints: { LEVERAGE: '2', TAKE_PROFIT_PRICE_1: '55000' } }],
    ['one that only reduces', lines('SIGNAL=SELL', 'REDUCE_ONLY=true'), { intent: 'exit', side: 'long' }], ['a cancel', lines('SIGNAL=CANCEL', 'TAG=exit1'), { intent: 'command', command: 'cancel_orders', tag: 'exit1' }],
  ])('%s', (_what, text, expected) => expect(mapped(text, 'octobot')).toMatchObject(expected));

  it.each([
    [lines('SIGNAL=BUY', 'VOLUME=2%'), 'QUANTITY_NOT_VALID'], [lines('SIGNAL=BUY', 'ORDER_TYPE=LIMIT', 'PRICE=-3d'), 'PRICE_NOT_VALID'], [lines('SIGNAL=SELL', 'ORDER_TYPE=STOP', 'STOP_PRICE=3'), 'ORDER_TYPE_NOT_SUPPORTED'],
    [lines('SIGNAL=BUY', 'TAKE_PROFIT_PRICE=1', 'TAKE_PROFIT_PRICE_1=2'), 'TAKE_PROFIT_SEVERAL'], [lines('SIGNAL=withdraw_funds'), 'ACTION_UNKNOWN'], [lines(), 'ACTION_MISSING'], ['EXCHANGE={{exchange}}\nSYMBOL={{ticker}}\nSIGNAL=BUY', 'UNRESOLVED_PLACEHOLDER'],
  ])('%s: %s', (text, code) => expect(mapped(text, 'octobot')).toMatchObject({ outcome: 'quarantined', code }));
});

describe('a mapping of one\'s own', () => {
  const OWN: Mapping = { fields: { symbol: 'd.pair', action: 'd.side', quantity: 'size', product: { const: 'MIS' }, limitPrice: 'limit', marketPosition: 'strategy.market_position', comment: 'orders.0.note' }, actions: { Long: 'enter_long', out: 'exit', halt: 'stop', b: 'buy' } };
  it.each<[Body, Body]>([
    [{ d: { pair: 'eurusd', side: 'LONG' }, size: '0.10' }, { intent: 'entry', side: 'long', symbol: 'EURUSD', quantity: '0.1', product: 'MIS', orderType: 'market' }],
    [{ 'd.pair': 'EURUSD', d: { side: 'out' }, orders: [{ note: 'x' }] }, { intent: 'exit', side: null, symbol: 'EURUSD', comment: 'x' }],
    [{ d: { side: 'halt' } }, { intent: 'command', command: 'stop' }], [{ d: { pair: 'EURUSD', side: 'b' }, limit: 1.1 }, { intent: 'order', side: 'long', orderType: 'limit', limitPrice: '1.1' }],
    [{ d: { pair: 'EURUSD', side: 'short' } }, { code: 'ACTION_UNKNOWN' }], [{ d: { pair: 'EURUSD', side: 'buy' } }, { code: 'ACTION_UNKNOWN' }], [{ d: { pair: 'EURUSD', side: { x: 1 } } }, { code: 'ACTION_UNKNOWN' }], [{ d: 'EURUSD' }, { code: 'ACTION_MISSING' }],
    [{ d: { pair: 'EURUSD', side: 'b' }, strategy: { market_position: 'long' } }, { position: { now: 'long', before: null, size: null, sizeBefore: null } }],
  ])('maps %p', (body, expected) => expect(mapped(body, OWN)).toMatchObject(expected));

  it.each<[unknown, string]>([
    ['sigma', ''], [17, ''], [{ fields: { symbol: 'a' }, actions: { b: 'buy' } }, 'fields.action'], [{ fields: { symbol: 'a..b', action: 'c' }, actions: { b: 'buy' } }, 'fields.symbol'], [{ fields: { symbol: 'a.__proto__', action: 'c' }, actions: { b: 'buy' } }, 'fields.symbol'],
    [{ fields: { symbol: 'a', action: 'c' }, actions: { b: 'hold' } }, 'actions.b'], [{ fields: { symbol: 'a', action: 'c' }, actions: {} }, 'actions'], [{ fields: { symbol: 'a', action: 'c', sise: 'x' }, actions: { b: 'buy' } }, 'fields.sise'],
    [{ fields: { symbol: 'a', action: 'c', alertId: { const: 'x' } }, actions: { b: 'buy' } }, 'fields.alertId'], [{ fields: { symbol: { const: '{{ticker}}' }, action: 'c' }, actions: { b: 'buy' } }, 'fields.symbol.const'], [{ format: 'xml', fields: { symbol: 'a', action: 'c' }, actions: { b: 'buy' } }, 'format'],
  ])('%p is refused at %p', (mapping, path) => expect(mappingSchema.safeParse(mapping).error?.issues.map((issue) => issue.path.join('.'))).toContain(path));
});

it('whatever a payload holds, there is an answer', () => {
  const names = fc.constantFrom('symbol', 'ticker', 'exchange', 'side', 'order_action', 'action', 'quantity', 'qty', 'price', 'signal', 'meta', 'hints', 'trade_details', 'platform', 'position_size', 'market_position', 'SIGNAL', 'SYMBOL', 'VOLUME', 'stopLoss', 'percent', 'sentiment', 'timestamp');
  const words = fc.oneof(fc.constantFrom('BUY', 'EXIT_LONG', 'ENTRY_SHORT', 'NSE:INFY', '1', '-1', 'NaN', '1e9999', '{{x}}', 'flat', 'long', ''), fc.string({ unit: 'binary' }), fc.double(), fc.constant(null), fc.boolean());
  const { payload } = fc.letrec((tie) => ({ any: fc.oneof({ depthSize: 'small' }, words, tie('payload'), fc.array(tie('any'), { maxLength: 2 })), payload: fc.dictionary(names, tie('any'), { maxKeys: 8 }) }));
  const own: Mapping = { fields: { symbol: 'symbol', action: 'side', quantity: 'signal.qty', stopLoss: 'toString' }, actions: { buy: 'buy' } };
  fc.assert(fc.property(payload, fc.constantFrom<Mapping>('sigmatrader', 'traderspost', 'octobot', own), (body, mapping) => {
    const found = mapSignal(body as Body, mapping, { INFY: 'INFY-EQ' });
    if (!('signal' in found)) return expect(found.code).not.toBe('NOT_MAPPED');
    const { quantity, price, limitPrice, stopLoss } = found.signal;
    for (const number of [quantity, price, limitPrice, stopLoss]) if (number !== null) expect(number).toMatch(/^(0|[1-9]\d*)(\.\d*[1-9])?$/);
  }), { numRuns: 5_000 });
});
