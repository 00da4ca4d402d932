import type { Direction } from './strategy.js';
import type { Points } from './instrument.js';

/** What is predicted: that a crossing, or the hourly lean between crossings, is right in its direction. */
export type Claim = `${'cross' | 'lean'}:${Direction}`;

/** Plain JSON for the state file. */
export interface TrackRecord {
  /** Claims whose horizon has not come yet, oldest first. */
  waiting: { claim: Claim; entry: Points; dueIndex: number }[];
  /** For each claim its last outcomes, oldest first: "1" right, "0" wrong. */
  outcomes: Partial<Record<Claim, string>>;
}

/** One hour of five-minute candles. */
export const HORIZON_CANDLES = 12;
const REMEMBERED = 200;
/** Ten imagined coin tosses stand before the first outcome, so that a few lucky ones do not look like certainty. */
const IMAGINED = 10;

export function emptyTrackRecord(): TrackRecord {
  return { waiting: [], outcomes: {} };
}

/**
 * Confidence is a measured frequency and nothing else: of the last 200 claims of this kind and direction whose horizon
 * has passed, the share that was right, with five right and five wrong ones added. Right means that the price at the
 * horizon paid for the spread. So it starts at 0.5000, and for a strategy without an edge it stays below 0.5.
 * @returns a decimal text with four places.
 */
export function confidenceOf(record: TrackRecord, claim: Claim): string {
  const outcomes = record.outcomes[claim] ?? '';
  const right = [...outcomes].filter((outcome) => outcome === '1').length;
  return ((right + IMAGINED / 2) / (outcomes.length + IMAGINED)).toFixed(4);
}

/** Outcomes counted so far behind a claim's confidence. */
export function outcomesBehind(record: TrackRecord, claim: Claim): number {
  return record.outcomes[claim]?.length ?? 0;
}

/** Notes a claim at the quote it could have been traded at: a long at the ask, a short at the bid. */
export function noteClaim(record: TrackRecord, claim: Claim, quote: { bid: Points; ask: Points }, index: number): TrackRecord {
  const entry = claim.endsWith('long') ? quote.ask : quote.bid;
  return { ...record, waiting: [...record.waiting, { claim, entry, dueIndex: index + HORIZON_CANDLES }] };
}

/** Scores what is due at this candle: a long is sold on the bid, a short bought back on the ask. */
export function scoreDue(record: TrackRecord, quote: { bid: Points; ask: Points }, index: number): TrackRecord {
  const due = record.waiting.filter(({ dueIndex }) => dueIndex <= index);
  if (due.length === 0) return record;
  const outcomes = { ...record.outcomes };
  for (const { claim, entry } of due) {
    const right = claim.endsWith('long') ? quote.bid > entry : quote.ask < entry;
    outcomes[claim] = ((outcomes[claim] ?? '') + (right ? '1' : '0')).slice(-REMEMBERED);
  }
  return { waiting: record.waiting.filter(({ dueIndex }) => dueIndex > index), outcomes };
}
