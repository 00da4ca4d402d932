import type { Caused, Step } from './in-order.js';
import type { Linked } from './linked.js';
import { alertSummary, closureSummary, commandSummary, decisionSummary, explanationSummary, fillSummary, haltSummary, ideaSummary, outcomeSummary, predictionSummary, releaseSummary, reservationSummary, transitionSummary } from './summaries.js';
import { toFill } from '../trades/fills.schemas.js';
import { toTrade, toTransition } from '../trades/trades.schemas.js';
import { toIdea } from '../trade-ideas/trade-ideas.schemas.js';
import { toCommandWithAttempts } from '../commands/commands.schemas.js';
import { toDecision } from '../decisions/decisions.schemas.js';

/** Halts that a decision says stood in the way: the rule that looked at them keeps their ids. */
export function haltsIn(result: unknown): string[] {
  const rules = (result as { rules?: { rule: string; outcome: string; input?: { ids?: unknown } }[] } | null)?.rules;
  if (!Array.isArray(rules)) return [];
  return rules.flatMap(({ rule, input }) => (rule === 'halt' && typeof input?.ids === 'string' ? input.ids.split(' ').filter((id) => id !== '') : []));
}

type Row<K extends keyof Linked> = Linked[K][number];

/** Every row as a step, with what led to it. A trade's own keys: `trade` is the step that made it. */
export function stepsOf(linked: Linked): Caused[] {
  return [
    ...linked.alerts.map(ofAlert), ...linked.predictions.map(ofPrediction), ...linked.halts.flatMap((each) => ofHalt(each, linked)), ...linked.ideas.map(ofIdea), ...linked.decisions.map((each) => ofDecision(each, linked)),
    ...linked.reservations.map((each) => ofReservation(each, linked)), ...linked.commands.map((each) => ofCommand(each, linked)),
    ...linked.transitions.map((each) => ofTransition(each, linked)), ...linked.fills.map((each) => ofFill(each)), ...linked.explanations.map(ofExplanation),
    ...linked.closures.map((each) => ofClosure(each)), ...linked.trades.filter(({ finished_at }) => finished_at !== null).map((each) => ofOutcome(each, linked)),
  ];
}

const caused = (key: string, after: (string | null | false)[], step: Step): Caused => ({ key, after: after.filter((each) => each !== null && each !== false), step });
const keyOf = (kind: string, id: string | null): string | null => (id === null ? null : `${kind} ${id}`);

const ofAlert = (row: Row<'alerts'>): Caused => caused(`alert ${row.id}`, [], {
  type: 'alert', id: row.id, at: row.received_at, actor: `webhook:${row.source_id}`, summary: alertSummary(row),
  data: {
    sourceId: row.source_id, source: row.source_name, status: row.status, code: row.code, detail: row.detail, signal: row.signal, outcome: row.outcome, run: row.run, redrivenAt: row.redriven_at,
    redrivenBy: row.redriven_by, finishedAt: row.finished_at, duplicateCount: row.duplicate_count, runs: row.runs, path: `/api/v1/alerts/${row.id}`,
  },
});

const ofPrediction = (row: Row<'predictions'>): Caused => caused(`prediction ${row.id}`, [], {
  type: 'prediction', id: row.id, at: row.predicted_at, actor: `agent:${row.agent_id}`, summary: predictionSummary(row),
  data: {
    agentId: row.agent_id, model: row.model, modelVersion: row.model_version, symbol: row.symbol, direction: row.direction, confidence: row.confidence, thresholdUsed: row.threshold_used,
    shouldTrade: row.should_trade, horizonSeconds: row.horizon_seconds, marketRegime: row.market_regime, marketPrice: row.market_price, outcome: row.outcome, move: row.move, scoredAt: row.scored_at,
  },
});

const ofIdea = (row: Row<'ideas'>): Caused => caused(`idea ${row.id}`, [keyOf('prediction', row.prediction_id), keyOf('alert', row.alert_id)], {
  type: 'idea', id: row.id, at: row.created_at, actor: row.actor, summary: ideaSummary(row),
  data: { ...toIdea(row), ...(row.snapshot_ref === null ? {} : { snapshotPath: `/api/v1/snapshots/refs/${row.snapshot_ref}` }) },
});

