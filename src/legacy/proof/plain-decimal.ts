const PLAIN = /^(?:0|-?[1-9]\d*)$/;
/** Nearly all decimals come so: without exponent, sign at 0 and zeros at the end. */
const PLAIN_DECIMAL = /^(?:0|-?(?:[1-9]\d*|(?:0|[1-9]\d*)\.\d*[1-9]))$/;
const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;

/** Whole, and written as everybody writes it. */
export const isPlain = (text: string): boolean => PLAIN.test(text);

/**
 * A decimal without exponent, as numeric shows it; what is no decimal comes back as it is. With `zeros` those at the end of
 * the fraction stay, as they do in jsonb; without, they go (`trim_scale`).
 */
export function plainDecimal(text: string, zeros = false): string {
  if (PLAIN_DECIMAL.test(text)) return text;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = NUMBER.exec(text.trim()) ?? [];
  if (whole === '' && fraction === '') return text;
  const shift = Number(exponent);
  const digits = (whole + fraction).padStart(Math.max(0, -(whole.length + shift)) + whole.length + fraction.length, '0');
  const point = Math.max(whole.length + shift, 0);
  const left = digits.slice(0, point).padEnd(point, '0').replace(/^0+(?=\d)/, '') || '0';
  const right = zeros ? digits.slice(point) : digits.slice(point).replace(/0+$/, '');
  const isZero = /^[0.]*$/.test(left + right);
  return `${sign === '-' && !isZero ? '-' : ''}${left}${right === '' ? '' : `.${right}`}`;
}

/** Adds up decimals exactly. Whole numbers of one scale are added as such: a million of them take no time. */
export class ExactSum {
  private readonly byScale = new Map<number, bigint>();

  /** @param text a plain decimal */
  add(text: string, sign: 1n | -1n = 1n): void {
    const point = text.indexOf('.');
    const scale = point === -1 ? 0 : text.length - point - 1;
    const units = BigInt(point === -1 ? text : text.slice(0, point) + text.slice(point + 1));
    this.byScale.set(scale, (this.byScale.get(scale) ?? 0n) + sign * units);
  }

  /** Plain, without zeros at the end. */
  toString(): string {
    const scale = Math.max(0, ...this.byScale.keys());
    let units = 0n;
    for (const [each, sum] of this.byScale) units += sum * 10n ** BigInt(scale - each);
    const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
    return plainDecimal(`${units < 0n ? '-' : ''}${digits.slice(0, digits.length - scale)}.${digits.slice(digits.length - scale)}`);
  }
}
