import { mkdirSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { loadMemory } from './agent-memory.js';
import { Api } from './api.js';
import { patiently, pause } from './backoff.js';
import { execute, payOwed, runCommandLoop, runOwedAnswers, type CommandLoopOptions } from './command-loop.js';
import { mayDecide, mayPropose, statusFor, type AgentStatus, type DesiredState } from './desired-state.js';
import { takeLock } from './durable-file.js';
import { FactSender } from './fact-sender.js';
import { AGENT_VERSION } from './facts.js';
import type { IdeaAnswer } from './ideas.js';
import { instanceIdOf } from './instance-id.js';
import type { Instrument } from './instrument.js';
import { Link } from './link.js';
import type { Market } from './market.js';
import type { HandPlan } from './hand.js';
import { received } from './openings.js';
import { accountFigures } from './positions-report.js';
import { PositionsReporter } from './positions-reporter.js';
import { Proposer } from './proposer.js';
import { Quoter } from './quoter.js';
import { Spool } from './spool.js';
import { configHashOf, withChanges, type StrategyConfig } from './strategy.js';
import { Trader } from './trader.js';
import type { Permission } from './trader-options.js';

export interface AroundIdea {
  before: (number: number) => Promise<void>;
  after: (number: number, answer: IdeaAnswer | null) => Promise<void>;
}

export interface AgentOptions {
  baseUrl: string;
  apiKey: string;
  /** Where this agent keeps its state, unsent facts and lock. Made if it is not there. */
  folder: string;
  instrument: Instrument;
  market: Market;
  /** Infinity replays as fast as the server takes it. */
  candlesPerSecond: number;
  /** Stops the run after so many of its candles; null: at the end of the market. */
  maxCandles: number | null;
  initialBalance: string;
  /** Settings for an agent without a memory of its own; one that has a memory knows better. */
  config?: Record<string, unknown>;
  /** The strategy, as the server knows it, whose sessions and caps hold for the ideas. */
  strategyId?: string;
  /** Awaited before a signal is brought to the gate (the first is 1), and when it has answered: meanwhile the market stands still. */
  aroundIdea?: AroundIdea;
  /** Somebody who trades at the same broker, for a demo. */
  byHand?: HandPlan;
  say: (line: string) => void;
  /** Called after every candle. */
  onStep?: () => void;
}

/** Why a run ended: the market (or `maxCandles`) did, `stop()` was called, or a `kill` command came. */
export type Ending = 'market' | 'stopped' | 'killed';

/** Above this many unsent facts the market waits for the server, as long as there is one. */
const SPOOL_HIGH_WATER = 300;
const WARM_UP_CANDLES = 60;
/** At the end of a market: how long the last facts may take while the server does not answer. */
const LAST_FACTS_MS = 120_000;
const GOODBYE_MS = 3_000;
const QUOTE_EVERY_MS = 3_000;
/** What opens is judged by a quote: before it is told, there is a new one. */
const QUOTE_BEFORE_OPENING_MS = 1_000;

/**
 * One agent: a market that it walks, a strategy, a paper broker, and the conversation with the server. Five loops run
 * side by side (candles, heartbeats, commands, facts, quotes); they share one thread, so each step of one is whole.
 */
export class Agent {
  readonly trader: Trader;
  readonly spool: Spool;
  readonly link: Link;
  private readonly sender: FactSender;
  private readonly reporter: PositionsReporter;
  private readonly quoter: Quoter;
  private readonly proposer: Proposer;
  private readonly api: Api;
  private readonly halt = new AbortController();
  private readonly hardStop = new AbortController();
  private readonly releaseLock: () => void;
  private ending: Ending | null = null;
  /** Of the desired state: what was done of it, and what the server has been shown of that. */
  private actedOnVersion: number | null = null;
  private observedVersion: number | null = null;
  private wakeSender: () => void = () => undefined;
  private wakeOwed: () => void = () => undefined;

  private candlesPerSecond: number;

  constructor(private readonly options: AgentOptions) {
    this.candlesPerSecond = options.candlesPerSecond;
    const { folder, say } = options;
    this.halt.signal.addEventListener('abort', () => (this.wakeSender(), this.wakeOwed()));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.releaseLock = takeLock(`${folder}/agent.lock`);
    const memory = loadMemory(folder);
    if (memory.run === null && options.config) memory.config = this.settingsFrom(options.config, memory.config);
    this.spool = new Spool(folder, memory.factSeq);
    this.api = new Api(options.baseUrl, options.apiKey, instanceIdOf(folder));
    this.trader = new Trader(memory, this.spool, {
      ...options,
      now: () => this.link?.now() ?? new Date(),
      onFacts: () => this.wakeSender(),
      onPositions: () => this.notePositions(),
    });
    const hooks = { trader: () => this.trader, now: () => this.link.now(), say };
    this.reporter = new PositionsReporter(this.api, {
      ...hooks,
      actedOn: () => this.actedOnVersion,
      onShown: (version) => this.observe(version),
    });
    this.quoter = new Quoter(this.api, hooks);
    this.sender = new FactSender(this.api, this.spool, this.hardStop.signal, {
      say,
      neededRefs: () => this.trader.neededRefs,
      onSent: () => this.link.noteProgress(),
      between: async (next) => {
        await this.reporter.tellDue(next?.seq);
        if (next?.path === '/trades') await this.quoter.tell(QUOTE_BEFORE_OPENING_MS);
      },
    });
    this.link = new Link(
      this.api,
      {
        heartbeat: () => this.heartbeatBody(),
        tellPositions: () => this.reporter.tellNow(),
        onHeartbeat: () => this.notePositions(),
        sendFacts: () => this.sender.sendAll(),
        onDesired: (desired) => this.onDesired(desired),
        say,
      },
      this.halt.signal,
    );
    this.proposer = new Proposer(this.api, this.link, options.strategyId, {
      trader: () => this.trader,
      sendFacts: () => this.sender.sendFacts(),
      tellQuote: () => this.quoter.tell(0),
      execute: (command) => void execute(received(command, this.link.now()), this.commandOptions()),
      say,
    });
  }

  /** Ends the run soon; `run` resolves when everything is saved and, if the server is there, told. */
  stop(): void {
    this.ending ??= 'stopped';
    this.halt.abort();
  }

  /** The server's copy of the settings, unless there is something in it that this agent cannot run with. */
  private settingsFrom(known: Record<string, unknown>, own: StrategyConfig): StrategyConfig {
    try {
      return withChanges(own, known);
    } catch (error) {
      this.options.say(`the settings on the server are not taken over: ${(error as Error).message}`);
      return own;
    }
  }

  /** Changes the speed of the market from its next candle on. */
  pace(candlesPerSecond: number): void {
    this.candlesPerSecond = candlesPerSecond;
  }

  /**
   * Runs until the market ends, `stop()` or a kill. @throws CannotContinue when the server refuses the key or the agent.
   */
  async run(): Promise<Ending> {
    try {
      const commands = this.commandOptions();
      const answers = runOwedAnswers(commands, () => this.untilOwed());
      const loops = [this.link.run(), this.runFacts(), runCommandLoop(commands), answers, this.runQuotes(), this.runMarket()];
      // Whichever loop ends or fails ends the others, and all have ended before the files are closed.
      const results = await Promise.allSettled(loops.map((loop) => loop.finally(() => this.halt.abort())));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
      await this.sayGoodbye();
      return this.ending ?? 'stopped';
    } finally {
      this.hardStop.abort();
      this.spool.close();
      this.releaseLock();
    }
  }

  get isEnding(): boolean {
    return this.halt.signal.aborted;
  }

  get status(): AgentStatus {
    return this.ending === null ? statusFor(this.link.desired) : 'stopping';
  }

  private async runMarket(): Promise<void> {
    const { options, trader, halt } = this;
    // Nothing is known before the first answer; a replay that began earlier would miss its first trades.
    await this.link.whenUp();
    if (options.market.length === null) trader.warmUp(WARM_UP_CANDLES);
    // A signal of the moment of a crash is as good as new if the restart was quick.
    await this.propose();
    let began = performance.now();
    for (let candles = 0; !halt.signal.aborted; candles++) {
      if (options.maxCandles !== null && trader.run.cycleCount >= options.maxCandles) break;
      if (!trader.step(this.permission())) break;
      // This market stands still while the gate is asked. A real one does not: hence the limit price of an opening.
      await this.propose();
      options.onStep?.();
      while (this.link.isUp && this.spool.size > SPOOL_HIGH_WATER && !halt.signal.aborted) await pause(20, halt.signal);
      const aheadMs = began + ((candles + 1) * 1000) / this.candlesPerSecond - performance.now();
      // After a long stop (a suspended machine) the pace begins anew instead of racing to catch up.
      if (aheadMs < -2_000) began -= aheadMs;
      if (aheadMs > 1) await pause(aheadMs, halt.signal);
      else await nextTurn();
    }
    if (halt.signal.aborted) return trader.flush();
    trader.finish();
    await this.deliverLastFacts();
    this.ending ??= 'market';
  }

  private async propose(): Promise<void> {
    const { aroundIdea } = this.options;
    if (!this.trader.gate.proposal || this.halt.signal.aborted) return;
    const { proposals } = this.trader.run;
    await aroundIdea?.before(proposals);
    const answer = await this.proposer.propose();
    await aroundIdea?.after(proposals, answer);
  }

  /** Under a halt that lets the strategy go on, the gate is asked all the same: what it refuses is on record. */
  private permission(): Permission {
    const { link } = this;
    const against = !link.isUp
      ? { code: 'SERVER_AWAY', message: 'the server cannot be reached' }
      : !link.holdsTradingLease
        ? { code: 'NO_TRADING_LEASE', message: 'the trading lease has run out' }
        : !mayPropose(link.desired)
          ? { code: 'NOT_RUNNING', message: `the agent is told to be ${link.desired?.run ?? 'patient'}` }
          : null;
    return { decide: mayDecide(link.desired), against };
  }

  /** Waits until the server has every fact, or has not answered for two minutes (they then stay in the file). */
  private async deliverLastFacts(): Promise<void> {
    const giveUp = AbortSignal.any([this.halt.signal, AbortSignal.timeout(LAST_FACTS_MS)]);
    while ((this.spool.size > 0 || this.trader.gate.owed.length > 0) && !giveUp.aborted) await pause(20, giveUp);
  }

  private notePositions(): void {
    // The trader may have something to finish before there is anybody to tell.
    this.reporter?.note();
    this.wakeSender();
  }

  private async runQuotes(): Promise<void> {
    const { halt } = this;
    while (!halt.signal.aborted) {
      await this.link.whenUp();
      if (!halt.signal.aborted) await this.link.attempt(() => this.quoter.tell(0));
      await pause(QUOTE_EVERY_MS, halt.signal);
    }
  }

  private async runFacts(): Promise<void> {
    const { halt } = this;
    while (!halt.signal.aborted) {
      if (this.spool.size === 0 && !this.reporter.isWaiting) await this.untilFacts();
      await this.link.whenUp();
      if (!halt.signal.aborted) await this.link.attempt(() => this.sender.sendAll());
    }
  }

  private untilFacts(): Promise<void> {
    return new Promise((resolve) => {
      this.wakeSender = resolve;
      if (this.halt.signal.aborted) resolve();
    });
  }

  private untilOwed(): Promise<void> {
    return new Promise((resolve) => {
      this.wakeOwed = resolve;
      if (this.halt.signal.aborted || this.trader.gate.owed.length > 0) resolve();
    });
  }

  private commandOptions(): CommandLoopOptions {
    return {
      api: this.api,
      link: this.link,
      sendFacts: () => this.sender.sendAll(),
      context: () => ({
        trader: this.trader,
        desired: this.link.desired,
        holdsTradingLease: this.link.holdsTradingLease,
        now: () => this.link.now(),
      }),
      say: this.options.say,
      onOwed: () => this.wakeOwed(),
      onKill: () => {
        this.ending = 'killed';
        this.halt.abort();
      },
      stop: this.halt.signal,
    };
  }

  private onDesired(desired: DesiredState): void {
    this.options.say(`desired state: ${desired.state}, ${desired.run} (version ${desired.version})`);
    // Entry orders would be cancelled first, and protective ones never: this broker fills at once, so there are none.
    if (desired.state === 'flatten') this.trader.closeAll('flatten');
    this.actedOnVersion = desired.version;
    // It has been taken in when the broker shows it, and not when it was heard of.
    if (desired.state === 'active') this.observe(desired.version);
    else this.notePositions();
  }

  private observe(version: number): void {
    this.observedVersion = version;
    this.link?.heartbeatSoon();
  }

  private heartbeatBody(): Record<string, unknown> {
    const { rejectedCount } = this.spool;
    return {
      status: this.status,
      ...accountFigures(this.trader),
      asOf: this.link.now().toISOString(),
      agentVersion: AGENT_VERSION, configHash: configHashOf(this.trader.config),
      ...(this.observedVersion === null ? {} : { observedStateVersion: this.observedVersion }),
      errorMessage: rejectedCount === 0 ? null : `${rejectedCount} facts were rejected by the server (rejected.jsonl)`,
    };
  }

  /** A short try to leave nothing untold; whatever does not get through stays in the spool for the next start. */
  private async sayGoodbye(): Promise<void> {
    if (!this.link.isUp) return;
    try {
      await patiently(GOODBYE_MS, this.sender.sendAll().then(() => payOwed(this.commandOptions())));
      const body = { ...this.heartbeatBody(), status: 'stopped' };
      await this.api.post('/agents/me/heartbeat', body, { timeoutMs: GOODBYE_MS });
    } catch (error) {
      this.options.say(`could not say goodbye: ${(error as Error).message}`);
    }
  }
}
