/** Of decimals told as text, exactly: below 0 the first is smaller, above 0 the second, 0 neither; NaN where one is no plain decimal. */
export function compareDecimals(one: string, other: string): number {
  const [a, b] = [scaled(one), scaled(other)];
  if (!a || !b) return NaN;
  const digits = Math.max(a.digits, b.digits);
  const [x, y] = [a.whole * 10n ** BigInt(digits - a.digits), b.whole * 10n ** BigInt(digits - b.digits)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** What is left to 1: of a binary contract, the price of the other outcome. */
export function leftToOne(text: string): string | null {
  const of = scaled(text);
  if (!of) return null;
  const left = 10n ** BigInt(of.digits) - of.whole;
  const digits = String(left < 0n ? -left : left).padStart(of.digits + 1, '0');
  const cut = digits.length - of.digits;
  return `${left < 0n ? '-' : ''}${digits.slice(0, cut)}${of.digits > 0 ? `.${digits.slice(cut)}` : ''}`;
}

function scaled(text: string): { whole: bigint; digits: number } | null {
  const match = /^(-?\d+)(?:\.(\d+))?$/.exec(text);
  return match ? { whole: BigInt(`${match[1]}${match[2] ?? ''}`), digits: match[2]?.length ?? 0 } : null;
}
