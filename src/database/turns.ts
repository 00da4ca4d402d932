/** A statement that takes longer no longer holds up the others: it may wait for a lock, or the database is far away. */
const ASIDE_MS = 3;
/** Who has waited longer goes first, however small: otherwise one heartbeat could wait for ever among many commands. */
const PATIENCE_MS = 10;

interface Waiting {
  since: number;
  rows: () => number;
  go: (done: () => void) => void;
}

/**
 * Lets merged statements go one after the other, the largest first: what comes meanwhile goes together in fewer, larger
 * ones. With 16 clients that made 0.5 statements for a cycle of enqueue, lease and complete instead of 0.85, and 1,800
 * cycles a second instead of 1,400; with 64 clients 2,700 instead of 2,400. First come, first served made 1,550.
 */
export class Turns {
  private taken = false;
  private readonly waiting: Waiting[] = [];

  /**
   * Resolves when it is the caller's turn, with what ends it.
   * @param rows how many would go along now
   */
  take(rows: () => number): Promise<() => void> {
    return new Promise((go) => {
      this.waiting.push({ since: performance.now(), rows, go });
      if (!this.taken) this.next();
    });
  }

  /** Whether somebody would go now, if this turn ended. */
  get isAwaited(): boolean {
    return this.waiting.length > 0;
  }

  private next(): void {
    const next = this.mostUrgent();
    this.taken = next !== undefined;
    if (!next) return;
    this.waiting.splice(this.waiting.indexOf(next), 1);
    let over = false;
    const end = () => {
      clearTimeout(timer);
      if (!over) this.next();
      over = true;
    };
    const timer = setTimeout(end, ASIDE_MS);
    next.go(end);
  }

  private mostUrgent(): Waiting | undefined {
    const [oldest] = this.waiting;
    if (!oldest || performance.now() - oldest.since > PATIENCE_MS) return oldest;
    return this.waiting.reduce((most, each) => (each.rows() > most.rows() ? each : most));
  }
}
