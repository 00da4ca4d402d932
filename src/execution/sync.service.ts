import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { heartbeatSchema } from '../agents/agents.schemas.js';
import { AgentsService } from '../agents/agents.service.js';
import type { DesiredState } from '../agents/desired-state.js';
import { TRADING_LEASE_SECONDS } from '../agents/liveness.js';
import { agentOf } from '../auth/own-rows.js';
import { RateLimiter } from '../auth/rate-limit.js';
import { LeaseService } from '../commands/lease.service.js';
import { toLeasedCommand } from '../commands/commands.schemas.js';
import type { Caller } from '../common/http/caller.js';
import { UnreadablePart } from '../common/http/json-body.js';
import { actorOf } from '../common/principal.js';
import { Problem } from '../common/problem.js';
import { Idempotency } from '../database/idempotency.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { asciiJson, fitting } from './ascii-json.js';
import { barsOf, lacking } from './sync-bars.js';
import { type Sender, SyncElements } from './sync-elements.js';
import { alone, commandIdIn, refIn, type Refusal, refusalOf } from './sync-refusals.js';
import { ackElement, ELEMENT_NAMES, elementsOf, type StoredAnswer, type SyncAnswer, type SyncBody } from './sync.schemas.js';
import { type LastSync, SyncRepository } from './sync.repository.js';

type AckResult = SyncAnswer['acks'][number];
const POLL_EVERY_MS = 1_000;
/** Of one command's payload as its answer spells it: it fits into an answer that holds nothing else. */
const PAYLOAD_BYTES_MOST = 6_000;
/** What surrounds lists, and a desired state with as many of its reasons as are told here. */
const ENVELOPE_BYTES = 1_000;
const REASONS_BYTES = 600;
const REASON_CHARACTERS = 50;

/**
 * Everything that an agent has to say and to hear, in one call and one transaction: a client with one thread has no
 * time for more. Each element stands for a request of its own and fails alone; the answer is stored with its effects,
 * so that a client whose answer was lost sends the same again.
 */
@Injectable()
export class SyncService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly syncs: SyncRepository,
    private readonly agents: AgentsService,
    private readonly elements: SyncElements,
    private readonly leases: LeaseService,
    private readonly idempotency: Idempotency,
    private readonly limiter: RateLimiter,
  ) {}

  /**
   * @throws {Problem} 409 AGENT_INSTANCE_CONFLICT; 409 SYNC_SEQ_STALE for a number below the last; 422 SYNC_SEQ_REUSED for the
   * last number with other content
   */
  async sync(caller: Caller, agentId: string, body: SyncBody): Promise<SyncAnswer> {
    const { state, refused } = readState(body.state);
    const hash = this.hashOf(caller, body);
    // Before the transaction: nobody waits for the count of a key with rows locked.
    const overLimit = isCounted(body) ? await this.limiter.refusalOf(agentOf(caller)) : null;
    const sender: Sender = { caller, agentId, barred: barsOf(agentOf(caller), overLimit) };
    const heard = await inTransaction(this.dataSource, async (tx) => {
      await this.elements.hold(tx, sender, body);
      // Locks the agent's state: syncs of one agent go one after the other.
      const answer = await this.agents.heartbeatWithin(tx, caller, agentId, state);
      if ('holder' in answer) return answer;
      const last = await this.syncs.last(tx, agentId);
      const stored = repeated(last, caller, body.syncSeq, hash);
      return { ...answer, replayed: stored !== null, stored: stored ? await this.stillGiven(tx, stored) : await this.take(tx, sender, body, { hash, refused }) };
    });
    if ('holder' in heard) throw await this.agents.otherInstance(caller, agentId, heard.holder);
    const desiredState = await this.agents.follow(caller, agentId, heard);
    return answerOf(body.syncSeq, { ...heard, desiredState });
  }

  /** Of what has effects, and of what the key may not do: another key of the agent may neither. The state may be a newer one when a sync is repeated. */
  private hashOf(caller: Caller, { trades = [], transitions = [], acks = [], lease, syncSeq, ...body }: SyncBody): string {
    // Others stand in it by name, and only where they are: a sync of before they were known is repeated after an update.
    const more = ELEMENT_NAMES.flatMap((name) => (name in body ? [{ [name]: body[name as keyof typeof body] }] : []));
    const without = lacking(agentOf(caller));
    return this.idempotency.claimOf({ caller: actorOf(caller.principal), key: `sync ${syncSeq}`, request: [trades, transitions, acks, lease ?? null, ...more, ...(without.length > 0 ? [{ without }] : [])] }).hash;
  }

  /** @param refused of the state */
  private async take(tx: Tx, sender: Sender, body: SyncBody, { hash, refused }: { hash: string; refused: Refusal | null }): Promise<StoredAnswer> {
    const { caller, agentId, barred } = sender;
    // Before the trades and commands that it touches, as all do that change an agent and its commands.
    if (body.acks?.length) await this.agents.lock(tx, agentId);
    const taken = await this.elements.take(tx, sender, body);
    const results: SyncAnswer['results'] = [...(refused ? [{ element: 'state', clientRef: null, ...refused }] : []), ...taken.results];
    const acks: AckResult[] = [];
    for (const [n, element] of (body.acks ?? []).entries()) acks.push(await this.ack(tx, sender, element, `acks[${n}]`));
    const noLease = body.lease ? barred('lease') : null;
    if (noLease) results.push({ element: 'lease', clientRef: null, ...refusalOf(noLease) });
    const leased = body.lease && !noLease ? await this.lease(tx, caller, agentId, body.lease, ENVELOPE_BYTES + asciiJson({ results, acks }).length) : { commands: [], oversized: [], more: false };
    const answer = { commands: leased.commands, oversized: leased.oversized, acks, results, nextPollAfterMs: leased.more ? 0 : POLL_EVERY_MS };
    await taken.atEnd();
    await this.syncs.store(tx, agentId, { instance_id: agentOf(caller).instanceId, sync_seq: body.syncSeq, request_hash: hash, answer });
    return answer;
  }

  /** Told again, an opening may have been halted meanwhile: who did not hear of it the first time must not hear of it now. */
  private async stillGiven(tx: Tx, stored: StoredAnswer): Promise<StoredAnswer> {
    if (stored.commands.length === 0) return stored;
    const held = await this.leases.heldBack(tx, stored.commands.map(({ id }) => id));
    return { ...stored, commands: stored.commands.filter(({ id }) => !held.includes(id)) };
  }

  private async ack(tx: Tx, { caller, barred }: Sender, element: unknown, place: string): Promise<AckResult> {
    const done = await alone(tx, element, async (part, given) => {
      const ack = ackElement(given);
      if (ack.outcome === 'succeeded') await this.leases.completeWithin(part, caller, ack.commandId, ack.leaseToken, ack.result);
      else await this.leases.failWithin(part, caller, ack.commandId, ack);
    }, barred('acks'));
    const clientRef = refIn(element);
    return { element: place, ...(clientRef === null ? {} : { clientRef }), commandId: commandIdIn(element), ...('refusal' in done ? done.refusal : { status: 'ok' }) };
  }

  /** As many as fit into the answer; what does not stays in the queue, as if it had not been looked at. */
  private async lease(tx: Tx, caller: Caller, agentId: string, ask: { max: number; leaseSeconds: number }, restBytes: number) {
    await this.leases.lapseWithin(tx, agentId);
    const oversized = await this.leases.oversized(tx, agentId, PAYLOAD_BYTES_MOST);
    for (let max = ask.max; max > 0; ) {
      await tx.query('savepoint lease');
      const commands = (await this.leases.leaseWithin(tx, caller, agentId, { ...ask, max, bytesMost: PAYLOAD_BYTES_MOST })).map(toLeasedCommand);
      const fit = fitting(commands, restBytes);
      if (fit === commands.length) {
        this.leases.countWithin(tx, 'leased', fit);
        return { commands, oversized, more: commands.length === max };
      }
      await tx.query('rollback to savepoint lease');
      max = fit;
    }
    return { commands: [], oversized, more: true };
  }
}

