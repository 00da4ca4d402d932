import { Problem } from '../common/problem.js';
import { SettingsError } from '../config/env.js';
import { plainReason, isDatabaseAway } from '../database/sql-state.js';

/** 0 done, 1 failed and nothing half done, 2 wrong usage, 3 for `status` that is not safe or halted. */
export type ExitCode = 0 | 1 | 2 | 3;

/** What a command has to say: the same, once for machines and once for people. */
export interface Outcome {
  json: object;
  text: string;
  exitCode?: ExitCode;
}

/** A command that cannot do what it was asked, told in words for the person who asked. */
export class CommandError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly exitCode: ExitCode = 1,
  ) {
    super(message);
  }
}

export const wrongUsage = (message: string) => new CommandError('WRONG_USAGE', message, 2);

/** What to say of anything that was thrown; never a stack, never a password. */
export function explain(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof SettingsError) return new CommandError('SETTINGS', `Settings: ${error.violations.join('; ')}`);
  if (error instanceof Problem) return new CommandError(error.code, error.message);
  if (isDatabaseAway(error)) return databaseUnavailable(error);
  return new CommandError('FAILED', (error as Error).message || plainReason(error));
}

/**
 * One line for a database that is not there. The server's own words name the role or the database that is wrong; the
 * network's are a code.
 * @param url of the database, whose place is told, and nothing else of it
 */
export function databaseUnavailable(error: unknown, url?: string): CommandError {
  const { code, message } = error as { code?: string; message: string };
  const told = /^(28|3D|57P)/.test(code ?? '') ? `: ${message}` : '';
  const place = url === undefined ? '' : ` at ${new URL(url).host}`;
  const reason = plainReason(error);
  return new CommandError('DATABASE_UNAVAILABLE', `${reason.charAt(0).toUpperCase()}${reason.slice(1)}${place}${told}`);
}
