import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { conflict, notFound, Problem } from '../common/problem.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { type Decided, GateService } from '../risk/gate/gate.service.js';
import { Events } from '../events/events.service.js';
import { ReservationsRepository } from '../risk/reservations.repository.js';
import { isInside } from './idea-digest.js';
import { isOpen } from './idea-status.js';
import { type IdeaRow, IdeasRepository } from './ideas.repository.js';
import { bound, IdeaOutcomes, priceNow, requestOf } from './outcomes.service.js';

/** A refusal that leaves something behind is thrown when that has committed. */
type Answer = { idea: IdeaRow } | { refusal: Problem };

/** What people answer. Whoever locks the account first decides; everybody else is told who that was. */
@Injectable()
export class ApprovalsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ideas: IdeasRepository,
    private readonly outcomes: IdeaOutcomes,
    private readonly gate: GateService,
    private readonly reservations: ReservationsRepository,
    private readonly events: Events,
  ) {}

  /**
   * Carries an idea out as it was shown: what the digest names, at a price inside the band, if the gate lets it through now.
   * What the gate refuses then is over, and the answer says so.
   * @throws {Problem} 404; 409 IDEA_NOT_PENDING, IDEA_EXPIRED, DIGEST_MISMATCH, PRICE_MOVED
   */
  async approve(caller: Caller, id: string, digest: string, reason: string | null): Promise<IdeaRow> {
    return answered(await inTransaction(this.dataSource, (tx) => this.approveWithin(tx, caller, id, digest, reason)));
  }

  /** @throws {Problem} 404; 409 IDEA_NOT_PENDING, IDEA_EXPIRED */
  async reject(caller: Caller, id: string, reason: string): Promise<IdeaRow> {
    return answered(await inTransaction(this.dataSource, async (tx): Promise<Answer> => {
      const idea = await this.hold(tx, id);
      if (!isOpen(idea.status)) return { refusal: notPending(idea) };
      const expired = await this.expireIfLate(tx, idea);
      if (expired) return { refusal: tooLate(expired) };
      const { idea: rejected } = await this.outcomes.step(tx, caller, idea, { status: 'rejected', reasons: idea.reasons, ended_reason: reason }, {
        type: 'human_rejected', decided: null, humanOverride: { action: 'reject', by: actorOf(caller.principal), digest: idea.digest, reason }, reason,
      });
      return { idea: rejected };
    }));
  }

  /** Ends what nobody has answered because what was wanted is not wanted any more; false when it is over already. In a transaction that holds its account. */
  async withdrawWithin(tx: Tx, caller: Caller, id: string, reason: string): Promise<boolean> {
    const idea = await this.hold(tx, id);
    if (!isOpen(idea.status) || (await this.expireIfLate(tx, idea))) return false;
    await this.outcomes.step(tx, caller, idea, { status: 'rejected', reasons: idea.reasons, ended_reason: reason }, { type: 'risk_rejected', decided: null, reason });
    return true;
  }

  /**
   * Frees what is reserved for an opening that was done and of which no trade was ever told: a person has looked at the broker.
   * @throws {Problem} 404; 409 RESERVATION_NOT_STUCK while the command goes on, or when nothing is held
   */
  release(caller: Caller, id: string, reason: string): Promise<IdeaRow> {
    return inTransaction(this.dataSource, async (tx) => {
      const idea = await this.hold(tx, id);
      const released = idea.command_id !== null && (await this.reservations.release(tx, idea.command_id));
      if (!released) throw conflict('RESERVATION_NOT_STUCK', 'Only what is reserved for a command that succeeded, and of which no trade was told, is freed by hand; an unknown command is settled.');
      await this.events.append(tx, caller, [{
        type: 'reservation.released', subjectId: idea.command_id, agentId: idea.executor_id, accountId: idea.account_id, data: { ideaId: id, commandId: idea.command_id, symbol: idea.symbol, reason },
      }]);
      return idea;
    });
  }

  /** The account, then the idea. */
  async hold(tx: Tx, id: string): Promise<IdeaRow> {
    const known = await this.ideas.byId(id, tx);
    if (!known) throw notFound('idea');
    await this.gate.holdAccount(tx, known.account_id);
    const idea = await this.ideas.lock(tx, id);
    if (!idea) throw new Error('the idea was there, and is not');
    return idea;
  }

  /** Ends it when its time is over; null when it is not. The idea is locked, and open. */
  async expireIfLate(tx: Tx, idea: IdeaRow): Promise<IdeaRow | null> {
    if (!(await this.ideas.isLate(tx, idea.id))) return null;
    const endedReason = idea.status === 'waiting' ? `the price did not come within ${idea.valid_for_seconds} s` : 'nobody approved it in time';
    const { idea: expired } = await this.outcomes.step(tx, null, idea, { status: 'expired', reasons: idea.reasons, ended_reason: endedReason }, { type: 'risk_rejected', decided: null, reason: endedReason });
    return expired;
  }

  /** All that waits for a price or a person, whatever its time: of a system whose yesterday is not known. Accounts must be locked. Answers how many. */
  async expireAll(tx: Tx, reason: string): Promise<number> {
    const ids = await this.ideas.open(tx);
    for (const id of ids) {
      const idea = await this.ideas.lock(tx, id);
      if (idea && isOpen(idea.status)) await this.outcomes.step(tx, null, idea, { status: 'expired', reasons: idea.reasons, ended_reason: reason }, { type: 'risk_rejected', decided: null, reason });
    }
    return ids.length;
  }

  private async approveWithin(tx: Tx, caller: Caller, id: string, digest: string, reason: string | null): Promise<Answer> {
    const idea = await this.hold(tx, id);
    if (idea.status !== 'needs_approval') return { refusal: notPending(idea) };
    const expired = await this.expireIfLate(tx, idea);
    if (expired) return { refusal: tooLate(expired) };
    if (digest !== idea.digest) return { refusal: mismatch(idea) };
    const decided = await this.gate.decide(tx, requestOf(idea, true));
    const moved = await this.ifMoved(tx, idea, decided);
    if (moved) return { refusal: moved };
    return { idea: await this.conclude(tx, caller, idea, decided, reason) };
  }

  private async conclude(tx: Tx, caller: Caller, idea: IdeaRow, decided: Decided, reason: string | null): Promise<IdeaRow> {
    const { verdict, reasons } = decided.assessment;
    const humanOverride = { action: 'approve', by: actorOf(caller.principal), digest: idea.digest, reason };
    if (verdict === 'approved') {
      const commandId = uuidv7();
      await this.outcomes.carryOut(tx, caller, idea, decided, commandId);
      return (await this.outcomes.step(tx, caller, idea, { status: 'approved', reasons, approved_by: actorOf(caller.principal), command_id: commandId, ended_reason: reason }, { type: 'human_approved', decided, humanOverride, reason })).idea;
    }
    // A person was asked, so what still asks or waits is no answer.
    if (verdict !== 'rejected' && verdict !== 'halted_by_risk') throw new Error(`an approved idea was answered ${verdict}`);
    const endedReason = `approved, and refused by the gate: ${reasons[0]?.code ?? ''}`;
    return (await this.outcomes.step(tx, caller, idea, { status: verdict, reasons, ended_reason: endedReason }, { type: 'risk_rejected', decided, humanOverride, reason })).idea;
  }

  /** The price has left the band, or the strategy is another version: what is stored now may be approved, within the same time. */
  private async ifMoved(tx: Tx, idea: IdeaRow, decided: Decided): Promise<Problem | null> {
    const price = priceNow(decided);
    const version = decided.input.strategy?.version ?? null;
    const band = idea.band_low === null || idea.band_high === null ? null : { low: idea.band_low, high: idea.band_high };
    const isOut = decided.assessment.verdict === 'waiting' || (price !== null && (band === null || !isInside(price, band)));
    if (!isOut && version === idea.strategy_version) return null;
    const now = bound({ ...idea, strategy_version: version }, price);
    const moved = await this.ideas.step(tx, idea, { status: idea.status, reasons: idea.reasons, strategy_version: version, ...now });
    await this.outcomes.tellMoved(tx, moved, price);
    return isOut ? priceMoved(moved, price) : mismatch(moved);
  }
}

