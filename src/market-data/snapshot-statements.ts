import { timeText } from '../database/answer-text.js';
import type { Statement } from '../database/statements.js';
import { type AnyKind, toCamel } from './snapshot-kind.js';

/** One that is sent: its columns, and who sends it. */
export interface SentSnapshot {
  id: string;
  agentId: string | null;
  actor: string;
  correlationId: string;
  columns: Record<string, unknown>;
}

/** What the answer to a batch says of each: 500 rows with all they have take longer to read than to store. */
const SLIM = ['id', 'revision'];

const list = (names: readonly string[], of = '') => names.map((name) => of + name).join(', ');

/** An agent writes of its own account, which it need not name; a person names one. A row without is not stored. */
const accountOf = (agent: string) => ({
  column: `case when ${agent} is null then c.id else a.account_id end`,
  join: `left join agents a on a.id = ${agent} and (q.account_id is null or q.account_id = a.account_id) left join accounts c on c.id = q.account_id and ${agent} is null`,
});

interface Sent {
  name: string;
  type: string;
  of: (sent: SentSnapshot) => unknown;
}

/** Arrays have no arrays of different lengths within: such a column goes as JSON. */
const isArray = (type: string | undefined) => type?.endsWith('[]') ?? false;

/** What is sent of each row, an array for each column. Who acts is said by events alone. */
const sentColumns = ({ columns }: AnyKind, withEvents: boolean): Sent[] => [
  { name: 'id', type: 'uuid', of: ({ id }) => id },
  ...(withEvents ? [{ name: 'agent', type: 'uuid', of: ({ agentId }: SentSnapshot) => agentId }, { name: 'actor', type: 'text', of: ({ actor }: SentSnapshot) => actor }, { name: 'correlation', type: 'text', of: ({ correlationId }: SentSnapshot) => correlationId }] : []),
  ...Object.entries(columns).map(([name, type]): Sent => (isArray(type)
    ? { name, type: 'text', of: (sent) => (sent.columns[name] == null ? null : JSON.stringify(sent.columns[name])) }
    : { name, type, of: (sent) => sent.columns[name] })),
];

/**
 * The rows as they are sent, with their places from 1 on. An array for each column: as one JSON document, 500 candles
 * took PostgreSQL 14 µs more for each. Of arrays alone the planner expects ten rows; the series says that there may be many.
 */
function asked(kind: AnyKind, withEvents: boolean): string {
  const sent = sentColumns(kind, withEvents);
  // A batch has one sender: the parameter behind its columns.
  const agent = withEvents ? 'q.agent' : `$${sent.length + 1}::uuid`;
  const account = Object.hasOwn(kind.columns, 'account_id') ? accountOf(agent) : null;
  const written = Object.entries(kind.columns).map(([column, type]) => {
    if (column === 'captured_at') return 'coalesce(q.captured_at, clock.at) as captured_at';
    if (column === 'account_id') return `${account?.column} as account_id`;
    return isArray(type) ? `case when q.${column} is not null then array(select jsonb_array_elements_text(q.${column}::jsonb)) end as ${column}` : `q.${column}`;
  });
  return `asked as materialized (
    select q.n, q.id, ${agent} as agent${withEvents ? ', q.actor, q.correlation' : ''}, ${written.join(', ')}
    from (select date_trunc('milliseconds', app_clock()) as at) clock cross join rows from (
      unnest(${sent.map(({ type }, at) => `$${at + 1}::${type}[]`).join(', ')}), generate_series(1, cardinality($1::uuid[]))
    ) as q (${sent.map(({ name }) => name).join(', ')}, n) ${account?.join ?? ''}
  )`;
}

const keyMatches = ({ key }: AnyKind) => key.map((column) => `s.${column} = q.${column}`).join(' and ');

/** A value in an event: times in UTC, and decimals as text, since readers of JSON lose digits of numbers. */
function told(type: string | undefined, value: string): string {
  if (type === 'timestamptz') return timeText(value);
  return type === 'numeric' ? `${value}::text` : value;
}

const object = ({ columns }: AnyKind, names: readonly string[], of: string) =>
  `jsonb_build_object(${names.map((column) => `'${toCamel(column)}', ${told(columns[column], `${of}.${column}`)}`).join(', ')})`;

