import { Gauge, type Registry } from 'prom-client';
import { PART_LEVELS } from './parts.js';
import type { SystemMonitor } from './system-monitor.service.js';

/** Nothing while nobody looks: a 0 in its place would say that all is well. */
export function describeMonitor(registry: Registry, { status, suspension, known }: SystemMonitor['seen']): void {
  if (!known || status === null) return;
  const registers = [registry];
  const parts = new Gauge({ name: 'tradewarden_system_part_level', help: 'How each part of the system is: 0 well, 1 warning, 2 critical; the same on every instance: take max(), not sum().', labelNames: ['part'], registers });
  for (const { name, level } of status.parts) parts.set({ part: name }, PART_LEVELS.indexOf(level));
  new Gauge({ name: 'tradewarden_openings_suspended', help: 'Whether the system holds openings while parts of it fail; the same on every instance: take max(), not sum().', registers }).set(suspension === null ? 0 : 1);
}
