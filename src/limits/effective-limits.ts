import { isAmount, LIMIT_NAMES, type LimitName, type LimitValue, type LimitValues, looseness } from './limit-fields.js';

/** Where a limit can stand, the widest first: where two say the same, the wider is named. */
export const LAYERS = ['global', 'account', 'agent', 'strategy', 'riskCaps'] as const;
export type Layer = (typeof LAYERS)[number];

export interface LimitLayer {
  values: Partial<LimitValues>;
  /** What its amounts are in. */
  currency: string;
}

export interface Bound<V = LimitValue> {
  value: V;
  from: Layer;
  /** Of an amount; null of everything else. */
  currency: string | null;
}

/** The tightest of each. Amounts in different currencies cannot be compared without a rate: each holds, so there is one for each currency. */
export type EffectiveLimits = { [K in LimitName]: Bound<NonNullable<LimitValues[K]>>[] };

/**
 * What holds where several layers limit: of each field the tightest, whatever was stored when. Empty: no limit.
 * @param layers null or absent: says nothing
 */
export function effectiveLimits(layers: { [K in Layer]?: LimitLayer | null }): EffectiveLimits {
  return Object.fromEntries(LIMIT_NAMES.map((name) => [name, boundsOf(name, layers)])) as unknown as EffectiveLimits;
}

function boundsOf(name: LimitName, layers: { [K in Layer]?: LimitLayer | null }): Bound[] {
  const tightest = new Map<string | null, Bound>();
  for (const from of LAYERS) {
    const value = layers[from]?.values[name] ?? null;
    if (value === null) continue;
    const currency = isAmount(name) ? (layers[from]?.currency ?? null) : null;
    const before = tightest.get(currency);
    if (!before || looseness(name, value, before.value) < 0) tightest.set(currency, { value, from, currency });
  }
  return [...tightest.values()];
}

export interface LooserThan {
  field: LimitName;
  asked: LimitValue;
  bound: Bound;
}

/** Which of these limits are looser than those above. An amount is compared with those in its own currency. */
export function looserThan(above: EffectiveLimits, { values, currency }: LimitLayer): LooserThan[] {
  return LIMIT_NAMES.flatMap((field) => {
    const asked = values[field] ?? null;
    if (asked === null) return [];
    const bounds: Bound[] = above[field];
    return bounds.filter((bound) => (bound.currency === null || bound.currency === currency) && looseness(field, asked, bound.value) > 0).map((bound) => ({ field, asked, bound }));
  });
}
