import { isUtf8 } from 'node:buffer';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { BadText } from './cell.js';

const CHUNK = 1 << 20;

/** A file's bytes as latin1, a character each, a megabyte at a time. */
export function* chunksOf(path: string, from = 0): Iterable<string> {
  const file = openSync(path, 'r');
  try {
    // No more than the file has: with a megabyte for each, 10,000 small files took three minutes, most of it to clear memory.
    const bytes = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(1, fstatSync(file).size - from + 1)));
    for (let at = from, read = 0; (read = readSync(file, bytes, 0, bytes.length, at)) > 0; at += read) yield bytes.toString('latin1', 0, read);
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
