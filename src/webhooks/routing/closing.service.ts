import { Injectable } from '@nestjs/common';
import type { Decimal } from 'decimal.js';
import { ClosuresService } from '../../closures/closures.service.js';
import { ServerCommands } from '../../commands/server-commands.service.js';
import { Exact, sumOf } from '../../common/decimal.js';
import type { Caller } from '../../common/http/caller.js';
import type { Tx } from '../../database/transaction.js';
import { ApprovalsService } from '../../trade-ideas/approvals.service.js';
import type { Closing, Held } from './plan.js';
import { STEP_ASSUMED } from './proposal.js';
import type { Again } from './routed.js';
import { type Book, type ComingOpening, type HeldTrade, type OpenIdea, RoutingRepository } from './routing.repository.js';

/** What there is of the symbol, and what may come of it. */
export interface Possession {
  trades: HeldTrade[];
  coming: ComingOpening[];
  ideas: OpenIdea[];
}

/** What a close did. */
export interface Closed {
  closureIds: string[];
  /** Cancellations of entry orders at the broker. */
  commandIds: string[];
  /** Openings that nobody had taken yet. */
  cancelledCommandIds: string[];
  /** Ideas that waited for a person or a price. */
  endedIdeaIds: string[];
  tradeIds: string[];
  /** Openings that an agent has, or of which nobody knows: what comes of them is closed too. */
  openingIds: string[];
}

/** For whom something is closed. */
export interface ClosingFor {
  caller: Caller;
  alertId: string;
  sourceId: string;
  book: Book;
}

const PART_AGAIN_SECONDS = 2;
const OPENING_AGAIN_SECONDS = 1;
const UNKNOWN_AGAIN_SECONDS = 5;

/** Carries out what an alert closes. The account is held. */
@Injectable()
export class AlertCloses {
  constructor(
    private readonly repository: RoutingRepository,
    private readonly closures: ClosuresService,
    private readonly commands: ServerCommands,
    private readonly approvals: ApprovalsService,
  ) {}

  async possession(tx: Tx, book: Book, sourceId: string): Promise<Possession> {
    return { trades: await this.repository.trades(tx, book), coming: await this.repository.coming(tx, book), ideas: await this.repository.openIdeas(tx, book, sourceId) };
  }

  /** All of it, and all that may become of it. Agent and trades are locked. */
  async closeAll(tx: Tx, whose: ClosingFor, possession: Possession, direction: Closing['direction']): Promise<Closed> {
    const { trades, coming, ideas } = ofDirection(possession, direction);
    const reason = `alert ${whose.alertId}`;
    const endedIdeaIds: string[] = [];
    for (const { id } of ideas) if (await this.approvals.withdrawWithin(tx, whose.caller, id, `an exit came: ${reason}`)) endedIdeaIds.push(id);
    const closureIds = await this.want(tx, whose, trades.map(({ id }) => ({ tradeId: id, size: null })));
    const commandIds: string[] = [];
    for (const { id } of trades.filter(({ entry_works: works }) => works)) commandIds.push((await this.commands.queueCancel(tx, whose.book.executorId, { tradeId: id, reason }, whose.caller)).id);
    const cancelled = await this.cancelOpenings(tx, whose, coming.map(({ command_id: id }) => id));
    return {
      closureIds, commandIds, cancelledCommandIds: cancelled, endedIdeaIds, tradeIds: trades.map(({ id }) => id),
      openingIds: coming.map(({ command_id: id }) => id).filter((id) => !cancelled.includes(id)),
    };
  }

  /**
   * A part, the oldest trade first, down to the step. A trade of which a part is being closed already waits for that: one closure
   * could not be told from the other, and would be lost.
   * @returns null: less than one step
   */
  async closePart(tx: Tx, whose: ClosingFor, possession: Possession, { direction, part }: Closing): Promise<Closed | Again['again'] | null> {
    const { trades, coming, ideas } = ofDirection(possession, direction);
    const left = trades.filter(({ closing_all: closing }) => !closing);
    const total = new Exact(sumOf(left.map(({ open_size: size }) => size)));
    if (ideas.length > 0 || coming.some(({ status }) => status !== 'unknown') || (total.isZero() && coming.length > 0)) return inFlight(coming);
    if (left.some(({ closing_part: closing }) => closing)) {
      return { code: 'PARTIAL_CLOSE_UNDER_WAY', detail: 'A part of it is being closed already: this part follows when that has ended.', inSeconds: PART_AGAIN_SECONDS, counts: false };
    }
    const nothing: Closed = { closureIds: [], commandIds: [], cancelledCommandIds: [], endedIdeaIds: [], tradeIds: [], openingIds: [] };
    // All of it is being closed, which is more than was asked for.
    if (total.isZero()) return { ...nothing, tradeIds: trades.map(({ id }) => id) };
    const step = (await this.repository.sizeStep(tx, whose.book)) ?? STEP_ASSUMED;
    const wanted = part === 'all' ? total : 'size' in part ? Exact.min(part.size, total) : total.times(part.of).div(part.from);
    const size = wanted.gte(total) ? total : wanted.div(step).toDecimalPlaces(0, Exact.ROUND_DOWN).times(step);
    if (size.lte(0)) return null;
    const parts = allocated(left, size);
    return { ...nothing, closureIds: await this.want(tx, whose, parts), tradeIds: parts.map(({ tradeId }) => tradeId) };
  }

