import { describe, expect, it } from '@jest/globals';
import { type Caused, inOrder, type StepType } from './in-order.js';
import { expectWithin, timeOf } from '../../test/support/timing.js';

const step = (key: string, second: number, after: string[] = [], type: StepType = 'command'): Caused => ({
  key, after, step: { type, id: key, at: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString(), summary: key, data: {} },
});
const order = (...steps: Caused[]) => inOrder(steps).map(({ id }) => id).join(' ');

describe('the steps of a chain', () => {
  it.each<[string, string, Caused[]]>([
    ['by time, where nothing leads to anything', 'a b c', [step('c', 3), step('a', 1), step('b', 2)]],
    ['causes first, whatever the clocks say', 'idea command fill', [step('fill', 1, ['command']), step('command', 5, ['idea']), step('idea', 4)]],
    ['causes of one effect by time', 'b a effect', [step('effect', 1, ['a', 'b']), step('a', 9), step('b', 8)]],
    ['as they usually come, where the clock cannot tell', 'idea decision command', [step('command', 1), step('decision', 1, [], 'decision'), step('idea', 1, [], 'idea')]],
    ['without a cause that is not there', 'a', [step('a', 1, ['gone'])]],
    ['each once, when causes go in a circle', 'b a c', [step('a', 1, ['b']), step('b', 2, ['a']), step('c', 3, ['a', 'b'])]],
    ['and one that names itself', 'a b', [step('b', 2), step('a', 1, ['a'])]],
  ])('stand %s', (_how, expected, steps) => {
    expect(order(...steps)).toBe(expected);
    expect(order(...[...steps].reverse())).toBe(expected);
  });

  it('are ordered at once when there are thousands', async () => {
    const many = Array.from({ length: 6_000 }, (_each, n) => step(`s${n}`, n % 50, n % 3 === 0 ? [] : [`s${n - 1}`]));
    await expectWithin(1_000, () => timeOf(async () => expect(inOrder(many)).toHaveLength(6_000)));
  });
});
