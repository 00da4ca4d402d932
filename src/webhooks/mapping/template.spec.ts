import { describe, expect, it } from '@jest/globals';
import { readAlert } from '../reading/read-alert.js';
import { ACTIONS, mappingSchema, type Action, type Mapping } from './declared-mapping.js';
import { mapSignal } from './map-signal.js';
import { SECRET_TO_FILL_IN, templateOf } from './template.js';

const FIELDS = {
  symbol: 'a.symbol', action: 'a.todo', exchange: 'a.place', quantity: 'size', price: 'a.price', alertId: 'id', firedAt: 'at', orderId: 'order.id', barTime: 'bar', timeframe: 'tf', secret: 'auth.key',
  marketPosition: 'p.now', previousMarketPosition: 'p.before', positionSize: 'p.size', previousPositionSize: 'p.sizeBefore',
};
const WORDS = Object.fromEntries(ACTIONS.map((action) => [action === 'buy' || action === 'sell' ? action : `do ${action}`, action]));
const NARROW: Mapping = { fields: { symbol: 'x', action: { const: 'go' }, exchange: 'x.y' }, actions: { go: 'enter_short' } };
const MAPPINGS: [string, Mapping][] = [
  ['sigmatrader', 'sigmatrader'], ['traderspost', 'traderspost'], ['octobot', 'octobot'], ['JSON of one\'s own', { fields: FIELDS, actions: WORDS }],
  ['lines of one\'s own', { format: 'lines', fields: FIELDS, actions: WORDS }], ['a form of one\'s own', { format: 'form', fields: FIELDS, actions: WORDS }],
];

/** As TradingView does it: what it does not know stays as it is. */
const filled = (text: string, values: Record<string, string>) => text.replace(/\{\{([^}]+)\}\}/g, (all, name: string) => values[name] ?? all);

const CHART = { ticker: 'INFY', exchange: 'NSE', interval: '5', time: '2026-02-15T05:15:00Z', timenow: '2026-02-15T05:16:23Z', close: '1500.5' };
const order = (action: string, id: string, size: string, [before, sizeBefore]: [string, string], [now, sizeNow]: [string, string]) => ({
  ...CHART, 'strategy.order.action': action, 'strategy.order.id': id, 'strategy.order.contracts': size, 'strategy.order.price': '1500.5', 'strategy.position_size': now === 'short' ? `-${sizeNow}` : sizeNow,
  'strategy.market_position': now, 'strategy.prev_market_position': before, 'strategy.market_position_size': sizeNow, 'strategy.prev_market_position_size': sizeBefore,
});

function signalOf(text: string, mapping: Mapping) {
  const read = readAlert(Buffer.from(text), 'text/plain', mapping);
  expect(read.unreadable).toBeNull();
  const mapped = mapSignal(read.payload ?? {}, mapping, {});
  if (!('signal' in mapped)) throw new Error(JSON.stringify(mapped));
  return { read, signal: mapped.signal };
}

