import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { keptSecret } from './kept-secrets.js';
import { withSecretFiles } from './secret-files.js';
import { type RawSettings, SECRETS, SETTINGS } from './settings.js';

/**
 * Every setting, read once and checked together. This is the only file that reads the environment: a value
 * read elsewhere would be one that nobody validated.
 */

/** The settings after their defaults by environment were applied. Seconds where a name says no unit. */
export interface Env extends Omit<RawSettings, 'MIGRATE_ON_START' | 'DB_POOL_TYPE' | 'DB_LISTEN' | 'JWT_SECRET' | 'AUDIT_KEY' | 'ARCHIVE_DIR'> {
  readonly MIGRATE_ON_START: boolean;
  readonly DB_POOL_TYPE: 'pooled' | 'null';
  readonly DB_LISTEN: boolean;
  readonly JWT_SECRET: string;
  readonly AUDIT_KEY: string;
  /** Null: decisions are not archived, for nothing says where a folder lasts. */
  readonly ARCHIVE_DIR: string | null;
  /** True when DATABASE_URL is absent and the server brings its own database. */
  readonly embedded: boolean;
  /** Said once at start: settings that work but deserve a thought. */
  readonly warnings: readonly string[];
}

export class SettingsError extends Error {
  constructor(readonly violations: readonly string[]) {
    super(`Refusing to start:\n${violations.map((line) => `  - ${line}`).join('\n')}`);
  }
}

/** Switches of systems that this one takes over from: whoever still sets one believes that it does something. */
const SWITCHES_OF_OLD: Readonly<Record<string, string>> = {
  USE_POSTGRES: 'there is no other database: "tradewarden import" brings the old one in',
  DUAL_WRITE: '"tradewarden mirror" with MIRROR_URL keeps the old files up to date',
  DUAL_WRITE_MODE: '"tradewarden mirror" with MIRROR_URL keeps the old files up to date',
  USE_HYBRID_STORAGE: 'the database holds everything; with MIRROR_URL limits and strategies can be read while it is away',
};

/**
 * Reads and checks all settings at once.
 * @throws {SettingsError} naming every violation, never a value (a value may be a secret).
 */
export function readEnv(source: NodeJS.ProcessEnv = environment()): Env {
  const violations: string[] = [];
  const warnings: string[] = [];
  const filled = withSecretFiles(source, SETTINGS.map(({ name }) => name), violations);
  // What a file could not say would be missing too.
  if (violations.length > 0) throw new SettingsError(violations);
  // An empty variable is how compose files and dashboards write "not set".
  const given = (name: string): string | undefined => (filled[name] === '' ? undefined : filled[name]);
  const raw = {} as Record<string, unknown>;
  for (const { name, schema } of SETTINGS) {
    const parsed = schema.safeParse(given(name));
    const fault = parsed.success ? null : `${name} ${parsed.error.issues[0]?.message ?? 'is not valid'}`;
    if (parsed.success) raw[name] = parsed.data;
    else if (SECRETS.includes(name) && given('NODE_ENV') !== 'production') {
      raw[name] = given(name);
      warnings.push(`${fault}: production would refuse to start`);
    } else violations.push(fault ?? name);
  }
  for (const [name, instead] of Object.entries(SWITCHES_OF_OLD)) if (given(name) !== undefined) warnings.push(`${name} is read by nothing here: ${instead}`);
  violations.push(...violationsBetween(given));
  if (violations.length > 0) throw new SettingsError(violations);
  const settings = raw as RawSettings;
  return withDefaults({ ...settings, DATA_DIR: resolve(settings.DATA_DIR) }, warnings);
}

/** Where the system looks for programs, and whose home this is: for the tools of PostgreSQL, which get nothing else of the environment. */
export const ofSystem = (): { PATH: string; HOME: string } => ({ PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: process.env.HOME ?? '/' });

/** The environment of a command of the operator's: everything but our own settings, which hold passwords. */
export const environmentOfCommands = (): Record<string, string> =>
  Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined && !SETTINGS.some(({ name }) => entry[0] === name || entry[0] === `${name}_FILE`)));

/** `.env` in the working folder counts for what the environment does not set. */
function environment(): NodeJS.ProcessEnv {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}

