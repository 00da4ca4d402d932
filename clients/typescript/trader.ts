import { Decimal } from 'decimal.js';
import { newRun, rememberDone, saveMemory } from './agent-memory.js';
import type { AgentMemory, CommandAnswer, Grounds, RunMemory } from './agent-memory.js';
import type { Candle } from './candle-file.js';
import type { Command } from './command-handlers.js';
import { explainEntry, explainExit } from './explain.js';
import { explanationFact, fillFact, openedFact, predictionBatchFact, predictionFact, reconcileFact, skipFact, tradeRef } from './facts.js';
import type { FactDraft, Stamp } from './facts.js';
import { actByHand } from './hand.js';
import { priceText, quoteAround } from './instrument.js';
import { GateMemory } from './gate-memory.js';
import { explainSkip, proposalOf } from './ideas.js';
import type { MarketPosition } from './market.js';
import { afterCrash, filledUnder, type OpenOrder } from './openings.js';
import { PaperBroker, type ClosedTrade, type ExitReason, type Position } from './paper-broker.js';
import { predictionOf } from './predicting.js';
import { reconciliation } from './positions-report.js';
import { advance, type Reading } from './signals.js';
import type { Spool } from './spool.js';
import { decide, leaning, type Signal } from './strategy.js';
import type { Permission, TraderOptions } from './trader-options.js';
import { confidenceOf, HORIZON_CANDLES, noteClaim, outcomesBehind, scoreDue, type Claim } from './track-record.js';

const WATCHING: Permission = { decide: false, against: null };
const BATCH_MAX = 24;
const BATCH_WAIT_MS = 5_000;
/** Candles after which the state is saved although nothing happened: what a crash makes the agent walk again. */
const SAVE_EVERY_CANDLES = 200;

/**
 * Everything between a candle and the facts that follow from it: strategy, paper broker, durable state. No network.
 * Each change ends in one commit: facts into the spool, then the state file, and only then may the facts be sent. A
 * crash before the state file is replaced undoes the whole step; after it the step has happened. Nothing is in between.
 */
export class Trader {
  broker: PaperBroker;
  readonly gate: GateMemory;
  private batchBeganMs = 0;
  private candlesSinceSave = 0;
  private held = '';

  constructor(
    private readonly memory: AgentMemory,
    readonly spool: Spool,
    private readonly options: TraderOptions,
  ) {
    const { market, instrument, initialBalance } = options;
    const over = memory.run !== null && memory.run.finished && (memory.run.told || market.length === null);
    if (memory.run?.fingerprint !== market.fingerprint || over) {
      // Another market was asked for: what the run before left open is closed at the last price it knew.
      if (memory.run) {
        this.broker = this.brokerOf(memory.run);
        this.finish();
      }
      memory.run = newRun(market, instrument, initialBalance);
      Object.assign(memory, { proposal: null, asked: [] });
      saveMemory(options.folder, memory);
    }
    this.broker = this.brokerOf(memory.run);
    this.held = this.holding();
    this.gate = new GateMemory(memory, (facts) => this.commit(facts));
    for (const { commandId: id, leaseToken, orderTag } of memory.sent.splice(0)) this.gate.owe({ id, leaseToken }, afterCrash(this, orderTag));
  }

  get run(): RunMemory {
    return this.memory.run!;
  }

  /** Takes the next candle. False when there is none. */
  step(permission: Permission): boolean {
    const next = this.run.finished ? null : this.options.market.next(this.run.market);
    if (!next) return false;
    this.onCandle(next.candle, next.position, permission);
    return true;
  }

  /** Candles that only teach the indicators, before a random market shows its first one. */
  warmUp(candles: number): void {
    if (this.run.market.index > 0) return;
    for (let i = 0; i < candles; i++) this.step(WATCHING);
    this.commit([]);
  }

