import { describe, expect, it } from '@jest/globals';
import { LagSamples, lsnOf } from './lag.js';

const sample = (lsn: bigint, atMs: number, timeline = 1) => ({ lsn, timeline, atMs, asOf: new Date(atMs).toISOString() });
const samplesOf = (...all: [bigint, number][]) => {
  const samples = new LagSamples();
  for (const [lsn, atMs] of all) samples.add(sample(lsn, atMs));
  return samples;
};

describe('a place in the log', () => {
  it.each([['0/0', 0n], ['0/1', 1n], ['1/0', 4_294_967_296n], ['16/B374D848', 97_500_059_720n], ['FFFFFFFF/FFFFFFFF', 18_446_744_073_709_551_615n]])('%s is %s', (text, number) => {
    expect(lsnOf(text)).toBe(number);
  });

  it.each([null, '', '1', '1/', '/1', 'x/1', '1/2/3', '123456789/1'])('%p is none', (text) => {
    expect(lsnOf(text)).toBeNull();
  });
});

describe('what a replica has reached', () => {
  it('is the newest moment whose place it has replayed', () => {
    const samples = samplesOf([10n, 1_000], [20n, 2_000], [30n, 3_000]);
    expect([9n, 10n, 19n, 20n, 30n, 99n].map((lsn) => samples.reached(lsn)?.atMs ?? null)).toEqual([null, 1_000, 1_000, 2_000, 3_000, 3_000]);
  });

  it('grows with the time while nothing happens: who has it all misses nothing', () => {
    expect(samplesOf([10n, 1_000], [10n, 60_000], [10n, 90_000]).reached(10n)?.atMs).toBe(90_000);
  });

  it('is not known before anything was looked at, and of another log', () => {
    expect(samplesOf().reached(5n)).toBeNull();
    expect(samplesOf([1_000n, 1_000], [5n, 2_000]).reached(1_000n)?.atMs).toBe(2_000);
    expect(samplesOf([1_000n, 1_000], [5n, 2_000]).reached(4n)).toBeNull();
  });

  it('is not known of a log that a promoted server goes on with, also beyond where the old one ended', () => {
    const samples = samplesOf([100n, 1_000], [110n, 2_000]);
    samples.add(sample(130n, 3_000, 2));
    expect([samples.reached(120n), samples.reached(130n)?.atMs]).toEqual([null, 3_000]);
  });

  it('may be more than the primary had', () => {
    const samples = samplesOf([100n, 1_000]);
    expect([99n, 100n, 101n].map((lsn) => samples.lacks(lsn))).toEqual([false, false, true]);
    samples.forget();
    expect([samples.lacks(101n), samples.reached(101n)]).toEqual([false, null]);
  });

  it('is forgotten after a quarter of an hour, but for the last moment before', () => {
    const samples = samplesOf([10n, 0], [20n, 100_000], [30n, 1_050_000]);
    expect([samples.reached(10n), samples.reached(20n)?.atMs]).toEqual([null, 100_000]);
  });
});
