import { randomUUID } from 'node:crypto';
import type { Contender } from './contenders.js';
import { ask, bearer, type BenchAgent, signIn } from './fixtures.js';
import { HttpConnection } from './http-client.js';

export interface Trader extends BenchAgent {
  accountId: string;
}

/** What the gate makes of it: it opens, or it is refused, for want of a stop. */
export type Kind = 'opens' | 'refused';

/** The turn of a loop, which has one more then. */
export function nextOf(turns: number[], loop: number): number {
  const turn = turns[loop] ?? 0;
  turns[loop] = turn + 1;
  return turn;
}

/** In turn: half of the ideas open something. */
export const kindOf = (turn: number): Kind => (turn % 2 === 0 ? 'opens' : 'refused');

const STATUS = { opens: 'auto_executed', refused: 'rejected' };
const REFUSED_FOR = 'STOP_MISSING';
const OPENS = { symbol: 'EURUSD', direction: 'long', lotSize: '0.1', stopLoss: '1.09', takeProfit: '1.13', confidence: '0.9', rationale: 'bench', validForSeconds: 1 };
const IDEAS = { opens: OPENS, refused: { ...OPENS, stopLoss: null } };

/** Every limit that so many ideas would reach is off; the rules are asked all the same. */
const LIMITS = {
  aiTradingEnabled: true, requireApproval: false, allowOffWatchlistAutotrade: true, stopAfterTarget: true, haltOnDrawdown: true, minConfidenceThreshold: '0.7', maxLotSize: null, maxConcurrentTrades: null,
  maxTradesPerSymbol: null, maxTradesPerDay: null, dailyLossLimitFraction: null, maxDrawdownFraction: null, minRewardToRisk: null, newsEmbargoMinutes: null, maxPriceAgeSeconds: null,
  maxGrossExposureAmount: null, maxNetCurrencyExposureAmount: null, maxOpenRiskAmount: null, dailyProfitTarget: null, dailyLossLimitAmount: null, maxDrawdownAmount: null,
  duplicateIntentSeconds: null, cooldownSeconds: null, maxPriceDeviation: null,
};

export async function limitNothing(base: string): Promise<void> {
  const admin = bearer(await signIn(base));
  const { version } = await ask<{ version: number }>(base, 'GET', '/api/v1/risk-config', 200, admin);
  await ask(base, 'PUT', '/api/v1/risk-config', 200, `${admin}if-match: "${version}"\r\n`, LIMITS);
}

/** @param accountOf the name of the account of each */
export async function makeTraders(base: string, count: number, accountOf: (n: number) => string): Promise<Trader[]> {
  const admin = bearer(await signIn(base));
  const traders: Trader[] = [];
  for (let n = 0; n < count; n++) {
    const body = { name: `trader-${randomUUID()}`, mode: 'paper', account: accountOf(n), symbols: ['EURUSD'] };
    traders.push(await ask<Trader>(base, 'POST', '/api/v1/agents', 201, admin, body));
  }
  return traders;
}

/** Who proposes over HTTP, each on a connection of its own, with an Idempotency-Key each time. */
export class IdeaClients {
  private connections: HttpConnection[] = [];
  private readonly turns: number[];

  constructor(
    private readonly base: string,
    readonly traders: readonly Trader[],
  ) {
    this.turns = traders.map((_, n) => n);
  }

  contender(name: string, ready: () => Promise<void>): Contender {
    const begin = async () => {
      await ready();
      await this.open();
    };
    return { name, loops: this.traders.length, ready: begin, cycle: (loop) => this.propose(loop, kindOf(nextOf(this.turns, loop))) };
  }

  /** Anew each time: while others are measured the server closes connections on which nothing is asked for a minute. */
  async open(): Promise<void> {
    this.close();
    this.connections = await Promise.all(this.traders.map(() => HttpConnection.open(this.base)));
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }

  /** A heartbeat and a quote of each: who is silent for a minute opens nothing. */
  async beat(): Promise<void> {
    await this.open();
    await Promise.all(this.traders.map(async (_, n) => {
      await this.send(n, '/agents/me/heartbeat', 200, { status: 'running', brokerConnected: true, tradeAllowed: true });
      await this.send(n, '/quotes', 200, { items: [{ symbol: 'EURUSD', bid: '1.1', ask: '1.1002', quotedAt: new Date().toISOString() }] });
    }));
  }

  /** @throws Error when it is not decided as its kind is */
  async propose(n: number, kind: Kind): Promise<void> {
    const answer = await this.send(n, '/trade-ideas', 201, IDEAS[kind], `idempotency-key: ${randomUUID()}\r\n`);
    if (!answer.includes(`"status":"${STATUS[kind]}"`) || (kind === 'refused' && !answer.includes(`"${REFUSED_FOR}"`))) throw new Error(`an idea that ${kind === 'opens' ? 'opens' : 'is refused'}: ${answer.slice(0, 2_000)}`);
  }

  private async send(n: number, path: string, status: number, body: unknown, headers = ''): Promise<string> {
    const answer = await (this.connections[n] as HttpConnection).request('POST', `/api/v1${path}`, `${bearer(this.traders[n]?.apiKey ?? '')}${headers}`, body);
    if (answer.status !== status) throw new Error(`POST ${path} answered ${answer.status}: ${answer.body.slice(0, 500)}`);
    return answer.body;
  }
}
