import type { AlertFields } from './alert-fields.js';
import { firstOf, isObject, member, objectAt, textOf, type Payload, type Said } from './said.js';

const BUY_OR_SELL = /^(?:buy|sell)$/i;
/** Other platforms than these send alerts that are not meant for us. */
const PLATFORMS = new Set(['TRADINGVIEW', 'ZERODHA']);

/**
 * Flat or nested (`trade_details`), or `{meta, signal, hints}`: what stands at the root goes before the signal. In `signal`, the
 * `timestamp` may be the bar's or the alert's; it counts as the bar's, since nothing may look fresher than it is.
 */
export function sigmatraderFields(root: Payload): Partial<AlertFields> {
  const [meta, signal] = [objectAt(root, 'meta'), objectAt(root, 'signal')];
  const details = isObject(member(root, 'trade_details')) ? objectAt(root, 'trade_details') : objectAt(root, 'tradeDetails');
  const hints: Payload = { ...objectAt(signal, 'hints'), ...objectAt(root, 'hints') };
  const [legacy, all] = [[details, root, signal], [root, signal, details]];
  const exchange = firstOf(all, ['exchange', 'Exchange']);
  const price = firstOf([details, root], ['price', 'order_price']) ?? firstOf([root, signal], ['ref_price', 'price']);
  const targetIsOff = textOf(member(hints, 'take_profit')) !== null && !isOn(member(hints, 'tp_enabled'));
  return {
    symbol: firstOf(all, ['symbol', 'ticker']), exchange, price,
    action: actionOf(all), side: firstOf(all, ['side']),
    quantity: firstOf(legacy, ['quantity', 'order_contracts', 'qty']),
    product: firstOf(legacy, ['product']) ?? tradeType(firstOf(legacy, ['trade_type'])),
    comment: firstOf(legacy, ['comment', 'order_comment', 'alert_message', 'order_alert_message']) ?? firstOf([hints], ['note']),
    strategy: firstOf([root, signal], ['strategy_name', 'strategy', 'strategy_id']), strategyKey: firstOf([root, signal], ['strategy_id', 'strategy_name', 'strategy']),
    user: firstOf([root, signal], ['st_user_id']), orderId: firstOf(all, ['order_id']), tag: firstOf([...all, hints], ['order_tag']),
    timeframe: firstOf([root, signal], ['interval', 'timeframe']), barTime: firstOf([root, signal], ['bar_time', 'timestamp']),
    firedAt: firstOf([root, signal], ['firedAt', 'fired_at']), alertId: firstOf([root, signal], ['alertId', 'alert_id']),
    marketPosition: firstOf([...all, hints], ['market_position']), previousMarketPosition: firstOf([...all, hints], ['prev_market_position', 'market_position_prev']),
    positionSize: firstOf([...all, hints], ['position_size']), previousPositionSize: firstOf([...all, hints], ['position_size_prev']),
    orderType: firstOf([hints], ['order_type']), limitPrice: firstOf([hints], ['limit_price']),
    stopLoss: firstOf([hints], ['stop_price']), takeProfit: targetIsOff ? null : firstOf([hints], ['take_profit']),
    confidence: firstOf([root, signal, hints], ['confidence']),
    defaultOrderType: isVersion6(meta, signal) || price === null ? 'market' : 'limit',
    hints: { ...hints, ...kept(signal, ['amount', 'strategy_id', 'side']) },
    ignored: wrongPlatform(root, meta),
  };
}

/** A literal BUY or SELL of any of them goes before other words. */
function actionOf(places: Payload[]): Said {
  const said = places.flatMap((place) => ['order_action', 'orderAction', 'action', 'side'].map((name) => textOf(member(place, name)))).filter((word) => word !== null);
  return said.find((word) => typeof word === 'string' && BUY_OR_SELL.test(word)) ?? firstOf(places, ['order_action', 'orderAction', 'action']);
}

const TRADE_TYPES: Record<string, string> = { cash_and_carry: 'CNC', cnc: 'CNC', delivery: 'CNC', intraday: 'MIS', mis: 'MIS' };

const tradeType = (said: Said): Said => (typeof said === 'string' && Object.hasOwn(TRADE_TYPES, said.toLowerCase()) ? (TRADE_TYPES[said.toLowerCase()] ?? said) : said);

const isOn = (value: unknown): boolean => ['true', '1', 'yes', 'on'].includes(String(textOf(value) ?? '').toLowerCase());

/** As strategies send it for each filled order: at the market, unless a hint says otherwise. */
const isVersion6 = (meta: Payload, signal: Payload): boolean =>
  firstOf([signal], ['order_action', 'order_tag', 'market_position', 'position_size']) !== null || String(textOf(member(meta, 'version')) ?? '').startsWith('6');

function wrongPlatform(root: Payload, meta: Payload): AlertFields['ignored'] {
  const told = member(root, 'platform');
  const [ofRoot, ofMeta] = [textOf(Array.isArray(told) ? told[0] : told), textOf(member(meta, 'platform'))];
  const wrong = [ofRoot, ofMeta].find((said) => said !== null && !(typeof said === 'string' && PLATFORMS.has(said.toUpperCase())));
  if (wrong === undefined && !(typeof ofMeta === 'string' && ofMeta.toUpperCase() !== 'TRADINGVIEW')) return null;
  return { code: 'WRONG_PLATFORM', detail: `platform: ${String(typeof wrong === 'string' ? wrong : ofMeta as string).slice(0, 40).toWellFormed()} is not TRADINGVIEW: this alert is meant for another.` };
}

const kept = (place: Payload, names: string[]): Payload => Object.fromEntries(names.filter((name) => textOf(member(place, name)) !== null).map((name) => [name, place[name]]));
