import pg from 'pg';
import type { Contender } from './contenders.js';
import { copyIn } from './copy-in.js';
import type { BenchDatabase } from './database-server.js';
import { bearer, type BenchAgent } from './fixtures.js';
import { HttpConnection } from './http-client.js';

const DAY_MS = 86_400_000;

type Closers = (() => void | Promise<void>)[];

interface Held {
  agent: BenchAgent;
  trades: string[];
}

/** Open trades of agents on paper, as many each as a batch has marks: a batch is one mark of each. */
export async function holdTrades(base: string, agents: readonly BenchAgent[], count: number): Promise<Held[]> {
  return Promise.all(agents.map(async (agent) => {
    const connection = await HttpConnection.open(base);
    const trades: string[] = [];
    for (let n = 0; n < count; n++) {
      const entryTime = new Date(Date.now() - 2 * DAY_MS).toISOString();
      const body = { clientOrderId: `m${n}`, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1', entryTime };
      const answer = await connection.request('POST', '/api/v1/trades', bearer(agent.apiKey), body);
      if (answer.status !== 201) throw new Error(`a trade was answered ${answer.status}: ${answer.body.slice(0, 300)}`);
      trades.push((JSON.parse(answer.body) as { id: string }).id);
    }
    connection.close();
    return { agent, trades };
  }));
}

/** Prices to and fro: after the first ones a trade has a new high or low now and then. */
const priceAt = (turn: number) => 1.1 + Math.sin(turn * 0.7) / 100;
const timeAt = (turn: number) => new Date(Date.now() - DAY_MS + turn * 100).toISOString();

export function marks(base: string, held: readonly Held[], closers: Closers): Contender {
  let all: HttpConnection[] = [];
  const close = () => all.forEach((each) => each.close());
  closers.push(close);
  const turns = held.map(() => 0);
  return {
    name: 'marks', loops: held.length,
    async ready() {
      close();
      all = await Promise.all(held.map(() => HttpConnection.open(base)));
    },
    async cycle(loop) {
      const turn = (turns[loop] = (turns[loop] ?? 0) + 1);
      const { agent, trades } = held[loop] as Held;
      const [bid, quotedAt] = [priceAt(turn), timeAt(turn)];
      const items = trades.map((tradeId) => ({ tradeId, quotedAt, bid: bid.toFixed(6), ask: (bid + 0.0001).toFixed(6) }));
      const answer = await (all[loop] as HttpConnection).request('POST', '/api/v1/trades/marks/batch', bearer(agent.apiKey), { items });
      if (answer.status !== 200 || answer.body.includes('"stored":false')) throw new Error(`marks were answered ${answer.status}: ${answer.body.slice(0, 300)}`);
    },
  };
}

/** Into the same table, a batch in a statement that commits; the trades know nothing of it. */
export async function marksByCopy(database: BenchDatabase, held: readonly Held[], closers: Closers): Promise<Contender> {
  const clients = await Promise.all(held.map(async () => {
    const client = new pg.Client({ connectionString: database.adminUrl, application_name: 'bench-copy' });
    await client.connect();
    return client;
  }));
  closers.push(async () => void (await Promise.all(clients.map((client) => client.end()))));
  await database.query(`select ensure_snapshot_months('trade_marks', array[date_trunc('month', now() - interval '1 day')::date, date_trunc('month', now())::date, date_trunc('month', now() + interval '1 month')::date])`);
  const turns = clients.map(() => 0);
  return {
    name: 'copy', loops: clients.length,
    async cycle(loop) {
      const turn = (turns[loop] = (turns[loop] ?? 0) + 1);
      const [bid, quotedAt] = [priceAt(turn), timeAt(turn)];
      const lines = (held[loop] as Held).trades.map((id) => [id, quotedAt, bid.toFixed(6), (bid + 0.0001).toFixed(6)].join('\t'));
      await copyIn(clients[loop] as pg.Client, 'copy trade_marks (trade_id, quoted_at, bid, ask) from stdin', `${lines.join('\n')}\n`);
    },
  };
}
