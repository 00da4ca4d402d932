const PLAIN = /^(\d+)(?:\.(\d+))?$/;

/** A decimal as whole tens-to-the-minus-`places`. */
function scaled(text: string, places: number): bigint | null {
  const [, whole, fraction = ''] = PLAIN.exec(text) ?? [];
  return whole === undefined || fraction.length > places ? null : BigInt(whole + fraction.padEnd(places, '0'));
}

const placesOf = (text: string): number => (text.split('.')[1] ?? '').length;

/**
 * Half of a size, rounded DOWN to the step of its instrument, exactly: never more than half is closed.
 * @returns the size, or why there is none
 */
export function halfOf(size: string, { sizeStep, minSize }: { sizeStep: string; minSize: string }): { half: string } | { whyNot: string } {
  const places = Math.max(placesOf(size), placesOf(sizeStep), placesOf(minSize));
  const [all, step, least] = [size, sizeStep, minSize].map((text) => scaled(text, places));
  if (all == null || step == null || least == null || step === 0n) return { whyNot: 'its size or its size step is not a plain number' };
  const half = ((all / 2n) / step) * step;
  const written = (value: bigint) => {
    const digits = value.toString().padStart(places + 1, '0');
    return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/\.?0+$/, '');
  };
  if (half === 0n) return { whyNot: `half of ${size} is less than the size step ${sizeStep}` };
  return half < least ? { whyNot: `half of ${size} is less than the smallest order ${minSize}` } : { half: written(half) };
}
