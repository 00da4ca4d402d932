import { isUtf8 } from 'node:buffer';
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { BadText } from './cell.js';
import { orderOf, Utf16Chunks } from './utf16-text.js';

const CHUNK = 1 << 20;
/** As long as a mark of byte order can be. */
const MARK_MOST = 4;

/** A text's bytes as latin1, a character each, a megabyte at a time; of one in UTF-16, those that it has in UTF-8. */
export function* chunksOf(path: string): Iterable<string> {
  let utf16: Utf16Chunks | null | undefined;
  for (const chunk of bytesOf(path)) {
    if (utf16 === undefined) utf16 = utf16Of(chunk);
    yield utf16?.take(chunk) ?? chunk;
  }
  if (utf16) yield utf16.end();
}

/** The same of a document, which is read whole. */
export function documentBytes(path: string): Buffer {
  const bytes = readFileSync(path);
  const utf16 = utf16Of(bytes.toString('latin1', 0, MARK_MOST));
  return utf16 ? Buffer.from(utf16.take(bytes.toString('latin1')) + utf16.end(), 'latin1') : bytes;
}

export function isUtf16(path: string): boolean {
  const [first = ''] = bytesOf(path);
  return orderOf(first) !== null;
}

function utf16Of(first: string): Utf16Chunks | null {
  const order = orderOf(first);
  return order && new Utf16Chunks(order);
}

function* bytesOf(path: string): Iterable<string> {
  const file = openSync(path, 'r');
  try {
    // No more than the file has: with a megabyte for each, 10,000 small files took three minutes, most of it to clear memory.
    const bytes = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(1, fstatSync(file).size + 1)));
    for (let at = 0, read = 0; (read = readSync(file, bytes, 0, bytes.length, at)) > 0; at += read) yield bytes.toString('latin1', 0, read);
  } finally {
    closeSync(file);
  }
}

/**
 * Lines without their ends, as latin1.
 * @param most characters of one; there it is cut, so that a file without any line fits into memory
 */
export function* linesOf(path: string, most: number): Iterable<string> {
  let rest = '';
  for (const chunk of chunksOf(path)) {
    let at = 0;
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', at)) {
      yield withoutReturn(rest + chunk.slice(at, end));
      rest = '';
      at = end + 1;
    }
    rest += chunk.slice(at);
    if (rest.length > most) {
      yield rest;
      rest = '';
    }
  }
  if (rest !== '') yield withoutReturn(rest);
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);

// eslint-disable-next-line no-control-regex -- bytes
const ASCII = /^[\x01-\x7f]*$/;

/** Bytes as the text they are in UTF-8; without the mark of byte order when they begin a file. */
export function textOf(latin1: string): string | BadText {
  if (ASCII.test(latin1)) return latin1;
  return textOfBytes(Buffer.from(latin1, 'latin1'));
}

export function textOfBytes(bytes: Buffer): string | BadText {
  if (!isUtf8(bytes)) return new BadText(new Uint8Array(bytes), 'NOT_UTF8');
  return bytes.includes(0) ? new BadText(new Uint8Array(bytes), 'NUL') : bytes.toString('utf8');
}

export const MARK = '\xef\xbb\xbf';
export const withoutMark = (latin1: string): string => (latin1.startsWith(MARK) ? latin1.slice(MARK.length) : latin1);
