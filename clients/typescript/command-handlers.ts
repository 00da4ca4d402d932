import { Decimal } from 'decimal.js';
import type { CommandAnswer } from './agent-memory.js';
import type { DesiredState } from './desired-state.js';
import { parsePoints, priceText } from './instrument.js';
import { openTrade } from './openings.js';
import { EXIT_REASONS, type ExitReason, type Position } from './paper-broker.js';
import { reconciliation } from './positions-report.js';
import { withChanges } from './strategy.js';
import type { Trader } from './trader.js';

export interface Command {
  id: string;
  type: string;
  payload?: Record<string, unknown> | null;
  attempt: number;
  leaseToken: string;
  /** RFC 3339. */
  leaseExpiresAt?: string;
  /** Of an opening, on this machine's monotonic clock; see `received`. */
  goodUntilMs?: number;
}

export interface HandlerContext {
  trader: Trader;
  desired: DesiredState | null;
  holdsTradingLease: boolean;
  now: () => Date;
}

type Payload = Record<string, unknown>;
type Handler = (payload: Payload, context: HandlerContext, command: Command) => CommandAnswer;

const complete = (result: Payload): CommandAnswer => ({ kind: 'complete', result });

/** Nothing was done, because it cannot be done as asked. */
const refuse = (code: string, message: string): CommandAnswer => ({
  kind: 'fail',
  outcome: 'rejected',
  error: { code, message },
  retryable: false,
});

/**
 * Start, stop, pause and resume only announce a change of the desired state, and that travels with every answer as a
 * level. So what counts is the level: a `start` that arrives after a kill finds "stopped" and does nothing.
 */
const followsLevel =
  (wanted: DesiredState['run']): Handler =>
  (_payload, { desired }) =>
    complete({ applied: desired?.run === wanted, run: desired?.run ?? null, stateVersion: desired?.version ?? null });

const HANDLERS: Record<string, Handler> = {
  start: followsLevel('running'),
  resume: followsLevel('running'),
  pause: followsLevel('paused'),
  stop: followsLevel('stopped'),

  // Positions keep their stops and there are no entry orders to cancel; the loop ends the process after the answer.
  kill: (_payload, { trader }) => complete({ ending: true, openPositions: trader.broker.state.positions.length }),

  flatten: (payload, { trader }, { id }) => {
    const answer = (closed: string[]) => complete({ closed });
    if (payload.symbol !== undefined && payload.symbol !== trader.run.instrument.symbol) return answer([]);
    return answer(trader.closeAll('flatten', { id, answer }));
  },

  open_trade: (_payload, context, command) => openTrade(command, context),
  close_trade: (payload, context, { id }) => closeTrade(payload, context, id),
  modify_trade: (payload, context) => modifyTrade(payload, context),
  cancel_order: () => complete({ cancelled: false, note: 'this broker fills at once: there is no working order' }),
  reconcile: (_payload, { trader, now }) => complete(reconciliation(trader, now().toISOString())),

  update_config: (payload, { trader }) => {
    try {
      const changes = payload.config;
      if (typeof changes !== 'object' || changes === null) throw new Error('config is missing');
      trader.setConfig(withChanges(trader.config, changes as Payload));
      return complete({ config: trader.config });
    } catch (error) {
      return refuse('CONFIG_INVALID', (error as Error).message);
    }
  },

  // Here goes your own code. What an agent cannot do it says so, instead of calling it done.
  custom: () => refuse('CUSTOM_UNKNOWN', 'this agent has no custom commands'),
};

/**
 * Carries a command out once, and answers a second delivery from memory. Effect and answer are saved together, so a
 * crash leaves either both or neither behind. A refusal is not kept: nothing was done, and what was refused now (a stop
 * on the wrong side of the price) may be possible when the command comes again.
 */
