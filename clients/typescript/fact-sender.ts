import { Refused, ServerAway, type Api } from './api.js';
import { Backoff, pause } from './backoff.js';
import { cannotContinue } from './link.js';
import type { Fact, Spool } from './spool.js';

/** A fact on which the server fails this often (5xx other than 503) is put aside: it must not block those behind it. */
const MAX_SERVER_ERRORS = 8;

/** A fact that needs the id of one that the server refused. */
class DependsOnRejected extends Error {}

/** Sends spooled facts one by one, in order. Only one sending runs at a time, whoever asks for it. */
export class FactSender {
  private sending: Promise<void> | null = null;
  private onEmpty: () => void = () => undefined;
  private serverErrors = { seq: 0, count: 0 };
  private readonly backoff = new Backoff();

  constructor(
    private readonly api: Api,
    private readonly spool: Spool,
    private readonly stop: AbortSignal,
    private readonly hooks: {
      say: (line: string) => void;
      /** Names whose ids something still needs. */
      neededRefs: () => ReadonlySet<string>;
      onSent: () => void;
      /** Between two facts, and when none is left: other things that have their place among them. */
      between: (next: Fact | undefined) => Promise<void>;
    },
  ) {}

  /** Resolves when the spool is empty, and what belongs behind it is told, or the agent stops. @throws ServerAway, CannotContinue; Refused while another copy counts */
  sendAll(): Promise<void> {
    this.sending ??= this.work().finally(() => (this.sending = null));
    return this.sending;
  }

  /** Resolves when the server has every fact, without waiting for what belongs behind the last. @throws as `sendAll` */
  async sendFacts(): Promise<void> {
    if (this.spool.size === 0) return;
    const none = new Promise<void>((resolve) => (this.onEmpty = resolve));
    const all = this.sendAll();
    all.catch(() => undefined);
    await Promise.race([all, none]);
  }

  private async work(): Promise<void> {
    while (!this.stop.aborted) {
      const fact = this.spool.first();
      await this.hooks.between(fact);
      if (fact) await this.sendOne(fact);
      else if (this.spool.size === 0) return;
      this.spool.compact(this.hooks.neededRefs());
    }
  }

  private async sendOne(fact: Fact): Promise<void> {
    try {
      const { body } = await this.api.post<{ id?: string; orderTag?: string } | null>(this.pathOf(fact), this.bodyOf(fact), {
        idempotencyKey: fact.key,
      });
      this.backoff.reset();
      this.spool.markSent(fact, body?.id, body?.orderTag);
      this.hooks.onSent();
      if (this.spool.size === 0) this.onEmpty();
    } catch (error) {
      await this.onFailure(fact, error);
    }
  }

  private async onFailure(fact: Fact, error: unknown): Promise<void> {
    if (error instanceof DependsOnRejected) return this.reject(fact, 0, error.message);
    if (error instanceof Refused) {
      if (error.status === 401) throw cannotContinue(error);
      // Nothing is wrong with the fact: it waits until this copy is the one that counts.
      if (error.code === 'AGENT_INSTANCE_CONFLICT') throw error;
      return this.reject(fact, error.status, error.message);
    }
    if (!(error instanceof ServerAway)) throw error;
    if (error.status >= 500 && error.status !== 503) {
      const count = this.serverErrors.seq === fact.seq ? this.serverErrors.count + 1 : 1;
      this.serverErrors = { seq: fact.seq, count };
      if (count >= MAX_SERVER_ERRORS) return this.reject(fact, error.status, error.message);
    }
    if (error.status === 0 || error.status >= 500) throw error;
    await pause(this.backoff.next(error.retryAfterMs), this.stop);
  }

  private reject(fact: Fact, status: number, reason: string): void {
    this.spool.markRejected(fact, { status, reason, at: new Date().toISOString() });
    this.hooks.say(`REJECTED fact ${fact.seq} (${fact.path}): ${reason}; ${this.spool.rejectedCount} in rejected.jsonl`);
  }

  private pathOf(fact: Fact): string {
    return fact.path.replace(/\{([^}]+)\}/g, (_whole, ref: string) => {
      const id = this.spool.idOf(ref);
      if (!id) throw new DependsOnRejected(`it needs the id of ${ref}, which the server does not have`);
      return id;
    });
  }

  /** `{"$ref": name}` becomes the id; where there is none, the field is left out: a trade stands without its prediction. */
  private bodyOf(fact: Fact): Record<string, unknown> {
    const body: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(fact.body)) {
      if (typeof value === 'object' && value !== null && '$ref' in value) {
        const id = this.spool.idOf(String(value.$ref));
        if (id) body[name] = id;
      } else {
        body[name] = value;
      }
    }
    return body;
  }
}
