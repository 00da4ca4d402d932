import { describe, expect, it } from '@jest/globals';
import { after, pauseAfter } from './attempts.js';

const refused = { target: 'a', reason: 'no', isRefused: true };
const away = { target: 'a', reason: 'away', isRefused: false };

describe('after an attempt', () => {
  it.each<[string, Parameters<typeof after>, ReturnType<typeof after>]>([
    ['that reached all it is sent', [{ reached: ['a'], failures: [], said: '' }, 1, 0], { status: 'sent', fault: null }],
    ['that reached nobody it waits', [{ reached: [], failures: [away], said: '' }, 1, 0], { status: 'waiting', fault: 'away', inSeconds: 5 }],
    ['that reached nobody for long it waits two minutes at most', [{ reached: [], failures: [away], said: '' }, 40, 0], { status: 'waiting', fault: 'away', inSeconds: 120 }],
    ['that was refused it waits', [{ reached: [], failures: [refused], said: '' }, 9, 0], { status: 'waiting', fault: 'no', inSeconds: 120 }],
    ['that was refused ten times it is given up', [{ reached: [], failures: [refused], said: '' }, 10, 0], { status: 'given_up', fault: 'no' }],
    ['that reached some, the others refusing, it is sent', [{ reached: ['b'], failures: [refused], said: '' }, 1, 0], { status: 'sent', fault: 'no' }],
    ['that reached some, the others being away, it waits', [{ reached: ['b'], failures: [away], said: '' }, 4, 0], { status: 'waiting', fault: 'away', inSeconds: 40 }],
    ['that reached some before, the others being away for long, it is sent', [{ reached: [], failures: [away], said: '' }, 5, 1], { status: 'sent', fault: 'away' }],
    ['that asked for time it waits so long', [{ reached: [], failures: [{ ...away, retryAfterSeconds: 300 }], said: '' }, 1, 0], { status: 'waiting', fault: 'away', inSeconds: 300 }],
    ['that asked for a night it waits an hour', [{ reached: [], failures: [{ ...away, retryAfterSeconds: 40_000 }], said: '' }, 1, 0], { status: 'waiting', fault: 'away', inSeconds: 3_600 }],
  ])('%s', (_what, given, expected) => {
    expect(after(...given)).toEqual(expected);
  });

  it('pauses grow', () => {
    expect([1, 2, 3, 4, 5, 6].map(pauseAfter)).toEqual([5, 10, 20, 40, 80, 120]);
  });
});
