import type { Profile, TableMapping } from '../../profile.js';
import type { Source, SourceTable } from '../../source/cell.js';
import { approvalsMapping, isApprovals } from './approvals.js';
import { knownOf } from './archives.js';
import { cacheMapping, decisionFilesMapping, isCache, isDecisionFiles } from './decisions.js';
import { isOpenPositions, isOutcomes, openPositionsMapping, outcomesMapping } from './outcomes.js';

/** Finance Feedback Engine: what it knew lies in two SQLite files and many documents; its tables in PostgreSQL no code ever wrote. */
export const FINANCE_FEEDBACK_ENGINE: Profile = {
  system: 'finance-feedback-engine',
  files: [
    { table: 'trade_outcomes', files: '**/trade_outcomes/*.jsonl' },
    { table: 'decision_files', files: '**/decisions/*.json' },
    { table: 'approvals', files: '**/approvals/*.json' },
    { table: 'open_positions', files: '**/open_positions_state.json', at: '*' },
    { table: 'pending_outcomes', files: '**/pending_outcomes.json', at: '*' },
    { table: 'memory_outcomes', files: '**/memory/outcome_*.json' },
    { table: 'memory_snapshots', files: '**/memory/snapshot_*.json' },
    { table: 'pnl_snapshots', files: '**/pnl_snapshots/*.jsonl' },
    { table: 'api_costs', files: '**/api_costs/*.json' },
  ],
  recognise(source) {
    // The version of a schema is in any program's database that Alembic keeps; written to CSV too.
    const known = source.tables.filter((table) => mappingOf(table, source) !== null && !table.columns.includes('version_num'));
    if (known.length === 0) return null;
    const stores = [source.tables.some(({ columns }) => columns.includes('key_hash')) && 'keys', source.tables.some(isCache) && 'cached decisions', source.tables.some(isOutcomes) && 'outcomes'].filter((each) => each !== false);
    return { shape: stores.length === 0 ? 'documents' : stores.join(', '), tables: known.length };
  },
  mapping: (table, _shape, source) => mappingOf(table, source),
  asksMode: true,
  order: ['trade_outcomes', 'open_positions', 'decision_files', 'approvals'],
};

function mappingOf(table: SourceTable, source: Source): TableMapping | null {
  const { mode = null } = source;
  if (isOutcomes(table)) return outcomesMapping(table, isLines(table) ? [] : source.tables.filter((each) => each !== table && isOutcomes(each) && isLines(each)), mode);
  if (isCache(table)) return cacheMapping(table);
  const known = knownOf(table);
  if (known !== undefined) return known.mapping(source.tables, table);
  if (isOpenPositions(table)) return openPositionsMapping(table, source.tables.filter(isOutcomes), mode);
  if (isApprovals(table)) return approvalsMapping(table, mode);
  return isDecisionFiles(table) ? decisionFilesMapping(table, mode) : null;
}

/** As the recorder wrote them; else an export of those. */
const isLines = ({ name }: SourceTable): boolean => name === 'trade_outcomes' || name.endsWith('.jsonl');
