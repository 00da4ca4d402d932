import { constraintOf, sqlState } from '../../database/sql-state.js';
import { cut } from '../convert/cells.js';
import { Reject } from '../profile.js';

/** A month of a table is a table of its own, whose key has a name of its own. */
const MONTH = /_y\d{4}m\d{2}/;

/** What the database said against a row that was stored alone. */
export function refusedBy(error: unknown): Reject {
  const said = ((error as { driverError?: object }).driverError ?? error) as { message: string; detail?: string; column?: string; where?: string; table?: string };
  const constraint = constraintOf(error);
  const column = said.column ?? /, column (\w+)/.exec(said.where ?? '')?.[1] ?? null;
  const table = said.table?.replace(MONTH, '') ?? /^COPY (\w+)/.exec(said.where ?? '')?.[1] ?? 'a table';
  // The id of a row of ours is made of its own: whoever has it already is of this run too.
  if (constraint === 'import_rows_pk' || constraint === 'import_archive_pk' || (constraint?.endsWith('_pk') && said.detail?.startsWith('Key (id)='))) return new Reject('ROW_TWICE', 'another row of its table has the same id');
  if (constraint) {
    const name = MONTH.test(constraint) ? constraint.replace(MONTH, '').replace(/_pkey$/, '_pk') : constraint;
    return new Reject(`CONSTRAINT_${name.toUpperCase()}`, `${table} refuses it: ${cut(said.message)}${said.detail?.startsWith('Key ') ? ` (${cut(said.detail)})` : ''}`, column);
  }
  if (sqlState(error) === '23502') return new Reject('CONSTRAINT_NOT_NULL', `${table}.${column ?? '?'} must be filled`, column);
  return new Reject('VALUE_REFUSED', `${table} refuses it: ${cut(said.message)}`, column);
}
