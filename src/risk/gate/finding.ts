import type { Facts } from './facts.js';
import type { ReasonCode } from './reason-codes.js';
import type { Reason, RuleResult } from './verdict.js';

export type Finding = Omit<RuleResult, 'rule'>;
export type Input = RuleResult['input'];

/** Pure: what is not among the facts does not count. */
export interface Rule {
  /** As it stands in decisions, for good. */
  name: string;
  /** All that it may give. */
  codes: readonly ReasonCode[];
  check: (facts: Facts) => Finding;
}

export const reason = (code: ReasonCode, message: string, actual: string | null = null, limit: string | null = null): Reason => ({ code, message, actual, limit });

export const passed = (input: Input): Finding => ({ outcome: 'passed', reasons: [], input });
export const off = (input: Input = {}): Finding => ({ outcome: 'off', reasons: [], input });
export const skipped = (input: Input = {}): Finding => ({ outcome: 'skipped', reasons: [], input });
export const rejected = (input: Input, ...reasons: Reason[]): Finding => ({ outcome: 'rejected', reasons, input });
export const halted = (input: Input, ...reasons: Reason[]): Finding => ({ outcome: 'halted_by_risk', reasons, input });
export const needsApproval = (input: Input, ...reasons: Reason[]): Finding => ({ outcome: 'needs_approval', reasons, input });

/** Of what live must know: refused there, assumed to be well elsewhere. The reason is recorded either way. */
export const unknown = ({ live }: Facts, input: Input, ...reasons: Reason[]): Finding => ({ outcome: live ? 'rejected' : 'assumed', reasons, input });

/** Of several things that one rule looks at. */
export function verdictOf(input: Input, reasons: readonly Reason[], assumed = false): Finding {
  if (reasons.length > 0) return rejected(input, ...reasons);
  return { outcome: assumed ? 'assumed' : 'passed', reasons: [], input };
}
