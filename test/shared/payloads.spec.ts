import { describe, expect, it } from '@jest/globals';
import { mapSignal } from '../../src/webhooks/mapping/map-signal.js';
import type { Signal } from '../../src/webhooks/mapping/signal.js';
import { readAlert } from '../../src/webhooks/reading/read-alert.js';
import { ofNumber, ORDERS, QUARANTINED, type Recorded, recorded, shownAs } from './recorded.js';

const read = ({ body_raw, content_type }: Recorded) => readAlert(Buffer.from(body_raw), content_type ?? undefined, 'sigmatrader');

function answerTo(request: Recorded): Signal | { code: string } {
  const { payload, unreadable } = read(request);
  if (payload === null) return unreadable ?? { code: 'neither' };
  const mapped = mapSignal(payload, 'sigmatrader', {});
  return 'signal' in mapped ? mapped.signal : mapped;
}

describe('recorded requests', () => {
  it(recorded.length > 0 ? 'are all accounted for' : 'are not here: nothing was checked', () => {
    const numbers = [...ORDERS, ...QUARANTINED].flatMap(([each]) => each).sort((a, b) => a - b);
    if (recorded.length > 0) expect(numbers).toEqual(recorded.map(({ n }) => n));
  });

  if (recorded.length === 0) return;

  it.each(ORDERS.flatMap(([numbers, order]) => numbers.map((n): [number, string] => [n, order])))('%i is %s', (n, order) => {
    expect(shownAs(answerTo(ofNumber(n) as Recorded))).toBe(order);
  });

  it.each(QUARANTINED.flatMap(([numbers, code]) => numbers.map((n): [number, string] => [n, code])))('%i waits for a person: %s', (n, code) => {
    expect(shownAs(answerTo(ofNumber(n) as Recorded))).toBe(code);
  });

  it('keep stop and target of an entry, and leave the rest of its hints to a person', () => {
    expect(answerTo(ofNumber(48) as Recorded)).toMatchObject({ stopLoss: '1485', takeProfit: '1515', hints: { stop_type: 'SL-M', trail_enabled: 'true', trail_dist: '5.0' } });
    expect(answerTo(ofNumber(45) as Recorded)).toMatchObject({ position: { now: 'long', before: 'flat', size: '1', sizeBefore: '0' }, tag: 'ST_ENTRY_LONG', orderId: 'tv-order-v6-1' });
  });

  it('tell their secret, and keep none', () => {
    for (const request of recorded) {
      const { secrets, masked } = read(request);
      const told = /"secret"\s*:\s*"([^"]+)"/.exec(request.body_raw)?.[1];
      expect({ n: request.n, secrets }).toEqual({ n: request.n, secrets: told === undefined ? [] : [told] });
      if (told !== undefined) expect(masked.toString().includes(told)).toBe(false);
    }
  });

  it('repeat themselves where they repeated themselves there, and else never', () => {
    const keys = new Map<string, number[]>();
    for (const request of recorded) keys.set(read(request).key.text, [...(keys.get(read(request).key.text) ?? []), request.n]);
    const twice = [...keys.values()].filter(({ length }) => length > 1);
    // 59 was refused there for its secret, which is in no key; 60 is the same alert with the right one.
    expect(twice).toEqual([[1, 2], [23, 24], [46, 47], [59, 60]]);
    const deduped = recorded.filter((request) => request.observed_response?.status === 'deduped').map(({ n }) => n);
    expect(twice.map(([, second]) => second).slice(0, 3)).toEqual(deduped);
  });

  it('live for ever as keys where a bar time tells them apart, and else for a while: tomorrow they are new', () => {
    for (const request of recorded) {
      const { key } = read(request);
      expect({ n: request.n, expires: key.expires }).toEqual({ n: request.n, expires: !/"timestamp"\s*:\s*"20/.test(request.body_raw) });
    }
  });
});
