import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { readIfThere, replaceFile } from './durable-file.js';
import type { EntryGrounds } from './explain.js';
import type { Instrument, Points } from './instrument.js';
import type { Market, MarketPosition } from './market.js';
import { openAccount, type BrokerState } from './paper-broker.js';
import { emptyIndicators, type IndicatorState } from './signals.js';
import { DEFAULT_CONFIG, type Direction, type StrategyConfig } from './strategy.js';
import { emptyTrackRecord, type TrackRecord } from './track-record.js';

/** How a command is answered. What was completed is kept: a second delivery gets the same answer, and nothing is done. */
export type CommandAnswer =
  | { kind: 'complete'; result: Record<string, unknown> }
  | { kind: 'fail'; outcome: 'not_sent' | 'rejected' | 'unknown'; error: { code: string; message: string }; retryable: boolean };

/** What the strategy reasoned with, kept until the trade is explained. */
export type Grounds = Omit<EntryGrounds, 'position'>;

/** A signal on its way to the gate. It is of its moment: what cannot be asked now is not asked at all. */
export interface Proposal {
  /** Names the signal in its run; its prediction is known by it too. */
  signalId: string;
  /** The Idempotency-Key: asked again after a crash, it is the same idea. */
  key: string;
  direction: Direction;
  lots: string;
  /** What an opening would have been filled at. */
  price: Points;
  stop: Points;
  target: Points;
  /** RFC 3339. */
  madeAt: string;
  grounds: Grounds;
}

/** An idea that the gate has neither refused nor handed over yet, so far as this agent knows. */
export interface Asked {
  ideaId: string;
  signalId: string;
  grounds: Grounds;
}

/** An order that may have reached the broker. */
export interface SentOrder {
  commandId: string;
  leaseToken: string;
  orderTag: string;
}

/** An answer to an opening that the server has not confirmed. */
export interface Owed {
  commandId: string;
  leaseToken: string;
  answer: CommandAnswer;
}

export interface RunMemory {
  /** Eight hexadecimal digits in front of every id of this run, so that a second run over the same candles is not taken
   * for a repetition of the first. */
  tag: string;
  fingerprint: string;
  isReplay: boolean;
  instrument: Instrument;
  /** The market has ended and nothing is open any more. */
  finished: boolean;
  /** Somebody has seen the summary. A replay that was killed before that is not begun anew, only told again. */
  told: boolean;
  market: MarketPosition;
  indicators: IndicatorState;
  record: TrackRecord;
  broker: BrokerState;
  /** When its first candle was taken, as the server counts time. */
  beganAt: string | null;
  /** Signals brought to the gate. */
  proposals: number;
  cycleCount: number;
  lastCycleAt: string | null;
  /** Candle times, epoch milliseconds. */
  firstCandle: number | null;
  lastCandle: number | null;
  /** Hourly predictions that wait to be sent together. */
  batch: Record<string, unknown>[];
  closedTrades: number;
  wins: number;
  /** The candle at which the person of the demo opened a position at the broker; null before that. */
  handOpenedIndex: number | null;
}

/** All that must survive a `kill -9`, in one file that is replaced as a whole. */
export interface AgentMemory {
  format: 3;
  /** Number of the last fact that belongs to this state. */
  factSeq: number;
  config: StrategyConfig;
  done: { id: string; answer: CommandAnswer }[];
  run: RunMemory | null;
  proposal: Proposal | null;
  asked: Asked[];
  sent: SentOrder[];
  owed: Owed[];
}

const DONE_KEPT = 500;
/** More ideas than wait for a person at one time. */
const ASKED_KEPT = 20;
const NOTHING_ASKED = () => ({ proposal: null, asked: [], sent: [], owed: [] });

export function loadMemory(folder: string): AgentMemory {
  const path = join(folder, 'state.json');
  const text = readIfThere(path);
  if (text === null) return { format: 3, factSeq: 0, config: { ...DEFAULT_CONFIG }, done: [], run: null, ...NOTHING_ASKED() };
  let memory: AgentMemory;
  try {
    memory = JSON.parse(text) as AgentMemory;
  } catch {
    throw new Error(`${path} is not readable; move it away to begin anew (open paper positions are then forgotten)`);
  }
  if ((memory.format as number) === 1) memory = fromFormat1(memory);
  if ((memory.format as number) === 2) memory = fromFormat2(memory);
  if (memory.format !== 3) throw new Error(`${path} was written by another version of this agent`);
  return memory;
}

/** Nothing of an open position was in the balance then; its last deal takes the whole of it. Old deals say too little to be told. */
function fromFormat1(memory: AgentMemory): AgentMemory {
  const { run } = memory;
  if (run) {
    run.handOpenedIndex = null;
    run.broker.deals = [];
    for (const position of run.broker.positions) {
      position.booked ??= { profit: '0', commission: '0' };
      position.openedAt ??= run.lastCycleAt ?? new Date().toISOString();
    }
  }
  return { ...memory, format: 2 as never };
}

/** It opened by itself then: what is open stays, and nothing was asked. */
function fromFormat2(memory: AgentMemory): AgentMemory {
  if (memory.run) Object.assign(memory.run, { beganAt: memory.run.beganAt ?? null, proposals: 0 });
  return { ...memory, ...NOTHING_ASKED(), format: 3 };
}

export function saveMemory(folder: string, memory: AgentMemory): void {
  replaceFile(join(folder, 'state.json'), JSON.stringify(memory));
}

export function newRun(market: Market, instrument: Instrument, initialBalance: string): RunMemory {
  return {
    tag: randomUUID().slice(0, 8),
    fingerprint: market.fingerprint,
    isReplay: market.isReplay,
    instrument,
    finished: false,
    told: false,
    market: market.begin(),
    indicators: emptyIndicators(),
    record: emptyTrackRecord(),
    broker: openAccount(initialBalance),
    beganAt: null,
    proposals: 0,
    cycleCount: 0,
    lastCycleAt: null,
    firstCandle: null,
    lastCandle: null,
    batch: [],
    closedTrades: 0,
    wins: 0,
    handOpenedIndex: null,
  };
}

export function rememberDone(memory: AgentMemory, id: string, answer: CommandAnswer): void {
  memory.done = [...memory.done, { id, answer }].slice(-DONE_KEPT);
}

export function rememberAsked(memory: AgentMemory, asked: Asked): void {
  memory.asked = [...memory.asked.filter(({ ideaId }) => ideaId !== asked.ideaId), asked].slice(-ASKED_KEPT);
}