/** What an event says of a snapshot: what it is of. */
const subject = (kind: AnyKind) => `jsonb_build_object('kind', '${kind.name}', 'revision', s.revision) || ${object(kind, kind.key.filter((column) => column !== 'sender'), 's')}`;

/**
 * Inserts what is new, corrects what may be corrected, and answers the rows that it wrote. What is there as it was sent,
 * or stays as it is, is not among them; a second statement reads it (`read`), since this one does not see what was
 * committed after it began. Rows are taken in the order of their key, so that instances lock in one order.
 * @param withEvents one for each row; a batch has one for all, and is told which rows were written by their ids alone:
 * finding their places by their keys took 3 µs for each
 */
function store(kind: AnyKind, withEvents: boolean): Statement {
  const { name, table, key, columns, figures, correctable } = kind;
  const written = Object.keys(columns);
  const same = `(${list(figures, 's.')}) is not distinct from (${list(figures, 'excluded.')})`;
  const correct = `do update set ${figures.map((column) => `${column} = excluded.${column}`).join(', ')},
        agent_id = case when ${same} then s.agent_id else excluded.agent_id end,
        captured_at = case when ${same} then s.captured_at else excluded.captured_at end,
        revision = s.revision + case when ${same} then 0 else 1 end,
        last_captured_at = excluded.captured_at
      where excluded.captured_at > s.last_captured_at and (${correctable})`;
  return {
    name: `store_${name}${withEvents ? '_merged' : '_many'}`,
    text: `
    with ${asked(kind, withEvents)}, stored as (
      insert into ${table} as s (id, agent_id, ${list(written)}, last_captured_at)
      select id, agent, ${list(written)}, captured_at from asked q where ${Object.hasOwn(columns, 'account_id') ? 'account_id is not null' : 'true'} order by ${list(key)}
      on conflict (${list(key)}) ${correctable === null ? 'do nothing' : correct}
      returning ${withEvents ? 's.*' : list(SLIM, 's.')}, s.captured_at = s.last_captured_at as changed
    )${withEvents ? `, told as (
      select q.n, s.id = q.id as made, q.actor, q.correlation, s.* from asked q join stored s on ${keyMatches(kind)}
    ), logged as (
      insert into events (type, subject_id, agent_id, actor, correlation_id, data)
      select case when made then 'snapshot.created' else 'snapshot.corrected' end, s.id, s.agent_id, s.actor, s.correlation, ${subject(kind)}
      from told s where changed order by s.n
    )` : ''}
    select * from ${withEvents ? 'told' : 'stored'}`,
  };
}

/** The rows that were there, and in which figures they differ from what was sent. What is told and not taken over stands in an event. */
function read(kind: AnyKind, withEvents: boolean): Statement {
  const { name, table, time, figures } = kind;
  const bounds = sentColumns(kind, withEvents).length + (withEvents ? 0 : 1);
  const differs = figures.map((column) => `case when s.${column} is distinct from q.${column} then '${toCamel(column)}' end`).join(', ');
  return {
    name: `read_${name}${withEvents ? '_merged' : '_many'}`,
    text: `
    with ${asked(kind, withEvents)}, told as (
      select q.n, array_remove(array[${differs}]::text[], null) as differs, s.*${withEvents ? `, ${object(kind, figures, 'q')} as sent, q.agent, q.actor, q.correlation` : ''}
      from asked q join ${table} s on ${keyMatches(kind)} where s.${time} between $${bounds + 1}::timestamptz and $${bounds + 2}::timestamptz
    )${withEvents ? `, logged as (
      insert into events (type, subject_id, agent_id, actor, correlation_id, data)
      select 'snapshot.differed', s.id, s.agent, s.actor, s.correlation, ${subject(kind)} || jsonb_build_object('sent', s.sent)
      from told s where differs <> '{}' order by s.n
    )` : ''}
    select ${withEvents ? '*' : `n, differs, ${list(SLIM)}`} from told`,
  };
}

export interface KindStatements {
  store: Statement;
  read: Statement;
  valuesOf: (sent: readonly SentSnapshot[]) => unknown[];
}

export const statementsOf = (kind: AnyKind, withEvents: boolean): KindStatements => {
  const columns = sentColumns(kind, withEvents);
  return { store: store(kind, withEvents), read: read(kind, withEvents), valuesOf: (sent) => [...columns.map(({ of }) => sent.map(of)), ...(withEvents ? [] : [sent[0]?.agentId ?? null])] };
};
