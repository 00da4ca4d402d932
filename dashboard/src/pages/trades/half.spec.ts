import { describe, expect, it } from '@jest/globals';
import { halfOf } from './half.js';

describe('half of a size', () => {
  it.each([
    ['0.1', '0.01', '0.01', '0.05'], ['0.03', '0.01', '0.01', '0.01'], ['0.01', '0.01', '0.01', null], ['0.02', '0.01', '0.02', null], ['5', '1', '1', '2'], ['1', '1', '1', null], ['100', '1', null, '50'],
    ['0.1', null, null, '0.05'], ['3', null, null, '1.5'], ['0.00000003', '0.00000001', null, '0.00000001'], ['0', '0.01', null, null], ['123456789012345.67', '0.01', '0.01', '61728394506172.83'],
  ])('of %s by steps of %s, at least %s, is %s', (size, step, least, half) => expect(halfOf(size, step, least)).toBe(half));
});
