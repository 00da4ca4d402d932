import type { z } from 'zod';
import type { tradeSchema } from '../trades/trades.schemas.js';
import { csvLine, plainCell, textCell } from './csv.js';

type Trade = z.output<typeof tradeSchema>;

/** What an id stands for, beside the trade: money without its currency is no figure. */
export interface TradeNames {
  agent: string | null;
  account: string | null;
  currency: string | null;
}

type Kind = 'text' | 'plain';

/** All fields of a trade, in the order of its answer. Text is what somebody else has written; the rest is made here or checked. */
const FIELDS: Record<keyof Trade, Kind> = {
  id: 'plain', agentId: 'plain', accountId: 'plain', clientOrderId: 'text', symbol: 'text', brokerSymbol: 'text', exchange: 'text', product: 'text', direction: 'plain', outcome: 'plain',
  lotSize: 'plain', entryPrice: 'plain', entryTime: 'plain', stopLoss: 'plain', takeProfit: 'plain', executionMode: 'plain', origin: 'plain', broker: 'text', brokerOrderId: 'text',
  brokerPositionId: 'text', brokerTicket: 'plain', orderTag: 'text', missingSince: 'plain', predictionId: 'plain', ideaId: 'plain', commandId: 'plain', strategyId: 'plain', agentVersion: 'text', configHash: 'text', modelVersion: 'text', promptHash: 'text', status: 'plain', version: 'plain',
  exitPrice: 'plain', exitTime: 'plain', exitReason: 'plain', settlement: 'plain', grossProfit: 'plain', commission: 'plain', swap: 'plain', fee: 'plain', netProfit: 'plain', enteredSize: 'plain', exitedSize: 'plain',
  openSize: 'plain', overfilledSize: 'plain', profitSource: 'plain', computedProfit: 'plain', profitDifference: 'plain', figuresAssumed: 'plain', entrySlippage: 'plain', exitSlippage: 'plain',
  initialStopLoss: 'plain', initialRiskAmount: 'plain', rMultiple: 'plain', highPrice: 'plain', lowPrice: 'plain', maePrice: 'plain', mfePrice: 'plain', maeAmount: 'plain', mfeAmount: 'plain',
  sourceTime: 'plain', createdAt: 'plain', updatedAt: 'plain', finishedAt: 'plain',
};

const COLUMNS = Object.entries(FIELDS) as [keyof Trade, Kind][];

export const TRADE_HEADER = csvLine(['agent', 'account', 'currency', ...COLUMNS.map(([name]) => name)]);

export const tradeLine = (trade: Trade, { agent, account, currency }: TradeNames): string =>
  csvLine([textCell(agent), textCell(account), textCell(currency), ...COLUMNS.map(([name, kind]) => (kind === 'text' ? textCell(trade[name] as string | null) : plainCell(plain(trade[name]))))]);

/** Of several targets a cell holds the list, as JSON. */
const plain = (value: Trade[keyof Trade]) => (typeof value === 'object' && value !== null ? JSON.stringify(value) : value);
