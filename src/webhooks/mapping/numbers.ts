import { Exact } from '../../common/decimal.js';

/** Longer ones cost time for nothing. */
const CHARACTERS_MAX = 64;
const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,2}))?$/;
/** 1,234,567.8 and, as in India, 12,34,567.8. `1,5` is neither: whoever writes so means one and a half. */
const GROUPED = /^[+-]?\d{1,3}(?:(?:,\d{3})*|(?:,\d{2})*),\d{3}(?:\.\d*)?$/;
const DIGITS_BEFORE_MAX = 20;
const DIGITS_BEHIND_MAX = 18;

/** An exact decimal of what a sender wrote for a number, in one spelling; null for anything else, also for NaN and infinity. */
export function decimalOf(written: string): string | null {
  const text = written.trim();
  if (text.length > CHARACTERS_MAX) return null;
  const plain = text.includes(',') ? (GROUPED.test(text) ? text.replaceAll(',', '') : null) : text;
  const [all, sign = '', whole = '', part = '', power = '0'] = plain === null ? [] : NUMBER.exec(plain) ?? [];
  if (all === undefined || whole + part === '') return null;
  const value = new Exact(`${sign}${whole === '' ? '0' : whole}.${part === '' ? '0' : part}e${power}`);
  const [before = '', behind = ''] = value.abs().toFixed().split('.');
  return before.length > DIGITS_BEFORE_MAX || behind.length > DIGITS_BEHIND_MAX ? null : value.isZero() ? '0' : value.toFixed();
}
