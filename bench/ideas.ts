import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type Contender, type Measured, processorMsOf, rounds } from './contenders.js';
import type { BenchDatabase } from './database-server.js';
import { poolOf } from './fixtures.js';
import { IdeaClients, type Kind, kindOf, limitNothing, makeTraders, type Trader } from './idea-clients.js';
import { ownIdeas, recordIdeas, type Statements, timed } from './own-ideas.js';
import { median, ratiosOf } from './percentiles.js';
import { medianShare, processorTime } from './processor-time.js';
import type { Bench, Report } from './scenario.js';
import { startTradewarden } from './server-process.js';
import { msText, rateText, ratioText, type Row, shareText } from './table.js';

const CLIENTS = 16;
const BAR = 0.7;
const TIMED = 100;
const SHOWN = 4;
const EXPIRED_WITHIN_MS = 30_000;
const RECORDING = join(dirname(fileURLToPath(import.meta.url)), 'recorded-statements.js');

const NAMES = { one: 'one account', oneSql: 'one account, SQL', many: 'many accounts', manySql: 'many accounts, SQL' };

/** Ideas decided, on one account where they go one after the other and on as many as there are clients: against the statements alone. */
export async function ideas(bench: Bench): Promise<Report> {
  const database = await bench.databases.newDatabase('ideas');
  const { statements, groups } = await prepare(bench, database);
  const server = await startTradewarden(bench.databases.folder, database);
  const { max: poolSize } = await poolOf(server.base);
  const pool = new pg.Pool({ connectionString: database.url, max: poolSize, application_name: 'bench-ideas' });
  const clients = { one: new IdeaClients(server.base, groups.one), many: new IdeaClients(server.base, groups.many), oneSql: new IdeaClients(server.base, groups.oneSql), manySql: new IdeaClients(server.base, groups.manySql) };
  try {
    const ready = async (which: keyof typeof clients) => {
      await anotherDay(database, statements);
      await clients[which].beat();
    };
    const contenders: Contender[] = [
      clients.one.contender(NAMES.one, () => ready('one')),
      ownIdeas(NAMES.oneSql, pool, statements, groups.oneSql, kindOf, () => ready('oneSql')),
      clients.many.contender(NAMES.many, () => ready('many')),
      ownIdeas(NAMES.manySql, pool, statements, groups.manySql, kindOf, () => ready('manySql')),
    ];
    const look = () => processorTime(server.pid, bench.databases.pid);
    bench.say('ideas: warming up');
    const warm = await rounds(contenders, 1, bench.quick ? 1 : 5, look, () => Promise.resolve());
    const measured = await rounds(contenders, bench.rounds, bench.quick ? 2 : 10, look, (round) => Promise.resolve(bench.say(`ideas: round ${round + 1} of ${bench.rounds}`)));
    const done = (name: string) => [warm, measured].flatMap((each) => each.get(name) ?? []).reduce((sum, { cycles }) => sum + cycles, 0);
    const checked = await verify(database, groups, { one: done(NAMES.one), many: done(NAMES.many), oneSql: done(NAMES.oneSql), manySql: done(NAMES.manySql) });
    await ready('oneSql');
    const durations = await timed(pool, statements, groups.oneSql[0] as Trader, bench.quick ? TIMED / 2 : TIMED);
    return report(measured, poolSize, statements, durations, checked);
  } finally {
    for (const each of Object.values(clients)) each.close();
    await pool.end();
    await server.stop();
    await database.close();
  }
}

type Groups = Record<keyof typeof NAMES, Trader[]>;

/** By a server that writes down what it sends, and has ended before anything is measured. */
async function prepare(bench: Bench, database: BenchDatabase): Promise<{ statements: Statements; groups: Groups }> {
  const file = join(bench.databases.folder, 'statements.jsonl');
  const server = await startTradewarden(bench.databases.folder, database, { BENCH_STATEMENTS: file }, RECORDING);
  try {
    await limitNothing(server.base);
    const make = (name: string, accounts: number) => makeTraders(server.base, CLIENTS, (n) => `${name}-${n % accounts}`);
    const groups = { one: await make('one', 1), oneSql: await make('one-sql', 1), many: await make('many', CLIENTS), manySql: await make('many-sql', CLIENTS) };
    // The first decision of an account opens its history.
    for (const each of Object.values(groups)) {
      const clients = new IdeaClients(server.base, each);
      await clients.beat();
      for (const n of each.keys()) for (const kind of ['opens', 'refused'] as const) await clients.propose(n, kind);
      clients.close();
    }
    bench.say('ideas: recording the statements');
    const clients = new IdeaClients(server.base, groups.oneSql);
    await clients.beat();
    const statements = await recordIdeas(clients, file);
    clients.close();
    return { statements, groups };
  } finally {
    await server.stop();
  }
}

/**
 * What was measured before is over: its openings have expired, and are eight days old, so that each measurement begins with
 * a day on which nothing was opened.
 */
