import { describe, expect, it } from '@jest/globals';
import { networkOf, plainAddress } from './origin.js';

describe('the address of a caller', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'], ['::ffff:192.0.2.1', '192.0.2.1'], ['192.0.2.1:51234', '192.0.2.1'], ['[2001:db8::1]:443', '2001:db8::1'], ['[2001:db8::1]', '2001:db8::1'],
    ['2001:db8::1', '2001:db8::1'], ['unknown', null], ['', null], ["'; drop table auth_audit; --", null], ['192.0.2.1, 192.0.2.2', null], ['999.0.2.1', null], ['x'.repeat(9_000), null],
  ])('in one spelling: %#', (given, plain) => expect(plainAddress(given)).toBe(plain));
});

describe('the network of a caller', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
    ['unknown', 'unknown'],
  ])('of %s is %s', (address, network) => expect(networkOf(address)).toBe(network));

  it('of nobody is nothing', () => expect(networkOf(null)).toBe(''));
});
