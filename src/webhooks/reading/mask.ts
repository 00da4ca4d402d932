import { canonicalJson } from '../../common/canonical-json.js';
import type { Mapping } from '../mapping/declared-mapping.js';
import type { Told } from './lenient-json.js';
import type { ParsedBody } from './parse-body.js';

export const MASK = '***';
/** Shorter ones are replaced where they are told, and not wherever they stand: half of every text would go with `1`. */
const WIPED_FROM = 4;
/** More different ones are told by nobody who knows it. */
const SECRETS_MAX = 16;
const PASSES_MAX = 8;
const END_OF_WORD = /[\s,;&}"'\\]/g;

const ALWAYS = ['secret', 'meta.secret', 'passphrase'];

/** Paths, in small letters, at which a sender may tell a secret. */
export function secretPaths(mapping: Mapping): ReadonlySet<string> {
  if (mapping === 'octobot') return new Set([...ALWAYS, 'token']);
  if (typeof mapping === 'string' || mapping.fields.secret === undefined) return new Set(ALWAYS);
  return new Set([...ALWAYS, mapping.fields.secret.toLowerCase()]);
}

/** Told secrets: trimmed, each once. What is masked already is none. */
export function secretsOf(values: unknown[]): string[] {
  const texts = values.map((value) => (value === null || value === undefined ? '' : typeof value === 'object' ? canonicalJson(value) : String(value as string).trim()));
  return [...new Set(texts)].filter((text) => !/^\**$/.test(text));
}

/**
 * The text with every told secret replaced, where it is told and, from four characters on, wherever else it stands, also escaped or
 * percent-encoded; and what it says then. Null: nothing of the text can be kept.
 */
export function masked(text: string, parsed: ParsedBody, reparse: (text: string) => ParsedBody | null): { text: string; parsed: ParsedBody } | null {
  const secrets = secretsOf(parsed.told.map(({ value }) => value));
  if (secrets.length > SECRETS_MAX) return null;
  const untold = parsed.spelled === 'inside' ? text : withoutTold(text, parsed.told, parsed.spelled === 'json' ? `"${MASK}"` : MASK);
  const replaced = wiped(untold, secrets);
  if (replaced === null) return null;
  const again = reparse(replaced);
  const isClean = again !== null && secretsOf(again.told.map(({ value }) => value)).length === 0 && !holds(again.payload, secrets);
  if (isClean && (replaced === untold || isJson(replaced) || !isJson(text))) return { text: replaced, parsed: again };
  // Spelled in another way than we know, or the rest is no JSON any more: written anew from what it says.
  const anew = wiped(JSON.stringify(scrubbed(again?.payload ?? parsed.payload, secrets, '', toldAt(parsed.told))), secrets);
  const read = anew === null ? null : reparse(anew);
  return anew === null || read === null ? null : { text: anew, parsed: read };
}

/** The same of a text that cannot be read: what was found there by `secretsInText`. */
export function maskedText(text: string, paths: ReadonlySet<string>): string | null {
  const told = secretsInText(text, paths);
  const secrets = secretsOf(told.map(({ value }) => value));
  if (secrets.length === 0) return text;
  return secrets.length > SECRETS_MAX ? null : wiped(withoutTold(text, told, MASK), secrets);
}

function withoutTold(text: string, told: Told[], mask: string): string {
  let [kept, behind] = ['', 0];
  for (const { value, from, to } of [...told].sort((a, b) => a.from - b.from)) {
    if (value === null || value === '' || from < behind) continue;
    kept += text.slice(behind, from) + mask;
    behind = to;
  }
  return kept + text.slice(behind);
}

function wiped(text: string, secrets: string[]): string | null {
  const forms = [...new Set(secrets.filter(({ length }) => length >= WIPED_FROM).flatMap(spellings))].sort((a, b) => b.length - a.length);
  let rest = text;
  for (let pass = 0; pass < PASSES_MAX; pass += 1) {
    const present = forms.filter((form) => rest.includes(form));
    if (present.length === 0) return rest;
    for (const form of present) rest = rest.replaceAll(form, MASK);
  }
  return null;
}

function spellings(secret: string): string[] {
  const inJson = JSON.stringify(secret).slice(1, -1);
  const encoded = encodeURIComponent(secret.toWellFormed());
  return [secret, inJson, inJson.replaceAll('/', '\\/'), JSON.stringify(inJson).slice(1, -1), encoded, encoded.replaceAll('%20', '+'), encoded.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase())];
}

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

const holds = (value: unknown, secrets: string[]): boolean =>
  typeof value === 'string' ? secrets.some((secret) => secret.length >= WIPED_FROM && value.includes(secret))
    : value !== null && typeof value === 'object' && Object.entries(value).some(([key, inner]) => holds(key, secrets) || holds(inner, secrets));

/** The length first: only a path that is looked up is put together, and one may be half of the body, around half of its values. */
function toldAt(told: Told[]): (path: string) => boolean {
  const paths = new Set(told.map(({ path }) => path));
  const longest = Math.max(0, ...[...paths].map((path) => path.length));
  return (path) => path.length <= longest && paths.has(path);
}

function scrubbed(value: unknown, secrets: string[], path: string, isTold: (path: string) => boolean): unknown {
  if (isTold(path)) return MASK;
  if (typeof value === 'string') return wiped(value, secrets) ?? MASK;
  if (Array.isArray(value)) return value.map((entry, index) => scrubbed(entry, secrets, `${path}.${index}`, isTold));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [wiped(key, secrets) ?? MASK, scrubbed(inner, secrets, path ? `${path}.${key}` : key, isTold)]));
}

/** What stands behind the names of secrets in a text that cannot be read otherwise. */
export function secretsInText(text: string, paths: ReadonlySet<string>): Told[] {
  const names = [...new Set([...paths].map((path) => path.slice(path.lastIndexOf('.') + 1)))].map((name) => name.replace(/[^a-z0-9_]/g, '\\$&'));
  const found: Told[] = [];
  for (const match of text.matchAll(new RegExp(`(?<![A-Za-z0-9_])(?:${names.join('|')})(\\\\{0,4}["']?\\s{0,8}[:=]\\s{0,8})(\\\\{0,4}["'])?`, 'gi'))) {
    const from = match.index + match[0].length;
    const quote = match[2];
    END_OF_WORD.lastIndex = from;
    const end = quote === undefined ? (END_OF_WORD.exec(text)?.index ?? -1) : text.indexOf(quote, from);
    const to = end < 0 ? text.length : end;
    found.push({ path: match[0], value: text.slice(from, to), from, to });
    if (found.length > SECRETS_MAX * 2) break;
  }
  return found;
}
