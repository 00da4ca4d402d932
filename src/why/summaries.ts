import type { CheckedRow } from '../decisions/check-row.js';
import type { DecisionType } from '../decisions/decision.js';
import { toFigures } from '../trades/trade-shown.js';
import type { Linked } from './linked.js';

type Row<K extends keyof Linked> = Linked[K][number];

/** What a decision's text keeps of the gate's answer. */
interface Result {
  verdict?: string;
  price?: string | null;
  rules?: { rule: string; outcome: string; reasons?: { code: string; message: string; actual?: string | null; limit?: string | null }[] }[];
}

const SAID_MOST = 200;
const cut = (words: string): string => (words.length <= SAID_MOST ? words : `${words.slice(0, SAID_MOST - 1)}…`);
const join = (parts: (string | null | false | undefined)[]): string => parts.filter((each) => typeof each === 'string' && each !== '').join(', ');
const who = (actor: string | null): string => actor ?? 'nobody known';

export const predictionSummary = (row: Row<'predictions'>): string =>
  `${row.model}${row.model_version === null ? '' : ` ${row.model_version}`} predicted ${row.symbol} ${row.direction} with confidence ${row.confidence}; the threshold was ${row.threshold_used}, so it was ${row.should_trade ? 'to be traded' : 'not to be traded'}${
    row.outcome === null ? '' : `; it came out ${row.outcome}${row.move === null ? '' : ` (move ${row.move})`}`}.`;

export function alertSummary({ source_name: name, signal, status, code, detail, redriven_at: redriven, duplicate_count: duplicates }: Row<'alerts'>): string {
  const told = signal === null ? '' : join(['intent', 'side', 'command', 'quantity', 'symbol', 'exchange'].map((field) => (typeof signal[field] === 'string' && signal[field] !== '' ? cut(signal[field]) : false))).replaceAll(', ', ' ');
  return `Alert of ${name}${told === '' ? ', of which nobody knows what it means' : `: ${told}`}; it is ${status}${code === null ? '' : ` (${code}${detail === null ? '' : `: ${cut(detail)}`})`}${
    redriven === null ? '' : `, redriven at ${redriven}`}${duplicates === 0 ? '' : `, sent ${duplicates + 1} times`}.`;
}

export const ideaSummary = (row: Row<'ideas'>): string => {
  const targets = row.take_profit?.map(({ price }) => price).join(' / ');
  const words = join([
    `${row.direction} ${row.lot_size} ${ofMarket(row)} ${row.entry_price === null ? 'at the market' : `at ${row.entry_price}`}`,
    row.entry_low !== null && row.entry_high !== null && `from ${row.entry_low} to ${row.entry_high}`, row.stop_loss === null ? 'no stop' : `stop ${row.stop_loss}`, targets !== undefined && `target ${targets}`,
    row.confidence === null ? 'no confidence' : `confidence ${row.confidence}`, row.execution_mode, row.snapshot_ref !== null && `seen: snapshot ${row.snapshot_ref}`,
  ]);
  return `Idea: ${words}; it is ${row.status}${row.ended_reason === null ? '' : ` (${cut(row.ended_reason)})`}. Because: ${cut(row.rationale)}`;
};

const SAID: Record<DecisionType, string> = {
  ai_proposed: 'Held for a person or a price', ai_auto_executed: 'Let through', human_approved: 'Approved', human_rejected: 'Rejected by a person', risk_rejected: 'Refused', ai_halted: 'Halted', ai_resumed: 'Resumed',
};

/** Passed or did not apply; the others are named with what was found and the limit, those that live would not let through at the end. */
const isQuiet = (outcome: string): boolean => ['passed', 'off', 'skipped'].includes(outcome);

export function decisionSummary(type: DecisionType, { text, seal }: CheckedRow): string {
  if (seal === 'unread') return `${SAID[type]}; what it said stands in an archive that cannot be read.`;
  if (text === null) return `${SAID[type]}, and what it said cannot be read: the row was changed after it was written.`;
  const result = text.riskCheckResult as Result | null;
  const rules = Array.isArray(result?.rules) ? result.rules : [];
  const by = rules.length > 0 && !type.startsWith('human') ? `by the gate, for ${text.actor}` : `by ${text.actor}`;
  const figures = join([
    result?.verdict !== undefined && `verdict ${result.verdict}`, result?.price != null && `price ${result.price}`, rules.length > 0 && `${rules.filter(({ outcome }) => isQuiet(outcome)).length} of ${rules.length} rules passed`,
  ]);
  const named = rules.filter(({ outcome }) => !isQuiet(outcome) && outcome !== 'assumed').map(({ rule, outcome, reasons = [] }) => `${rule} ${outcome}${reasons.length === 0 ? '' : ` (${reasons.map(reasonText).join('; ')})`}`);
  const assumed = rules.filter(({ outcome }) => outcome === 'assumed').map(({ rule }) => rule);
  return `${join([`${SAID[type]} ${by}`, figures])}${named.length === 0 ? '' : `: ${named.join('; ')}`}${assumed.length === 0 ? '' : `; assumed: ${assumed.join(', ')}`}${
    text.reason === null ? '' : `. Said: ${cut(text.reason)}`}${seal === 'broken' ? ' (the row was changed after it was written)' : ''}.`;
}

