export const DECISION_TYPES = ['ai_proposed', 'ai_auto_executed', 'human_approved', 'human_rejected', 'risk_rejected', 'ai_halted', 'ai_resumed'] as const;
export type DecisionType = (typeof DECISION_TYPES)[number];

/** The stream of what concerns no single account. */
export const SYSTEM_STREAM = 'system';

/** Counts the streams in `decision_heads`, so that one cannot vanish whole. */
export const ALL_STREAMS = '*';

/** A decision, before it has its place in its stream. */
export interface NewDecision {
  type: DecisionType;
  /** An account's id, or `system`. */
  stream: string;
  ideaId?: string | null;
  commandId?: string | null;
  /** Whose decision it is: a key sees those of its agent. */
  agentId?: string | null;
  strategyId?: string | null;
  haltId?: string | null;
  snapshotRef?: string | null;
  riskCheckResult: unknown;
  humanOverride: unknown;
  reason?: string | null;
}

/** The stream of the decisions that one import brought: `import:` and the run's id. */
export const IMPORT_STREAM = /^import:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A decision of another system, as it came. */
export interface ImportedDecision {
  id: string;
  type: DecisionType;
  /** When it was decided there, RFC 3339. */
  decidedAt: string | null;
  agentId: string | null;
  riskCheckResult: unknown;
  humanOverride: unknown;
  reason: string | null;
}

/** What is sealed, as canonical JSON. */
export interface DecisionText {
  v: 1;
  stream: string;
  /** 1, 2, 3 … in its stream. */
  number: number;
  /** Its place among all decisions, in the order of which lists are. */
  seq: number;
  id: string;
  type: DecisionType;
  /** The database's clock, to the microsecond, UTC. */
  at: string;
  actor: string;
  correlationId: string | null;
  ideaId: string | null;
  commandId: string | null;
  agentId: string | null;
  strategyId: string | null;
  haltId: string | null;
  snapshotRef: string | null;
  riskCheckResult: unknown;
  humanOverride: unknown;
  reason: string | null;
  /** Of an imported one: when it was decided in the system that it came from. */
  decidedAt?: string | null;
  /** The hash of the one before; null for the first. */
  previous: string | null;
  /** Under which key this one is sealed, and the one before: a key id that was changed later does not fit the next row. */
  key: string;
  previousKey: string | null;
  /** What the head that it was appended to looked like. A broken one is written down here, since the append seals a new one. */
  head: 'intact' | 'broken' | 'unknown_key';
}

export interface DecisionRow {
  seq: number;
  /** To the microsecond, UTC. */
  at: string;
  stream: string;
  number: number;
  id: string;
  type: DecisionType;
  agent_id: string | null;
  idea_id: string | null;
  command_id: string | null;
  halt_id: string | null;
  key_id: string;
  canonical: string;
  hash: string;
  /** Of one that was moved into a file: which, and whether its text could be read there. */
  archive?: { file: string; read: boolean } | null;
}

/** A decision as lists find it: of one in an archive without its text, with the place where that stands. */
export interface FoundDecision extends Omit<DecisionRow, 'canonical' | 'archive'> {
  canonical: string | null;
  file: string | null;
  block_at: number | null;
  block_bytes: number | null;
}

/** Where a stream ends. */
export interface HeadRow {
  stream: string;
  count: number;
  /** The hash of the last row; empty when there is none. */
  head: string;
  mac: string;
  key_id: string;
}
