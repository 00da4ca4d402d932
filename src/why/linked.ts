import type { ClosureRow } from '../closures/closures.repository.js';
import type { CommandWithAttempts } from '../commands/commands.repository.js';
import type { CheckedRow } from '../decisions/check-row.js';
import type { DecisionRow } from '../decisions/decision.js';
import type { ExplanationRow } from '../explanations/explanations.repository.js';
import type { HaltRow } from '../halts/halt-rows.js';
import type { IdeaRow } from '../trade-ideas/ideas.repository.js';
import type { FillRow } from '../trades/fills.repository.js';
import type { TradeRow, TransitionRow } from '../trades/trades.repository.js';

export const SUBJECT_TYPES = ['trade', 'idea', 'command', 'prediction', 'decision', 'closure', 'halt', 'alert'] as const;
export type SubjectType = (typeof SUBJECT_TYPES)[number];

export interface PredictionFacts {
  id: string; seq: number; agent_id: string; model: string; model_version: string | null; symbol: string; predicted_at: string; horizon_seconds: number | null;
  direction: 'long' | 'short' | 'hold'; confidence: string; should_trade: boolean; threshold_used: string; market_regime: string | null; market_price: string | null; created_at: string;
  outcome: string | null; move: string | null; scored_at: string | null;
}

export interface ReservationFacts {
  id: string; seq: number; idea_id: string; command_id: string; agent_id: string; symbol: string; direction: string; outcome: string | null; size: string; entry_price: string | null; stop: string | null;
  created_at: string; ended_at: string | null; ended_as: 'released' | 'converted' | null; trade_id: string | null; held: boolean;
}

/** What a source sent, and what was done with it; never its body. */
export interface AlertFacts {
  id: string; seq: number; source_id: string; source_name: string; executor_agent_id: string | null; received_at: string; status: string; run: number; redriven_at: string | null; redriven_by: string | null;
  signal: Record<string, unknown> | null; attempts: number; code: string | null; detail: string | null; outcome: Record<string, unknown> | null; finished_at: string | null; duplicate_count: number; runs: unknown[];
}

/** With the halt that cancelled it. */
export type CommandFacts = CommandWithAttempts & { halted_by: string | null };

/** The rows of a chain. Decisions with what their sealed text says. */
export interface Linked {
  alerts: AlertFacts[];
  predictions: PredictionFacts[];
  ideas: IdeaRow[];
  decisions: { row: DecisionRow; checked: CheckedRow }[];
  reservations: ReservationFacts[];
  commands: CommandFacts[];
  trades: (TradeRow & { currency: string })[];
  transitions: TransitionRow[];
  fills: FillRow[];
  explanations: Pick<ExplanationRow, 'id' | 'seq' | 'agent_id' | 'trade_id' | 'prediction_id' | 'kind' | 'explanation' | 'confidence_factors' | 'risk_factors' | 'llm_model' | 'created_at'>[];
  closures: ClosureRow[];
  halts: (HaltRow & { name: string | null })[];
}
