import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import type { Contender } from './contenders.js';
import { type IdeaClients, type Kind, nextOf, type Trader } from './idea-clients.js';
import { type Filling, readRecorded, type Recorded, type Template, templatesOf, transactionOf } from './recorded.js';

/** What a decision writes in any case, and nothing else does. */
const MARK = 'insert into trade_ideas';
const HEAD = /from decision_heads where stream = \$1 for no key update/;
const APPEND = /insert into decision_history/;
const COMPACT = /update reservations r set ended_at/;
/** Places of the row's values in that statement: its place, time and number, and the seals of the row and of the head. */
const APPENDED = { seq: 0, at: 1, number: 3, hash: 12, mac: 13 };
/** What the server ends openings with that nobody took; so often: as soon after their time. */
const EXPIRE = `select 'command.expired'`;
const EXPIRE_EVERY_MS = 50;
const EXPIRED_AFTER_MS = 1_300;
const TRIES_MOST = 20;

export interface Statements extends Record<Kind, Template[]> {
  expire: Pick<Recorded, 'text' | 'values'>;
}

/**
 * What the server sends for an idea of each kind, as it is sent when an earlier opening has expired: then all is there
 * that a decision may send. Recorded twice each, to see what changes.
 * @param file into which the server writes its statements
 */
export async function recordIdeas(clients: IdeaClients, file: string): Promise<Statements> {
  const [trader] = clients.traders;
  if (!trader) throw new Error('nobody proposes');
  const recordOnce = async (kind: Kind): Promise<{ sent: Recorded[]; now: number }> => {
    for (let tries = 0; tries < TRIES_MOST; tries++) {
      await clients.propose(0, 'opens');
      await pause(EXPIRED_AFTER_MS);
      const before = readRecorded(file).length;
      const now = Date.now();
      await clients.propose(0, kind);
      const sent = transactionOf(readRecorded(file).slice(before), MARK);
      // The server itself may have been first to write down that it has expired.
      if (sent.some(({ text }) => COMPACT.test(text))) return { sent, now };
    }
    throw new Error('no decision found an opening that had expired');
  };
  const record = async (kind: Kind) => {
    const [one, other] = [await recordOnce(kind), await recordOnce(kind)];
    return templatesOf(one.sent, other.sent, { agentId: trader.id, accountId: trader.accountId, now: one.now });
  };
  const [opens, refused] = [await record('opens'), await record('refused')];
  const expire = readRecorded(file).find(({ text }) => text.includes(EXPIRE));
  if (!expire) throw new Error('no opening expired');
  return { opens, refused, expire };
}

interface Row {
  seq?: string;
  at?: string;
  count?: string;
  to_compact?: number;
}

/** Milliseconds of each statement, in the order of `Statements`. */
export type Watch = (kind: Kind, statement: number, ms: number) => void;

/** Those statements, in their order and transaction, prepared where the server prepares them, by raw pg. */
class OwnIdeas {
  private expireAt = 0;

  constructor(
    private readonly pool: Pool,
    private readonly statements: Statements,
  ) {}

  async decide(trader: Trader, kind: Kind, watch?: Watch): Promise<void> {
    await this.expireAtTimes();
    const fresh: string[] = [];
    const filling: Filling = {
      agentId: trader.id, accountId: trader.accountId, now: Date.now(), tag: randomBytes(8).toString('hex').toUpperCase(), fresh: (n) => (fresh[n] ??= randomUUID()),
    };
    const client = await this.pool.connect();
    try {
      await this.transaction(client, this.statements[kind], filling, watch && ((n, ms) => watch(kind, n, ms)));
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  }

  /** The server does not know of these openings, and would look for them in a minute. */
  private async expireAtTimes(): Promise<void> {
    if (performance.now() < this.expireAt) return;
    this.expireAt = performance.now() + EXPIRE_EVERY_MS;
    await this.pool.query(this.statements.expire.text, this.statements.expire.values);
  }

  private async transaction(client: PoolClient, statements: readonly Template[], filling: Filling, watch?: (n: number, ms: number) => void): Promise<void> {
    let [head, toCompact]: [Row, number] = [{}, 0];
    for (const [n, { name, text, fill }] of statements.entries()) {
      if (toCompact === 0 && COMPACT.test(text)) continue;
      const values = fill(filling);
      if (APPEND.test(text)) {
        values[APPENDED.seq] = head.seq;
        values[APPENDED.at] = head.at;
        values[APPENDED.number] = Number(head.count) + 1;
        values[APPENDED.hash] = values[APPENDED.mac] = randomBytes(32).toString('hex');
      }
      const began = performance.now();
      const { rows: [row = {}] } = await client.query<Row>({ ...(name === undefined ? {} : { name }), text, values });
      watch?.(n, performance.now() - began);
      if (HEAD.test(text)) head = row;
      toCompact = row.to_compact ?? toCompact;
    }
  }
}

/** The kinds in turn, as the clients propose them. */
export function ownIdeas(name: string, pool: Pool, statements: Statements, traders: readonly Trader[], kindOf: (turn: number) => Kind, ready: () => Promise<void>): Contender {
  const own = new OwnIdeas(pool, statements);
  const turns = traders.map((_, loop) => loop);
  return { name, loops: traders.length, ready, cycle: (loop) => own.decide(traders[loop] as Trader, kindOf(nextOf(turns, loop))) };
}

/** One after the other on one account, alone: how long each statement takes, from sending to its answer. */
export async function timed(pool: Pool, statements: Statements, trader: Trader, times: number): Promise<Record<Kind, number[][]>> {
  const own = new OwnIdeas(pool, statements);
  const durations: Record<Kind, number[][]> = { opens: statements.opens.map(() => []), refused: statements.refused.map(() => []) };
  for (let n = 0; n < times; n++) {
    for (const kind of ['opens', 'refused'] as const) await own.decide(trader, kind, (of, statement, ms) => void durations[of][statement]?.push(ms));
  }
  return durations;
}
