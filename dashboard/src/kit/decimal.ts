/** Money stays text: a JavaScript number would lose its digits. */
const PLAIN = /^-?\d+(\.\d+)?$/;

export const isNegative = (text: string): boolean => text.startsWith('-') && /[1-9]/.test(text);
export const isZero = (text: string): boolean => !/[1-9]/.test(text);

/**
 * `-1234.500` as `−1,234.50`: thousands parted, needless zeros away, never fewer digits than `least`, never one rounded off
 * (`most`: what is beyond is cut off, where 1 or more is left to read).
 * @param sign whether a gain has its plus
 */
export function written(text: string, { least = 0, most, sign = false }: { least?: number; most?: number; sign?: boolean } = {}): string {
  if (!PLAIN.test(text)) return text;
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const shown = most === undefined || isZero(whole) ? fraction : fraction.slice(0, most);
  const kept = shown.replace(/0+$/, '').padEnd(least, '0');
  const parted = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  const before = isNegative(text) ? '−' : sign && !isZero(text) ? '+' : '';
  return `${before}${parted}${kept === '' ? '' : `.${kept}`}`;
}

/** `0.0525` as `5.25 %`, by moving the point. */
export function asPercent(fraction: string): string {
  if (!PLAIN.test(fraction)) return fraction;
  const [whole = '', rest = ''] = fraction.replace('-', '').split('.');
  const moved = `${whole}${rest.padEnd(2, '0').slice(0, 2)}.${rest.slice(2)}`.replace(/\.$/, '').replace(/^0+(?=\d)/, '');
  return `${written(`${isNegative(fraction) ? '-' : ''}${moved}`)} %`;
}

/** For lengths of bars and places on charts alone, never for a figure that is read. */
export const roughly = (text: string | null | undefined): number => (text === null || text === undefined ? NaN : Number(text));
