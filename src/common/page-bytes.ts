/**
 * A page ends before this much text (four mebibytes), however many rows were asked for: 500 prompts of full length
 * would be a hundred megabytes in memory. One row is always smaller than a request body, so it fits.
 */
export const PAGE_BYTES_MAX = 4_194_304;

export interface Sized {
  /** Bytes of text in this row and those before it on the page. */
  bytes_so_far: number;
}

/** How many of the rows make the page; the rest say that there is more. */
export function rowsThatFit(rows: readonly Sized[], limit: number): number {
  const tooMuch = rows.findIndex(({ bytes_so_far: bytes }) => bytes > PAGE_BYTES_MAX);
  return tooMuch < 1 ? limit : Math.min(limit, tooMuch);
}
