import { Refused, ServerAway, type Api } from './api.js';
import { Backoff, patiently, pause } from './backoff.js';
import { handleCommand, type Command, type HandlerContext } from './command-handlers.js';
import type { CommandAnswer } from './agent-memory.js';
import { cannotContinue, type Link } from './link.js';
import { readDesired } from './desired-state.js';
import { received } from './openings.js';

const MAX_AT_ONCE = 10;
/** How long a poll may wait at the server; a command that comes meanwhile ends the wait at once. */
const WAIT_SECONDS = 20;
const LEASE_SECONDS = 30;
/** Answers are tried this often while their lease lasts; after that the command comes again and is answered then. */
const ANSWER_ATTEMPTS = 4;
/** How long an answer waits for the facts that belong to it; well inside the lease. */
const TELL_FIRST_MS = 15_000;
const OWED_AGAIN_MS = 500;

export interface CommandLoopOptions {
  api: Api;
  link: Link;
  /** Sends what is in the spool. */
  sendFacts: () => Promise<void>;
  context: () => HandlerContext;
  say: (line: string) => void;
  /** Called when the answer to an opening is owed. */
  onOwed: () => void;
  /** Called once a `kill` has been answered. */
  onKill: () => void;
  stop: AbortSignal;
}

/** Asks for commands, carries them out one after another, and answers each. Beside the market, so it waits for no candle. */
export async function runCommandLoop(options: CommandLoopOptions): Promise<void> {
  const { link, stop } = options;
  while (!stop.aborted) {
    await link.whenUp();
    if (stop.aborted) return;
    await link.attempt(async () => {
      for (const command of await lease(options)) {
        if (stop.aborted) return;
        await carryOut(command, options);
      }
    });
  }
}

async function lease({ api, link, stop }: CommandLoopOptions): Promise<Command[]> {
  const body = { max: MAX_AT_ONCE, waitSeconds: WAIT_SECONDS, leaseSeconds: LEASE_SECONDS };
  const began = performance.now();
  try {
    const answer = await api.post<{ commands?: Command[]; desiredState?: unknown; nextPollAfterMs?: number }>(
      '/agents/me/commands/lease',
      body,
      { timeoutMs: (WAIT_SECONDS + 15) * 1000, signal: stop },
    );
    link.see(readDesired(answer.body.desiredState));
    const commands = (answer.body.commands ?? []).map((command) => received(command, link.now()));
    // An empty answer that came at once (a server that is going down, say) must not turn into a tight loop.
    const soonest = commands.length > 0 ? 0 : Math.max(Number(answer.body.nextPollAfterMs) || 0, 200 - (performance.now() - began));
    if (soonest > 0) await pause(Math.min(soonest, 30_000), stop);
    return commands;
  } catch (error) {
    // Stopping cuts the wait short; that is no outage.
    if (stop.aborted) return [];
    throw error;
  }
}

/** Does what a command says, and no more: it waits for nothing, also not for the answer to be told. */
export function execute(command: Command, options: CommandLoopOptions): { answer: CommandAnswer; repeated: boolean } {
  const done = handleCommand(command, options.context());
  options.say(`command ${command.type}${done.repeated ? ' came again, answered as before' : `: ${inWords(done.answer)}`}`);
  if (command.type === 'open_trade') options.onOwed();
  else options.link.heartbeatSoon();
  return done;
}

async function carryOut(command: Command, options: CommandLoopOptions): Promise<void> {
  const { answer, repeated } = execute(command, options);
  // It is kept until the server has it, and told beside this.
  if (command.type === 'open_trade') return;
  const killed = command.type === 'kill' && !repeated;
  // What the command did is told before the answer to it: whoever waits for the answer may look at the trades next.
  // A server that is away is left alone for as long as it asked, and the command comes again if that is too long.
  await patiently(killed ? 5_000 : TELL_FIRST_MS, tell(options));
  await answerIt(command, answer, options, killed ? 2 : ANSWER_ATTEMPTS);
  if (killed) options.onKill();
}

async function tell({ link, sendFacts }: CommandLoopOptions): Promise<void> {
  await link.whenUp();
  await link.attempt(sendFacts);
}

/** Tells what became of openings, after the trades that they led to, for as long as the server may take it. */
export async function runOwedAnswers(options: CommandLoopOptions, untilOwed: () => Promise<void>): Promise<void> {
  const { link, stop, context, sendFacts } = options;
  while (!stop.aborted) {
    if (context().trader.gate.owed.length === 0) await untilOwed();
    await link.whenUp();
    if (stop.aborted || !(await link.attempt(sendFacts))) continue;
    if (!(await payOwed(options))) await pause(OWED_AGAIN_MS, stop);
  }
}

/** One attempt at each. @returns whether all are with the server, or will not be taken by it any more. */
export async function payOwed(options: CommandLoopOptions): Promise<boolean> {
  const { gate } = options.context().trader;
  for (const owed of [...gate.owed]) {
    const { commandId: id, leaseToken, answer } = owed;
    if (!(await answerIt({ id, type: 'open_trade', leaseToken, attempt: 1 }, answer, options, 1))) return false;
    gate.paid(owed);
  }
  return true;
}

/** @returns whether the server has said something to it */
async function answerIt(command: Command, answer: CommandAnswer, options: CommandLoopOptions, attempts: number): Promise<boolean> {
  const backoff = new Backoff(250, 5_000);
  const { kind, ...rest } = answer;
  for (let attempt = 1; ; attempt++) {
    try {
      const body = { leaseToken: command.leaseToken, ...rest };
      await options.api.post(`/commands/${command.id}/${kind}`, body, { timeoutMs: 5_000 });
      return true;
    } catch (error) {
      if (error instanceof Refused) {
        if (error.status === 401) throw cannotContinue(error);
        const lost = error.code === 'COMMAND_LEASE_LOST';
        options.say(`command ${command.type}: ${lost ? 'its lease was lost; it will be answered when it comes again' : error.message}`);
        return true;
      }
      if (!(error instanceof ServerAway)) throw error;
      options.link.markDown(error);
      if (attempt >= attempts) return false;
      await pause(backoff.next(error.retryAfterMs), options.stop);
    }
  }
}

function inWords(answer: CommandAnswer): string {
  if (answer.kind === 'fail') return `refused, ${answer.error.message}`;
  const text = JSON.stringify(answer.result);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
