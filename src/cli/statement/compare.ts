import { Exact, sumOf } from '../../common/decimal.js';
import { symbolOf } from '../../instruments/symbol-lookup.js';
import type { Moment } from './cells.js';
import type { OurDeal, OurFlow } from './ours.repository.js';
import type { Statement, StatementDeal, StatementFlow } from './read-statement.js';

/** Both sides of one field. Ours is null where it is not known. */
export interface Difference {
  field: string;
  statement: string;
  ours: string | null;
}

export interface Sums {
  profit: string;
  costs: string;
}

export interface Comparison {
  matched: number;
  differing: { deal: StatementDeal; ours: OurDeal; differences: Difference[] }[];
  onlyInStatement: StatementDeal[];
  onlyInOurs: OurDeal[];
  cashFlows: { matched: number; differing: { flow: StatementFlow; ours: OurFlow; differences: Difference[] }[]; onlyInStatement: StatementFlow[]; onlyInOurs: OurFlow[] };
  sums: { statement: Sums; ours: Sums & { unknownProfits: number }; cashFlows: { statement: string; ours: string } };
}

/** People write a deposit down within the day. */
const FLOW_WITHIN_MS = 86_400_000;

/** @param listed what the account's broker calls its instruments */
export function compare({ deals, flows }: Statement, ours: readonly OurDeal[], ourFlows: readonly OurFlow[], listed: ReadonlyMap<string, ReadonlySet<string>>): Comparison {
  const left = Map.groupBy(ours, ({ deal_id: id }) => id);
  const result: Comparison = {
    matched: 0, differing: [], onlyInStatement: [], onlyInOurs: [], cashFlows: compareFlows(flows, ourFlows),
    sums: {
      statement: { profit: sumOf(deals.map(({ profit }) => profit)), costs: sumOf(deals.flatMap(({ commission, fee, swap }) => [commission, fee, swap])) },
      ours: { profit: sumOf(ours.map(({ profit }) => profit)), costs: sumOf(ours.flatMap(({ commission, fee, swap }) => [commission, fee, swap])), unknownProfits: ours.filter(({ profit }) => profit === null).length },
      cashFlows: { statement: sumOf(flows.map(({ amount }) => amount)), ours: sumOf(ourFlows.map(({ amount }) => amount)) },
    },
  };
  for (const deal of deals) {
    // On a paper account each agent counts its deals, and two may count alike.
    const [best, ...rest] = (left.get(deal.dealId) ?? []).map((each) => ({ ours: each, differences: differencesOf(deal, each, listed) })).sort((one, other) => one.differences.length - other.differences.length);
    if (!best) {
      result.onlyInStatement.push(deal);
      continue;
    }
    left.set(deal.dealId, rest.map((each) => each.ours));
    if (best.differences.length === 0) result.matched += 1;
    else result.differing.push({ deal, ...best });
  }
  result.onlyInOurs = [...left.values()].flat();
  return result;
}

function differencesOf(deal: StatementDeal, ours: OurDeal, listed: ReadonlyMap<string, ReadonlySet<string>>): Difference[] {
  const found: Difference[] = [];
  const check = (field: string, statement: string | null, value: string | null, isSame: boolean) => {
    if (statement !== null && !isSame) found.push({ field, statement, ours: value });
  };
  const number = (field: string, statement: string | null, value: string | null) => check(field, statement, value, statement !== null && value !== null && !value.includes(',') && new Exact(statement).eq(value));
  check('time', shownTime(deal.time), ours.at, isAt(deal.time, ours.at));
  check('symbol', deal.symbol, ours.broker_symbol ?? ours.symbol, [ours.symbol, ours.broker_symbol].includes(deal.symbol) || symbolOf(deal.symbol) === ours.symbol || listed.get(deal.symbol)?.has(ours.symbol) === true);
  check('side', deal.side, ours.side, deal.side === ours.side);
  check('direction', deal.direction, directionOf(ours), deal.direction === directionOf(ours));
  number('volume', deal.volume, ours.size);
  number('price', deal.price, ours.price);
  number('profit', deal.profit, ours.profit);
  for (const field of ['commission', 'fee', 'swap'] as const) number(field, deal[field], ours[field]);
  return found;
}

const directionOf = ({ roles }: OurDeal) => (roles.length > 1 ? 'in/out' : roles[0] === 'entry' ? 'in' : 'out');

/** To the unit in which the statement tells time: what is behind that is ours alone. */
const isAt = ({ instants, unit }: Moment, at: string): boolean => instants.includes(Math.floor(Date.parse(at) / unit) * unit);

export const shownTime = ({ instants }: Moment): string => instants.map((instant) => new Date(instant).toISOString()).join(' or ');

/** By the broker's deal; what was written down without one, by its amount within a day. */
function compareFlows(flows: readonly StatementFlow[], ours: readonly OurFlow[]): Comparison['cashFlows'] {
  const result: Comparison['cashFlows'] = { matched: 0, differing: [], onlyInStatement: [], onlyInOurs: [] };
  const left = new Set(ours);
  const byDeal = new Map(ours.map((flow) => [flow.deal_id, flow]));
  const open: StatementFlow[] = [];
  for (const flow of flows) {
    const found = byDeal.get(flow.dealId);
    if (!found) {
      open.push(flow);
      continue;
    }
    left.delete(found);
    const differences: Difference[] = [
      ...(new Exact(flow.amount).eq(found.amount) ? [] : [{ field: 'amount', statement: flow.amount, ours: found.amount }]), ...(isAt(flow.time, found.at) ? [] : [{ field: 'time', statement: shownTime(flow.time), ours: found.at }]),
    ];
    if (differences.length === 0) result.matched += 1;
    else result.differing.push({ flow, ours: found, differences });
  }
  const unnamed = Map.groupBy([...left].filter(({ deal_id: id }) => id === null), ({ amount }) => new Exact(amount).toFixed());
  for (const flow of open) {
    const away = ({ at }: OurFlow) => Math.min(...flow.time.instants.map((instant) => Math.abs(instant - Date.parse(at))));
    const [nearest] = (unnamed.get(new Exact(flow.amount).toFixed()) ?? []).filter((each) => left.has(each) && away(each) <= FLOW_WITHIN_MS).sort((one, other) => away(one) - away(other));
    if (nearest) {
      left.delete(nearest);
      result.matched += 1;
    } else result.onlyInStatement.push(flow);
  }
  result.onlyInOurs = [...left];
  return result;
}
