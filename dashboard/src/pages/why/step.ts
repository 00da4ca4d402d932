import type { AnswerOf } from '../../api/queries.js';
import type { Tone } from '../../kit/figures.js';

export type Why = AnswerOf<'/api/v1/why/{id}'>;
export type Step = Why['chain'][number];
type Data = Record<string, unknown>;

/** Of a step's record: what is text, as text; null for anything else, so that nothing odd is shown as a fact. */
export const textOf = (data: Data, name: string): string | null => {
  const value = data[name];
  return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : null;
};

export const partOf = (data: Data, name: string): Data | null => {
  const value = data[name];
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Data) : null;
};

export const listOf = (data: Data, name: string): Data[] => (Array.isArray(data[name]) ? (data[name] as unknown[]).filter((each): each is Data => each !== null && typeof each === 'object') : []);

export const NAMES: Record<Step['type'], string> = {
  alert: 'Signal', prediction: 'Prediction', idea: 'Idea', decision: 'Verdict', reservation: 'Reservation', command: 'Command', transition: 'Trade', fill: 'Fill', explanation: 'Explanation', closure: 'Closure',
  halt: 'Halt', release: 'Release', outcome: 'Outcome',
};

/** What of a decision is a person's is not the gate's. */
const DECISIONS: Record<string, string> = { human_approved: 'Approval', human_rejected: 'Rejection', ai_halted: 'Halted', ai_resumed: 'Resumed' };
export const nameOf = ({ type, data }: Step): string => (type === 'decision' ? (DECISIONS[textOf(data, 'type') ?? ''] ?? NAMES.decision) : NAMES[type]);

const FAILED = ['failed', 'dead', 'rejected', 'halted_by_risk', 'unknown', 'expired', 'quarantined'];
const DONE = ['succeeded', 'auto_executed', 'approved', 'closed', 'open', 'delivered', 'processed'];

/** A step that stopped it is red, one that is not over amber. */
export function toneOf({ type, data }: Step): Tone {
  if (type === 'halt') return 'danger';
  if (type === 'decision') {
    const is = textOf(data, 'type') ?? '';
    return ['risk_rejected', 'human_rejected', 'ai_halted'].includes(is) ? 'danger' : is === 'ai_proposed' ? 'doubt' : 'good';
  }
  if (type === 'command' || type === 'idea' || type === 'alert') {
    const status = textOf(data, 'status') ?? '';
    return FAILED.includes(status) ? 'danger' : DONE.includes(status) ? 'good' : status === 'cancelled' ? 'off' : 'doubt';
  }
  if (type === 'closure') return textOf(data, 'endedAt') === null ? 'doubt' : 'good';
  return type === 'fill' || type === 'transition' || type === 'outcome' ? 'good' : 'off';
}

/** Each step's own page, where it has one. */
export function addressOf({ type, id, data }: Step): string | null {
  const tradeId = textOf(data, 'tradeId');
  switch (type) {
    case 'alert': return `/alerts/${id}`;
    case 'idea': return `/ideas/${id}`;
    case 'decision': return `/history/decisions/${id}`;
    case 'outcome': return `/trades/${id}`;
    case 'transition': case 'fill': return tradeId === null ? null : `/trades/${tradeId}`;
    default: return null;
  }
}

/** Whose money it is: a path is of one account. */
export const accountOf = (chain: readonly Step[]): string | null => chain.map(({ data }) => textOf(data, 'accountId')).find((id) => id !== null) ?? null;

export const tradeIdsOf = (chain: readonly Step[]): string[] => [...new Set(chain.flatMap((step) => (step.type === 'outcome' ? [step.id] : textOf(step.data, 'tradeId') ?? [])))];
