import { Counter, Gauge, type Registry } from 'prom-client';

/** A figure that is read at each scrape; null where there is none to say. */
export function gauge(registry: Registry, name: string, help: string, read: () => number | null): void {
  new Gauge({
    name, help, registers: [registry],
    collect() {
      const value = read();
      // prom-client begins with a 0 that nobody read.
      if (value === null) this.remove();
      else this.set(value);
    },
  });
}

/** The same of a count that somebody else keeps. */
export function counter(registry: Registry, name: string, help: string, read: () => number | null): void {
  new Counter({
    name, help, registers: [registry],
    collect() {
      const value = read();
      if (value === null) return this.remove();
      this.reset();
      this.inc(value);
    },
  });
}
