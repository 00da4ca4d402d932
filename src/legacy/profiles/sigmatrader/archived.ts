import { kept } from '../../convert/columns.js';
import type { Column, Reading, TableMapping } from '../../profile.js';

/** How a column of an archived table is written there, by its name: who reads the archive later has to know the zone of a time. */
function writtenAs(name: string): string {
  if (/_at$|_ts$|_until$|_time$|^as_of_ts$|^ts$/.test(name)) return 'naive UTC, as written';
  if (/(^|_)date$/.test(name)) return "a day of India's calendar, as written";
  if (/_json$|^details$/.test(name)) return 'JSON text, as written';
  if (name === 'id') return 'names the row';
  if (/_id$/.test(name)) return 'names another row, as written';
  return 'as written';
}

/** Of columns whose name says something else than they hold. */
const WRITTEN: Record<string, string> = {
  'alert_events.bar_time': 'wall clock of India or of the sender, as written', 'market_calendar.open_time': 'wall clock of India, as written', 'market_calendar.close_time': 'wall clock of India, as written',
  'risk_profiles.force_exit_time': 'wall clock of India, as written', 'risk_profiles.entry_cutoff_time': 'wall clock of India, as written', 'risk_profiles.force_squareoff_time': 'wall clock of India, as written',
  'risk_source_overrides.entry_cutoff_time': 'wall clock of India, as written', 'risk_source_overrides.force_squareoff_time': 'wall clock of India, as written',
};

interface Archive {
  why: string;
  /** With blanks between. */
  columns: string;
  secrets?: readonly string[];
  remark?: (reading: Reading) => void;
}

export const archive = (table: string, { why, columns, secrets, remark }: Archive): TableMapping => ({
  as: { archive: why },
  columns: Object.fromEntries(columns.split(/\s+/).filter(Boolean).map((name): [string, Column] =>
    [name, secrets?.includes(name) ? kept('a secret: removed') : kept(WRITTEN[`${table}.${name}`] ?? writtenAs(name))])),
  ...(secrets === undefined ? {} : { secrets }),
  ...(remark === undefined ? {} : { remark }),
});

/** The same, where a table of this name lacks columns that a row of ours cannot be without. */
export const archiveOf = (table: TableMapping, lacks: readonly string[]): TableMapping => ({
  as: { archive: `without ${lacks.join(', ')} no row of ours can be made of it` }, columns: table.columns, ...(table.secrets === undefined ? {} : { secrets: table.secrets }),
});
