import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compareUnsigned, Exact } from './decimal.js';
import { decimal } from './fields.js';

const digits = (max: number) => fc.bigInt({ min: 0n, max: 10n ** BigInt(max) - 1n }).map(String);
const unsigned = fc.tuple(fc.oneof(fc.constant('0'), digits(2), digits(20)), fc.oneof(fc.constant(''), digits(2), digits(18)))
  .map(([whole, behind]) => new Exact(behind === '' ? whole : `${whole}.${behind}`).toFixed());

describe('two decimals', () => {
  it('compare as their values do', () => {
    fc.assert(fc.property(unsigned, unsigned, (one, other) => Math.sign(compareUnsigned(one, other)) === new Exact(one).comparedTo(other)), { numRuns: 2_000 });
  });

  it.each([['1.1', '1.10001', -1], ['9', '10', -1], ['10.5', '10.45', 1], ['0.000000000000000001', '0', 1], ['100', '100', 0], ['0.3', '0.29', 1]])('such as %s and %s: %s', (one, other, expected) => {
    expect(Math.sign(compareUnsigned(one, other))).toBe(expected);
  });
});

describe('a decimal that is sent', () => {
  it('has one spelling and one verdict, whether or not anything was computed', () => {
    const wide = { min: '0', max: '100000000000000000000000' };
    const sent = fc.tuple(fc.constantFrom('', '+', '-', ' '), fc.stringMatching(/^[0-9]{1,21}(\.[0-9]{0,19})?$/)).map((parts) => parts.join(''));
    fc.assert(fc.property(sent, (text) => {
      const computed = decimal(wide).safeParse(text);
      const plain = decimal({ min: '0' }).safeParse(text);
      const above = decimal({ above: '0' }).safeParse(text);
      return plain.success === computed.success && plain.data === computed.data && above.success === (computed.success && !new Exact(computed.data).isZero()) && (!above.success || above.data === computed.data);
    }), { numRuns: 2_000 });
  });
});
