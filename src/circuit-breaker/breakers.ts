/** The breakers there are. What each measures never changes; how it is held against what is in its settings. */
export const BREAKER_NAMES = [
  'daily_loss', 'daily_target', 'drawdown', 'consecutive_losses', 'losing_streak_symbol', 'low_profit_symbol', 'trades_per_hour', 'trades_per_day', 'model_degradation',
  'reject_rate', 'slippage', 'stale_heartbeat', 'stale_prices', 'agent_errors', 'database_latency',
] as const;
export type BreakerName = (typeof BREAKER_NAMES)[number];

export const STATES = ['active', 'warning', 'tripped', 'cooling_down', 'testing'] as const;
export type State = (typeof STATES)[number];
export const RESET_RULES = ['manual', 'timed', 'next_day', 'staged'] as const;
export type ResetRule = (typeof RESET_RULES)[number];
export const HALT_MODES = ['reduce', 'halt', 'flatten'] as const;
export const SCOPE_TYPES = ['global', 'account', 'agent', 'symbol'] as const;
export type ScopeType = (typeof SCOPE_TYPES)[number];

export interface BreakerKind {
  /** Whom it stops. All but `global` lie within an account in an execution mode. */
  scope: ScopeType;
  /** Of value and limit; null: the account's currency. */
  unit: string | null;
  /** Which side of the limit trips; the limit itself does of `atLeast`. */
  trips: 'atLeast' | 'below';
  /** Whether it asks for a least number of samples. */
  samples: boolean;
  /** What it measures is a condition that can last, so time alone does not end it. Of the others only what comes after a reset counts. */
  lasts: boolean;
  resets: readonly ResetRule[];
  means: string;
}

const ANY: readonly ResetRule[] = RESET_RULES;

export const BREAKERS: Record<BreakerName, BreakerKind> = {
  daily_loss: {
    scope: 'account', unit: null, trips: 'atLeast', samples: false, lasts: false, resets: ['manual', 'timed', 'next_day'],
    means: 'What an account has lost since its rollover, floating loss and costs included. Its limits are dailyLossLimitAmount and dailyLossLimitFraction.',
  },
  daily_target: {
    scope: 'account', unit: null, trips: 'atLeast', samples: false, lasts: false, resets: ['next_day'],
    means: 'What an account has won since its rollover. Its limit is dailyProfitTarget where stopAfterTarget is true.',
  },
  drawdown: {
    scope: 'account', unit: null, trips: 'atLeast', samples: false, lasts: false, resets: ['manual', 'timed', 'next_day'],
    means: 'How far an account is below its reference. Its limits are maxDrawdownAmount and maxDrawdownFraction where haltOnDrawdown is true.',
  },
  consecutive_losses: {
    scope: 'account', unit: 'trades', trips: 'atLeast', samples: true, lasts: false, resets: ANY,
    means: 'Trades in a row that lost money, each as a whole; one that came to zero neither adds nor breaks, and adopted ones do not count.',
  },
  losing_streak_symbol: {
    scope: 'symbol', unit: 'trades', trips: 'atLeast', samples: true, lasts: false, resets: ANY,
    means: 'Losing trades in a row of one symbol of an account, among its last 1,000.',
  },
  low_profit_symbol: {
    scope: 'symbol', unit: null, trips: 'atLeast', samples: true, lasts: false, resets: ANY,
    means: 'What the last trades of one symbol of an account have lost together.',
  },
  trades_per_hour: { scope: 'account', unit: 'trades', trips: 'atLeast', samples: false, lasts: false, resets: ANY, means: 'Openings within an hour.' },
  trades_per_day: { scope: 'account', unit: 'trades', trips: 'atLeast', samples: false, lasts: false, resets: ANY, means: 'Openings since the rollover.' },
  model_degradation: {
    scope: 'agent', unit: 'fraction', trips: 'below', samples: true, lasts: false, resets: ANY,
    means: 'How many of the last scored predictions of a model came true, in the version that an agent uses now; the worst of its models.',
  },
  reject_rate: {
    scope: 'agent', unit: 'fraction', trips: 'atLeast', samples: true, lasts: false, resets: ANY,
    means: "How many of an agent's last orders the broker rejected: attempts of open_trade, close_trade, modify_trade and cancel_order.",
  },
  slippage: {
    scope: 'account', unit: 'fraction', trips: 'atLeast', samples: true, lasts: false, resets: ANY,
    means: 'By how much of its price the last entries were worse than asked for, on average.',
  },
  stale_heartbeat: {
    scope: 'agent', unit: 'seconds', trips: 'atLeast', samples: false, lasts: true, resets: ANY,
    means: 'For how long an agent with open trades has been silent, while this server could hear it.',
  },
  stale_prices: {
    scope: 'symbol', unit: 'seconds', trips: 'atLeast', samples: false, lasts: true, resets: ANY,
    means: 'For how long no quote has come of a symbol with open trades, of which quotes came before, within its sessions.',
  },
  agent_errors: {
    scope: 'agent', unit: 'failures', trips: 'atLeast', samples: false, lasts: true, resets: ANY,
    means: 'Commands of an agent that failed for good; its status `error` counts as failuresMost where tripOnErrorStatus is true.',
  },
  database_latency: {
    scope: 'global', unit: 'milliseconds', trips: 'atLeast', samples: true, lasts: true, resets: ['manual', 'timed'],
    means: 'How long the database took to answer this server, on average of the last looks.',
  },
};
