import { DECIMAL_PLACES_MAX } from '../common/decimal.js';

/**
 * Digits before rounding. Left alone, PostgreSQL divides to 16 significant digits or to the digits of its operands; and
 * a quotient of sums with up to 44 digits lies at least 10^-63 away from where the eighteenth digit would turn over.
 */
const DIGITS_BETWEEN = 80;

/** SQL of a quotient with 80 digits behind the point; null where the divisor is null or 0. Operands are SQL written in the code, never input. */
export const quotient = (dividend: string, divisor: string): string => `round((${dividend})::numeric, ${DIGITS_BETWEEN}) / nullif(${divisor}, 0)`;

/** SQL of a numeric with at most 18 digits behind the point, rounded half away from zero, without zeros at its end. */
export const rounded = (value: string): string => `trim_scale(round(${value}, ${DECIMAL_PLACES_MAX}))`;

/** SQL of an exact quotient, rounded to 18 digits; null where the divisor is null or 0. */
export const ratio = (dividend: string, divisor: string): string => rounded(quotient(dividend, divisor));
