import { describe, expect, it } from '@jest/globals';
import { Merged } from './merged.js';

interface Ask {
  key: string;
  n: number;
}

/** Statements that were run, and a hand on when they end. */
function recorder(answer: (asks: readonly Ask[]) => number[] = (asks) => asks.map(({ n }) => n)) {
  const statements: Ask[][] = [];
  const gates: (() => void)[] = [];
  let held = false;
  const run = async (asks: readonly Ask[]) => {
    statements.push([...asks]);
    if (held) await new Promise<void>((resolve) => gates.push(resolve));
    return answer(asks);
  };
  return { statements, run, hold: () => (held = true), release: () => { held = false; gates.splice(0).forEach((go) => go()); } };
}

const asks = (...keys: string[]): Ask[] => keys.map((key, n) => ({ key, n }));
const turn = () => new Promise((resolve) => setImmediate(resolve));
const keysOf = (statements: Ask[][]) => statements.map((rows) => rows.map(({ key }) => key));
const pgError = (code: string, message = 'no') => Object.assign(new Error(message), { code });

describe('merged statements', () => {
  it('runs the first request at once, and merges what arrives meanwhile into the next', async () => {
    const { statements, run, hold, release } = recorder();
    const merged = new Merged(run, { keyOf: ({ key }: Ask) => key });
    hold();
    const first = merged.do({ key: 'a', n: 1 });
    await turn();
    const rest = asks('b', 'c', 'd').map((ask) => merged.do(ask));
    await turn();
    expect(keysOf(statements)).toEqual([['a']]);
    release();
    expect([await first, ...(await Promise.all(rest))]).toEqual([1, 0, 1, 2]);
    expect(keysOf(statements)).toEqual([['a'], ['b', 'c', 'd']]);
  });

  it('answers each request with its own row, whatever the order', async () => {
    const { run } = recorder((given) => given.map(({ n }) => n * 10));
    const merged = new Merged(run, { keyOf: ({ key }: Ask) => key });
    const answers = await Promise.all(asks('d', 'b', 'a', 'c').map((ask) => merged.do(ask)));
    expect(answers).toEqual([0, 10, 20, 30]);
  });

  it('sorts the rows of a statement by their lock key', async () => {
    const { statements, run } = recorder();
    const merged = new Merged(run, { keyOf: ({ key }: Ask) => key });
    await Promise.all(asks('d', 'b', 'a', 'c').map((ask) => merged.do(ask)));
    expect(keysOf(statements)).toEqual([['a', 'b', 'c', 'd']]);
  });

  it('puts at most one request of a key into a statement; the next one follows', async () => {
    const { statements, run } = recorder();
    const merged = new Merged(run, { keyOf: ({ key }: Ask) => key });
    expect(await Promise.all(asks('a', 'a', 'b', 'a').map((ask) => merged.do(ask)))).toEqual([0, 1, 2, 3]);
    expect(statements.map((rows) => rows.map(({ n }) => n))).toEqual([[0, 2], [1], [3]]);
  });

  it('gives readers of one key the same answer from one row', async () => {
    const { statements, run } = recorder();
    const merged = new Merged(run, { keyOf: ({ key }: Ask) => key, sharesAnswers: true });
    expect(await Promise.all(asks('a', 'b', 'a').map((ask) => merged.do(ask)))).toEqual([0, 1, 0]);
    expect(keysOf(statements)).toEqual([['a', 'b']]);
  });

  it('splits a statement that fails until the bad row stands alone', async () => {
    const { statements, run } = recorder((given) => {
      if (given.some(({ key }) => key === 'e')) throw pgError('22P02');
      return given.map(({ n }) => n);
    });
    const merged = new Merged(run, { keyOf: ({ key }: Ask) => key });
    const settled = await Promise.allSettled(asks('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h').map((ask) => merged.do(ask)));
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
    expect(statements.length).toBeLessThanOrEqual(1 + 2 * 3);
  });

  it('does not send again what may have committed: when the connection is lost, all of the statement fail', async () => {
    const { statements, run } = recorder(() => { throw pgError('57P01'); });
    const merged = new Merged(run, { keyOf: ({ key }: Ask) => key });
    const settled = await Promise.allSettled(asks('a', 'b', 'c').map((ask) => merged.do(ask)));
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(statements).toHaveLength(1);
  });

  it('runs a deadlocked statement again, three times at most: it was rolled back', async () => {
    let deadlocks = 2;
    const { statements, run } = recorder((given) => {
      if (deadlocks-- > 0) throw pgError('40P01');
      return given.map(({ n }) => n);
    });
    const merged = new Merged(run, { keyOf: ({ key }: Ask) => key });
    expect(await Promise.all(asks('a', 'b').map((ask) => merged.do(ask)))).toEqual([0, 1]);
    expect(statements).toHaveLength(3);
    deadlocks = 9;
    await expect(merged.do({ key: 'a', n: 1 })).rejects.toThrow('no');
    expect(statements).toHaveLength(6);
  });

  it('goes on after a failure, and bounds a statement', async () => {
    let fail = true;
    const { statements, run } = recorder((given) => {
      if (fail) throw pgError('57P01');
      return given.map(({ n }) => n);
    });
    const merged = new Merged(run, { keyOf: ({ key }: Ask) => key });
    await expect(merged.do({ key: 'a', n: 1 })).rejects.toThrow('no');
    fail = false;
    const many = Array.from({ length: 450 }, (_, n) => ({ key: `k${n}`, n }));
    expect(await Promise.all(many.map((ask) => merged.do(ask)))).toEqual(many.map(({ n }) => n));
    expect(statements.slice(1).map((rows) => rows.length)).toEqual([200, 200, 50]);
  });

  it('treats a statement that answers too few rows as failed, not as done', async () => {
    const merged = new Merged(async () => [], { keyOf: ({ key }: Ask) => key });
    await expect(merged.do({ key: 'a', n: 1 })).rejects.toThrow('1 rows were asked for and 0 answered');
  });
});
