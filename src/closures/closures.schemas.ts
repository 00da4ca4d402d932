import { z } from 'zod';
import { reason } from '../auth/reason-field.js';
import { decimalText, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { EXIT_REASONS } from '../trades/trade-fields.js';
import { CLOSURE_CAUSES, CLOSURE_ENDS, type ShownClosure } from './closures.repository.js';

const flag = () => z.enum(['true', 'false']).transform((value) => value === 'true');
export const closuresQuery = z.strictObject({
  ...pageQuery, accountId: uuid().optional(), agentId: uuid().optional(), tradeId: uuid().optional(), open: flag().optional().describe('true: those that have not ended'),
});
export const withdrawSchema = z.strictObject({ reason: reason() });

export const closureSchema = z.object({
  id: z.uuid(), tradeId: z.uuid(), agentId: z.uuid(), accountId: z.uuid(), symbol: z.string(),
  cause: z.enum(CLOSURE_CAUSES), rule: z.string().nullable().describe('which of the exit rules; null unless the supervisor wants it'), detail: z.record(z.string(), z.unknown()).describe('what it was decided on'),
  haltId: z.uuid().nullable(), alertId: z.uuid().nullable().describe('of a signal'), size: decimalText().nullable().describe('how much of it; null: all that is open'), exitReason: z.enum(EXIT_REASONS).describe('of the trade, where its end says none'),
  wantedBy: z.string(), wantedAt: z.iso.datetime(), tries: z.int().describe('commands that were made for it'),
  commandId: z.uuid().nullable().describe('the last of them'), commandStatus: z.string().nullable(), tradeStatus: z.string(), openSize: decimalText(),
  endedAt: z.iso.datetime().nullable(), endedAs: z.enum(CLOSURE_ENDS).nullable().describe('flat: the trade has ended; reduced: so much of it was closed; withdrawn: by a person'),
  endedBy: z.string().nullable(), endReason: z.string().nullable(),
}).meta({ id: 'Closure' });

export const toClosure = (row: ShownClosure): z.output<typeof closureSchema> => ({
  id: row.id, tradeId: row.trade_id, agentId: row.agent_id, accountId: row.account_id, symbol: row.symbol, cause: row.cause, rule: row.rule, detail: row.detail,
  haltId: row.halt_id, alertId: row.alert_id, size: row.size, exitReason: row.exit_reason, wantedBy: row.actor, wantedAt: row.created_at, tries: row.tries, commandId: row.command_id,
  commandStatus: row.command_status, tradeStatus: row.trade_status, openSize: row.open_size, endedAt: row.ended_at, endedAs: row.ended_as, endedBy: row.ended_by, endReason: row.end_reason,
});
