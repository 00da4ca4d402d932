/** A place in the primary's log, and when it was there. */
export interface Sample {
  lsn: bigint;
  /** Which history the log is of: every promotion begins a new one, from a place that the old one may have passed. */
  timeline: number;
  /** Milliseconds by this process's own clock, which nobody sets back. */
  atMs: number;
  /** By the primary's clock. */
  asOf: string;
}

/** Older ones tell nothing that matters: a replica so far behind is of no use, and is said to be "at least" that far. */
const KEPT_MS = 900_000;

/** `16/B374D848`: two halves of 32 bits in hexadecimal digits. */
export function lsnOf(text: string | null): bigint | null {
  const [, high, low] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text ?? '') ?? [];
  return high === undefined || low === undefined ? null : (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/**
 * How old what a replica shows is: what was in the primary's log at a moment, and is replayed, is at least of that moment. The
 * time of the last transaction that was replayed says less: on a database where nothing happens it grows, and nothing is missing.
 */
export class LagSamples {
  private samples: Sample[] = [];

  /** A place that did not move replaces its earlier time: whoever has it has everything up to now. A log that went back, or that a promoted server goes on with, is another one. */
  add(sample: Sample): void {
    const last = this.samples.at(-1);
    if (last && (sample.lsn < last.lsn || sample.timeline !== last.timeline)) this.samples = [];
    if (last?.lsn === sample.lsn) this.samples.pop();
    this.samples.push(sample);
    while (this.samples[1] && this.samples[1].atMs < sample.atMs - KEPT_MS) this.samples.shift();
  }

  /** Whether that place lies beyond all that the primary had: of a replica it was asked for before the primary, or it has what nobody else has. */
  lacks(replayed: bigint): boolean {
    const last = this.samples.at(-1);
    return last !== undefined && last.lsn < replayed;
  }

  forget(): void {
    this.samples = [];
  }

  /** The newest moment that is whole there; null: not known, since it is behind everything that was looked at. */
  reached(replayed: bigint): Sample | null {
    return this.samples.findLast(({ lsn }) => lsn <= replayed) ?? null;
  }
}
