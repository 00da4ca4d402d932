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
  if (text.isWellFormed()) return Buffer.from(text);
  const parts = Array.from(text, (point) => {
    const code = point.codePointAt(0) ?? 0;
    return code >= 0xd800 && code <= 0xdfff ? Buffer.from([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]) : Buffer.from(point);
  });
  return Buffer.concat(parts);
}

/** How the text of a file is written that begins so; null: not as UTF-16. What begins as UTF-32 does is left as it stands. */
export const orderOf = (latin1: string): 'LE' | 'BE' | null =>
  (latin1.startsWith('\xfe\xff') ? 'BE' : latin1.startsWith('\xff\xfe') && !latin1.startsWith('\xff\xfe\0\0') ? 'LE' : null);

/** UTF-16 as UTF-8, both as latin1, whatever its chunks cut in two: Windows writes it where `>` of PowerShell does. */
export class Utf16Chunks {
  private rest = Buffer.alloc(0);

  constructor(private readonly order: 'LE' | 'BE') {}

  take(latin1: string): string {
    const bytes = Buffer.concat([this.rest, Buffer.from(latin1, 'latin1')]);
    const text = this.textOf(bytes);
    const length = /[\ud800-\udbff]$/.test(text) ? text.length - 1 : text.length;
    this.rest = Buffer.from(bytes.subarray(length * 2));
    return utf8Of(text.slice(0, length)).toString('latin1');
  }

  /** What is left is half a pair, half a character or both: no text, and kept as such. */
  end(): string {
    const odd = this.rest.length % 2 === 0 ? '' : `\xff${this.rest.toString('latin1', this.rest.length - 1)}`;
    return utf8Of(this.textOf(this.rest)).toString('latin1') + odd;
  }

  private textOf(bytes: Buffer): string {
    const even = Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 2)));
    return (this.order === 'BE' ? even.swap16() : even).toString('utf16le');
  }
}
