import type { Action, DeclaredMapping, Mapping, MappedField } from './declared-mapping.js';

export interface Template {
  contentType: 'application/json' | 'text/plain';
  /** To be pasted into the alert's message as it is. */
  text: string;
  /** What a person has to know or fill in. */
  notes: string[];
}

export interface TemplateOptions {
  /** Of an indicator, which knows no order: what this alert means. Default: buy. */
  action?: Action;
  /** Whether the source asks for a secret in the body: a line for it is put in. */
  hasBodySecret: boolean;
  /** Whether the source has a size of its own (lot size or risk rule): the alert then names none. */
  hasOwnSize: boolean;
}

export const SECRET_TO_FILL_IN = 'PASTE-YOUR-BODY-SECRET-HERE';
const SIZE_TO_FILL_IN = '1';

type Filled = Partial<Record<MappedField, string>>;

const ALWAYS: Filled = { symbol: '{{ticker}}', exchange: '{{exchange}}', timeframe: '{{interval}}', barTime: '{{time}}', firedAt: '{{timenow}}' };

/** Two orders in one second differ in what they leave the sender with. */
const OF_STRATEGY: Filled = {
  ...ALWAYS,
  alertId: '{{ticker}}|{{timenow}}|{{strategy.order.id}}|{{strategy.order.action}}|{{strategy.position_size}}',
  action: '{{strategy.order.action}}', orderId: '{{strategy.order.id}}', quantity: '{{strategy.order.contracts}}', price: '{{strategy.order.price}}',
  marketPosition: '{{strategy.market_position}}', previousMarketPosition: '{{strategy.prev_market_position}}',
  positionSize: '{{strategy.market_position_size}}', previousPositionSize: '{{strategy.prev_market_position_size}}',
};

/** The text to paste into an alert of TradingView. Everything is quoted: a thousands separator or a word breaks nothing then. */
export function templateOf(mapping: Mapping, kind: 'strategy' | 'indicator', { action = 'buy', hasBodySecret, hasOwnSize }: TemplateOptions): Template {
  const word = kind === 'strategy' ? null : wordFor(mapping, action);
  const filled: Filled = kind === 'strategy' ? { ...OF_STRATEGY }
    : { ...ALWAYS, alertId: `{{ticker}}|{{timenow}}|{{interval}}|${action}`, action: word ?? action, price: '{{close}}', quantity: SIZE_TO_FILL_IN };
  // What closes everything needs no size, and what halts has none.
  if (hasOwnSize || (kind === 'indicator' && !['buy', 'sell', 'enter_long', 'enter_short'].includes(action))) delete filled.quantity;
  if (hasBodySecret) filled.secret = SECRET_TO_FILL_IN;
  const notes = notesFor(mapping, kind, { action, hasBodySecret, hasOwnSize }, filled, word);
  if (mapping === 'octobot') return { contentType: 'text/plain', text: lines(OCTOBOT, filled, ['ORDER_TYPE=MARKET']), notes };
  if (mapping === 'traderspost') return json(TRADERSPOST, filled, { orderType: 'market' }, notes);
  if (mapping === 'sigmatrader') return json(SIGMATRADER, filled, { 'meta.platform': 'TRADINGVIEW', 'meta.version': '6', 'hints.order_type': 'MARKET' }, notes);
  return declared(mapping, filled, notes);
}

type Places = Partial<Record<MappedField, string>>;

const SIGMATRADER: Places = {
  secret: 'meta.secret', alertId: 'alertId', firedAt: 'firedAt', symbol: 'signal.symbol', exchange: 'signal.exchange', action: 'signal.order_action', orderId: 'signal.order_id',
  quantity: 'signal.qty', price: 'signal.ref_price', marketPosition: 'signal.market_position', previousMarketPosition: 'signal.prev_market_position',
  positionSize: 'signal.position_size', previousPositionSize: 'signal.position_size_prev', timeframe: 'signal.timeframe', barTime: 'signal.timestamp',
};

const TRADERSPOST: Places = {
  secret: 'secret', alertId: 'alertId', firedAt: 'firedAt', symbol: 'ticker', exchange: 'exchange', action: 'action', orderId: 'orderId', quantity: 'quantity', price: 'signalPrice',
  marketPosition: 'sentiment', previousMarketPosition: 'previousSentiment', positionSize: 'positionSize', previousPositionSize: 'previousPositionSize', timeframe: 'interval', barTime: 'time',
};

