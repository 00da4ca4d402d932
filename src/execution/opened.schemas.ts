import { z } from 'zod';
import { price, text } from '../common/fields.js';
import { fillFields } from '../trades/fills.schemas.js';
import { OPENED_FIELDS } from '../commands/completion.repository.js';

const { brokerDealId, size, at, commission, swap, fee, currency, requestedPrice } = fillFields;

/** What an agent may say of the opening that it carried out. It may say more: that is kept with the command. */
export const openedSchema = z.object({
  orderTag: text(64).nullish(), clientOrderId: text(100).nullish(), brokerOrderId: text(100).nullish(), brokerPositionId: text(100).nullish(),
  fill: z.object({ brokerDealId, price: price(), size, at, commission, swap, fee, currency, requestedPrice }).nullish(),
});

export type Opened = z.output<typeof openedSchema>;

/** Whether a result says anything of the trade that the command made. */
export const tellsOfTrade = (result: unknown): boolean => result !== null && typeof result === 'object' && OPENED_FIELDS.some((name) => name in result);