function ofDecision({ row, checked }: Row<'decisions'>, { halts }: Linked): Caused {
  const isRelease = row.type === 'ai_resumed';
  return caused(`decision ${row.id}`, [
    keyOf('idea', row.idea_id), row.halt_id !== null && `${isRelease ? 'release' : 'halt'} ${row.halt_id}`,
    ...haltsIn(checked.text?.riskCheckResult).filter((id) => halts.some((halt) => halt.id === id)).map((id) => `halt ${id}`),
  ], {
    type: 'decision', id: row.id, at: row.at, ...(checked.text === null ? {} : { actor: checked.text.actor }), summary: decisionSummary(row.type, checked), data: toDecision(row, checked),
  });
}

/** The decisions that carried an idea out, or the last of it. */
const decisionsOn = (ideaId: string | null, { decisions }: Linked): string[] => decisions.filter(({ row }) => ideaId !== null && row.idea_id === ideaId && row.type !== 'risk_rejected').map(({ row }) => `decision ${row.id}`);

const ofReservation = (row: Row<'reservations'>, linked: Linked): Caused => caused(`reservation ${row.id}`, [`idea ${row.idea_id}`, ...decisionsOn(row.idea_id, linked)], {
  type: 'reservation', id: row.id, at: row.created_at, summary: reservationSummary(row),
  data: {
    ideaId: row.idea_id, commandId: row.command_id, agentId: row.agent_id, symbol: row.symbol, direction: row.direction, size: row.size, entryPrice: row.entry_price, stopLoss: row.stop, held: row.held,
    endedAt: row.ended_at, endedAs: row.ended_as, tradeId: row.trade_id,
  },
});

const ideasOf = ({ id: commandId }: { id: string }, { ideas }: Linked): string[] => ideas.filter((idea) => idea.command_id === commandId || idea.close_command_ids.includes(commandId)).map(({ id }) => id);

/** That asked for it, by what its runs say. */
const alertsOf = ({ id }: Row<'commands'>, { alerts }: Linked): string[] =>
  alerts.filter((alert) => [alert, ...(alert.runs as { outcome: Record<string, unknown> | null }[])].some(({ outcome }) => Array.isArray(outcome?.['commandIds']) && outcome['commandIds'].includes(id))).map((alert) => `alert ${alert.id}`);

function ofCommand(row: Row<'commands'>, linked: Linked): Caused {
  const ideas = ideasOf(row, linked);
  const isOfHalt = row.halted_by !== null && ideas.length === 0;
  // A closure knows its last command; an earlier one was made while it was open.
  const closures = row.type !== 'close_trade' ? [] : linked.closures.filter((each) => each.command_id === row.id
    || (each.trade_id === row.trade_id && row.actor === 'system' && Date.parse(each.created_at) <= Date.parse(row.created_at) && (each.ended_at === null || Date.parse(each.ended_at) >= Date.parse(row.created_at))));
  return caused(`command ${row.id}`, [
    ...ideas.flatMap((id) => [`idea ${id}`, ...decisionsOn(id, linked)]), ...linked.reservations.filter((each) => each.command_id === row.id).map(({ id }) => `reservation ${id}`),
    ...closures.map(({ id }) => `closure ${id}`), keyOf('trade', row.trade_id), ...alertsOf(row, linked), isOfHalt && `halt ${row.halted_by}`,
  ], { type: 'command', id: row.id, at: (isOfHalt ? row.finished_at : null) ?? row.created_at, actor: row.actor, summary: commandSummary(row), data: { ...toCommandWithAttempts(row), haltedBy: row.halted_by } });
}

const isFirst = (row: Row<'transitions'>): boolean => row.from_status === null && row.version === 1;