const OCTOBOT: Places = {
  secret: 'TOKEN', alertId: 'ALERT_ID', firedAt: 'FIRED_AT', exchange: 'EXCHANGE', symbol: 'SYMBOL', action: 'SIGNAL', orderId: 'ORDER_ID', quantity: 'VOLUME', price: 'PRICE',
  marketPosition: 'MARKET_POSITION', previousMarketPosition: 'PREVIOUS_MARKET_POSITION', positionSize: 'POSITION_SIZE', previousPositionSize: 'PREVIOUS_POSITION_SIZE',
  timeframe: 'INTERVAL', barTime: 'BAR_TIME',
};

function declared(mapping: DeclaredMapping, filled: Filled, notes: string[]): Template {
  const places = Object.fromEntries(Object.entries(mapping.fields).filter(([, place]) => typeof place === 'string')) as Places;
  if (mapping.format === 'lines') return { contentType: 'text/plain', text: lines(places, filled, []), notes };
  if (mapping.format === 'form') return { contentType: 'text/plain', text: lines(places, filled, []).replaceAll('\n', '&'), notes };
  return json(places, filled, {}, notes);
}

const lines = (places: Places, filled: Filled, more: string[]): string =>
  [...inOrder(places, filled).map(([place, text]) => `${place}=${text}`), ...more].join('\n');

function json(places: Places, filled: Filled, fixed: Record<string, string>, notes: string[]): Template {
  const body: Record<string, unknown> = {};
  for (const [place, text] of [...Object.entries(fixed), ...inOrder(places, filled)]) put(body, place, text);
  return { contentType: 'application/json', text: JSON.stringify(body, null, 2), notes };
}

/** In the order of the places. */
const inOrder = (places: Places, filled: Filled): [string, string][] =>
  (Object.entries(places) as [MappedField, string][]).flatMap(([name, place]) => (filled[name] === undefined ? [] : [[place, filled[name]]]));

/** Where a path leads through a field that holds text already, its whole name becomes a field: it is found before the path. */
function put(body: Record<string, unknown>, path: string, text: string): void {
  const names = path.split('.');
  let place = body;
  for (const name of names.slice(0, -1)) {
    const next = Object.hasOwn(place, name) ? place[name] : (place[name] = {});
    if (next === null || typeof next !== 'object') {
      body[path] = text;
      return;
    }
    place = next as Record<string, unknown>;
  }
  const last = names.at(-1) ?? path;
  if (Object.hasOwn(place, last)) body[path] = text;
  else place[last] = text;
}

function wordFor(mapping: Mapping, action: Action): string | null {
  if (typeof mapping === 'string') return mapping === 'octobot' ? action.toUpperCase() : action;
  return Object.entries(mapping.actions).find(([, meaning]) => meaning === action)?.[0] ?? null;
}

function notesFor(mapping: Mapping, kind: 'strategy' | 'indicator', { action, hasBodySecret, hasOwnSize }: Required<TemplateOptions>, filled: Filled, word: string | null): string[] {
  const notes: string[] = [];
  if (kind === 'strategy') notes.push('One alert per strategy and chart, with the condition "Order fills": TradingView fills in what is between the braces at each order. Text that Pine\'s alert() sends is not filled in.');
  else notes.push(`TradingView knows no order of an indicator: this text always means ${action}. Make one alert for each action.`);
  if (hasBodySecret) notes.push(`Replace ${SECRET_TO_FILL_IN} by the secret of this source.`);
  if (filled.quantity === SIZE_TO_FILL_IN) notes.push(`Replace the size ${SIZE_TO_FILL_IN} by what one alert is to trade.`);
  if (hasOwnSize) notes.push('The source sizes its trades itself, so the alert names no size.');
  notes.push('Keep the alert id and the fire time as they are: by them a repeated alert is known, and an old one.', 'Do not put quotation marks into order ids or comments of the script: they break the text.');
  if (typeof mapping === 'string') return notes;
  const { fields, actions } = mapping;
  const words = Object.keys(actions).map((each) => each.toLowerCase());
  if (kind === 'strategy' && typeof fields.action === 'string' && !(words.includes('buy') && words.includes('sell'))) notes.push('TradingView says buy and sell: give both words a meaning in actions, or these alerts are quarantined.');
  if (kind === 'indicator' && word === null) notes.push(`No word in actions means ${action}: add one, or these alerts are quarantined.`);
  if (fields.alertId === undefined) notes.push('The mapping has no alertId: a repeated alert is then known for a minute only, or by its order id and bar time.');
  if (fields.firedAt === undefined) notes.push('The mapping has no firedAt: the age of an alert then counts from its arrival.');
  if (hasBodySecret && fields.secret === undefined) notes.push('The mapping has no place for the secret: send it as "secret", or name one.');
  return notes;
}
