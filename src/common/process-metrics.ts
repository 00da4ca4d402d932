import { readdirSync } from 'node:fs';
import { constants, monitorEventLoopDelay, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { gauge } from './gauge.js';

const EVENT_LOOP_RESOLUTION_MS = 20;
const GC_KINDS: Record<number, string> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major', [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental', [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

/**
 * The process under the names that dashboards for Node look for. Not prom-client's own collection: that one cannot be
 * stopped (its timer and its observer outlive the application), says NaN for an event loop that was not looked at
 * since the last scrape, and counts one collection of garbage where several are reported at once.
 */
export class ProcessMetrics {
  private readonly delay = monitorEventLoopDelay({ resolution: EVENT_LOOP_RESOLUTION_MS });
  private readonly garbage: PerformanceObserver;

  constructor(registry: Registry) {
    const registers = [registry];
    gauge(registry, 'process_start_time_seconds', 'Start time of the process since the Unix epoch.', () => Math.floor(performance.timeOrigin / 1000));
    gauge(registry, 'process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
    gauge(registry, 'nodejs_heap_size_total_bytes', 'Heap that V8 has taken.', () => process.memoryUsage().heapTotal);
    gauge(registry, 'nodejs_heap_size_used_bytes', 'Heap in use.', () => process.memoryUsage().heapUsed);
    gauge(registry, 'nodejs_external_memory_bytes', 'Memory outside the heap, of buffers and native objects.', () => process.memoryUsage().external);
    gauge(registry, 'process_open_fds', 'Open file descriptors; left out where there is no /proc.', openFiles);
    this.cpu(registers);
    this.eventLoop(registers);
    this.garbage = observeGarbage(registers);
    this.delay.enable();
  }

  private cpu(registers: Registry[]): void {
    for (const [kind, read] of [['user', () => process.cpuUsage().user], ['system', () => process.cpuUsage().system]] as const) {
      new Counter({
        name: `process_cpu_${kind}_seconds_total`, help: `CPU time, ${kind}.`, registers,
        collect() {
          this.reset();
          this.inc(read() / 1e6);
        },
      });
    }
    new Counter({
      name: 'process_cpu_seconds_total', help: 'CPU time, user and system.', registers,
      collect() {
        const { user, system } = process.cpuUsage();
        this.reset();
        this.inc((user + system) / 1e6);
      },
    });
  }

  private eventLoop(registers: Registry[]): void {
    const { delay } = this;
    const seconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - EVENT_LOOP_RESOLUTION_MS / 1e3);
    const shown = [['p50', () => delay.percentile(50)], ['p90', () => delay.percentile(90)], ['p99', () => delay.percentile(99)], ['max', () => delay.max]] as const;
    shown.forEach(([name, read], i) => {
      new Gauge({
        name: `nodejs_eventloop_lag_${name}_seconds`, registers,
        help: `By how much turns of the event loop came late since the last scrape, whoever made it: ${name}.`,
        collect() {
          if (delay.count === 0) return this.remove();
          this.set(seconds(read()));
          // Gauges are asked in the order in which they were made.
          if (i === shown.length - 1) delay.reset();
        },
      });
    });
  }

  stop(): void {
    this.delay.disable();
    this.garbage.disconnect();
  }
}

function openFiles(): number | null {
  try {
    // Reading the folder opens it.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return null;
  }
}

function observeGarbage(registers: Registry[]): PerformanceObserver {
  const durations = new Histogram({
    name: 'nodejs_gc_duration_seconds', help: 'Duration of garbage collections by kind.', labelNames: ['kind'], buckets: [0.001, 0.01, 0.1, 1], registers,
  });
  const observer = new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries() as (PerformanceEntry & { detail?: { kind?: number } })[]) {
      durations.observe({ kind: GC_KINDS[detail?.kind ?? -1] ?? 'other' }, duration / 1000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return observer;
}
