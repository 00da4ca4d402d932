import { maskedBy, namesCredential } from '../../auth/credentials.js';
import { BadText, type Cell, type JsonCell, JsonNumber } from '../source/cell.js';
import { parseJson } from '../source/json-text.js';

/** Stands where a secret stood, in everything that is stored, printed or written to a file. */
export const REMOVED = '[secret removed]';

/** Of these signs a text has no word of its own: between them stands what may be a secret that is known from elsewhere. */
const WORDS = /[^\s"'`,;:=&?{}[\]()<>|\\]+/g;
/** Digits and what stands between them in a time or a number: no secret, and what most texts of large tables are. */
const FIGURES = /^[-+\d\s.:,/TZ]{0,36}$/;
/** Without one of these no pattern of `masked` and no name of a credential can be in a text. */
const HINTS = /pass|pwd|pw|secret|credential|otp|pin|key|auth|bearer|cookie|database|connection|dsn|token|private|:\/\/|[?&](?:sig|signature)=|\btws?_|eyJ|(?:sk|pk|rk|ghp|gho|ghs|xox[abps]|github_pat|glpat)[-_]|AKIA|\d{6,12}:[\w-]{30}/iu;
const FIELDS = /pass|pwd|pw|secret|credential|otp|pin|key|auth|bearer|cookie|database|connection|dsn|token/i;
const PASSES_MOST = 5;
const LONG_VALUE = 'x'.repeat(12);
const HASHED = /^(?:.*_)?(?:pass(?:word|wd)?|pwd|pin|secret|token|api_?key)_?(?:hash|salt|digest)$/i;

/** What brokers call the public number of an instrument. */
const PUBLIC = /^(?:instrument|exchange|symbol)_?tokens?$/i;

/** Whether a column or a field of this name may hold a credential, whatever it holds in one row. */
export const mayHoldSecret = (name: string): boolean => !PUBLIC.test(name) && (HASHED.test(name) || namesCredential(name, LONG_VALUE));

/** A field and its text in what is no document any more: cut, quoted once more, or with a byte that is no text. */
const QUOTE = String.raw`\\{0,3}(?:""?|')`;
const FIELD = new RegExp(String.raw`(?<name>[A-Za-z][\w .-]{0,63})(?<between>${QUOTE}\s{0,9}:\s{0,9}${QUOTE})(?<value>[^"'\\]{1,512})`, 'gu');
const PAIR = new RegExp(String.raw`(?<before>(?:name|key)${QUOTE}\s{0,9}:\s{0,9}${QUOTE}(?<name>[^"'\\]{1,64})${QUOTE}\s{0,9},\s{0,9}${QUOTE}value${QUOTE}\s{0,9}:\s{0,9}${QUOTE})(?<value>[^"'\\]{1,512})`, 'gu');

/** In text that is not read as JSON. */
const withoutFields = (text: string): string => text
  .replace(PAIR, (all: string, before: string, name: string, value: string) => (value.trim() !== '' && isSecretOf(name, value) ? `${before}${REMOVED}` : all))
  .replace(FIELD, (all: string, name: string, between: string, value: string) => (value.trim() !== '' && isSecretOf(name, value) ? `${name}${between}${REMOVED}` : all));

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
    if (cell instanceof BadText) return this.bytes(cell, cell.bytes, found);
    if (cell instanceof Uint8Array) return this.bytes(cell, cell, found);
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
    if (FIELDS.test(text) && text.includes(':')) safe = safe.split(REMOVED).map(withoutFields).join(REMOVED);
    return this.known.size === 0 ? safe : safe.replace(WORDS, (word) => (this.known.has(word) ? REMOVED : word));
  }

  /** Bytes of which a part is a secret go whole: a part of them could not be read any more. */
  private bytes<T extends Cell>(cell: T, bytes: Uint8Array, found: Found): T | string {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 1 << 20)).toString('latin1');
    return this.words(text, () => undefined) === text ? cell : (found(''), REMOVED);
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
    const entries = Object.entries(value).map(([name, inner]): [string, JsonCell] => {
      const below = paths.filter(([first]) => first === name).map((path) => path.slice(1));
      const isNamed = below.some((path) => path.length === 0) && inner !== null && inner !== '';
      if ((isNamed || isSecretOf(name, inner) || (isPair && name === 'value')) && inner !== REMOVED) {
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

export function parsed(text: string): JsonCell | undefined {
  try {
    const { value } = parseJson(text);
    return value;
  } catch {
    return undefined;
  }
}
