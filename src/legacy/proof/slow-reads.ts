import type { DataSource } from 'typeorm';
import { MARKET } from '../../market-data/market.kind.js';
import { SnapshotsRepository } from '../../market-data/snapshots.repository.js';
import { PredictionsRepository } from '../../predictions/predictions.repository.js';
import { TradeListsRepository } from '../../trades/trade-lists.repository.js';
import type { TargetTable } from '../targets.js';
import type { ProofAsk } from './proof.js';

/** Smaller tables are looked through whole as fast. */
const ROWS_LEAST = 10_000;
const BYTES_LEAST = 1_000_000;
const PAGE = 50;

interface Sent {
  text: string;
  values: unknown[];
}

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  Plans?: Plan[];
}

/** What a repository sends, in place of sending it: so the very statements of the application are explained. */
function recorder(sent: Sent[]): DataSource {
  const keep = (text: string, values: unknown[]) => {
    sent.push({ text, values });
    return Promise.resolve([]);
  };
  return {
    sql(parts: TemplateStringsArray, ...given: unknown[]) {
      const values: unknown[] = [];
      const text = parts.reduce((whole, part, at) => {
        if (at === 0) return part;
        const one = given[at - 1];
        return whole + (typeof one === 'function' ? (one as () => string)() : one === null ? 'NULL' : `$${values.push(one)}`) + part;
      }, '');
      return keep(text, values);
    },
    query: (text: string, values: unknown[] = []) => keep(text, values),
  } as unknown as DataSource;
}

type Read = [what: string, send: (source: DataSource, sample: Record<string, string>) => Promise<unknown>];

/** The main reads of a table, of the values that one of its rows has. */
const READS: Partial<Record<TargetTable, { sample: string; reads: readonly Read[] }>> = {
  predictions: {
    sample: 'agent_id, symbol',
    reads: [
      ['latest predictions', (source) => new PredictionsRepository(source).list({ agentId: null }, PAGE, null)],
      ['predictions of an agent', (source, { agent_id: agentId = null }) => new PredictionsRepository(source).list({ agentId }, PAGE, null)],
      ['predictions of a symbol', (source, { symbol }) => new PredictionsRepository(source).list({ agentId: null, symbol }, PAGE, null)],
    ],
  },
  trades: {
    sample: 'agent_id, account_id, symbol',
    reads: [
      ['trades of an account', (source, { account_id: accountId = null }) => new TradeListsRepository(source).list({ agentId: null, accountId } as never, PAGE, undefined)],
      ['trades of an agent', (source, { agent_id: agentId = null }) => new TradeListsRepository(source).list({ agentId } as never, PAGE, undefined)],
    ],
  },
  snapshot_market: {
    sample: 'symbol, frame, open_time::text as open_time',
    reads: [['candles of a symbol', (source, { symbol = '', frame = '', open_time: at = '' }) =>
      new SnapshotsRepository(source, undefined as never).list(MARKET as never, { columns: { symbol, frame }, to: new Date(at).toISOString() }, PAGE, null)]],
  },
};

/** Of a table that is large now: reads of the application that would look through all of it. */
export async function slowReads({ query }: ProofAsk, table: TargetTable): Promise<string[]> {
  const known = READS[table];
  if (!known) return [];
  const [many] = await query(`select 1 from ${table} offset ${ROWS_LEAST} limit 1`);
  // Nobody may count a month by itself.
  const isLarge = async (name: string) => (await query(`select 1 where pg_relation_size(to_regclass($1)) > ${BYTES_LEAST}`, [name])).length > 0;
  const [sample] = await query<Record<string, string>>(`select ${known.sample} from ${table} limit 1`);
  if (!many || !sample) return [];
  const found: string[] = [];
  for (const [what, send] of known.reads) {
    const sent: Sent[] = [];
    await send(recorder(sent), sample);
    for (const { text, values } of sent.slice(0, 1)) {
      const [row] = await query<{ 'QUERY PLAN': { Plan: Plan }[] }>(`explain (format json) ${text}`, values);
      const plan = row?.['QUERY PLAN'][0]?.Plan;
      for (const name of plan ? lookedThrough(plan, table) : []) if (await isLarge(name)) found.push(`${what}: no index serves it`);
    }
  }
  return [...new Set(found)];
}

/** The table, or those of its months, of which all rows are read. */
const lookedThrough = (plan: Plan, table: string): string[] => {
  const name = plan['Relation Name'] ?? '';
  const isOf = name === table || (name.startsWith(`${table}_y`) && /^\w+$/.test(name));
  return [...(plan['Node Type'] === 'Seq Scan' && isOf ? [name] : []), ...(plan.Plans ?? []).flatMap((inner) => lookedThrough(inner, table))];
};
