import { z } from 'zod';
import { reason } from '../auth/reason-field.js';
import { agentConfig } from '../agents/agents.schemas.js';
import { instant, jsonObject, lotSize, price, symbol, text, uuid } from '../common/fields.js';

export type CommandClass = 'opens' | 'reduces' | 'neutral';
export const PRIORITIES = ['emergency', 'high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

export interface CommandType {
  about: string;
  /** What it may do to the market; `computed` where the payload decides, see command-class.ts. */
  class: CommandClass | 'computed';
  priority: Priority;
  payload: z.ZodType<Record<string, unknown>>;
  /** What the stored desired state becomes, so that a restart of the agent's machine does not undo the command. */
  run?: 'running' | 'paused' | 'stopped';
}

const why = { reason: reason(500).optional() };
const takeProfit = () => z.union([price(), z.array(z.strictObject({ price: price(), sizeFraction: price() })).min(1).max(20)]);

/** Settings by themselves or under `config`; stored and delivered under `config`. */
const configPayload = z.preprocess((input) => {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) return input;
  const keys = Object.keys(input).filter((key) => key !== 'reason');
  return keys.length === 1 && keys[0] === 'config' ? input : { config: input };
}, z.strictObject({ config: agentConfig().refine((config) => Object.keys(config).length > 0, { error: 'must change at least one setting' }), ...why }));

/** Every command there is. A type that is not here cannot be queued. */
export const COMMAND_TYPES = {
  start: { about: 'Begin trading', class: 'opens', priority: 'normal', payload: z.strictObject(why), run: 'running' },
  stop: { about: 'Stop trading, keep positions with their stops', class: 'reduces', priority: 'high', payload: z.strictObject(why), run: 'stopped' },
  pause: { about: 'Open nothing, go on managing exits', class: 'reduces', priority: 'high', payload: z.strictObject(why), run: 'paused' },
  resume: { about: 'Open again after a pause', class: 'opens', priority: 'normal', payload: z.strictObject(why), run: 'running' },
  update_config: { about: 'Change settings of the agent; taken over when it completes', class: 'computed', priority: 'normal', payload: configPayload },
  kill: { about: 'Cancel entry orders, leave positions with their stops, end the process', class: 'reduces', priority: 'emergency', payload: z.strictObject(why), run: 'stopped' },
  flatten: { about: 'Cancel entry orders, close everything, and stay paused until a resume', class: 'reduces', priority: 'emergency', payload: z.strictObject({ symbol: symbol().optional(), ...why }), run: 'paused' },
  reconcile: {
    about: 'Report what the broker shows, or what became of an order tag; with the deals since then, where it says since when', class: 'neutral', priority: 'normal',
    payload: z.strictObject({ orderTag: z.string().regex(/^[A-Z0-9]{16}$/, { error: 'must be 16 of A-Z and 0-9' }).optional(), since: instant().optional(), ...why }),
  },
  open_trade: {
    about: 'Open a position; made by the gate only, handed out once', class: 'opens', priority: 'normal',
    payload: z.strictObject({
      ideaId: uuid().optional(), orderTag: z.string().regex(/^[A-Z0-9]{16}$/), symbol: symbol(), direction: z.enum(['long', 'short']),
      brokerSymbol: text(64).optional(), exchange: text(32).optional(), product: text(32).optional(), outcome: z.enum(['yes', 'no']).optional(), strategyId: uuid().optional(),
      lotSize: lotSize(), limitPrice: price(), maxSlippage: price().optional(), stopLoss: price().optional(), takeProfit: takeProfit().optional(),
      validForSeconds: z.int().min(1).max(86_400),
    }),
  },
  close_trade: { about: 'Close a trade, or a part of it', class: 'reduces', priority: 'high', payload: z.strictObject({ tradeId: uuid(), size: lotSize().optional(), ...why }) },
  modify_trade: {
    about: 'Move stop or target of a trade; only tighter here, anything else takes an idea', class: 'computed', priority: 'normal',
    payload: z.strictObject({ tradeId: uuid(), stopLoss: price().optional(), takeProfit: takeProfit().optional(), ...why })
      .refine(({ stopLoss, takeProfit: target }) => stopLoss !== undefined || target !== undefined, { error: 'must name stopLoss or takeProfit' }),
  },
  cancel_order: {
    about: 'Cancel a working order', class: 'reduces', priority: 'high',
    payload: z.strictObject({ tradeId: uuid().optional(), brokerOrderId: text(100).optional(), orderTag: text(16).optional(), ...why })
      .refine((order) => order.tradeId ?? order.brokerOrderId ?? order.orderTag, { error: 'must name tradeId, brokerOrderId or orderTag' }),
  },
  custom: { about: "Free JSON for the agent's own code; counts as opening under a halt", class: 'opens', priority: 'normal', payload: jsonObject() },
} as const satisfies Record<string, CommandType>;

export type CommandTypeName = keyof typeof COMMAND_TYPES;
export const COMMAND_TYPE_NAMES = Object.keys(COMMAND_TYPES) as [CommandTypeName, ...CommandTypeName[]];
/** Types whose default is emergency; on any other that priority takes an administrator. */
export const isEmergencyType = (type: CommandTypeName): boolean => COMMAND_TYPES[type].priority === 'emergency';

/** Codes with which a broker says "not now": parked, not counted. */
export const MARKET_AWAY_CODES = ['MARKET_CLOSED', 'EXCHANGE_PAUSED', 'BROKER_DISCONNECTED'];
