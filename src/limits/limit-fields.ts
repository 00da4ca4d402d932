import { z } from 'zod';
import { Exact } from '../common/decimal.js';
import { decimal, decimalText, fraction } from '../common/fields.js';

/**
 * What limits trading: the same names for everybody (/risk-config), for an account, an agent or a strategy (/limits), and
 * for a strategy's own `riskCaps`. Null: none. Of what is a most, 0 allows nothing; of what is a least or a wait, it asks
 * for nothing. Each is tighter in one direction, so of any two one is the tighter.
 */
const TIGHTER = {
  aiTradingEnabled: 'false', requireApproval: 'true', minConfidenceThreshold: 'higher', maxLotSize: 'lower', maxConcurrentTrades: 'lower', maxTradesPerSymbol: 'lower',
  maxTradesPerDay: 'lower', maxGrossExposureAmount: 'lower', maxNetCurrencyExposureAmount: 'lower', maxOpenRiskAmount: 'lower', dailyProfitTarget: 'lower',
  stopAfterTarget: 'true', dailyLossLimitAmount: 'lower', dailyLossLimitFraction: 'lower', maxDrawdownAmount: 'lower', maxDrawdownFraction: 'lower',
  haltOnDrawdown: 'true', minRewardToRisk: 'higher', duplicateIntentSeconds: 'higher', cooldownSeconds: 'higher', newsEmbargoMinutes: 'higher',
  maxPriceDeviation: 'lower', maxPriceAgeSeconds: 'lower', allowOffWatchlistAutotrade: 'false',
} as const satisfies Record<string, 'lower' | 'higher' | 'true' | 'false'>;

export type LimitName = keyof typeof TIGHTER;
export const LIMIT_NAMES = Object.keys(TIGHTER) as LimitName[];

/** Money: what it is worth depends on a currency. */
const AMOUNTS: ReadonlySet<LimitName> = new Set<LimitName>([
  'maxGrossExposureAmount', 'maxNetCurrencyExposureAmount', 'maxOpenRiskAmount', 'dailyProfitTarget', 'dailyLossLimitAmount', 'maxDrawdownAmount',
]);
export const isAmount = (name: LimitName): boolean => AMOUNTS.has(name);

const COUNT_MAX = 1_000_000;
const WEEK_SECONDS = 604_800;
const DAY_MINUTES = 1_440;

const amount = () => decimal({ min: '0', max: '10000000000000000000' });
const count = (max: number) => z.int().min(0).max(max);

const switches = {
  aiTradingEnabled: z.boolean().describe('false: agents open nothing'),
  requireApproval: z.boolean().describe('true: a person approves every opening'),
  stopAfterTarget: z.boolean().describe('true: nothing opens once the daily target is reached'),
  haltOnDrawdown: z.boolean(),
  allowOffWatchlistAutotrade: z.boolean(),
};

const numbers = {
  minConfidenceThreshold: fraction().nullable(),
  maxLotSize: decimal({ min: '0', max: '100000000000000' }).nullable(),
  maxConcurrentTrades: count(COUNT_MAX).nullable(),
  maxTradesPerSymbol: count(COUNT_MAX).nullable(),
  maxTradesPerDay: count(COUNT_MAX).nullable(),
  maxGrossExposureAmount: amount().nullable(),
  maxNetCurrencyExposureAmount: amount().nullable(),
  maxOpenRiskAmount: amount().nullable(),
  dailyProfitTarget: amount().nullable(),
  dailyLossLimitAmount: amount().nullable(),
  dailyLossLimitFraction: fraction().nullable(),
  maxDrawdownAmount: amount().nullable(),
  maxDrawdownFraction: fraction().nullable(),
  // A reward of over a thousand times the risk is a mistake in the unit.
  minRewardToRisk: decimal({ min: '0', max: '1000' }).nullable(),
  duplicateIntentSeconds: count(WEEK_SECONDS).nullable(),
  cooldownSeconds: count(WEEK_SECONDS).nullable(),
  newsEmbargoMinutes: count(DAY_MINUTES).nullable(),
  maxPriceDeviation: fraction().nullable(),
  maxPriceAgeSeconds: count(WEEK_SECONDS).nullable(),
};

/** For everybody: each switch stands one way or the other. */
export const globalLimits = { ...switches, ...numbers };

