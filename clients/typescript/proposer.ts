import type { Proposal } from './agent-memory.js';
import { Refused, ServerAway, type Api } from './api.js';
import { patiently } from './backoff.js';
import type { Command } from './command-handlers.js';
import { predictionRef } from './facts.js';
import { ideaBody, IDEA_VALID_SECONDS, type IdeaAnswer, type Reason } from './ideas.js';
import type { Link } from './link.js';
import type { Trader } from './trader.js';

/** The gate answers in milliseconds. A price is not worth waiting longer for. */
const ANSWER_WITHIN_MS = 5_000;
/** Nor longer than this for a connection that broke a moment ago. */
const BACK_WITHIN_MS = 2_000;

export interface ProposerHooks {
  trader: () => Trader;
  /** Sends what is in the spool: the exit that made room, and the prediction that the idea rests on. */
  sendFacts: () => Promise<void>;
  /** Tells the present quote. */
  tellQuote: () => Promise<void>;
  /** Carries out a command that came with the answer. */
  execute: (command: Command) => void;
  say: (line: string) => void;
}

/**
 * Brings a signal to the gate. An idea is priced now: it is asked for once, and when the server cannot be reached nothing
 * is opened; unlike a fact it is never kept for later. Only after a crash it is asked for again, under the same key and
 * while it is still new, because it may have been allowed and its command may be waiting.
 */
export class Proposer {
  constructor(
    private readonly api: Api,
    private readonly link: Link,
    private readonly strategyId: string | undefined,
    private readonly hooks: ProposerHooks,
  ) {}

  /** @returns the gate's answer; null where there was nothing to ask, or no answer. @throws CannotContinue as `link.cope` */
  async propose(): Promise<IdeaAnswer | null> {
    const trader = this.hooks.trader();
    const { proposal } = trader.gate;
    if (!proposal) return null;
    try {
      const late = this.tooLate(proposal);
      if (late) return this.skip(proposal, late);
      await this.tellFirst();
      // A server that took long to take the facts has left the price behind.
      const lateNow = this.tooLate(proposal);
      if (lateNow) return this.skip(proposal, lateNow);
      return this.take(proposal, await this.ask(proposal));
    } catch (error) {
      if (!(error instanceof ServerAway) && !(error instanceof Refused)) throw error;
      const away = error instanceof ServerAway;
      this.skip(proposal, { code: away ? 'SERVER_AWAY' : error.code || 'IDEA_REFUSED', message: error.message });
      if (away) this.link.markDown(error);
      else if (error.status === 401 || error.code === 'AGENT_INSTANCE_CONFLICT') await this.link.cope(error);
      return null;
    }
  }

  /** The server has to know what went before, and at which price. @throws ServerAway */
  private async tellFirst(): Promise<void> {
    const quoted = this.hooks.tellQuote();
    quoted.catch(() => undefined);
    try {
      await this.hooks.sendFacts();
    } catch (error) {
      if (!(error instanceof ServerAway)) throw error;
      this.link.markDown(error);
      await patiently(BACK_WITHIN_MS, this.link.whenUp());
      if (!this.link.isUp) throw error;
      await this.hooks.sendFacts();
    }
    await quoted;
  }

  private async ask(proposal: Proposal): Promise<IdeaAnswer> {
    const trader = this.hooks.trader();
    const predictionId = trader.spool.idOf(predictionRef(proposal.signalId)) ?? undefined;
    const body = ideaBody(proposal, trader.run.instrument, { predictionId, strategyId: this.strategyId });
    const options = { idempotencyKey: proposal.key, timeoutMs: ANSWER_WITHIN_MS };
    const answer = await this.api.post<IdeaAnswer>('/trade-ideas?lease=1', body, options);
    return answer.body;
  }

  private take(proposal: Proposal, answer: IdeaAnswer): IdeaAnswer {
    const trader = this.hooks.trader();
    const reasons = answer.decision?.reasons ?? [];
    const codes = reasons.map(({ code }) => code).join(', ');
    this.hooks.say(`idea ${proposal.direction} ${proposal.lots}: ${answer.status}${codes === '' ? '' : ` (${codes})`}`);
    if (answer.status === 'rejected' || answer.status === 'halted_by_risk' || answer.status === 'expired') {
      trader.gate.skip(proposal, reasons, trader.run.instrument, answer);
      return answer;
    }
    trader.gate.asked(proposal, answer.id);
    // The proposal is let go after its command was carried out: a crash between the two asks again, and finds it done.
    if (answer.command) this.hooks.execute(answer.command);
    trader.gate.letGo();
    return answer;
  }

  private tooLate({ madeAt }: Proposal): Reason | null {
    const ageSeconds = (this.link.now().getTime() - Date.parse(madeAt)) / 1000;
    if (Math.abs(ageSeconds) < IDEA_VALID_SECONDS) return null;
    return { code: 'IDEA_EXPIRED', message: `the signal is ${Math.round(ageSeconds)} s old` };
  }

  private skip(proposal: Proposal, reason: Reason): null {
    this.hooks.say(`no idea was asked for (${reason.code}: ${reason.message})`);
    const trader = this.hooks.trader();
    trader.gate.skip(proposal, [reason], trader.run.instrument);
    return null;
  }
}
