import { type JsonCell, JsonNumber } from './cell.js';

/** A text that is no JSON, or nests deeper than is read. */
export class JsonBroken extends Error {}

export interface JsonDocument {
  value: JsonCell;
  /** Of names that stand twice, and of numbers that JSON does not have. */
  notes: { code: string; sentence: string }[];
}

/** Beyond it no old system nests; a million brackets would end the process. */
const DEPTH_MOST = 200;
const NOTES_MOST = 20;

/** As RFC 8259 has it, and as Python writes it, which has NaN and Infinity too. */
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null|NaN|-?Infinity/y;
const BLANK = /[ \t\n\r]*/y;

/**
 * JSON as it is written: numbers keep their digits, and a name that stands twice is said (the last counts, as everywhere).
 * @throws {JsonBroken}
 */
export const parseJson = (text: string): JsonDocument => {
  const reader = new Reader(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  return { value: reader.document(), notes: reader.notes };
};

class Reader {
  readonly notes: JsonDocument['notes'] = [];
  private at = 0;

  constructor(private readonly text: string) {}

  document(): JsonCell {
    const value = this.value(0);
    this.blank();
    if (this.at < this.text.length) this.broken('the end');
    return value;
  }

  private value(depth: number): JsonCell {
    this.blank();
    const sign = this.text[this.at];
    if (sign === '"') return this.string();
    if (sign === '{' || sign === '[') {
      if (depth >= DEPTH_MOST) throw new JsonBroken(`nests deeper than ${DEPTH_MOST} at character ${this.at + 1}`);
      return sign === '{' ? this.object(depth + 1) : this.array(depth + 1);
    }
    const word = this.take(WORD);
    if (word === null) {
      const number = this.take(NUMBER);
      return number === null ? this.broken('a value') : new JsonNumber(number);
    }
    if (word === 'null') return null;
    if (word === 'true' || word === 'false') return word === 'true';
    this.say('JSON_NOT_FINITE', `${word} is no number of JSON; kept as its text`);
    return word;
  }

  private object(depth: number): JsonCell {
    this.at += 1;
    const found: Record<string, JsonCell> = {};
    if (this.next('}')) return found;
    do {
      this.blank();
      if (this.text[this.at] !== '"') this.broken('a name');
      const name = this.string();
      if (!this.next(':')) this.broken('":"');
      const value = this.value(depth);
      if (Object.hasOwn(found, name)) this.say('JSON_NAME_TWICE', `${JSON.stringify(name.slice(0, 60))} stands twice; the last is taken`);
      // `__proto__` is a name like any other here.
      if (name === '__proto__') Object.defineProperty(found, name, { value, enumerable: true, writable: true, configurable: true });
      else found[name] = value;
    } while (this.next(','));
    if (!this.next('}')) this.broken('"," or "}"');
    return found;
  }

  private array(depth: number): JsonCell[] {
    this.at += 1;
    const found: JsonCell[] = [];
    if (this.next(']')) return found;
    do found.push(this.value(depth));
    while (this.next(','));
    if (!this.next(']')) this.broken('"," or "]"');
    return found;
  }

  /** To the first quote that no odd number of backslashes stands before; by a regular expression a megabyte would need a megabyte of stack. */
  private string(): string {
    let end = this.text.indexOf('"', this.at + 1);
    while (end !== -1 && this.isEscaped(end)) end = this.text.indexOf('"', end + 1);
    if (end === -1) return this.broken('a text that ends');
    try {
      const value = JSON.parse(this.text.slice(this.at, end + 1)) as string;
      this.at = end + 1;
      return value;
    } catch {
      return this.broken('a text of JSON');
    }
  }

  private isEscaped(quote: number): boolean {
    let before = quote - 1;
    while (this.text[before] === '\\') before -= 1;
    return (quote - before) % 2 === 0;
  }

  private next(sign: string): boolean {
    this.blank();
    if (this.text[this.at] !== sign) return false;
    this.at += 1;
    return true;
  }

  private blank(): void {
    BLANK.lastIndex = this.at;
    BLANK.test(this.text);
    this.at = BLANK.lastIndex;
  }

  private take(form: RegExp): string | null {
    form.lastIndex = this.at;
    const found = form.exec(this.text)?.[0] ?? null;
    if (found !== null) this.at += found.length;
    return found;
  }

  private say(code: string, sentence: string): void {
    if (this.notes.length < NOTES_MOST) this.notes.push({ code, sentence });
  }

  private broken(expected: string): never {
    const there = this.text.slice(this.at, this.at + 20);
    throw new JsonBroken(`expected ${expected} at character ${this.at + 1}, not ${there === '' ? 'the end' : JSON.stringify(there)}`);
  }
}
