import { z } from 'zod';
import { COMMAND_STATUSES } from '../commands/command-state.js';
import { name, text } from '../common/fields.js';
import { reportAnswerSchema, shownFields } from '../positions/reports.schemas.js';
import { FILL_ROLES, fillFields, fitsItsRole } from '../trades/fills.schemas.js';
import { brokerTicket, OUTCOMES, TRADE_DIRECTIONS } from '../trades/trade-fields.js';

const DEALS_MOST = 1_000;

const dealSchema = z.strictObject({
  ...fillFields,
  symbol: name(64).describe('as the broker spells it'),
  exchange: text(32).nullish(),
  product: text(32).nullish(),
  direction: z.enum(TRADE_DIRECTIONS).describe('of the position, also where it is left'),
  outcome: z.enum(OUTCOMES).nullish().describe('of a binary contract: which side the position holds, also where it is left; never guessed'),
  orderTag: name(64).nullish(),
  magic: brokerTicket().nullish(),
  clientOrderId: text(100).nullish(),
}).superRefine(fitsItsRole);

export type DealBody = z.output<typeof dealSchema>;

/** Everything that the broker shows, and what it did of late: the answer to `reconcile`, and what may be told unasked. */
export const reconcileSchema = z.strictObject({
  ...shownFields,
  deals: z.array(dealSchema).max(DEALS_MOST).default([]).describe('those of the last days; what is known already changes nothing'),
});

export type ReconcileBody = z.output<typeof reconcileSchema>;

export const reconcileAnswerSchema = reportAnswerSchema.extend({
  deals: z.object({
    stored: z.int(), known: z.int(), tooOld: z.int().describe('for an agent to tell: a person adds them as fills'),
adopted: z.array(z.object({ tradeId: z.uuid(), brokerDealId: z.string(), role: z.enum(FILL_ROLES), symbol: z.string(), size: z.string() })).describe('deals of what nobody told of: trades of origin external now'),
  }),
  settled: z.array(z.object({ commandId: z.uuid(), status: z.enum(COMMAND_STATUSES) })).describe('commands of which nobody knew whether they had reached the broker'),
}).meta({ id: 'ReconcileAnswer' });

export type ReconcileAnswer = z.output<typeof reconcileAnswerSchema>;
