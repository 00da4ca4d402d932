import { describe, expect, it } from '@jest/globals';
import { bySecond, digitsOf, endOf, type Moment, outside, placeOf, withMoments } from './chart-data.js';

const at = (second: number, ms = 0) => new Date(second * 1_000 + ms).toISOString();
const moment = (second: number): Moment => ({ at: at(second), sign: 'x', text: 'x', colour: 'text', shape: 'circle' });

describe('what is drawn', () => {
  it('has one thing for each second, the last, in order of time', () => {
    expect(bySecond([{ at: at(2), n: 1 }, { at: at(1), n: 2 }, { at: at(2, 500), n: 3 }]).map(({ time, row }) => [time, row.n])).toEqual([[1, 2], [2, 3]]);
  });

  it.each([[59, null], [60, 60], [119, 60], [120, 120], [179, 120], [180, 120], [181, null]])('marks second %s at %s', (second, place) => expect(placeOf(at(second), [60, 120], endOf([60, 120]))).toBe(place));

  it('marks nothing where nothing is drawn', () => expect(placeOf(at(1), [], endOf([]))).toBeNull());

  it('says how many moments lie outside of it', () => {
    const candles = [60, 120].map((second) => ({ at: at(second), open: '1', high: '1', low: '1', close: '1' }));
    expect([outside({ candles, moments: [moment(0), moment(70), moment(500)] }), outside({ moments: [moment(1)] }), outside({})]).toEqual([2, 1, 0]);
  });
});

describe('a sum with moments', () => {
  it('stands at a moment as it stood then, and before the first exit at nothing', () => {
    const points = withMoments([{ at: at(10), value: '5' }, { at: at(30), value: '-2' }], [moment(5), moment(10), moment(20), moment(40)], '0');
    expect(points.map(({ value }) => value)).toEqual(['0', '5', '5', '5', '-2', '-2']);
  });
});

it.each([[['1.10', '1.105', null], 3], [['100', '5.0'], 0], [[], 0], [['0.123456789012345'], 10]])('prices %j have %s digits', (values, digits) => expect(digitsOf(values)).toBe(digits));