  /** Closes everything at the present quote. @returns the server's ids of the trades, where known. */
  closeAll(reason: ExitReason, done?: { id: string; answer: (closed: string[]) => CommandAnswer }): string[] {
    const closed = [...this.broker.state.positions].flatMap((position) => this.broker.close(position, reason) ?? []);
    const names = closed.map((trade) => this.tradeIdOf(trade.position) ?? trade.position.clientOrderId);
    if (done) rememberDone(this.memory, done.id, done.answer(names));
    this.commit(this.tell(closed));
    return names;
  }

  /** Closes `lots` of one position (all by default). */
  closePosition(position: Position, lots: string | undefined, reason: ExitReason, commandId: string, answer: CommandAnswer): void {
    const closed = this.broker.close(position, reason, lots);
    rememberDone(this.memory, commandId, answer);
    this.commit(this.tell(closed ? [closed] : []));
  }

  /** Remembers how a command was answered, together with whatever it changed. */
  settle(commandId: string, answer: CommandAnswer): void {
    rememberDone(this.memory, commandId, answer);
    this.commit([]);
  }

  answerOf(commandId: string): CommandAnswer | undefined {
    return this.memory.done.find(({ id }) => id === commandId)?.answer;
  }

  /** Sends an order to the broker. That it is going to be sent is on the disk before, and what became of it after. */
  open(command: Command, order: OpenOrder): CommandAnswer {
    const { run, memory, config } = this;
    const { gated, direction, lots } = order;
    memory.sent.push({ commandId: command.id, leaseToken: command.leaseToken, orderTag: gated.orderTag });
    saveMemory(this.options.folder, memory);
    const index = run.market.index;
    const position = this.broker.open({ ...order, clientOrderId: gated.orderTag, index, commissionPerLot: config.commissionPerLot });
    this.announce(`${direction} ${lots} at ${priceText(position.entry, run.instrument)}`);
    const facts = [openedFact(position, run.instrument, this.stamp()), ...this.tell([])];
    const grounds = this.gate.askedAs(gated.ideaId)?.grounds;
    if (grounds) facts.push(explanationFact(position.clientOrderId, explainEntry({ position, ...grounds }, run.instrument)));
    memory.sent = memory.sent.filter(({ commandId }) => commandId !== command.id);
    memory.asked = memory.asked.filter(({ ideaId }) => ideaId !== gated.ideaId);
    if (memory.proposal?.signalId === gated.signalId) memory.proposal = null;
    const answer = filledUnder(this, gated.orderTag)!;
    this.gate.owe(command, answer, facts);
    return answer;
  }

  /** What facts and ideas to come will need the id of. */
  get neededRefs(): Set<string> {
    return new Set([...this.gate.neededRefs, ...this.broker.state.positions.map(({ clientOrderId }) => tradeRef(clientOrderId))]);
  }

  get config() {
    return this.memory.config;
  }

  setConfig(config: AgentMemory['config']): void {
    this.memory.config = config;
  }

  positionOfTrade(tradeId: string): Position | undefined {
    return this.broker.state.positions.find((position) => this.tradeIdOf(position) === tradeId);
  }

  tradeIdOf(position: Position): string | undefined {
    return position.adoptedAs ?? this.spool.idOf(tradeRef(position.clientOrderId)) ?? undefined;
  }

  orderTagOf(clientOrderId: string): string | undefined {
    return this.spool.orderTagOf(tradeRef(clientOrderId));
  }

  /** Number of the last fact: what the broker shows at this moment has been told with it. */
  get factSeq(): number {
    return this.memory.factSeq;
  }

  /** Positions of which the server has said nothing yet, and will hear by reports alone. */
  get unadopted(): Position[] {
    return this.broker.state.positions.filter(({ byHand, adoptedAs }) => byHand && adoptedAs === undefined);
  }

  /** The server has made a trade of it. */
  adopted(position: Position, tradeId: string): void {
    position.adoptedAs = tradeId;
    this.commit([]);
  }

