import { REMOVED } from '../../auth/credentials.js';
import { BadText, type Cell, JsonNumber } from '../source/cell.js';
import { FIELDS, FIGURES, isSecretOf, parsed, secretsOfWords } from './secret-texts.js';

const OF_URL = /[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@]{0,256}:(?<password>[^\s/@]{1,512})@/giu;

/** `postgres://trader:pw@db/ai`: as it is written, and as it was meant. */
function passwordsIn(text: string): string[] {
  if (!text.includes('://') || !text.includes('@')) return [];
  return [...text.matchAll(OF_URL)].flatMap(({ groups }) => {
    const written = groups?.password ?? '';
    const meant = written.includes('%') ? decoded(written) : written;
    return meant === written ? [written] : [written, meant];
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Secrets that a cell holds under their names: in its document at any depth, in its words, in a URL. Each is looked for in every
 * other text of the source: a password of `config` stands once more in what the broker answered.
 */
export function secretsInside(cell: Cell): string[] {
  const found: string[] = [];
  look(cell, found);
  return found;
}

/** The same of a cell that is a secret whole: settings keep theirs as JSON, `"xyz"` or `{"id": …, "secret": …}`. */
export function secretsOfWhole(cell: Cell): string[] {
  const found: string[] = [];
  const document = typeof cell === 'string' && /^\s*["{[]/.test(cell) ? parsed(cell) : undefined;
  look(document ?? cell, found, true);
  return typeof cell === 'string' && document !== undefined ? [cell, ...found] : found;
}

/** @param isNamed below the name of a secret: `api_keys: {broker: …}` */
function look(cell: Cell, found: string[], isNamed = false): void {
  if (typeof cell === 'string') return isNamed ? void found.push(cell, ...passwordsIn(cell)) : inText(cell, found);
  if (cell === null || typeof cell !== 'object' || cell instanceof JsonNumber || cell instanceof BadText || cell instanceof Uint8Array) return;
  if (Array.isArray(cell)) return cell.forEach((each) => look(each, found, isNamed));
  const entries = Object.entries(cell as Record<string, Cell>);
  const isPair = entries.some(([name, value]) => (name === 'name' || name === 'key') && typeof value === 'string' && isSecretOf(value, (cell as Record<string, Cell>).value));
  for (const [name, value] of entries) look(value, found, isNamed || isSecretOf(name, value) || (isPair && name === 'value'));
}

function inText(text: string, found: string[]): void {
  if (text.length < 6 || FIGURES.test(text)) return;
  found.push(...passwordsIn(text));
  if (!FIELDS.test(text)) return;
  const document = /^\s*[{[]/.test(text) ? parsed(text) : undefined;
  if (document !== undefined) look(document, found);
  else if (/[:=]/.test(text)) found.push(...secretsOfWords(text).map((secret) => secret.replace(/^(["'])(.*)\1$/s, '$2')).filter((secret) => !REMOVED.startsWith(secret)));
}
