import type { Source } from '../sources/sources.repository.js';

/** What routing looks at of an alert. Times are RFC 3339. */
export interface RoutedAlert {
  id: string;
  /** 1, and one more for each redrive. */
  run: number;
  received_at: string;
  redriven_at: string | null;
  correlation_id: string | null;
  /** Of an earlier turn of this run, as it was answered with `again`; null before the first. */
  outcome: Record<string, unknown> | null;
}

/** What routing looks at of its source. */
export type RoutingSource = Pick<Source, 'id' | 'name' | 'action' | 'executorAgentId' | 'strategyId' | 'maxAgeSeconds' | 'defaults'>;

/** What was done with an alert, for good. */
export interface Finished {
  status: 'processed' | 'ignored' | 'expired' | 'failed' | 'quarantined';
  /** Null of what went as it should. */
  code: string | null;
  detail: string | null;
  outcome: Record<string, unknown>;
}

/** It waits for something; what was done so far stands in `outcome`, is committed, and is handed in again. */
export interface Again {
  again: { code: string; detail: string; inSeconds: number; /** As an attempt that failed. */ counts: boolean };
  outcome: Record<string, unknown>;
}

export type Routed = Finished | Again;

