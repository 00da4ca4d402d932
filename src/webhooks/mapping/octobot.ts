import type { AlertFields } from './alert-fields.js';
import { firstOf, textOf, type Payload, type Said } from './said.js';

const USED = new Set([
  'EXCHANGE', 'SYMBOL', 'SIGNAL', 'VOLUME', 'PRICE', 'STOP_PRICE', 'ORDER_TYPE', 'TAG', 'REDUCE_ONLY', 'TOKEN', 'SECRET', 'PASSPHRASE', 'ALERT_ID', 'FIRED_AT', 'BAR_TIME', 'ORDER_ID', 'INTERVAL',
  'MARKET_POSITION', 'PREVIOUS_MARKET_POSITION', 'POSITION_SIZE', 'PREVIOUS_POSITION_SIZE', 'CONFIDENCE', 'STRATEGY', 'COMMENT', 'USER', 'PRODUCT',
]);
const TARGET = /^TAKE_PROFIT_PRICE(?:_\d{1,3})?$/;

/** `KEY=VALUE`, its names in any case. Sizes and prices relative to something (`2%`, `-3d`) are no numbers here. */
export function octobotFields(root: Payload): Partial<AlertFields> {
  const lines: Payload = Object.fromEntries(Object.entries(root).map(([name, value]) => [name.toUpperCase(), value]));
  const line = (...names: string[]): Said => firstOf([lines], names);
  const signal = line('SIGNAL');
  const orderType = line('ORDER_TYPE');
  const targets = Object.entries(lines).filter(([name, value]) => TARGET.test(name) && textOf(value) !== null).map(([, value]) => textOf(value));
  return {
    symbol: line('SYMBOL'), exchange: line('EXCHANGE'), action: typeof signal === 'string' && signal.toLowerCase() === 'cancel' ? 'cancel_orders' : signal,
    quantity: line('VOLUME'), price: line('PRICE'), limitPrice: typeof orderType === 'string' && orderType.toLowerCase() === 'limit' ? line('PRICE') : null,
    orderType, defaultOrderType: 'market', stopLoss: line('STOP_PRICE'), takeProfit: targets[0] ?? null,
    tag: line('TAG'), alertId: line('ALERT_ID'), firedAt: line('FIRED_AT'), barTime: line('BAR_TIME'), orderId: line('ORDER_ID'), timeframe: line('INTERVAL'),
    marketPosition: line('MARKET_POSITION'), previousMarketPosition: line('PREVIOUS_MARKET_POSITION'), positionSize: line('POSITION_SIZE'), previousPositionSize: line('PREVIOUS_POSITION_SIZE'),
    confidence: line('CONFIDENCE'), strategy: line('STRATEGY'), comment: line('COMMENT'), user: line('USER'), product: line('PRODUCT'),
    reduceOnly: ['true', '1'].includes(String(line('REDUCE_ONLY') ?? '').toLowerCase()),
    hints: Object.fromEntries(Object.entries(lines).filter(([name]) => !USED.has(name))),
    unsupported: targets.length > 1 ? { code: 'TAKE_PROFIT_SEVERAL', detail: 'TAKE_PROFIT_PRICE: several are told; a trade has one.' } : null,
  };
}