  /** What has become of openings since; of trades that came of them all is closed. Those that may still come are answered. */
  async follow(tx: Tx, whose: ClosingFor, openingIds: readonly string[]): Promise<Closed & { waits: Again['again'] | null }> {
    const { coming, trades } = await this.repository.openings(tx, openingIds);
    await this.repository.lock(tx, whose.book.executorId, trades.map(({ id }) => id));
    const closureIds = await this.want(tx, whose, trades.filter(({ closing_all: closing }) => !closing).map(({ id }) => ({ tradeId: id, size: null })));
    const cancelled = await this.cancelOpenings(tx, whose, coming.map(({ command_id: id }) => id));
    const left = coming.filter(({ command_id: id }) => !cancelled.includes(id));
    return {
      closureIds, commandIds: [], cancelledCommandIds: cancelled, endedIdeaIds: [], tradeIds: trades.map(({ id }) => id), openingIds: left.map(({ command_id: id }) => id),
      waits: left.length === 0 ? null : inFlight(left),
    };
  }

  private async want(tx: Tx, { caller, alertId, sourceId }: ClosingFor, parts: readonly { tradeId: string; size: string | null }[]): Promise<string[]> {
    const rows = await this.closures.wantAll(tx, caller, parts.map((part) => ({ ...part, cause: 'signal' as const, alertId, exitReason: 'signal' as const, detail: { sourceId } })));
    return rows.map(({ id }) => id);
  }

  private async cancelOpenings(tx: Tx, { caller, alertId }: ClosingFor, ids: readonly string[]): Promise<string[]> {
    const cancelled: string[] = [];
    for (const id of ids) if (await this.commands.cancelOpening(tx, caller, id, `alert ${alertId}: it is not wanted any more`)) cancelled.push(id);
    return cancelled;
  }
}

function inFlight(coming: readonly { status: string }[]): Again['again'] {
  const unknown = coming.length > 0 && coming.every(({ status }) => status === 'unknown');
  return {
    code: 'OPENING_IN_FLIGHT', detail: unknown ? 'Nobody knows what became of an opening: what comes of it is closed when that is settled.' : 'An opening is under way: what comes of it is closed when that is known.',
    inSeconds: unknown ? UNKNOWN_AGAIN_SECONDS : OPENING_AGAIN_SECONDS, counts: false,
  };
}

const ofDirection = ({ trades, coming, ideas }: Possession, direction: Closing['direction']): Possession => {
  const isMeant = (each: { direction: string }) => direction === null || each.direction === direction;
  return { trades: trades.filter(isMeant), coming: coming.filter(isMeant), ideas: ideas.filter(isMeant) };
};

/** The oldest first. Of a trade that it takes whole, whatever is open then is closed. */
function allocated(trades: readonly HeldTrade[], size: Decimal): { tradeId: string; size: string | null }[] {
  let left = size;
  return trades.flatMap(({ id, open_size: open }) => {
    const taken = Exact.min(left, open);
    left = left.minus(taken);
    return taken.lte(0) ? [] : [{ tradeId: id, size: taken.eq(open) ? null : taken.toFixed() }];
  });
}

/** As the plan looks at it. */
export function heldOf(possession: Possession): Held {
  const side = (direction: 'long' | 'short') => {
    const { trades, coming, ideas } = ofDirection(possession, direction);
    return { size: sumOf(trades.map(({ open_size: size }) => size)), coming: sumOf([...coming, ...ideas].map(({ size }) => size)), present: trades.length > 0 };
  };
  return { long: side('long'), short: side('short') };
}
