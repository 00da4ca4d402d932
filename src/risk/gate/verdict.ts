import type { ReasonCode } from './reason-codes.js';

/** What is to become of an idea: the first refusal says it, else whoever asks for approval, else who waits. */
export type Verdict = 'approved' | 'needs_approval' | 'waiting' | 'rejected' | 'halted_by_risk';

export interface Reason {
  code: ReasonCode;
  message: string;
  /** What was found, and what it was held against; null where there is no such figure. */
  actual: string | null;
  limit: string | null;
}

/** One line for each rule, in their order, whatever the verdict. */
export interface RuleResult {
  rule: string;
  /** `off`: its setting is null. `assumed`: passed on an assumption that live would not make. `skipped`: does not apply to this idea. */
  outcome: 'passed' | 'assumed' | 'off' | 'skipped' | 'needs_approval' | 'waiting' | 'rejected' | 'halted_by_risk';
  reasons: readonly Reason[];
  /** What the rule looked at. */
  input: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Assessment {
  verdict: Verdict;
  /** Those of the rule that decided, or of all that ask for approval; empty when approved. */
  reasons: readonly Reason[];
  rules: readonly RuleResult[];
  /** At which the command may fill: the idea's entry, else the side of the quote that it takes; null: nobody knows one. */
  price: string | null;
}
