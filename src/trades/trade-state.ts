export const TRADE_STATUSES = ['pending', 'open', 'closing', 'closed', 'rejected', 'cancelled', 'expired', 'unknown'] as const;
export type TradeStatus = (typeof TRADE_STATUSES)[number];

/** `unknown` is left by finding out what the broker shows, so anything may follow it. */
const MOVES: Record<TradeStatus, readonly TradeStatus[]> = {
  pending: ['open', 'closed', 'rejected', 'cancelled', 'expired', 'unknown'],
  open: ['closing', 'closed', 'unknown'],
  closing: ['open', 'closed', 'unknown'],
  unknown: ['pending', 'open', 'closing', 'closed', 'rejected', 'cancelled', 'expired'],
  closed: [],
  rejected: [],
  cancelled: [],
  expired: [],
};

export const canMove = (from: TradeStatus, to: TradeStatus): boolean => MOVES[from].includes(to);

export const isFinished = (status: TradeStatus): boolean => MOVES[status].length === 0;

/** Statuses in which money may be, or may come to be, at the broker. */
export const UNFINISHED = TRADE_STATUSES.filter((status) => !isFinished(status));

/** Statuses in which something has been bought or sold and not yet closed; `unknown` may be one of them. */
export const mayBeOpen = (status: TradeStatus): boolean => ['open', 'closing', 'unknown'].includes(status);

/** One line of a trade's history. */
export interface Step {
  to: TradeStatus;
  /** RFC 3339 in UTC. */
  occurredAt: string;
}

/**
 * Facts arrive in any order: an entry may be told after the exit. Such a fact changes nothing that is true now, but
 * belongs between two steps of the past if the way through it was a possible one.
 * @param history in the order in which it happened; the first step made the trade and stays the first
 * @returns the status that the fact found, or null when it fits nowhere
 */
export function foundInThePast(history: readonly Step[], fact: Step): TradeStatus | null {
  const [made, ...later] = history;
  if (!made) return null;
  // At the same moment the fact came first: some brokers count whole seconds.
  const next = later.findIndex((step) => Date.parse(step.occurredAt) >= Date.parse(fact.occurredAt));
  const before = next <= 0 ? made : (later[next - 1] ?? made);
  const after = later[next];
  return after && canMove(before.to, fact.to) && canMove(fact.to, after.to) ? before.to : null;
}

/**
 * Whether a trade that was told `unknown` is still in doubt after its fills. Where nobody knew of an entry the doubt was
 * about that, and a fill answers it; otherwise it is about what became of the position, and only a later fill shows that
 * it was still there.
 * @param lastFill time of the last one, RFC 3339 in UTC
 */
export function doubtRemains({ since, entered }: { since: string | null; entered: boolean }, lastFill: string | null): boolean {
  if (lastFill === null) return true;
  return entered && (since === null || Date.parse(lastFill) <= Date.parse(since));
}
