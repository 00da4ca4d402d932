import { describe, expect, it } from '@jest/globals';
import { leadOf, upperBound } from './newest-first.js';

describe('the lead of a newest-first list', () => {
  it.each([
    [{ agent_id: 'a', status: 'open' }, 'agent_id', ['a'], 'agent_id desc,'],
    [{ agent_id: null, status: 'open' }, 'status', ['open'], 'status desc,'],
    [{ symbol: 'EURUSD' }, 'true', [true], ''],
    [{}, 'true', [true], ''],
  ])('for %j is %s', (filter, column, values, order) => {
    expect(leadOf(['agent_id', 'status'], filter)).toMatchObject({ column, values, order });
  });

  it('leaves the other filters to be asked for, and is not asked for twice', () => {
    const { rest } = leadOf(['agent_id', 'status'], { agent_id: 'a', status: 'open' });
    expect([rest('agent_id'), rest('status'), rest('symbol')]).toEqual([null, 'open', null]);
  });
});

describe('the upper bound of a window', () => {
  const place = { at: '2026-01-15 00:00:00.000001+00', seq: '9' };
  it.each([
    [undefined, null, { to: null, at: null, seq: null }],
    ['2026-02-01T00:00:00Z', null, { to: '2026-02-01T00:00:00Z', at: null, seq: null }],
    [undefined, place, { to: null, ...place }],
    ['2026-02-01T00:00:00Z', place, { to: null, ...place }],
    ['2026-01-01T00:00:00Z', place, { to: '2026-01-01T00:00:00Z', at: null, seq: null }],
  ])('%s after %j', (to, after, expected) => {
    expect(upperBound(to, after)).toEqual(expected);
  });
});