  /** Ends the run: what is still open is closed at the last price, so that every trade has a result. */
  finish(): void {
    if (this.run.finished) return;
    const closed = [...this.broker.state.positions].flatMap((position) => this.broker.close(position, position.byHand ? 'external' : 'square_off') ?? []);
    this.run.finished = true;
    this.commit([...this.tell(closed), ...this.takeBatch()]);
  }

  /** The summary has been seen: the next run over the same market is a new one. */
  acknowledge(): void {
    this.run.told = true;
    saveMemory(this.options.folder, this.memory);
  }

  /** Sends what waits for company, and saves. */
  flush(): void {
    this.commit(this.takeBatch());
  }

  private onCandle(candle: Candle, position: MarketPosition, permission: Permission): void {
    const { run } = this;
    run.market = position;
    run.firstCandle ??= candle.time;
    run.lastCandle = candle.time;
    run.cycleCount += 1;
    run.lastCycleAt = this.options.now().toISOString();
    run.beganAt ??= run.lastCycleAt;
    // Exits come first and ask nobody: a pause, a halt or a lost server must not leave a position without its stop.
    const facts = this.tell(this.broker.onCandle(candle));
    facts.push(...this.actByHand());
    run.record = scoreDue(run.record, this.broker.state.quote!, position.index);
    const { state, reading } = advance(run.indicators, candle, this.config);
    run.indicators = state;
    if (reading && permission.decide) facts.push(...this.follow(reading, candle, permission));
    if (run.batch.length >= BATCH_MAX || (run.batch.length > 0 && Date.now() - this.batchBeganMs >= BATCH_WAIT_MS)) {
      facts.push(...this.takeBatch());
    }
    this.candlesSinceSave += 1;
    const moved = facts.length > 0 || this.holding() !== this.held;
    if (moved || this.candlesSinceSave >= SAVE_EVERY_CANDLES) this.commit(facts);
  }

  private follow(reading: Reading, candle: Candle, permission: Permission): FactDraft[] {
    const decision = decide(reading, candle.spread, this.config, this.run.instrument);
    const facts: FactDraft[] = [];
    const crossed = reading.cross === 'up' ? 'long' : reading.cross === 'down' ? 'short' : null;
    if (crossed) {
      const opposite = this.own().filter(({ direction }) => direction !== crossed);
      const closed = opposite.flatMap((position) => this.broker.close(position, 'signal') ?? []);
      facts.push(...this.tell(closed));
    }
    if (decision && 'signal' in decision) facts.push(...this.enter(decision.signal, reading, candle, permission));
    else if (this.run.cycleCount % HORIZON_CANDLES === 0) this.predictHourly(reading, candle);
    return facts;
  }

  private enter(signal: Signal, reading: Reading, candle: Candle, permission: Permission): FactDraft[] {
    const { run, config } = this;
    const { instrument } = run;
    const index = run.market.index;
    const signalId = `${run.tag}-${String(index).padStart(5, '0')}-${signal.direction}`;
    const wanted = this.own().length === 0;
    const used = wanted && permission.against === null;
    const claim: Claim = `cross:${signal.direction}`;
    const confidence = confidenceOf(run.record, claim);
    const outcomes = outcomesBehind(run.record, claim);
    const facts = [predictionFact(signalId, predictionOf(run, claim, reading, candle, used, this.stamp()))];
    run.record = noteClaim(run.record, claim, quoteAround(candle.close, candle.spread), index);
    if (!wanted) return facts;
    const grounds: Grounds = { reading, config: { ...config }, spread: candle.spread, confidence, outcomes };
    const proposal = proposalOf(signal, grounds, run.broker.quote!, signalId, this.options.now());
    if (permission.against) return [...facts, skipFact(signalId, explainSkip(proposal, [permission.against], instrument))];
    this.memory.proposal = proposal;
    run.proposals += 1;
    return facts;
  }

  private predictHourly(reading: Reading, candle: Candle): void {
    const claim: Claim = `lean:${leaning(reading)}`;
    if (this.run.batch.length === 0) this.batchBeganMs = Date.now();
    this.run.batch.push(predictionOf(this.run, claim, reading, candle, false, this.stamp()));
    const quote = quoteAround(candle.close, candle.spread);
    this.run.record = noteClaim(this.run.record, claim, quote, this.run.market.index);
  }

