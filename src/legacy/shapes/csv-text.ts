import { own } from '../../common/own.js';

/** RFC 4180. The first line is the heading; a row that is short has '' in the rest. */
export function readCsv(text: string): { columns: string[]; rows: Record<string, string>[] } {
  const [columns = [], ...lines] = fieldsOf(text.replace(/^\uFEFF/, ''));
  return { columns, rows: lines.map((line) => Object.fromEntries(columns.map((name, index) => [name, line[index] ?? '']))) };
}

function fieldsOf(text: string): string[][] {
  const lines: string[][] = [];
  let line: string[] = [];
  for (const [, quotedField, plain = '', end = ''] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    if (end === '' && quotedField === undefined && plain === '' && line.length === 0) break;
    line.push(quotedField?.replaceAll('""', '"') ?? plain);
    if (end === ',') continue;
    // An empty line is no row: files end with several.
    if (line.length > 1 || line[0] !== '') lines.push(line);
    line = [];
    if (end === '') break;
  }
  return lines;
}

export const csvText = (columns: readonly string[], rows: readonly Readonly<Record<string, string>>[]): string =>
  [columns, ...rows.map((row) => columns.map((name) => own(row, name) ?? ''))].map((line) => `${line.map(field).join()}\n`).join('');

const field = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
