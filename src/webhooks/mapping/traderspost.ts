import type { AlertFields, Distance } from './alert-fields.js';
import { firstOf, member, objectAt, textOf, type Payload, type Said } from './said.js';

const SENTIMENTS: Record<string, string> = { bullish: 'long', long: 'long', bearish: 'short', short: 'short', flat: 'flat' };
const USED = new Set([
  'ticker', 'action', 'sentiment', 'quantity', 'price', 'signalPrice', 'limitPrice', 'orderType', 'time', 'interval', 'alertId', 'firedAt', 'orderId', 'secret', 'passphrase',
  'previousSentiment', 'positionSize', 'previousPositionSize', 'confidence', 'comment',
]);
/** Of options only; the ticker alone names another instrument. */
const OPTION_FIELDS = ['optionType', 'strikePrice', 'strikesAway', 'intrinsicValue', 'expiration'];

/** `{ticker, action, sentiment, …}`: the sentiment is the sender's position after the order, `time` may be any and counts as the bar's. */
export function traderspostFields(root: Payload): Partial<AlertFields> {
  const [stop, target] = [objectAt(root, 'stopLoss'), objectAt(root, 'takeProfit')];
  const extras = objectAt(root, 'extras');
  const word = textOf(member(root, 'action'));
  const sentiment = position(textOf(member(root, 'sentiment')));
  const limitPrice = firstOf([root], ['limitPrice']);
  const lower = typeof word === 'string' ? word.toLowerCase() : null;
  return {
    symbol: firstOf([root], ['ticker', 'symbol']), exchange: firstOf([root, extras], ['exchange']),
    action: lower === 'add' ? additionOf(sentiment) : lower === 'cancel' ? 'cancel_orders' : word, marketPosition: sentiment, previousMarketPosition: position(textOf(member(root, 'previousSentiment'))),
    positionSize: firstOf([root], ['positionSize']), previousPositionSize: firstOf([root], ['previousPositionSize']),
    quantity: firstOf([root], ['quantity']), price: firstOf([root], ['signalPrice', 'price']),
    limitPrice, orderType: firstOf([root], ['orderType']), defaultOrderType: limitPrice === null ? 'market' : 'limit',
    stopLoss: firstOf([stop], ['stopPrice']) ?? (Object.keys(stop).length === 0 ? textOf(member(root, 'stopLoss')) : null), stopDistance: distance(stop),
    takeProfit: firstOf([target], ['limitPrice']) ?? (Object.keys(target).length === 0 ? textOf(member(root, 'takeProfit')) : null), targetDistance: distance(target),
    timeframe: firstOf([root], ['interval']), barTime: firstOf([root], ['time']), firedAt: firstOf([root, extras], ['firedAt']), alertId: firstOf([root, extras], ['alertId']),
    orderId: firstOf([root, extras], ['orderId']), confidence: firstOf([root, extras], ['confidence']), comment: firstOf([root, extras], ['comment']),
    strategy: firstOf([root, extras], ['strategy']), user: firstOf([root, extras], ['user']), tag: firstOf([root, extras], ['tag']),
    hints: Object.fromEntries(Object.entries(root).filter(([name]) => !USED.has(name))),
    unsupported: unsupported(root),
    ignored: ['true', '1'].includes(String(textOf(member(root, 'test')) ?? '').toLowerCase()) ? { code: 'TEST_SIGNAL', detail: 'test: the sender marked this alert as a test.' } : null,
  };
}

const position = (said: Said): Said => (typeof said === 'string' ? (SENTIMENTS[said.toLowerCase()] ?? said) : said);

const additionOf = (sentiment: Said): Said => (sentiment === 'long' ? 'enter_long' : sentiment === 'short' ? 'enter_short' : 'add');

function distance(place: Payload): Distance | null {
  for (const [name, kind] of [['amount', 'amount'], ['percent', 'percent'], ['trailAmount', 'amount'], ['trailPercent', 'percent']] as const) {
    const said = textOf(member(place, name));
    if (said !== null) return { kind, value: typeof said === 'string' ? said : '?' };
  }
  return null;
}

function unsupported(root: Payload): AlertFields['unsupported'] {
  const option = OPTION_FIELDS.find((name) => textOf(member(root, name)) !== null);
  if (option !== undefined) return { code: 'OPTION_NOT_SUPPORTED', detail: `${option}: options are not traded from alerts.` };
  const kind = textOf(member(root, 'quantityType'));
  if (kind === null || kind === 'fixed_quantity') return null;
  return { code: 'QUANTITY_TYPE_NOT_SUPPORTED', detail: 'quantityType: only fixed_quantity is taken; leave the quantity out, and the source sizes it.' };
}
