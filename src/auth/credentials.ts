/**
 * What agents report and are configured with is shown to every viewer. One of the originals served its database's
 * password that way: so configuration that looks like a credential is refused, and reported words are masked.
 */

/** Names of settings that hold a credential. Written apart by `_`, `-`, a blank or a capital letter. */
const NAMES = new RegExp(
  [
    'pass(word|wd|phrase|code)s?$', '^(?:.*_)?(pass|pwd|pw)$', 'secrets?(_key|_value)?$', '^secret', 'credentials?$',
    '(api|private|access|signing|encryption|service|master|account|auth|bot)_?keys?(_id)?$', '^auth(orization)?$', 'bearer$', 'cookies?$',
    '(database|db|redis|amqp|broker|mongo)_?ur[il]$', 'connection_?string$', 'dsn$', '^(?:.*_)?(totp|otp|mfa|pin)(_seed|_code|_secret)?$',
    '^(?:.*_)?(access|auth|api|bot|bearer|refresh|session|id|user|app|client|bearer|webhook|telegram|slack|discord)_?tokens?$', '^tokens?$',
  ].join('|'),
);

/** Any other `…Token` is one when its value is long enough to be: `stopToken: "###"` belongs to a language model. */
const OTHER_TOKEN = /token$/;
const TOKEN_CHARACTERS_MIN = 16;

/** Parts of a text that are credentials whatever they are called. Each first group is kept, the rest is the secret. */
const VALUES: readonly RegExp[] = [
  /([a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@]{0,256}:)[^\s/@]{1,512}(?=@)/gi,
  /([?&](?:api_?key|token|access_?token|password|secret|sig|signature)=)[^&\s]{1,512}/gi,
  /(\b(?:password|passwd|pwd)\s?=\s?)[^\s;,&]{1,512}/gi,
  /(\bBearer )[\w.~+/-]{16,}=*/gi,
  /()\btw_[\w-]{20,}/g,
  /()\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/g,
  /()\b(?:sk|pk|rk|ghp|gho|ghs|xox[abps]|github_pat|glpat)[-_][\w-]{10,}/g,
  /()\bAKIA[0-9A-Z]{16}\b/g,
  /()\b\d{6,12}:[A-Za-z0-9_-]{30,}/g,
  /()-----BEGIN [A-Z ]{0,40}PRIVATE KEY[\s\S]{0,8000}?(?:-----END|$)/g,
];

const MASK = '***';

/** Path of the first entry that looks like a credential, or null. */
export function credentialIn(value: unknown, path = ''): string | null {
  if (typeof value === 'string') return masked(value) === value ? null : path;
  if (value === null || typeof value !== 'object') return null;
  if (!Array.isArray(value)) {
    // The same written as a pair: {"name": "DB_PASSWORD", "value": "…"}.
    const { name, key, value: paired } = value as Record<string, unknown>;
    if ([name, key].some((each) => typeof each === 'string' && namesCredential(each, paired))) return path ? `${path}.value` : 'value';
  }
  for (const [key, inner] of Object.entries(value)) {
    const place = path ? `${path}.${key}` : key;
    if (!Array.isArray(value) && namesCredential(key, inner)) return place;
    const found = credentialIn(inner, place);
    if (found !== null) return found;
  }
  return null;
}

/** A reported text with its credentials masked: refusing it would lose the report, and with it the agent's heartbeat. */
export function masked(text: string): string {
  return VALUES.reduce((safe, pattern) => safe.replace(pattern, `$1${MASK}`), text);
}

/** As `masked`, for JSON: also what stands under the name of a credential. */
export function withoutCredentials<T>(value: T, name = ''): T {
  if (name !== '' && namesCredential(name, value)) return MASK as T;
  if (typeof value === 'string') return masked(value) as T;
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((inner: unknown) => withoutCredentials(inner)) as T;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutCredentials(inner, key)])) as T;
}

/** `dbPassword`, `DB_PASSWORD`, `db-password` and `db password` are one name. A flag or nothing at all is no secret. */
function namesCredential(name: string, value: unknown): boolean {
  if (value === undefined || value === null || value === '' || typeof value === 'boolean' || value === MASK) return false;
  const plain = name.slice(0, 200).replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/[-\s.]+/g, '_').toLowerCase();
  if (NAMES.test(plain)) return true;
  return OTHER_TOKEN.test(plain) && typeof value === 'string' && value.length >= TOKEN_CHARACTERS_MIN;
}
