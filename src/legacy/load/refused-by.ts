import { constraintOf, sqlState } from '../../database/sql-state.js';
import type { Tx } from '../../database/transaction.js';
import { cut } from '../convert/cells.js';
import { Reject } from '../profile.js';

/** A month of a table is a table of its own, whose key has a name of its own. */
const MONTH = /_y\d{4}m\d{2}/;

const CHECK_VIOLATION = '23514';

/** What the database said against a row that was stored alone; of a check, which the server names alone, also what it asks for. */
export async function refusedBy(tx: Tx, error: unknown): Promise<Reject> {
  const said = ((error as { driverError?: object }).driverError ?? error) as { message: string; detail?: string; column?: string; where?: string; table?: string };
  const constraint = constraintOf(error);
  const column = said.column ?? /, column (\w+)/.exec(said.where ?? '')?.[1] ?? /^Key \((\w+)\)=/.exec(said.detail ?? '')?.[1] ?? null;
  const table = said.table?.replace(MONTH, '') ?? /^COPY (\w+)/.exec(said.where ?? '')?.[1] ?? 'a table';
  // The id of a row of ours is made of its own: whoever has it already is of this run too.
  if (constraint === 'import_rows_pk' || constraint === 'import_archive_pk' || (constraint?.endsWith('_pk') && said.detail?.startsWith('Key (id)='))) return new Reject('ROW_TWICE', 'another row of its table has the same id');
  if (constraint) {
    const name = MONTH.test(constraint) ? constraint.replace(MONTH, '').replace(/_pkey$/, '_pk') : constraint;
    const code = `CONSTRAINT_${name.toUpperCase()}`;
    const check = sqlState(error) === CHECK_VIOLATION ? await checkOf(tx, constraint) : null;
    if (check !== null) return new Reject(code, `${table} refuses it: ${check.columns.join(', ')} must fit ${check.rule}`, check.columns.length === 1 ? (check.columns[0] ?? null) : null);
    return new Reject(code, `${table} refuses it: ${cut(said.message)}${said.detail?.startsWith('Key ') ? ` (${cut(said.detail)})` : ''}`, column);
  }
  if (sqlState(error) === '23502') return new Reject('CONSTRAINT_NOT_NULL', `${table}.${column ?? '?'} must be filled`, column);
  return new Reject('VALUE_REFUSED', `${table} refuses it: ${cut(said.message)}`, column);
}

/** Months of a table have the same checks by the same names. */
async function checkOf(tx: Tx, constraint: string): Promise<{ rule: string; columns: string[] } | null> {
  const [found] = await tx.sql<{ rule: string; columns: string[] }[]>`
    select regexp_replace(replace(pg_get_constraintdef(c.oid, true), '::numeric', ''), '^CHECK \\((.*)\\)$', '\\1') as rule,
      array(select a.attname::text from pg_attribute a where a.attrelid = c.conrelid and a.attnum = any (c.conkey) order by a.attnum) as columns
    from pg_constraint c where c.conname = ${constraint} and c.contype = 'c' limit 1`;
  return found ?? null;
}