describe.each(MAPPINGS)('a template of %s', (_name, mapping) => {
  it.each([
    ['an entry', order('buy', 'Long', '14', ['flat', '0'], ['long', '14']), { intent: 'order', side: 'long', quantity: '14', position: { now: 'long', before: 'flat', size: '14', sizeBefore: '0' } }],
    ['an addition', order('buy', 'Long', '6', ['long', '14'], ['long', '20']), { intent: 'order', side: 'long', quantity: '6', position: { now: 'long', before: 'long', size: '20', sizeBefore: '14' } }],
    ['a partial exit', order('sell', 'TP1', '5', ['long', '20'], ['long', '15']), { intent: 'exit', side: 'long', quantity: '5', position: { now: 'long', before: 'long', size: '15', sizeBefore: '20' } }],
    ['an exit', order('sell', 'Close', '15', ['long', '15'], ['flat', '0']), { intent: 'exit', side: 'long', quantity: '15', position: { now: 'flat', before: 'long', size: '0', sizeBefore: '15' } }],
    ['a reversal', order('sell', 'Short', '30', ['long', '15'], ['short', '15']), { intent: 'order', side: 'short', quantity: '30', position: { now: 'short', before: 'long', size: '15', sizeBefore: '15' } }],
    ['an exit of a short', order('buy', 'Close', '15', ['short', '15'], ['flat', '0']), { intent: 'exit', side: 'short', quantity: '15', position: { now: 'flat', before: 'short', size: '0', sizeBefore: '15' } }],
  ])('for a strategy, filled in, is %s', (_what, values, expected) => {
    const { text } = templateOf(mapping, 'strategy', { hasBodySecret: true, hasOwnSize: false });
    const { read, signal } = signalOf(filled(text, values), mapping);
    expect(signal).toMatchObject({ ...expected, symbol: 'INFY', exchange: 'NSE', price: '1500.5', orderType: 'market', limitPrice: null, firedAt: '2026-02-15T05:16:23.000Z', barTime: '2026-02-15T05:15:00.000Z', orderId: values['strategy.order.id'], timeframe: '5' });
    expect(read).toMatchObject({ symbol: 'NSE:INFY', secrets: [SECRET_TO_FILL_IN], key: { kind: 'explicit', expires: false } });
  });

  it('for a strategy knows two orders of one second apart, and one order sent twice', () => {
    const { text } = templateOf(mapping, 'strategy', { hasBodySecret: false, hasOwnSize: false });
    const keyOf = (values: Record<string, string>) => readAlert(Buffer.from(filled(text, values)), 'application/json', mapping).key.text;
    const first = order('sell', 'TP', '5', ['long', '20'], ['long', '15']);
    expect(keyOf(first)).toBe(keyOf(first));
    expect(keyOf(order('sell', 'TP', '5', ['long', '15'], ['long', '10']))).not.toBe(keyOf(first));
    expect(keyOf({ ...first, timenow: '2026-02-15T05:16:24Z' })).not.toBe(keyOf(first));
  });

  it.each(ACTIONS.map((action) => [action]))('for an indicator, filled in, means %s', (action: Action) => {
    const { text } = templateOf(mapping, 'indicator', { action, hasBodySecret: true, hasOwnSize: false });
    const { read, signal } = signalOf(filled(text, CHART), mapping);
    const [intent, side] = { buy: ['order', 'long'], sell: ['order', 'short'], enter_long: ['entry', 'long'], enter_short: ['entry', 'short'], exit_long: ['exit', 'long'], exit_short: ['exit', 'short'], exit: ['exit', null], pause: ['command', null], stop: ['command', null], flatten: ['command', null], kill: ['command', null], cancel_orders: ['command', null] }[action];
    expect(signal).toMatchObject({ intent, side, command: intent === 'command' ? action : null, symbol: 'INFY', exchange: 'NSE', quantity: intent === 'entry' || intent === 'order' ? '1' : null, firedAt: '2026-02-15T05:16:23.000Z' });
    expect(read.key.kind).toBe('explicit');
    expect(text.includes(SECRET_TO_FILL_IN)).toBe(true);
  });

  it('left as it is on an indicator is quarantined by name', () => {
    const { text } = templateOf(mapping, 'strategy', { hasBodySecret: false, hasOwnSize: false });
    const read = readAlert(Buffer.from(filled(text, CHART)), 'text/plain', mapping);
    expect(mapSignal(read.payload ?? {}, mapping, {})).toMatchObject({ outcome: 'quarantined', code: 'UNRESOLVED_PLACEHOLDER' });
    expect(read.key.kind).not.toBe('explicit');
  });

  it('names no size where the source has its own', () => {
    const { text, notes } = templateOf(mapping, 'strategy', { hasBodySecret: false, hasOwnSize: true });
    expect(text.includes('strategy.order.contracts')).toBe(false);
    expect(notes.join(' ')).toContain('sizes its trades itself');
    expect(text.includes(SECRET_TO_FILL_IN)).toBe(false);
    for (const values of [order('buy', 'Long', '10000', ['flat', '0'], ['long', '10000']), order('buy', 'Add', '6', ['long', '14'], ['long', '20']), order('sell', 'Short', '30', ['long', '15'], ['short', '15'])]) {
      expect(signalOf(filled(text, values), mapping).signal.quantity).toBeNull();
    }
  });
});

describe('a template of a mapping that lacks something', () => {
  it('says what it lacks', () => {
    expect(mappingSchema.safeParse(NARROW).success).toBe(true);
    const notes = templateOf(NARROW, 'indicator', { action: 'exit', hasBodySecret: true, hasOwnSize: true }).notes.join('\n');
    for (const said of ['No word in actions means exit', 'no alertId', 'no firedAt', 'no place for the secret']) expect(notes).toContain(said);
    expect(templateOf({ fields: { symbol: 'x', action: 'y' }, actions: { long: 'enter_long' } }, 'strategy', { hasBodySecret: false, hasOwnSize: true }).notes.join('\n')).toContain('give both words a meaning');
  });

  it('still maps where one path leads through another', () => {
    const { text } = templateOf(NARROW, 'indicator', { action: 'enter_short', hasBodySecret: false, hasOwnSize: true });
    expect(signalOf(filled(text, CHART), NARROW).signal).toMatchObject({ intent: 'entry', side: 'short', symbol: 'INFY', exchange: 'NSE' });
  });
});
