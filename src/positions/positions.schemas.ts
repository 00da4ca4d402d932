import { z } from 'zod';
import { decimalText, name, text, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { EXECUTION_MODES, OUTCOMES, TRADE_DIRECTIONS } from '../trades/trade-fields.js';
import type { OrderRow, PositionRow } from './positions.repository.js';
import { ORDER_ROLES, ORDER_TYPES } from './reports.schemas.js';

export const heldQuery = z.strictObject({
  ...pageQuery, account: text(100).optional().describe('its id or its name'), agentId: uuid().optional(), symbol: name(64).optional().describe("canonical, or as the broker spells it"),
  executionMode: z.enum(EXECUTION_MODES).optional(),
});

const words = () => z.string().nullable();
const amount = () => decimalText().nullable();
const time = () => z.iso.datetime().nullable();

const shown = {
  id: z.uuid(), accountId: z.uuid(), account: z.string(), executionMode: z.enum(EXECUTION_MODES), agentId: z.uuid().nullable().describe('whose trade it is'),
  reportedBy: z.uuid().describe('the agent whose report showed it last'), tradeId: z.uuid().nullable(), origin: z.enum(['gated', 'ungated', 'external']).nullable(),
  symbol: z.string().describe('canonical'), brokerSymbol: z.string(), direction: z.enum(TRADE_DIRECTIONS), outcome: z.enum(OUTCOMES).nullable().describe('of a binary contract, as the broker shows it'), size: decimalText(), stopLoss: amount(), takeProfit: amount(),
  brokerPositionId: words(), brokerOrderId: words(), orderTag: words(), magic: words(), clientOrderId: words(),
  asOf: z.iso.datetime().describe('of the last report that showed it'), missingSince: time().describe('of the first complete report that lacked it'),
};

export const positionSchema = z.object({
  ...shown, tradeId: z.uuid().nullable().describe('null: several trades make it up'), exchange: words(), product: words(), entryPrice: decimalText(), currentPrice: amount(),
  floatingProfit: amount().describe('as the broker says, in the currency of the account'), swap: amount(), commission: amount(), brokerTicket: words(), openedAt: time(), comment: words(),
  differsSince: time().describe('since when its size is not that of our trades; null: it is'),
}).meta({ id: 'Position' });

export const workingOrderSchema = z.object({
  ...shown, role: z.enum(ORDER_ROLES), type: z.enum(ORDER_TYPES), filledSize: amount(), price: amount(), placedAt: time(), expiresAt: time(),
}).meta({ id: 'WorkingOrder' });

const toShown = (row: PositionRow | OrderRow) => ({
  id: row.id, accountId: row.account_id, account: row.account, executionMode: row.execution_mode, agentId: row.agent_id, reportedBy: row.reported_by, tradeId: row.trade_id,
  origin: row.origin, symbol: row.symbol, brokerSymbol: row.broker_symbol, direction: row.direction, outcome: row.outcome, size: row.size, stopLoss: row.stop_loss, takeProfit: row.take_profit,
  brokerPositionId: row.broker_position_id, brokerOrderId: row.broker_order_id, orderTag: row.order_tag, magic: row.magic, clientOrderId: row.client_order_id,
  asOf: row.as_of, missingSince: row.missing_since,
});

export const toPosition = (row: PositionRow): z.output<typeof positionSchema> => ({
  ...toShown(row), exchange: row.exchange, product: row.product, entryPrice: row.entry_price, currentPrice: row.current_price, floatingProfit: row.floating_profit, swap: row.swap,
  commission: row.commission, brokerTicket: row.broker_ticket, openedAt: row.opened_at, comment: row.comment, differsSince: row.differs_since,
});

export const toWorkingOrder = (row: OrderRow): z.output<typeof workingOrderSchema> => ({
  ...toShown(row), role: row.role, type: row.type, filledSize: row.filled_size, price: row.price, placedAt: row.placed_at, expiresAt: row.expires_at,
});
