import { ZodError } from 'zod';
import { UnreadablePart } from '../common/http/json-body.js';
import { toProblem } from '../common/http/problem.filter.js';
import { toErrors } from '../common/http/validation.js';
import { Problem } from '../common/problem.js';
import type { Tx } from '../database/transaction.js';
import { refOf } from './sync.schemas.js';

export type Element = Record<string, unknown>;
export type Refusal = { status: 'refused'; code: string; detail: string; retryable?: true };

/** Texts of refusals are for a log on a terminal's screen. */
const DETAIL_MOST = 100;

/** One element in a savepoint of its own. What is wrong with the element is its answer; what is wrong with us is everybody's. */
export async function alone<T>(tx: Tx, element: unknown, work: (part: Tx, element: Element) => Promise<T>, barred: Problem | null = null): Promise<{ answer: T } | { refusal: Refusal }> {
  try {
    const given = readable(element, barred);
    return { answer: await tx.transaction((part) => work(part, given)) };
  } catch (error) {
    return { refusal: refusalOf(error) };
  }
}

/** One element that is read, and nothing more: it takes no savepoint. */
export function read<T>(element: unknown, reader: (element: Element) => T, barred: Problem | null): { answer: T } | { refusal: Refusal } {
  try {
    return { answer: reader(readable(element, barred)) };
  } catch (error) {
    return { refusal: refusalOf(error) };
  }
}

function readable(element: unknown, barred: Problem | null): Element {
  if (element === null || typeof element !== 'object' || Array.isArray(element)) throw new Problem(400, 'VALIDATION_FAILED', 'must be an object');
  refOf(element as Element);
  if (barred) throw barred;
  if (element instanceof UnreadablePart) throw element.problem;
  return element as Element;
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof ZodError) {
    const [issue = { path: '', message: 'is not valid' }] = toErrors(error.issues[0] as never);
    return { status: 'refused', code: 'VALIDATION_FAILED', detail: short(`${issue.path ? `${issue.path}: ` : ''}${issue.message}`) };
  }
  const problem = toProblem(error);
  if (problem.status >= 500) throw error;
  return { status: 'refused', code: problem.code, detail: short(problem.message), ...(problem.retryable ? { retryable: true } : {}) };
}

/** In characters that take one byte each in an answer. */
const short = (detail: string) => detail.slice(0, DETAIL_MOST).replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, "'");

/** What a client knows its ack by: an id, or as much of what stands for one as takes no more room than an id. */
export function commandIdIn(element: unknown): string | null {
  const given = (element as Element | null)?.['commandId'];
  return typeof given === 'string' ? short(given.slice(0, 36)) : null;
}

export function refIn(element: unknown): string | null {
  try {
    return refOf(element as Element);
  } catch {
    return null;
  }
}
