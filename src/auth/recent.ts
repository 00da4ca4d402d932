import { performance } from 'node:perf_hooks';

/** Half of the second within which a revocation holds on every instance. */
const RECENT_MS = 500;
/** Only what was found is kept, so this is a number of keys and sessions in use, not of credentials that were tried. */
const KEPT_MOST = 10_000;

/**
 * What was looked up a moment ago: a busy agent makes hundreds of requests a second, and each would ask the database
 * who it is. What nobody has is looked up every time.
 */
export class Recent<T extends object> {
  private readonly known = new Map<string, { value: T; until: number }>();
  private generation = 0;

  async get(key: string, lookUp: () => Promise<T | null>): Promise<T | null> {
    const known = this.known.get(key);
    if (known && known.until > performance.now()) return known.value;
    const began = { generation: this.generation, at: performance.now() };
    const value = await lookUp();
    // What was read before a change must not outlive the change.
    if (value && began.generation === this.generation) this.keep(key, value, began.at + RECENT_MS);
    else this.known.delete(key);
    return value;
  }

  /** Something has changed: from here on everything is looked up anew. */
  forget(): void {
    this.generation += 1;
    this.known.clear();
  }

  private keep(key: string, value: T, until: number): void {
    if (this.known.size >= KEPT_MOST) this.known.clear();
    this.known.set(key, { value, until });
  }
}
