import { maskedBy, namesCredential, REMOVED } from '../../auth/credentials.js';
import { BadText, type Cell, type JsonCell, JsonNumber } from '../source/cell.js';
import { textOf } from '../source/file-bytes.js';
import { parseJson } from '../source/json-text.js';

/** Of these signs a text has no word of its own: between them stands what may be a secret that is known from elsewhere. */
const WORDS = /[^\s"'`,;:=&?{}[\]()<>|\\]+/g;
/** Digits and what stands between them in a time or a number: no secret, and what most texts of large tables are. */
export const FIGURES = /^[-+\d\s.:,/TZ]{0,36}$/;
/** Without one of these no pattern of `masked` and no name of a credential can be in a text. */
const HINTS = /pass|pwd|pw|secret|credential|otp|pin|key|auth|bearer|cookie|database|connection|dsn|token|private|sign|:\/\/|[?&](?:sig|signature)=|\btws?_|eyJ|(?:sk|pk|rk|ghp|gho|ghs|xox[abps]|github_pat|glpat)[-_]|AKIA|\d{6,12}:[\w-]{30}|pbkdf2|scrypt|\$(?:2[abxy]|argon2)/iu;
export const FIELDS = /pass|pwd|pw|secret|credential|otp|pin|key|auth|bearer|cookie|database|connection|dsn|token/i;
const PASSES_MOST = 5;
const LONG_VALUE = 'x'.repeat(12);
const HASHED = /^(?:.*[\s_.-])?(?:pass(?:word|wd)?|pwd|pin|secret|token|api[\s_.-]?key)[\s_.-]?(?:hash|salt|digest)$/i;

/** What brokers call the public number of an instrument. */
const PUBLIC = /^(?:instrument|exchange|symbol)_?tokens?$/i;

/** Whether a column or a field of this name may hold a credential, whatever it holds in one row. */
export const mayHoldSecret = (name: string): boolean => !PUBLIC.test(name) && (HASHED.test(name) || namesCredential(name, LONG_VALUE));

/** A field and its text in what is no document any more: cut, quoted once more, or with a byte that is no text. */
const QUOTE = String.raw`\\{0,3}(?:""?|')`;
const FIELD = new RegExp(String.raw`(?<between>${QUOTE}\s{0,9}:\s{0,9}${QUOTE})(?<value>[^"'\\]{1,512})`, 'gu');
/** Looked for where a field ends alone: from each letter of three megabytes it took five seconds. */
const NAME_BEFORE = /[A-Za-z][\w .-]{0,63}$/;
const PAIR = new RegExp(String.raw`(?<before>(?:name|key)${QUOTE}\s{0,9}:\s{0,9}${QUOTE}(?<name>[^"'\\]{1,64})${QUOTE}\s{0,9},\s{0,9}${QUOTE}value${QUOTE}\s{0,9}:\s{0,9}${QUOTE})(?<value>[^"'\\]{1,512})`, 'gu');

/** `DB_PASSWORD=xyz`, `password: xyz`: in the words of a person, a log or a file of settings. What is quoted begins as no JSON goes on after a text. */
const BARE = /(?<![\w.-])(?<name>[A-Za-z][\w.-]{0,63})(?<between>\s{0,9}[:=]\s{0,9})(?<value>"[^"\s,:}\]][^"\n]{0,512}"|'[^'\s,:}\]][^'\n]{0,512}'|[^\s"'`,;&{}[\]()<>|\\]{1,512})/gu;
const PASSWORD = /(?:pass(?:word|wd|phrase|code)|pwd)$/i;
/** Under another name a word may be meant: `secret: patience`. */
const isBareSecret = (name: string, value: string): boolean => isSecretOf(name, value) && !/^\*+$/.test(value) && (PASSWORD.test(name) || (value.length >= 8 && /\d/.test(value) && /[a-z]/i.test(value)));

/** `api_keys:` and below it, further in, a name for each; and `key: …` on a line of its own, as a file of settings has it. */
const HEAD = /^(?<indent> *)(?:- +)?["']?(?<name>[A-Za-z][\w .-]{0,63})["']?\s*:\s*(?:#.*)?\r?$/;
const ENTRY = /^(?<before> *(?:- +)?(?:["']?[\w .-]{1,64}["']?\s*:\s+)?)(?<value>[^\s#:[\]{}|>&*-][^\n#]{0,511}?)(?<after>\s*(?:#.*)?)$/;
/** Under `auth:` stand switches and limits too. */
const SWITCH = /^(?:true|false|yes|no|on|off|null|~|-?\d{1,6}(?:\.\d+)?)$/i;
const KEY_LINE = /^(?<before>\s*["']?key["']?\s*[:=]\s*["']?)(?<value>(?=[^\n]*\d)(?=[^\n]*[A-Za-z])[\w+/.-]{16,512})(?=["']?\s*$)/;

function withoutBlocks(text: string, instead: (value: string) => string): string {
  if (!text.includes('\n')) return text;
  let within = -1;
  return text.split('\n').map((line) => {
    const indent = /^ */.exec(line)?.[0].length ?? 0;
    if (line.trim() !== '' && indent <= within && !(indent === within && line.startsWith('- ', indent))) within = -1;
    const head = HEAD.exec(line);
    if (within === -1 && head?.groups && mayHoldSecret(head.groups.name ?? '')) within = head.groups.indent?.length ?? 0;
    else if (within !== -1 && head === null) return line.replace(ENTRY, (all: string, before: string, value: string, after: string) => (value.startsWith(REMOVED) || SWITCH.test(value) ? all : `${before}${instead(value.replace(/^["']|["']$/g, ''))}${after}`));
    return line.replace(KEY_LINE, (_all: string, before: string, value: string) => `${before}${instead(value)}`);
  }).join('\n');
}

/** In text that is not read as JSON. @param instead what stands for a value */
const withoutFields = (text: string, instead = (_value: string) => REMOVED): string => withoutBlocks(text, instead)
  .replace(BARE, (all: string, name: string, between: string, value: string) => (isBareSecret(name, value) ? `${name}${between}${instead(value)}` : all))
  .replace(PAIR, (all: string, before: string, name: string, value: string) => (value.trim() !== '' && isSecretOf(name, value) ? `${before}${instead(value)}` : all))
  .replace(FIELD, (all: string, between: string, value: string, at: number, whole: string) => (value.trim() !== '' && isSecretOf(NAME_BEFORE.exec(whole.slice(Math.max(0, at - 64), at))?.[0] ?? '', value) ? `${between}${instead(value)}` : all));

/** What stands under the name of a secret in a document that cannot be read as one. */
export const secretsOfBroken = (content: Cell): string[] => secretsOfWords(typeof content === 'string' ? content : content instanceof BadText ? Buffer.from(content.bytes).toString('utf8') : '');

/** The same in any text. */
export function secretsOfWords(text: string): string[] {
  const found: string[] = [];
  withoutFields(text, (value) => (found.push(value), value));
  return found;
}

export const isSecretOf = (name: string, value: unknown): boolean =>
  value !== REMOVED && !PUBLIC.test(name) && (HASHED.test(name) ? value !== null && value !== '' && typeof value !== 'boolean' : namesCredential(name, value));

/** Called with where in the cell something was removed: `''`, or `.secret` of a document. */
export type Found = (path: string) => void;

/** Removes what is a secret by its name inside a document, by how it looks, or because it is one elsewhere in this source. */
export class SecretTexts {
  /** The same few texts stand in a million rows. */
  private readonly clean = new Set<string>();

  constructor(private readonly known: ReadonlySet<string> = new Set()) {}

  /** @param paths in its JSON, which hold secrets whatever they look like */
  cell(cell: Cell, paths: readonly (readonly string[])[], found: Found): Cell {
    if (typeof cell === 'string') return this.text(cell, paths, found);
    if (cell === null || typeof cell !== 'object') return cell;
    if (cell instanceof BadText) return this.badText(cell, found);
    if (cell instanceof Uint8Array) return this.bytes(cell, found);
    return this.document(cell, paths, found);
  }

  private text(text: string, paths: readonly (readonly string[])[], found: Found): string {
    if (text.length < 6 || FIGURES.test(text) || this.clean.has(text)) return text;
    const safe = this.inText(text, paths, found);
    if (safe === text && text.length <= 64 && this.clean.size < 10_000) this.clean.add(text);
    return safe;
  }

  private inText(text: string, paths: readonly (readonly string[])[], found: Found): string {
    const opens = /^\s*[{[]/.test(text);
    if (opens && (paths.length > 0 || FIELDS.test(text))) {
      const document = parsed(text);
      if (document !== undefined) {
        const safe = this.document(document, paths, found);
        if (safe !== document) return JSON.stringify(safe);
      }
    }
    return this.words(text, found);
  }

  /** Between what was removed before: `?apikey=[secret removed]` has a blank in it, and the half before that would be a secret again. */
  private words(text: string, found: Found): string {
    let safe = text;
    // What is removed may leave a boundary at which the next is seen.
    for (let before = '', passes = 0; safe !== before && passes < PASSES_MOST; passes += 1) {
      before = safe;
      safe = before.includes(REMOVED) ? before.split(REMOVED).map((part) => this.inWords(part)).join(REMOVED) : this.inWords(before);
    }
    if (safe !== text) found('');
    return safe;
  }

  private inWords(text: string): string {
    let safe = HINTS.test(text) ? maskedBy(text, REMOVED) : text;
    if (FIELDS.test(text) && /[:=]/.test(text)) safe = safe.split(REMOVED).map((part) => withoutFields(part)).join(REMOVED);
    return this.known.size === 0 ? safe : safe.replace(WORDS, (word) => (this.known.has(word) ? REMOVED : word));
  }

  /** A text stays but for its secrets: it may be a whole file. What is above ASCII stands for letters meanwhile, so that no byte of one is the blank (A0) at which a secret ends. */
  private badText(cell: BadText, found: Found): Cell {
    const text = latin1(cell.bytes).replace(/[\x80-\xff]/g, (byte) => String.fromCharCode(byte.charCodeAt(0) + ABOVE_ASCII));
    const safe = this.words(text, found);
    // As UTF-16 a letter is two bytes, and no pattern sees a word.
    if (this.isSecret(safe.replaceAll('\0', ''))) return (found(''), REMOVED);
    return safe === text ? cell : textOf(safe.replace(/[\u0180-\u01ff]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) - ABOVE_ASCII)));
  }

  /** Bytes of which a part is a secret go whole: a part of them could not be read any more. */
  private bytes(cell: Uint8Array, found: Found): Cell {
    const text = latin1(cell);
    return this.isSecret(text) || this.isSecret(text.replaceAll('\0', '')) ? (found(''), REMOVED) : cell;
  }

  private isSecret(text: string): boolean {
    return this.words(text, () => undefined) !== text;
  }

  /** The same value where nothing was removed. */
  private document<T extends Cell>(value: T, paths: readonly (readonly string[])[], found: Found): T {
    if (value === null || typeof value !== 'object' || value instanceof JsonNumber) return (typeof value === 'string' ? this.text(value, [], found) : value) as T;
    const inner = Array.isArray(value) ? this.array(value, paths, found) : this.object(value as Record<string, JsonCell>, paths, found);
    return inner as T;
  }

  private array(value: JsonCell[], paths: readonly (readonly string[])[], found: Found): JsonCell[] {
    const safe = value.map((each) => this.document(each, paths, found));
    return safe.some((each, place) => each !== value[place]) ? safe : value;
  }

  private object(value: Record<string, JsonCell>, paths: readonly (readonly string[])[], found: Found): Record<string, JsonCell> {
    let changed = false;
    const isPair = ['name', 'key'].some((field) => typeof value[field] === 'string' && isSecretOf(value[field], value.value));
    // `{"key": …, "secret": …}`: the half that is no word of its own.
    const isHalf = (name: string, inner: JsonCell): boolean => name === 'key' && typeof inner === 'string' && inner.length >= 8 && !/\s/.test(inner) && Object.entries(value).some(([other, beside]) => other !== name && isSecretOf(other, beside));
    const entries = Object.entries(value).map(([name, inner]): [string, JsonCell] => {
      const below = paths.filter(([first]) => first === name).map((path) => path.slice(1));
      const isNamed = below.some((path) => path.length === 0) && inner !== null && inner !== '';
      if ((isNamed || isSecretOf(name, inner) || (isPair && name === 'value') || isHalf(name, inner)) && inner !== REMOVED) {
        changed = true;
        found(`.${name}`);
        return [name, REMOVED];
      }
      const safe = this.document(inner, below, (path) => found(`.${name}${path}`));
      changed ||= safe !== inner;
      return [name, safe];
    });
    return changed ? Object.fromEntries(entries) : value;
  }
}

/** To U+0180 and on: letters. */
const ABOVE_ASCII = 0x100;
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

export function parsed(text: string): JsonCell | undefined {
  try {
    const { value } = parseJson(text);
    return value;
  } catch {
    return undefined;
  }
}
