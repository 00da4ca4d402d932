import { BadText } from './cell.js';

/**
 * A text of a database in UTF-16. What is none is kept by the bytes that it has in UTF-8, as of any other database: an export is
 * in UTF-8, and UTF-16 in it would be another text. Half a pair of surrogates is three bytes, as SQLite itself writes it.
 */
export function textOfUtf16(bytes: Uint8Array, isBigEndian: boolean): string | BadText {
  const copy = Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 2)));
  const text = (isBigEndian ? copy.swap16() : copy).toString('utf16le');
  if (!text.isWellFormed()) return new BadText(new Uint8Array(utf8Of(text)), 'NOT_UTF8');
  return text.includes('\0') ? new BadText(new Uint8Array(Buffer.from(text)), 'NUL') : text;
}

function utf8Of(text: string): Buffer {
  const parts = Array.from(text, (point) => {
    const code = point.codePointAt(0) ?? 0;
    return code >= 0xd800 && code <= 0xdfff ? Buffer.from([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]) : Buffer.from(point);
  });
  return Buffer.concat(parts);
}