  /** Its own positions: what a person holds at the broker is none of the strategy's business. */
  private own(): Position[] {
    return this.broker.state.positions.filter(({ byHand }) => !byHand);
  }

  private actByHand(): FactDraft[] {
    const { options, run, broker, config } = this;
    if (!options.byHand) return [];
    const { opened, closed } = actByHand(options.byHand, run, broker, config.commissionPerLot);
    if (opened) {
      const { direction, lotSize, entry, brokerPositionId } = opened;
      this.announce(`opened by hand at the broker: ${direction} ${lotSize} ${run.instrument.symbol} at ${priceText(entry, run.instrument)} (position ${brokerPositionId})`);
    }
    return this.tell(closed ? [closed] : []);
  }

  /** What the broker has done since this was last called, and why: told as facts of its trades, or as the person's deals. */
  private tell(closed: readonly ClosedTrade[]): FactDraft[] {
    const deals = this.broker.takeDeals();
    const facts = deals.filter(({ byHand }) => !byHand).map((deal) => fillFact(deal, this.run.instrument, this.stamp()));
    for (const trade of closed) facts.push(...this.explain(trade));
    const left = new Set(deals.filter(({ byHand, role }) => byHand && role === 'exit').map(({ brokerPositionId }) => brokerPositionId));
    if (left.size > 0) {
      const all = this.broker.state.deals.filter(({ brokerPositionId }) => left.has(brokerPositionId));
      facts.push(reconcileFact(reconciliation(this, this.options.now().toISOString(), all)));
    }
    return facts;
  }

  private explain(trade: ClosedTrade): FactDraft[] {
    const { run } = this;
    const { instrument } = run;
    const { direction, byHand, clientOrderId, openedIndex } = trade.position;
    this.announce(`${byHand ? 'closed by hand at the broker: ' : ''}${direction} left at ${priceText(new Decimal(trade.exit).toDecimalPlaces(2), instrument)} (${trade.reason}), ${trade.net} USD`);
    if (byHand) return [];
    run.closedTrades += 1;
    if (Number(trade.net) > 0) run.wins += 1;
    return [explanationFact(clientOrderId, explainExit(trade, run.market.index - openedIndex, instrument))];
  }

  /** What a report of the positions would show, but for what each quote changes. */
  private holding(): string {
    return JSON.stringify(this.broker.state.positions.map(({ brokerPositionId, openLots, stop, target }) => [brokerPositionId, openLots, stop, target]));
  }

  private takeBatch(): FactDraft[] {
    const items = this.run.batch;
    this.run.batch = [];
    return items.length === 0 ? [] : [predictionBatchFact(items)];
  }

  private announce(what: string): void {
    const time = new Date(this.run.lastCandle ?? 0).toISOString().slice(0, 16).replace('T', ' ');
    this.options.say(`${time}  ${what}`);
  }

  private stamp(): Stamp {
    const { lastCandle, isReplay } = this.run;
    const old = isReplay && lastCandle !== null;
    return { now: this.options.now().toISOString(), sourceTime: old ? new Date(lastCandle).toISOString() : null };
  }

  private brokerOf(run: RunMemory): PaperBroker {
    return new PaperBroker(run.broker, run.instrument, `paper-${run.tag}`, () => this.options.now().toISOString());
  }

  private commit(drafts: readonly FactDraft[]): void {
    const facts = drafts.map((draft) => {
      this.memory.factSeq += 1;
      return { ...draft, seq: this.memory.factSeq, key: `${this.run.tag}-${this.memory.factSeq}` };
    });
    this.spool.append(facts);
    saveMemory(this.options.folder, this.memory);
    this.candlesSinceSave = 0;
    if (facts.length > 0) this.options.onFacts();
    const holding = this.holding();
    if (holding === this.held) return;
    this.held = holding;
    this.options.onPositions();
  }
}
