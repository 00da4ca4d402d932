/** Kinds of decisions, in words. */
export const DECISIONS = {
  ai_proposed: 'Proposed', ai_auto_executed: 'Let through by the gate', human_approved: 'Approved by a person', human_rejected: 'Rejected by a person', risk_rejected: 'Refused or ended', ai_halted: 'Halted', ai_resumed: 'Halt ended',
} as const;
