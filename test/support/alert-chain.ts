import { type TestAgent } from './app.js';
import { openTrade } from './closures.js';
import type { TestDatabase } from './database.js';
import { type Client, clientOf } from './http.js';
import { beat, limitAll, quote } from './ideas.js';
import { makeSource, type TestSource } from './webhooks.js';

export const CHAIN_SYMBOLS = ['EURUSD', 'GBPUSD', 'USDJPY', 'AUDUSD'] as const;
/** One long trade is held in each. */
export const HELD_SYMBOLS = ['USDCHF', 'USDCAD', 'NZDUSD'] as const;

const MAPPING = {
  fields: { symbol: 's', action: 'a', alertId: 'id', price: 'p', comment: 'c' },
  actions: { in: 'enter_long', out: 'exit_long', exit: 'exit', pause: 'pause' },
};

/** An executor that is there, with trades to close; a source that trades by it, and one that sends commands to another: a pause would end the ideas. */
export interface AlertChain {
  agent: TestAgent;
  opens: TestSource;
  commands: TestSource;
}

/** @param http the administrator's, of any server */
export async function startChain(base: string, http: Client): Promise<AlertChain> {
  await limitAll({ http });
  const [agent, told] = [await executor(base, http, 'executor'), await executor(base, http, 'told')];
  await beat(agent);
  for (const symbol of CHAIN_SYMBOLS) await quote(agent, '1.1', '1.1002', symbol);
  for (const symbol of HELD_SYMBOLS) await openTrade(agent, { symbol });
  return {
    agent,
    opens: await makeSource(http, { mapping: MAPPING, route: { action: 'idea', executorAgentId: agent.id, maxAgeSeconds: 3_600 }, defaults: { lotSize: '0.1', stopDistance: '0.005', confidence: '0.9' } }),
    commands: await makeSource(http, { mapping: MAPPING, route: { action: 'command', executorAgentId: told.id } }),
  };
}

async function executor(base: string, http: Client, name: string): Promise<TestAgent> {
  const { status, body, text } = await http<Omit<TestAgent, 'http'>>('POST', '/agents', { body: { name: `${name}-${process.pid}`, mode: 'paper' } });
  if (status !== 201) throw new Error(text);
  return { ...body, http: clientOf(base, body.apiKey) };
}

/** @param own its id, by which it is told again */
export const chainAlert = (own: string, action: 'in' | 'out' | 'exit' | 'pause' = 'in', symbol: string = CHAIN_SYMBOLS[0]): string =>
  JSON.stringify({ s: symbol, a: action, p: '1.1001', id: own });

/** What was accepted is stored under the id that was told, once, and nothing else is. */
export async function strayAlerts(db: TestDatabase, accepted: Map<string, string>): Promise<unknown[]> {
  const rows = await db.query<{ id: string; body: Buffer }>('select id, body from alerts');
  const told = new Map([...accepted].map(([own, id]) => [id, own]));
  const stray = rows.map(({ id, body }) => ({ id, own: (JSON.parse(body.toString()) as { id: string }).id })).filter(({ id, own }) => told.get(id) !== own);
  const stored = new Set(rows.map(({ id }) => id));
  return [...stray.map((each) => ({ ...each, what: 'stored, and never told' })), ...[...accepted].filter(([, id]) => !stored.has(id)).map(([own, id]) => ({ own, id, what: 'told, and not stored' }))];
}

/** Whatever stands in the chain more often than once, or without what it follows from. Alerts that wait are not looked at. */
export const brokenChains = (db: TestDatabase): Promise<unknown[]> => db.query(`
  with ended as (select a.*, (select count(*) from alert_runs r where r.alert_id = a.id) as runs, (select count(*) from events e where e.subject_id = a.id and e.type = 'alert.finished') as told from alerts a where status <> 'received'),
  opening as (select c.*, (c.payload ->> 'ideaId')::uuid as idea_id from agent_commands c where c.type = 'open_trade')
  select id, 'not received once' as what from alerts a where (select count(*) from events e where e.subject_id = a.id and e.type = 'alert.received') <> 1
  union all select id, 'not finished once' from ended where runs <> run or told <> run
  union all select id, 'ends otherwise than its run' from ended a where not exists (select from alert_runs r where r.alert_id = a.id and r.run = a.run and r.status = a.status and r.code is not distinct from a.code)
  union all select alert_id, 'ideas' from trade_ideas where alert_id is not null group by 1 having count(*) > 1
  union all select i.id, 'idea of an alert that does not know it' from trade_ideas i join alerts a on a.id = i.alert_id where a.outcome ->> 'ideaId' is distinct from i.id::text
  union all select id, 'without the idea that it tells' from ended a where a.outcome ? 'ideaId' and not exists (select from trade_ideas i where i.id::text = a.outcome ->> 'ideaId' and i.alert_id = a.id)
  union all select i.id, 'commands of an idea' from trade_ideas i where (select count(*) from opening c where c.idea_id = i.id) <> (i.command_id is not null)::int
  union all select id, 'opening without its idea' from opening c where not exists (select from trade_ideas i where i.id = c.idea_id and i.command_id = c.id)
  union all select id, 'opening without its reservation' from opening c where (select count(*) from reservations r where r.command_id = c.id) <> 1
  union all select i.id, 'idea without its decision' from trade_ideas i where not exists (select from decision_history d where d.idea_id = i.id)
  union all select i.id, 'told otherwise than it stands' from trade_ideas i where not exists (select from events e where e.subject_id = i.id and e.type = 'idea.' || i.status)
  union all select subject_id, 'told twice' from events where type like 'idea.%' group by subject_id, type having count(*) > 1
  union all select id, 'command without its event' from agent_commands c where (select count(*) from events e where e.subject_id = c.id and e.type = 'command.created') <> 1
  union all select trade_id, 'closures of a trade' from closures where ended_at is null group by 1 having count(*) > 1
  union all select trade_id, 'closes of a trade' from agent_commands where type = 'close_trade' and finished_at is null group by 1 having count(*) > 1
  union all select id, 'command of no alert' from agent_commands c where c.actor like 'webhook:%' and c.type = 'pause'
    and not exists (select from alerts a where c.payload ->> 'reason' = 'alert ' || a.id and a.outcome -> 'commandIds' ? c.id::text)
  union all select min(id::text)::uuid, 'commands of one alert' from agent_commands where actor like 'webhook:%' and type = 'pause' group by payload ->> 'reason' having count(*) > 1`);

/** Entries that took their turns in another order than they were numbered in; those that waited for something have had theirs taken. */
export async function outOfOrder(db: TestDatabase): Promise<unknown[]> {
  return db.query(`
    select * from (
      select a.source_id, a.symbol, a.seq, lag(a.seq) over (partition by a.source_id, a.symbol order by r.seq) as before from alert_runs r join alerts a on a.id = r.alert_id
      where a.is_exit = false and a.first_failed_at is null and a.code is distinct from 'OVERTAKEN_BY_EXIT') turns
    where before > seq`);
}

export const isDone = async (db: TestDatabase): Promise<boolean> => (await db.query(`select 1 from alerts where status = 'received' limit 1`)).length === 0;
