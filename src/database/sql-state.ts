/** SQLSTATE of a driver error, wherever TypeORM or pg put it; undefined for errors that did not come from the server. */
export function sqlState(error: unknown): string | undefined {
  const candidate = error as { code?: unknown; driverError?: { code?: unknown } } | null;
  const code = candidate?.driverError?.code ?? candidate?.code;
  // "EPIPE" has five letters too: a state has a digit, or it is one of the few that are named after nothing else.
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Name of the constraint that a statement ran into. */
export function constraintOf(error: unknown): string | undefined {
  const candidate = error as { constraint?: string; driverError?: { constraint?: string } } | null;
  return candidate?.driverError?.constraint ?? candidate?.constraint;
}

/**
 * 08 connection, 28 credentials (a role that is being changed), 3D000 no such database, 53 resources, 57P0x shutdown,
 * 58 its files fail (a disk that is broken or gone), 57014 and 55P03 and 25P0x our timeouts, 25006 a standby, 40001 and 40P01 lost to another transaction three times.
 */
const AWAY_STATES = /^(08...|28...|3D000|53...|58...|57P0.|57014|55P03|25P03|25P04|25006|40001|40P01)$/;

/** Nothing that a caller could mend, or wait for. */
export const ROLE_MAY_NOT = '42501';

const NETWORK_CODES = new Set([
  'ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'EAI_AGAIN',
]);

/** What pg and TypeORM say when a connection is lost under a statement; their errors carry no code. */
const AWAY_MESSAGES =
  /connection terminated|query read timeout|not queryable|query runner (was )?already released|driver not connected|is not (yet )?established|calling end on the pool/i;

/** True when the database could not be reached or did not answer in time: the request may be repeated. */
export function isDatabaseAway(error: unknown): boolean {
  const state = sqlState(error);
  if (state) return AWAY_STATES.test(state);
  for (let each = error, depth = 0; each && depth < 4; each = (each as { cause?: unknown }).cause, depth++) {
    const { name, message, code, driverError, errors } = each as {
      name?: string; message?: string; code?: string; driverError?: { code?: string; message?: string }; errors?: unknown;
    };
    if (name === 'NoConnection' || NETWORK_CODES.has(driverError?.code ?? code ?? '')) return true;
    if (AWAY_MESSAGES.test(`${message} ${driverError?.message}`)) return true;
    if (Array.isArray(errors) && errors.some((one) => isDatabaseAway(one))) return true;
  }
  return false;
}

/** What went wrong with the database in one line, without its address, user or the driver's text. */
export function plainReason(error: unknown): string {
  const cause = (error as { cause?: unknown } | null)?.cause;
  const state = sqlState(error) ?? sqlState(cause);
  if (state?.startsWith('28')) return 'the database refused the credentials';
  if (state === '3D000') return 'the database does not exist';
  if (state === '53300') return 'the database has no connection left';
  if (state === '53100') return 'the disk of the database is full';
  if (state?.startsWith('58')) return 'the database cannot read or write its files';
  if (state === ROLE_MAY_NOT) return 'the database does not let its role do this: "tradewarden migrate" grants anew what it needs';
  if (state?.startsWith('57P')) return 'the database is starting up or shutting down';
  const code = state ?? networkCode(error) ?? networkCode(cause);
  if (code) return `the database cannot be reached (${code})`;
  return /timeout/i.test((error as Error | null)?.message ?? '') ? 'the database does not answer' : 'the database cannot be reached';
}

/** localhost is two addresses: what failed for both is an AggregateError, with a code and no message. */
function networkCode(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^E[A-Z_]+$/.test(code) ? code : undefined;
}
