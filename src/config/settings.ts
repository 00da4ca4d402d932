import { isIP } from 'node:net';
import { z } from 'zod';
import { cronFault } from '../common/cron.js';
import { mirrorPlace } from './mirror-place.js';

/** Every setting: what it may be, what it is when nobody says, and what it does. `.env.example` and the README's table are made from it. */

const ON = ['on', 'true', '1', 'yes'];
const OFF = ['off', 'false', '0', 'no'];

const flag = z
  .string()
  .toLowerCase()
  .refine((value) => [...ON, ...OFF].includes(value), { error: 'must be on or off' })
  .transform((value) => ON.includes(value));

const oneOf = <const V extends string>(...values: V[]) => z.enum(values, { error: `must be one of ${values.join(', ')}` });

/** Digits only: `Number` would take `1e3`, `0x10` and a blank. */
const count = (fallback: number, min: number, max: number) =>
  z
    .string()
    .refine((value) => /^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max, {
      error: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number)
    .default(fallback);

const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/**
 * `sslmode` means what it means to every other client: the driver would read `require` as `verify-full` and refuse
 * the self-signed certificates of most hosted databases. It has no way back to plain text, so `prefer` is refused.
 */
const postgresUrl = z
  .string()
  .refine((value) => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value), { error: 'must be a postgres:// URL' })
  .refine((value) => SSL_MODES.includes(parameterOf(value, 'sslmode') ?? 'disable'), { error: `must have an sslmode of ${SSL_MODES.join(', ')}` })
  .refine((value) => parameterOf(value, 'sslmode') !== 'verify-ca' || parameterOf(value, 'sslrootcert') !== null, {
    error: 'must name sslrootcert beside sslmode=verify-ca',
  })
  // The driver takes them there too; pg_dump and the user that is granted rights are read from before the host, and so is what a log must hide.
  .refine((value) => ['user', 'password'].every((name) => parameterOf(value, name) === null), { error: 'must name user and password before the host, as in postgres://user:password@host/database' })
  .transform((value) => {
    if (!/^(require|verify-)/.test(parameterOf(value, 'sslmode') ?? '')) return value;
    const url = new URL(value);
    url.searchParams.set('uselibpqcompat', 'true');
    return url.href;
  });

const parameterOf = (url: string, name: string): string | null => (URL.canParse(url) ? new URL(url).searchParams.get(name) : null);

const PROXY_GROUPS = ['loopback', 'linklocal', 'uniquelocal'];

function isProxyList(value: string): boolean {
  if (value === '' || /^\d{1,2}$/.test(value)) return true;
  return value.split(',').every((each) => {
    const [address = '', bits, ...rest] = each.trim().split('/');
    if (rest.length > 0) return false;
    if (bits === undefined && PROXY_GROUPS.includes(address)) return true;
    return isIP(address) !== 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isIP(address) === 4 ? 32 : 128)));
  });
}

/** Shorter than 32 characters can be guessed offline from one signed token. */
const SECRET_MIN_CHARACTERS = 32;

/** Values that ship in examples and tutorials; a secret that everyone knows is none. */
const DEFAULT_SECRETS = /change[-_ ]?me|super[-_ ]?secret|your[-_ ]|example|default|^(secret|password|tradewarden)/i;

/** Nothing but a beginning: what comes behind it is ours. Without the slash at its end. */
const publicUrl = z
  .string()
  .refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) && /^[^?#@]*$/.test(value), { error: 'must be an http or https URL without user, query and fragment' })
  .transform((value) => new URL(value).href.replace(/\/+$/, ''));

/** Its path is what lets one report: it is never logged. */
const watchdogUrl = z.string().refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), { error: 'must be an http or https URL' });

const cron = z.string().superRefine((value, context) => {
  const fault = cronFault(value);
  if (fault !== null) context.addIssue(fault);
});

/** Whoever holds one of them can speak for this server. */
export const SECRETS = ['JWT_SECRET', 'AUDIT_KEY', 'METRICS_TOKEN'];

