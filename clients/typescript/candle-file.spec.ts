import { describe, expect, it } from '@jest/globals';
import { CandleFileError, firstPrice, parseCandles, parseCandleTime, symbolFromName } from './candle-file.js';
import { instrumentFor } from './instrument.js';

const EURUSD = instrumentFor('EURUSD');
const HEADER = 'timestamp,open,high,low,close,volume,spread';
const ROW = '2022-08-18 00:00:00,1.017765,1.01816,1.017445,1.01815,2692.459984652698,5.197309417039507e-05';
const NEXT = '2022-08-18 00:05:00,1.0182950000000002,1.018345,1.01811,1.0183,1661.78,5.167e-05';

const parse = (...lines: string[]) => parseCandles('x.csv', `${lines.join('\n')}\n`, EURUSD);

function faultsOf(...lines: string[]): string[] {
  try {
    parse(...lines);
  } catch (error) {
    return (error as CandleFileError).faults;
  }
  return [];
}

const rowWith = (change: Record<number, string>) =>
  NEXT.split(',').map((value, index) => change[index] ?? value).join(',');

describe('a candle file', () => {
  it('is read with its times as UTC and its prices without dust', () => {
    expect(parse(HEADER, ROW, NEXT).candles).toEqual([
      { time: Date.UTC(2022, 7, 18), open: 1017765, high: 1018160, low: 1017445, close: 1018150, spread: 52 },
      { time: Date.UTC(2022, 7, 18, 0, 5), open: 1018295, high: 1018345, low: 1018110, close: 1018300, spread: 52 },
    ]);
  });

  it('may have its columns in another order, CRLF line ends, a byte order mark and further columns', () => {
    const text = '\uFEFFspread,close,low,high,open,timestamp,volume,extra\r\n0.0001,1.1,1.0,1.2,1.05,2022-01-01T00:00:00Z,5,x\r\n';
    expect(parseCandles('x.csv', text, EURUSD).candles).toEqual([
      { time: Date.UTC(2022, 0, 1), open: 1050000, high: 1200000, low: 1000000, close: 1100000, spread: 100 },
    ]);
  });

  it.each(['timestamp', 'open', 'high', 'low', 'close', 'volume', 'spread'])('without the column %s is refused', (column) => {
    const keep = HEADER.split(',').map((name, index) => ({ name, index })).filter(({ name }) => name !== column);
    const cut = (line: string) => keep.map(({ index }) => line.split(',')[index]).join(',');
    expect(faultsOf(cut(HEADER), cut(ROW)).join()).toContain(`line 1: the column "${column}" is missing`);
  });

  it.each([
    ['a price that is not a number', { 1: 'NaN' }, 'line 3: open: "NaN" is not a number'],
    ['an empty price', { 4: '' }, 'line 3: close: "" is not a number'],
    ['an infinite price', { 2: 'inf' }, 'line 3: high: "inf" is not a number'],
    ['a price of zero', { 3: '0' }, 'line 3: low is not above zero'],
    ['a high below the low', { 2: '1.0181', 3: '1.0182' }, 'line 3: high is below low'],
    ['an open above the high', { 1: '1.02' }, 'line 3: open is outside low to high'],
    ['a close below the low', { 4: '1.01' }, 'line 3: close is outside low to high'],
    ['a volume that is not a number', { 5: 'NaN' }, 'line 3: volume: "NaN" is not a number from zero up'],
    ['a negative volume', { 5: '-1' }, 'line 3: volume: "-1" is not a number from zero up'],
    ['an empty spread', { 6: '' }, 'line 3: spread: "" is not a number'],
    ['a negative spread', { 6: '-0.0001' }, 'line 3: spread is below zero'],
    ['a spread in points', { 6: '8' }, 'line 3: spread is more than 5 % of the price: it is meant in units of price, such as 0.00008'],
    ['the time of the row before', { 0: '2022-08-18 00:00:00' }, 'line 3: the same timestamp as line 2'],
    ['an earlier time', { 0: '2022-08-17 23:55:00' }, 'line 3: timestamp earlier than that of line 2: not sorted'],
    ['a time in another shape', { 0: '18.08.2022 00:05' }, 'line 3: timestamp "18.08.2022 00:05" is not YYYY-MM-DD HH:MM:SS in UTC'],
    ['a day that the calendar does not have', { 0: '2022-09-31 00:05:00' }, 'line 3: timestamp "2022-09-31 00:05:00" is no time of the calendar'],
  ] as const)('with %s names the line', (_name, change, fault) => {
    expect(faultsOf(HEADER, ROW, rowWith(change))).toEqual([fault]);
  });

  it('with a row cut short names the line', () => {
    expect(faultsOf(HEADER, ROW, '2022-08-18 00:05:00,1.01')).toEqual(['line 3: 2 values where the header has 7 columns']);
  });

  it('with an open quotation mark names the line', () => {
    expect(faultsOf(HEADER, ROW, '"2022-08-18 00:05:00,1').join()).toMatch(/^line \d+: /);
  });

  it('without candles is refused', () => {
    expect(faultsOf(HEADER)).toEqual(['line 2: there is no candle in it']);
    expect(faultsOf('').length).toBeGreaterThan(0);
  });

  it('with many faults names the first five', () => {
    const bad = Array.from({ length: 9 }, (_, i) => rowWith({ 0: `2022-08-18 01:0${i}:00`, 1: 'NaN' }));
    expect(faultsOf(HEADER, ...bad).map((fault) => fault.split(':')[0])).toEqual(['line 2', 'line 3', 'line 4', 'line 5', 'line 6']);
  });

  it('is the same replay under any name, and another one with one byte changed', () => {
    const print = (...lines: string[]) => parse(...lines).fingerprint;
    expect(print(HEADER, ROW)).toBe(print(HEADER, ROW));
    expect(print(HEADER, ROW)).not.toBe(print(HEADER, ROW, NEXT));
  });
});

describe('a candle time', () => {
  it('is never read in the zone of the machine', () => {
    expect(parseCandleTime('2022-03-27 02:30:00')).toBe(Date.UTC(2022, 2, 27, 2, 30));
    expect(parseCandleTime('2022-03-27 02:30:00.5')).toBe(Date.UTC(2022, 2, 27, 2, 30, 0, 500));
  });

  it.each(['2022-03-27 02:30:00+02:00', '2022-03-27', '', '2022-03-27 25:00:00', '1661990400'])('is not guessed from %p', (text) => {
    expect(() => parseCandleTime(text)).toThrow();
  });
});

describe('what a file is about', () => {
  it('comes from its name and its first price', () => {
    expect(symbolFromName('/data/EURUSD_5min_2022.csv')).toBe('EURUSD');
    expect(symbolFromName('candles.csv')).toBeUndefined();
    expect(firstPrice(`${HEADER}\n${ROW}\n`)).toBe(1.01815);
    expect(firstPrice('')).toBe(1);
  });
});
