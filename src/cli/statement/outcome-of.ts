import type { Outcome } from '../outcome.js';
import { type Comparison, type Difference, shownTime } from './compare.js';
import type { OurBook, OurDeal, OurFlow } from './ours.repository.js';
import { shown } from './read-file.js';
import type { Statement, StatementDeal, StatementFlow } from './read-statement.js';

export interface Compared {
  path: string;
  account: string;
  book: OurBook;
  span: { from: string; to: string };
  read: Statement;
}

/** Of each kind, as text and as JSON; all are counted. */
const LINES_MOST = 50;
const ITEMS_MOST = 1_000;

/** 0 when all of it is equal, 1 when anything differs. */
export function outcomeOf(compared: Compared, result: Comparison): Outcome {
  const { cashFlows: flows } = result;
  const off = [result.differing, result.onlyInStatement, result.onlyInOurs, flows.differing, flows.onlyInStatement, flows.onlyInOurs].reduce((sum, list) => sum + list.length, 0);
  return { json: jsonOf(compared, result, off === 0), text: textOf(compared, result, off), exitCode: off === 0 ? 0 : 1 };
}

const listOf = <T, U>(list: readonly T[], map: (item: T) => U) => ({ count: list.length, items: list.slice(0, ITEMS_MOST).map(map) });

function jsonOf({ path, account, book, span, read }: Compared, { matched, differing, onlyInStatement, onlyInOurs, cashFlows, sums }: Comparison, equal: boolean): object {
  return {
    equal, file: path, account, accountId: book.accountId, executionMode: book.mode, from: span.from, to: span.to, deals: read.deals.length, notCompared: [...read.absent, 'balance'],
    matched, differing: listOf(differing, ({ deal, ours, differences }) => ({ dealId: deal.dealId, line: deal.line, tradeIds: ours.trade_ids, differences })),
    onlyInStatement: listOf(onlyInStatement, dealJson), onlyInOurs: listOf(onlyInOurs, ourJson),
    cashFlows: {
      matched: cashFlows.matched, differing: listOf(cashFlows.differing, ({ flow, ours, differences }) => ({ dealId: flow.dealId, line: flow.line, id: ours.id, differences })),
      onlyInStatement: listOf(cashFlows.onlyInStatement, flowJson), onlyInOurs: listOf(cashFlows.onlyInOurs, ({ deal_id: dealId, ...flow }) => ({ dealId, ...flow })),
    },
    sums,
  };
}

const dealJson = ({ time, ...deal }: StatementDeal) => ({ ...deal, time: shownTime(time) });
const flowJson = ({ time, ...flow }: StatementFlow) => ({ ...flow, time: shownTime(time) });
const ourJson = ({ deal_id: dealId, at, symbol, side, size, price, profit, commission, fee, swap, trade_ids: tradeIds }: OurDeal) => ({ dealId, time: at, symbol, side, volume: size, price, profit, commission, fee, swap, tradeIds });

function textOf({ path, account, book, span, read }: Compared, { matched, differing, onlyInStatement, onlyInOurs, cashFlows, sums }: Comparison, off: number): string {
  const { statement, ours } = sums;
  return [
    `${shown(path)}: ${read.deals.length} deals and ${read.flows.length} cash flows, against account ${shown(account)} in ${book.mode}.`,
    `Compared from ${span.from} to ${span.to}, the time of its first row to that of its last: of what is stored outside of it the statement says nothing.`,
    `Not compared: ${read.absent.length > 0 ? `${read.absent.join(', ')} (no such column), ` : ''}balance.`,
    ...section('Differing', differing, ({ deal, differences }) => `deal ${deal.dealId} (line ${deal.line}): ${differencesText(differences)}`),
    ...section('Only in the statement', onlyInStatement, (deal) => `deal ${deal.dealId} (line ${deal.line}): ${shownTime(deal.time)} ${deal.side} ${deal.volume} ${deal.symbol} at ${deal.price}, profit ${deal.profit}`),
    ...section('Only in ours', onlyInOurs, (deal) => `deal ${deal.deal_id}: ${deal.at} ${deal.side} ${deal.size} ${deal.symbol} at ${deal.price}, profit ${deal.profit ?? 'not known'}, trade ${deal.trade_ids.join(', ')}`),
    ...section('Cash flows differing', cashFlows.differing, ({ flow, differences }) => `deal ${flow.dealId} (line ${flow.line}): ${differencesText(differences)}`),
    ...section('Cash flows only in the statement', cashFlows.onlyInStatement, (flow) => `deal ${flow.dealId} (line ${flow.line}): ${shownTime(flow.time)} ${flow.type} ${flow.amount}`),
    ...section('Cash flows only in ours', cashFlows.onlyInOurs, (flow: OurFlow) => `${flow.deal_id === null ? flow.id : `deal ${flow.deal_id}`}: ${flow.at} ${flow.kind} ${flow.amount}`),
    `Profit: ${statement.profit} in the statement, ${ours.profit} in ours${ours.unknownProfits > 0 ? ` (${ours.unknownProfits} not known)` : ''}. Costs: ${statement.costs} and ${ours.costs}. Cash flows: ${sums.cashFlows.statement} and ${sums.cashFlows.ours}.`,
    `${matched} of ${read.deals.length} deals and ${cashFlows.matched} of ${read.flows.length} cash flows match. ${off === 0 ? 'Nothing differs.' : `${off} do not.`}`,
  ].join('\n');
}

const section = <T>(title: string, list: readonly T[], line: (item: T) => string): string[] =>
  list.length === 0 ? [] : [`${title}: ${list.length}`, ...list.slice(0, LINES_MOST).map((item) => `  ${shown(line(item))}`), ...(list.length > LINES_MOST ? [`  … and ${list.length - LINES_MOST} more`] : [])];

const differencesText = (differences: readonly Difference[]) => differences.map(({ field, statement, ours }) => `${field} ${statement} in the statement, ${ours ?? 'not known'} in ours`).join('; ');
