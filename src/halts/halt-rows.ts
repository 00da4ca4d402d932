export const HALT_SCOPES = ['symbol', 'account', 'agent', 'strategy', 'global'] as const;
export type HaltScope = (typeof HALT_SCOPES)[number];
export const HALT_MODES = ['reduce', 'halt', 'flatten'] as const;
export type HaltMode = (typeof HALT_MODES)[number];
/** `retirement`: of the whole system, which stands aside for another; no release ends it. `restore`: it came out of a backup, and a person has not looked yet. */
export const HALT_SOURCES = ['person', 'agent', 'breaker', 'server', 'retirement', 'restore'] as const;
export type HaltSource = (typeof HALT_SOURCES)[number];

export interface HaltRow {
  id: string;
  seq: number;
  scope_type: HaltScope;
  /** Of the account, agent or strategy; the canonical symbol; null: everything. */
  scope_id: string | null;
  /** Where a symbol is halted; null: on every account, and of all other scopes. */
  account_id: string | null;
  /** Null: in all of them. Breakers trip one book. */
  execution_mode: 'simulation' | 'paper' | 'live' | null;
  mode: HaltMode;
  reason: string;
  source: HaltSource;
  breaker: string | null;
  imposed_by: string;
  correlation_id: string | null;
  imposed_at: string;
  /** Nothing that was queued before is left on any account in its scope; null: not yet. */
  effective_at: string | null;
  expires_at: string | null;
  release_requested_at: string | null;
  release_requested_by: string | null;
  release_request_reason: string | null;
  released_at: string | null;
  released_by: string | null;
  release_reason: string | null;
}

export type NewHalt = Pick<HaltRow, 'scope_type' | 'scope_id' | 'mode' | 'reason' | 'source' | 'imposed_by'> &
  Partial<Pick<HaltRow, 'account_id' | 'execution_mode' | 'breaker' | 'correlation_id' | 'expires_at'>>;

/** In force. What the gate is told of it. */
export interface HaltFacts {
  id: string;
  scope: HaltScope;
  mode: HaltMode;
  reason: string;
  /** The circuit breaker that tripped; null: a person or an agent pressed stop, or the server did. */
  breaker: string | null;
}

/** As its agent is told of it: the reason may be cut. */
export interface HaltOnAgent extends HaltFacts {
  scopeId: string | null;
}