async function anotherDay(database: BenchDatabase, { expire }: Statements): Promise<void> {
  for (const until = performance.now() + EXPIRED_WITHIN_MS; ; await pause(100)) {
    await database.query(expire.text, expire.values);
    const [row] = await database.query<{ left: number }>(`select count(*)::int as left from agent_commands where status = 'queued'`);
    if (row?.left === 0) break;
    if (performance.now() > until) throw new Error(`${row?.left} openings did not expire`);
  }
  // As the superuser past the trigger that keeps history.
  await database.query(`do $$ begin
    set local session_replication_role = replica;
    update reservations set created_at = created_at - interval '8 days', ended_at = coalesce(ended_at, now()), ended_as = coalesce(ended_as, 'released') where created_at > now() - interval '7 days';
  end $$`);
}

/** Each idea once, with its decision, and with a command and a reservation where it opens; by SQL as by the server. */
async function verify(database: BenchDatabase, groups: Groups, cycles: Record<keyof Groups, number>): Promise<string> {
  for (const [name, traders] of Object.entries(groups) as [keyof Groups, Trader[]][]) {
    const [row] = await database.query<Record<string, number>>(
      `select count(*)::int as ideas, count(distinct i.id)::int as distinct, count(d.id)::int as decisions, (count(*) filter (where i.status = 'auto_executed'))::int as opened,
        count(c.id)::int as commands, count(r.id)::int as reservations
      from trade_ideas i left join decision_history d on d.idea_id = i.id left join agent_commands c on c.id = i.command_id left join reservations r on r.command_id = c.id
      where i.executor_id = any($1) and i.correlation_id is not null and i.rationale = 'bench'`, [traders.map(({ id }) => id)]);
    const { ideas: made = 0, decisions, opened, commands, reservations } = row ?? {};
    if (made < cycles[name] || row?.['distinct'] !== made || decisions !== made || commands !== opened || reservations !== opened) throw new Error(`${name}: ${cycles[name]} ideas were decided, and the tables say ${JSON.stringify(row)}`);
  }
  const total = Object.values(cycles).reduce((sum, count) => sum + count, 0);
  return `${total.toLocaleString('en-US')} ideas were decided; each has its row and its decision, and each that opens its command and its reservation.`;
}

function report(measured: Map<string, Measured[]>, poolSize: number, statements: Statements, durations: Record<Kind, number[][]>, checked: string): Report {
  const of = (name: string) => measured.get(name) ?? [];
  const rates = (name: string) => of(name).map(({ perSecond }) => perSecond);
  const shares = (name: string) => `${shareText(medianShare(of(name).map(({ share }) => share)))}, ${msText(median(of(name).map(processorMsOf)))} for a decision`;
  const row = (what: string, ours: string, sql: string): Row => {
    const ratio = ratiosOf(rates(ours), rates(sql));
    return { what, ours: rateText(median(rates(ours))), peer: `the same statements by raw pg ${rateText(median(rates(sql)))}`, ratio: ratioText(ratio), bar: `≥ ${BAR}`, passed: ratio.median >= BAR };
  };
  return {
    rows: [row(`ideas decided on one account, ${CLIENTS} clients`, NAMES.one, NAMES.oneSql), row(`ideas decided on ${CLIENTS} accounts, ${CLIENTS} clients`, NAMES.many, NAMES.manySql)],
    notes: [
      'POST /trade-ideas with an Idempotency-Key, by agents of paper accounts, every limit off; every other idea opens (idea, decision, command, reservation, events), every other one has no stop and is refused (idea, decision, events). Openings are not taken and expire after 1 s; each measurement begins with a day on which nothing was opened.',
      `The same statements: recorded from the server itself ([recorded-statements.ts](recorded-statements.ts)), ${statements.opens.length} for an idea that opens and ${statements.refused.length} for one that is refused, with BEGIN and COMMIT; sent in that order, prepared where the server prepares them, by ${poolSize} connections, with new ids, on accounts of their own ([own-ideas.ts](own-ideas.ts)). Without HTTP, look-up of the key, validation, rules and seals.`,
      ...(['opens', 'refused'] as const).map((kind) => slowest(kind, statements, durations)),
      `Processor time: one account: ${shares(NAMES.one)}; SQL: ${shares(NAMES.oneSql)}; ${CLIENTS} accounts: ${shares(NAMES.many)}; SQL: ${shares(NAMES.manySql)}.`,
      checked,
    ],
  };
}

function slowest(kind: Kind, statements: Statements, durations: Record<Kind, number[][]>): string {
  const each = durations[kind].map((ms, n) => ({ ms: ms.length === 0 ? 0 : median(ms), statement: statements[kind][n] })).sort((a, b) => b.ms - a.ms);
  const shown = each.slice(0, SHOWN).map(({ ms, statement }) => `${titleOf(statement?.name ?? statement?.text ?? '')} ${msText(ms)}`);
  return `Alone, one that ${kind === 'opens' ? 'opens' : 'is refused'} takes ${msText(each.reduce((sum, { ms }) => sum + ms, 0))} in the database, of that ${shown.join(', ')}.`;
}

const titleOf = (text: string) => `\`${text.trim().replace(/\s+/g, ' ').slice(0, 60)}\``;
