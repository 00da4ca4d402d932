import type { EventPosition, EventRow } from '../events/event-log.repository.js';

/** Number and time of a row: the number alone could be another row's, after an older state of the database was restored. */
export const idOf = ({ seq, atUs }: EventPosition): string => (seq === 0 ? '0' : `${seq}-${atUs}`);

/** The position that an id names; null for what is no id. */
export function positionOf(id: string): EventPosition | null {
  if (id === '0') return { seq: 0, atUs: 0 };
  const [, seq, atUs] = /^([1-9]\d{0,15})-([1-9]\d{0,15})$/.exec(id) ?? [];
  const position = { seq: Number(seq), atUs: Number(atUs) };
  return Number.isSafeInteger(position.seq) && Number.isSafeInteger(position.atUs) ? position : null;
}

/** A row as a message of the stream. Its data is written as PostgreSQL has it: on one line, and no digit is lost. */
export function eventMessage(row: EventRow): Buffer {
  const { seq, at, type, agent_id: agentId, account_id: accountId, subject_id: subjectId, actor, correlation_id: correlationId, data } = row;
  const head = JSON.stringify({ seq, at, type, agentId, accountId, subjectId, actor, correlationId });
  return Buffer.from(`id: ${idOf({ seq, atUs: row.at_us })}\nevent: ${type}\ndata: ${head.slice(0, -1)},"data":${data}}\n\n`);
}

/** Before the first event that was not there before: from here on the stream is current. */
export const readyMessage = (at: EventPosition): Buffer =>
  Buffer.from(`id: ${idOf(at)}\nevent: ready\ndata: ${JSON.stringify({ seq: at.seq, serverTime: new Date().toISOString() })}\n\n`);

/** The last word of a stream, without an id: what came last stays what the client goes on from. */
export const endMessage = (code: string): Buffer => Buffer.from(`event: end\ndata: ${JSON.stringify({ code })}\n\n`);

/** Three looks of the feed. */
const CURRENT_MS = 3_000;

/**
 * A comment, so that both sides see a broken connection; and where the client would go on from, if that has changed:
 * a filter may have picked nothing for months.
 */
export function heartbeatMessage(behindMs: number, at: EventPosition | null): Buffer {
  const state = behindMs <= CURRENT_MS ? 'current' : Number.isFinite(behindMs) ? `behind ${Math.round(behindMs / 1000)} s` : 'behind';
  return Buffer.from(`: ${state}\n${at ? `id: ${idOf(at)}\n` : ''}\n`);
}
