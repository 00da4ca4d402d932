import type { ImportReport, TableReport } from '../legacy/load/import-run.js';
import type { TableProof } from '../legacy/proof/proof.js';

/** What a person reads when an import has ended. */
export function textOf(report: ImportReport): string {
  const { source, tables, dryRun, status, error } = report;
  const lines = [`${source.file}: ${source.system}, ${source.shape}, as ${source.name} (SHA-256 ${source.sha256})`, '', ...(isProofAlone(report) ? proofLines(report.proof?.tables ?? []) : tableLines(report))];
  const told = tables.filter(isTold(report));
  const rest = tables.filter((table) => !told.includes(table));
  if (rest.length > 0) lines.push(`Without rows: ${rest.map(({ name }) => name).join(', ')}`);
  if (report.status === 'failed' || report.rejected > 0) lines.push(...rejectLines(report));
  for (const [because, kept] of Map.groupBy(told.filter((table) => table.because !== null), (table) => table.because)) lines.push(`Kept in the archive: ${kept.map(({ name }) => name).join(', ')}: ${because ?? ''}`);
  for (const { name, columns } of tables) for (const { name: column, to, says } of columns) if (says.startsWith('kept in the old row: this system')) lines.push(`${name}.${column}: ${says}${to === null ? '' : ` (${to})`}`);
  lines.push(...sumLines(report));
  for (const [code, count] of Object.entries(report.notes)) lines.push(`${code}: ${rowsOf(count)}${report.noteExamples[code] === undefined ? '' : `, the first ${report.noteExamples[code]}`}`);
  for (const { table, column, count } of report.secrets) lines.push(`Secrets removed from ${table}.${column}: ${count}`);
  for (const { code, table, oldId, detail } of report.proof?.damage.slice(0, 20) ?? []) lines.push(`${code}: ${table ?? ''} ${oldId ?? ''} ${detail}`);
  lines.push('', ...(isProofAlone(report) ? [error?.message ?? `Proved: what run ${report.runId} and those before it stored is what the source holds.`] : ending(dryRun, status, error, report)));
  // Names of an old file's tables and columns may hold anything, a terminal's commands too.
  return lines.map((line) => line.replace(/\p{Cc}/gu, ' ')).join('\n');
}

/** Of --validate-only, which stores nothing. */
const isProofAlone = ({ tables, proof }: ImportReport): boolean => tables.length === 0 && proof !== null;

/** Of all rows of the source, as the proof adds them up: those of this run alone are none the second time. */
function sumLines({ sums, tables, proof }: ImportReport): string[] {
  if (proof === null) {
    const read = new Set(tables.filter((table) => table.read > 0).map(({ name }) => name));
    return Object.entries(sums).filter(([table]) => read.has(table)).flatMap(([table, columns]) => Object.entries(columns).map(([column, sum]) => `Sum of ${table}.${column}: ${sum.source} in the source, ${sum.target} here`));
  }
  return proof.tables.filter(({ read }) => read > 0).flatMap((table) => Object.entries(table.sums).map(([column, { source, target }]) => {
    const why = source === target || !table.ok ? '' : table.changedSince > 0 ? ', where rows were changed since' : ', in another unit';
    return `Sum of ${table.name}.${column}: ${source} in the source, ${target} here${why}`;
  }));
}

function ending(dryRun: boolean, status: ImportReport['status'], error: ImportReport['error'], { runId, proof, tables, batch, notes: said }: ImportReport): string[] {
  if (status === 'failed') return [`${dryRun ? 'It would fail' : batch === null ? 'Nothing was imported' : 'Stopped; batches that were committed stay'}: ${error?.message ?? ''} [${error?.code ?? ''}]${dryRun ? '' : ` Run ${runId}.`}`];
  if (tables.length > 0 && proof === null) return ['Only looked at: no row was read.'];
  const noted = Object.keys(said).length;
  const proved = proof === null ? '' : ' What is stored is what the source holds.';
  if (dryRun) return [`Dry run: all of it was done, proved and taken back.${proved}`];
  const notes = noted > 0 ? [`Every note with its row: tradewarden import:notes ${runId}`] : [];
  return [`Imported as run ${runId}.${proved}`, ...notes, `To take it back: tradewarden import:rollback ${runId}`];
}

const rowsOf = (count: number): string => `${count} ${count === 1 ? 'row' : 'rows'}`;

/** Where no row was read, each table says what its rows would become. */
const isTold = ({ tables }: ImportReport) => (table: TableReport): boolean => table.read > 0 || tables.every(({ read }) => read === 0);

function rejectLines({ rejects, rejected, rejectsFile }: ImportReport): string[] {
  return [
    ...rejects.map(({ table, oldId, code, detail }) => `Rejected: ${table} ${oldId}: ${code}: ${detail}`),
    ...(rejected > rejects.length ? [`… and ${rejected - rejects.length} more`] : []),
    ...(rejectsFile === null ? [] : [`All rejects, with their rows: ${rejectsFile}`]),
  ];
}

function tableLines(report: ImportReport): string[] {
  const sum = (of: 'read' | 'imported' | 'unchanged' | 'archived' | 'rejected') => String(report.tables.reduce((total, table) => total + table[of], 0));
  const rows = report.tables.filter(isTold(report)).map((each) => [each.name, each.target || '-', ...[each.read, each.imported, each.unchanged, each.archived, each.rejected].map(String)]);
  return aligned(['table', 'becomes', 'read', 'imported', 'unchanged', 'archived', 'rejected'], 2, [...rows, ['all', '', sum('read'), sum('imported'), sum('unchanged'), sum('archived'), sum('rejected')]]);
}

function proofLines(tables: readonly TableProof[]): string[] {
  return aligned(['table', 'read', 'imported', 'archived', 'rejected', 'changed since', 'gone from it', 'damaged'], 1,
    tables.filter((each) => each.read + each.goneFromSource + each.damaged > 0).map((each) => [each.name, ...[each.read, each.imported, each.archived, each.rejected, each.changedSince, each.goneFromSource, each.damaged].map(String)]));
}

/** @param words so many columns of words, then figures */
function aligned(head: readonly string[], words: number, rows: readonly string[][]): string[] {
  const widths = head.map((title, place) => Math.max(title.length, ...rows.map((row) => row[place]?.length ?? 0)));
  return [head, ...rows].map((row) => row.map((cell, place) => (place < words ? cell.padEnd(widths[place] ?? 0) : cell.padStart(widths[place] ?? 0))).join('  ').trimEnd());
}