export function handleCommand(command: Command, context: HandlerContext): { answer: CommandAnswer; repeated: boolean } {
  const { trader } = context;
  const known = trader.answerOf(command.id);
  if (known) {
    if (command.type === 'open_trade') trader.gate.owe(command, known);
    return { answer: known, repeated: true };
  }
  const handler = Object.hasOwn(HANDLERS, command.type) ? HANDLERS[command.type] : undefined;
  if (!handler) {
    const message = `this agent does not know "${command.type}"`;
    return { answer: { ...refuse('COMMAND_UNKNOWN', message), outcome: 'not_sent' } as CommandAnswer, repeated: false };
  }
  const answer = handler(command.payload ?? {}, context, command);
  if (command.type === 'open_trade' && !trader.answerOf(command.id)) trader.gate.owe(command, answer);
  // A question changes nothing, and its answer is worth something while it is new.
  if (answer.kind === 'complete' && command.type !== 'reconcile' && !trader.answerOf(command.id)) trader.settle(command.id, answer);
  return { answer, repeated: false };
}

function closeTrade(payload: Payload, { trader }: HandlerContext, commandId: string): CommandAnswer {
  const position = trader.positionOfTrade(String(payload.tradeId));
  if (!position) {
    // Not a failure: it may have met its stop a moment ago, and a close that fails would come back for ever.
    return complete({ closedSize: '0', note: 'no such trade is open' });
  }
  const size = sizeToClose(payload.size, position);
  if (!size) return refuse('SIZE_INVALID', 'size must be above zero');
  if (trader.broker.state.quote === null) return refuse('NO_QUOTE', 'there is no price yet');
  const { bid, ask } = trader.broker.state.quote;
  const answer = complete({
    closedSize: size.toFixed(),
    openSize: new Decimal(position.openLots).minus(size).toFixed(),
    price: priceText(position.direction === 'long' ? bid : ask, trader.run.instrument),
  });
  trader.closePosition(position, size.toFixed(), exitReasonOf(payload), commandId, answer);
  return answer;
}

/** Whoever asked may say why, in the words that a fill has for it. The supervisor adds the rule to its name; a person may write anything. */
function exitReasonOf({ exitReason, reason }: Payload): ExitReason {
  const said = EXIT_REASONS.find((each) => each === exitReason) ?? EXIT_REASONS.find((each) => each === reason);
  if (said) return said;
  if (typeof reason !== 'string') return 'operator';
  if (reason.startsWith('supervisor ')) return 'supervisor';
  return reason === 'halt' || reason === 'wind_down' ? 'flatten' : 'operator';
}

/** All that is open when no size is given, and never more than that; null for a size that is none. */
function sizeToClose(size: unknown, position: Position): Decimal | null {
  if (size === undefined || size === null) return new Decimal(position.openLots);
  if (typeof size !== 'string' && typeof size !== 'number') return null;
  try {
    const wanted = new Decimal(size);
    return wanted.gt(0) ? Decimal.min(wanted, position.openLots) : null;
  } catch {
    return null;
  }
}

/** Moves stop or target. A stop may come nearer at any time; moving it away adds risk and needs the trading lease. */
function modifyTrade(payload: Payload, { trader, holdsTradingLease }: HandlerContext): CommandAnswer {
  const position = trader.positionOfTrade(String(payload.tradeId));
  const quote = trader.broker.state.quote;
  if (!position || !quote) return complete({ changed: false, note: 'no such trade is open' });
  const { instrument } = trader.run;
  const sign = position.direction === 'long' ? 1 : -1;
  let { stop, target } = position;
  try {
    if (payload.stopLoss !== undefined) stop = parsePoints(String(payload.stopLoss), instrument);
    const first = Array.isArray(payload.takeProfit) ? (payload.takeProfit as unknown[])[0] : payload.takeProfit;
    const price = typeof first === 'object' && first !== null ? (first as Payload).price : first;
    if (price !== undefined) target = parsePoints(String(price), instrument);
  } catch (error) {
    return refuse('PRICE_INVALID', (error as Error).message);
  }
  const exit = position.direction === 'long' ? quote.bid : quote.ask;
  if ((stop !== null && sign * (exit - stop) <= 0) || (target !== null && sign * (target - exit) <= 0)) {
    return refuse('PRICE_INVALID', `stop and target must lie around the price of ${priceText(exit, instrument)}`);
  }
  if (stop !== null && position.stop !== null && sign * (position.stop - stop) > 0 && !holdsTradingLease) {
    return refuse('LEASE_REQUIRED', 'a looser stop adds risk, and this agent holds no trading lease');
  }
  position.stop = stop;
  position.target = target;
  const shown = (price: number | null) => (price === null ? null : priceText(price, instrument));
  return complete({ stopLoss: shown(stop), takeProfit: shown(target) });
}
