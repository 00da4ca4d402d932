import { Counter, Gauge, type Registry } from 'prom-client';

/** Makes a gauge of one scrape. */
export type GaugeOf = (name: string, help: string, labelNames?: string[]) => Gauge;

/** A count that the database keeps. */
export type CountOf = (name: string, help: string, value: number, labels?: Record<string, string>) => void;

export const gaugesOf = (registry: Registry): GaugeOf => (name, help, labelNames = []) => new Gauge({ name, help, labelNames, registers: [registry] });

export const countsOf = (registry: Registry): CountOf => {
  const made = new Map<string, Counter>();
  return (name, help, value, labels = {}) => {
    const counter = made.get(name) ?? new Counter({ name, help, labelNames: Object.keys(labels), registers: [registry] });
    made.set(name, counter);
    counter.inc(labels, value);
  };
};
