import { describe, expect, it } from '@jest/globals';
import { AddressList, isAddressRule, TRADINGVIEW_SENDERS } from './address-list.js';

describe('a rule of addresses', () => {
  it.each([
    ['203.0.113.7', true], ['203.0.113.0/24', true], ['0.0.0.0/0', true], ['2001:db8::1', true], ['2001:db8::/32', true], ['tradingview', true],
    ['203.0.113.0/33', false], ['2001:db8::/129', false], ['203.0.113.0/', false], ['203.0.113.0/08', false], ['203.0.113.0/-1', false], ['203.0.113.0/24/1', false],
    ['fe80::1%eth0', false], ['example.com', false], ['', false], ['*', false], ['10.0.0', false],
  ])('%s: %s', (rule, good) => expect(isAddressRule(rule)).toBe(good));
});

describe('a list of addresses', () => {
  it('has what its rules say, and nobody whose address is unknown', () => {
    const list = new AddressList(['tradingview', '203.0.113.0/24', '2001:db8::/32', '198.51.100.9']);
    for (const address of [...TRADINGVIEW_SENDERS, '203.0.113.0', '203.0.113.255', '2001:db8::1', '198.51.100.9']) expect([address, list.has(address)]).toEqual([address, true]);
    for (const address of ['203.0.112.255', '203.0.114.0', '2001:db9::1', '198.51.100.8', '::1', '', 'nonsense', null]) expect([address, list.has(address)]).toEqual([address, false]);
  });
});
