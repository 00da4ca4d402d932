import { CsvError, parse } from 'csv-parse/sync';
import { CommandError } from '../outcome.js';
import type { Row } from './html-rows.js';

const RECORD_CHARACTERS_MOST = 65_536;

/** Lines of a CSV file that is separated by whatever stands most often in its first line. @throws {CommandError} STATEMENT_UNREADABLE */
export function csvRows(text: string): Row[] {
  const head = /^\s*(.{0,4096})/.exec(text)?.[1] ?? '';
  const [delimiter = ','] = [',', ';', '\t'].map((each) => [each, head.split(each).length] as const).sort(([, one], [, other]) => other - one).map(([each]) => each);
  try {
    const records = parse(text, { delimiter, info: true, relax_column_count: true, trim: delimiter !== '\t', skip_empty_lines: true, max_record_size: RECORD_CHARACTERS_MOST }) as unknown as { record: string[]; info: { lines: number } }[];
    return records.map(({ record, info: { lines } }) => ({ line: lines, cells: record.map((cell) => cell.replace(/\s+/g, ' ').trim()), isTitle: false }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new CommandError('STATEMENT_UNREADABLE', `It is no CSV from line ${String((error as { lines?: number }).lines ?? '?')} on: ${error.code.toLowerCase().replaceAll('_', ' ')}`);
  }
}
