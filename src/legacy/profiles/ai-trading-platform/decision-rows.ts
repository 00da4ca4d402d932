import { masked } from '../../../auth/credentials.js';
import { DECISION_TYPES } from '../../../decisions/decision.js';
import { flag, kept, required, text } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import { Json, Reject, type TableMapping } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { cutTo, listOf, plain, Values } from '../row.js';

const instant = (to: string | null) => time(to, { zone: 'UTC', epoch: 'either' });
const REASON_MOST = 1_000;

export const DECISIONS: TableMapping['columns'] = {
  id: kept('it names the row'), occurred_at: required(instant('at')), symbol: text('reason', { trim: true }), action: required(text('type', { trim: true })), rationale: text('reason', { trim: true }),
  confidence_score: decimal('reason'), risk_check_result: text('risk_check_result', { trim: true }), strategy_id: kept('a decision of the past is of no strategy of now'), trade_idea_id: kept('ideas are archived'),
  snapshot_ref: kept('the snapshots of then are no bundle here'), human_override: flag('human_override'),
};

/** The log of the program, word by word, in the run's own stream. */
export const decisionTable = (table: SourceTable): TableMapping => ({
  columns: DECISIONS,
  as: 'import',
  time: 'occurred_at',
  map(given, owners, reading) {
    const values = new Values(given);
    // The one of its two schemas that was ever written to has the names in capitals.
    const type = values.need('action').toLowerCase();
    if (type === 'admin_note') return { archive: 'DECISION_NOTE: a remark of a person, and no decision; ours has no such type' };
    if (!DECISION_TYPES.some((each) => each === type)) throw new Reject('VALUE_UNKNOWN', `action is ${JSON.stringify(values.need('action').slice(0, 100))}; expected one of ${DECISION_TYPES.join(', ')}`, 'action');
    const of = [values.text('symbol'), values.text('confidence_score') !== null && `confidence ${values.text('confidence_score')} of 100`].filter((each) => typeof each === 'string');
    return {
      rows: [{
        table: 'decision_history',
        values: {
          id: owners.id(table.name, reading.id), type, at: values.need('occurred_at'), agent_id: owners.agent('paper').agentId,
          reason: cutTo(masked(`Imported${of.length === 0 ? '' : ` (${of.join(', ')})`}: ${values.text('rationale') ?? 'no rationale was stored'}`), REASON_MOST),
          risk_check_result: checkOf(values.text('risk_check_result')), human_override: values.flag('human_override') === true ? new Json({ by: null, imported: true }) : null,
        },
      }],
    };
  },
});

/** `pass`, or `fail:max_drawdown`: what failed, as the gate's rules are told, so that the page shows it by name. */
function checkOf(said: string | null): Json | null {
  if (said === null || said === '') return null;
  const [, rule] = /^fail:(.+)$/i.exec(said) ?? [];
  if (rule !== undefined) return new Json({ imported: true, verdict: 'fail', rules: [{ rule: rule.slice(0, 100), outcome: 'rejected', reasons: [] }] });
  return new Json({ imported: true, verdict: said.slice(0, 100), rules: [] });
}

export const IDEAS: TableMapping['columns'] = {
  id: kept('it names the row'), symbol: text('reason', { trim: true }), direction: text('reason', { trim: true }), entry_price: decimal('reason'),
  entry_range: { to: 'reason', says: 'array to two prices', read: (cell) => cell }, stop_loss: decimal('reason'), take_profit: { to: 'reason', says: 'array to prices', read: (cell) => cell },
  expected_hold: text('reason', { trim: true }), rationale: text('reason', { trim: true }), confidence_score: decimal('reason'), status: required(text('type', { trim: true })),
  strategy_id: kept('a decision of the past is of no strategy of now'), snapshot_ref: kept('the snapshots of then are no bundle here'), created_at: instant('at'), updated_at: instant('at'),
};

const ENDED: Record<string, string> = { auto_executed: 'ai_auto_executed', rejected: 'risk_rejected', halted_by_risk: 'ai_halted' };
const OPEN = new Set(['waiting', 'needs_approval']);
const shownList = (cell: unknown): string => (listOf(cell) ?? []).map((each) => String(plain(each))).join(' / ');

/** A row of the ideas, where no log of decisions is beside it. */
export const ideaTable = (table: SourceTable): TableMapping => ({
  columns: IDEAS,
  as: 'import',
  time: 'created_at',
  map(given, owners, reading) {
    const values = new Values(given);
    const status = values.need('status').toLowerCase();
    if (!OPEN.has(status) && !Object.hasOwn(ENDED, status)) throw new Reject('VALUE_UNKNOWN', `status is ${JSON.stringify(status.slice(0, 100))}; expected one of ${[...OPEN, ...Object.keys(ENDED)].join(', ')}`, 'status');
    if (OPEN.has(status)) reading.note('IDEA_PENDING', 'it was still to be decided on; nobody can approve it here: who still wants it proposes it anew');
    const at = values.text('created_at') ?? values.text('updated_at') ?? owners.at;
    const [range, targets] = [shownList(given.entry_range), shownList(given.take_profit)];
    const what = [
      values.text('direction'), values.text('symbol'), values.text('entry_price') !== null && `at ${values.text('entry_price')}`, range !== '' && `from ${range}`, values.text('stop_loss') !== null && `stop ${values.text('stop_loss')}`,
      targets !== '' && `target ${targets}`, values.text('confidence_score') !== null && `confidence ${values.text('confidence_score')} of 100`, values.text('expected_hold'),
    ].filter((each) => typeof each === 'string').join(', ');
    const decision = (step: string, type: string, time: string, reason: string) => ({
      table: 'decision_history' as const,
      values: { id: owners.id(table.name, step === '' ? reading.id : `${reading.id}\n${step}`), type, at: time, agent_id: owners.agent('paper').agentId, reason: cutTo(masked(reason), REASON_MOST), risk_check_result: null, human_override: null },
    });
    const ended = ENDED[status];
    const proposed = decision('', 'ai_proposed', at, `Imported: an idea (${what}), which was ${status}: ${values.text('rationale') ?? 'no rationale was stored'}`);
    return { rows: ended === undefined ? [proposed] : [proposed, decision('ended', ended, values.text('updated_at') ?? at, `Imported: the idea (${what}) was ${status}`)] };
  },
});
