import { describe, expect, it } from '@jest/globals';
import type { Mapping } from '../mapping/declared-mapping.js';
import { readAlert } from './read-alert.js';

type Body = Record<string, unknown>;
const keyOf = (body: Body | string, mapping: Mapping = 'sigmatrader') => readAlert(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), 'application/json', mapping).key;

const SIGNAL = {
  strategy_id: 'SUPERTREND', symbol: 'INFY', exchange: 'NSE', side: 'ENTRY_LONG', order_action: 'BUY', order_id: 'Long', order_tag: 'ST_ENTRY_LONG', qty: 14, ref_price: 1500.0, timeframe: '5', timestamp: '2026-02-15T05:16:23Z',
};
const v6 = (change: Body = {}, root: Body = {}) => ({ meta: { secret: 'my-secret', platform: 'TRADINGVIEW' }, signal: { ...SIGNAL, ...change }, hints: {}, ...root });
const FLAT = { secret: 'my-secret', st_user_id: 'admin', strategy_name: 'TV-01', symbol: 'NSE:INFY', interval: '5', order_action: 'BUY', quantity: 1500, price: 320.5 };
const ID = 'INFY|2026-02-15T05:16:23Z|Long|buy|14';

describe('the same alert', () => {
  it.each([
    ['in another zone', v6(), v6({ timestamp: '2026-02-15T10:46:23+05:30' })],
    ['without a zone, which is UTC', v6(), v6({ timestamp: '2026-02-15 05:16:23' })],
    ['in epoch seconds', v6(), v6({ timestamp: 1_771_132_583 })],
    ['in epoch milliseconds', v6(), v6({ timestamp: '1771132583000' })],
    ['with its exchange in small letters', v6(), v6({ exchange: 'nse', symbol: 'infy' })],
    ['with its exchange in front', v6(), v6({ symbol: ' NSE:INFY ' })],
    ['with late prices', v6(), v6({ exchange: 'NSE_DLY' })],
    ['with its side in small letters', v6(), v6({ side: 'entry_long', order_action: 'buy' })],
    ['with another price, size or comment', v6(), v6({ ref_price: 1501, qty: 15, comment: 'x' })],
    ['with another secret', v6(), { ...v6(), meta: { secret: 'other-secret', platform: 'TRADINGVIEW' } }],
    ['with blanks around', v6(), v6({ order_id: ' Long ', order_tag: 'ST_ENTRY_LONG ' })],
    ['by its own id, whatever else changed', v6({}, { alertId: ID }), v6({ ref_price: 1, timestamp: '2026-02-16T00:00:00Z' }, { alertId: ` ${ID} ` })],
    ['without bar time: as another spelling of numbers', FLAT, { ...FLAT, quantity: '1,500', price: '320.50' }],
    ['without bar time: in exponents', FLAT, { ...FLAT, quantity: 1.5e3 }],
    ['without bar time: in another order and case', FLAT, Object.fromEntries(Object.entries({ ...FLAT, quantity: '1500.0', order_action: 'buy', symbol: 'nse:INFY' }).reverse())],
    ['without bar time: with another secret, or none', FLAT, { ...FLAT, secret: undefined }],
    ['without bar time: with empty fields', FLAT, { ...FLAT, comment: '', product: null }],
    ['without bar time: with a time in another zone', { ...FLAT, sent: '2026-02-15T05:16:23Z' }, { ...FLAT, sent: '2026-02-15T10:46:23.000+05:30' }],
  ])('%s', (_how, one, other) => expect(keyOf(other)).toEqual(keyOf(one)));

  it('as a form', () => expect(keyOf('symbol=NSE:INFY&order_action=BUY&quantity=1500&price=320.50&st_user_id=admin&strategy_name=TV-01&interval=5&secret=x')).toEqual(keyOf(FLAT)));
});

describe('another alert', () => {
  it.each([
    ['of another user', v6({ st_user_id: 'u1' }), v6({ st_user_id: 'u2' })],
    ['of another symbol', v6(), v6({ symbol: 'TCS' })],
    ['of another exchange', v6(), v6({ exchange: 'BSE' })],
    ['of another strategy', v6(), v6({ strategy_id: 'OTHER' })],
    ['to the other side', v6(), v6({ side: 'EXIT_LONG' })],
    ['with another order action', v6(), v6({ order_action: 'SELL' })],
    ['with another order id', v6(), v6({ order_id: 'Long2' })],
    ['with another tag', v6(), v6({ order_tag: 'ST_FLIP' })],
    ['of the next bar', v6(), v6({ timestamp: '2026-02-15T05:16:24Z' })],
    ['by its own id', v6({}, { alertId: ID }), v6({}, { alertId: ID.replace('|14', '|28') })],
    ['with its own id, and one without', v6({}, { alertId: ID }), v6()],
    ['without bar time: with another price', FLAT, { ...FLAT, price: 321 }],
    ['without bar time: of another user', FLAT, { ...FLAT, st_user_id: 'u2' }],
    ['without bar time: with another id', { ...FLAT, order_id: 'a' }, { ...FLAT, order_id: 'b' }],
    ['without bar time: a share class that differs in case alone', { ...FLAT, symbol: 'NYSE:BRKa' }, { ...FLAT, symbol: 'NYSE:BRKA' }],
  ])('%s', (_how, one, other) => expect(keyOf(other).text).not.toBe(keyOf(one).text));
});

describe('a key', () => {
  it.each<[string, Body | string, string, boolean]>([
    ['of an own id lives for ever', v6({}, { alertId: ID }), 'explicit', false],
    ['of a UUID too', { ...FLAT, alertId: '3f0c1f6e-8f0a-4b8e-9d0c-5a2f1b7c9e11' }, 'explicit', false],
    ['of order id and bar time lives for ever', v6(), 'bar', false],
    ['of content is forgotten: tomorrow the same signal is a new one', FLAT, 'content', true],
    ['of content lives for ever with a bar time', { ...FLAT, bar_time: '2026-02-15T05:17:00Z' }, 'content', false],
    ['of content is forgotten with a bar time that is none', { ...FLAT, bar_time: 'soon' }, 'content', true],
    ['holds no id with a placeholder', { ...FLAT, alertId: 'INFY|{{timenow}}|12345678' }, 'content', true],
    ['holds no id that every alert of a chart has', { ...FLAT, alertId: 'INFY|5' }, 'content', true],
    ['holds no order id with a placeholder', v6({ order_id: '{{strategy.order.id}}' }), 'content', false],
    ['of an unknown symbol is that of its content', v6({ symbol: '{{ticker}}' }), 'content', false],
    ['of what cannot be read is that of its bytes', 'INFY crossed 1500', 'bytes', true],
  ])('%s', (_how, body, kind, expires) => expect(keyOf(body)).toMatchObject({ kind, expires }));

  it('of unreadable bytes does not hold the secret', () => {
    expect(keyOf('secret=my-secret&&oops bad=1')).toEqual(keyOf('secret=other-secret&&oops bad=1'));
    expect(keyOf('oops 1').text).not.toBe(keyOf('oops 2').text);
  });
});
