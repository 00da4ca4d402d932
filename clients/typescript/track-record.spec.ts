import { describe, expect, it } from '@jest/globals';
import { confidenceOf, emptyTrackRecord, HORIZON_CANDLES, noteClaim, outcomesBehind, scoreDue } from './track-record.js';

const quote = (bid: number, ask: number) => ({ bid, ask });

describe('confidence', () => {
  it('is a half before anything has been measured', () => {
    expect(confidenceOf(emptyTrackRecord(), 'cross:long')).toBe('0.5000');
  });

  it('counts a long right only when the bid at the horizon is above the ask at the claim', () => {
    const noted = noteClaim(emptyTrackRecord(), 'cross:long', quote(100, 110), 0);
    const early = scoreDue(noted, quote(500, 510), HORIZON_CANDLES - 1);
    expect(outcomesBehind(early, 'cross:long')).toBe(0);
    expect(confidenceOf(scoreDue(noted, quote(111, 121), HORIZON_CANDLES), 'cross:long')).toBe('0.5455');
    expect(confidenceOf(scoreDue(noted, quote(110, 120), HORIZON_CANDLES), 'cross:long')).toBe('0.4545');
  });

  it('counts a short right only when the ask at the horizon is below the bid at the claim', () => {
    const noted = noteClaim(emptyTrackRecord(), 'lean:short', quote(100, 110), 0);
    expect(confidenceOf(scoreDue(noted, quote(89, 99), HORIZON_CANDLES), 'lean:short')).toBe('0.5455');
    expect(confidenceOf(scoreDue(noted, quote(90, 100), HORIZON_CANDLES), 'lean:short')).toBe('0.4545');
  });

  it('keeps each kind and direction apart, and scores each claim once', () => {
    const noted = noteClaim(emptyTrackRecord(), 'cross:long', quote(100, 110), 0);
    const scored = scoreDue(scoreDue(noted, quote(200, 210), 12), quote(200, 210), 13);
    expect(outcomesBehind(scored, 'cross:long')).toBe(1);
    expect(confidenceOf(scored, 'cross:short')).toBe('0.5000');
  });

  it('looks back two hundred outcomes', () => {
    let record = emptyTrackRecord();
    for (let i = 0; i < 300; i++) record = noteClaim(record, 'lean:long', quote(100, 110), 0);
    record = scoreDue(record, quote(200, 210), 99);
    expect(outcomesBehind(record, 'lean:long')).toBe(200);
    expect(confidenceOf(record, 'lean:long')).toBe('0.9762');
  });
});
