import type { Verdict } from '../risk/gate/verdict.js';

export const IDEA_STATUSES = ['waiting', 'needs_approval', 'auto_executed', 'approved', 'rejected', 'halted_by_risk', 'expired'] as const;
export type IdeaStatus = (typeof IDEA_STATUSES)[number];

/** What a person has to answer within; it is never extended. */
export const APPROVAL_SECONDS = 120;

export const isOpen = (status: IdeaStatus): boolean => status === 'waiting' || status === 'needs_approval';

/** What the verdict makes of an idea that nobody was asked about. */
export const statusOf = (verdict: Verdict): IdeaStatus => (verdict === 'approved' ? 'auto_executed' : verdict);

/** What the history of decisions calls it, of ideas that no person has answered. */
export const decisionTypeOf = (status: IdeaStatus): 'ai_proposed' | 'ai_auto_executed' | 'risk_rejected' =>
  status === 'auto_executed' ? 'ai_auto_executed' : isOpen(status) ? 'ai_proposed' : 'risk_rejected';
