interface Numbered {
  seq: number;
}

/**
 * Which rows of the log may be shown. Numbers are drawn before the commit, so a row may come to light after rows with
 * higher numbers: a row is shown when every number below it has been shown or will never come. Then whoever has seen
 * a number has seen all below it, and goes on from there without a gap.
 */
export class CommitOrder {
  /** Below or at this number, what is not there will never come. */
  private clearedTo: number;

  /** @param seq the last number that was shown */
  constructor(private last: number) {
    this.clearedTo = last;
  }

  get seq(): number {
    return this.last;
  }

  /** Everyone who could still fill a number up to this one has ended: what a read from now on does not find is no more. */
  clear(upTo: number): void {
    this.clearedTo = Math.max(this.clearedTo, upTo);
  }

  isCleared(seq: number): boolean {
    return seq <= this.clearedTo;
  }

  /** How many of these rows, read in order from behind the last one, may be shown now. */
  private showable(rows: readonly Numbered[]): number {
    let last = this.last;
    const stop = rows.findIndex(({ seq }) => {
      const next = seq === last + 1 || this.isCleared(seq - 1);
      last = seq;
      return !next;
    });
    return stop === -1 ? rows.length : stop;
  }

  /** Whether showing what may be shown of these rows gives a number up for good. */
  skips(rows: readonly Numbered[]): boolean {
    const count = this.showable(rows);
    return count > 0 && (rows[count - 1]?.seq ?? 0) - this.last !== count;
  }

  /** Takes the rows that may be shown off the front. */
  take<R extends Numbered>(rows: readonly R[]): R[] {
    const shown = rows.slice(0, this.showable(rows));
    this.last = shown.at(-1)?.seq ?? this.last;
    return shown;
  }
}
