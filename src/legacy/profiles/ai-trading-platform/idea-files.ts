import { masked } from '../../../auth/credentials.js';
import { json, kept, oneOf, text } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import { type Column, Json, type Owners, type Reading, Reject, type TableMapping, type TargetRow } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { cutTo, Values } from '../row.js';

const instant = (to: string | null) => time(to, { zone: 'UTC', epoch: 'either' });
const words = (to: string | null) => text(to, { trim: true });
const said = 'said in the decision';

/** The old program wrote some of them as what a person would read (`None`): for words that is enough, and no file is lost for it. */
const figure: Column<string | null> = {
  to: 'reason', says: 'number, in the words of the decision',
  read(cell, column, row) {
    try {
      return decimal(null).read(cell, column, row) ?? null;
    } catch (error) {
      if (!(error instanceof Reject)) throw error;
      row.note('IDEA_FIGURE_UNREADABLE', error.detail);
      return null;
    }
  },
};

/** Each is a file that the program wrote again at each step; its fields are of all of them. */
export const COLUMNS: TableMapping['columns'] = {
  id: words('reason'), timestamp: instant('at'), created_at: instant('at'), symbol: words('reason'), timeframe: words('reason'), confidence: figure, action: words('reason'),
  direction: oneOf('reason', { map: { long: 'long', short: 'short', buy: 'long', sell: 'short' }, caseless: true }), entry_price: figure, stop_loss: figure, take_profit: figure,
  volume: figure, rr_ratio: figure, notes: words('reason'), source: kept(said), rationale: words('reason'),
  status: oneOf('type', { map: { pending_approval: 'pending', pending: 'pending', approved: 'approved', rejected: 'rejected', executed: 'executed', cancelled: 'cancelled', canceled: 'cancelled' }, caseless: true }),
  approval_status: oneOf('type', { map: { pending: 'pending', pending_approval: 'pending', approved: 'approved', rejected: 'rejected', cancelled: 'cancelled' }, caseless: true }),
  approved_by: words('human_override'), approved_at: instant('at'), rejected_by: words('human_override'), rejected_at: instant('at'), rejection_reason: words('reason'), cancelled_at: instant('at'), executed_at: instant('at'),
  manual_overrides: json('human_override'),
  emnr_flags: kept('what the old rules found'), indicators: kept('what the old rules saw'), execution_plan: kept('a plan of the old program; nothing here carries it out'), order_id: kept('of the old program'), updated_at: kept('the time of the last step'),
};

const REASON_MOST = 1_000;
/** The name of a file holds the moment: `EURUSD_H1_20251028_100000`. */
const NAME_TIME = /_(\d{4})(\d{2})(\d{2})_(\d{2})(\d{2})(\d{2})/;

/**
 * What was decided on an idea, one decision for each step that is known. There is no idea to it here: one of the past
 * must never be approved or carried out, so nothing is made that somebody could send.
 */
export const ideaFiles = (table: SourceTable): TableMapping => ({
  columns: COLUMNS,
  as: 'import',
  time: 'timestamp',
  map(given, owners, reading) {
    const values = new Values(given);
    const at = proposedAt(values, owners, reading);
    const { agentId } = owners.agent('paper');
    const decision = (step: string, type: string, time: string, reason: string, override: unknown = null): TargetRow => ({
      table: 'decision_history',
      values: {
        id: step === '' ? owners.id(table.name, reading.id) : owners.id(table.name, `${reading.id}\n${step}`), type, at: time, agent_id: agentId, reason: cutTo(masked(reason), REASON_MOST), risk_check_result: null,
        human_override: override === null ? null : new Json(override),
      },
    });
    const what = describe(values, reading);
    const later: TargetRow[] = [];
    const [status, approval] = [values.text('status'), values.text('approval_status')];
    const isApproved = values.text('approved_at') !== null || approval === 'approved' || status === 'approved';
    if (isApproved) later.push(decision('approved', 'human_approved', values.text('approved_at') ?? at, `Imported: ${what} was approved by ${values.text('approved_by') ?? 'nobody named'}`, { by: values.text('approved_by'), overrides: values.json('manual_overrides'), imported: true }));
    // The program approved and rejected in any order: each that it wrote down is told.
    if (values.text('rejected_at') !== null || approval === 'rejected' || status === 'rejected')
      later.push(decision('rejected', 'human_rejected', values.text('rejected_at') ?? at, `Imported: ${what} was rejected by ${values.text('rejected_by') ?? 'nobody named'}: ${values.text('rejection_reason') ?? 'no reason'}`, { by: values.text('rejected_by'), imported: true }));
    if (values.text('cancelled_at') !== null || status === 'cancelled')
      later.push(decision('cancelled', 'human_rejected', values.text('cancelled_at') ?? at, `Imported: ${what} was cancelled`, { by: null, imported: true }));
    if (status === 'executed' && !isApproved) later.push(decision('executed', 'ai_auto_executed', values.text('executed_at') ?? at, `Imported: ${what} was carried out, and nobody is named who approved it`));
    if (status === 'approved' || (isApproved && status !== 'executed')) reading.note('IDEA_NOT_EXECUTED', 'it was approved and not carried out; nothing here carries it out: who still wants it proposes it anew');
    if (status === 'pending' || status === null) reading.note('IDEA_PENDING', 'it was still to be decided on; nobody can approve it here: who still wants it proposes it anew');
    later.sort((one, other) => Date.parse(one.values.at as string) - Date.parse(other.values.at as string));
    return { rows: [decision('', 'ai_proposed', at, `Imported: ${what}; it was ${status ?? 'of no known status'}. ${values.text('rationale') ?? values.text('notes') ?? 'No rationale was stored.'}`), ...later] };
  },
});

function proposedAt(values: Values, owners: Owners, reading: Reading): string {
  const told = values.text('timestamp') ?? values.text('created_at');
  if (told !== null) return told;
  const [, year, month, day, hour, minute, second] = NAME_TIME.exec(values.text('id') ?? '') ?? [];
  const named = `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
  if (!Number.isNaN(Date.parse(named))) {
    reading.note('TIME_OF_NAME', `no time is stored; ${named} is in its id, taken as UTC`);
    return named;
  }
  reading.note('TIME_MISSING', 'no time is stored; that of the import is taken');
  return owners.at;
}

function describe(values: Values, reading: Reading): string {
  const words = [
    values.text('direction'), values.text('volume'), values.text('symbol'), values.text('timeframe'), values.text('entry_price') !== null && `at ${values.text('entry_price')}`,
    values.text('stop_loss') !== null && `stop ${values.text('stop_loss')}`, values.text('take_profit') !== null && `target ${values.text('take_profit')}`,
    values.text('rr_ratio') !== null && `reward to risk ${values.text('rr_ratio')}`, values.text('confidence') !== null && `confidence ${values.text('confidence')} of 100`, values.text('action') !== null && `action ${values.text('action')}`,
  ].filter((each) => typeof each === 'string');
  return `the idea ${values.text('id') ?? reading.id} (${words.join(', ')})`;
}