function answered(answer: Answer): IdeaRow {
  if ('refusal' in answer) throw answer.refusal;
  return answer.idea;
}

const notPending = ({ status, approved_by, decided_by, ended_reason }: IdeaRow): Problem => {
  const by = approved_by ?? decided_by;
  return conflict('IDEA_NOT_PENDING', `The idea is ${status}${by === null ? '' : `, by ${by}`}${ended_reason === null ? '' : `: ${ended_reason}`}.`);
};
const tooLate = ({ ended_reason }: IdeaRow): Problem => conflict('IDEA_EXPIRED', `The idea has expired: ${ended_reason}. A new one is priced now.`);
const shown = ({ digest, band_low, band_high }: IdeaRow) => ({ digest, priceBand: band_low === null || band_high === null ? null : { low: band_low, high: band_high } });
const mismatch = (idea: IdeaRow): Problem => new Problem(409, 'DIGEST_MISMATCH', 'This digest is not that of what would be traded now: look at the idea again.', shown(idea));
const priceMoved = (idea: IdeaRow, price: string | null): Problem =>
  new Problem(409, 'PRICE_MOVED', `The price is ${price ?? 'not known'}, not inside the band that this digest covers. The new digest covers ${idea.band_low} to ${idea.band_high}; the time to approve goes on as it was.`, shown(idea));
