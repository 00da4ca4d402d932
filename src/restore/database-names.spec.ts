import { describe, expect, it } from '@jest/globals';
import { nameBefore } from './database-names.js';

describe('the name of a database that was live before', () => {
  it.each([
    ['tradewarden', 'tradewarden'],
    ['a'.repeat(63), 'a'.repeat(39)],
    // 62 bytes: cut by letters PostgreSQL would cut its end off, and what is told would not be what it is called.
    ['ü'.repeat(31), 'ü'.repeat(19)],
    ['Handel-"x"', 'Handel-"x"'],
  ])('of %s fits', (live, kept) => {
    const name = nameBefore(live, new Date('2026-01-31T02:00:00Z'));
    expect(name).toBe(`${kept}_before_20260131t020000z`);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
  });
});
