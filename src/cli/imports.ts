import { uuid } from '../common/fields.js';
import type { Env } from '../config/env.js';
import { ImportsRepository, type NoteRow, type RunRow } from '../legacy/imports.repository.js';
import { type Say, withDatabase } from './database.js';
import { CommandError, type Outcome } from './outcome.js';
import { withServices } from './services.js';

const PAGE = 1_000;

/** Newest first. */
export function listImports(env: Env, say: Say): Promise<Outcome> {
  return withDatabase(env, say, (urls) => withServices(env, urls, async (app) => {
    const repository = app.get(ImportsRepository, { strict: false });
    const runs: RunRow[] = [];
    for (let page: RunRow[] | null = null; page === null || page.length > PAGE; ) {
      page = await repository.list({}, PAGE, runs.at(-1)?.seq.toString());
      runs.push(...page.slice(0, PAGE));
    }
    return {
      json: { imports: runs.map((row) => ({ id: row.id, startedAt: row.started_at, status: row.status, system: row.system, source: row.source, file: row.file_name, rejects: row.rejects, error: row.error, ...rowsOf(row) })) },
      text: runs.length === 0 ? 'Nothing was imported here.' : runs.map(lineOf).join('\n'),
    };
  }));
}

/** @param run its id */
export function importNotes(env: Env, say: Say, run: string, { code }: { code?: string }): Promise<Outcome> {
  if (!uuid().safeParse(run).success) throw new CommandError('RUN_NOT_FOUND', `"${run}" is no id of an import: "tradewarden import:list" shows them.`);
  const id = run.toLowerCase();
  return withDatabase(env, say, (urls) => withServices(env, urls, async (app) => {
    const repository = app.get(ImportsRepository, { strict: false });
    if (!(await repository.byId(id))) throw new CommandError('RUN_NOT_FOUND', `There is no import ${id}: "tradewarden import:list" shows them.`);
    const notes: NoteRow[] = [];
    for (let page: NoteRow[] | null = null; page === null || page.length === PAGE; ) {
      page = await repository.notes(id, code ?? null, notes.at(-1) ?? null, PAGE);
      notes.push(...page);
    }
    return { json: { runId: id, notes }, text: notes.length === 0 ? 'Nothing was noted.' : notes.map(({ table, oldId, note }) => `${table} ${oldId}: ${note}`).join('\n') };
  }));
}

/** Of a run that was taken back they tell what it had brought. */
function rowsOf({ tables }: RunRow): { read: number; imported: number; archived: number } {
  const sum = (name: string) => tables.reduce((total, table) => total + Number(table[name] ?? 0), 0);
  return { read: sum('read'), imported: sum('imported'), archived: sum('archived') };
}

function lineOf(row: RunRow): string {
  const { read, imported, archived } = rowsOf(row);
  if (row.status === 'failed' && (row.options['batch'] ?? null) === null) return `${row.id}  ${new Date(row.started_at).toISOString().slice(0, 19)}Z  failed: ${row.error?.code ?? ''}  ${row.system} as ${row.source}, ${row.file_name}: ${read} read, ${row.rejects} rejected, nothing imported`;
  const why = row.status === 'failed' && row.error !== null ? `: ${row.error.code}` : '';
  return `${row.id}  ${new Date(row.started_at).toISOString().slice(0, 19)}Z  ${row.status.replace('_', ' ')}${why}  ${row.system} as ${row.source}, ${row.file_name}: ${read} read, ${imported} imported, ${archived} archived, ${row.rejects} rejected`;
}
