import { closeSync, constants, createReadStream, openSync, rmSync, writeSync } from 'node:fs';
import { access, copyFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryFolder } from '../source/temporary.js';
import { ImportFailure, type RejectReport } from './import-run.js';

/** So many are shown in the report; all are in the file and in the database. */
const SHOWN = 20;
/** A longer row is in the file and in the database alone. */
const SHOWN_LENGTH = 1 << 20;
const ROWS_AT_ONCE = 500;
/** PostgreSQL takes no JSON of more than 256 MB. */
const LENGTH_AT_ONCE = 8 << 20;

/**
 * The rows that could not be taken over. They are gathered in a file of the system's temporary folder, since there may be
 * more of them than fit into memory, and are put where the report says when the run ends.
 */
export class RejectFile {
  readonly first: RejectReport[] = [];
  count = 0;
  private readonly folder = temporaryFolder('rejects');
  private readonly path = join(this.folder, 'rejects.jsonl');
  private readonly file = openSync(this.path, 'w', 0o600);
  private waiting = '';

  add(reject: RejectReport): void {
    this.count += 1;
    const json = JSON.stringify(reject);
    if (this.first.length < SHOWN) this.first.push(json.length > SHOWN_LENGTH ? { ...reject, original: null } : reject);
    // `readline` takes these two for the end of a line.
    this.waiting += `${json.replace(/[\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16)}`)}\n`;
    if (this.waiting.length > 1 << 16) this.flush();
  }

  /** Those from this one on, some at a time, as JSON: numbers keep their digits. */
  async *from(first: number): AsyncIterable<string> {
    this.flush();
    let part: string[] = [];
    let [place, length] = [0, 0];
    for await (const line of createInterface({ input: createReadStream(this.path), crlfDelay: Infinity })) {
      if (place++ < first) continue;
      part.push(line);
      length += line.length;
      if (part.length < ROWS_AT_ONCE && length < LENGTH_AT_ONCE) continue;
      yield `[${part.join(',')}]`;
      [part, length] = [[], 0];
    }
    if (part.length > 0) yield `[${part.join(',')}]`;
  }

  /** @throws {ImportFailure} REPORT_UNWRITABLE */
  async putTo(path: string): Promise<void> {
    this.flush();
    try {
      await copyFile(this.path, path);
    } catch (error) {
      await rm(path, { force: true }).catch(() => undefined);
      throw unwritable(path, error);
    }
  }

  constructor() {
    // Also of a command that is interrupted.
    process.once('exit', this.removed);
  }

  remove(): void {
    process.off('exit', this.removed);
    closeSync(this.file);
    this.removed();
  }

  private readonly removed = (): void => rmSync(this.folder, { recursive: true, force: true });

  private flush(): void {
    writeSync(this.file, this.waiting);
    this.waiting = '';
  }
}

const unwritable = (path: string, error: unknown) =>
  new ImportFailure('REPORT_UNWRITABLE', `The report of rejects cannot be written to ${path} (${(error as { code?: string }).code ?? (error as Error).message}). Name another place with --report.`);

/** Beside the source; where that folder may not be written, in the working folder, or in the system's temporary one. */
export async function placeOfReport(source: string): Promise<string> {
  const beside = `${source}.rejects.jsonl`;
  for (const path of [beside, join(process.cwd(), basename(beside)), join(tmpdir(), basename(beside))]) {
    const may = await access(dirname(path), constants.W_OK).then(() => true, () => false);
    if (may) return path;
  }
  return beside;
}

/** Asked before anything is read. @throws {ImportFailure} REPORT_UNWRITABLE */
export async function mustBeWritable(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK);
  } catch (error) {
    throw unwritable(path, error);
  }
}
