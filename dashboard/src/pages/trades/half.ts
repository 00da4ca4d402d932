/**
 * Half of a size, as much as the instrument's step lets be traded. Whole numbers of the smallest digit, so nothing is lost.
 * @param step null: not known; then half to the digit
 * @returns null where half is less than one step or `least`
 */
export function halfOf(size: string, step: string | null, least: string | null): string | null {
  const digits = Math.max(...[size, step, least].map((each) => each?.split('.')[1]?.length ?? 0)) + 1;
  const whole = (text: string) => BigInt(text.replace('.', '') + '0'.repeat(digits - (text.split('.')[1]?.length ?? 0)));
  const unit = step === null ? 1n : whole(step);
  const half = unit === 0n ? 0n : (whole(size) / 2n / unit) * unit;
  if (half <= 0n || (least !== null && half < whole(least))) return null;
  const text = half.toString().padStart(digits + 1, '0');
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`.replace(/\.?0+$/, '');
}
