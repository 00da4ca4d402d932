import { z } from 'zod';
import { decimal, fraction } from '../common/fields.js';
import { BREAKERS, type BreakerName, HALT_MODES, RESET_RULES } from './breakers.js';

const DAY_SECONDS = 86_400;
const YEAR_SECONDS = 31_536_000;
/** Of what one look reads of a book. */
const WINDOW_MOST = 200;

const count = (max: number) => z.int().min(1).max(max);
const BASELINE = z.enum(['balance', 'equity', 'higher', 'initial']).describe('what the day is measured from; higher: of balance and equity at the rollover');

/** What stands in `parameters` of each; units stand in the names. */
export const PARAMETERS = {
  daily_loss: z.strictObject({ baseline: BASELINE }),
  daily_target: z.strictObject({ baseline: BASELINE }),
  drawdown: z.strictObject({
    reference: z.enum(['initial', 'peak_equity', 'peak_day_end_balance']),
    lockAtInitial: z.boolean().describe('true: the floor rises with the reference to the initial balance and no higher'),
  }),
  consecutive_losses: z.strictObject({ lossesMost: count(100) }),
  losing_streak_symbol: z.strictObject({ lossesMost: count(100) }),
  low_profit_symbol: z.strictObject({ windowTrades: count(WINDOW_MOST), lossAmountMost: decimal({ above: '0', max: '10000000000000000000' }) }),
  trades_per_hour: z.strictObject({ openingsMost: count(1_000_000) }),
  trades_per_day: z.strictObject({ openingsMost: count(1_000_000) }),
  model_degradation: z.strictObject({ windowPredictions: count(1_000), hitRateFractionLeast: fraction() }),
  reject_rate: z.strictObject({ windowCommands: count(WINDOW_MOST), rejectedFractionMost: decimal({ above: '0', max: '1' }) }),
  slippage: z.strictObject({ windowTrades: count(WINDOW_MOST), slippageFractionMost: decimal({ above: '0', max: '1' }) }),
  stale_heartbeat: z.strictObject({ silenceSeconds: z.int().min(15).max(DAY_SECONDS) }),
  stale_prices: z.strictObject({ silenceSeconds: z.int().min(5).max(DAY_SECONDS) }),
  agent_errors: z.strictObject({ windowSeconds: z.int().min(60).max(7 * DAY_SECONDS), failuresMost: count(1_000), tripOnErrorStatus: z.boolean() }),
  database_latency: z.strictObject({ windowLooks: count(WINDOW_MOST), millisecondsMost: count(60_000) }),
} as const satisfies Record<BreakerName, z.ZodType>;

export type Parameters<N extends BreakerName> = z.output<(typeof PARAMETERS)[N]>;

export const resetSchema = z.strictObject({
  rule: z.enum(RESET_RULES),
  afterSeconds: z.int().min(1).max(YEAR_SECONDS).nullish().describe('of timed and staged: how long nothing opens'),
  testingTrades: count(1_000).nullish().describe('of staged: how many trades must end without a loss'),
  testingSizeFraction: decimal({ above: '0', max: '1' }).nullish().describe('of staged: of the largest size that is allowed otherwise'),
});

export interface Reset {
  rule: (typeof RESET_RULES)[number];
  afterSeconds?: number | null;
  testingTrades?: number | null;
  testingSizeFraction?: string | null;
}

/** Which of its fields a rule takes: those, and no others. */
const OF_RULE: Record<Reset['rule'], readonly (keyof Reset)[]> = {
  manual: [], next_day: [], timed: ['afterSeconds'], staged: ['afterSeconds', 'testingTrades', 'testingSizeFraction'],
};
const RESET_FIELDS = ['afterSeconds', 'testingTrades', 'testingSizeFraction'] as const;

export interface Settings<N extends BreakerName = BreakerName> {
  enabled: boolean;
  minimumSamples: number | null;
  /** Of the limit; null: no warning. */
  warningFraction: string | null;
  haltMode: (typeof HALT_MODES)[number];
  reset: Reset;
  parameters: Parameters<N>;
}

/** The whole of a breaker's settings; what it does not use must be null, so that no setting is without effect. */
export function settingsSchema(name: BreakerName) {
  const { samples, resets, scope } = BREAKERS[name];
  return z.strictObject({
    enabled: z.boolean(),
    minimumSamples: samples ? count(1_000) : z.null({ error: `must be null: ${name} has no samples` }),
    warningFraction: decimal({ above: '0', max: '0.999999' }).nullable(),
    haltMode: z.enum(HALT_MODES),
    reset: resetSchema,
    parameters: PARAMETERS[name],
  }).superRefine(({ reset, minimumSamples, parameters }, context) => {
    if (context.issues.length > 0) return;
    const add = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (!resets.includes(reset.rule)) add(['reset', 'rule'], `must be one of ${resets.join(', ')} for ${name}, whose scope is ${scope}`);
    for (const field of RESET_FIELDS) {
      const isUsed = OF_RULE[reset.rule].includes(field);
      if (isUsed && reset[field] == null) add(['reset', field], `is needed by ${reset.rule}`);
      if (!isUsed && reset[field] != null) add(['reset', field], `has no effect with ${reset.rule}: leave it out`);
    }
    const window = windowOf(parameters);
    if (typeof minimumSamples === 'number' && window !== null && minimumSamples > window) add(['minimumSamples'], `must be at most ${window}, the window: the breaker could never trip`);
  });
}

/** As it is kept: only what its rule uses. */
export const keptReset = (reset: Reset): Reset =>
  ({ rule: reset.rule, ...Object.fromEntries(OF_RULE[reset.rule].map((field) => [field, reset[field]])) });

function windowOf(parameters: object): number | null {
  const window = Object.entries(parameters).find(([key]) => /^window(Trades|Predictions|Commands|Looks)$/.test(key))?.[1] as unknown;
  return typeof window === 'number' ? window : null;
}
