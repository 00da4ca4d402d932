import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Turns } from './turns.js';

/** Asks for a turn and notes when it comes. */
function ask(turns: Turns, came: string[], name: string, rows = 1): Promise<() => void> {
  return turns.take(() => rows).then((done) => {
    came.push(name);
    return done;
  });
}

let turns: Turns;
let came: string[];
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
  turns = new Turns();
  came = [];
});
afterEach(() => {
  jest.useRealTimers();
});
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  it('come one after the other, the one with most rows first', async () => {
    const first = ask(turns, came, 'first');
    const others = [ask(turns, came, 'one row', 1), ask(turns, came, 'nine rows', 9), ask(turns, came, 'five rows', 5)];
    await settled();
    expect([came, turns.isAwaited]).toEqual([['first'], true]);
    (await first)();
    (await (others[1] as Promise<() => void>))();
    (await (others[2] as Promise<() => void>))();
    (await (others[0] as Promise<() => void>))();
    expect(came).toEqual(['first', 'nine rows', 'five rows', 'one row']);
    expect(turns.isAwaited).toBe(false);
    (await ask(turns, came, 'later'))();
  });

  it('pass by the small one for 10 ms at most', async () => {
    const first = ask(turns, came, 'first');
    await settled();
    const small = ask(turns, came, 'small', 1);
    await jest.advanceTimersByTimeAsync(2);
    let done = await first;
    for (let n = 0; n < 20 && !came.includes('small'); n++) {
      const large = ask(turns, came, `large ${n}`, 50);
      done();
      done = await Promise.race([large, small]);
      await jest.advanceTimersByTimeAsync(2);
    }
    expect(came.indexOf('small')).toBeGreaterThan(3);
    expect(came.indexOf('small')).toBeLessThan(8);
  });

  it('do not wait for one that takes longer than 3 ms, nor give two turns for it', async () => {
    const stuck = ask(turns, came, 'stuck');
    const others = [ask(turns, came, 'a'), ask(turns, came, 'b')];
    await settled();
    await jest.advanceTimersByTimeAsync(3);
    expect(came).toEqual(['stuck', 'a']);
    (await stuck)();
    await settled();
    expect(came).toEqual(['stuck', 'a']);
    (await (others[0] as Promise<() => void>))();
    await settled();
    expect(came).toEqual(['stuck', 'a', 'b']);
  });
});
