import type { Rate } from '../../instruments/rates.js';
import type { Holding } from '../../instruments/figures.js';
import type { Terms } from '../../instruments/terms.js';
import type { Layer } from '../../limits/effective-limits.js';
import type { LimitValues } from '../../limits/limit-fields.js';
import type { StrategyContent } from '../../strategies/strategies.schemas.js';

/**
 * All that a decision looks at, read after the account was locked. Decimals are text, times are RFC 3339 and of the
 * database's clock. What nobody knows is null, and never a number.
 */
export interface GateInput {
  now: string;
  mode: 'simulation' | 'paper' | 'live';
  idea: IdeaFacts;
  /** Those in force that hold this idea: for everybody, its account, its agents, its strategy, its symbol. */
  halts: readonly HaltFacts[];
  /** Nothing opens for now, whoever asks: too much of the system fails. Null: not so. */
  suspension: { cause: string; reason: string; since: string } | null;
  executor: AgentFacts;
  /** Who proposed it, when that is another agent. */
  proposer: Pick<AgentFacts, 'id' | 'retired' | 'symbols'> | null;
  account: AccountFacts;
  strategy: StrategyFacts | null;
  instrument: InstrumentFacts;
  quote: QuoteFacts | null;
  calendar: CalendarFacts;
  /** Each counts for itself: a limit of an agent counts what that agent holds in the account. */
  limits: readonly LimitsOf[];
  book: BookFacts;
  losses: LossFacts;
  rates: readonly Rate[];
  /** Breakers that let a little through to see whether all is well again; the least of their fractions multiplies maxLotSize. */
  testing: readonly { breaker: string; sizeFraction: string }[];
}

export interface IdeaFacts {
  /** Canonical. Lists of symbols are compared with `symbolKey`: NSE:INFY. */
  symbol: string;
  exchange: string | null;
  product: string | null;
  direction: 'long' | 'short';
  outcome: 'yes' | 'no' | null;
  /** What would open; of an idea against what is held on a netting account, what goes beyond that. */
  lotSize: string;
  /** Null: at the market. */
  entryPrice: string | null;
  entryRange: { low: string; high: string } | null;
  stopLoss: string | null;
  /** Fractions sum to 1. */
  takeProfit: readonly { price: string; sizeFraction: string }[];
  confidence: string | null;
  /** A person has approved exactly this: nothing asks for approval any more. */
  approved: boolean;
}

export interface HaltFacts {
  id: string;
  scope: 'global' | 'account' | 'agent' | 'strategy' | 'symbol';
  mode: 'reduce' | 'halt' | 'flatten';
  reason: string;
  /** The circuit breaker that tripped; null: a person or an agent pressed stop. */
  breaker: string | null;
}

export interface AgentFacts {
  id: string;
  accountId: string;
  mode: 'simulation' | 'paper' | 'live';
  retired: boolean;
  /** What it is told to do, and what it says that it does. */
  run: 'running' | 'paused' | 'stopped';
  status: 'stopped' | 'starting' | 'running' | 'paused' | 'stopping' | 'error';
  /** Empty: the strategy's symbols are the watchlist. Canonical. */
  symbols: readonly string[];
  holdsTradingLease: boolean;
  /** The copy that holds the lease; null: none was named. */
  instanceId: string | null;
  brokerConnected: boolean | null;
  tradeAllowed: boolean | null;
  /** Fields in which its terminal's account differs from its own; null: none. */
  accountMismatch: readonly string[] | null;
  /** Since the last complete report of positions; null: none since it started. */
  positionsSeconds: string | null;
  /** As reported, of the account. */
  marginFree: string | null;
  margin: string | null;
}

export interface AccountFacts {
  id: string;
  kind: 'live' | 'demo' | 'paper';
  currency: string;
  marginMode: 'hedging' | 'netting' | 'exchange';
}

export interface StrategyFacts extends Pick<StrategyContent, 'name' | 'isActive' | 'allowedSymbols' | 'sessionWindows' | 'holidays' | 'rrExpectation' | 'exitRules'> {
  id: string;
  version: number;
  retired: boolean;
}

export interface InstrumentFacts {
  /** Null: the account does not list it. */
  terms: Terms | null;
  /** Listed under a product that this account does not know. */
  productUnknown: boolean;
}

/** Of a binary: of yes; what no costs is what is left to 1. */
export interface QuoteFacts {
  bid: string;
  ask: string;
  /** The worse of when it was quoted and when it came. */
  ageSeconds: string;
}

export interface CalendarFacts {
  /** Whether anybody feeds a calendar; nobody: the embargo cannot apply. */
  fed: boolean;
  /** Since the last capture; null: never. */
  ageSeconds: string | null;
  /** High-impact events of the idea's currencies within a day, before and after now. */
  events: readonly { title: string; currency: string; at: string }[];
}

export interface LimitsOf {
  from: Layer;
  values: Partial<LimitValues>;
  /** Of the amounts. */
  currency: string;
}

/** Something that is held, or that a decision has promised. */
export interface Held {
  /** A trade that is not over, or what is reserved for an opening that may still come. */
  kind: 'trade' | 'reservation';
  /** Of the trade, or of the command. */
  id: string;
  agentId: string | null;
  proposerId: string | null;
  strategyId: string | null;
  /** Size is what is held, or may still come. */
  holding: Holding;
  /** CNC is paid in full. */
  product: string | null;
  /** Adopted from the broker, not decided here. */
  external: boolean;
}

/** Of the account in the execution mode. `agent` is the proposer, else the executor. */
export interface BookFacts {
  held: readonly Held[];
  /** Openings decided, and trades begun without a decision, since the rollover. */
  openedToday: Record<'account' | 'agent' | 'strategy', number>;
  /** When an opening of this symbol in this direction was last decided, or begun without a decision, whoever did; never this idea's own. */
  lastIntent: { at: string; ideaId: string | null } | null;
  /** When a trade of the proposer, else the executor, was last closed with a loss. */
  lastLossAt: string | null;
  /** On netting and exchange accounts: which other agent holds the instrument or has an opening under way. */
  instrumentOwner: string | null;
}

/** In the account's currency. */
export interface LossFacts {
  /** The last that was reported today; null: nobody did. */
  equity: string | null;
  /** Outside live, when nobody reports: initial balance, or 10,000, and what deals came to. */
  equityAssumed: boolean;
  /** What the day is measured from, flows since then taken in. */
  dayBaseline: string | null;
  /** What drawdown is measured from. */
  drawdownReference: string | null;
  /** Where its floor stays once it has come up to it; null: it follows the reference for ever. */
  drawdownLockedAt: string | null;
  /** Of the trades of the proposer, and of the strategy, since the rollover: closed, and floating as last marked. */
  profitToday: { agent: string | null; strategy: string | null };
}
