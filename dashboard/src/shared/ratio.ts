/** A ratio is told to four digits behind the point, cut, never rounded up: `0.666666…` as `0.6666`. Money is never cut. */
export const short = (ratio: string, digits = 4): string => {
  const [whole = '', fraction = ''] = ratio.split('.');
  return fraction === '' ? whole : `${whole}.${fraction.slice(0, digits)}`;
};
