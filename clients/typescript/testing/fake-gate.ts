import { randomUUID } from 'node:crypto';
import type { Row } from './fake-book.js';

/** What is made of an idea: allowed, unless something else is said. */
export interface FakeVerdict {
  status?: string;
  codes?: string[];
  /** Instead of what the quote that was told last says. */
  limitPrice?: string;
  maxSlippage?: string;
  validForSeconds?: number;
  /** The command is left for a lease, though it was asked for at once. */
  later?: boolean;
}

const TAG_CHARACTERS = 16;

/** Ideas as a server decides them, and the payload of the opening that comes of one. */
export class FakeGate {
  readonly ideas: Row[] = [];
  verdict: (body: Record<string, unknown>, number: number) => FakeVerdict = () => ({});

  constructor(private readonly quotes: Record<string, unknown>[]) {}

  decide(body: Record<string, unknown>): { idea: Row; payload: Record<string, unknown> | null; later: boolean } {
    const { status = 'auto_executed', codes = [], later = false, ...change } = this.verdict(body, this.ideas.length + 1);
    const idea: Row = { id: randomUUID(), ...body, createdAt: new Date().toISOString(), status, digest: 'd'.repeat(64), reasons: codes.map((code) => ({ code, message: `It is ${code}.`, actual: '2', limit: '1' })) };
    this.ideas.push(idea);
    return { idea, payload: status === 'auto_executed' ? this.payloadOf(idea, change) : null, later };
  }

  payloadOf(idea: Row, change: Partial<FakeVerdict> = {}): Record<string, unknown> {
    const { symbol, direction, lotSize, stopLoss, takeProfit, validForSeconds } = idea;
    const orderTag = randomUUID().replaceAll('-', '').slice(0, TAG_CHARACTERS).toUpperCase();
    const limitPrice = this.quotes.at(-1)?.[direction === 'long' ? 'ask' : 'bid'] ?? (direction === 'long' ? '9' : '0.1');
    return { ideaId: idea.id, orderTag, symbol, direction, lotSize, limitPrice, stopLoss, takeProfit, validForSeconds, ...change };
  }
}
