/**
 * What agents report and are configured with is shown to every viewer. One of the originals served its database's
 * password that way: so configuration that looks like a credential is refused, and reported words are masked.
 */

/** Names of settings that hold a credential, whatever it looks like. In the spelling of `plainName`. */
const NAMES = new RegExp(
  [
    'pass(word|wd|phrase|code)s?$', 'secrets?(_key|_value)?$', '^secret', 'credentials?$', '^(.*_)?(totp|otp|pin)(_seed|_code)?$',
  ].join('|'),
);

/** Names of settings that hold one unless they are a number, as `maxSessionTokens` or `lowPass` are. */
const WORDED_NAMES = new RegExp(
  [
    '^(.*_)?(pass|pwd|pw)$', '(api|private|access|signing|encryption|service|master|account|auth)_?keys?(_id)?$', '^auth(orization)?$', 'bearer$',
    'cookies?$', 'database_?ur[il]$', 'connection_?string$', 'dsn$',
    '^(.*_)?(access|auth|api|bot|bearer|refresh|session|id|user|app|client|webhook|telegram|slack|discord)_?tokens?$',
  ].join('|'),
);

/** Any other `…token` is one when it is long enough to be: `stopToken: "###"` is a language model's, `token: "ETH"` a coin. */
const OTHER_TOKEN = /tokens?$/;
const TOKEN_CHARACTERS_MIN = 12;

/**
 * Parts of a text that are credentials whatever they are called. The first group of each is kept, the rest is secret. By code
 * points (`u`): a bound of 512 units cut an emoji in two, and the half that was left could not be stored, nor the heartbeat it came with.
 */
const VALUES: readonly RegExp[] = [
  /([a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@]{0,256}:)[^\s/@]{1,512}(?=@)/giu,
  /([?&](?:api_?key|token|access_?token|password|secret|sig|signature)=)[^&\s]{1,512}/giu,
  // As mail services give them to programs: four words of four letters.
  /(\b(?:password|passwd|pwd)\s?[:=]\s?)[a-z]{4}(?: [a-z]{4}){3}\b/giu,
  /(\b(?:password|passwd|pwd)\s?=\s?)[^\s;,&]{1,512}/giu,
  // Who has the address of such a hook may post to it.
  /(\bhttps:\/\/hooks\.slack\.com\/(?:services|workflows|triggers)\/)[\w/-]{8,512}/giu,
  /(\bhttps:\/\/(?:\w{1,20}\.)?discord(?:app)?\.com\/api\/webhooks\/\d{1,30}\/)[\w-]{8,512}/giu,
  // Headers that sign a request, as an executor's log has them.
  /(\b[A-Z][A-Z-]{1,30}-(?:KEY|SIGN|SIGNATURE|SECRET|TOKEN|PASSPHRASE)["']?\s?[:=]\s?["']?)[^\s"',;}]{4,512}/gu,
  /(\bBearer )[\w.~+/-]{16,}=*/giu,
  // `Basic` is a user and a password in base64; a word as well, so only in its header.
  /(\bAuthorization\\{0,3}["']?\s?[:=]\s?\\{0,3}["']?(?:Basic|Token|Api-?Key) )[\w.~+/-]{4,512}={0,2}/giu,
  /()\btws?_[\w-]{20,}/gu,
  // Entered once a word: from each of its many beginnings it took 40 s for a text of 240 KB.
  /()(?<![\w-])(?=[\w-]*eyJ)[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/gu,
  /()\b(?:sk|pk|rk|ghp|gho|ghs|xox[abps]|github_pat|glpat)[-_](?=[\w-]{0,80}\d)[\w-]{16,}/gu,
  /()\bAKIA[0-9A-Z]{16}\b/gu,
  /()(?<!\d)\d{6,12}:[A-Za-z0-9_-]{30,}/gu,
  // Hashes of passwords, by what made them: the word behind can be guessed.
  /()(?:\bpbkdf2[_:]sha\d{1,3}[:$]\d{1,9}\$|\bscrypt:\d{1,9}:\d{1,4}:\d{1,4}\$|\$2[abxy]\$\d\d\$|\$argon2(?:i|d|id)\$)[\w./+=$,-]{7,512}[\w./+=$-]/gu,
  /()-----BEGIN [A-Z ]{0,40}PRIVATE KEY[\s\S]*/gu,
];

const MASK = '***';
/** Stands where a secret stood in the data of an old system. */
export const REMOVED = '[secret removed]';

/** Path of the first entry that looks like a credential, or null. */
export function credentialIn(value: unknown, path = ''): string | null {
  if (typeof value === 'string') return masked(value) === value ? null : path;
  if (value === null || typeof value !== 'object') return null;
  const below = (key: string) => (path ? `${path}.${key}` : key);
  if (!Array.isArray(value) && isNamedPair(value)) return below('value');
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value) && namesCredential(key, inner)) return below(key);
    const found = credentialIn(inner, below(key));
    if (found !== null) return found;
  }
  return null;
}

/** A reported text with its credentials masked: refusing it would lose the report, and with it the agent's heartbeat. */
export function masked(text: string): string {
  return maskedBy(text, MASK);
}

/** As `masked`, with other words for what is left out. What is out already is no credential: `password=[secret removed]` became `password=*** removed]`. */
export function maskedBy(text: string, mask: string): string {
  const isOut = (secret: string, rest: string) => secret === MASK || rest.startsWith(REMOVED);
  return VALUES.reduce((safe, pattern) => safe.replace(pattern, (all: string, kept: string, at: number) => (isOut(all.slice(kept.length), safe.slice(at + kept.length, at + kept.length + REMOVED.length)) ? all : `${kept}${mask}`)), text);
}

/** As `masked`, for JSON: also what stands under the name of a credential. */
export function withoutCredentials<T>(value: T): T {
  if (typeof value === 'string') return masked(value) as T;
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((inner: unknown) => withoutCredentials(inner)) as T;
  const hidden = (key: string, inner: unknown) => namesCredential(key, inner) || (key === 'value' && isNamedPair(value));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hidden(key, inner) ? MASK : withoutCredentials(inner)])) as T;
}

/** A setting written as a pair: {"name": "DB_PASSWORD", "value": "…"}. */
function isNamedPair(entry: object): boolean {
  const { name, key, value } = entry as Record<string, unknown>;
  return [name, key].some((each) => typeof each === 'string' && namesCredential(each, value));
}

/** A flag, an empty text or nothing at all is no secret. */
export function namesCredential(name: string, value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === MASK || typeof value === 'boolean') return false;
  const plain = plainName(name);
  if (NAMES.test(plain)) return true;
  if (typeof value === 'number') return false;
  return WORDED_NAMES.test(plain) || (OTHER_TOKEN.test(plain) && typeof value === 'string' && value.length >= TOKEN_CHARACTERS_MIN);
}

/** `dbPassword`, `DB_PASSWORD`, `db-password` and `db password` are one name. */
const plainName = (name: string) => name.slice(0, 200).replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/[-\s.]+/g, '_').toLowerCase();
