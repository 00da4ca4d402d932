import { LEAVE_OUT, SourceError } from './source-error.js';

/** One record, its bytes as latin1: what is text and what is not is for the cell to say. Null is an empty cell without quotes. */
export interface CsvRecord {
  cells: (string | null)[];
  /** Of its beginning, from 1. */
  line: number;
  /** A quote that is not closed, or has text behind it. */
  fault: string | null;
}

/** A quote that is never closed would make the rest of the file one cell. */
const RECORD_MOST = 16 * 1024 * 1024;

/**
 * Records of RFC 4180, also with LF or CR alone. By chunks and without waiting: the tables are read by a loop that asks for
 * one row at a time, which a stream cannot answer; and the bytes of each cell are kept, for text that is not UTF-8.
 * @param chunks latin1
 */
export function* csvRecords(chunks: Iterable<string>, delimiter: string, file: string): Iterable<CsvRecord> {
  const reader = new Records(delimiter, file);
  for (const chunk of chunks) yield* reader.take(chunk);
  yield* reader.end();
}

const FIELD = 0, QUOTED = 1, AFTER_QUOTE = 2;

class Records {
  private record: CsvRecord = { cells: [], line: 1, fault: null };
  private cell = '';
  private state = FIELD;
  private wasQuoted = false;
  private line = 1;
  private size = 0;
  private afterReturn = false;

  private readonly delimiterCode: number;

  constructor(private readonly delimiter: string, private readonly file: string) {
    this.delimiterCode = delimiter.charCodeAt(0);
  }

  *take(chunk: string): Iterable<CsvRecord> {
    let at = 0;
    while (at < chunk.length) {
      if (this.state === QUOTED) {
        at = this.quoted(chunk, at);
        continue;
      }
      const sign = chunk[at] as string;
      const isSecond = this.afterReturn && sign === '\n';
      this.afterReturn = false;
      if (isSecond) {
        at += 1;
      } else if (sign === this.delimiter) {
        this.endCell();
        at += 1;
      } else if (sign === '\n' || sign === '\r') {
        this.afterReturn = sign === '\r';
        at += 1;
        yield* this.endRecord();
      } else at = this.unquoted(chunk, at, sign);
    }
  }

  *end(): Iterable<CsvRecord> {
    if (this.state === QUOTED) this.record.fault ??= 'a quote is not closed';
    if (this.cell !== '' || this.wasQuoted || this.record.cells.length > 0) yield* this.endRecord();
  }

  private quoted(chunk: string, at: number): number {
    const quote = chunk.indexOf('"', at);
    const end = quote === -1 ? chunk.length : quote;
    const part = chunk.slice(at, end);
    for (let next = part.indexOf('\n'); next !== -1; next = part.indexOf('\n', next + 1)) this.line += 1;
    this.add(part);
    if (quote === -1) return end;
    this.state = AFTER_QUOTE;
    return quote + 1;
  }

  private unquoted(chunk: string, at: number, sign: string): number {
    if (sign === '"' && this.state === AFTER_QUOTE) {
      this.add('"');
      this.state = QUOTED;
      return at + 1;
    }
    if (sign === '"' && this.cell === '' && !this.wasQuoted) {
      this.state = QUOTED;
      this.wasQuoted = true;
      return at + 1;
    }
    if (this.state === AFTER_QUOTE) {
      this.record.fault ??= 'text stands behind a closing quote';
      this.state = FIELD;
    }
    let end = at + 1;
    while (end < chunk.length) {
      const code = chunk.charCodeAt(end);
      if (code === 10 || code === 13 || code === this.delimiterCode) break;
      end += 1;
    }
    this.add(chunk.slice(at, end));
    return end;
  }

  private add(part: string): void {
    this.cell += part;
    this.size += part.length;
    if (this.size > RECORD_MOST) throw new SourceError('SOURCE_DAMAGED', `${this.file}: the record that begins in line ${this.record.line} is larger than 16 MiB; is a quote not closed? ${LEAVE_OUT}`);
  }

  private endCell(): void {
    this.record.cells.push(this.cell === '' && !this.wasQuoted ? null : this.cell);
    [this.cell, this.wasQuoted, this.state] = ['', false, FIELD];
  }

  private *endRecord(): Iterable<CsvRecord> {
    this.endCell();
    const done = this.record;
    this.line += 1;
    this.size = 0;
    this.record = { cells: [], line: this.line, fault: null };
    // An empty line is no record.
    if (done.cells.length > 1 || done.cells[0] !== null) yield done;
  }
}
