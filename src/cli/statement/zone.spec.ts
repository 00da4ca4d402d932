import { describe, expect, it } from '@jest/globals';
import { instantsOf, zoneOf } from './zone.js';

const at = (zone: string, local: string) => {
  const found = zoneOf(zone);
  return found && instantsOf(Date.parse(`${local}Z`), found).map((instant) => new Date(instant).toISOString().slice(0, 16));
};

describe('a local time', () => {
  it.each([
    ['UTC', '2026-01-05T10:00', ['2026-01-05T10:00']], ['+02:00', '2026-01-05T10:00', ['2026-01-05T08:00']], ['-0330', '2026-01-05T10:00', ['2026-01-05T13:30']], ['Etc/GMT+2', '2026-01-05T10:00', ['2026-01-05T12:00']],
    ['Europe/Athens', '2026-01-05T10:00', ['2026-01-05T08:00']], ['Europe/Athens', '2026-07-05T10:00', ['2026-07-05T07:00']], ['Asia/Kolkata', '2026-07-05T10:00', ['2026-07-05T04:30']],
    ['America/New_York+7', '2026-01-05T00:00', ['2026-01-04T22:00']], ['America/New_York+7', '2026-03-20T00:00', ['2026-03-19T21:00']],
    ['Europe/Athens', '2026-03-29T03:30', []], ['Europe/Athens', '2026-10-25T03:30', ['2026-10-25T00:30', '2026-10-25T01:30']],
  ])('in %s, %s, is %j', (zone, local, expected) => {
    expect(at(zone, local)).toEqual(expected);
  });

  it.each(['Moon/Base', '', '+15:00', 'Europe/Athens+99', '2', '+'])('in %j is nowhere', (zone) => {
    expect(zoneOf(zone)).toBeNull();
  });
});
