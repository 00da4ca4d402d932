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

/** What routing looks at of its source. Decimals are text. */
export interface RoutingSource {
  id: string;
  name: string;
  action: 'store' | 'idea' | 'command';
  executorAgentId: string | null;
  strategyId: string | null;
  maxAgeSeconds: number;
  defaults: SourceDefaults;
}

export interface SourceDefaults {
  lotSize: string | null;
  /** In the account's currency, or of its equity. */
  riskRule: { amount: string } | { fraction: string } | null;
  /** As a difference of prices, or of the price. */
  stopDistance: { price: string } | { fraction: string } | null;
  rewardToRisk: string | null;
  confidence: string | null;
  product: string | null;
}

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