const secret = z
  .string()
  .min(SECRET_MIN_CHARACTERS, { error: `must have at least ${SECRET_MIN_CHARACTERS} characters` })
  .refine((value) => !DEFAULT_SECRETS.test(value) && new Set(value).size >= 8, { error: 'is a default or guessable value' });

export interface Setting {
  readonly name: string;
  readonly schema: z.ZodType;
  readonly about: string;
  /** What stands in .env.example and the README when nothing is set. */
  readonly shown: string;
}

const setting = <S extends z.ZodType>(schema: S, about: string, shown = '') => ({ schema, about, shown });

/** Days; 0 keeps for ever. Below the least nobody's present is deleted by a slip of the finger. */
const keptDays = (usual: number, least: number) =>
  z.string().optional().refine((text) => text === undefined || (/^\d{1,5}$/.test(text) && (Number(text) === 0 || Number(text) >= least)), { error: `must be 0 (for ever) or ${least} days and more` }).transform((text) => (text === undefined ? usual : Number(text)));

const definitions = {
  NODE_ENV: setting(oneOf('development', 'test', 'production').default('development'), '`production` refuses to start without DATABASE_URL, JWT_SECRET and AUDIT_KEY', 'development'),
  PORT: setting(count(3000, 0, 65535), 'Port to listen on', '3000'),
  HOST: setting(z.string().min(1).default('::'), 'Address to listen on; `::` falls back to `0.0.0.0` where there is no IPv6', '::'),
  DATA_DIR: setting(z.string().min(1).default('./data'), 'Embedded database and secrets made outside production', './data'),
  LOG_LEVEL: setting(oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent').default('info'), 'Log level', 'info'),
  TRUST_PROXY: setting(z.string().refine(isProxyList, { error: 'must list addresses or CIDRs, or be a number of hops' }).default(''), 'Addresses or CIDRs of the proxies whose X-Forwarded-For is believed, or a number of hops; empty believes nobody'),
  PUBLIC_URL: setting(publicUrl.optional(), 'Where the internet reaches this server, such as `https://alerts.example.com`: the beginning of the addresses of webhooks; default: as the request that asks came in'),
  TELEGRAM_API_URL: setting(publicUrl.default('https://api.telegram.org'), 'Where the Bot API of Telegram is; another one is a server of your own that speaks it', 'https://api.telegram.org'),
  WATCHDOG_URL: setting(watchdogUrl.optional(), 'Fetched every minute while database and schedules are well: whoever listens there alarms you when that stops'),
  SHUTDOWN_TIMEOUT: setting(count(30, 1, 600), 'Seconds that a SIGTERM gives running requests before the process ends', '30'),
  DATABASE_URL: setting(postgresUrl.optional(), 'PostgreSQL 15 or newer, as the writer role; TLS by `?sslmode=`. Absent: an embedded PostgreSQL 17 under DATA_DIR'),
  DATABASE_OWNER_URL: setting(postgresUrl.optional(), 'The owner role, for migrations and grants, past any transaction pooler; default DATABASE_URL'),
  DATABASE_UNPOOLED_URL: setting(postgresUrl.optional(), 'A way past a transaction pooler, for LISTEN; default DATABASE_URL'),
  DATABASE_REPLICA_URL: setting(postgresUrl.optional(), 'A streaming replica, one server and not several behind one name, as the writer or a reader: reports are read from it while it is new enough'),
  REPLICA_LAG_MAX_SECONDS: setting(count(10, 2, 3_600), 'Reports are read from the primary while the replica shows less than what was so long ago', '10'),
  MIGRATE_ON_START: setting(flag.optional(), 'Migrate when the server starts; on in development, off in production', 'on'),
  DB_POOL_TYPE: setting(oneOf('pooled', 'null').optional(), '`pooled` keeps connections, `null` keeps none; default by environment (Railway and SERVERLESS: null)', 'pooled'),
  DB_POOL_SIZE: setting(count(5, 1, 500), 'Connections kept', '5'),
  DB_POOL_OVERFLOW: setting(count(10, 0, 500), 'More connections under load, closed when idle', '10'),
  DB_POOL_TIMEOUT: setting(count(30, 1, 600), 'Seconds to wait for a connection before answering 503', '30'),
  DB_POOL_RECYCLE: setting(count(1800, 1, 86_400), 'Seconds that a connection lives', '1800'),
  DB_POOL_PRE_PING: setting(flag.default(true), 'Check a connection that has idled before it is used', 'on'),
  DB_QUERY_TIMEOUT: setting(count(20, 1, 600), 'Seconds after which a statement is given up and answered 503; the writer role itself gives up after 15', '20'),
  SLOW_STATEMENT_MS: setting(count(1000, 0, 600_000), 'Milliseconds from which a statement is logged as slow, with who asked for it and without its values; 0 logs none', '1000'),
  DB_LISTEN: setting(flag.optional(), 'Keep one LISTEN connection that wakes waiting polls; off with the null pool', 'on'),
  DB_NAMED_STATEMENTS: setting(flag.default(true), 'Prepare the statements of the hot paths; `off` behind PgBouncer before 1.21 in transaction mode', 'on'),
  WATCH_EVERY_SECONDS: setting(count(5, 1, 60), 'How often open trades, what is to be closed and silent agents are looked at; marks are judged as they come', '5'),
  DISK_FREE_MIN_PERCENT: setting(count(10, 0, 90), 'An incident is opened when less than this is free where DATA_DIR, the backups or the embedded database lie; 0 opens none', '10'),
  LONG_TRANSACTION_MINUTES: setting(count(15, 1, 1440), 'An incident is opened when a transaction in the database is older: it holds up vacuuming, and perhaps others', '15'),
  BASE_CURRENCY: setting(z.string().regex(/^[A-Z]{3,10}$/, { error: 'must be a currency code such as USD' }).default('USD'), 'What amounts of limits are in, unless they are an account\'s', 'USD'),
  TWO_PERSON_RELEASE: setting(flag.default(false), 'Nobody releases a halt alone: it takes somebody else than the person who imposed it, or two administrators', 'off'),
  JWT_SECRET: setting(secret.optional(), 'Signs access tokens; made and kept in DATA_DIR outside production'),
  AUDIT_KEY: setting(secret.optional(), 'Keys what the audit trail keeps of wrong credentials, and seals the history of decisions; made and kept in DATA_DIR outside production'),
  AUDIT_KEYS_FORMER: setting(z.string().transform((keys) => keys.split(',').map((key) => key.trim()).filter(Boolean)).refine((keys) => keys.every((key) => key.length >= SECRET_MIN_CHARACTERS), { error: `must list keys of at least ${SECRET_MIN_CHARACTERS} characters, separated by commas` }).default([]), 'Values that AUDIT_KEY had before, separated by commas: decisions that were sealed under them can still be verified; nothing new is sealed'),
  METRICS_TOKEN: setting(secret.regex(/^[\x21-\x7e]*$/, { error: 'must be visible ASCII: it travels in a header' }).optional(), 'What `GET /metrics` asks for as its bearer; unset, it is open to everybody'),
  ADMIN_EMAIL: setting(z.email({ error: 'must be an e-mail address' }).optional(), 'First administrator, made when there is no user yet'),
  ADMIN_PASSWORD: setting(z.string().min(12, { error: 'must have at least 12 characters' }).max(200, { error: 'must have at most 200 characters' }).optional(), 'Password of the first administrator, at least 12 characters'),
  MIRROR_URL: setting(mirrorPlace.optional(), 'Where `tradewarden mirror` keeps the files of an old system up to date: `sqlite:/path/file.db?shape=ai-trader` or `csv:/folder?shape=ai-trading-platform`. On the server: where limits and strategies are read from while the database is away'),
  ARCHIVE_DIR: setting(z.string().min(1).optional(), 'Where decisions older than RETENTION_DECISIONS_DAYS go as compressed files: a folder that lasts, that every instance sees and that is backed up. Default: DATA_DIR/archive with the embedded database; with DATABASE_URL none, and decisions stay in the database'),
  RETENTION_SNAPSHOTS_DAYS: setting(keptDays(30, 7), 'Days after which whole months of candles, indicators, calendar, news and account snapshots go, and references to them that no idea names; 0 keeps them for ever, as with all RETENTION_… settings', '30'),
  RETENTION_MARKS_FULL_DAYS: setting(keptDays(30, 7), 'Days after which of the marks of a trade one a minute is kept', '30'),
  RETENTION_MARKS_DAYS: setting(keptDays(400, 30), 'Days after which marks go altogether', '400'),
  RETENTION_DECISIONS_DAYS: setting(keptDays(90, 30), 'Days after which decisions go to ARCHIVE_DIR, where they are still read and verified', '90'),
  RETENTION_EVENTS_DAYS: setting(keptDays(90, 30), 'Days after which months of the event log go', '90'),
  RETENTION_ALERT_BODIES_DAYS: setting(keptDays(90, 7), 'Days after which the body of an alert that was carried out, ignored or expired goes; the alert stays', '90'),
  RETENTION_COMMANDS_DAYS: setting(keptDays(90, 30), 'Days after which commands that ended and belong to no trade go', '90'),
  RETENTION_PREDICTIONS_DAYS: setting(keptDays(400, 30), 'Days after which scored predictions go that no trade, idea or explanation names', '400'),
  RETENTION_INCIDENTS_DAYS: setting(keptDays(400, 30), 'Days after which incidents that are over go', '400'),
  RETENTION_AUTH_AUDIT_DAYS: setting(keptDays(400, 90), 'Days after which months of the audit of sign-ins and keys go', '400'),
  BACKUP_DIR: setting(z.string().min(1).optional(), 'Folder of backups, which must be there; default `backups` under DATA_DIR, which is made'),
  BACKUP_CRON: setting(cron.optional(), 'When the server backs up by itself, as five fields of cron in UTC, such as `0 2 * * *`; empty: only `tradewarden backup` does'),
  BACKUP_RETENTION_DAYS: setting(count(30, 1, 36_500), 'Days that backups are kept; the newest one that was proven stays for ever', '30'),
  BACKUP_MAX_AGE_HOURS: setting(count(26, 0, 87_600), 'A last proven backup, or a last copy elsewhere, that is older is an incident; 0: somebody else backs this database up, and nobody is told', '26'),
  BACKUP_SCRATCH_URL: setting(postgresUrl.optional(), 'Where backups are restored for the proof, and dumps for drills: a role that may create databases, on a server of the same version or newer; default DATABASE_OWNER_URL'),
  BACKUP_UPLOAD_COMMAND: setting(z.string().min(1).optional(), 'Run in a shell after each proven backup, with its folder as `$1` and in BACKUP_FOLDER; 0 means that there is a copy on another machine'),
  RESTORE_DRILL_CRON: setting(cron.optional(), 'When the server restores the newest proven backup into a scratch database and throws that away again, for the proof that it can be; five fields of cron in UTC, such as `30 3 * * 0`; empty: only `tradewarden restore:drill` does'),
  SERVERLESS: setting(flag.default(false), 'Says that nothing lasts between requests: the null pool', 'off'),
  RAILWAY_ENVIRONMENT: setting(z.string().optional(), 'Set by Railway: the null pool'),
  RAILWAY_ENVIRONMENT_NAME: setting(z.string().optional(), 'Set by Railway: the null pool'),
  RAILWAY_PROJECT_ID: setting(z.string().optional(), 'Set by Railway: embedded data must lie on the volume'),
  RAILWAY_VOLUME_MOUNT_PATH: setting(z.string().optional(), 'Set by Railway: where the volume is'),
} as const;

export const SETTINGS: readonly Setting[] = Object.entries(definitions).map(([name, rest]) => ({ name, ...rest }));

/** What the environment says, read and checked one by one. */
export type RawSettings = { [K in keyof typeof definitions]: z.output<(typeof definitions)[K]['schema']> };
