/**
 * What an alert says, in the words of this system. Every mapping makes one; routing knows nothing else. Numbers are decimal strings,
 * times RFC 3339 in UTC; null: not said.
 */
export interface Signal {
  /**
   * `entry` and `exit` name the position that is opened or closed; an `order` buys or sells, and what that does depends on what is held;
   * a `command` asks the agent for something that opens nothing.
   */
  intent: 'entry' | 'exit' | 'order' | 'command';
  /** Of an entry the direction to open, of an exit the one to close (null: whatever is held), of an order `long` for a buy. */
  side: 'long' | 'short' | null;
  command: SignalCommand | null;
  /** As the source's list of symbols translates it, else as sent; without its exchange. */
  symbol: string;
  exchange: string | null;
  product: string | null;
  /** Contracts, shares or lots of the order. */
  quantity: string | null;
  /** At the time of the alert; no limit. */
  price: string | null;
  orderType: 'market' | 'limit' | null;
  limitPrice: string | null;
  stopLoss: string | null;
  takeProfit: string | null;
  /** 0 to 1. */
  confidence: string | null;
  /** The sender's own book after the order and before it. */
  position: SignalPosition;
  strategy: string | null;
  user: string | null;
  orderId: string | null;
  tag: string | null;
  timeframe: string | null;
  barTime: string | null;
  /** When the sender fired it: what the age counts from. Never the time of a bar. */
  firedAt: string | null;
  comment: string | null;
  /** What else it said, as it said it; kept for a person. */
  hints: Record<string, unknown>;
}

export const SIGNAL_COMMANDS = ['pause', 'stop', 'flatten', 'kill', 'cancel_orders'] as const;
export type SignalCommand = (typeof SIGNAL_COMMANDS)[number];

export interface SignalPosition {
  now: 'long' | 'short' | 'flat' | null;
  before: 'long' | 'short' | 'flat' | null;
  /** Without a sign. */
  size: string | null;
  sizeBefore: string | null;
}

/** Why an alert gives no signal, for a person: the code is stable. `ignored` needs nobody; `quarantined` waits until somebody mends it. */
export interface NoSignal {
  outcome: 'ignored' | 'quarantined';
  code: string;
  detail: string;
}
