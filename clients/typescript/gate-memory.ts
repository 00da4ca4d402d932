import { rememberAsked, rememberDone, type AgentMemory, type Asked, type CommandAnswer, type Owed, type Proposal } from './agent-memory.js';
import type { Command } from './command-handlers.js';
import { predictionRef, skipFact, type FactDraft } from './facts.js';
import { explainSkip, type IdeaAnswer, type Reason } from './ideas.js';
import type { Instrument } from './instrument.js';

/** What is remembered of ideas and openings between a signal and the server's receipt of what became of it. */
export class GateMemory {
  constructor(
    private readonly memory: AgentMemory,
    /** Makes all changes last, with these facts. */
    private readonly commit: (facts: readonly FactDraft[]) => void,
  ) {}

  /** The signal that waits to be brought to the gate. */
  get proposal(): Proposal | null {
    return this.memory.proposal;
  }

  /** A crash may follow before its command is carried out, so it becomes lasting with that, or with `letGo`. */
  asked({ signalId, grounds }: Proposal, ideaId: string): void {
    rememberAsked(this.memory, { ideaId, signalId, grounds });
  }

  askedAs(ideaId: string | undefined): Asked | undefined {
    return this.memory.asked.find((each) => each.ideaId === ideaId);
  }

  letGo(): void {
    if (!this.memory.proposal) return;
    this.memory.proposal = null;
    this.commit([]);
  }

  /** Nothing comes of it, and the reasons are told. */
  skip(proposal: Proposal, reasons: readonly Reason[], instrument: Instrument, answer?: IdeaAnswer): void {
    this.memory.proposal = null;
    this.commit([skipFact(proposal.signalId, explainSkip(proposal, reasons, instrument, answer))]);
  }

  /** Predictions that ideas and trades to come rest on. */
  get neededRefs(): string[] {
    const { proposal, asked } = this.memory;
    return [...(proposal ? [proposal] : []), ...asked].map(({ signalId }) => predictionRef(signalId));
  }

  /** Keeps the answer to an opening until the server has it, with what it has led to. */
  owe({ id, leaseToken }: Pick<Command, 'id' | 'leaseToken'>, answer: CommandAnswer, facts: readonly FactDraft[] = []): void {
    const { memory } = this;
    if (!memory.done.some((done) => done.id === id)) rememberDone(memory, id, answer);
    memory.owed = [...memory.owed.filter(({ commandId }) => commandId !== id), { commandId: id, leaseToken, answer }];
    this.commit(facts);
  }

  get owed(): readonly Owed[] {
    return this.memory.owed;
  }

  /** The server has it, or will not take it any more. Lasting with the next change: until then it would be told twice, which is once. */
  paid(paid: Owed): void {
    this.memory.owed = this.memory.owed.filter((owed) => owed !== paid);
  }
}
