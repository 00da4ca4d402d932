import { performance } from 'node:perf_hooks';

/** Half of the second within which a revocation holds on every instance. */
const RECENT_MS = 500;
/** What is still asked for then is looked up anew before it runs out, so that a busy client waits for no look-up: each took 0.7 ms of a request. */
const RENEWED_MS = 300;
/** After the request that found it growing old: their statements go one after the other. */
const OUT_OF_THE_WAY_MS = 20;
/** Only what was found is kept, so this is a number of keys and sessions in use, not of credentials that were tried. */
const KEPT_MOST = 10_000;

interface Known<T> {
  value: T;
  until: number;
  /** Or will be in a moment. */
  isRenewed: boolean;
}

/**
 * What was looked up a moment ago: a busy agent makes hundreds of requests a second, and each would ask the database
 * who it is. What nobody has is looked up every time.
 */
export class Recent<T extends object> {
  private readonly known = new Map<string, Known<T>>();
  private generation = 0;

  async get(key: string, lookUp: () => Promise<T | null>): Promise<T | null> {
    const known = this.known.get(key);
    const now = performance.now();
    if (!known || known.until <= now) return this.lookUp(key, lookUp);
    if (known.until - now <= RECENT_MS - RENEWED_MS && !known.isRenewed) {
      known.isRenewed = true;
      // One that fails is left to the next request, which hears of it.
      setTimeout(() => void this.lookUp(key, lookUp).catch(() => undefined), OUT_OF_THE_WAY_MS).unref();
    }
    return known.value;
  }

  private async lookUp(key: string, lookUp: () => Promise<T | null>): Promise<T | null> {
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
    this.known.set(key, { value, until, isRenewed: false });
  }
}
