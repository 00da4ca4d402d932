import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CommitOrder } from './commit-order.js';

const rows = (...seqs: number[]) => seqs.map((seq) => ({ seq }));
const seqs = (taken: { seq: number }[]) => taken.map(({ seq }) => seq);

describe('rows of the log', () => {
  it.each<[string, number, number[], number[]]>([
    ['without a gap are all shown', 0, [1, 2, 3], [1, 2, 3]],
    ['behind a missing number are held back', 0, [1, 3, 4], [1]],
    ['are held back when the first is missing', 4, [6], []],
    ['begin behind where the reader is', 4, [5, 6, 8], [5, 6]],
  ])('%s', (_what, last, given, shown) => {
    const order = new CommitOrder(last);
    expect(order.skips(rows(...given))).toBe(false);
    expect(seqs(order.take(rows(...given)))).toEqual(shown);
    expect(order.seq).toBe(shown.at(-1) ?? last);
  });

  it('go on past numbers that will never come, and no further', () => {
    const order = new CommitOrder(1);
    order.clear(5);
    expect(order.skips(rows(2, 3, 4))).toBe(false);
    expect(order.skips(rows(4, 6, 8))).toBe(true);
    expect(seqs(order.take(rows(4, 6, 8)))).toEqual([4, 6]);
    expect(seqs(order.take(rows(8)))).toEqual([]);
    order.clear(3);
    expect(order.isCleared(5)).toBe(true);
  });
});

/** Writers as PostgreSQL has them: numbers are drawn at once, rows are seen from the commit on, in any order. */
class World {
  private next = 1;
  private readonly open = new Map<number, number[]>();
  readonly committed = new Set<number>();
  private writersMade = 0;

  begin(): void {
    this.open.set(++this.writersMade, []);
  }

  /** In the transaction of `pick`, as a part of all that are open. */
  draw(pick: number): void {
    this.at(pick)?.[1].push(this.next++);
  }

  end(pick: number, commit: boolean): void {
    const one = this.at(pick);
    if (!one) return;
    if (commit) for (const seq of one[1]) this.committed.add(seq);
    this.open.delete(one[0]);
  }

  private at(pick: number): [number, number[]] | undefined {
    return [...this.open][Math.floor(pick * this.open.size)];
  }

  writers(): number[] {
    return [...this.open].filter(([, drawn]) => drawn.length > 0).map(([id]) => id);
  }

  isOpen = (writer: number) => this.open.has(writer);

  after(seq: number, limit: number) {
    return rows(...[...this.committed].filter((each) => each > seq).sort((a, b) => a - b).slice(0, limit));
  }
}

describe('a reader beside any number of writers', () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant('begin' as const) }),
    fc.record({ what: fc.constant('draw' as const), pick: fc.double({ min: 0, max: 0.999, noNaN: true }) }),
    fc.record({ what: fc.constant('end' as const), pick: fc.double({ min: 0, max: 0.999, noNaN: true }), commit: fc.boolean() }),
    fc.record({ what: fc.constant('look' as const), limit: fc.integer({ min: 1, max: 4 }) }),
  );

  it('sees every row that was committed once and in order, and waits for nobody who came later', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const world = new World();
      const order = new CommitOrder(0);
      const shown: number[] = [];
      let gap: { upTo: number; writers: number[] } | null = null;
      const look = (limit: number) => {
        if (gap && !gap.writers.some(world.isOpen)) {
          order.clear(gap.upTo);
          gap = null;
        }
        const found = world.after(order.seq, limit);
        const taken = order.take(found);
        shown.push(...seqs(taken));
        const held = found[taken.length];
        if (held && !(gap && gap.upTo >= held.seq)) gap = { upTo: found.at(-1)?.seq ?? 0, writers: world.writers() };
      };
      for (const each of [...steps, ...Array.from({ length: 100 }, () => ({ what: 'end' as const, pick: 0, commit: true })), ...Array.from({ length: 400 }, () => ({ what: 'look' as const, limit: 3 }))]) {
        if (each.what === 'begin') world.begin();
        if (each.what === 'draw') world.draw(each.pick);
        if (each.what === 'end') world.end(each.pick, each.commit);
        if (each.what === 'look') look(each.limit);
      }
      expect(shown).toEqual([...world.committed].sort((a, b) => a - b));
    }), { numRuns: 2_000 });
  });
});
