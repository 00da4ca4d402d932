/** SQLSTATE of a driver error, wherever TypeORM or pg put it; undefined for errors that did not come from the server. */
export function sqlState(error: unknown): string | undefined {
  const candidate = error as { code?: unknown; driverError?: { code?: unknown } } | null;
  const code = candidate?.driverError?.code ?? candidate?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Name of the constraint that a statement ran into. */
export function constraintOf(error: unknown): string | undefined {
  const candidate = error as { constraint?: string; driverError?: { constraint?: string } } | null;
  return candidate?.driverError?.constraint ?? candidate?.constraint;
}

const NETWORK_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN']);

/** 08 connection, 53 resources, 57P0x shutdown, 57014 and 55P03 our timeouts, 25P03 idle in transaction. */
const AWAY_STATES = /^(08...|53...|57P0.|57014|55P03|25P03|25006)$/;

const AWAY_MESSAGES =
  /timeout exceeded when trying to connect|connection terminated|query read timeout|not queryable|ended by the other|DataSource is not|Driver not connected|after calling end on the pool|not set up|CannotExecuteNotConnected|password authentication/i;

/** True when the database could not be reached or did not answer in time: the request may be repeated. */
export function isDatabaseAway(error: unknown): boolean {
  const state = sqlState(error);
  if (state) return AWAY_STATES.test(state) || state === '28P01' || state === '3D000';
  for (let cause: unknown = error, depth = 0; cause && depth < 4; cause = (cause as { cause?: unknown }).cause, depth++) {
    const { code, driverError, errors, message, name } = cause as {
      code?: string; driverError?: { code?: string; message?: string }; errors?: unknown[]; message?: string; name?: string;
    };
    if (NETWORK_CODES.has(code ?? '') || NETWORK_CODES.has(driverError?.code ?? '')) return true;
    if (AWAY_MESSAGES.test(`${name ?? ''} ${message ?? ''} ${driverError?.message ?? ''}`)) return true;
    if (errors?.some((each) => isDatabaseAway(each))) return true;
  }
  return false;
}
