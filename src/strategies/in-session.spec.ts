import { describe, expect, it } from '@jest/globals';
import { type Holiday, inSession, type SessionWindow, type Weekday } from './in-session.js';

const WEEK: Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri'];
const EVERY_DAY: Weekday[] = [...WEEK, 'sat', 'sun'];
const window = (zone: string, from: string, to: string, days: Weekday[] = WEEK): SessionWindow => ({ zone, from, to, days });
const at = (time: string, windows: SessionWindow[] | null, holidays: Holiday[] = []) => {
  const { open, nextChange } = inSession(windows, holidays, new Date(time));
  return [open ? 'open' : 'closed', nextChange?.toISOString().replace(':00.000Z', 'Z') ?? null];
};

describe('sessions', () => {
  const london = [window('Europe/London', '08:00', '16:30')];
  const newYork = [window('America/New_York', '09:30', '16:00')];
  const kolkata = [window('Asia/Kolkata', '09:15', '15:30')];

  it.each<[string, string, SessionWindow[], string, string]>([
    // The clocks of London go forward on 29 March 2026 and back on 25 October, those of New York on 8 March and 1 November.
    ['London on the Friday before spring', '2026-03-27T08:00Z', london, 'open', '2026-03-27T16:30Z'],
    ['London on the Monday after, an hour earlier', '2026-03-30T07:00Z', london, 'open', '2026-03-30T15:30Z'],
    ['London a second before that', '2026-03-30T06:59:59Z', london, 'closed', '2026-03-30T07:00Z'],
    ['London over that weekend', '2026-03-27T16:30Z', london, 'closed', '2026-03-30T07:00Z'],
    ['London on the Friday before autumn', '2026-10-23T15:29Z', london, 'open', '2026-10-23T15:30Z'],
    ['London over that weekend', '2026-10-23T15:30Z', london, 'closed', '2026-10-26T08:00Z'],
    ['New York before spring', '2026-03-06T14:30Z', newYork, 'open', '2026-03-06T21:00Z'],
    ['New York after spring', '2026-03-09T13:30Z', newYork, 'open', '2026-03-09T20:00Z'],
    ['New York before autumn', '2026-10-30T19:59Z', newYork, 'open', '2026-10-30T20:00Z'],
    ['New York after autumn', '2026-11-02T14:29Z', newYork, 'closed', '2026-11-02T14:30Z'],
    ['Kolkata in March, where no clock is changed', '2026-03-30T03:45Z', kolkata, 'open', '2026-03-30T10:00Z'],
    ['Kolkata in November', '2026-11-02T03:44Z', kolkata, 'closed', '2026-11-02T03:45Z'],
    ['the beginning, which is in', '2026-01-05T08:00Z', london, 'open', '2026-01-05T16:30Z'],
    ['the end, which is not', '2026-01-05T16:30Z', london, 'closed', '2026-01-06T08:00Z'],
    ['Saturday', '2026-01-10T12:00Z', london, 'closed', '2026-01-12T08:00Z'],
    ['two windows, between them', '2026-01-05T12:00Z', [window('UTC', '08:00', '11:00'), window('UTC', '13:00', '15:00')], 'closed', '2026-01-05T13:00Z'],
    ['two that touch, which are one', '2026-01-05T10:00Z', [window('UTC', '08:00', '11:00'), window('UTC', '11:00', '15:00')], 'open', '2026-01-05T15:00Z'],
    ['two in different zones that overlap', '2026-01-05T15:00Z', [...london, ...newYork], 'open', '2026-01-05T21:00Z'],
    ['a day until 24:00', '2026-01-05T23:59Z', [window('UTC', '00:00', '24:00', ['mon'])], 'open', '2026-01-06T00:00Z'],
    ['one day in the week, just after it', '2026-01-06T00:00Z', [window('UTC', '00:00', '24:00', ['mon'])], 'closed', '2026-01-12T00:00Z'],
    ['a working week without a break', '2026-01-05T00:00Z', [window('UTC', '00:00', '24:00')], 'open', '2026-01-10T00:00Z'],
    ['the day of a zone that is a day ahead', '2026-01-04T10:00Z', [window('Pacific/Kiritimati', '00:00', '12:00', ['mon'])], 'open', '2026-01-04T22:00Z'],
    ['before 1970', '1969-12-31T12:00Z', [window('UTC', '08:00', '16:30')], 'open', '1969-12-31T16:30Z'],
  ])('of %s', (_what, time, windows, state, next) => expect(at(time, windows)).toEqual([state, next]));

  describe('over midnight', () => {
    const night = [window('America/New_York', '18:00', '17:00', ['sun', 'mon', 'tue', 'wed', 'thu'])];

    it.each([
      ['begins on its day', '2026-01-04T23:00Z', 'open', '2026-01-05T22:00Z'],
      ['goes on after midnight', '2026-01-05T06:00Z', 'open', '2026-01-05T22:00Z'],
      ['that began on Thursday goes on through Friday, which has none of its own', '2026-01-09T21:59Z', 'open', '2026-01-09T22:00Z'],
      ['is closed on Friday evening', '2026-01-09T23:00Z', 'closed', '2026-01-11T23:00Z'],
      ['is an hour shorter when the clocks go forward in it', '2026-03-08T21:59Z', 'closed', '2026-03-08T22:00Z'],
    ])('%s', (_what, time, state, next) => expect(at(time, night)).toEqual([state, next]));

    it('of Sunday night has no tail on Sunday morning', () => {
      expect(at('2026-01-04T01:00Z', [window('UTC', '22:00', '02:00', ['sun'])])).toEqual(['closed', '2026-01-04T22:00Z']);
      expect(at('2026-01-05T01:00Z', [window('UTC', '22:00', '02:00', ['sun'])])).toEqual(['open', '2026-01-05T02:00Z']);
    });
  });

  describe('within the hour of the change', () => {
    const forward = (from: string, to: string) => [window('Europe/London', from, to, ['sun'])];

    it.each([
      // On 29 March 01:00 to 02:00 is skipped; on 25 October it comes twice, at 00:00 and at 01:00 UTC.
      ['a beginning that is skipped is the moment of the change', '2026-03-29T01:00Z', forward('01:30', '05:00'), 'open', '2026-03-29T04:00Z'],
      ['and not before it', '2026-03-29T00:59:59Z', forward('01:30', '05:00'), 'closed', '2026-03-29T01:00Z'],
      ['a window that is skipped does not open', '2026-03-29T01:00Z', forward('01:15', '01:45'), 'closed', '2026-04-05T00:15Z'],
      ['an end that is skipped is the moment of the change', '2026-03-29T00:30Z', forward('00:00', '01:30'), 'open', '2026-03-29T01:00Z'],
      ['of a beginning that comes twice the second counts', '2026-10-25T00:45Z', forward('01:30', '05:00'), 'closed', '2026-10-25T01:30Z'],
      ['of an end that comes twice the second counts', '2026-10-25T00:45Z', forward('00:00', '01:30'), 'open', '2026-10-25T01:30Z'],
      ['a window that comes twice opens once', '2026-10-25T00:20Z', forward('01:15', '01:45'), 'closed', '2026-10-25T01:15Z'],
    ])('%s', (_what, time, windows, state, next) => expect(at(time, windows)).toEqual([state, next]));
  });

  describe('on holidays', () => {
    const christmas: Holiday[] = [{ date: '2026-12-24', closesAt: '12:30' }, { date: '2026-12-25', closed: true }];
    const night = [window('Europe/London', '22:00', '04:00')];

    it.each<[string, string, SessionWindow[], string, string]>([
      ['close early', '2026-12-24T12:29Z', london, 'open', '2026-12-24T12:30Z'],
      ['do not open', '2026-12-24T12:30Z', london, 'closed', '2026-12-28T08:00Z'],
      ['are days of the zone', '2026-12-24T17:00Z', newYork, 'open', '2026-12-24T17:30Z'],
      ['do not open what begins after the early close', '2026-12-24T22:30Z', night, 'closed', '2026-12-28T22:00Z'],
      ['leave alone what began the evening before', '2026-12-24T03:00Z', night, 'open', '2026-12-24T04:00Z'],
    ])('%s', (_what, time, windows, state, next) => expect(at(time, windows, christmas)).toEqual([state, next]));

    it('cut a window over midnight at the early close of the day on which it began', () => {
      expect(at('2026-12-24T22:10Z', night, [{ date: '2026-12-24', closesAt: '22:30' }])).toEqual(['open', '2026-12-24T22:30Z']);
    });

    it('that close later than usual change nothing', () => {
      expect(at('2026-12-24T16:29Z', london, [{ date: '2026-12-24', closesAt: '23:00' }])).toEqual(['open', '2026-12-24T16:30Z']);
    });

    it('may close a fortnight', () => {
      const days = Array.from({ length: 14 }, (_, n): Holiday => ({ date: new Date(Date.UTC(2026, 11, 20 + n)).toISOString().slice(0, 10), closed: true }));
      expect(at('2026-12-19T12:00Z', [window('UTC', '08:00', '16:00', EVERY_DAY)], days)).toEqual(['open', '2026-12-19T16:00Z']);
      expect(at('2026-12-20T12:00Z', [window('UTC', '08:00', '16:00', EVERY_DAY)], days)).toEqual(['closed', '2027-01-03T08:00Z']);
    });
  });

  it('without windows are always open, and a week of whole days never closes', () => {
    expect(at('2026-01-05T00:00Z', null)).toEqual(['open', null]);
    expect(at('2026-01-05T00:00Z', [window('UTC', '00:00', '24:00', EVERY_DAY)])).toEqual(['open', null]);
    expect(at('2026-01-05T00:00Z', [])).toEqual(['closed', null]);
  });

  it('say the same at their next change and a moment before, over a year of changes', () => {
    const windows = [...london, ...newYork, ...kolkata, window('Europe/London', '23:30', '01:30', ['sat', 'sun'])];
    let time = new Date('2026-01-01T00:00:00Z');
    let changes = 0;
    for (let { open, nextChange } = inSession(windows, [], time); time.getUTCFullYear() === 2026 && nextChange; changes++) {
      expect(nextChange.getTime()).toBeGreaterThan(time.getTime());
      expect([nextChange.toISOString(), inSession(windows, [], new Date(nextChange.getTime() - 1)).open]).toEqual([nextChange.toISOString(), open]);
      time = nextChange;
      ({ open, nextChange } = inSession(windows, [], time));
    }
    expect(changes).toBeGreaterThan(700);
  });
});
