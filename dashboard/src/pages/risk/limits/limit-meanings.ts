import type { components } from '../../../api/schema.js';

export type GlobalLimits = Omit<components['schemas']['RiskConfig'], 'version' | 'updatedAt' | 'updatedBy' | 'lastHaltReason' | 'warnings'>;
export type LimitName = keyof GlobalLimits;
export type LimitValue = string | number | boolean | null;
export type Limits = Record<LimitName, LimitValue>;

/** `amount`: money of `currency`; `fraction`: also shown as percent. */
export type Form = 'switch' | 'amount' | 'fraction' | 'decimal' | 'count';

interface Meaning {
  title: string;
  form: Form;
  unit: string;
  /** What holds back more, as the server has it. */
  tighter: 'lower' | 'higher' | 'true' | 'false';
  about: string;
}

/** Each limit in a person's words, under what it is for. The server's own order and direction: test/browser/risk.spec.ts holds them against each other. */
export const GROUPS: readonly { name: string; limits: Partial<Record<LimitName, Meaning>> }[] = [
  {
    name: 'Whether anything opens', limits: {
      aiTradingEnabled: { title: 'Agents may open trades', form: 'switch', unit: '', tighter: 'false', about: 'no: agents open nothing; exits go on' },
      requireApproval: { title: 'A person approves every opening', form: 'switch', unit: '', tighter: 'true', about: 'yes: each idea waits up to 120 s for a person' },
      allowOffWatchlistAutotrade: { title: 'Symbols off the watchlist may be traded', form: 'switch', unit: '', tighter: 'false', about: "no: only what is on the agent's watchlist" },
      minConfidenceThreshold: { title: 'Least confidence', form: 'fraction', unit: 'of 1', tighter: 'higher', about: 'with less, or none told, a person is asked' },
      minRewardToRisk: { title: 'Least reward to risk', form: 'decimal', unit: 'times the risk', tighter: 'higher', about: 'distance to the target by distance to the stop' },
    },
  },
  {
    name: 'How much may be lost', limits: {
      dailyLossLimitAmount: { title: 'Daily loss', form: 'amount', unit: '', tighter: 'lower', about: 'since the rollover, floating loss and costs included' },
      dailyLossLimitFraction: { title: 'Daily loss, as a part', form: 'fraction', unit: "of the day's baseline", tighter: 'lower', about: 'the nearer of the two holds' },
      maxDrawdownAmount: { title: 'Drawdown', form: 'amount', unit: '', tighter: 'lower', about: 'below the reference of the account' },
      maxDrawdownFraction: { title: 'Drawdown, as a part', form: 'fraction', unit: 'of the reference', tighter: 'lower', about: 'the nearer of the two holds' },
      haltOnDrawdown: { title: 'A drawdown halts until a person releases', form: 'switch', unit: '', tighter: 'true', about: 'the gate refuses at the limit either way' },
      dailyProfitTarget: { title: 'Daily target', form: 'amount', unit: '', tighter: 'lower', about: 'profit since the rollover' },
      stopAfterTarget: { title: 'Nothing opens once the target is reached', form: 'switch', unit: '', tighter: 'true', about: 'until the next rollover' },
    },
  },
  {
    name: 'How much may be held', limits: {
      maxLotSize: { title: 'Largest size', form: 'decimal', unit: 'lots', tighter: 'lower', about: 'of one opening' },
      maxOpenRiskAmount: { title: 'Open risk', form: 'amount', unit: '', tighter: 'lower', about: 'what all stops together would lose' },
      maxGrossExposureAmount: { title: 'Gross exposure', form: 'amount', unit: '', tighter: 'lower', about: 'value of everything held, long and short added' },
      maxNetCurrencyExposureAmount: { title: 'Net exposure of one currency', form: 'amount', unit: '', tighter: 'lower', about: 'long less short of each' },
    },
  },
  {
    name: 'How many trades', limits: {
      maxConcurrentTrades: { title: 'Open at once', form: 'count', unit: 'trades', tighter: 'lower', about: 'openings under way count' },
      maxTradesPerSymbol: { title: 'Open at once in one symbol', form: 'count', unit: 'trades', tighter: 'lower', about: 'openings under way count' },
      maxTradesPerDay: { title: 'Openings in a day', form: 'count', unit: 'trades', tighter: 'lower', about: 'since the rollover' },
      cooldownSeconds: { title: 'Wait between openings', form: 'count', unit: 'seconds', tighter: 'higher', about: 'of one agent' },
      duplicateIntentSeconds: { title: 'The same idea again', form: 'count', unit: 'seconds', tighter: 'higher', about: 'is refused for so long on one account' },
    },
  },
  {
    name: 'Prices and news', limits: {
      maxPriceAgeSeconds: { title: 'Oldest price', form: 'count', unit: 'seconds', tighter: 'lower', about: 'an older quote decides nothing' },
      maxPriceDeviation: { title: "From the idea's price to the market", form: 'fraction', unit: 'of the price', tighter: 'lower', about: 'further away is refused; 0 allows no deviation' },
      newsEmbargoMinutes: { title: 'Around important news', form: 'count', unit: 'minutes', tighter: 'higher', about: 'nothing opens so long before and after' },
    },
  },
];

export const MEANINGS = Object.assign({}, ...GROUPS.map(({ limits }) => limits)) as Record<LimitName, Meaning>;
export const LIMIT_NAMES = Object.keys(MEANINGS) as LimitName[];

/** The limits of an answer, and nothing else of it. */
export const limitsOf = (row: object): Limits => Object.fromEntries(LIMIT_NAMES.map((name) => [name, (row as Limits)[name] ?? null])) as Limits;

export const unitOf = (name: LimitName, currency: string): string => (MEANINGS[name].form === 'amount' ? currency : MEANINGS[name].unit);
