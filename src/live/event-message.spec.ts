import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { EventRow } from '../events/event-log.repository.js';
import { eventMessage, heartbeatMessage, idOf, positionOf } from './event-message.js';

describe('an id', () => {
  it('is read back as what it was made of', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 999_999_999_999_999 }), fc.integer({ min: 1, max: 8_999_999_999_999_999 }), (seq, atUs) => {
      expect(positionOf(idOf({ seq, atUs }))).toEqual({ seq, atUs });
    }));
    expect(positionOf(idOf({ seq: 0, atUs: 0 }))).toEqual({ seq: 0, atUs: 0 });
  });

  it.each(['', ' ', '5', '-5', '5-', '05-5', '5-05', '5-5-5', '5-5 ', '0-0', '00', '1e3-1', '9999999999999999-1', '1-9999999999999999', '５-５', `5-${'1'.repeat(40)}`, "5'--", 'null', 'NaN-NaN'])('is not %j', (text) => {
    expect(positionOf(text)).toBeNull();
  });
});

describe('a message', () => {
  const row: EventRow = { seq: 7, at: '2026-01-02T03:04:05.678Z', at_us: 1_767_323_045_678_901, type: 'a.b', agent_id: null, account_id: null, subject_id: null, actor: 'system', correlation_id: null, data: '{"n": 1.00000000000000000001}' };

  it('is lines that no text of an event can add to', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), (text, value) => {
      fc.pre(text.isWellFormed());
      const message = eventMessage({ ...row, actor: text, correlation_id: text, data: JSON.stringify({ value }) }).toString();
      const lines = message.split(/\r\n|\r|\n/);
      expect(lines.map((line) => line.slice(0, line.indexOf(':')))).toEqual(['id', 'event', 'data', '', '']);
      const { value: stored } = (JSON.parse(lines[2]?.slice(6) ?? '') as { data: { value: unknown } }).data;
      expect(JSON.stringify(stored)).toBe(JSON.stringify(value));
    }));
  });

  it('keeps the digits of numbers that JavaScript would lose', () => {
    expect(eventMessage(row).toString()).toContain('"data":{"n": 1.00000000000000000001}}\n\n');
  });
});

describe('a heartbeat', () => {
  it('says whether everything was told that has been committed, and where to go on from', () => {
    expect(heartbeatMessage(900, null).toString()).toBe(': current\n\n');
    expect(heartbeatMessage(3_000, { seq: 4, atUs: 5 }).toString()).toBe(': current\nid: 4-5\n\n');
    expect(heartbeatMessage(12_400, null).toString()).toBe(': behind 12 s\n\n');
    expect(heartbeatMessage(Infinity, null).toString()).toBe(': behind\n\n');
  });
});
