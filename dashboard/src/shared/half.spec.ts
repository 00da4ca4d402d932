import { describe, expect, it } from '@jest/globals';
import { halfOf } from './half.js';

describe('half of a position', () => {
  it.each([
    ['1', '0.01', '0.01', { half: '0.5' }],
    ['0.03', '0.01', '0.01', { half: '0.01' }],
    ['0.05', '0.02', '0.02', { half: '0.02' }],
    ['7', '1', '1', { half: '3' }],
    ['75', '25', '25', { half: '25' }],
    ['20', '1', '1', { half: '10' }],
    ['0.30000000', '0.1', '0.1', { half: '0.1' }],
    ['12345678901234567890.123456789', '0.000000001', '1', { half: '6172839450617283945.061728394' }],
    ['0.01', '0.01', '0.01', { whyNot: 'half of 0.01 is less than the size step 0.01' }],
    ['0.04', '0.01', '0.03', { whyNot: 'half of 0.04 is less than the smallest order 0.03' }],
    ['1', '0', '0.01', { whyNot: 'its size or its size step is not a plain number' }],
    ['1e2', '1', '1', { whyNot: 'its size or its size step is not a plain number' }],
  ])('of %s in steps of %s, at least %s', (size, sizeStep, minSize, answer) => {
    expect(halfOf(size, { sizeStep, minSize })).toEqual(answer);
  });
});