/** One request, whatever number of elements: but what a heartbeat says, and how commands ended, is not held up. */
const isCounted = (body: SyncBody): boolean => countOf(body) > 0 || body.lease != null;

const countOf = (body: SyncBody): number => ELEMENT_NAMES.reduce((count, name) => count + elementsOf(body[name]).length, 0);

/** A report that cannot be read is left out: it still proves that the agent lives. */
function readState(given: unknown) {
  if (given instanceof UnreadablePart) return { state: {}, refused: refusalOf(given.problem) };
  const read = heartbeatSchema.safeParse(given ?? {});
  return read.success ? { state: read.data, refused: null } : { state: {}, refused: refusalOf(read.error) };
}

function repeated(last: LastSync | null, caller: Caller, syncSeq: number, hash: string): StoredAnswer | null {
  if (!last || last.instance_id !== agentOf(caller).instanceId || syncSeq > last.sync_seq) return null;
  if (syncSeq < last.sync_seq) throw new Problem(409, 'SYNC_SEQ_STALE', `The last sync of this copy was number ${last.sync_seq}; this one says ${syncSeq}. Go on with ${last.sync_seq + 1}, or name a new X-Instance-Id after a restart.`, { lastSyncSeq: last.sync_seq });
  if (last.request_hash !== hash) throw new Problem(422, 'SYNC_SEQ_REUSED', `Sync number ${syncSeq} came with other content before: a new one takes a higher number.`, { lastSyncSeq: last.sync_seq });
  return last.answer;
}

function answerOf(syncSeq: number, { desiredState, replayed, stored }: { desiredState: DesiredState; replayed: boolean; stored: StoredAnswer }): SyncAnswer {
  return { syncSeq, replayed, ...stored, desiredState: briefly(desiredState), tradingLeaseSeconds: TRADING_LEASE_SECONDS, serverTime: new Date().toISOString() };
}

/** The strictest of the halts come first, and one always fits; all of them stand in the answer to a heartbeat. */
function briefly({ reasons, ...desiredState }: DesiredState): DesiredState {
  const short = reasons.map((each) => ('reason' in each ? { ...each, reason: each.reason.slice(0, REASON_CHARACTERS) } : each));
  let bytes = 0;
  return { ...desiredState, reasons: short.filter((each, n) => (bytes += asciiJson(each).length + 1) <= REASONS_BYTES || n === 0) };
}
