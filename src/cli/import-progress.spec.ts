import { describe, expect, it } from '@jest/globals';
import { watchFor } from './import-progress.js';

describe('the progress of an import', () => {
  it.each([
    ['an import, which reads each row twice', 2, 'trades: 500 of 2,000 rows, 100 rows/s, 15 s left\n'],
    ['a proof alone', 1, 'trades: 500 of 1,000 rows, 100 rows/s, 5 s left\n'],
  ] as const)('says how far it is: %s', (_, reads, said) => {
    let now = 0;
    const lines: unknown[] = [];
    const watch = watchFor({ write: (line) => lines.push(line) }, () => now);
    watch.begins([{ name: 'trades', rows: 900 }, { name: 'predictions', rows: 100 }], reads);
    now = 5_000;
    watch.rows('trades', 500);
    expect(lines).toEqual([said]);
  });
});
