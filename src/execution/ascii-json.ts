/** What an MQL client can keep in one buffer and read without a Unicode decoder. */
const ANSWER_BYTES_MOST = 8_192;

/** JSON in ASCII: everything else escaped, so that bytes and characters are the same number. */
export const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** How many of these, from the first on, fit beside the rest of an answer. */
export function fitting(items: readonly unknown[], restBytes: number): number {
  let bytes = restBytes;
  for (const [n, item] of items.entries()) {
    bytes += asciiJson(item).length + 1;
    if (bytes > ANSWER_BYTES_MOST) return n;
  }
  return items.length;
}
