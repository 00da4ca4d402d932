/** Why an idea is not (yet) carried out. `CATEGORY_CONDITION`; each with the one sentence that the documentation's table shows. */
export const REASON_CODES = {
  HALT_GLOBAL: 'Everything is halted.',
  HALT_ACCOUNT: 'The account is halted.',
  HALT_AGENT: 'The agent that proposes or executes is halted.',
  HALT_STRATEGY: 'The strategy is halted.',
  HALT_SYMBOL: 'The symbol is halted.',
  HALT_BREAKER: 'A circuit breaker has tripped.',
  TRADING_DISABLED: 'aiTradingEnabled is false.',
} as const satisfies Record<string, string>;

export type ReasonCode = keyof typeof REASON_CODES;