const reasonText = ({ code, message, actual, limit }: { code: string; message: string; actual?: string | null; limit?: string | null }): string => {
  const figures = join([actual != null && `is ${actual}`, limit != null && `limit ${limit}`]);
  return `${code}: ${cut(message).replace(/\.$/, '')}${figures === '' ? '' : ` [${figures}]`}`;
};

/** Of a binary contract with the side. */
const ofMarket = ({ symbol, outcome }: { symbol: string; outcome: string | null }): string => (outcome === null ? symbol : `${symbol} ${outcome}`);

export const reservationSummary = (row: Row<'reservations'>): string => {
  const became = row.held ? 'still held' : row.ended_as === 'converted' || row.trade_id !== null ? 'became a trade' : row.ended_as === 'released' ? 'released' : 'no longer held';
  return `Reserved ${row.direction} ${row.size} ${ofMarket(row)}${row.entry_price === null ? '' : ` at ${row.entry_price}`}${row.stop === null ? '' : `, stop ${row.stop}`}; ${became}.`;
};

export function commandSummary(row: Row<'commands'>): string {
  const { symbol, direction, outcome, lotSize, size, limitPrice, reason } = row.payload as Record<string, unknown>;
  const what = [direction, lotSize ?? size, symbol, outcome].filter((each) => typeof each === 'string').join(' ');
  const last = row.attempts.at(-1);
  const attempts = last === undefined ? 'never handed out' : `handed out ${last.attempt} time(s), last at ${last.leasedAt}${last.instanceId === null ? '' : ` to ${last.instanceId}`}${last.outcome === null ? '' : `, which ended ${last.outcome}`}`;
  const error = row.error as { code?: string; message?: string } | null;
  return `Command ${row.type}${what === '' ? '' : ` ${what}`}${typeof limitPrice === 'string' ? ` at ${limitPrice} or better` : ''}${typeof reason === 'string' ? ` (${cut(reason)})` : ''}: ${attempts}; ${row.status}${
    error?.code === undefined ? '' : ` (${join([error.code, error.message === undefined ? null : cut(error.message)])})`}${row.reason === null ? '' : `, ${cut(row.reason)}`}.`;
}

export function transitionSummary(row: Row<'transitions'>, trade: Row<'trades'> | null): string {
  const of = trade === null ? 'The trade' : `Trade ${trade.direction} ${trade.lot_size} ${ofMarket(trade)}`;
  const how = join([row.broker_deal_id !== null && `deal ${row.broker_deal_id}`, row.reason, row.late && 'told late']);
  if (row.from_status === null) return `${of} recorded as ${row.to_status}${trade === null ? '' : `, ${trade.execution_mode}, ${trade.origin}`}${how === '' ? '' : ` (${cut(how)})`}.`;
  return `${of} went from ${row.from_status} to ${row.to_status}${how === '' ? '' : ` (${cut(how)})`}.`;
}

export const fillSummary = (row: Row<'fills'>): string =>
  `Fill: ${row.role} ${row.size} at ${row.price}${row.profit === null ? '' : `, profit ${row.profit}`}${row.exit_reason === null ? '' : `, by ${row.exit_reason}`}, deal ${row.broker_deal_id}${row.late ? ', told late' : ''}.`;

export const explanationSummary = (row: Row<'explanations'>): string => `Explained (${row.kind}${row.llm_model === null ? '' : `, ${row.llm_model}`}): ${cut(row.explanation)}`;

export function closureSummary(row: Row<'closures'>): string {
  const on = Object.entries(row.detail).filter(([, value]) => ['string', 'number'].includes(typeof value)).map(([name, value]) => `${name} ${cut(String(value))}`).join(', ');
  const end = row.ended_as === null ? `not ended after ${row.tries} command(s)` : `${row.ended_as}${row.end_reason === null ? '' : ` (${cut(row.end_reason)})`}`;
  return `${row.size === null ? 'All' : row.size} wanted closed by ${row.cause}${row.rule === null ? '' : `, rule ${row.rule}`}${on === '' ? '' : `: ${on}`}; ${end}.`;
}

const scopeOf = (row: Row<'halts'>): string => (row.scope_type === 'global' ? 'everything' : `${row.scope_type} ${row.name ?? row.scope_id ?? ''}`);

export const haltSummary = (row: Row<'halts'>): string =>
  `${row.breaker === null ? 'Halt' : `Circuit breaker ${row.breaker}: halt`} of ${scopeOf(row)} (${row.mode}) by ${row.imposed_by}: ${cut(row.reason)}; ${
    row.effective_at === null ? 'not carried through everywhere yet' : `carried through at ${row.effective_at}`}${row.released_at === null ? ', not released' : ''}.`;

export const releaseSummary = (row: Row<'halts'>): string =>
  `Halt of ${scopeOf(row)} released by ${who(row.released_by)}: ${cut(row.release_reason ?? 'no reason')}${row.release_requested_by === null ? '' : `; asked for by ${row.release_requested_by}`}.`;

export function outcomeSummary(row: Row<'trades'>): string {
  if (row.status !== 'closed') return `Outcome: ${row.status}, nothing was traded.`;
  const { rMultiple, profitSource } = toFigures(row);
  const profit = row.net_profit === null ? 'net profit not known' : `net profit ${row.net_profit} ${row.currency}`;
  return `Outcome: closed${row.exit_price === null ? '' : ` at ${row.exit_price}`} by ${row.exit_reason ?? 'unknown'}, ${profit}${rMultiple === null ? '' : ` (${rMultiple} R)`}${profitSource === null ? '' : `, source ${profitSource}`}.`;
}