/** What is wrong between settings that are each fine. */
function violationsBetween(given: (name: string) => string | undefined): string[] {
  const violations: string[] = [];
  if (given('NODE_ENV') === 'production') {
    for (const name of ['DATABASE_URL', 'JWT_SECRET', 'AUDIT_KEY']) {
      if (given(name) === undefined) violations.push(`${name} is required when NODE_ENV is production${SECRETS.includes(name) ? ' (`openssl rand -hex 32` makes one)' : ''}`);
    }
  }
  const databaseUrl = given('DATABASE_URL');
  if (databaseUrl === undefined) {
    for (const name of ['DATABASE_OWNER_URL', 'DATABASE_UNPOOLED_URL', 'DATABASE_REPLICA_URL']) {
      if (given(name) !== undefined) violations.push(`DATABASE_URL is required beside ${name}`);
    }
    if (given('RAILWAY_PROJECT_ID') !== undefined && !isInside(given('DATA_DIR') ?? './data', given('RAILWAY_VOLUME_MOUNT_PATH'))) {
      violations.push('DATA_DIR must lie inside RAILWAY_VOLUME_MOUNT_PATH: embedded data outside a volume is gone with the next deployment');
    }
  } else if (given('DATABASE_OWNER_URL') !== undefined && URL.canParse(databaseUrl) && new URL(databaseUrl).username === '') {
    violations.push('DATABASE_URL must name its user when DATABASE_OWNER_URL is set: that user gets the rights of a writer');
  }
  if ((given('ADMIN_EMAIL') === undefined) !== (given('ADMIN_PASSWORD') === undefined)) {
    violations.push('ADMIN_EMAIL and ADMIN_PASSWORD go together');
  }
  const [full, whole] = ['RETENTION_MARKS_FULL_DAYS', 'RETENTION_MARKS_DAYS'].map((name) => given(name));
  if (Number(whole ?? 400) > 0 && Number(full ?? 30) > Number(whole ?? 400)) violations.push('RETENTION_MARKS_FULL_DAYS must not be more than RETENTION_MARKS_DAYS');
  violations.push(...sharedSecrets(given));
  return violations;
}

/** Whoever holds one of them must not hold another: the metrics' stands in the files of another program. */
function sharedSecrets(given: (name: string) => string | undefined): string[] {
  return SECRETS.flatMap((name, i) => SECRETS.slice(0, i).filter((other) => given(name) !== undefined && given(name) === given(other)).map((other) => `${name} must differ from ${other}`));
}

function isInside(path: string, folder: string | undefined): boolean {
  if (folder === undefined) return false;
  const way = relative(resolve(folder), resolve(path));
  return way !== '..' && !way.startsWith('../');
}

function withDefaults(settings: RawSettings, warnings: string[]): Env {
  const managed = Boolean(settings.RAILWAY_ENVIRONMENT ?? settings.RAILWAY_ENVIRONMENT_NAME) || settings.SERVERLESS;
  const poolType = settings.DB_POOL_TYPE ?? (managed ? 'null' : 'pooled');
  if (managed && !settings.DB_POOL_TYPE) {
    warnings.push('the environment looks serverless: no database connection is kept. A server that lasts may set DB_POOL_TYPE=pooled');
  }
  const jwtSecret = madeWhenAsked(settings.JWT_SECRET, settings.DATA_DIR, 'jwtSecret');
  const auditKey = madeWhenAsked(settings.AUDIT_KEY, settings.DATA_DIR, 'auditKey');
  return {
    ...settings,
    MIGRATE_ON_START: settings.MIGRATE_ON_START ?? settings.NODE_ENV !== 'production',
    DB_POOL_TYPE: poolType,
    DB_LISTEN: settings.DB_LISTEN ?? poolType === 'pooled',
    ARCHIVE_DIR: settings.ARCHIVE_DIR === undefined ? (settings.DATABASE_URL === undefined ? join(settings.DATA_DIR, 'archive') : null) : resolve(settings.ARCHIVE_DIR),
    get JWT_SECRET() {
      return jwtSecret();
    },
    get AUDIT_KEY() {
      return auditKey();
    },
    embedded: settings.DATABASE_URL === undefined,
    warnings,
  };
}

/** A command that only looks must not leave a DATA_DIR behind. */
function madeWhenAsked(given: string | undefined, dataDir: string, name: string): () => string {
  let secret = given;
  return () => (secret ??= keptSecret(dataDir, name));
}
