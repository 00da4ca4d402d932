import { describe, expect, it } from '@jest/globals';
import { differingFields, factsOf, hashOf } from './request-facts.js';

describe('the facts of a request', () => {
  it('leave out what was not said', () => {
    expect(factsOf({ lotSize: '0.1', exchange: null, product: undefined, used: false })).toEqual({ lotSize: '0.1', used: false });
  });

  it('have one hash, however they are ordered', () => {
    expect(hashOf({ a: '1', b: [{ price: '2', sizeFraction: '1' }] })).toBe(hashOf({ b: [{ sizeFraction: '1', price: '2' }], a: '1' }));
    expect(hashOf({ a: '1' })).not.toBe(hashOf({ a: '2' }));
  });

  it.each([
    ['nothing', { a: '1' }, { a: '1' }, []],
    ['another value', { a: '1', b: '2' }, { a: '1', b: '3' }, ['b']],
    ['one that is missing', { a: '1', b: '2' }, { a: '1' }, ['b']],
    ['one that came to it', { a: '1' }, { a: '1', c: '2', b: '2' }, ['b', 'c']],
    ['inside a list', { a: [{ p: '1', s: '1' }] }, { a: [{ s: '1', p: '2' }] }, ['a']],
    ['only the order of keys', { a: [{ p: '1', s: '1' }] }, { a: [{ s: '1', p: '1' }] }, []],
  ])('differ in %s', (_name, first, second, expected) => {
    expect(differingFields(first, second)).toEqual(expected);
  });
});