function ofTransition(row: Row<'transitions'>, { trades }: Linked): Caused {
  const trade = trades.find(({ id }) => id === row.trade_id);
  const first = isFirst(row);
  return caused(first ? `trade ${row.trade_id}` : `transition ${row.trade_id} ${String(row.version).padStart(9, '0')} ${row.seq}`, first
    ? [keyOf('command', trade?.command_id ?? null), keyOf('idea', trade?.idea_id ?? null), keyOf('prediction', trade?.prediction_id ?? null)]
    : [`trade ${row.trade_id}`], {
    type: 'transition', id: row.trade_id, at: row.occurred_at, actor: row.actor, summary: transitionSummary(row, trade ?? null), data: { tradeId: row.trade_id, ...toTransition(row) },
  });
}

const ofFill = (row: Row<'fills'>): Caused => caused(`fill ${row.id}`, [`trade ${row.trade_id}`], {
  type: 'fill', id: row.id, at: row.filled_at, actor: row.actor, summary: fillSummary(row), data: toFill(row),
});

const ofExplanation = (row: Row<'explanations'>): Caused => caused(`explanation ${row.id}`, [`trade ${row.trade_id}`], {
  type: 'explanation', id: row.id, at: row.created_at, actor: `agent:${row.agent_id}`, summary: explanationSummary(row),
  data: {
    tradeId: row.trade_id, kind: row.kind, explanation: row.explanation, confidenceFactors: row.confidence_factors, riskFactors: row.risk_factors, llmModel: row.llm_model,
    path: `/api/v1/trades/${row.trade_id}/explanations`,
  },
});

const ofClosure = (row: Row<'closures'>): Caused => caused(`closure ${row.id}`, [`trade ${row.trade_id}`, keyOf('halt', row.halt_id), keyOf('alert', row.alert_id)], {
  type: 'closure', id: row.id, at: row.created_at, actor: row.actor, summary: closureSummary(row),
  data: {
    tradeId: row.trade_id, cause: row.cause, rule: row.rule, detail: row.detail, haltId: row.halt_id, size: row.size, exitReason: row.exit_reason, tries: row.tries, commandId: row.command_id,
    endedAt: row.ended_at, endedAs: row.ended_as, endedBy: row.ended_by, endReason: row.end_reason,
  },
});

function ofHalt(row: Row<'halts'>, linked: Linked): Caused[] {
  const data = {
    scope: { type: row.scope_type, id: row.scope_id, name: row.name }, executionMode: row.execution_mode, mode: row.mode, reason: row.reason, source: row.source, breaker: row.breaker,
    effectiveAt: row.effective_at, expiresAt: row.expires_at,
  };
  // Of an idea's own command it is told what ended it; of any other, which a halt found in the queue, that it did.
  const ended = linked.commands.filter((each) => each.halted_by === row.id && ideasOf(each, linked).length > 0).map(({ id }) => `command ${id}`);
  const halt = caused(`halt ${row.id}`, ended, { type: 'halt', id: row.id, at: row.imposed_at, actor: row.imposed_by, summary: haltSummary(row), data });
  if (row.released_at === null) return [halt];
  const actor = row.released_by ?? 'unknown';
  return [halt, caused(`release ${row.id}`, [`halt ${row.id}`], {
    type: 'release', id: row.id, at: row.released_at, actor, summary: releaseSummary(row), data: { haltId: row.id, reason: row.release_reason, requestedBy: row.release_requested_by, requestedAt: row.release_requested_at },
  })];
}

/** What came of it, after all that led there. */
function ofOutcome(row: Row<'trades'>, linked: Linked): Caused {
  const mine = <T extends { trade_id: string | null }>(rows: readonly T[]) => rows.filter((each) => each.trade_id === row.id);
  return caused(`outcome ${row.id}`, [
    `trade ${row.id}`, ...mine(linked.transitions).filter((each) => !isFirst(each)).map((each) => `transition ${each.trade_id} ${String(each.version).padStart(9, '0')} ${each.seq}`),
    ...mine(linked.fills).map(({ id }) => `fill ${id}`), ...mine(linked.closures).map(({ id }) => `closure ${id}`), ...mine(linked.commands).map(({ id }) => `command ${id}`),
    ...mine(linked.explanations).map(({ id }) => `explanation ${id}`),
  ], { type: 'outcome', id: row.id, at: row.exit_time ?? row.finished_at ?? row.updated_at, summary: outcomeSummary(row), data: toTrade(row) });
}
