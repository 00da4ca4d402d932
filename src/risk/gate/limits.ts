import type { Decimal } from 'decimal.js';
import { readable } from '../../instruments/figures.js';
import { conversion, known, type Known } from '../../instruments/rates.js';
import { LAYERS, type Layer } from '../../limits/effective-limits.js';
import type { LimitName } from '../../limits/limit-fields.js';
import type { Facts, Holder } from './facts.js';
import { type Finding, off, reason, verdictOf } from './finding.js';
import type { ReasonCode } from './reason-codes.js';
import type { Reason } from './verdict.js';

export interface Limit {
  name: LimitName;
  from: Layer;
  value: Decimal;
  text: string;
  /** Of an amount. */
  currency: string;
  holder: Holder;
}

/** What a limit was held against. Reasons: it does not hold. */
export interface Checked {
  /** As recorded; null: unknown. */
  actual: string | null;
  reasons: readonly Reason[];
  assumed?: boolean;
}

const HOLDERS: Record<Layer, Holder> = { global: 'account', account: 'account', agent: 'agent', strategy: 'strategy', riskCaps: 'strategy' };
const WHOSE: Record<Layer, string> = {
  global: 'for every account', account: 'of the account', agent: 'of the agent', strategy: 'of the strategy', riskCaps: "among the strategy's own caps",
};
export const whose = ({ from }: Pick<Limit, 'from'>): string => WHOSE[from];
export const HOLDER_NAMES: Record<Holder, string> = { account: 'The account', agent: 'The agent', strategy: 'The strategy' };

/** Codes of every rule with a number for a limit. */
export const LIMIT_CODES = ['LIMIT_UNREADABLE'] as const satisfies ReasonCode[];
/** Codes of every rule with a figure in money. */
export const FIGURE_CODES = [
  'INSTRUMENT_UNKNOWN', 'NUMBER_UNREADABLE', 'CURRENCY_MISSING', 'OUTCOME_MISSING', 'STOP_MISSING', 'RATE_MISSING', 'RATE_STALE', 'PRICE_MISSING', ...LIMIT_CODES,
] as const satisfies ReasonCode[];

/** Of a switch: what each layer says that says anything. */
export const switches = ({ input }: Facts, name: LimitName): { from: Layer; value: unknown }[] =>
  input.limits.flatMap(({ from, values }) => (values[name] == null ? [] : [{ from, value: values[name] }]));

/** Of these a limit holds the idea, whoever sets it, and counts nothing that is held. */
const OF_THE_IDEA: ReadonlySet<LimitName> = new Set<LimitName>(['maxLotSize', 'minRewardToRisk', 'cooldownSeconds', 'duplicateIntentSeconds']);

/** Every layer that sets this limit, the widest first; what it sets to something unreadable is at fault. */
export function limitsNamed({ input }: Facts, name: LimitName): { limits: Limit[]; faults: Reason[] } {
  const limits: Limit[] = [];
  const faults: Reason[] = [];
  for (const { from, values, currency } of input.limits) {
    const set = values[name];
    if (set == null) continue;
    const value = readable(String(set));
    if (value) limits.push({ name, from, value, text: value.toFixed(), currency, holder: HOLDERS[from] });
    else faults.push(reason('LIMIT_UNREADABLE', `${name} ${WHOSE[from]} is no number.`, null, String(set).slice(0, 40)));
  }
  return { limits: limits.sort((one, other) => LAYERS.indexOf(one.from) - LAYERS.indexOf(other.from)), faults };
}

/** Each layer holds by itself; the widest that is not content is named first. */
export function eachLimit(facts: Facts, names: LimitName | readonly LimitName[], check: (limit: Limit) => Checked): Finding {
  const set = [names].flat().map((name) => limitsNamed(facts, name));
  const reasons = set.flatMap(({ faults }) => faults);
  const input: Record<string, string | null> = {};
  let assumed = false;
  for (const limit of set.flatMap(({ limits }) => limits)) {
    const checked = check(limit);
    const of = OF_THE_IDEA.has(limit.name) ? 'idea' : limit.holder;
    // Of the layer that has the holder's own name the limit stands under that already.
    input[set.length > 1 ? `${limit.name} of the ${of}` : of] = checked.actual;
    input[`${limit.name} ${limit.from}`] = limit.text;
    reasons.push(...checked.reasons);
    assumed ||= checked.assumed ?? false;
  }
  return Object.keys(input).length === 0 && reasons.length === 0 ? off() : verdictOf(input, reasons, assumed);
}

/** A figure in the account's currency, in the limit's. */
export function inLimitCurrency({ valuation }: Facts, figure: Known<Decimal>, { currency }: Limit): Known<Decimal> {
  if (!figure.known || figure.value.isZero()) return figure;
  const way = conversion(valuation.currency, currency, valuation.rates, valuation.now);
  return way.known ? known(figure.value.times(way.value.times).div(way.value.by)) : way;
}

/**
 * A figure that is not known. Outside live a missing rate is assumed to be harmless, since nobody had to tell one; anything
 * else, such as a position whose loss has no bound, refuses there too. A limit of 0 needs no figure to refuse.
 */
export function unknownFigure({ live }: Facts, what: string, figure: Known<unknown> & { known: false }, limit: Limit | null = null): Checked {
  const assumed = !live && figure.reasons.length > 0 && figure.reasons.every(({ code }) => code === 'RATE_MISSING') && limit?.value.isZero() !== true;
  const why = figure.reasons.length > 0 ? figure.reasons : [{ code: 'PRICE_MISSING' as const, detail: 'the idea has no price' }];
  return { actual: null, assumed, reasons: assumed ? [] : why.map(({ code, detail }) => reason(code, `${what} cannot be computed: ${detail}.`, null, limit && limit.text)) };
}

/** For people: eight digits behind the point are enough. */
export const shown = (value: Decimal): string => value.toDecimalPlaces(8).toFixed();
