import { hash } from 'node:crypto';

/** By the first 12 bits of the old row's own hash: as even as can be, and both sides have it. */
const BUCKETS = 4096;
export const bucketOf = (hashed: Uint8Array): number => ((hashed[0] ?? 0) << 4) | ((hashed[1] ?? 0) >> 4);
/** SQL */
export const bucketSql = (hashed: string) => `(get_byte(${hashed}, 0) * 16 + (get_byte(${hashed}, 1) >> 4))`;

/** SQL: 64 bits of the SHA-256 of a text, as a number that is added up. */
export const digestSql = (text: string) => `('x' || encode(substr(sha256(convert_to(${text}, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint`;

/**
 * Rows of one table, as sums over buckets: of a million rows 4,096 numbers are compared. High and low half are added apart,
 * since numbers are exact up to 2^53: two million rows in one bucket.
 */
export class Side {
  rows = 0;
  private readonly counts = new Uint32Array(BUCKETS);
  private readonly high = new Float64Array(BUCKETS);
  private readonly low = new Float64Array(BUCKETS);

  add(bucket: number, text: string): void {
    // As text: a Buffer of each row's own took three times as long, and its memory is not the heap's to free.
    const digest = hash('sha256', text, 'hex');
    this.rows += 1;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.high[bucket] = (this.high[bucket] ?? 0) + (parseInt(digest.slice(0, 8), 16) | 0);
    this.low[bucket] = (this.low[bucket] ?? 0) + parseInt(digest.slice(8, 16), 16);
  }

  /** Where the other side has something else. */
  differing(theirs: readonly BucketRow[]): Set<number> {
    const found = new Set<number>();
    const there = new Map(theirs.map((row) => [row.bucket, row]));
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const row = there.get(bucket);
      // Of most tables nearly all are empty on both sides.
      if (row === undefined && this.counts[bucket] === 0) continue;
      if ((row?.rows ?? 0) !== this.counts[bucket] || BigInt(row?.digest ?? 0) !== this.sum(bucket)) found.add(bucket);
    }
    return found;
  }

  private sum(bucket: number): bigint {
    return BigInt(this.high[bucket] ?? 0) * 4_294_967_296n + BigInt(this.low[bucket] ?? 0);
  }
}

export interface BucketRow {
  bucket: number;
  rows: number;
  /** Of `digestSql`. */
  digest: string;
}