/** For some: null leaves a switch to those above. */
export const narrowerLimits = {
  ...numbers,
  aiTradingEnabled: switches.aiTradingEnabled.nullable(), requireApproval: switches.requireApproval.nullable(), stopAfterTarget: switches.stopAfterTarget.nullable(),
  haltOnDrawdown: switches.haltOnDrawdown.nullable(), allowOffWatchlistAutotrade: switches.allowOffWatchlistAutotrade.nullable(),
};

const shownNumbers = {
  minConfidenceThreshold: decimalText().nullable(), maxLotSize: decimalText().nullable(), maxConcurrentTrades: z.int().nullable(), maxTradesPerSymbol: z.int().nullable(),
  maxTradesPerDay: z.int().nullable(), maxGrossExposureAmount: decimalText().nullable(), maxNetCurrencyExposureAmount: decimalText().nullable(),
  maxOpenRiskAmount: decimalText().nullable(), dailyProfitTarget: decimalText().nullable(), dailyLossLimitAmount: decimalText().nullable(),
  dailyLossLimitFraction: decimalText().nullable(), maxDrawdownAmount: decimalText().nullable(), maxDrawdownFraction: decimalText().nullable(),
  minRewardToRisk: decimalText().nullable(), duplicateIntentSeconds: z.int().nullable(), cooldownSeconds: z.int().nullable(), newsEmbargoMinutes: z.int().nullable(),
  maxPriceDeviation: decimalText().nullable(), maxPriceAgeSeconds: z.int().nullable(),
};
/** In answers. */
export const shownGlobalLimits = { ...switches, ...shownNumbers };
export const shownNarrowerLimits = {
  ...shownNumbers, aiTradingEnabled: z.boolean().nullable(), requireApproval: z.boolean().nullable(), stopAfterTarget: z.boolean().nullable(),
  haltOnDrawdown: z.boolean().nullable(), allowOffWatchlistAutotrade: z.boolean().nullable(),
};

export type LimitValues = z.output<z.ZodObject<typeof narrowerLimits>>;
export type LimitValue = LimitValues[LimitName];

/** `maxLotSize` is kept as `max_lot_size`. */
const columnOf = (name: LimitName): string => name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);
export const LIMIT_COLUMNS = LIMIT_NAMES.map(columnOf).join(', ');
/** What a row of a table with those columns says. */
export const valuesOf = (row: object): LimitValues =>
  Object.fromEntries(LIMIT_NAMES.map((name) => [name, (row as Record<string, LimitValue>)[columnOf(name)] ?? null])) as LimitValues;
/** Such a row, as JSON. */
export const rowOf = (values: Partial<LimitValues>): Record<string, LimitValue> => Object.fromEntries(LIMIT_NAMES.map((name) => [columnOf(name), values[name] ?? null]));

/** Above 0 when `one` limits less than `other`, below when it limits more; null limits nothing. */
export function looseness(name: LimitName, one: LimitValue, other: LimitValue): number {
  if (one === other) return 0;
  if (one === null || other === null) return one === null ? 1 : -1;
  switch (TIGHTER[name]) {
    case 'lower': return new Exact(String(one)).cmp(String(other));
    case 'higher': return new Exact(String(other)).cmp(String(one));
    case 'true': return Number(other) - Number(one);
    case 'false': return Number(one) - Number(other);
  }
}

export type Effect = 'tighter' | 'looser';

export interface LimitChange {
  field: LimitName;
  before: LimitValue;
  after: LimitValue;
  effect: Effect;
}

export const limitChanges = (before: LimitValues, after: LimitValues): LimitChange[] =>
  LIMIT_NAMES.map((field) => ({ field, before: before[field], after: after[field], looser: looseness(field, after[field], before[field]) }))
    .filter(({ looser }) => looser !== 0).map(({ looser, ...change }) => ({ ...change, effect: looser > 0 ? 'looser' : 'tighter' }));

/** One looser field is enough: what is let in by it does not ask what else became tighter. */
export const effectOf = (changes: readonly LimitChange[]): Effect | 'none' =>
  changes.length === 0 ? 'none' : changes.some(({ effect }) => effect === 'looser') ? 'looser' : 'tighter';

/** What a person should know of limits for everybody: which are off, and which let nothing through. */
export function limitWarnings(values: LimitValues): string[] {
  return LIMIT_NAMES.flatMap((name) => {
    const value = values[name];
    if (value === null) return [`${name} is off: null limits nothing`];
    if (typeof value === 'boolean' || !new Exact(value).isZero()) return [];
    return [TIGHTER[name] === 'lower' ? `${name} is 0: nothing is allowed` : `${name} is 0: it asks for nothing`];
  });
}
