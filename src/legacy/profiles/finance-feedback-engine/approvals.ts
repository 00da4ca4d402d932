import { flag } from '../../convert/columns.js';
import { type Column, Json, type Reading, Reject, type TableMapping } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { has, keptAll, together } from '../columns.js';
import type { Mode } from '../imported-trade.js';
import { instantOf, modeOf, textOf } from './said.js';

/** What a person answered, in three shapes: of the API (status), of the command line (both), of the old Telegram bot (approved alone). */

export const isApprovals = ({ columns }: SourceTable): boolean => has(columns, 'decision_id timestamp') && (columns.includes('approved') || has(columns, 'approval_id status'));

const COLUMNS: Record<string, Column> = {
  decision_id: together('human_override', 'of the old decision; here the files replaced its dots, the document did not'),
  status: together('type', 'approved to human_approved, rejected to human_rejected'), approved: together('type', 'where status is missing; where both are there they must agree'),
  timestamp: together('at', 'with an offset, else UTC, noted'), source: together('human_override', 'cli, telegram, api'), modified: together('human_override', 'boolean'),
  approval_notes: together('reason', 'text'), approval_id: together('human_override', 'text'),
  ...keptAll('original_decision modifications decision_hash original_hash modified_hash user user_id', 'kept whole'),
};

const FLAG = flag(null);

export function approvalsMapping(table: SourceTable, mode: Mode | null): TableMapping {
  return {
    as: 'import', columns: COLUMNS, time: 'timestamp',
    map(_values, owners, row) {
      const { cells } = row;
      const isApproved = answerOf(row);
      const decisionId = textOf(cells.decision_id);
      if (decisionId === null) throw new Reject('VALUE_MISSING', 'decision_id is not there', 'decision_id');
      const { agentId } = owners.agent(modeOf(row, mode, decisionId));
      const said = { imported: true, decisionId, approved: isApproved, source: textOf(cells.source) ?? 'api', approvalId: textOf(cells.approval_id), modified: FLAG.read(cells.modified ?? null, 'modified', row) };
      const values = {
        id: owners.id(table.name, row.id), type: isApproved ? 'human_approved' : 'human_rejected', at: instantOf(row, 'timestamp'), agent_id: agentId,
        reason: textOf(cells.approval_notes) ?? `${isApproved ? 'approved' : 'rejected'} ${decisionId}`, risk_check_result: null, human_override: new Json(said),
      };
      return { rows: [{ table: 'decision_history', values }] };
    },
  };
}

function answerOf(row: Reading): boolean {
  const status = textOf(row.cells.status)?.toLowerCase();
  if (status !== undefined && status !== 'approved' && status !== 'rejected') throw new Reject('VALUE_UNKNOWN', `status is ${status.slice(0, 100)}; expected approved or rejected`, 'status');
  const approved = FLAG.read(row.cells.approved ?? null, 'approved', row);
  const said = status === undefined ? approved : status === 'approved';
  if (said === null) throw new Reject('VALUE_MISSING', 'neither status nor approved says what was answered', 'approved');
  if (approved !== null && approved !== said) throw new Reject('ANSWER_CONTRADICTED', `status is ${status}, and approved is ${approved}`, 'approved');
  return said;
}
