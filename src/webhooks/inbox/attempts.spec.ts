import { describe, expect, it } from '@jest/globals';
import { conflict, Problem, unavailable } from '../../common/problem.js';
import { failureOf, pauseAfter } from './attempts.js';

const ofServer = (code: string) => Object.assign(new Error('words of the driver'), { code });

describe('the pause after failed attempts', () => {
  it.each([[1, 2], [2, 4], [5, 32], [6, 60], [7, 60]])('after %i is %i s', (attempts, seconds) => {
    expect(pauseAfter(attempts)).toBe(seconds);
  });
});

describe('what a turn threw', () => {
  it.each<[string, unknown, object]>([
    ['a refusal ends the alert', conflict('NO', 'No.'), { ends: true, code: 'NO', detail: 'No.' }],
    ['a refusal that may pass is an attempt', conflict('LATER', 'Later.', true), { ends: false, counts: true, pauseSeconds: 8 }],
    ['busy is none', unavailable('BUSY', 'Later.', 7), { ends: false, counts: false, pauseSeconds: 7 }],
    ['a limit of requests is none', new Problem(429, 'RATE_LIMITED', 'Slower.'), { ends: false, counts: false }],
    ['a lock is none', ofServer('55P03'), { ends: false, counts: false, code: 'DATABASE_BUSY' }],
    ['a lost connection is none', ofServer('ECONNRESET'), { ends: false, counts: false, code: 'DATABASE_BUSY' }],
    ['a statement that takes too long is an attempt', ofServer('57014'), { ends: false, counts: true, code: 'PROCESSING_FAILED' }],
    ['anything else is an attempt', new TypeError('x of undefined'), { ends: false, counts: true, code: 'PROCESSING_FAILED' }],
    ['what is no error too', 'thrown', { ends: false, counts: true, code: 'PROCESSING_FAILED' }],
  ])('%s', (_name, error, expected) => {
    const failure = failureOf(error, 2);
    expect(failure).toMatchObject(expected);
    expect(failure.detail).not.toContain('driver');
  });
});
