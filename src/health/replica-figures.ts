import { Counter, Gauge, type Registry } from 'prom-client';
import type { FallbackReason } from '../database/replica/replica.service.js';

/** @param lagSeconds null: not known, and so not said */
export function describeReplica(registers: Registry[], lagSeconds: number | null, fallbacks: ReadonlyMap<FallbackReason, number>): void {
  if (lagSeconds !== null) new Gauge({ name: 'tradewarden_replica_lag_seconds', help: 'How old what the replica shows is at most, as this instance sees it; absent while that is not known.', registers }).set(lagSeconds);
  const counter = new Counter({ name: 'tradewarden_replica_fallbacks_total', help: 'Reports that this instance read from the primary, by what was wrong with the replica: unknown, away, behind, failed.', labelNames: ['reason'], registers });
  for (const [reason, count] of fallbacks) counter.inc({ reason }, count);
}
