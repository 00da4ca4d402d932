import { setTimeout as pause } from 'node:timers/promises';
import { expect } from '@jest/globals';

/** A busy machine takes so many times as long. What comes too late in a broken program comes later by far, or never. */
const BUSY = 5;
/** Nothing is waited for less than that: a process may stand still for seconds at any line. */
const AT_LEAST_MS = 30_000;

/**
 * Waits until the condition holds; answers how long that took in milliseconds.
 * @param timeoutMs within which it holds on a machine that does nothing else
 */
export async function until(condition: () => Promise<boolean> | boolean, timeoutMs: number): Promise<number> {
  const started = performance.now();
  const mostMs = Math.max(timeoutMs * BUSY, AT_LEAST_MS);
  while (!(await condition())) {
    if (performance.now() - started > mostMs) throw new Error(`still not so after ${mostMs} ms`);
    await pause(5);
  }
  return performance.now() - started;
}

const MEASURED_MOST = 3;

/**
 * Measures until it is in time once. A slow moment of the machine proves nothing; a program that is late, is late each time.
 * @param measure answers in how many milliseconds what is to be quick was done
 */
export async function expectWithin(mostMs: number, measure: () => Promise<number>): Promise<void> {
  const took: number[] = [];
  while (took.length < MEASURED_MOST && !took.some((ms) => ms < mostMs)) took.push(await measure());
  expect(Math.min(...took)).toBeLessThan(mostMs);
}

/** In how many milliseconds it is done. */
export async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
