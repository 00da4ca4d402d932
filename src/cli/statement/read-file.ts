import { open } from 'node:fs/promises';
import { CommandError } from '../outcome.js';

/** Of a statement with some 80,000 deals as MetaTrader writes it. All of it is in memory, several times over. */
const BYTES_MOST = 64 * 1024 * 1024;

const unreadable = (message: string) => new CommandError('STATEMENT_UNREADABLE', message);

/** On a terminal a name or a cell is text, never a command to it. */
export const shown = (text: string): string => text.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, '�');

/** The text of a statement, in whichever Unicode it is written. @throws {CommandError} STATEMENT_UNREADABLE */
export async function textOfFile(path: string): Promise<string> {
  const bytes = await bytesOf(path);
  if (bytes.subarray(0, 2).toString('latin1') === 'PK') throw unreadable(`${shown(path)} is an archive or a workbook (.xlsx): save the report as HTML or CSV.`);
  const encoding = encodingOf(bytes);
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw unreadable(`${shown(path)} is not ${encoding.toUpperCase()}: save it as UTF-8 or as Unicode (UTF-16).`);
  }
}

/** Also of a pipe or a device, which do not say how long they are. */
async function bytesOf(path: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    const file = await open(path, 'r');
    try {
      for await (const part of file.createReadStream({ end: BYTES_MOST, autoClose: false }) as AsyncIterable<Buffer>) {
        parts.push(part);
        size += part.length;
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(`${shown(path)} cannot be read: ${shown((error as Error).message)}`);
  }
  if (size > BYTES_MOST) throw unreadable(`${shown(path)} has more than ${BYTES_MOST / 1024 / 1024} MiB: save the report of a shorter period.`);
  return Buffer.concat(parts, size);
}

/** By its mark; without one, every second byte of a UTF-16 text in a western script is zero. */
function encodingOf(bytes: Buffer): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  if (bytes.length > 3 && bytes[1] === 0 && bytes[3] === 0) return 'utf-16le';
  if (bytes.length > 3 && bytes[0] === 0 && bytes[2] === 0) return 'utf-16be';
  return 'utf-8';
}
