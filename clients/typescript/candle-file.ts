import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parse } from 'csv-parse/sync';
import { parsePoints, type Instrument, type Points } from './instrument.js';

/** One candle of middle prices, in whole points of its instrument; `time` is its opening, epoch milliseconds. */
export interface Candle {
  time: number;
  open: Points;
  high: Points;
  low: Points;
  close: Points;
  spread: Points;
}

export interface CandleFile {
  candles: Candle[];
  /** SHA-256 of the bytes: the same file is the same replay, whatever it is called. */
  fingerprint: string;
}

/** What is wrong with a candle file, one line for each fault, each with its line number. */
export class CandleFileError extends Error {
  constructor(
    readonly file: string,
    readonly faults: string[],
  ) {
    super(`${file} cannot be replayed:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  }
}

type Row = { record: string[]; info: { lines: number } };
/** A spread of a twentieth of the price is no market, but another unit. */
const SPREADS_IN_PRICE_MIN = 20;

const COLUMNS = ['timestamp', 'open', 'high', 'low', 'close', 'volume', 'spread'] as const;
type Column = (typeof COLUMNS)[number];
const MAX_FAULTS = 5;
const TIME = /^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,3})\d*)?(?:Z|\+00:?00)?$/;

/** `YYYY-MM-DD HH:MM:SS` without a zone is UTC. @throws Error for another shape, another zone or a day that is none. */
export function parseCandleTime(text: string): number {
  const match = TIME.exec(text.trim());
  if (!match) throw new Error(`timestamp "${text.trim()}" is not YYYY-MM-DD HH:MM:SS in UTC`);
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, ...number[]];
  const time = Date.UTC(year, month! - 1, day, hour, minute, second, Number((match[7] ?? '0').padEnd(3, '0')));
  const back = new Date(time).toISOString();
  if (back.slice(0, 10) !== match.slice(1, 4).join('-') || back.slice(11, 19) !== match.slice(4, 7).join(':')) {
    throw new Error(`timestamp "${text.trim()}" is no time of the calendar`);
  }
  return time;
}

/** The first price of a file, to learn its magnitude before its digits are known; 1 where there is none. */
export function firstPrice(text: string): number {
  const [header, row] = text.replace(/^\uFEFF/, '').split(/\r?\n/, 2);
  const column = (header ?? '').split(',').findIndex((name) => name.trim().toLowerCase() === 'close');
  const price = Number((row ?? '').split(',')[column]);
  return Number.isFinite(price) && price > 0 ? price : 1;
}

/** EURUSD from `EURUSD_5min_2022.csv`; undefined when the name does not begin with six letters. */
export function symbolFromName(file: string): string | undefined {
  return /^([A-Za-z]{6})(?![A-Za-z])/.exec(basename(file))?.[1]?.toUpperCase();
}

/** Reads a file's bytes as text. @throws CandleFileError when it cannot be read. */
export function readCandleText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CandleFileError(file, [`it cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`]);
  }
}

/**
 * Checks and reads a candle file wholly before anything is traded on it.
 * @param assumedSpread points, used only for a file that has no spread column.
 * @throws CandleFileError naming the first five faults with their line numbers.
 */
export function parseCandles(file: string, text: string, instrument: Instrument, assumedSpread?: Points): CandleFile {
  const rows = readRows(file, text);
  const columns = findColumns(file, rows[0]?.record ?? [], assumedSpread !== undefined);
  const faults: string[] = [];
  const candles: Candle[] = [];
  let lastTime = -Infinity;
  let lastLine = 0;
  for (const { record, info } of rows.slice(1)) {
    if (faults.length === MAX_FAULTS) break;
    try {
      if (record.length !== rows[0]!.record.length) {
        throw new Error(`${record.length} values where the header has ${rows[0]!.record.length} columns`);
      }
      const candle = readCandle(record, columns, instrument, assumedSpread);
      if (candle.time === lastTime) throw new Error(`the same timestamp as line ${lastLine}`);
      if (candle.time < lastTime) throw new Error(`timestamp earlier than that of line ${lastLine}: not sorted`);
      lastTime = candle.time;
      lastLine = info.lines;
      candles.push(candle);
    } catch (error) {
      faults.push(`line ${info.lines}: ${(error as Error).message}`);
    }
  }
  if (faults.length === 0 && candles.length === 0) faults.push('line 2: there is no candle in it');
  if (faults.length > 0) throw new CandleFileError(file, faults);
  return { candles, fingerprint: createHash('sha256').update(text).digest('hex') };
}

function readRows(file: string, text: string): Row[] {
  try {
    const options = { bom: true, info: true, relax_column_count: true, skip_empty_lines: true } as const;
    return parse(text, options) as unknown as Row[];
  } catch (error) {
    const { lines, message } = error as { lines?: number; message: string };
    throw new CandleFileError(file, [`line ${lines ?? '?'}: ${message}`]);
  }
}

function findColumns(file: string, header: string[], spreadIsAssumed: boolean): Record<Column, number> {
  const names = header.map((name) => name.trim().toLowerCase());
  const faults: string[] = [];
  const found = {} as Record<Column, number>;
  for (const column of COLUMNS) {
    found[column] = names.indexOf(column);
    if (names.lastIndexOf(column) !== found[column]) faults.push(`line 1: the column "${column}" is there twice`);
    if (found[column] >= 0 || (column === 'spread' && spreadIsAssumed)) continue;
    const hint = column === 'spread' ? '; --spread <pips> assumes one' : '';
    faults.push(`line 1: the column "${column}" is missing${hint}`);
  }
  if (faults.length > 0) throw new CandleFileError(file, faults);
  return found;
}

function readCandle(record: string[], columns: Record<Column, number>, instrument: Instrument, spread?: Points): Candle {
  const cell = (column: Column): Points => {
    try {
      return parsePoints(record[columns[column]] ?? '', instrument);
    } catch (error) {
      throw new Error(`${column}: ${(error as Error).message}`, { cause: error });
    }
  };
  const time = parseCandleTime(record[columns.timestamp] ?? '');
  const candle = { time, open: cell('open'), high: cell('high'), low: cell('low'), close: cell('close') };
  for (const column of ['open', 'high', 'low', 'close'] as const) {
    if (candle[column] <= 0) throw new Error(`${column} is not above zero`);
  }
  if (candle.high < candle.low) throw new Error('high is below low');
  for (const column of ['open', 'close'] as const) {
    if (candle[column] > candle.high || candle[column] < candle.low) throw new Error(`${column} is outside low to high`);
  }
  if (!(Number(record[columns.volume]) >= 0) || record[columns.volume]!.trim() === '') {
    throw new Error(`volume: "${record[columns.volume]!.trim()}" is not a number from zero up`);
  }
  const paid = columns.spread < 0 ? spread! : cell('spread');
  if (paid < 0) throw new Error('spread is below zero');
  // MetaTrader exports spreads in points: taken for prices, 8 of them would put the bid below zero.
  if (paid * SPREADS_IN_PRICE_MIN > candle.close) throw new Error('spread is more than 5 % of the price: it is meant in units of price, such as 0.00008');
  return { ...candle, spread: paid };
}
