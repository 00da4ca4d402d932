import { setTimeout as pause } from 'node:timers/promises';
import { type ProcessorShare, type ProcessorTime, shareBetween } from './processor-time.js';

/** Somebody who does cycles, as many at a time as there are loops. */
export interface Contender {
  name: string;
  loops: number;
  /** Called before each measurement, and not measured. */
  ready?(): Promise<void>;
  /** One cycle of this loop, to its end. */
  cycle(loop: number): Promise<void>;
}

export interface Measured {
  perSecond: number;
  cycles: number;
  share: ProcessorShare;
}

/**
 * Milliseconds of processor time for one cycle, of everybody who takes part. Where other programs have the machine, this
 * says more than cycles a second.
 */
export const processorMsOf = ({ perSecond, share }: Measured): number => (10 * (share.server + share.postgres + share.client)) / perSecond;

/** Between two measurements, so that what one left behind (a commit, a timer) is not counted for the next. */
const SETTLE_MS = 200;

/** Cycles a second, all loops together, from the first start to the last end. */
export async function measure(contender: Contender, seconds: number, look: () => ProcessorTime): Promise<Measured> {
  await contender.ready?.();
  const before = look();
  const until = performance.now() + seconds * 1000;
  let cycles = 0;
  const loop = async (_: unknown, number: number) => {
    do {
      await contender.cycle(number);
      cycles += 1;
    } while (performance.now() < until);
  };
  await Promise.all(Array.from({ length: contender.loops }, loop));
  const after = look();
  await pause(SETTLE_MS);
  return { perSecond: (1000 * cycles) / (after.at - before.at), cycles, share: shareBetween(before, after) };
}

/**
 * Measures all of them in each round, beginning with another one each time: what slows the machine for a while then
 * meets everybody.
 */
export async function rounds(contenders: Contender[], count: number, seconds: number, look: () => ProcessorTime, begin: (round: number) => Promise<void>): Promise<Map<string, Measured[]>> {
  const results = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < count; round++) {
    await begin(round);
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(i + round) % contenders.length] as Contender;
      results.get(contender.name)?.push(await measure(contender, seconds, look));
    }
  }
  return results;
}
